"""What every programme keeps in every market: no customer of any tier, for any reason, is worse off than the law's own row says.

The law is read from the file itself, word by word, and not through the questions that the rules ask.
"""

import itertools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from domain.calendar import Calendar, after, legal_end
from domain.eligibility import Verdict
from domain.fees import Bearer
from domain.goods import GoodsCondition
from domain.market import Market
from domain.opening import Judgement, RequestedLine, ReturnRequest, Setting, judge
from domain.order import SoldLine
from domain.process import decide, start
from domain.reasons import Fault, ReturnReason, fault_of
from domain.state import EffectKind, Fact, FactKind, Method, Opening, State
from domain.terms import terms_for
from domain.tier import Tier
from policies.book import load_policy_book
from policies.calendars import calendar_of
from policies.page import HERE
from tests.builders import an_order_line

BOOK = load_policy_book()
LAW: dict[str, dict[str, Any]] = tomllib.loads((HERE / "markets.toml").read_text())["markets"]
PROGRAMMES = sorted(BOOK.programmes)
DELIVERED = datetime(2026, 3, 5, 9, tzinfo=UTC)
WITHOUT_FAULT = {reason for reason in ReturnReason if fault_of(reason) in (Fault.NOBODY, Fault.SHOPPER)}
UNTOUCHED = {GoodsCondition.NOT_SAID, GoodsCondition.AS_SOLD, GoodsCondition.OPENED}
SELLER_BEARS = {"seller", "seller_on_statutory_cancellation"}
SPENT = {"value_fell_by_use", "goods_without_preserved_appearance", "used", "destroyed_or_damaged_by_consumer"}


@dataclass(frozen=True)
class Asked:
    """One way in which a customer may stand before a programme and a law."""

    market: str
    tier: Tier
    programme: str
    reason: ReturnReason
    condition: GoodsCondition
    days: int

    @property
    def law(self) -> dict[str, Any]:
        return LAW[self.market]

    @property
    def row(self) -> Market:
        return BOOK.markets[self.market]

    @property
    def at(self) -> datetime:
        return DELIVERED + timedelta(days=self.days)

    @property
    def rightful(self) -> bool:
        """The law's own right holds, as far as the row can be read without any rule of ours."""
        return (
            self.law["withdrawal_right"] == "yes"
            and self.reason in WITHOUT_FAULT
            and self.days <= self.law["withdrawal_days"]
            and (self.condition in UNTOUCHED or not SPENT & set(self.law.get("exceptions", ())))
        )


@cache
def days_of(market: str) -> Calendar:
    country = LAW[market]["iso_code"].replace("EU", "AT")
    moves = LAW[market].get("last_day_on_holiday") != "stays"
    return calendar_of(country, date(2026, 1, 1), moves=moves, days=800)


def everything() -> Iterator[Asked]:
    """Every market, tier, reason and condition; programmes take turns, so that each meets every market and every reason."""
    programmes = itertools.cycle(PROGRAMMES)
    for market, reason, condition, tier in itertools.product(LAW, ReturnReason, GoodsCondition, Tier):
        last = LAW[market].get("withdrawal_days", 14)
        for days in (1, last):
            yield Asked(market, tier, next(programmes), reason, condition, days)


def judged(asked: Asked) -> Judgement:
    policy = BOOK.programme(asked.programme)
    sold = SoldLine(
        line=an_order_line(category=None),
        currency="EUR",
        market=asked.market,
        customer_id="c_1",
        placed_at=DELIVERED - timedelta(days=3),
        delivered_at=DELIVERED,
        claimed=0,
        refunded=0,
        refunded_minor=0,
    )
    line = RequestedLine(1, asked.reason, order_line_id="l_1", condition=asked.condition)
    calendar = days_of(asked.market)
    by = Setting(policy, terms_for(policy, asked.row, asked.tier), asked.row, calendar, calendar, BOOK.rates)
    return judge(ReturnRequest(lines=(line,), order_id="o_1"), sold=[sold], by=by, at=asked.at, currency="EUR")


@pytest.fixture(scope="module")
def answers() -> list[tuple[Asked, Judgement]]:
    return [(asked, judged(asked)) for asked in everything()]


def test_every_programme_meets_every_market_tier_reason_and_condition(answers: list[tuple[Asked, Judgement]]) -> None:
    assert len(answers) == 2 * 34 * 4 * 18 * 5
    met = {(asked.programme, asked.market, asked.reason) for asked, _ in answers}
    assert len(met) == len(PROGRAMMES) * len(LAW) * len(ReturnReason)


def test_a_right_is_exercised_and_nobody_is_asked(answers: list[tuple[Asked, Judgement]]) -> None:
    rightful = [(asked, answer) for asked, answer in answers if asked.rightful]
    assert len(rightful) > 5_000
    for asked, answer in rightful:
        if asked.condition in UNTOUCHED:
            assert answer.verdict is Verdict.ELIGIBLE, asked
        else:
            assert answer.verdict is not Verdict.REFUSED, asked


def test_goods_that_were_not_what_was_sold_are_never_refused_in_the_first_days(
    answers: list[tuple[Asked, Judgement]],
) -> None:
    for asked, answer in answers:
        if asked.reason not in WITHOUT_FAULT:
            assert answer.verdict is not Verdict.REFUSED, asked


def test_no_shopper_bears_a_freight_that_the_law_lays_on_the_seller(answers: list[tuple[Asked, Judgement]]) -> None:
    borne = 0
    for asked, answer in answers:
        law_lays = asked.law.get("return_shipping_no_fault") in SELLER_BEARS
        if asked.reason not in WITHOUT_FAULT or law_lays:
            assert answer.freight.bearer is not Bearer.SHOPPER, asked
        borne += answer.freight.bearer is Bearer.SHOPPER
    assert borne > 1_000, "where the law allows it some do"


def test_the_window_of_a_right_that_holds_under_conditions_goes_to_a_person() -> None:
    for market, law in LAW.items():
        if law["withdrawal_right"] != "conditional":
            continue
        asked = Asked(market, Tier.ENTRY, "worry_free", ReturnReason.CHANGED_MIND, GoodsCondition.AS_SOLD, 8)
        answer = judged(asked)
        runs = law["withdrawal_days"] >= 8
        assert answer.verdict is (Verdict.REFERRED if runs else Verdict.REFUSED), market


# --- the clocks


def courses() -> Iterator[tuple[str, list[tuple[float, FactKind, dict[str, Any]]]]]:
    """What may become of the goods, in days after the opening: sent soon or late, lost to sight, received and never looked at."""
    sent = (0.5, FactKind.SCANNED, {"status": "picked_up"})
    late = (12.0, FactKind.SCANNED, {"status": "picked_up"})
    yield "sent, and never seen again", [sent]
    yield "sent and received, and never judged", [sent, (3.0, FactKind.RECEIVED, {})]
    yield "sent late and received, and never judged", [late, (13.0, FactKind.RECEIVED, {})]
    yield "received after a long way, and never judged", [sent, (9.0, FactKind.RECEIVED, {})]


def paid_after(
    answer: Judgement, opened: datetime, told: list[tuple[float, FactKind, dict[str, Any]]]
) -> datetime | None:
    """When the process orders the refund, if nobody does anything but what is told; every deadline on the way is looked at."""
    state, effects = start(Opening("ret_1", True, Method.LABEL, opened, answer.limits))
    waiting = [(opened + timedelta(days=days), kind, data) for days, kind, data in told]
    now, asked = opened, list(effects)
    for step in range(60):
        check_deadline(state)
        for effect in asked:
            if effect.kind is EffectKind.SETTLE:
                return now
        fact: Fact
        if asked:
            kind = {EffectKind.BOOK: FactKind.BOOKED, EffectKind.VOID: FactKind.VOIDED}[asked[0].kind]
            fact = Fact(kind, now, f"done:{step}", "", {"key": asked[0].key})
        elif waiting and (state.alarm is None or waiting[0][0] <= state.alarm):
            now, kind, data = waiting.pop(0)
            fact = Fact(kind, now, f"told:{step}", "", data)
        elif state.alarm:
            now = state.alarm
            fact = Fact(FactKind.TIME_PASSED, now, f"time:{step}")
        else:
            return None
        state, effects = decide(state, fact)
        asked = list(effects)
    raise AssertionError("it goes on for ever")


def check_deadline(state: State) -> None:
    assert state.due is None or state.due > state.since, f"{state.stage} is due before it began"
    assert state.warn_at is None or state.since < state.warn_at < (state.due or state.warn_at)


def lawful_end(
    law: dict[str, Any], calendar: Calendar, opened: datetime, sent: datetime, received: datetime | None
) -> datetime | None:
    """The instant that the row's own words come to."""
    days = law.get("refund_days")
    if days is None:
        return None
    first = min(sent, received) if received else sent
    begins = {
        "withdrawal_notice_received": opened,
        "consumer_demand": opened,
        "goods_received_or_proof_of_sending_whichever_first": first,
        "goods_collected_or_returned": first,
        "returned_goods_received": received,
        "goods_returned": received,
        "immediately_on_withdrawal": opened,
    }[law["refund_starts"]]
    if begins is None:
        return None
    if days == 0:
        return begins
    if law.get("refund_day_type") == "business":
        end = after(begins, f"{days}bd", str(calendar))
    else:
        moves = law.get("last_day_on_holiday") != "stays"
        end = legal_end(begins, days, business=False, moves=moves, calendar=calendar)
    held = law.get("refund_withhold_until", "")
    if held in ("goods_received_or_proof_of_sending_whichever_first", "handed_to_designated_carrier"):
        return max(end, first)
    if held == "goods_received":
        return max(end, received) if received else None
    return end


@pytest.mark.parametrize("market", sorted(name for name, law in LAW.items() if law["withdrawal_right"] == "yes"))
@pytest.mark.parametrize(("course", "told"), list(courses()), ids=[name for name, _ in courses()])
def test_no_refund_is_ordered_after_the_laws_own_clock(
    market: str, course: str, told: list[tuple[float, FactKind, dict[str, Any]]]
) -> None:
    for programme, tier in itertools.product(PROGRAMMES, Tier):
        asked = Asked(market, tier, programme, ReturnReason.CHANGED_MIND, GoodsCondition.AS_SOLD, 2)
        answer = judged(asked)
        opened = asked.at
        moments = {kind: opened + timedelta(days=days) for days, kind, _ in told}
        if moments[FactKind.SCANNED] > after(opened, answer.limits.ship_back, answer.limits.calendar):
            continue  # the return had expired; goods that come all the same open it again
        law = lawful_end(
            LAW[market], days_of(market), opened, moments[FactKind.SCANNED], moments.get(FactKind.RECEIVED)
        )
        paid = paid_after(answer, opened, told)
        assert paid is not None
        assert law is None or paid <= law + timedelta(minutes=1), (programme, tier, course)


@pytest.mark.parametrize("market", sorted(LAW))
def test_goods_may_be_sent_for_as_long_as_the_law_says(market: str) -> None:
    days = LAW[market].get("consumer_ship_back_days")
    for programme, tier in itertools.product(PROGRAMMES, Tier):
        answer = judged(Asked(market, tier, programme, ReturnReason.DEFECTIVE, GoodsCondition.NOT_SAID, 1))
        opened = DELIVERED + timedelta(days=1)
        due = after(opened, answer.limits.ship_back, answer.limits.calendar)
        assert due > opened
        if days:
            assert due >= opened + timedelta(days=days)
