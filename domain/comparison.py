"""Two policies over the same past returns, side by side: who is let in, what it costs and whom, how long it takes, and what changes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from statistics import median

from domain.eligibility import Verdict
from domain.explain import Decision
from domain.frozen import quickly_made
from domain.opening import Judgement
from domain.simulation import PastReturn, Ran

DAY = timedelta(days=1)
# Limits that every return carries and that say nothing about the promise.
NOT_PROMISED = frozenset({"calendar"})


@quickly_made
@dataclass(frozen=True)
class Seen:
    """One return under one policy, as a list shows it: `days` from the request to the money, fees by bearer and currency."""

    verdict: Verdict
    grounds: tuple[str, ...]
    stage: str
    tier: str
    days: float | None
    refund_minor: int
    fees: tuple[tuple[str, str, int], ...]
    assumed: bool


@quickly_made
@dataclass(frozen=True)
class Change:
    """A return of which the two policies make different things, and the rule that made the difference."""

    id: str
    currency: str
    before: Seen
    after: Seen
    rule: str

    @property
    def moved(self) -> bool:
        return self.before.verdict is not self.after.verdict

    @property
    def gained_minor(self) -> int:
        """What the shopper gets more, or less, in the second case."""
        return self.after.refund_minor - self.before.refund_minor

    @property
    def weight(self) -> tuple[bool, int, float, str]:
        """The heaviest first: another verdict, then more money, then more time."""
        days = abs((self.after.days or 0.0) - (self.before.days or 0.0))
        return not self.moved, -abs(self.gained_minor), -days, self.id


@dataclass
class Side:
    """One policy's sums, money in minor units: refunds by currency, fees by bearer and currency."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    refunded: int = 0
    refunds: Counter[str] = field(default_factory=Counter)
    fees: Counter[tuple[str, str]] = field(default_factory=Counter)
    assumed: int = 0

    def count(self, ran: Ran) -> None:
        self.verdicts[ran.verdict] += 1
        self.assumed += ran.assumed
        self.refunded += ran.took is not None
        if ran.refund_minor:
            self.refunds[ran.currency] += ran.refund_minor
        for key, minor in ran.fees.items():
            self.fees[key] += minor

    def add(self, other: "Side") -> None:
        self.verdicts.update(other.verdicts)
        self.refunds.update(other.refunds)
        self.fees.update(other.fees)
        self.assumed += other.assumed
        self.refunded += other.refunded


@dataclass
class Comparison:
    """What a second policy would have made of past returns, beside a first one.

    moves         how many went from which verdict to which
    earlier_days  for returns refunded under both: how many days earlier the money is there (below zero: later)
    window_days   by how many days the return window grew, of each return
    recorded      how many verdicts of the first policy are those on record; `known` of how many there is a record
    """

    cases: int = 0
    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)
    moves: Counter[tuple[Verdict, Verdict]] = field(default_factory=Counter)
    earlier_days: list[float] = field(default_factory=list)
    window_days: int = 0
    recorded: int = 0
    known: int = 0
    changes: list[Change] = field(default_factory=list)

    def count(self, past: PastReturn, before: Ran, after: Ran) -> None:
        self.cases += 1
        self.before.count(before)
        self.after.count(after)
        self.moves[before.verdict, after.verdict] += 1
        self.window_days += after.window_days - before.window_days
        if past.then is not None:
            self.known += 1
            self.recorded += past.then is before.verdict
        if before.took is not None and after.took is not None:
            self.earlier_days.append((before.took - after.took) / DAY)
        if _differ(before, after):
            self.changes.append(
                Change(past.id, after.currency, _seen(before), _seen(after), what_made_it(before, after))
            )

    def add(self, other: "Comparison") -> None:
        self.cases += other.cases
        self.before.add(other.before)
        self.after.add(other.after)
        self.moves.update(other.moves)
        self.earlier_days += other.earlier_days
        self.window_days += other.window_days
        self.recorded += other.recorded
        self.known += other.known
        self.changes += other.changes

    @property
    def moved(self) -> int:
        return sum(count for (before, after), count in self.moves.items() if before is not after)

    @property
    def days_gained(self) -> tuple[float, float, float]:
        """The sum, the mean and the median over returns refunded under both; zeroes where there are none."""
        days = self.earlier_days
        return (sum(days), sum(days) / len(days), median(days)) if days else (0.0, 0.0, 0.0)

    def heaviest(self, most: int | None = None) -> Sequence[Change]:
        return sorted(self.changes, key=lambda change: change.weight)[:most]


def compare(pasts: Iterable[PastReturn], before: Sequence[Ran], after: Sequence[Ran]) -> Comparison:
    """The same returns under two policies, in the same order."""
    comparison = Comparison()
    for past, one, other in zip(pasts, before, after, strict=True):
        comparison.count(past, one, other)
    return comparison


def _differ(before: Ran, after: Ran) -> bool:
    return (before.verdict, before.stage, before.refund_minor, before.took, before.fees) != (
        after.verdict,
        after.stage,
        after.refund_minor,
        after.took,
        after.fees,
    )


def _seen(ran: Ran) -> Seen:
    return Seen(
        ran.verdict,
        ran.grounds,
        ran.stage,
        ran.tier,
        None if ran.took is None else ran.took / DAY,
        ran.refund_minor,
        tuple((bearer, currency, minor) for (bearer, currency), minor in sorted(ran.fees.items())),
        ran.assumed,
    )


def what_made_it(before: Ran, after: Ran) -> str:
    """The rule that made the difference, in a few words: a decision that fell otherwise, or a limit that is another one."""
    if before.judgement is None or after.judgement is None:
        return ", ".join(after.grounds if after.judgement is None else before.grounds)
    one, other = before.judgement, after.judgement
    if one.verdict is not other.verdict:
        return _of_verdict(before, after) or "earlier returns"
    if tier := ("" if before.tier is after.tier else f"tier: {before.tier} -> {after.tier}"):
        return tier
    return _of_limits(one, other) or _of_bearer(one, other) or _of_verdict(before, after) or "earlier returns"


def _of_verdict(before: Ran, after: Ran) -> str:
    """The decision that fell otherwise, among those about the lines."""
    assert before.judgement is not None
    assert after.judgement is not None
    one, other = _decisions(before.judgement), _decisions(after.judgement)
    for rule in dict.fromkeys([*other, *one]):
        was, is_now = one.get(rule), other.get(rule)
        if was and is_now and was.answer != is_now.answer:
            return f"{rule}: {was.answer} -> {is_now.answer}"
    only = sorted(set(after.grounds) ^ set(before.grounds))
    return ", ".join(only)


def _decisions(judgement: Judgement) -> dict[str, Decision]:
    """By rule; of several lines the first one that was not simply let through."""
    found: dict[str, Decision] = {}
    for line in sorted(judgement.lines, key=lambda line: line.verdict is Verdict.ELIGIBLE):
        for decision in line.decisions:
            found.setdefault(decision.rule, decision)
    return found


def _of_limits(one: Judgement, other: Judgement) -> str:
    differ = [
        f"{limit.name}: {was} -> {is_now}"
        for limit in fields(one.limits)
        if limit.name not in NOT_PROMISED
        and (was := getattr(one.limits, limit.name)) != (is_now := getattr(other.limits, limit.name))
    ]
    return ", ".join(differ)


def _of_bearer(one: Judgement, other: Judgement) -> str:
    if one.freight.bearer is other.freight.bearer:
        return ""
    return f"{other.freight.rule}: {one.freight.bearer} -> {other.freight.bearer}"
