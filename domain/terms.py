"""The terms of one return: the promise for the customer's tier, raised to the floor of the market's law, then frozen.

Terms are computed when a case is opened and stay in it: a policy or a law file changed later does not touch a return
under way.
"""

from dataclasses import dataclass

from domain.calendar import Span
from domain.limits import Limits
from domain.market import Market, Right
from domain.policy import ReturnPolicy, Starts
from domain.tier import Tier

HOURS_PER_DAY = 24
MINUTES_PER_DAY = 24 * 60
BUSINESS_DAYS_PER_WEEK = 5


@dataclass(frozen=True)
class Terms:
    """Policy and law as applied to one case.

    `withdrawal_days` are calendar days of the statutory right to withdraw without a reason; 0 = no such right.

    `sources` says for each aspect which policy or provision the value comes from.
    """

    tier: Tier
    market: str
    programme: str
    policy_version: str
    return_window_days: int
    starts: Starts
    withdrawal_days: int
    merchant_bears_all: bool
    limits: Limits
    sources: tuple[tuple[str, str], ...]

    def source_of(self, aspect: str) -> str:
        return dict(self.sources).get(aspect, f"programme {self.programme} v{self.policy_version}")


def terms_for(policy: ReturnPolicy, market: Market, tier: Tier) -> Terms:
    """The promise of `policy` to a customer of `tier`, nowhere below the law of `market`.

    The return window is raised to the days of the statutory withdrawal right where the market has one; the time to
    send goods back is raised to the market's statutory time.
    """
    table_source = f"tier table v{policy.tier_table.version}, {tier}"
    withdrawal_days = _withdrawal_days(market)
    window, window_source = _raise_days(*_promised_window(policy, tier, table_source), withdrawal_days, market)
    ship_back, ship_back_source = _raise_span(
        policy.tier_table.span("ship_back", tier), table_source, market.consumer_ship_back_days or 0, market
    )
    return Terms(
        tier=tier,
        market=market.market,
        programme=policy.programme,
        policy_version=policy.version,
        return_window_days=window,
        starts=policy.window_starts,
        withdrawal_days=withdrawal_days,
        merchant_bears_all=policy.bears_all,
        limits=_limits(policy, tier, ship_back),
        sources=(
            ("return_window", window_source),
            ("withdrawal", _law(market)),
            ("ship_back", ship_back_source),
            ("limits", table_source),
            ("fees", policy.source if policy.bears_all else _law(market)),
        ),
    )


def _limits(policy: ReturnPolicy, tier: Tier, ship_back: str) -> Limits:
    table = policy.tier_table
    return Limits(
        approval=table.span("approval", tier),
        booking=table.span("booking", tier),
        ship_back=ship_back,
        pickup=table.span("pickup", tier),
        pickup_tries=table.number("pickup_tries", tier),
        transit=table.span("transit", tier),
        inspection=table.span("inspection", tier),
        refund=table.span("refund", tier),
        attention=table.span("attention", tier),
    )


def _promised_window(policy: ReturnPolicy, tier: Tier, table_source: str) -> tuple[int, str]:
    if policy.return_window_days is not None:
        return policy.return_window_days, policy.source
    return policy.tier_table.number("return_window", tier), table_source


def _withdrawal_days(market: Market) -> int:
    # A conditional right holds only under the conditions of the provision: it is never applied by itself.
    if market.withdrawal_right is not Right.YES or market.withdrawal_days is None:
        return 0
    if market.withdrawal_day_type == "business":
        weekends = -(-market.withdrawal_days // BUSINESS_DAYS_PER_WEEK)
        return market.withdrawal_days + 2 * weekends
    return market.withdrawal_days


def _raise_days(promised: int, source: str, law: int, market: Market) -> tuple[int, str]:
    return (law, _law(market)) if law > promised else (promised, source)


def _raise_span(promised: str, source: str, law_days: int, market: Market) -> tuple[str, str]:
    return (f"{law_days}d", _law(market)) if law_days > _shortest_days(promised) else (promised, source)


def _shortest_days(text: str) -> float:
    """The least time that a span can last, in days: n business days last at least n days."""
    span = Span.parse(text)
    match span.unit:
        case "min":
            return span.amount / MINUTES_PER_DAY
        case "h":
            return span.amount / HOURS_PER_DAY
    return span.amount


def _law(market: Market) -> str:
    return f"law of {market.market}: {market.citation}"
