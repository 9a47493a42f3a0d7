"""Past returns run again under a policy: judged as of the day they were asked for, and lived to their end.

Returns that share a customer, a linked account or an order form a group, and are run together on one line of time: what a
policy lets in takes units, what it refuses leaves them for a later return, and what it decided is the history that fair use
looks at. Two groups have nothing to do with each other, so any number of them may be run at the same time.

How a request was worded is not held against it: a reason or a way back that a policy does not offer would have been another.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import heappop, heappush

from domain.bearers import FeeLaw, fee_law
from domain.calendar import Calendar
from domain.course import Course, Life, live
from domain.eligibility import Verdict
from domain.errors import BoomerangError
from domain.fees import TIER_BENEFIT, Bearer, Fee, FeeKind, bearer_of_lost_goods
from domain.frozen import replace as changed
from domain.handling import NO_FEES, FeeTerms, SettledUnits, fees_at_settlement
from domain.limits import Limits, RefundTrigger
from domain.market import Market, market_of
from domain.opening import NO_HISTORY, JudgedLine, Judgement, ReturnRequest, Setting, judge, risk_of
from domain.order import SoldLine
from domain.policy import PolicyBook, ReturnPolicy
from domain.refund import RefundLine, deduct_fees, goods_of_line
from domain.risk import NO_RISK, ReturnHistory
from domain.stages import Stage
from domain.state import Method, Opening
from domain.state import Verdict as Ground
from domain.terms import Terms, terms_for
from domain.tier import PlacedOrder, Tier, TierLock, TierThresholds, months_before, tier_now

LineKey = tuple[str, str]  # order id, order line id
FREES_UNITS = frozenset({Stage.REFUSED, Stage.CANCELLED, Stage.EXPIRED, Stage.SENT_BACK})
GIVEN_UP = frozenset({Stage.CANCELLED, Stage.EXPIRED, Stage.SENT_BACK})
AHEAD = frozenset({RefundTrigger.FIRST_SCAN, RefundTrigger.AUTHORIZED})
VELOCITY = timedelta(days=90)
YEAR_MONTHS = 12


@dataclass(frozen=True)
class PastReturn:
    """One return as it was asked for at `at`, which its request declares too; `course` is what was heard of it.

    `then` is what was decided about it, where there was a policy that decided.
    """

    id: str
    request: ReturnRequest
    at: datetime
    course: Course
    then: Verdict | None = None


@dataclass(frozen=True)
class EarlierReturn:
    """A return from before the stretch of time that is run again, as it stands on record.

    units      that it took, by order line; `refunded` the units and minor units that it brought back, by order line
    freed_at   when its units were given free again; None where it keeps them
    """

    id: str
    customer_id: str | None
    declared_at: datetime
    stage: Stage
    currency: str
    quoted_minor: int
    refund_only: bool
    ahead: bool
    ended_at: datetime | None
    units: Mapping[LineKey, int]
    refunded: Mapping[LineKey, tuple[int, int]]
    asked: frozenset[LineKey] = frozenset()
    refunded_at: datetime | None = None
    free_label_at: datetime | None = None
    mismatch_at: datetime | None = None


@dataclass(frozen=True)
class Bought:
    """One completed order as fair use looks at it."""

    placed_at: datetime
    currency: str
    minor: int
    units: int


@dataclass(frozen=True)
class Customer:
    """`orders` are for the tier, `bought` for fair use; `linked` are the accounts with the same address or device."""

    id: str
    country: str
    orders: tuple[PlacedOrder, ...] = ()
    bought: tuple[Bought, ...] = ()
    lock: TierLock | None = None
    linked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Returns that have to do with each other, in the order in which they were asked for, and what they may be about.

    `of_order` are the lines of each named order, `of_sku` all lines of a customer and SKU; nothing is claimed in them.
    """

    returns: tuple[PastReturn, ...]
    customers: Mapping[str, Customer] = field(default_factory=dict)
    of_order: Mapping[str, tuple[SoldLine, ...]] = field(default_factory=dict)
    of_sku: Mapping[tuple[str, str], tuple[SoldLine, ...]] = field(default_factory=dict)
    earlier: tuple[EarlierReturn, ...] = ()


Days = Callable[[str, Market, datetime, datetime], Calendar]


@dataclass
class World:
    """What all returns share: the law, the days of a country from one moment to well beyond another, the course of a tier
    where nothing was recorded, and what has been worked out before."""

    book: PolicyBook
    days: Days
    assumed: Mapping[Tier, Course]
    _unworded: dict[int, tuple[ReturnPolicy, ReturnPolicy, bool]] = field(default_factory=dict)
    _terms: dict[tuple[int, str, str, Tier, bool], Terms] = field(default_factory=dict)
    _alike: dict[int, tuple[TierThresholds, TierThresholds]] = field(default_factory=dict)
    _tiers: dict[tuple[int, str, datetime], Tier] = field(default_factory=dict)
    _lives: dict[tuple[Limits, bool, Method, datetime, int, Tier], Life] = field(default_factory=dict)

    def begin(self) -> None:
        """Forget what belonged to the group before."""
        self._tiers.clear()
        self._lives.clear()

    def unworded(self, policy: ReturnPolicy) -> tuple[ReturnPolicy, bool]:
        """The policy as past requests are judged by it, whatever their words; and whether it looks at histories."""
        if id(policy) not in self._unworded:
            judged_by = replace(policy, reasons=frozenset(), reason_required=False, methods=frozenset())
            self._unworded[id(policy)] = (
                policy,
                judged_by,
                judged_by.looks_at_history,
            )  # kept, so that its id stays its own
        return self._unworded[id(policy)][1:]

    def terms(self, policy: ReturnPolicy, market: Market, country: str, tier: Tier, benefits: bool) -> Terms:
        key = (id(policy), market.market, country, tier, benefits)
        if key not in self._terms:
            self._terms[key] = terms_for(policy, market, tier, country=country, benefits=benefits)
        return self._terms[key]

    def tier(self, policy: ReturnPolicy, customer: Customer | None, at: datetime) -> Tier:
        thresholds = self._first_alike(policy.tier_table.thresholds)
        key = (id(thresholds), customer.id if customer else "", at)
        if key not in self._tiers:
            orders, lock = (customer.orders, customer.lock) if customer else ((), None)
            self._tiers[key] = tier_now(orders, lock, thresholds, self.book.rates, at)[0]
        return self._tiers[key]

    def _first_alike(self, thresholds: TierThresholds) -> TierThresholds:
        """Most drafts leave the thresholds as they are: what was worked out by the ones serves the others."""
        if id(thresholds) not in self._alike:
            first = next((known for _, known in self._alike.values() if known == thresholds), thresholds)
            self._alike[id(thresholds)] = thresholds, first  # kept, so that its id stays its own
        return self._alike[id(thresholds)][1]

    def life(self, opening: Opening, course: Course, tier: Tier) -> Life:
        """Returns asked for together live alike, and so does one under two policies with the same limits."""
        key = (opening.limits, opening.authorized, opening.method, opening.opened_at, id(course), tier)
        if key not in self._lives:
            self._lives[key] = live(opening, course, self.assumed[tier])
        return self._lives[key]


@dataclass
class Ran:
    """What one policy made of one return; money in minor units of `currency`.

    grounds    why it was refused or referred, or the code of what made the request impossible
    stage      at which it ended, or stands
    took       from the request to the money; None where none was paid
    fees       what its labels and the merchant's own work cost, and goods that were lost, by bearer and currency
    judgement  with the decisions about its lines; None for a request that was impossible
    """

    verdict: Verdict
    grounds: tuple[str, ...]
    tier: Tier
    currency: str
    stage: Stage = Stage.REFUSED
    took: timedelta | None = None
    refund_minor: int = 0
    fees: dict[tuple[str, str], int] = field(default_factory=dict)
    window_days: int = 0
    assumed: bool = False
    judgement: Judgement | None = None

    def charge(self, bearer: str, currency: str, minor: int) -> None:
        if minor:
            self.fees[bearer, currency] = self.fees.get((bearer, currency), 0) + minor


def run_again(group: Group, policy: ReturnPolicy, world: World) -> list[Ran]:
    """What the policy makes of each return of the group, in their order."""
    return _Timeline(group, policy, world).run()


@dataclass
class _Kept:
    """What later returns see of an earlier one."""

    customer_id: str | None
    declared_at: datetime
    currency: str
    quoted_minor: int
    refund_only: bool
    ahead: bool
    stage: Stage
    ended_at: datetime | None
    free_label_at: datetime | None
    mismatch_at: datetime | None

    def has_ended(self, at: datetime, *stages: Stage) -> bool:
        return self.stage in stages and self.ended_at is not None and self.ended_at <= at


class _Timeline:
    """The returns of a group under one policy, with the units that are gone and the money that is back at each moment."""

    def __init__(self, group: Group, policy: ReturnPolicy, world: World) -> None:
        self._group, self._world = group, world
        self._policy, self._looks_at_history = world.unworded(policy)
        self._charges = self._policy.fees != NO_FEES
        self._laws: dict[str, FeeLaw] = {}  # by return, where anything is charged
        self._claimed: dict[LineKey, int] = {}
        self._asked: dict[LineKey, int] = {}
        self._refunded: dict[LineKey, tuple[int, int]] = {}
        self._kept: list[_Kept] = []
        self._coming: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._number = 0
        self._ran: dict[str, Ran] = {}

    def run(self) -> list[Ran]:
        for before in self._group.earlier:
            self._remember(before)
        for past in self._group.returns:
            self._at(past.at, lambda at, past=past: self._open(past))  # type: ignore[misc]
        while self._coming:
            at, _, happen = heappop(self._coming)
            happen(at)
        return [self._ran[past.id] for past in self._group.returns]

    def _at(self, at: datetime, happen: Callable[[datetime], None]) -> None:
        self._number += 1
        heappush(self._coming, (at, self._number, happen))

    # --- what went before ---

    def _remember(self, before: EarlierReturn) -> None:
        for key in before.asked:
            self._asked[key] = self._asked.get(key, 0) + 1
        if before.units:
            self._at(before.declared_at, lambda at: self._take(before.units, 1))
            if before.stage in FREES_UNITS and before.ended_at:
                self._at(before.ended_at, lambda at: self._take(before.units, -1))
        if before.refunded_at:
            self._at(before.refunded_at, lambda at: self._give_back(before.refunded))
        self._kept.append(
            _Kept(
                before.customer_id,
                before.declared_at,
                before.currency,
                before.quoted_minor,
                before.refund_only,
                before.ahead,
                before.stage,
                before.ended_at,
                before.free_label_at,
                before.mismatch_at,
            )
        )

    def _take(self, units: Mapping[LineKey, int], sign: int) -> None:
        for key, quantity in units.items():
            self._claimed[key] = self._claimed.get(key, 0) + sign * quantity

    def _give_back(self, refunded: Mapping[LineKey, tuple[int, int]]) -> None:
        for key, (units, minor) in refunded.items():
            before_units, before_minor = self._refunded.get(key, (0, 0))
            self._refunded[key] = before_units + units, before_minor + minor

    # --- asked ---

    def _open(self, past: PastReturn) -> None:
        request, at, policy, world = past.request, past.at, self._policy, self._world
        sold = self._sold(request, at)
        name = request.customer_id or next((line.customer_id for line in sold if line.customer_id), None)
        customer = self._group.customers.get(name) if name else None
        country = customer.country if customer else sold[0].market if sold else ""
        law = sold[0].market if request.order_id and sold else country
        market = market_of(world.book, law)
        if self._charges:
            self._laws[past.id] = fee_law(market)
        tier = world.tier(policy, customer, at)
        currency = sold[0].currency if sold else request.currency or policy.tier_table.thresholds.currency
        history, risk = NO_HISTORY, NO_RISK
        if customer and self._looks_at_history:
            history = self._history(customer, currency, at)
            risk = risk_of(history, policy, tier)
        terms = world.terms(policy, market, law, tier, not risk.ends_benefits)
        oldest = min([line.delivered_at or line.placed_at for line in sold], default=at)
        days = world.days(
            law, market, min(oldest, at), at
        )  # they serve the case too: it does not matter where a calendar begins
        setting = Setting(policy, terms, market, days, days, world.book.rates, history, risk)
        try:
            judgement = judge(request, sold=sold, by=setting, at=at, currency=currency, told=False)
        except BoomerangError as impossible:
            self._ran[past.id] = Ran(
                Verdict.REFUSED, (impossible.code,), tier, currency, window_days=terms.return_window_days
            )
            return
        grounds = tuple(dict.fromkeys(ground for line in judgement.lines for ground in line.grounds))
        ran = self._ran[past.id] = Ran(
            judgement.verdict,
            grounds,
            tier,
            judgement.currency,
            window_days=terms.return_window_days,
            judgement=judgement,
        )
        for key in {_key(line) for line in judgement.lines if line.sold}:
            self._asked[key] = self._asked.get(key, 0) + 1
        if judgement.verdict is not Verdict.REFUSED:
            self._let_in(past, ran, judgement, name)

    def _let_in(self, past: PastReturn, ran: Ran, judgement: Judgement, customer: str | None) -> None:
        authorized = judgement.verdict is Verdict.ELIGIBLE
        opening = Opening(past.id, authorized, past.request.method, past.at, judgement.limits)
        life = self._world.life(opening, past.course, ran.tier)
        ran.stage, ran.assumed = life.stage, life.assumed
        ran.took = life.paid_at - past.at if life.paid_at else None
        units: dict[LineKey, int] = {}
        for line in judgement.lines:
            if line.sold and line.verdict is not Verdict.REFUSED:
                units[_key(line)] = units.get(_key(line), 0) + line.quantity
        self._take(units, 1)
        if life.stage in FREES_UNITS and life.ended_at:
            self._at(life.ended_at, lambda at: self._take(units, -1))
        if life.settled:
            self._at(life.settled[0][0], lambda at: self._settle(past, ran, judgement, life))
        else:
            self._charge_labels(past, ran, judgement, life, refund_at=None)
        mismatch = life.judged_at if past.course.rejected and not life.assumed else None
        self._kept.append(
            _Kept(
                customer,
                past.at,
                judgement.currency,
                judgement.quote.total_minor,
                past.request.resolution == "refund_only",
                judgement.limits.refund_trigger in AHEAD,
                life.stage,
                life.ended_at,
                life.labels[0] if life.labels and judgement.freight.rule == TIER_BENEFIT else None,
                mismatch,
            )
        )

    def _sold(self, request: ReturnRequest, at: datetime) -> list[SoldLine]:
        """The lines that the request may be about, as they stood: what had become of their units, and what was known of them."""
        if request.order_id is not None:
            found: Iterable[SoldLine] = self._group.of_order.get(request.order_id, ())
        elif request.customer_id is None:
            found = ()
        else:
            skus = sorted({line.sku for line in request.lines if line.sku})
            found = (sold for sku in skus for sold in self._group.of_sku.get((request.customer_id, sku), ()))
        return [self._as_it_stood(sold, at) for sold in found]

    def _as_it_stood(self, sold: SoldLine, at: datetime) -> SoldLine:
        key = (sold.line.order_id, sold.line.id)
        claimed, asked = self._claimed.get(key, 0), self._asked.get(key, 0)
        early = sold.delivered_at is not None and sold.delivered_at > at
        if not (claimed or asked or early):
            return sold
        units, minor = self._refunded.get(key, (0, 0))
        return changed(
            sold,
            claimed=claimed,
            refunded=units,
            refunded_minor=minor,
            asked_before=asked,
            delivered_at=None if early else sold.delivered_at,
        )

    def _history(self, customer: Customer, currency: str, at: datetime) -> ReturnHistory:
        """What database/history.py asks of the rows, of what the policy itself has decided until now."""
        mine = {customer.id, *customer.linked}
        year_ago = _months_before(at, YEAR_MONTHS)
        bought = [
            order
            for name in mine
            if (known := self._group.customers.get(name))
            for order in known.bought
            if order.currency == currency and year_ago < order.placed_at <= at
        ]
        asked = [
            kept
            for kept in self._kept
            if kept.customer_id in mine and year_ago < kept.declared_at <= at and not kept.has_ended(at, Stage.REFUSED)
        ]
        back = [kept for kept in asked if not kept.has_ended(at, *GIVEN_UP)]
        return ReturnHistory(
            orders=len(bought),
            sold_minor=sum(order.minor for order in bought),
            units_sold=sum(order.units for order in bought),
            returned_minor=sum(kept.quoted_minor for kept in back if kept.currency == currency),
            returns_90_days=sum(kept.declared_at > at - VELOCITY for kept in asked),
            mismatches=sum(kept.mismatch_at is not None and kept.mismatch_at <= at for kept in asked),
            returns=len(asked),
            refund_only=sum(kept.refund_only for kept in back),
            linked_accounts=len(mine) - 1,
            advances_open=sum(kept.ahead and not kept.has_ended(at, Stage.CLOSED) for kept in back),
            free_labels_used=sum(
                kept.free_label_at is not None
                and kept.free_label_at <= at
                and (kept.declared_at.year, kept.declared_at.month) == (at.year, at.month)
                for kept in asked
            ),
        )

    # --- refunded ---

    def _settle(self, past: PastReturn, ran: Ran, judgement: Judgement, life: Life) -> None:
        at, ground = life.settled[0]
        owed = self._owed(judgement.lines, past.course.rejected if ground is Ground.INSPECTED else {}, life.assumed)
        self._give_back(owed)
        goods = sum(minor for _, minor in owed.values())
        charged = self._charge_labels(past, ran, judgement, life, refund_at=at)
        if self._charges and ground is not Ground.LOST:
            charged += self._charge_own_work(past, ran, judgement, owed, judged=ground is Ground.INSPECTED)
        deducted, absorbed = deduct_fees(goods, charged)
        for fee in (*deducted, *absorbed):
            ran.charge(fee.bearer, fee.currency, fee.amount_minor)
        ran.refund_minor = goods - sum(fee.amount_minor for fee in deducted) if life.paid_at else 0
        if any(ground is Ground.LOST for _, ground in life.settled):
            ran.charge(bearer_of_lost_goods().bearer, judgement.currency, goods)

    def _owed(
        self, lines: Sequence[JudgedLine], rejected: Mapping[str, int], assumed: bool
    ) -> dict[LineKey, tuple[int, int]]:
        """Units and minor units that come back by order line: what was accepted, as far as no other return has brought it back."""
        left = {} if assumed else dict(rejected)
        units: dict[LineKey, int] = {}
        of: dict[LineKey, SoldLine] = {}
        for line in lines:
            if line.sold and line.verdict is not Verdict.REFUSED:
                out = min(left.get(line.sku, 0), line.quantity)
                left[line.sku] = left.get(line.sku, 0) - out
                units[_key(line)] = units.get(_key(line), 0) + line.quantity - out
                of.setdefault(_key(line), line.sold)
        owed: dict[LineKey, tuple[int, int]] = {}
        for key, quantity in units.items():
            bought, (units_before, minor_before) = of[key].line, self._refunded.get(key, (0, 0))
            quantity = min(quantity, bought.quantity - units_before)
            if quantity > 0:
                asked = RefundLine(*key, quantity, bought.quantity, bought.paid_minor, units_before, minor_before)
                owed[key] = quantity, goods_of_line(asked)
        return owed

    def _charge_labels(
        self, past: PastReturn, ran: Ran, judgement: Judgement, life: Life, *, refund_at: datetime | None
    ) -> list[Fee]:
        """Charge what was carried to whoever bears it; what the shopper bears is answered, to be deducted from the refund."""
        costs = past.course.labels
        if life.assumed or not costs:
            costs = self._world.assumed[ran.tier].labels
        kind = FeeKind.PICKUP if past.request.method is Method.PICKUP else FeeKind.RETURN_LABEL
        freight, deducted = judgement.freight, []
        for number, label_at in enumerate(life.labels):
            for currency, minor in costs[min(number, len(costs) - 1)].items() if costs else ():
                shoppers = freight.bearer is Bearer.SHOPPER
                if shoppers and refund_at and label_at <= refund_at and currency == judgement.currency:
                    deducted.append(Fee(kind, minor, currency, freight.bearer, freight.rule, freight.source))
                else:  # after the refund nothing is left to deduct from: the merchant bears it
                    late = shoppers and refund_at is not None
                    ran.charge(Bearer.MERCHANT if late else freight.bearer, currency, minor)
        if life.sent_back:
            way_back = past.course.way_back or self._world.assumed[ran.tier].way_back
            for currency, minor in way_back.items():
                ran.charge(Bearer.MERCHANT, currency, minor)
        return deducted

    def _charge_own_work(
        self,
        past: PastReturn,
        ran: Ran,
        judgement: Judgement,
        owed: Mapping[LineKey, tuple[int, int]],
        *,
        judged: bool,
    ) -> list[Fee]:
        """What the merchant charges for its own work, to whoever bears it; the shopper's is answered, as that of labels is.

        Grades are not on record with what came back: what was accepted is taken as grade A, the lenient guess.
        """
        if judgement.limits.refund_trigger == RefundTrigger.RETURNLESS:
            return []
        policy = self._policy
        agreed = policy.fees.agreed(
            bears_all=policy.bears_all, shopper_informed=policy.shopper_informed, source=policy.source
        )
        of = {_key(line): line for line in judgement.lines if line.sold and line.verdict is not Verdict.REFUSED}
        lines = [
            SettledUnits(
                units,
                minor,
                of[key].reason,
                of[key].sold.line.category,  # type: ignore[union-attr]
                "A" if judged else None,
                of[key].withdrawing,
            )
            for key, (units, minor) in owed.items()
        ]
        deducted = []
        for fee in fees_at_settlement(FeeTerms(policy.fees, agreed, self._laws[past.id]), judgement.currency, lines):
            if fee.bearer is Bearer.SHOPPER:
                deducted.append(fee)
            else:
                ran.charge(fee.bearer, fee.currency, fee.amount_minor)
        return deducted


def _key(line: JudgedLine) -> LineKey:
    assert line.sold is not None
    return line.sold.line.order_id, line.sold.line.id


def _months_before(at: datetime, months: int) -> datetime:
    return datetime.combine(months_before(at.date(), months), at.timetz())
