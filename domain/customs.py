"""Customs: what is on record of goods sold across a border, and what may be claimed back when they come back.

A claim is somebody's money with a deadline: relief when goods come home (nothing is charged again), duty and tax paid back when
they leave the country again or the sale is corrected. Which claims there are is data with sources (policies/customs.toml); what is
possible for one return, until when, for whom, and which proof is still missing, is said here.

Duty in the refund: who sold delivered duty paid (DDP) took it as part of the price, and the price goes back with everything in it
(Directive 2011/83/EU, art. 13(1)); who sold unpaid (DDU) never had it, so the shopper asks customs for it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from domain.errors import Conflict, Invalid
from domain.explain import Decision
from domain.fees import Bearer
from domain.market import Confidence
from domain.money import Money, share

PER_CENT = 100
MONTHS = 12
HS_FORM = re.compile(r"[0-9]{6,10}")
IOSS_FORM = re.compile(r"IM[0-9]{10}")
MRN_FORM = re.compile(r"[0-9]{2}[A-Z]{2}[A-Z0-9]{14}|[0-9]{18}")
FULL_HS_DIGITS = 8


class HsCodeMalformed(Invalid):
    code = "hs_code_malformed"
    next_action = "Send the commodity code as 6 to 10 digits, without dots or blanks."


class IossNumberMalformed(Invalid):
    code = "ioss_number_malformed"
    next_action = "Send the IOSS number as IM and ten digits."


class DeclarationNumberMalformed(Invalid):
    code = "declaration_number_malformed"
    next_action = (
        "Send the export declaration's 18 characters: a European MRN (year, country, 14 characters) or 18 digits."
    )


class ChargesPaidByNobody(Invalid):
    code = "charges_paid_by_nobody"
    next_action = "Say in which currency duty and import tax were paid, and by whom."


class ClaimNotOpen(Conflict):
    code = "claim_not_open"
    next_action = "Read the claim again: it was filed or ended already."


class ClaimNotFiled(Conflict):
    code = "claim_not_filed"
    next_action = "Note the filing first, with the authority's reference; then what came of it."


class ClaimOverdue(Conflict):
    code = "claim_overdue"
    next_action = "The authority's time has passed. End the claim as rejected, with the reason."


class AnotherClaimFiled(Conflict):
    code = "another_claim_filed"
    next_action = "Duty is claimed back once: end the other claim of the line first, or end this one as rejected."


class Incoterm(StrEnum):
    """Who owes duty and import tax at the border: the seller (delivered duty paid) or the shopper (unpaid)."""

    DDP = "DDP"
    DDU = "DDU"


class Payer(StrEnum):
    """Who paid duty and import tax."""

    SHOPPER = "shopper"
    MERCHANT = "merchant"
    CARRIER = "carrier"
    PLATFORM = "platform"


class Movement(StrEnum):
    """What has to happen to the goods for a claim to arise."""

    REIMPORT = "reimport"  # they come back to the country they were exported from
    REEXPORT = "reexport"  # they leave the country into which they were imported
    CORRECTION = "correction"  # the sale is taken back; where the goods go is another matter


class CountsFrom(StrEnum):
    """The day from which a claim's time runs."""

    EXPORTED = "exported"
    IMPORTED = "imported"
    RETURNED = "returned"


class Condition(StrEnum):
    """How the goods must be for a claim."""

    ANY = "any"
    UNALTERED = "unaltered"
    UNUSED = "unused"
    NOT_AS_ORDERED = "not_as_ordered"


class Proof(StrEnum):
    """What an authority asks for, by the names under which it stands on the record."""

    EXPORTED_ON = "exported_on"
    IMPORTED_ON = "imported_on"
    EXPORT_DECLARATION = "export_declaration"
    IMPORT_DECLARATION = "import_declaration"
    IOSS_NUMBER = "ioss_number"
    PROOF_OF_EXPORT = "proof_of_export"
    RETURN_DOCUMENT = "return_document"
    INVOICE_NUMBER = "invoice_number"
    TRACKING = "tracking"
    FULL_HS_CODE = "full_hs_code"  # eight digits or more
    GOODS_RECEIVED = "goods_received"  # the dock has them


class ClaimStatus(StrEnum):
    """What has become of a claim. Open ones are nobody's debt yet; filed ones are owed; the others are over."""

    OPEN = "open"
    FILED = "filed"
    RECOVERED = "recovered"
    REJECTED = "rejected"


@dataclass(frozen=True)
class CustomsRecord:
    """What customs was told of one order line when it was exported, and what was paid there. Money in minor units.

    `declared` is the value of the whole line as the original export declared it; `duty` and `import_tax` were paid for the
    whole line too. `returns_to` is where goods of this order come back to: the country they were exported from unless said.
    """

    order_id: str
    order_line_id: str
    exported_from: str
    imported_into: str
    returns_to: str
    hs_code: str
    description: str
    origin: str
    declared: Money
    incoterm: Incoterm
    material: str | None = None
    unit_weight_grams: int | None = None
    procedure: str | None = None
    exported_on: date | None = None
    imported_on: date | None = None
    export_declaration: str | None = None
    import_declaration: str | None = None
    ioss_number: str | None = None
    duty_minor: int = 0
    import_tax_minor: int = 0
    paid_currency: str | None = None
    paid_by: Payer | None = None
    proof_of_export: str | None = None
    return_document: str | None = None
    carrier: str | None = None
    tracking: str | None = None
    shipped_on: date | None = None
    invoice_number: str | None = None
    invoiced_on: date | None = None
    reason_for_export: str | None = None
    food: bool = False

    @property
    def currency(self) -> str:
        """In which charges were paid; of the declared value where nothing was."""
        return self.paid_currency or self.declared.currency


def check_record(record: CustomsRecord, pointer: str = "") -> None:
    """Raise the named error of the first thing that cannot be right; `pointer` is the line's place, what holds for all lines is told once.

    Import declarations have a form of their own in each country, so any is taken.
    """
    if not HS_FORM.fullmatch(record.hs_code):
        raise HsCodeMalformed(f"{record.hs_code!r} is no commodity code.", pointer=f"{pointer}/hs_code")
    if record.ioss_number is not None and not IOSS_FORM.fullmatch(record.ioss_number):
        raise IossNumberMalformed(f"{record.ioss_number!r} is no IOSS number.", pointer="/ioss_number")
    if record.export_declaration is not None and not MRN_FORM.fullmatch(record.export_declaration):
        raise DeclarationNumberMalformed(
            f"{record.export_declaration!r} is no number of an export declaration.",
            pointer="/export_declaration",
        )
    if record.duty_minor + record.import_tax_minor and not (record.paid_currency and record.paid_by):
        raise ChargesPaidByNobody(
            f"Line {record.order_line_id} has duty or import tax that nobody paid.", pointer="/paid_by"
        )


# --- which claims are possible ---


@dataclass(frozen=True)
class Period:
    """A length of time: so many days, or calendar months (a year is twelve)."""

    days: int = 0
    months: int = 0

    def after(self, start: date) -> date:
        """The last day of the period. The last day of a month stands for days that it has not.

        >>> Period(months=6).after(date(2026, 8, 31))
        datetime.date(2027, 2, 28)
        """
        if not self.months:
            return start + timedelta(days=self.days)
        month = start.year * MONTHS + start.month - 1 + self.months
        year, month = divmod(month, MONTHS)
        last = (date(year + (month + 1) // MONTHS, (month + 1) % MONTHS + 1, 1) - timedelta(days=1)).day
        return date(year, month + 1, min(start.day, last))


@dataclass(frozen=True)
class ClaimRule:
    """One relief, refund or correction, as law or practice gives it.

    countries     whose authority it is; `union` for the European Union, whatever member the goods touch
    limit         None: until the end of the month after the one in which the goods came back (a tax return's own period)
    relief        a charge is spared at the border rather than paid back: nothing is expected to be received
    duty, tax     which charges it is about, `percent` of them
    goods_within  the goods must be back by then, where there is such a day beside the deadline
    claimant      who asks: the merchant (as exporter or importer of record), the carrier, the platform, or the shopper
    recovered_for whose money it is; None: whoever paid the charges
    procedures    customs procedures of the original export or import; empty = any
    ioss          only for goods sold under IOSS (True), only for others (False), or either (None)
    paid_by       only where one of these paid; empty = any
    exported_from_day, exported_to_day   only for goods exported between
    doubts        what of it is from memory or practice
    """

    name: str
    title: str
    authority: str
    countries: frozenset[str]
    union: bool
    movement: Movement
    relief: bool
    duty: bool
    tax: bool
    percent: int
    limit: Period | None
    counts_from: CountsFrom
    condition: Condition
    needs: tuple[Proof, ...]
    claimant: Bearer
    recovered_for: Bearer | None
    source: str
    confidence: Confidence
    goods_within: Period | None = None
    procedures: frozenset[str] = frozenset()
    ioss: bool | None = None
    food: bool = True
    paid_by: frozenset[Payer] = frozenset()
    exported_from_day: date | None = None
    exported_to_day: date | None = None
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClaimRules:
    """All of them, and who belongs to the European Union: between its members there is no customs border."""

    rules: tuple[ClaimRule, ...]
    eu_members: frozenset[str]

    def same_territory(self, one: str, other: str) -> bool:
        return one == other or {one, other} <= self.eu_members

    def covers(self, rule: ClaimRule, country: str) -> bool:
        return country in rule.countries or (rule.union and country in self.eu_members)


@dataclass(frozen=True)
class GoodsBack:
    """Units of one line that came back, as far as customs asks about them.

    `units_before` of the line were claimed for in earlier returns; `received_on` is None while they are on their way.
    """

    units: int
    line_units: int
    units_before: int = 0
    returned_on: date = date.min
    received_on: date | None = None
    altered: bool = False
    used: bool = False
    not_as_ordered: bool = False


@dataclass(frozen=True)
class PossibleClaim:
    """A claim that may be made. `deadline` is None while the day that it counts from is not on the record."""

    rule: ClaimRule
    deadline: date | None
    expected: Money
    recovered_for: Bearer


def possible_claims(record: CustomsRecord, goods: GoodsBack, rules: ClaimRules) -> tuple[PossibleClaim, ...]:
    """What may be claimed for these units; nothing inside one customs territory. Claims whose time was over are left out."""
    if goods.units < 1 or rules.same_territory(record.exported_from, record.imported_into):
        return ()
    found = []
    for rule in rules.rules:
        if not _applies(rule, record, goods, rules):
            continue
        deadline = deadline_of(rule, record, goods.returned_on)
        if deadline is not None and deadline < goods.returned_on:
            continue
        expected = expected_of(rule, record, goods)
        if not rule.relief and not expected:
            continue  # nothing was paid, so nothing comes back
        found.append(PossibleClaim(rule, deadline, expected, rule.recovered_for or payer_of(record)))
    return tuple(found)


def payer_of(record: CustomsRecord) -> Bearer:
    return Bearer(record.paid_by) if record.paid_by else Bearer.MERCHANT


def _applies(rule: ClaimRule, record: CustomsRecord, goods: GoodsBack, rules: ClaimRules) -> bool:
    match rule.movement:
        case Movement.REIMPORT:
            moved = (
                rules.covers(rule, record.exported_from)
                and rules.same_territory(record.exported_from, record.returns_to)
            )  # fmt: skip
        case Movement.REEXPORT:
            moved = rules.covers(rule, record.imported_into) and not rules.same_territory(
                record.imported_into, record.returns_to
            )
        case Movement.CORRECTION:
            moved = rules.covers(rule, record.imported_into)
    exported = record.exported_on
    return (
        moved
        and _fits(rule.condition, goods)
        and (not rule.procedures or record.procedure in rule.procedures)
        and (rule.ioss is None or rule.ioss == (record.ioss_number is not None))
        and (rule.food or not record.food)
        and (not rule.paid_by or record.paid_by in rule.paid_by)
        and (rule.exported_from_day is None or (exported is not None and exported >= rule.exported_from_day))
        and (rule.exported_to_day is None or (exported is not None and exported <= rule.exported_to_day))
        and not _too_late_back(rule, record, goods)
    )


def _fits(condition: Condition, goods: GoodsBack) -> bool:
    match condition:
        case Condition.ANY:
            return True
        case Condition.UNALTERED:
            return not goods.altered
        case Condition.UNUSED:
            return not goods.used and not goods.altered
        case Condition.NOT_AS_ORDERED:
            return goods.not_as_ordered


def _too_late_back(rule: ClaimRule, record: CustomsRecord, goods: GoodsBack) -> bool:
    start = _start(rule, record, goods.returned_on)
    if rule.goods_within is None or start is None:
        return False
    return (goods.received_on or goods.returned_on) > rule.goods_within.after(start)


def deadline_of(rule: ClaimRule, record: CustomsRecord, returned_on: date) -> date | None:
    """The last day on which the claim can be made; None where the record lacks the day that it counts from."""
    start = _start(rule, record, returned_on)
    if start is None:
        return None
    if rule.limit is not None:
        return rule.limit.after(start)
    two_months_on = Period(months=2).after(start.replace(day=1))
    return two_months_on - timedelta(days=1)


def _start(rule: ClaimRule, record: CustomsRecord, returned_on: date) -> date | None:
    match rule.counts_from:
        case CountsFrom.EXPORTED:
            return record.exported_on
        case CountsFrom.IMPORTED:
            return record.imported_on
        case CountsFrom.RETURNED:
            return returned_on


def expected_of(rule: ClaimRule, record: CustomsRecord, goods: GoodsBack) -> Money:
    """What the claim should bring: the charges' share of these units, cumulatively, so that all of a line's claims add up to them."""
    if rule.relief:
        return Money.zero(record.currency)
    charges = (record.duty_minor if rule.duty else 0) + (record.import_tax_minor if rule.tax else 0)
    whole = PER_CENT * goods.line_units
    before, after = (
        share(charges, rule.percent * min(units, goods.line_units), whole)
        for units in (goods.units_before, goods.units_before + goods.units)
    )
    return Money(after - before, record.currency)


def missing_proofs(needs: Sequence[str], record: CustomsRecord, *, received: bool) -> tuple[Proof, ...]:
    """Which of the proofs that the authority asks for are not there yet."""

    def there(proof: Proof) -> bool:
        match proof:
            case Proof.FULL_HS_CODE:
                return len(record.hs_code) >= FULL_HS_DIGITS
            case Proof.GOODS_RECEIVED:
                return received
        return bool(getattr(record, proof))

    return tuple(proof for proof in map(Proof, needs) if not there(proof))


def is_overdue(status: str, deadline: date | None, today: date) -> bool:
    """An open claim whose time has passed. Nothing happens by itself then: it stays in the list until a person ends it."""
    return status == ClaimStatus.OPEN and deadline is not None and deadline < today


# --- duty in the refund ---

PART_OF_THE_PRICE = (
    "Directive 2011/83/EU, art. 13(1): all payments received from the consumer; sold delivered duty paid"
)
BETWEEN_SHOPPER_AND_CUSTOMS = (
    "house rule: what the shop never received it does not give back; sold delivered duty unpaid"
)


def duty_decision(record: CustomsRecord) -> Decision:
    """What becomes of duty and import tax of a line, in the words of the explanation."""
    inputs = [
        ("line", record.order_line_id),
        ("from", record.exported_from),
        ("to", record.imported_into),
        ("incoterm", str(record.incoterm)),
    ]
    for name, minor in (("duty", record.duty_minor), ("import tax", record.import_tax_minor)):
        if minor:
            inputs.append((name, f"{Money(minor, record.currency)}, paid by the {record.paid_by}"))
    if record.incoterm is Incoterm.DDP:
        answer = "they were part of the price paid to the shop, and go back with it"
        rule, source = "duty_in_the_price", PART_OF_THE_PRICE
    else:
        answer = "they stay between the shopper and customs: the shopper claims them there"
        rule, source = "duty_between_shopper_and_customs", BETWEEN_SHOPPER_AND_CUSTOMS
    return Decision("What becomes of duty and import tax?", answer, rule, source, tuple(inputs))
