"""When the money of one case moves: the promise of the tier within its ceilings, or what the law wants at once.

A refund before receipt trusts the shopper, so it has a ceiling for its sum and a number that may be open at once; above
either, the refund waits for the dock. Small sums are not worth the way back at all.
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
    policy says no; should a person let the goods come back all the same, they are looked at first.
    """

    minor: int
    currency: str
    withdrawing: bool
    keeps_goods: bool = False
    refused: bool = False


def limits_of_case(
    terms: Terms,
    of: Sum,
    *,
    rates: Rates,
    advances_open: int,
    approval_default: str,
    calendar: Calendar,
    told: bool = True,
) -> tuple[Limits, Decision]:
    """The limits frozen into the case, and why its refund waits for what it waits for.

    The law's clock runs only where the statutory right is exercised. Without `told` the reason names no values.
    """
    clock = terms.limits.refund_clock if of.withdrawing else ""
    trigger, decision = _trigger(terms, of, clock, rates, advances_open, told)
    return replace(
        terms.limits,
        approval_default=approval_default,
        refund_trigger=trigger,
        refund_clock=clock,
        calendar=str(calendar),
        # A right is paid back by the means of the sale unless the consumer agrees (2011/83/EU, art. 13(1)): silence is no word.
        destination_silence="" if of.withdrawing else terms.limits.destination_silence,
    ), decision


def _trigger(
    terms: Terms, of: Sum, clock: str, rates: Rates, advances_open: int, told: bool
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
            ("refunds paid ahead and open", f"{advances_open} of {terms.advances_open}"),
            ("ceiling while the goods stay, USD", str(terms.returnless_ceiling_usd)),
        )
        return trigger, Decision(question, _SAID[trigger], rule, source, inputs)

    if of.refused and not of.keeps_goods:
        return because(RefundTrigger.INSPECTION_PASSED, "refused", terms.source_of("refund_trigger"))
    if of.keeps_goods:
        return because(RefundTrigger.RETURNLESS, "refund_only", terms.source_of("returnless"))
    if cents is not None and 0 < cents <= terms.returnless_ceiling_usd * CENTS:
        return because(RefundTrigger.RETURNLESS, "returnless_ceiling", terms.source_of("returnless"))
    if clock and RefundClock.parse(clock).span == AT_ONCE:
        return because(RefundTrigger.AUTHORIZED, "law_wants_it_at_once", terms.source_of("refund_clock"))
    if promised not in AHEAD_OF_RECEIPT:
        return because(promised, "refund_trigger", terms.source_of("refund_trigger"))
    if cents is None or cents > terms.instant_ceiling_usd * CENTS:
        return because(RefundTrigger.RECEIVED, "above_instant_ceiling", terms.source_of("instant_refund"))
    if advances_open >= terms.advances_open:
        return because(RefundTrigger.RECEIVED, "advances_open", terms.source_of("instant_refund"))
    return because(promised, "refund_trigger", terms.source_of("refund_trigger"))


AHEAD_OF_RECEIPT = frozenset({RefundTrigger.FIRST_SCAN, RefundTrigger.AUTHORIZED})

_SAID = {
    RefundTrigger.INSPECTION_PASSED: "the bench, which judges the goods first",
    RefundTrigger.RECEIVED: "the dock, which receives the goods",
    RefundTrigger.FIRST_SCAN: "the carrier's first scan",
    RefundTrigger.AUTHORIZED: "nothing but the label: it is paid ahead",
    RefundTrigger.RETURNLESS: "nothing: the goods stay",
}
