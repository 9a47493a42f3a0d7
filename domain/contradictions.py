"""What a policy says against the law, against itself or against its own tiers: pointed out before it is published.

Nothing is corrected here. A promise below the law is a warning, since the law's floor is applied to every return anyway
(domain/terms.py); an error is only what can never be as it is written: a window that no goods reach, a refund ahead of
receipt that is never paid ahead.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType

from domain.advances import DebtBearer, Guarantee
from domain.bearers import OWN_WORK, bearer_of, fee_law
from domain.calendar import Span
from domain.clock import AT_ONCE, Event, RefundClock, clock_of
from domain.fees import Bearer, FeeKind
from domain.goods import GoodsCondition, Nature
from domain.handling import AboveRefund
from domain.limits import ApprovalDefault, RefundTrigger
from domain.market import (
    EXCEPTED_NATURES,
    MONTHS_WHEN_NOT_INFORMED,
    Market,
    freight_without_fault,
    withdrawal_right,
)
from domain.policy import RefundOnly, ReturnPolicy, TierRow, TierTable, TierValue, Waterfall, WindowRule
from domain.reasons import Fault, ReturnReason
from domain.terms import BUSINESS_DAYS_PER_WEEK, shortest_days
from domain.tier import Tier
from domain.triggers import AHEAD_OF_RECEIPT

NOTHING = "nothing"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Against:
    """One thing that a promise contradicts.

    market     whose law it is; None where the policy contradicts itself
    tier       whose promise it is; None where all tiers have the same
    promised   what the policy says; `stands` is what the law or the other tier says, `source` where that is written
    """

    market: str | None
    tier: Tier | None
    promised: str
    stands: str
    source: str


@dataclass(frozen=True)
class Contradiction:
    """One thing to look at, with everything that it contradicts.

    key     of the policy: "window.days", "tiers.ship_back.ENTRY"; `line` (1 = first) and `file` once somebody has looked there
    """

    code: str
    severity: Severity
    key: str
    says: str
    against: tuple[Against, ...] = ()
    file: str = ""
    line: int | None = None


def contradictions(policy: ReturnPolicy, markets: Iterable[Market]) -> tuple[Contradiction, ...]:
    """Everything that the policy says against itself and against the law of the markets: errors first, then by key.

    What stands against several markets or tiers under one key is one contradiction that lists them.
    """
    law = tuple(markets)
    found = [
        *_windows(policy),
        *_triggers(policy),
        *_unused(policy),
        *_tiers_crossed(policy.tier_table),
        *_below_the_law(policy, law),
    ]
    return tuple(sorted(found, key=lambda one: (one.severity is not Severity.ERROR, one.key, one.code)))


def refused(found: Iterable[Contradiction]) -> bool:
    """Whether anything of it forbids that the policy is published."""
    return any(one.severity is Severity.ERROR for one in found)


def _error(code: str, key: str, says: str, against: tuple[Against, ...] = ()) -> Contradiction:
    return Contradiction(code, Severity.ERROR, key, says, against)


def _warning(code: str, key: str, says: str, against: tuple[Against, ...] = ()) -> Contradiction:
    return Contradiction(code, Severity.WARNING, key, says, against)


# --- against the law


def _below_the_law(policy: ReturnPolicy, law: tuple[Market, ...]) -> Iterator[Contradiction]:
    with_right = tuple(market for market in law if market.has_withdrawal_right)
    rules: tuple[Callable[[ReturnPolicy, tuple[Market, ...]], Iterator[Contradiction]], ...] = (
        _window_below,
        _rules_below,
        _refund_slower,
        _excluded,
        _accepts_too_little,
        _told_to_pay,
        _not_informed,
        _withdrawal_not_offered,
    )
    for rule in rules:
        yield from rule(policy, with_right)
    yield from _ship_back_below(policy, law)
    yield from _charges_forbidden(policy, law)
    yield from _laid_on_who_withdraws(policy, with_right)


def _window_below(policy: ReturnPolicy, law: tuple[Market, ...]) -> Iterator[Contradiction]:
    promised: dict[Tier | None, int] = {None: policy.return_window_days or 0}
    if policy.return_window_days is None:
        promised = {tier: _number(policy.tier_table, "return_window", tier) for tier in Tier}
    against = tuple(
        Against(market.market, tier, f"{days} days", _right_in_words(market), withdrawal_right(market).source)
        for market in law
        for tier, days in promised.items()
        if days < _right_in_days(market)
    )
    if against:
        key = "window.days" if policy.return_window_days is not None else _row_key("return_window", against)
        yield _warning(
            "window_below_law",
            key,
            f"The return window is shorter than the right of withdrawal {_where(against)}.",
            against,
        )


def _rules_below(policy: ReturnPolicy, law: tuple[Market, ...]) -> Iterator[Contradiction]:
    for number, rule in enumerate(policy.windows):
        days = rule.days if rule.days is not None else _fewest_days(rule)
        against = tuple(
            Against(
                market.market,
                None,
                f"{days} days at the least",
                _right_in_words(market),
                withdrawal_right(market).source,
            )
            for market in law
            if days < _right_in_days(market)
        )
        if against:
            key = f"window.when[{number}].{'days' if rule.days is not None else 'until'}"
            says = f"The window of {rule.name!r} is shorter than the right of withdrawal {_where(against)}."
            yield _warning("window_rule_below_law", key, says, against)


def _ship_back_below(policy: ReturnPolicy, law: tuple[Market, ...]) -> Iterator[Contradiction]:
    against = tuple(
        Against(market.market, tier, promised, f"{days} days", market.source("consumer_ship_back_days"))
        for market in law
        for tier in Tier
        if (days := market.consumer_ship_back_days or 0) > shortest_days(promised := _text(policy, "ship_back", tier))
    )
    if against:
        says = f"The shopper has less time to send the goods than the law gives {_where(against)}."
        yield _warning("ship_back_below_law", _row_key("ship_back", against), says, against)


def _refund_slower(policy: ReturnPolicy, law: tuple[Market, ...]) -> Iterator[Contradiction]:
    """Even where the goods arrive in the instant in which the law's clock starts, the promise is later than its end."""
    against = tuple(
        Against(
            market.market,
            tier,
            " and then ".join(steps),
            _clock_in_words(clock),
            market.source("refund_days", "refund_starts"),
        )
        for market in law
        for tier in Tier
        for clock in _clocks(market)
        if _longer(steps := _refund_steps(policy, tier), clock.span)
    )
    if against:
        says = f"Inspection and refund together take longer than the law's clock {_where(against)}."
        yield _warning("refund_slower_than_law", _row_key("refund", against), says, against)


def _clocks(market: Market) -> tuple[RefundClock, ...]:
    text = clock_of(market)
    return tuple(RefundClock.parse(one) for one in text.split(", ")) if text else ()


def _clock_in_words(clock: RefundClock) -> str:
    event = {
        Event.NOTICE: "the notice",
        Event.SENT: "proof of sending",
        Event.RECEIVED: "receipt of the goods",
    }[clock.starts]
    return f"at once on {event}" if clock.span == AT_ONCE else f"{clock.span} from {event}"


def _refund_steps(policy: ReturnPolicy, tier: Tier) -> tuple[str, ...]:
    inspected = _text(policy, "refund_trigger", tier) == RefundTrigger.INSPECTION_PASSED
    return (*((_text(policy, "inspection", tier),) if inspected else ()), _text(policy, "refund", tier))


def _longer(steps: tuple[str, ...], law: str) -> bool:
    """Whether the steps, one after the other, can end later than the law's span."""
    spans = [Span.parse(step) for step in steps]
    working = sum(span.amount for span in spans if span.unit == "bd")
    other = sum(shortest_days(step) for step, span in zip(steps, spans, strict=True) if span.unit != "bd")
    if law.endswith("bd"):
        days = int(law.removesuffix("bd"))
        # So many working days may be as few days.
        return working > days if not other else _longest(working) + other > days
    return _longest(working) + other > int(law.removesuffix("d"))


def _excluded(policy: ReturnPolicy, law: tuple[Market, ...]) -> Iterator[Contradiction]:
    held = {nature: [market for market in law if nature not in _excepted(market)] for nature in sorted(policy.excluded)}
    against = tuple(
        Against(
            market.market,
            None,
            f"{nature} excluded",
            f"no exception for {nature}, {_right_in_words(market)} to withdraw",
            market.source("exceptions"),
        )
        for nature, markets in held.items()
        for market in markets
    )
    if against:
        each = "; ".join(
            f"{nature} {_in(market.market for market in markets)}" for nature, markets in held.items() if markets
        )
        says = f"Goods are excluded for which the law makes no exception: {each}."
        yield _warning("excluded_but_right_holds", "goods.excluded", says, against)


def _excepted(market: Market) -> frozenset[Nature]:
    return frozenset(EXCEPTED_NATURES[word] for word in market.exceptions if word in EXCEPTED_NATURES)


def _accepts_too_little(policy: ReturnPolicy, law: tuple[Market, ...]) -> Iterator[Contradiction]:
    if policy.accepts and GoodsCondition.OPENED not in policy.accepts:
        against = tuple(
            Against(
                market.market,
                None,
                "accepted as " + ", ".join(sorted(policy.accepts)),
                "may be unpacked and tried, and withdrawn from",
                market.source("diminished_value_deduction"),
            )
            for market in law
        )
        if against:
            says = f"Goods that were unpacked and tried are not accepted, though the right does not end with that {_where(against)}."
            yield _warning("accepts_too_little", "goods.accepts", says, against)


def _told_to_pay(policy: ReturnPolicy, law: tuple[Market, ...]) -> Iterator[Contradiction]:
    if not policy.shopper_informed or policy.bears_all:
        return
    against = tuple(
        Against(market.market, None, "the shopper pays the way back", freight.rule.replace("_", " "), freight.source)
        for market in law
        if (freight := freight_without_fault(market)).rule.startswith("seller")
    )
    if against:
        says = f"Shoppers are told that they pay the way back, and the law says that the seller does {_where(against)}."
        yield _warning("told_to_pay_where_seller_must", "fees.shopper_informed", says, against)


def _charges_forbidden(policy: ReturnPolicy, law: tuple[Market, ...]) -> Iterator[Contradiction]:
    """The waterfall itself is asked, market by market: where it does not come to the shopper, the law prevails."""
    if policy.bears_all:
        return
    for kind in policy.fees.charges:
        against = _not_the_shoppers(policy, kind, law, withdrawing=False)
        if against:
            says = f"A {kind} fee is charged that the law does not let the shopper bear {_where(against)}: the merchant bears it there."
            yield _warning("fee_forbidden_by_law", f"fees.{kind}", says, against)


def _laid_on_who_withdraws(policy: ReturnPolicy, with_right: tuple[Market, ...]) -> Iterator[Contradiction]:
    if policy.bears_all:
        return
    against = tuple(
        one
        for kind in policy.fees.shopper_bears
        for one in _not_the_shoppers(policy, kind, with_right, withdrawing=True)
    )
    if against:
        says = f"Who withdraws from the sale bears no more than the way back {_where(against)}: the merchant bears the rest there."
        yield _warning("fee_of_who_withdraws", "fees.shopper_bears", says, against)


def _not_the_shoppers(
    policy: ReturnPolicy, kind: FeeKind, law: tuple[Market, ...], *, withdrawing: bool
) -> tuple[Against, ...]:
    agreed = policy.fees.agreed(bears_all=False, shopper_informed=policy.shopper_informed, source=policy.source)
    promised = f"{policy.fees.charges[kind]} for {kind}" if kind in OWN_WORK else f"the shopper bears {kind}"
    against = []
    for market in law:
        bearing = bearer_of(kind, fault=Fault.NOBODY, agreed=agreed, law=fee_law(market), withdrawing=withdrawing)
        if bearing.bearer is not Bearer.SHOPPER:
            stands = market.restocking_fee_no_fault if kind in OWN_WORK else bearing.rule
            against.append(Against(market.market, None, promised, (stands or "").replace("_", " "), bearing.source))
    return tuple(against)


def _not_informed(policy: ReturnPolicy, law: tuple[Market, ...]) -> Iterator[Contradiction]:
    if policy.informed_of_right:
        return
    against = tuple(
        Against(
            market.market,
            None,
            "shoppers are not told of the right",
            f"{months} months more",
            market.source("if_not_informed"),
        )
        for market in law
        if (months := MONTHS_WHEN_NOT_INFORMED.get(market.if_not_informed or "", 0))
    )
    if against:
        says = f"Not telling shoppers of their right lengthens it {_where(against)}."
        yield _warning("not_informed_lengthens_right", "law.informed_of_right", says, against)


def _withdrawal_not_offered(policy: ReturnPolicy, law: tuple[Market, ...]) -> Iterator[Contradiction]:
    if policy.reasons and ReturnReason.WITHDRAWAL not in policy.reasons:
        against = tuple(
            Against(
                market.market, None, "withdrawal is no reason", _right_in_words(market), withdrawal_right(market).source
            )
            for market in law
        )
        if against:
            says = f"The reasons offered leave out withdrawal, which is a right {_where(against)}."
            yield _warning("withdrawal_not_offered", "requests.reasons", says, against)


# --- against itself


def _windows(policy: ReturnPolicy) -> Iterator[Contradiction]:
    for number, rule in enumerate(policy.windows):
        key = f"window.when[{number}]"
        if policy.goods_categories and rule.categories and not rule.categories & policy.goods_categories:
            says = (
                f"The window of {rule.name!r} fits nothing: none of its categories is among those that can come back."
            )
            yield _error("window_rule_fits_nothing", f"{key}.categories", says)
        first = next((one for one in policy.windows[:number] if _covers(one, rule)), None)
        if first is not None:
            says = f"The window of {rule.name!r} is never reached: whatever fits it fits {first.name!r} before it."
            yield _error("window_rule_never_reached", key, says)
        if rule.season and all(rule.season.holds(day) for day in _days()):
            says = f"The season of {rule.name!r} holds on every day of the year; it is no condition."
            yield _warning("season_never_ends", f"{key}.season", says)


def _covers(first: WindowRule, later: WindowRule) -> bool:
    """Whether everything that fits the later rule fits the first one too."""
    pairs = (
        (first.categories, later.categories),
        (first.conditions, later.conditions),
        (first.channels, later.channels),
        (first.payments, later.payments),
        (first.sellers, later.sellers),
    )
    if not all(not mine or (theirs and theirs <= mine) for mine, theirs in pairs):
        return False
    mine = first.season
    return mine is None or all(mine.holds(day) for day in _days() if later.season is None or later.season.holds(day))


def _fewest_days(rule: WindowRule) -> int:
    """The fewest days that a window until a day of the year leaves, over all days on which its season holds."""
    left = [
        (last - day).days
        for day in _days()
        if (rule.season is None or rule.season.holds(day)) and (last := rule.last_day(day)) is not None
    ]
    return min(left, default=0)


def _days() -> list[date]:
    """Every day of a year without and of a year with 29 February."""
    return [date(2027, 1, 1) + timedelta(days=number) for number in range(365 + 366)]


def _triggers(policy: ReturnPolicy) -> Iterator[Contradiction]:
    never: list[Against] = []
    unused: list[Against] = []
    for tier in Tier:
        trigger = RefundTrigger(_text(policy, "refund_trigger", tier))
        ceiling, quota = (
            _number(policy.tier_table, name, tier) for name in ("instant_refund_ceiling", "advance_refunds_open")
        )
        if trigger in AHEAD_OF_RECEIPT and not (ceiling and quota):
            stands = f"up to {ceiling} US dollars, {quota} at once"
            never.append(Against(None, tier, trigger, stands, _source(policy, "instant_refund_ceiling", tier)))
        if trigger not in AHEAD_OF_RECEIPT and ceiling:
            source = _source(policy, "refund_trigger", tier)
            unused.append(Against(None, tier, f"up to {ceiling} US dollars", f"the refund waits: {trigger}", source))
    if never:
        says = "The refund is promised ahead of receipt, and ceiling or number of such refunds is 0: it is never paid ahead."
        yield _error("never_paid_ahead", _row_key("refund_trigger", never), says, tuple(never))
    if unused:
        says = "There is a ceiling for refunds ahead of receipt, and the refund waits for the goods: the ceiling is never used."
        yield _warning("ceiling_never_used", _row_key("instant_refund_ceiling", unused), says, tuple(unused))


def _unused(policy: ReturnPolicy) -> Iterator[Contradiction]:
    table = policy.tier_table
    ceilings = {tier: _number(table, "returnless_ceiling", tier) for tier in Tier}
    if not policy.returnless and table.row("returnless_ceiling").written_in and any(ceilings.values()):
        says = "There is a ceiling for refunds without return, and such refunds are not offered."
        yield _warning("returnless_not_offered", "tiers.returnless_ceiling", says)
    if policy.returnless and not any(ceilings.values()):
        says = "Refunds without return are offered, and their ceiling is 0 for every tier."
        yield _error("returnless_without_ceiling", "returnless.offered", says)
    if policy.refund_only is RefundOnly.RULE and not policy.returnless:
        says = "The rule decides on money without goods up to the ceiling of returnless refunds, and these are not offered."
        yield _error("refund_only_without_ceiling", "returnless.refund_only", says)
    if policy.return_window_days is not None and table.row("return_window").written_in:
        says = f"Every tier has the window of {policy.return_window_days} days; the row by tier is never used."
        yield _warning("row_never_used", "tiers.return_window", says)
    if policy.bears_all and policy.waterfall:
        yield _warning(
            "waterfall_never_used", "fees.waterfall", "The merchant pays every fee; nothing is left to be taken over."
        )
    if policy.bears_all and policy.shopper_informed:
        says = "Shoppers are told that they pay the way back, and the merchant pays every fee."
        yield _warning("told_to_pay_for_nothing", "fees.shopper_informed", says)
    if policy.bears_all and (policy.fees.charges or policy.fees.shopper_bears):
        key = next((f"fees.{kind}" for kind in policy.fees.charges), "fees.shopper_bears")
        yield _warning("fee_never_charged", key, "Fees are laid on the shopper, and the merchant pays every fee.")
    if policy.bears_all and policy.fees.when_above_refund is AboveRefund.INVOICE:
        says = "Fees above the refund are invoiced, and the merchant pays every fee."
        yield _warning("never_invoiced", "fees.when_above_refund", says)
    yield from _priced_and_not_goods(policy)
    labels = [_number(table, "free_labels_per_month", tier) for tier in Tier]
    if Waterfall.BENEFIT in policy.waterfall and not any(labels):
        says = "The benefit of the tier is asked for the freight, and no tier has a free label."
        yield _error("benefit_without_labels", "fees.waterfall", says)


def _priced_and_not_goods(policy: ReturnPolicy) -> Iterator[Contradiction]:
    for kind, charge in policy.fees.charges.items():
        for category in sorted(charge.categories.keys() - policy.goods_categories if policy.goods_categories else ()):
            says = f"The {kind} fee of {category!r} is asked of nothing: the category is not among those that can come back."
            yield _error("fee_fits_nothing", f"fees.{kind}.categories.{category}", says)


# --- the tiers among themselves


class Sense(StrEnum):
    """Which values of a row are better for the shopper."""

    LESS = "less"
    MORE = "more"


# A row that leaves a tier out promises it nothing; of limits on the shopper, where that is no limit, see UNLIMITED.
SENSES: Mapping[str, Sense] = MappingProxyType(
    {
        **dict.fromkeys(
            ("approval", "approval_escalated", "booking", "pickup", "transit", "inspection", "refund", "attention"),
            Sense.LESS,
        ),
        **dict.fromkeys(("first_answer", "complaint_ladder"), Sense.LESS),
        **dict.fromkeys(("ship_back", "appeal", "pickup_tries", "advance_recharge", "return_window"), Sense.MORE),
        **dict.fromkeys(("instant_refund_ceiling", "advance_refunds_open", "returnless_ceiling"), Sense.MORE),
        **dict.fromkeys(("advance_reminders", "returnless_per_90_days"), Sense.MORE),
        **dict.fromkeys(("store_credit_after_window", "free_labels_per_month"), Sense.MORE),
        **dict.fromkeys(("requests_per_item", "edits_per_request"), Sense.MORE),
        **dict.fromkeys(("abuse_return_rate", "abuse_returns_90_days", "abuse_mismatches"), Sense.MORE),
    }
)
UNLIMITED = frozenset(
    {
        "returnless_per_90_days",
        "requests_per_item",
        "edits_per_request",
        "abuse_return_rate",
        "abuse_returns_90_days",
        "abuse_mismatches",
    }
)
# The words of outcomes, worst for the shopper first.
WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "refund_trigger": tuple(RefundTrigger),
        "approval_default_low_risk": (ApprovalDefault.ESCALATE_THEN_AUTHORIZE, ApprovalDefault.AUTHORIZE),
        "approval_default_high_risk": (ApprovalDefault.ESCALATE_THEN_AUTHORIZE, ApprovalDefault.AUTHORIZE),
        # From no advance to one that takes the shopper's word; who bears a loss is nothing to her.
        "advance_guarantee": tuple(Guarantee),
        "advance_written_off_by": tuple(DebtBearer),
        "exchange_ships": ("received", "first_scan", "authorized_with_hold", "authorized_door_swap"),
    }
)


def _tiers_crossed(table: TierTable) -> Iterator[Contradiction]:
    for row in table.rows.values():
        against = tuple(
            Against(
                None,
                higher,
                in_words(row.values.get(higher)),
                f"{in_words(row.values.get(lower))} for {lower}",
                row.written_in or f"tier table v{table.version}",
            )
            for lower, higher in pairwise(Tier)
            if _worse(row, higher, lower)
        )
        if against:
            says = f"A higher tier is promised less than the one below it: {row.title.lower()}."
            yield _warning("tier_worse_than_lower", _row_key(row.name, against), says, against)


def _worse(row: TierRow, one: Tier, other: Tier) -> bool:
    """Whether the row gives one tier less than the other; never where nobody knows which way is better."""
    if row.name in WORDS:
        words = WORDS[row.name]
        places = [
            words.index(str(row.values[tier])) if row.values.get(tier) in words else None for tier in (one, other)
        ]
        return places[0] is not None and places[1] is not None and places[0] < places[1]
    sense = SENSES.get(row.name)
    if sense is None:
        return False
    mine, theirs = (_size(row, tier, sense) for tier in (one, other))
    return mine > theirs if sense is Sense.LESS else mine < theirs


def _size(row: TierRow, tier: Tier, sense: Sense) -> tuple[float, ...]:
    value = row.values.get(tier)
    if value is None:
        best = row.name in UNLIMITED
        return (float("inf") if best is (sense is Sense.MORE) else float("-inf"),)
    if isinstance(value, int):
        return (value,)
    return tuple(map(shortest_days, (value,) if isinstance(value, str) else value))


# --- words and figures


def in_words(value: TierValue | None) -> str:
    """A cell as people read it: nothing, 24h, 24h/48h/72h.

    >>> in_words(("24h", "48h"))
    '24h/48h'
    """
    if value is None:
        return NOTHING
    return "/".join(value) if isinstance(value, tuple) else str(value)


def _where(against: Iterable[Against]) -> str:
    """In how many markets, and for whom: "in 3 markets (EU, DE, FR) for ENTRY, INTERMEDIATE"."""
    listed = list(against)
    tiers = dict.fromkeys(one.tier for one in listed if one.tier)
    return _in(one.market for one in listed if one.market) + (f" for {', '.join(tiers)}" if tiers else "")


def _in(markets: Iterable[str]) -> str:
    names = dict.fromkeys(markets)
    return f"in {len(names)} market{'' if len(names) == 1 else 's'} ({', '.join(names)})"


def _row_key(row: str, against: Iterable[Against]) -> str:
    """The cell of the first tier that it is about."""
    tier = next((one.tier for one in against if one.tier), None)
    return f"tiers.{row}.{tier}" if tier else f"tiers.{row}"


def _text(policy: ReturnPolicy, row: str, tier: Tier) -> str:
    return policy.tier_table.span(row, tier)


def _number(table: TierTable, row: str, tier: Tier) -> int:
    value = table.row(row).values.get(tier)
    return value if isinstance(value, int) else 0


def _source(policy: ReturnPolicy, row: str, tier: Tier) -> str:
    table = policy.tier_table
    return f"{table.row(row).written_in or f'tier table v{table.version}'}, {tier}"


def _right_in_days(market: Market) -> int:
    right = withdrawal_right(market)
    return _longest(right.days) if right.business else right.days


def _right_in_words(market: Market) -> str:
    right = withdrawal_right(market)
    return f"{right.days} {'working ' if right.business else ''}days"


def _longest(working_days: int) -> int:
    """The most days that so many working days can last, holidays aside: five of them always hold a weekend."""
    return working_days + 2 * -(-working_days // BUSINESS_DAYS_PER_WEEK)
