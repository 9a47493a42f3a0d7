"""The terms of one return: the promise for the customer's tier, aspect by aspect the better of promise and law, then frozen.

Terms are computed when a case is opened and stay in it: a policy, a law file or a tier changed later does not touch a
return under way. Each aspect names the policy or provision it comes from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from domain.advances import DebtBearer, Dunning, Guarantee
from domain.calendar import Span
from domain.charges import DeliveryBack
from domain.clock import clock_of
from domain.currency import WARN_PERCENT
from domain.fees import Bearer
from domain.handling import NO_FEES, FeePolicy
from domain.limits import ApprovalDefault, DestinationSilence, Limits, RefundTrigger
from domain.market import (
    Bears,
    Market,
    Right,
    Wear,
    freight_without_fault,
    guarantee,
    original_delivery,
    restocking,
    wear,
    withdrawal_right,
)
from domain.policy import ReturnPolicy, Starts, TierTable, TierValue
from domain.refund_terms import AT_THE_PRICE_PAID, RefundTerms
from domain.tier import Tier

HOURS_PER_DAY = 24
MINUTES_PER_DAY = 24 * 60
BUSINESS_DAYS_PER_WEEK = 5

# Rows of the tier table that are benefits. Where fair use takes them away, no money goes ahead of the judgement and no label is
# free, whatever the lowest tier is promised; the other rows are then those of the lowest tier.
BENEFITS = ("return_window", "store_credit_after_window", "exchange_ships")
TAKEN_AWAY: Mapping[str, TierValue] = MappingProxyType(
    {
        "refund_trigger": RefundTrigger.INSPECTION_PASSED.value,
        "instant_refund_ceiling": 0,
        "advance_refunds_open": 0,
        "returnless_ceiling": 0,
        "free_labels_per_month": 0,
    }
)


@dataclass(frozen=True)
class Terms:
    """Policy and law as applied to one case.

    country                   whose calendar counts; `market` is the row of the law that applies there
    policy_id                 of the published version; empty for a policy that is a file
    benefits                  False where fair use took them away
    return_window_days        of the promise, raised to the days of the right; single goods may have more (window rules)
    store_credit_days         after the window, in which store credit is still given
    withdrawal_days           of the statutory right without a reason; 0 = none. `withdrawal_business`: business days;
                              `withdrawal_months`: further months where shoppers are not told of it
    conditional_days          of a right that depends on conditions no rule can see: for a person
    instant_ceiling_usd       the most, in whole US dollars, that is refunded before receipt, for one order;
                              `advances_open` such refunds at once
    returnless_ceiling_usd    the most that is refunded while the goods stay, for all requests of an order together
    returnless_per_90_days    so many times at most for one customer; None = no limit
    free_labels               a month, when nobody is at fault
    requests_per_item         requests for one item, after which promises end
    appeal                    time to appeal against a refusal
    freight_rule              the market's word on who bears the way back without fault
    original_delivery         whether the delivery to the shopper is refunded: the market's word, or ""
    wear                      what the law says of value lost through use
    guarantee_months          for which the seller answers for defects; None = no figure
    late_penalty              what a late refund costs, in the row's own words, or ""
    refund                    what promise and law say of the amount
    promises                  every row of the tier table as it stands for this tier
    law_confidence            high, medium or low; `law_doubts` are the fields of the row that are from memory
    sources                   for each aspect, which policy or provision the value comes from
    accounting_currency       of the merchant's books; "" = none is kept, and no difference of rates is booked (domain/currency.py)
    shopper_informed          shoppers are told before the purchase what a return without fault costs them
    restocking_rule           the market's word on fees for restocking without fault, or ""
    fees                      what the programme charges for its own work, and who bears other kinds of fees
    """

    tier: Tier
    market: str
    country: str
    programme: str
    policy_version: str
    policy_id: str
    benefits: bool
    return_window_days: int
    starts: Starts
    store_credit_days: int
    withdrawal_days: int
    withdrawal_business: bool
    withdrawal_months: int
    conditional_days: int
    merchant_bears_all: bool
    instant_ceiling_usd: int
    advances_open: int
    returnless_ceiling_usd: int
    returnless_per_90_days: int | None
    free_labels: int
    requests_per_item: int | None
    appeal: str
    freight_rule: str
    original_delivery: str
    wear: str
    guarantee_months: int | None
    late_penalty: str
    limits: Limits
    promises: tuple[tuple[str, TierValue], ...]
    law_confidence: str
    law_doubts: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    refund: RefundTerms = AT_THE_PRICE_PAID
    accounting_currency: str = ""
    difference_borne_by: Bearer = Bearer.MERCHANT
    warn_percent: int = WARN_PERCENT
    shopper_informed: bool = False
    restocking_rule: str = ""
    fees: FeePolicy = NO_FEES

    def source_of(self, aspect: str) -> str:
        for name, source in self.sources:  # a dozen, and asked for every line
            if name == aspect:
                return source
        return f"programme {self.programme} v{self.policy_version}"


def terms_for(
    policy: ReturnPolicy, market: Market, tier: Tier, *, country: str | None = None, benefits: bool = True
) -> Terms:
    """The promise of `policy` to a customer of `tier`, in no aspect below the law of `market`.

    The return window is raised to the days of the right of withdrawal, the time to send goods back to the market's own.
    The limits still lack what a single case adds: its calendar, whether the law's clock runs for it, and what its sum
    and its history allow (domain/triggers.py).
    """
    table = policy.tier_table
    row = _Rows(table, tier, benefits)
    right = withdrawal_right(market, informed=policy.informed_of_right)
    statutory_days = _calendar_days(right.days, right.business)
    window, window_source = _raise_days(*_promised_window(policy, row), statutory_days, right.source)
    ship_back, ship_back_source = _raise_span(
        row.text("ship_back"), row.source("ship_back"), market.consumer_ship_back_days or 0,
        market.source("consumer_ship_back_days"),
    )  # fmt: skip
    clock = clock_of(market)
    trigger, trigger_source = RefundTrigger(row.text("refund_trigger")), row.source("refund_trigger")
    answers = guarantee(market)
    freight, delivery, own_work = freight_without_fault(market), original_delivery(market), restocking(market)
    return Terms(
        tier=tier,
        market=market.market,
        country=country or market.iso_code,
        programme=policy.programme,
        policy_version=policy.version,
        policy_id=policy.policy_id,
        benefits=benefits,
        return_window_days=window,
        starts=policy.window_starts,
        store_credit_days=row.number("store_credit_after_window"),
        withdrawal_days=right.days,
        withdrawal_business=right.business,
        withdrawal_months=right.more_months,
        conditional_days=_calendar_days(right.conditional, right.business),
        merchant_bears_all=policy.bears_all,
        instant_ceiling_usd=row.number("instant_refund_ceiling"),
        advances_open=row.number("advance_refunds_open"),
        returnless_ceiling_usd=row.number("returnless_ceiling") if policy.returnless else 0,
        returnless_per_90_days=row.limit("returnless_per_90_days"),
        free_labels=row.number("free_labels_per_month"),
        requests_per_item=row.number("requests_per_item") or None,
        appeal=row.text("appeal"),
        freight_rule=freight.rule,
        original_delivery=delivery.rule,
        wear=wear(market),
        guarantee_months=answers.months,
        late_penalty=market.late_refund_penalty or "",
        limits=Limits(
            approval=row.text("approval"),
            booking=row.text("booking"),
            ship_back=ship_back,
            pickup=row.text("pickup"),
            pickup_tries=row.number("pickup_tries"),
            transit=row.text("transit"),
            inspection=row.text("inspection"),
            refund=row.text("refund"),
            attention=row.text("attention"),
            approval_default=ApprovalDefault(row.text("approval_default_low_risk")),
            escalated=row.text("approval_escalated"),
            refund_trigger=trigger,
            recharge=row.text("advance_recharge") or Limits.recharge,
            refund_clock=clock,
            destination=policy.destination,
            destination_silence=_unless_operator(policy.destination_silence),
            guarantee=_guarantee(row),
            dunning=_dunning(row),
        ),
        promises=tuple((name, value) for name in table.rows if (value := row.value(name)) is not None),
        law_confidence=market.confidence,
        law_doubts=market.uncertain_fields,
        sources=(
            ("return_window", window_source),
            ("store_credit", row.source("store_credit_after_window")),
            ("withdrawal", right.source),
            ("ship_back", ship_back_source),
            ("refund_trigger", trigger_source),
            ("refund_clock", market.source("refund_days", "refund_starts", "refund_withhold_until")),
            ("limits", row.source("approval")),
            ("fees", policy.source if policy.bears_all else freight.source),
            ("freight", freight.source),
            ("restocking", own_work.source),
            ("free_labels", row.source("free_labels_per_month")),
            ("original_delivery", delivery.source),
            ("wear", market.source("diminished_value_deduction")),
            ("guarantee", answers.source),
            ("late_penalty", market.source("late_refund_penalty")),
            ("requests", row.source("requests_per_item")),
            ("appeal", row.source("appeal")),
            ("instant_refund", row.source("instant_refund_ceiling")),
            ("advance_guarantee", row.source("advance_guarantee")),
            ("returnless", row.source("returnless_ceiling") if policy.returnless else policy.source),
        ),
        refund=_refund_terms(policy, market, delivery),
        shopper_informed=policy.shopper_informed,
        restocking_rule=own_work.rule,
        fees=policy.fees,
        accounting_currency=policy.accounting_currency,
        difference_borne_by=policy.difference_borne_by,
        warn_percent=policy.warn_percent,
    )


# The market's word on the delivery of a withdrawn order; a word that is not here (no, per policy, uncertain) gives nothing by itself.
DELIVERY_BY_LAW: Mapping[str, DeliveryBack] = MappingProxyType(
    {"yes": DeliveryBack.ALL, "standard_only": DeliveryBack.STANDARD}
)


def _refund_terms(policy: ReturnPolicy, market: Market, delivery: Bears) -> RefundTerms:
    # A shopper who was not told of the right owes nothing for use (Directive 2011/83/EU, art. 14(2), last sentence).
    # Where there is no right of withdrawal, what the promise takes off is the promise's own affair.
    deducted = (wear(market) == Wear.DEDUCTED and policy.informed_of_right) or market.withdrawal_right is Right.NO
    by_law = DELIVERY_BY_LAW.get(delivery.rule, DeliveryBack.NONE)
    return RefundTerms(
        delivery=policy.delivery_back,
        delivery_by_law=by_law,
        delivery_source=delivery.source if by_law else policy.source,
        loss_percent=tuple(sorted(policy.loss_percent.items())) if deducted else (),
        loss_source=market.source("diminished_value_deduction"),
        reprice=policy.reprice,
        waived_minor=tuple(sorted(policy.claw_back_waived.items())),
        policy_source=policy.source,
    )


def _unless_operator(silence: DestinationSilence) -> str:
    """What a silence means, left empty where it means what it always meant: running cases keep their limits for ever."""
    return "" if silence is DestinationSilence.OPERATOR else silence.value


class _Rows:
    """The column of the tier table that holds for a customer: benefits from the lowest tier where they were taken away."""

    def __init__(self, table: TierTable, tier: Tier, benefits: bool) -> None:
        self._table, self._tier, self._benefits = table, tier, benefits

    def value(self, name: str) -> TierValue | None:
        if name in TAKEN_AWAY and not self._benefits:
            return TAKEN_AWAY[name]
        return self._table.row(name).values.get(self._column(name))

    def text(self, name: str) -> str:
        value = self.value(name)
        return "" if value is None else str(value)

    def number(self, name: str) -> int:
        value = self.value(name)
        return value if isinstance(value, int) else 0

    def limit(self, name: str) -> int | None:
        value = self.value(name)
        return value if isinstance(value, int) else None

    def source(self, name: str) -> str:
        row = self._table.row(name)
        return f"{row.written_in or f'tier table v{self._table.version}'}, {self._column(name)}"

    def _column(self, name: str) -> Tier:
        return Tier.ENTRY if name in BENEFITS and not self._benefits else self._tier


def _guarantee(row: _Rows) -> str:
    word = row.text("advance_guarantee")
    return "" if word == Guarantee.NONE else word


def _dunning(row: _Rows) -> str:
    """How a debt is called in, where advances are guaranteed at all."""
    spans = row.value("advance_reminders")
    if not _guarantee(row) or not isinstance(spans, tuple) or not spans:
        return ""
    return str(Dunning(spans, DebtBearer(row.text("advance_written_off_by") or DebtBearer.PERSON)))


def _promised_window(policy: ReturnPolicy, row: _Rows) -> tuple[int, str]:
    if policy.return_window_days is not None:
        return policy.return_window_days, policy.source
    return row.number("return_window"), row.source("return_window")


def _calendar_days(days: int, business: bool) -> int:
    """The most calendar days that so many business days take without holidays: what a promise in days must reach."""
    return days + 2 * -(-days // BUSINESS_DAYS_PER_WEEK) if business else days


def _raise_days(promised: int, source: str, law: int, law_source: str) -> tuple[int, str]:
    return (law, law_source) if law > promised else (promised, source)


def _raise_span(promised: str, source: str, law_days: int, law_source: str) -> tuple[str, str]:
    return (f"{law_days}d", law_source) if law_days > shortest_days(promised) else (promised, source)


def shortest_days(text: str) -> float:
    """The least time that a span can last, in days: n business days last at least n days."""
    span = Span.parse(text)
    match span.unit:
        case "min":
            return span.amount / MINUTES_PER_DAY
        case "h":
            return span.amount / HOURS_PER_DAY
    return span.amount
