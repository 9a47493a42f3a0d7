"""A life told again: who spoke then speaks now, who was silent is silent, and deadlines ring by themselves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.course import UNTIL, Answer, Course, Heard, Pace, Since, assumed_course, live
from domain.limits import Limits
from domain.stages import Stage
from domain.state import EffectKind, FactKind, Method, Opening
from domain.state import Verdict as Ground

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
LIMITS = Limits("24h", "1h", "7d", "72h", 2, "14d", "72h", "72h", "24h")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PACE = Pace(MINUTE, 2 * DAY, 4 * DAY, 4 * DAY + HOUR, 5 * DAY, MINUTE)
ASSUMED = assumed_course(PACE)


def opening(limits: Limits = LIMITS, *, authorized: bool = True) -> Opening:
    return Opening("r_1", authorized, Method.LABEL, AT, limits)


def recorded(*heard: Heard, settle: str = "succeeded") -> Course:
    return Course(
        heard,
        {EffectKind.BOOK: (Answer(MINUTE),), EffectKind.SETTLE: (Answer(MINUTE, {"status": settle}),)},
    )


SENT = Heard(FactKind.SCANNED, 3 * DAY, Since.LABEL, {"status": "in_transit"})
RECEIVED = Heard(FactKind.RECEIVED, 6 * DAY, Since.LABEL)
ACCEPTED = Heard(FactKind.INSPECTED, 7 * DAY, Since.LABEL, {"accepted": "all"})


def test_what_was_heard_leads_to_the_refund_it_led_to() -> None:
    life = live(opening(), recorded(SENT, RECEIVED, ACCEPTED), ASSUMED)
    assert (life.stage, life.assumed) == (Stage.CLOSED, False)
    assert life.settled == ((AT + MINUTE + 7 * DAY, Ground.INSPECTED),)
    assert life.paid_at == AT + MINUTE + 7 * DAY + MINUTE


def test_a_silent_bench_is_silent_again_and_a_shorter_deadline_passes_earlier() -> None:
    slow, quick = (
        live(opening(replace(LIMITS, inspection=span)), recorded(SENT, RECEIVED), ASSUMED) for span in ("72h", "24h")
    )
    assert [ground for _, ground in (*slow.settled, *quick.settled)] == [Ground.AS_DECLARED] * 2
    assert slow.settled[0][0] - quick.settled[0][0] == 48 * HOUR


def test_a_shopper_who_never_sent_anything_is_not_refunded_under_any_deadline() -> None:
    for span in ("7d", "30d"):
        life = live(opening(replace(LIMITS, ship_back=span)), recorded(), ASSUMED)
        assert (life.stage, life.settled, life.labels) == (Stage.EXPIRED, (), ())


def test_goods_that_come_after_a_shorter_deadline_open_the_return_again() -> None:
    life = live(opening(replace(LIMITS, ship_back="2d")), recorded(SENT, RECEIVED, ACCEPTED), ASSUMED)
    assert life.stage is Stage.CLOSED
    assert life.paid_at is not None


def test_the_merchants_silence_lets_a_referred_return_in_after_its_deadline() -> None:
    life = live(opening(authorized=False), recorded(SENT, RECEIVED, ACCEPTED), ASSUMED)
    assert life.paid_at == AT + DAY + MINUTE + 7 * DAY + MINUTE


def test_a_person_who_said_no_then_says_no_only_where_she_is_asked() -> None:
    no = Heard(FactKind.REFUSED, HOUR, Since.OPENING, {"reason": "worn"})
    course = Course((no,))
    assert live(opening(authorized=False), course, ASSUMED).stage is Stage.REFUSED
    let_in = live(opening(), course, ASSUMED)
    assert (let_in.stage, let_in.assumed) == (Stage.CLOSED, True)


def test_money_at_the_first_scan_is_there_days_before_the_goods() -> None:
    life = live(opening(replace(LIMITS, refund_trigger="first_scan")), recorded(SENT, RECEIVED, ACCEPTED), ASSUMED)
    assert life.paid_at == AT + MINUTE + 3 * DAY + MINUTE
    assert (life.stage, life.judged_at) == (Stage.CLOSED, AT + MINUTE + 7 * DAY)


def test_what_the_provider_reported_counts_from_the_settlement() -> None:
    paid = Heard(FactKind.REFUND_REPORTED, 5 * HOUR, Since.REFUND, {"status": "succeeded"})
    life = live(opening(), recorded(SENT, RECEIVED, ACCEPTED, paid, settle="pending"), ASSUMED)
    assert life.paid_at == AT + MINUTE + 7 * DAY + MINUTE + 5 * HOUR


def test_nothing_recorded_goes_at_the_assumed_pace_and_says_so() -> None:
    life = live(opening(), Course(), ASSUMED)
    assert (life.assumed, life.stage) == (True, Stage.CLOSED)
    assert life.paid_at == AT + MINUTE + 5 * DAY + MINUTE


def test_a_return_that_is_still_under_way_is_told_no_further_than_it_was_watched() -> None:
    life = live(opening(), replace(recorded(SENT), known_for=4 * DAY), ASSUMED)
    assert (life.stage, life.ended_at, life.settled) == (Stage.IN_TRANSIT, None, ())


def test_a_deadline_that_was_extended_is_extended_by_as_long() -> None:
    extended = Heard(FactKind.EXTENDED, HOUR, Since.LABEL, {UNTIL: (20 * DAY).total_seconds()})
    late = replace(SENT, after=15 * DAY)
    assert live(opening(), recorded(extended, late, replace(RECEIVED, after=16 * DAY)), ASSUMED).paid_at is not None
    assert live(opening(), recorded(extended), ASSUMED).ended_at == AT + 20 * DAY + MINUTE  # the label is given back


def test_a_label_that_was_never_given_is_not_given_now() -> None:
    failed = Course((), {EffectKind.BOOK: (Answer(HOUR, failed=True),)})
    life = live(opening(), failed, ASSUMED)
    assert (life.labels, life.paid_at) == ((), None)


@pytest.mark.parametrize("aspect", ["approval", "ship_back", "transit", "inspection", "refund", "booking"])
@pytest.mark.parametrize(
    "course", [recorded(), recorded(SENT), recorded(SENT, RECEIVED), recorded(SENT, RECEIVED, ACCEPTED)]
)
@pytest.mark.parametrize("authorized", [True, False])
def test_a_longer_deadline_never_brings_the_money_earlier(aspect: str, course: Course, authorized: bool) -> None:
    spans: list[dict[str, Any]] = [{aspect: "12h"}, {aspect: "96h"}]
    short, long = (live(opening(replace(LIMITS, **span), authorized=authorized), course, ASSUMED) for span in spans)
    if short.paid_at and long.paid_at:
        assert short.paid_at <= long.paid_at


@pytest.mark.parametrize("settle", ["succeeded", "withheld"])
def test_where_a_guarantee_is_asked_for_a_card_is_assumed_to_be_held_and_charged(settle: str) -> None:
    limits = replace(LIMITS, refund_trigger="first_scan", guarantee="hold", dunning="7d merchant")
    never_came = live(opening(limits), recorded(SENT, settle=settle), ASSUMED)
    assert (never_came.stage, len(never_came.settled)) == (Stage.CLOSED, 1)
    unguaranteed = live(opening(replace(limits, guarantee="")), recorded(SENT, settle=settle), ASSUMED)
    assert unguaranteed.stage is Stage.ATTENTION


def test_a_refund_that_was_withheld_then_is_paid_after_the_judgement_now() -> None:
    life = live(opening(), recorded(SENT, RECEIVED, ACCEPTED, settle="withheld"), ASSUMED)
    assert (life.stage, len(life.settled)) == (Stage.CLOSED, 1)
