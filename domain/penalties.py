"""What the law adds to a refund that is paid too late: worked out where the row says a figure, left to a person where it does not.

The row's own words (`late_refund_penalty` of policies/markets.toml) are read into a rule:

    delay_interest_15pct_pa              interest of 15 % a year of 365 days, for every day begun
    2pct_per_day, 2pct_per_day_up_to_50pct   so much for every day begun, at most so much
    10pct_once                           a fixed share, however late
    consumer_may_claim_double_amount     the whole amount once more, if the shopper asks for it
    legal_rate<=10d;5%_10-20d;…          a ladder; the day on which one step ends and another begins has the higher one

Any other word ("interest", without a rate; a chargeback, which is no money of ours) is for a person to decide, and so is
the part of a ladder that names no figure. A day begun is a day; what is not a whole minor unit is rounded up: both in the
shopper's favour, since it is the seller who is late.
"""

import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.bearers import Agreed, FeeLaw, MissedDeadline, bearer_of
from domain.fees import Fee, FeeKind
from domain.money import Money, share
from domain.reasons import Fault

WHOLE_BPS = 10_000  # basis points: 1 % is 100 of them
DAYS_PER_YEAR = 365
A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Interest:
    """So many basis points a year."""

    bps_per_year: int


@dataclass(frozen=True)
class PerDay:
    """So many basis points for each day begun, at most so many."""

    bps: int
    most_bps: int | None = None


@dataclass(frozen=True)
class Once:
    """A fixed share; `on_claim`: only if the shopper asks for it."""

    bps: int
    on_claim: bool = False


@dataclass(frozen=True)
class Step:
    """Of a ladder: up to `days` late, so many basis points; None where the row has words and no figure."""

    days: int
    bps: int | None
    words: str = ""


@dataclass(frozen=True)
class Ladder:
    """Steps, and after the last of them so many more basis points for each month begun, at most so many.

    `afterwards` is what the row adds once that is reached, where it names no figure.
    """

    steps: tuple[Step, ...]
    bps_per_month: int = 0
    most_bps: int | None = None
    afterwards: str = ""


@dataclass(frozen=True)
class ForAPerson:
    """Words that no figure can be read from."""

    words: str


PenaltyRule = Interest | PerDay | Once | Ladder | ForAPerson


@dataclass(frozen=True)
class Penalty:
    """What a late refund costs on top of itself.

    amount_minor   what can be worked out
    days_late      days begun since the refund was due
    rule           which part of the row it comes from
    on_claim       owed only if the shopper asks for it
    for_a_person   what the row leaves open; "" where it leaves nothing open
    """

    amount_minor: int
    days_late: int
    rule: str
    on_claim: bool = False
    for_a_person: str = ""


_NUMBER = r"(\d{1,4}(?:\.\d{1,2})?)"
_INTEREST = re.compile(rf"(?:delay_)?interest_{_NUMBER}pct_pa")
_PER_DAY = re.compile(rf"{_NUMBER}pct_per_day(?:_up_to_{_NUMBER}pct)?")
_ONCE = re.compile(rf"{_NUMBER}pct_once")
_UP_TO = re.compile(r"(?P<words>[a-z_]+)<=(?P<days>\d{1,4})d")
_STEP = re.compile(rf"(?P<percent>{_NUMBER})%_(?P<since>\d{{1,4}})-(?P<days>\d{{1,4}})d")
_PER_MONTH = re.compile(rf"\+{_NUMBER}pts_per_month_up_to_price")
_THEN = re.compile(r"then_(?P<words>[a-z_]+)")
DOUBLE = "consumer_may_claim_double_amount"


def penalty_rule(words: str) -> PenaltyRule | None:
    """The rule of a row; None where the row names no penalty.

    >>> penalty_rule("delay_interest_15pct_pa")
    Interest(bps_per_year=1500)
    >>> penalty_rule("interest")
    ForAPerson(words='interest')
    """
    if not words:
        return None
    if words == DOUBLE:
        return Once(WHOLE_BPS, on_claim=True)
    if found := _INTEREST.fullmatch(words):
        return Interest(_bps(found[1]))
    if found := _PER_DAY.fullmatch(words):
        return PerDay(_bps(found[1]), _bps(found[2]) if found[2] else None)
    if found := _ONCE.fullmatch(words):
        return Once(_bps(found[1]))
    return _ladder(words.split(";")) or ForAPerson(words)


def penalty(amount: Money, due: datetime, paid_at: datetime, rule: PenaltyRule) -> Penalty:
    """What a refund of `amount`, due then and paid later, costs on top of itself; nothing where it was not late.

    >>> from datetime import UTC
    >>> due, paid = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC)
    >>> penalty(Money(100_000, "KRW"), due, paid, Interest(1500)).amount_minor
    1233
    """
    if amount.minor < 0:
        raise ValueError("a refund below zero cannot be late")
    late = days_begun(due, paid_at)
    if not late:
        return Penalty(0, 0, "not_late")
    match rule:
        case Interest(bps):
            return Penalty(_part(amount.minor, bps * late, WHOLE_BPS * DAYS_PER_YEAR), late, "interest")
        case PerDay(bps, most):
            total = bps * late if most is None else min(bps * late, most)
            return Penalty(_part(amount.minor, total, WHOLE_BPS), late, "per_day")
        case Once(bps, on_claim):
            return Penalty(_part(amount.minor, bps, WHOLE_BPS), late, "once", on_claim=on_claim)
        case Ladder():
            return _on_ladder(amount.minor, due, paid_at, late, rule)
        case ForAPerson(words):
            return Penalty(0, late, "for_a_person", for_a_person=words)


def days_begun(due: datetime, paid_at: datetime) -> int:
    """Days of 24 hours that have begun since then; 0 for what is in time."""
    return max(0, -((due - paid_at) // A_DAY))


def late_refund_fee(
    found: Penalty, currency: str, *, missed: MissedDeadline | None, source: str, agreed: Agreed | None = None
) -> Fee:
    """The penalty as a fee: borne by who missed the deadline, by the merchant otherwise, and never by the shopper."""
    kind = FeeKind.LATE_REFUND_PENALTY
    bearing = bearer_of(kind, fault=Fault.NOBODY, agreed=agreed or Agreed(), law=FeeLaw(), missed=missed)
    return Fee(kind, found.amount_minor, currency, bearing.bearer, bearing.rule, f"{source}; {bearing.source}")


def _on_ladder(minor: int, due: datetime, paid_at: datetime, late: int, ladder: Ladder) -> Penalty:
    last = ladder.steps[-1]
    step = next((step for step in ladder.steps if late < step.days or (late == step.days and step.bps is None)), None)
    if step is not None:
        if step.bps is None:
            return Penalty(0, late, f"up_to_{step.days}_days", for_a_person=step.words)
        return Penalty(_part(minor, step.bps, WHOLE_BPS), late, f"up_to_{step.days}_days")
    months = months_begun(due + last.days * A_DAY, paid_at)
    bps = (last.bps or 0) + ladder.bps_per_month * months
    rest = ""
    if ladder.most_bps is not None and bps >= ladder.most_bps:
        bps, rest = ladder.most_bps, ladder.afterwards
    return Penalty(_part(minor, bps, WHOLE_BPS), late, f"after_{last.days}_days", for_a_person=rest)


def months_begun(since: datetime, until: datetime) -> int:
    """Months of the calendar begun after one moment, up to another; a month from the 31st ends with the month that has none."""
    months = (until.year - since.year) * 12 + until.month - since.month
    day = min(since.day, monthrange(until.year, until.month)[1])
    return max(0, months + ((until.day, until.timetz()) > (day, since.timetz())))


def _part(minor: int, part: int, whole: int) -> int:
    """`part` of `whole`, rounded up to the minor unit; it may be more than the whole. The house's one rounding is asked for the rest."""
    times, left = divmod(part, whole)
    return minor * times + (minor - share(minor, whole - left, whole) if left else 0)


def _ladder(parts: Iterable[str]) -> Ladder | None:
    """The ladder of such words; None where one of them cannot be read, or the steps leave a gap."""
    steps: list[Step] = []
    per_month, most, afterwards = 0, None, ""
    for part in parts:
        if (found := _UP_TO.fullmatch(part)) and not steps:
            steps.append(Step(int(found["days"]), None, found["words"]))
        elif found := _STEP.fullmatch(part):
            if int(found["since"]) != (steps[-1].days if steps else 0) or int(found["days"]) <= int(found["since"]):
                return None
            steps.append(Step(int(found["days"]), _bps(found["percent"])))
        elif (found := _PER_MONTH.fullmatch(part)) and steps:
            per_month, most = _bps(found[1]), WHOLE_BPS
        elif (found := _THEN.fullmatch(part)) and steps:
            afterwards = found["words"]
        else:
            return None
    return Ladder(tuple(steps), per_month, most, afterwards) if steps and steps[-1].bps is not None else None


def _bps(percent: str) -> int:
    """Basis points of a percentage with at most two decimals, digit by digit: "12.5" is 1250."""
    whole, _, decimals = percent.partition(".")
    return int(whole) * 100 + int(decimals.ljust(2, "0") or 0)
