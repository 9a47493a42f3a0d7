"""Past returns read in bulk, to be judged again: a handful of questions for each batch of some thousand returns.

What is read is what was known then: the request, the lines that it may be about, the orders and the earlier returns of whoever
asked and of the accounts linked to them, and what was heard of the return until now, each with its time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from database.orders import sold_line
from domain.course import UNTIL, Answer, Course, Heard, Pace, Since, assumed_course
from domain.eligibility import Verdict
from domain.fees import TIER_BENEFIT
from domain.goods import GoodsCondition
from domain.opening import RequestedLine, Resolution, ReturnRequest
from domain.order import OrderStatus, SoldLine
from domain.reasons import ReturnReason
from domain.simulation import AHEAD, Bought, Customer, EarlierReturn, Group, LineKey, PastReturn
from domain.stages import ENDS, Stage
from domain.state import EffectKind, FactKind, Method
from domain.tier import PlacedOrder, Tier, TierLock

BATCH = 2000  # returns; a group is never torn
ZERO = timedelta()
# What is told again; the rest of a timeline follows from it.
HEARD = (
    FactKind.AUTHORIZED,
    FactKind.REFUSED,
    FactKind.RECEIVED,
    FactKind.INSPECTED,
    FactKind.CANCELLED,
    FactKind.EXTENDED,
    FactKind.RETRIED,
    FactKind.APPEALED,
    FactKind.SCANNED,
    FactKind.REFUND_REPORTED,
)
CAME_TO: Mapping[str, EffectKind] = {
    FactKind.BOOKED: EffectKind.BOOK,
    FactKind.VOIDED: EffectKind.VOID,
    FactKind.SETTLED: EffectKind.SETTLE,
    FactKind.SENT_BACK: EffectKind.SEND_BACK,
}
OF_ONE_LIFE = ("round", "key", "units_gone", "parcel_id", "carrier", "tracking_code")  # and of no other


@dataclass(frozen=True)
class _Asked:
    """A return in the stretch of time, and what ties it to others: accounts and orders."""

    id: str
    ties: tuple[str, ...]


def count(session: Session, *, since: datetime, until: datetime) -> int:
    """How many returns were asked for from `since` to before `until`."""
    return int(session.execute(text(_COUNT), {"since": since, "until": until}).scalar_one())


def groups(session: Session, *, since: datetime, until: datetime, now: datetime) -> Iterator[Group]:
    """The returns asked for from `since` to before `until`, in groups that have nothing to do with each other.

    `now`: until when a return that has not ended has been watched.
    """
    for batch in _batches(_tied(session, since, until)):
        yield from _read(session, batch, since, now)


def courses(session: Session, *, since: datetime, until: datetime) -> dict[Tier, Course]:
    """For each tier the course of a return of which nothing was recorded: the medians of those that were authorized at once."""
    period = {"since": since, "until": until}
    paces = {row.tier: row for row in session.execute(text(_PACES), period)}
    labels: dict[str, dict[str, int]] = {}
    for row in session.execute(text(_LABELS), period):
        labels.setdefault(row.tier, {})[row.currency] = int(row.cost)
    every = labels.get("", {})
    return {
        tier: assumed_course(_pace(paces.get(tier), _pace(paces.get(""), Pace())), labels.get(tier) or every)
        for tier in Tier
    }


def _pace(row: Row[Any] | None, otherwise: Pace) -> Pace:
    if row is None:
        return otherwise
    steps = ("booked", "scanned", "delivered", "received", "inspected", "settled")
    return replace(otherwise, **{step: found for step in steps if (found := getattr(row, step)) is not None})


# --- who has to do with whom ---


def _tied(session: Session, since: datetime, until: datetime) -> list[list[str]]:
    """The ids of the returns of each group, groups in the order of their first return."""
    period = {"since": since, "until": until}
    asked = [
        _Asked(
            row.id, tuple(f"o:{order}" for order in row.orders) + ((f"c:{row.customer_id}",) if row.customer_id else ())
        )
        for row in session.execute(text(_ASKED), period)
    ]
    chief: dict[str, str] = {}

    def find(tie: str) -> str:
        while (above := chief.setdefault(tie, tie)) != tie:
            chief[tie] = chief.setdefault(above, above)
            tie = chief[tie]
        return tie

    for row in session.execute(text(_LINKS), period):
        chief[find(f"c:{row.one}")] = find(f"c:{row.other}")
    for one in asked:
        for tie in one.ties[1:]:
            chief[find(tie)] = find(one.ties[0])
    found: dict[str, list[str]] = {}
    for one in asked:
        found.setdefault(find(one.ties[0]) if one.ties else f"r:{one.id}", []).append(one.id)
    return list(found.values())


def _batches(tied: Iterable[list[str]]) -> Iterator[list[list[str]]]:
    batch: list[list[str]] = []
    for ids in tied:
        batch.append(ids)
        if sum(map(len, batch)) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


# --- one batch ---


def _read(session: Session, batch: list[list[str]], since: datetime, now: datetime) -> Iterator[Group]:
    ids = [case_id for group in batch for case_id in group]
    asked = {"ids": ids, "since": since}
    rows = {row.id: row for row in session.execute(text(_CASES), asked)}
    lines = _by(session.execute(text(_LINES), asked), "case_id")
    facts = _by(session.execute(text(_FACTS), asked | {"kinds": [*HEARD, *CAME_TO, FactKind.EFFECT_FAILED]}), "case_id")
    parcels = _by(session.execute(text(_PARCELS), asked), "case_id")
    rejected = _by(session.execute(text(_REJECTED), asked), "case_id")
    people = _customers(session, {row.customer_id for row in rows.values() if row.customer_id})
    wanted = {
        "orders": sorted({row.order_id for row in rows.values() if row.order_id}),
        "customers": sorted({row.customer_id for row in rows.values() if row.customer_id and not row.order_id}),
        "skus": sorted({line.sku for row in rows.values() if not row.order_id for line in lines.get(row.id, ())}),
    }
    of_order: dict[str, list[SoldLine]] = {}
    of_sku: dict[tuple[str, str], list[SoldLine]] = {}
    for row in session.execute(text(_SOLD), wanted):
        sold = sold_line(row)
        of_order.setdefault(row.order_id, []).append(sold)
        if row.customer_id:
            of_sku.setdefault((row.customer_id, row.sku), []).append(sold)
    earlier = _earlier(session, ids, since, sorted(people), sorted({*wanted["orders"], *of_order}))
    for group in batch:
        returns = tuple(
            _past(
                rows[case_id],
                lines.get(case_id, []),
                _course(
                    rows[case_id],
                    facts.get(case_id, []),
                    parcels.get(case_id, []),
                    {row.sku: int(row.units) for row in rejected.get(case_id, [])},
                    now,
                ),
            )
            for case_id in group
        )
        yield _group(returns, people, of_order, of_sku, earlier)


def _group(
    returns: tuple[PastReturn, ...],
    people: Mapping[str, Customer],
    of_order: Mapping[str, list[SoldLine]],
    of_sku: Mapping[tuple[str, str], list[SoldLine]],
    earlier: Sequence[EarlierReturn],
) -> Group:
    names = {past.request.customer_id for past in returns if past.request.customer_id}
    accounts = names | {other for name in names if name in people for other in people[name].linked}
    orders = {past.request.order_id for past in returns if past.request.order_id}
    keys = {
        (past.request.customer_id, line.sku)
        for past in returns
        if past.request.customer_id and not past.request.order_id
        for line in past.request.lines
        if line.sku
    }
    mine = {key: tuple(of_sku[key]) for key in sorted(keys) if key in of_sku}
    named = {order: tuple(of_order[order]) for order in sorted(orders) if order in of_order}
    touched = {(sold.line.order_id, sold.line.id) for many in (*mine.values(), *named.values()) for sold in many}
    return Group(
        returns,
        {name: people[name] for name in sorted(accounts) if name in people},
        named,
        mine,
        tuple(one for one in earlier if one.customer_id in accounts or not touched.isdisjoint(one.asked)),
    )


def _past(row: Row[Any], lines: Sequence[Row[Any]], course: Course) -> PastReturn:
    declared_at: datetime = row.declared_at
    request = ReturnRequest(
        _requested(row, sorted(lines, key=lambda line: (len(line.id), line.id))),
        order_id=row.order_id,
        customer_id=row.customer_id,
        method=Method(row.method),
        resolution=Resolution(row.resolution),
        currency=row.currency,
        declared_at=declared_at,
    )
    refused = row.refused_at_once
    then = Verdict.REFUSED if refused else Verdict.REFERRED if row.referred else Verdict.ELIGIBLE
    return PastReturn(row.id, request, declared_at, course, then)


def _requested(row: Row[Any], lines: Sequence[Row[Any]]) -> tuple[RequestedLine, ...]:
    """What was asked for: lines of a case that was matched to purchases are the parts of one, by SKU and reason."""
    asked: dict[tuple[str, ...], RequestedLine] = {}
    for line in lines:
        of_line = line.order_line_id if row.order_id else ""
        key = (of_line or line.sku, line.reason, line.condition)
        before = asked[key].quantity if key in asked else 0
        asked[key] = RequestedLine(
            before + line.quantity,
            ReturnReason(line.reason),
            order_line_id=of_line or None,
            sku=None if of_line else line.sku,
            condition=GoodsCondition(line.condition),
            serials=tuple(line.serials),
        )
    return tuple(asked.values())


def _course(
    row: Row[Any], facts: Sequence[Row[Any]], parcels: Sequence[Row[Any]], rejected: Mapping[str, int], now: datetime
) -> Course:
    """What was heard of a return, from the rows of its timeline in the order in which they were written."""
    opened: datetime = row.opened_at
    label: datetime | None = None
    refund: datetime | None = None
    last = opened  # what an effect was ordered by: the news before it, or a deadline, which is among the rows too
    heard: list[Heard] = []
    answers: dict[EffectKind, list[Answer]] = {}
    for fact in facts:
        data = {name: value for name, value in fact.data.items() if name not in OF_ONE_LIFE}
        at, kind = fact.at, fact.kind
        if kind in CAME_TO or kind == FactKind.EFFECT_FAILED:
            failed = kind == FactKind.EFFECT_FAILED
            effect = EffectKind(fact.data["effect"]) if failed else CAME_TO[kind]
            answers.setdefault(effect, []).append(Answer(max(ZERO, at - last), {} if failed else data, failed))
            if kind == FactKind.BOOKED:
                label = label or at
            if kind == FactKind.SETTLED:
                refund = refund or at
        elif kind in HEARD:
            if kind == FactKind.EXTENDED:
                data = {UNTIL: (datetime.fromisoformat(fact.data["until"]) - opened).total_seconds()}
            start, since = opened, Since.OPENING
            if kind == FactKind.REFUND_REPORTED and refund:
                start, since = refund, Since.REFUND
            elif label:
                start, since = label, Since.LABEL
            heard.append(Heard(FactKind(kind), max(ZERO, at - start), since, data))
        last = at
    return Course(
        tuple(heard),
        {kind: tuple(many) for kind, many in answers.items()},
        known_for=None if row.stage in ENDS else now - opened,
        labels=tuple({one.currency: one.cost_minor} for one in parcels if one.direction == "return" and one.currency),
        way_back=next(
            ({one.currency: one.cost_minor} for one in parcels if one.direction != "return" and one.currency), {}
        ),
        rejected=rejected,
    )


def _customers(session: Session, names: set[str]) -> dict[str, Customer]:
    """The customers and the accounts linked to them, with what they bought."""
    linked: dict[str, set[str]] = {}
    for row in session.execute(text(_LINKED), {"names": sorted(names)}):
        linked.setdefault(row.one, set()).add(row.other)
    everybody = sorted(names.union(*linked.values()))
    orders: dict[str, list[PlacedOrder]] = {}
    bought: dict[str, list[Bought]] = {}
    for row in session.execute(text(_BOUGHT), {"names": everybody}):
        orders.setdefault(row.customer_id, []).append(PlacedOrder(row.placed_at, row.total_minor, row.currency))
        if row.status == OrderStatus.COMPLETED:
            one = Bought(row.placed_at, row.currency, int(row.minor), int(row.units))
            bought.setdefault(row.customer_id, []).append(one)
    return {
        row.id: Customer(
            row.id,
            row.country,
            tuple(orders.get(row.id, ())),
            tuple(bought.get(row.id, ())),
            TierLock(Tier(row.locked_tier), row.locked_by, row.lock_reason, row.locked_at, row.locked_until)
            if row.locked_tier
            else None,
            tuple(sorted(linked.get(row.id, ()))),
        )
        for row in session.execute(text(_PEOPLE), {"names": everybody})
    }


def _earlier(
    session: Session, ids: Sequence[str], since: datetime, names: Sequence[str], orders: Sequence[str]
) -> list[EarlierReturn]:
    """Returns from before `since` that the batch has to do with, as they stand on record."""
    rows = session.execute(
        text(_EARLIER), {"ids": ids, "since": since, "names": names, "orders": orders, "benefit": TIER_BENEFIT}
    )
    return [
        EarlierReturn(
            id=row.id,
            customer_id=row.customer_id,
            declared_at=row.declared_at,
            stage=Stage(row.stage),
            currency=row.currency,
            quoted_minor=row.quoted_minor,
            refund_only=row.resolution == Resolution.REFUND_ONLY,
            ahead=row.trigger in AHEAD,
            ended_at=row.closed_at,
            units=_units(row.units),
            refunded={
                (line["order_id"], line["order_line_id"]): (line["quantity"], line["goods_minor"])
                for line in (row.quote or {}).get("lines", ())
            },
            asked=frozenset((order, line) for order, line in row.asked or ()),
            refunded_at=row.decided_at,
            free_label_at=row.free_label_at,
            mismatch_at=row.mismatch_at,
        )
        for row in rows
    ]


def _units(rows: Sequence[Sequence[Any]] | None) -> dict[LineKey, int]:
    units: dict[LineKey, int] = {}
    for order_id, line_id, quantity in rows or ():
        units[order_id, line_id] = units.get((order_id, line_id), 0) + int(quantity)
    return units


def _by(rows: Iterable[Row[Any]], name: str) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(getattr(row, name), []).append(row)
    return found


_COUNT = "SELECT count(*) FROM cases WHERE declared_at >= :since AND declared_at < :until"

_ASKED = """
SELECT cases.id, cases.customer_id,
       array_remove(array_agg(DISTINCT coalesce(case_lines.order_id, cases.order_id)), NULL) AS orders
FROM cases LEFT JOIN case_lines ON case_lines.case_id = cases.id
WHERE cases.declared_at >= :since AND cases.declared_at < :until
GROUP BY cases.id ORDER BY cases.declared_at, cases.opened_at, cases.id
"""

# Accounts of one address or device, each tied to the first of them.
_LINKS = """
WITH asking AS (
    SELECT DISTINCT customers.id, address_key, device_key FROM customers JOIN cases ON cases.customer_id = customers.id
    WHERE cases.declared_at >= :since AND cases.declared_at < :until
)
SELECT id AS other, min(id) OVER (PARTITION BY address_key) AS one FROM asking WHERE address_key IS NOT NULL
UNION
SELECT id AS other, min(id) OVER (PARTITION BY device_key) AS one FROM asking WHERE device_key IS NOT NULL
"""

_LINKED = """
SELECT me.id AS one, other.id AS other FROM customers me JOIN customers other
    ON other.address_key = me.address_key AND other.id <> me.id WHERE me.id = ANY(:names)
UNION
SELECT me.id AS one, other.id AS other FROM customers me JOIN customers other
    ON other.device_key = me.device_key AND other.id <> me.id WHERE me.id = ANY(:names)
"""

_CASES = """
SELECT id, customer_id, order_id, currency, resolution, method, referred, stage, declared_at, opened_at,
       NOT EXISTS (SELECT FROM facts WHERE facts.case_id = cases.id AND facts.id IN ('opened_authorized', 'opened_referred'))
           AS refused_at_once
FROM cases WHERE id = ANY(:ids)
"""

_LINES = """
SELECT case_id, id, order_line_id, sku, quantity, reason, condition, serials FROM case_lines WHERE case_id = ANY(:ids)
"""

# Deadlines that passed and whatever else stands between two pieces of news say when an effect was ordered.
_FACTS = """
SELECT case_id, kind, at, data FROM facts
WHERE case_id = ANY(:ids) AND (kind = ANY(:kinds) OR kind = 'time_passed') ORDER BY case_id, number
"""

_PARCELS = """
SELECT case_id, direction, cost_minor, currency FROM parcels WHERE case_id = ANY(:ids) ORDER BY case_id, created_at, id
"""

_REJECTED = """
SELECT case_id, sku, sum(quantity - accepted) AS units FROM case_lines
WHERE case_id = ANY(:ids) AND accepted < quantity AND verdict <> 'refused' GROUP BY case_id, sku
"""

_PEOPLE = """
SELECT id, country, locked_tier, locked_by, lock_reason, locked_at, locked_until
FROM customers LEFT JOIN customer_tiers ON customer_tiers.customer_id = customers.id WHERE id = ANY(:names)
"""

_BOUGHT = """
SELECT orders.customer_id, orders.placed_at, orders.total_minor, orders.currency, orders.status,
       coalesce(sum(line.quantity), 0) AS units,
       coalesce(sum(line.quantity * line.unit_price_minor - line.discount_minor), 0) AS minor
FROM orders LEFT JOIN order_lines line ON line.order_id = orders.id
WHERE orders.customer_id = ANY(:names) GROUP BY orders.id
"""

# As database/orders.py reads them, but for what other returns have taken: that is worked out anew.
_SOLD = """
WITH wanted AS (
    SELECT order_id, id FROM order_lines WHERE order_id = ANY(:orders)
    UNION
    SELECT order_id, id FROM order_lines WHERE customer_id = ANY(:customers) AND sku = ANY(:skus)
), heads AS (
    SELECT id FROM orders WHERE id IN (SELECT order_id FROM wanted)
), shipped AS (
    SELECT order_id, coalesce(bool_or(shipped IS DISTINCT FROM 0), false) AS anything_shipped
    FROM order_lines WHERE order_id IN (SELECT id FROM heads) GROUP BY order_id
), paid AS (
    SELECT order_id, array_agg(DISTINCT method) AS methods FROM tenders
    WHERE order_id IN (SELECT id FROM heads) GROUP BY order_id
)
SELECT line.order_id, line.id, line.customer_id, line.sku, line.description, line.category, line.quantity,
       line.unit_price_minor, line.discount_minor, line.final_sale, line.condition, line.seller, line.natures, line.serials,
       line.shipped, line.exchanged, line.order_discount_minor, line.taxes, 0 AS lost_minor, false AS extras,
       0 AS claimed, 0 AS refunded, 0 AS refunded_minor, 0 AS asked_before,
       orders.currency, orders.market, orders.placed_at, orders.delivered_at, orders.status AS order_status,
       orders.channel, orders.insured, shipped.anything_shipped, paid.methods
FROM wanted JOIN order_lines line USING (order_id, id)
JOIN orders ON orders.id = line.order_id JOIN shipped ON shipped.order_id = line.order_id
LEFT JOIN paid ON paid.order_id = line.order_id
ORDER BY line.order_id, line.id
"""

_EARLIER = """
WITH mine AS (
    SELECT id FROM cases WHERE customer_id = ANY(:names) AND declared_at < :since
    UNION
    SELECT case_id FROM case_lines JOIN cases ON cases.id = case_lines.case_id
    WHERE case_lines.order_id = ANY(:orders) AND cases.declared_at < :since
)
SELECT cases.id, cases.customer_id, cases.declared_at, cases.stage, cases.currency, cases.quoted_minor, cases.resolution,
       cases.closed_at, cases.terms -> 'limits' ->> 'refund_trigger' AS trigger, refunds.quote, refunds.decided_at,
       (SELECT jsonb_agg(DISTINCT jsonb_build_array(order_id, order_line_id)) FROM case_lines
        WHERE case_id = cases.id AND order_line_id IS NOT NULL) AS asked,
       (SELECT jsonb_agg(jsonb_build_array(order_id, order_line_id, quantity)) FROM case_lines
        WHERE case_id = cases.id AND order_line_id IS NOT NULL AND verdict <> 'refused' AND cases.stage <> 'refused') AS units,
       (SELECT min(parcels.created_at) FROM fees JOIN parcels ON parcels.id = fees.parcel_id
        WHERE fees.case_id = cases.id AND fees.rule = :benefit AND NOT fees.voided) AS free_label_at,
       (SELECT min(inspections.at) FROM inspections JOIN inspection_lines line ON line.inspection_id = inspections.id
        WHERE inspections.case_id = cases.id AND NOT line.accepted) AS mismatch_at
FROM cases LEFT JOIN refunds ON refunds.case_id = cases.id
WHERE cases.id IN (SELECT id FROM mine) AND NOT cases.id = ANY(:ids)
ORDER BY cases.declared_at, cases.opened_at, cases.id
"""

_PACES = """
WITH heard AS (
    SELECT cases.tier, cases.opened_at,
           min(at) FILTER (WHERE kind = 'booked') AS booked,
           min(at) FILTER (WHERE kind = 'scanned' AND data ->> 'status' IN ('picked_up', 'in_transit', 'out_for_delivery')) AS scanned,
           min(at) FILTER (WHERE kind = 'scanned' AND data ->> 'status' = 'delivered') AS delivered,
           min(at) FILTER (WHERE kind = 'received') AS received,
           min(at) FILTER (WHERE kind = 'inspected') AS inspected,
           min(at) FILTER (WHERE kind = 'settled') AS settled
    FROM cases JOIN facts ON facts.case_id = cases.id
    WHERE cases.declared_at >= :since AND cases.declared_at < :until AND NOT cases.referred AND cases.stage <> 'refused'
    GROUP BY cases.id
)
SELECT coalesce(tier, '') AS tier,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY booked - opened_at) FILTER (WHERE booked >= opened_at) AS booked,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY scanned - booked) FILTER (WHERE scanned >= booked) AS scanned,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY delivered - booked) FILTER (WHERE delivered >= booked) AS delivered,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY received - booked) FILTER (WHERE received >= booked) AS received,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY inspected - booked) FILTER (WHERE inspected >= booked) AS inspected,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY settled - inspected) FILTER (WHERE settled >= inspected) AS settled
FROM heard GROUP BY GROUPING SETS ((tier), ())
"""

_LABELS = """
SELECT coalesce(cases.tier, '') AS tier, parcels.currency,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY parcels.cost_minor) AS cost
FROM parcels JOIN cases ON cases.id = parcels.case_id
WHERE parcels.direction = 'return' AND parcels.cost_minor IS NOT NULL AND parcels.currency IS NOT NULL
  AND cases.declared_at >= :since AND cases.declared_at < :until
GROUP BY GROUPING SETS ((cases.tier, parcels.currency), (parcels.currency))
"""
