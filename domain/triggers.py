"""When the money of one case moves: the promise of the tier within its ceilings, or what the law wants at once.

A refund before receipt trusts the shopper, so it has a ceiling for its sum and a number that may be open at once; above
either, or once an advance had to be charged back, the refund waits for the dock. Small sums are not worth the way back at all;
that has a ceiling for all requests of an order together, and a number of times.
"""

from dataclasses import dataclass
from typing import Protocol

from domain.calendar import Calendar
from domain.clock import AT_ONCE, RefundClock
from domain.explain import Decision
from domain.frozen import quickly_made, replace
from domain.limits import Limits, RefundTrigger
from domain.money import format_minor
from domain.terms import Terms

CENTS = 100


class Rates(Protocol):
    """Translates sums for thresholds and ceilings, never for a refund (domain/rates.py)."""

    def translate(self, minor: int, from_currency: str, to_currency: str) -> int | None: ...


@quickly_made
@dataclass(frozen=True)
class Sum:
    """What the case is about: the refund to expect in minor units, and whether the statutory right is exercised.

    `keeps_goods`: the shopper asks for money without sending anything back, and that was allowed. `refused`: the
    policy says no; should a person let the goods come back all the same, they are looked at first. `kept_minor`: what earlier
    requests of the same orders were refunded while the goods stayed, or will be.
    """

    minor: int
    currency: str
    withdrawing: bool
    keeps_goods: bool = False
    refused: bool = False
    kept_minor: int = 0


@quickly_made
@dataclass(frozen=True)
class Trusted:
    """What a customer's history says of trust: advances open, those that had to be charged back, goods kept in 90 days."""

    advances_open: int = 0
    advances_lost: int = 0
    returnless_90_days: int = 0


def limits_of_case(
    terms: Terms,
    of: Sum,
    *,
    rates: Rates,
    trusted: Trusted,
    approval_default: str,
    calendar: Calendar,
    told: bool = True,
) -> tuple[Limits, Decision]:
    """The limits frozen into the case, and why its refund waits for what it waits for.

    The law's clock runs only where the statutory right is exercised. Without `told` the reason names no values.
    """
    clock = terms.limits.refund_clock if of.withdrawing else ""
    trigger, decision = _trigger(terms, of, clock, rates, trusted, told)
    # What the law wants at once is no favour that could be made to depend on anything.
    guaranteed = trigger in AHEAD_OF_RECEIPT and decision.rule != LAW_AT_ONCE
    return replace(
        terms.limits,
        guarantee=terms.limits.guarantee if guaranteed else "",
        dunning=terms.limits.dunning if guaranteed else "",
        approval_default=approval_default,
        refund_trigger=trigger,
        refund_clock=clock,
        calendar=str(calendar),
        # A right is paid back by the means of the sale unless the consumer agrees (2011/83/EU, art. 13(1)): silence is no word.
        destination_silence="" if of.withdrawing else terms.limits.destination_silence,
    ), decision


def _trigger(
    terms: Terms, of: Sum, clock: str, rates: Rates, trusted: Trusted, told: bool
) -> tuple[RefundTrigger, Decision]:
    promised = RefundTrigger(terms.limits.refund_trigger)
    ceilings = told or terms.returnless_ceiling_usd or promised in AHEAD_OF_RECEIPT
    cents = rates.translate(of.minor, of.currency, "USD") if ceilings else None

    def because(trigger: RefundTrigger, rule: str, source: str) -> tuple[RefundTrigger, Decision]:
        question = "What does the refund wait for?"
        if not told:
            return trigger, Decision(question, _SAID[trigger], rule, source)
        inputs = (
            ("refund", f"{of.currency} {format_minor(of.minor, of.currency)}"),
            ("in US dollars", "no rate on file" if cents is None else format_minor(cents, "USD")),
            ("ceiling before receipt, USD", str(terms.instant_ceiling_usd)),
            ("refunds paid ahead and open", f"{trusted.advances_open} of {terms.advances_open}"),
            ("refunds paid ahead and charged back", str(trusted.advances_lost)),
            ("ceiling while the goods stay, USD", str(terms.returnless_ceiling_usd)),
            ("refunded before while goods stayed", f"{of.currency} {format_minor(of.kept_minor, of.currency)}"),
            ("times in 90 days", f"{trusted.returnless_90_days} of {_times(terms)}"),
        )
        return trigger, Decision(question, _SAID[trigger], rule, source, inputs)

    if of.refused and not of.keeps_goods:
        return because(RefundTrigger.INSPECTION_PASSED, "refused", terms.source_of("refund_trigger"))
    if of.keeps_goods:
        return because(RefundTrigger.RETURNLESS, "refund_only", terms.source_of("returnless"))
    if cents and may_stay(terms, of, rates, trusted):
        return because(RefundTrigger.RETURNLESS, "returnless_ceiling", terms.source_of("returnless"))
    if clock and RefundClock.parse(clock).span == AT_ONCE:
        return because(RefundTrigger.AUTHORIZED, LAW_AT_ONCE, terms.source_of("refund_clock"))
    if promised not in AHEAD_OF_RECEIPT:
        return because(promised, "refund_trigger", terms.source_of("refund_trigger"))
    if cents is None or cents > terms.instant_ceiling_usd * CENTS:
        return because(RefundTrigger.RECEIVED, "above_instant_ceiling", terms.source_of("instant_refund"))
    if trusted.advances_lost:
        return because(RefundTrigger.RECEIVED, "advance_right_lost", terms.source_of("advance_guarantee"))
    if trusted.advances_open >= terms.advances_open:
        return because(RefundTrigger.RECEIVED, "advances_open", terms.source_of("instant_refund"))
    return because(promised, "refund_trigger", terms.source_of("refund_trigger"))


def may_stay(terms: Terms, of: Sum, rates: Rates, trusted: Trusted) -> bool:
    """Whether goods of this sum may stay with the shopper by rule: all requests of an order count together, and how often it was done."""
    cents = rates.translate(of.minor + of.kept_minor, of.currency, "USD")
    most = terms.returnless_per_90_days
    often = most is not None and trusted.returnless_90_days >= most
    return cents is not None and cents <= terms.returnless_ceiling_usd * CENTS and not often


def _times(terms: Terms) -> str:
    return "any" if terms.returnless_per_90_days is None else str(terms.returnless_per_90_days)


LAW_AT_ONCE = "law_wants_it_at_once"
AHEAD_OF_RECEIPT = frozenset({RefundTrigger.FIRST_SCAN, RefundTrigger.AUTHORIZED})

_SAID = {
    RefundTrigger.INSPECTION_PASSED: "the bench, which judges the goods first",
    RefundTrigger.RECEIVED: "the dock, which receives the goods",
    RefundTrigger.FIRST_SCAN: "the carrier's first scan",
    RefundTrigger.AUTHORIZED: "nothing but the label: it is paid ahead",
    RefundTrigger.RETURNLESS: "nothing: the goods stay",
}
