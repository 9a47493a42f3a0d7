"""Past returns read in bulk: what the desk wrote down is judged again as it was judged, in a handful of questions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from commands.cancellations import groups_of_cancellations
from commands.demo import SAMPLE
from database import bulk, facts, orders, parcels, past
from database.engine import Sessions
from database.orders import Customer
from database.tables import case_lines, cases, customers
from desk.opening import Openings
from desk.words import Caller
from domain.comparison import Comparison
from domain.course import Answer, Heard, Since, live
from domain.eligibility import Verdict
from domain.opening import RequestedLine, ReturnRequest
from domain.policy import ReturnPolicy
from domain.reasons import ReturnReason
from domain.simulation import Group, World, run_again
from domain.stages import Stage
from domain.state import EffectKind, Fact, FactKind, Method, Opening
from domain.tier import Tier
from examples.reader import read_orders
from policies.book import load_policy_book
from policies.trial import Trial, days_of, try_out
from tests.builders import a_tender, an_order, an_order_line

BOOK = load_policy_book()
SHOP = Caller("key_shop", "shop")
PLACED = datetime(2026, 3, 2, 10, tzinfo=UTC)
EVER, NEVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def sell(session: Session, name: str, *, units: int = 5, placed: datetime = PLACED) -> None:
    line = an_order_line(order_id=f"o_{name}", quantity=units, unit_price_minor=1000, category=None)
    order = an_order(
        id=f"o_{name}",
        customer_id=f"c_{name}",
        placed_at=placed,
        delivered_at=placed + 3 * DAY,
        lines=(line,),
        tenders=(a_tender(order_id=f"o_{name}", amount_minor=units * 1000),),
    )
    orders.put(session, order, Customer(f"c_{name}", "DE"))


def ask(made: Sessions, name: str, units: int, at: datetime, policy: ReturnPolicy) -> str:
    """A return of so many units that is asked for, and opened, at a moment."""
    desk = Openings(BOOK, lambda session, moment: policy, lambda session: at)
    line = RequestedLine(units, ReturnReason.CHANGED_MIND, order_line_id="l_1")
    with made.begin() as session:
        return desk.open(session, ReturnRequest((line,), order_id=f"o_{name}", customer_id=f"c_{name}"), SHOP)


def hear(made: Sessions, case_id: str, kind: FactKind, at: datetime, **data: Any) -> None:
    with made.begin() as session:
        facts.record(session, case_id, Fact(kind, at, f"{kind}:{at.isoformat()}", "test", data))


def read(made: Sessions, *, since: datetime = EVER, until: datetime = NEVER, now: datetime = NEVER) -> list[Group]:
    with made() as session:
        return list(past.groups(session, since=since, until=until, now=now))


@contextmanager
def questions(made: Sessions) -> Iterator[list[str]]:
    """The statements that are sent to the database meanwhile."""
    asked: list[str] = []
    engine = made.kw["bind"]

    def note(*given: Any) -> None:
        asked.append(given[2])

    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture(scope="module")
def opened(made_sessions: Sessions) -> list[str]:
    """The orders of the sample, and its first 250 cancellations opened as returns, each at its own date."""
    with made_sessions.begin() as session:
        some = list(read_orders(SAMPLE))
        bulk.put_customers(session, {one.customer_id: one.market for one in some if one.customer_id}, replace=True)
        bulk.put_new(session, some)
    asked = sorted(
        (one for group in groups_of_cancellations(SAMPLE) for one in group.returns), key=lambda one: (one.at, one.id)
    )
    policy = BOOK.programme("online_retail")
    ids = []
    for one in islice(asked, 250):
        desk = Openings(BOOK, lambda session, at: policy, lambda session, at=one.at: at)  # type: ignore[misc]
        with made_sessions.begin() as session:
            known = (
                one.request.customer_id is None
                or session.execute(select(customers.c.id).where(customers.c.id == one.request.customer_id)).first()
            )
            if known:
                ids.append(desk.open(session, one.request, SHOP))
    return ids


def test_what_the_desk_decided_is_decided_again(made_sessions: Sessions, opened: list[str]) -> None:
    policy = BOOK.programme("online_retail")
    with made_sessions() as session:
        assumed = past.courses(session, since=EVER, until=NEVER)
        rows = {row.id: row for row in session.execute(select(cases).where(cases.c.id.in_(opened)))}
        grounds: dict[str, set[str]] = {case_id: set() for case_id in opened}
        for line in session.execute(select(case_lines).where(case_lines.c.case_id.in_(opened))):
            grounds[line.case_id] |= set(line.verdict_reasons)
    world, seen = World(BOOK, days_of, assumed), 0
    for group in read(made_sessions, until=datetime(2012, 1, 1, tzinfo=UTC)):
        world.begin()
        for one, ran in zip(group.returns, run_again(group, policy, world), strict=True):
            row, seen = rows[one.id], seen + 1
            assert ran.judgement is not None
            assert (one.then, ran.tier) == (ran.verdict, row.tier), one.id
            assert set(ran.grounds) == grounds[one.id], one.id
            assert ran.judgement.quote.total_minor == row.quoted_minor, one.id
            assert ran.judgement.limits.refund_trigger == row.terms["limits"]["refund_trigger"]
    assert seen == len(opened) > 200


def test_any_number_of_returns_takes_a_handful_of_questions(made_sessions: Sessions, opened: list[str]) -> None:
    with questions(made_sessions) as few:
        read(made_sessions, until=datetime(2011, 3, 1, tzinfo=UTC))
    with questions(made_sessions) as many:
        found = read(made_sessions, until=datetime(2012, 1, 1, tzinfo=UTC))
    assert len(many) == len(few) <= 15
    assert sum(len(group.returns) for group in found) == len(opened)


def test_the_same_policy_beside_itself_finds_every_verdict_on_record(
    made_sessions: Sessions, opened: list[str]
) -> None:
    policy = BOOK.programme("online_retail")
    with made_sessions() as session:
        assumed = past.courses(session, since=EVER, until=NEVER)
    groups = read(made_sessions, until=datetime(2012, 1, 1, tzinfo=UTC))
    found: Comparison = try_out(Trial(BOOK, policy, replace(policy), assumed), groups, processes=1)
    assert (found.known, found.recorded, found.changes) == (len(opened), len(opened), [])


def test_what_was_heard_is_read_with_its_times(made_sessions: Sessions) -> None:
    policy, at = BOOK.programme("standard"), PLACED + 5 * DAY
    with made_sessions.begin() as session:
        sell(session, "heard")
    case_id = ask(made_sessions, "heard", 2, at, policy)
    with made_sessions.begin() as session:
        values = {
            "id": "par_heard",
            "case_id": case_id,
            "effect_key": "book:1",
            "direction": "return",
            "method": "label",
        }
        parcels.order(
            session, {**values, "carrier": "simulated", "status": "ordered", "status_at": at, "created_at": at}
        )
        parcels.complete(session, "par_heard", {"cost_minor": 490, "currency": "EUR"})
    booked = at + 2 * MINUTE
    hear(made_sessions, case_id, FactKind.BOOKED, booked, parcel_id="par_heard")
    hear(made_sessions, case_id, FactKind.SCANNED, booked + DAY, status="in_transit")
    hear(made_sessions, case_id, FactKind.RECEIVED, booked + 3 * DAY)
    hear(made_sessions, case_id, FactKind.INSPECTED, booked + 4 * DAY, accepted="all")
    hear(made_sessions, case_id, FactKind.SETTLED, booked + 4 * DAY + HOUR, status="succeeded", round=1)

    (group,) = read(made_sessions, since=PLACED, until=at + HOUR)
    (one,) = group.returns
    assert (one.at, one.then, one.course.known_for) == (at, Verdict.ELIGIBLE, None)
    assert one.course.heard == (
        Heard(FactKind.SCANNED, DAY, Since.LABEL, {"status": "in_transit"}),
        Heard(FactKind.RECEIVED, 3 * DAY, Since.LABEL, {}),
        Heard(FactKind.INSPECTED, 4 * DAY, Since.LABEL, {"accepted": "all"}),
    )
    assert one.course.answers == {
        EffectKind.BOOK: (Answer(2 * MINUTE),),
        EffectKind.SETTLE: (Answer(HOUR, {"status": "succeeded"}),),
    }
    assert one.course.labels == ({"EUR": 490},)
    with made_sessions() as session:
        assumed = past.courses(session, since=PLACED, until=at + HOUR)
    (ran,) = run_again(group, policy, World(BOOK, days_of, assumed))
    assert (ran.stage, ran.took, ran.refund_minor) == (Stage.CLOSED, 2 * MINUTE + 4 * DAY + HOUR, 2000)
    assert ran.fees == {("merchant", "EUR"): 490}

    medians = assumed[Tier.VIP]
    assert ran.judgement is not None
    life = live(Opening("r", True, Method.LABEL, at, ran.judgement.limits), assumed[Tier.ENTRY], medians)
    assert life.paid_at == booked + 4 * DAY + HOUR
    assert medians.labels == ({"EUR": 490},)


def test_a_return_from_before_the_stretch_of_time_keeps_its_units(made_sessions: Sessions) -> None:
    policy, placed = BOOK.programme("standard"), PLACED + 100 * DAY
    with made_sessions.begin() as session:
        sell(session, "before", units=5, placed=placed)
    kept, cancelled = placed + 4 * DAY, placed + 5 * DAY
    ask(made_sessions, "before", 2, kept, policy)
    gone = ask(made_sessions, "before", 1, cancelled, policy)
    hear(made_sessions, gone, FactKind.CANCELLED, cancelled + HOUR)
    hear(made_sessions, gone, FactKind.BOOKED, cancelled + 2 * HOUR)
    hear(made_sessions, gone, FactKind.VOIDED, cancelled + 3 * HOUR, voided=True)
    ask(made_sessions, "before", 3, placed + 6 * DAY, policy)

    (group,) = read(made_sessions, since=placed + 6 * DAY, until=placed + 7 * DAY, now=placed + 8 * DAY)
    assert [(one.stage, dict(one.units)) for one in group.earlier] == [
        (Stage.AUTHORIZED, {("o_before", "l_1"): 2}),
        (Stage.CANCELLED, {("o_before", "l_1"): 1}),
    ]
    with made_sessions() as session:
        world = World(BOOK, days_of, past.courses(session, since=placed, until=NEVER))
    (ran,) = run_again(group, policy, world)
    assert ran.judgement is not None
    (line,) = ran.judgement.lines
    assert line.sold is not None
    assert (line.sold.claimed, line.sold.asked_before, ran.verdict) == (2, 2, Verdict.ELIGIBLE)
    assert group.returns[0].course.known_for == 2 * DAY


def test_accounts_of_one_address_are_run_together(made_sessions: Sessions) -> None:
    policy, placed = BOOK.programme("standard"), PLACED + 200 * DAY
    with made_sessions.begin() as session:
        for name in ("one", "other", "stranger"):
            sell(session, name, placed=placed)
        for name in ("one", "other"):
            orders.put_customers(session, [Customer(f"c_{name}", "DE", address_key="same")])
    for hours, name in enumerate(("one", "stranger", "other")):
        ask(made_sessions, name, 1, placed + 4 * DAY + hours * HOUR, policy)
    together = read(made_sessions, since=placed, until=placed + 5 * DAY)
    assert [[one.request.customer_id for one in group.returns] for group in together] == [
        ["c_one", "c_other"],
        ["c_stranger"],
    ]
    assert together[0].customers["c_one"].linked == ("c_other",)
