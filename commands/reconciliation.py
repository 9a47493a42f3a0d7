"""Reconciling a demo: what was expected, what our books say, and what the provider's books say, compared to the penny.

Three sources that know nothing of each other: the published matches of the data (what each return should bring, and why the others
should bring nothing), our database (cases, refunds, ledger), and the payment provider's own list of refunds. `reconcile` is a pure
function of the three; every way in which they can disagree has a name.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from domain.ledger import PAYABLE_SHOPPER
from domain.money import Money, format_minor
from domain.reconciliation import DifferenceKind, OurRefund, ProviderRefund, differences
from domain.stages import ENDS, Stage

CLEARING = "clearing:payments:"
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Kind(StrEnum):
    """What can disagree."""

    NOT_OPENED = "not opened"
    NOT_FINISHED = "not finished"
    REFUND_AMOUNT = "refund is not what was paid for the goods"
    MATCH = "units taken from other purchases than published"
    UNMATCHED = "units without a purchase, or their reason, are not as published"
    BOOKS_OF_CASE = "the case's refund is not the sum of its tender refunds"
    NOT_AT_PROVIDER = "refunded in our books, unknown to the provider"
    NOT_IN_OUR_BOOKS = "paid by the provider, unknown to our books"
    PROVIDER_AMOUNT = "the provider paid another amount"
    PROVIDER_STATUS = "the provider says otherwise of the refund"
    PAID_TWICE = "the provider paid twice under one refund id"
    LEDGER_UNBALANCED = "the ledger does not sum to zero"
    LEDGER_OWES = "the ledger still owes the shopper"
    LEDGER_AMOUNT = "the ledger has another amount sent back"
    SUMS = "the sums do not agree"


# What the rule of every day's reconciliation calls it.
KIND_OF: Mapping[DifferenceKind, Kind] = {
    DifferenceKind.DOUBLED: Kind.PAID_TWICE,
    DifferenceKind.UNKNOWN_TO_US: Kind.NOT_IN_OUR_BOOKS,
    DifferenceKind.UNKNOWN_TO_PROVIDER: Kind.NOT_AT_PROVIDER,
    DifferenceKind.OTHER_AMOUNT: Kind.PROVIDER_AMOUNT,
    DifferenceKind.OTHER_CURRENCY: Kind.PROVIDER_AMOUNT,
    DifferenceKind.OTHER_STATUS: Kind.PROVIDER_STATUS,
}


@dataclass(frozen=True)
class Difference:
    """One disagreement: what kind, about what, and both sides of it; `minor` is the money in it."""

    kind: Kind
    about: str
    said: str
    minor: int = 0

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}: {self.said}"


@dataclass(frozen=True)
class Expected:
    """What the published data says of one cancellation: units by purchase (order id, line id), what was paid for them, units by reason.

    `groups` are those whose sums it counts in: its month, its customer, its country.
    """

    cancellation_id: str
    matched: Mapping[tuple[str, str], int] = field(default_factory=dict)
    unmatched: Mapping[str, int] = field(default_factory=dict)
    paid_minor: int = 0
    groups: tuple[str, ...] = ()


@dataclass
class Sums:
    """What one month, customer or country comes to by each side, in minor units, and how many returns and units."""

    returns: int = 0
    units: int = 0
    published: int = 0
    engine: int = 0
    ledger: int = 0
    provider: int = 0

    @property
    def agree(self) -> bool:
        return self.published == self.engine == self.ledger == self.provider


@dataclass(frozen=True)
class FoundCase:
    """What our database says of the return that a cancellation became."""

    case_id: str
    rma: str
    stage: str
    refunded_minor: int
    matched: Mapping[tuple[str, str], int] = field(default_factory=dict)
    unmatched: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundRefund:
    """A refund over one tender, in our books or the provider's; `id` is ours in both."""

    id: str
    case_id: str | None
    status: str
    amount_minor: int
    currency: str
    goodwill: bool = False  # beyond what the goods brought back


@dataclass(frozen=True)
class FoundPosting:
    """What one account stands at for one case."""

    case_id: str
    account: str
    amount_minor: int


@dataclass(frozen=True)
class Books:
    """The three sides. `provider` may list refunds of other returns: those of cases in `other_cases` are none of ours."""

    currency: str
    expected: Sequence[Expected]
    cases: Mapping[str, FoundCase]  # by cancellation id
    refunds: Sequence[FoundRefund]
    postings: Sequence[FoundPosting]
    provider: Sequence[FoundRefund]
    other_cases: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Reconciled:
    """The result: returns opened and finished, what our books and the provider's say was refunded, and every difference."""

    returns: int
    refunded: Money
    provider: Money
    ledger_minor: int
    differences: tuple[Difference, ...]
    sums: Mapping[str, Sums] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        return not self.differences

    def sentence(self) -> str:
        """The last line of a demo."""
        currency = self.refunded.currency
        off = sum(abs(difference.minor) for difference in self.differences)
        what = "reconciled" if self.agrees else "not reconciled"
        ends = "difference 0" if self.agrees else f"{len(self.differences)} differences of {Money(off, currency)}"
        ledger = format_minor(self.ledger_minor, currency) if self.ledger_minor else "0"
        return f"{what}: {self.returns} returns, refunded {self.refunded}, provider {self.provider}, ledger {ledger}, {ends}"


def reconcile(books: Books) -> Reconciled:
    """Compare the three sides; differences are in the order of the returns, then those that belong to none."""
    ours = _by_case(books.refunds)
    of_case_id = {case.case_id: case for case in books.cases.values()}
    theirs = [refund for refund in books.provider if refund.case_id not in books.other_cases]
    ledger = _ledger(books.postings)
    found: list[Difference] = []
    for expected in books.expected:
        case = books.cases.get(expected.cancellation_id)
        found += _of_return(expected, case, books.currency)
        if case:
            found += _of_books(case, ours.get(case.case_id, ()), ledger.get(case.case_id, {}), books.currency)
    found += _of_provider(books.refunds, theirs, of_case_id)
    sums = _sums(books, theirs, ledger)
    found += [
        Difference(
            Kind.SUMS,
            group,
            f"published {one.published}, engine {one.engine}, ledger {one.ledger}, provider {one.provider}",
        )
        for group, one in sums.items()
        if not one.agree
    ]
    # What the ledger says was sent back and still is owed must be what our refunds say, both ways; zero when it is.
    booked = -sum(posting.amount_minor for posting in books.postings if posting.account.startswith(CLEARING))
    owed = -sum(posting.amount_minor for posting in books.postings if posting.account == PAYABLE_SHOPPER)
    refunded = sum(refund.amount_minor for refund in books.refunds if refund.status == "succeeded")
    paid = sum(refund.amount_minor for refund in theirs if refund.status == "succeeded")
    balance = sum(posting.amount_minor for posting in books.postings)
    return Reconciled(
        returns=sum(1 for case in books.cases.values() if case.stage in ENDS),
        refunded=Money(refunded, books.currency),
        provider=Money(paid, books.currency),
        ledger_minor=balance or owed or booked - refunded,
        differences=tuple(found),
        sums=sums,
    )


def _sums(books: Books, theirs: Sequence[FoundRefund], ledger: Mapping[str, Mapping[str, int]]) -> dict[str, Sums]:
    """The sums of every month, customer and country, by all four sides."""
    paid: Counter[str] = Counter()
    for refund in theirs:
        if refund.status == "succeeded":
            paid[refund.case_id or ""] += refund.amount_minor
    sums: dict[str, Sums] = defaultdict(Sums)
    for expected in books.expected:
        case = books.cases.get(expected.cancellation_id)
        for group in expected.groups:
            one = sums[group]
            one.published += expected.paid_minor
            if case is None:
                continue
            one.returns += 1
            one.units += sum(case.matched.values())
            one.engine += case.refunded_minor
            one.provider += paid[case.case_id]
            accounts = ledger.get(case.case_id, {})
            one.ledger -= sum(minor for account, minor in accounts.items() if account.startswith(CLEARING))
    return dict(sorted(sums.items()))


def _of_return(expected: Expected, case: FoundCase | None, currency: str) -> Iterable[Difference]:
    about = f"cancellation {expected.cancellation_id}"
    if case is None:
        yield Difference(
            Kind.NOT_OPENED, about, f"{Money(expected.paid_minor, currency)} expected", expected.paid_minor
        )
        return
    about = f"{case.rma} of {about}"
    if case.stage not in ENDS:
        yield Difference(Kind.NOT_FINISHED, about, f"it stands at {case.stage}")
    if case.refunded_minor != expected.paid_minor:
        said = f"{Money(case.refunded_minor, currency)} refunded, {Money(expected.paid_minor, currency)} expected"
        yield Difference(Kind.REFUND_AMOUNT, about, said, case.refunded_minor - expected.paid_minor)
    if dict(case.matched) != dict(expected.matched):
        yield Difference(Kind.MATCH, about, _two_counts(case.matched, expected.matched))
    if dict(case.unmatched) != dict(expected.unmatched):
        yield Difference(Kind.UNMATCHED, about, _two_counts(case.unmatched, expected.unmatched))


def _of_books(
    case: FoundCase, refunds: Sequence[FoundRefund], accounts: Mapping[str, int], currency: str
) -> Iterable[Difference]:
    sent = sum(refund.amount_minor for refund in refunds if refund.status == "succeeded")
    goods = sum(refund.amount_minor for refund in refunds if refund.status == "succeeded" and not refund.goodwill)
    if goods != case.refunded_minor:
        said = f"{Money(case.refunded_minor, currency)} on the case, {Money(goods, currency)} over its tenders"
        yield Difference(Kind.BOOKS_OF_CASE, case.rma, said, case.refunded_minor - goods)
    if balance := sum(accounts.values()):
        yield Difference(Kind.LEDGER_UNBALANCED, case.rma, f"{Money(balance, currency)} too much", balance)
    owed = -accounts.get(PAYABLE_SHOPPER, 0)
    if owed and case.stage == Stage.CLOSED:
        yield Difference(Kind.LEDGER_OWES, case.rma, str(Money(owed, currency)), owed)
    booked = -sum(minor for account, minor in accounts.items() if account.startswith(CLEARING))
    if booked != sent:
        said = f"{Money(booked, currency)} in the ledger, {Money(sent, currency)} in the refunds"
        yield Difference(Kind.LEDGER_AMOUNT, case.rma, said, booked - sent)


def _of_provider(
    ours: Sequence[FoundRefund], theirs: Sequence[FoundRefund], cases: Mapping[str, FoundCase]
) -> Iterable[Difference]:
    """The rule of every day's reconciliation (domain/reconciliation.py), here after everything has ended: nothing is under way."""
    listed = [
        ProviderRefund(f"number {number}", one.id, one.status, one.amount_minor, one.currency)
        for number, one in enumerate(theirs, start=1)
    ]
    known = [OurRefund(one.id, one.case_id or "", one.status, one.amount_minor, one.currency, LONG_AGO) for one in ours]
    for found in differences(listed, known, settled_before=LONG_AGO):
        case = cases.get(found.case_id or "")
        of_case = case.rma if case else found.case_id
        about = f"{found.refund_id} of {of_case}" if of_case else str(found.refund_id)
        yield Difference(KIND_OF[found.kind], about, found.said, found.minor)


def _by_case(refunds: Sequence[FoundRefund]) -> dict[str, list[FoundRefund]]:
    found: dict[str, list[FoundRefund]] = defaultdict(list)
    for refund in refunds:
        found[refund.case_id or ""].append(refund)
    return found


def _ledger(postings: Sequence[FoundPosting]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for posting in postings:
        found[posting.case_id][posting.account] += posting.amount_minor
    return found


def _two_counts(ours: Mapping[Any, int], published: Mapping[Any, int]) -> str:
    return f"{_counted(ours)} found, {_counted(published)} published"


def _counted(units: Mapping[Any, int]) -> str:
    words = [f"{count} of {' line '.join(what) if isinstance(what, tuple) else what}" for what, count in units.items()]
    return ", ".join(sorted(words)) or "none"
