"""The life of a return, told in journeys; then what holds from every state that can be reached, and in any order of facts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.limits import ApprovalDefault, DestinationSilence, Limits, RefundTrigger
from domain.process import AHEAD, Step, admissible, decide, law_deadline, owner, silence, timely
from domain.stages import ENDS, Owner, Silence, Stage
from domain.state import WAITS, Effect, EffectKind, Fact, FactKind, Method, State, Verdict
from tests.domain import reach
from tests.domain.told import (
    LIMITS,
    MINUTE,
    MONDAY,
    Told,
    booked,
    check_step,
    closed,
    expired,
    in_transit,
    inspected,
    received,
    settled,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


ASKING = replace(LIMITS, destination="14d")
CREDITING = replace(ASKING, destination_silence=DestinationSilence.STORE_CREDIT)


def destination_needed(limits: Limits = ASKING) -> Told:
    """The refund failed for good, because its tender is gone."""
    return inspected(limits=limits).done(status="failed", gone=True)


def given_a_refused_return_whose_goods_are_here() -> Told:
    return Told(authorized=False).refused().received()


# --- the happy path ----------------------------------------------------------------------------------------------------------


def test_goods_that_pass_the_bench_are_refunded_and_the_return_closes() -> None:
    case = Told().done().scanned("picked_up").scanned("in_transit").received().inspected().done()

    assert case.stages == ["authorized", "booked", "in_transit", "received", "inspected", "closed"]
    assert case.keys == ["book:1", "settle:1"]
    assert case.state.verdict is Verdict.INSPECTED


def test_goods_are_refunded_as_well_when_no_carrier_ever_scanned_them() -> None:
    assert booked().received().inspected().done().stages == ["authorized", "booked", "received", "inspected", "closed"]


@pytest.mark.parametrize("facts", [("received", "inspected"), ("inspected",)], ids=["received first", "judged at once"])
def test_goods_that_are_not_accepted_go_back(facts: tuple[str, ...]) -> None:
    case = booked()
    for fact in facts:
        case = case.received() if fact == "received" else case.inspected("none")
    case.done()

    assert case.stage is Stage.SENT_BACK
    assert case.keys == ["book:1", "send_back:1"]
    assert case.state.verdict is Verdict.NOTHING_ACCEPTED


def test_some_accepted_units_are_enough_for_a_refund() -> None:
    assert received().inspected("some").waiting_for == ["settle:1"]


# --- a person decides --------------------------------------------------------------------------------------------------------


def test_a_referred_return_waits_for_the_merchant() -> None:
    case = Told(authorized=False)

    assert (case.stage, owner(case.state), case.waiting_for) == (Stage.REFERRED, Owner.MERCHANT, [])
    assert case.state.due == MONDAY + DAY


def test_a_referred_return_goes_on_when_it_is_authorized() -> None:
    case = Told(authorized=False).authorized()

    assert (case.stage, case.waiting_for) == (Stage.AUTHORIZED, ["book:1"])


def test_a_referred_return_ends_when_it_is_refused() -> None:
    case = Told(authorized=False).refused()

    assert (case.stage, case.waiting_for) == (Stage.REFUSED, [])


def test_the_silence_of_the_merchant_authorizes() -> None:
    case = Told(authorized=False).silent()

    assert (case.stage, case.waiting_for) == (Stage.AUTHORIZED, ["book:1"])


def test_goods_that_come_while_a_person_decides_need_no_label_once_they_are_allowed() -> None:
    case = Told(authorized=False).received().inspected()
    assert case.stage is Stage.REFERRED

    case.authorized()

    assert (case.stage, case.keys) == (Stage.INSPECTED, ["settle:1"])


def test_goods_that_come_while_a_person_decides_go_back_once_they_are_refused() -> None:
    assert Told(authorized=False).received().refused().done().stages == ["referred", "inspected", "sent_back"]


# --- goods of a refused return -----------------------------------------------------------------------------------------------


def test_goods_of_a_refused_return_are_shown_to_a_person() -> None:
    case = given_a_refused_return_whose_goods_are_here()

    assert (case.stage, case.state.reason) == (Stage.ATTENTION, "goods_without_permission")
    assert silence(case.state) is Silence.REMIND


def test_goods_of_a_refused_return_may_be_allowed_after_all() -> None:
    case = given_a_refused_return_whose_goods_are_here().authorized()
    assert case.stage is Stage.RECEIVED

    assert case.inspected().done().stage is Stage.CLOSED


def test_goods_of_a_refused_return_go_back_when_a_person_refuses_again() -> None:
    case = given_a_refused_return_whose_goods_are_here().refused().done()

    assert (case.stage, case.keys) == (Stage.SENT_BACK, ["send_back:1"])


@pytest.mark.parametrize("received_first", [True, False], ids=["received first", "judged at once"])
def test_what_the_bench_saw_of_them_meanwhile_is_not_lost(received_first: bool) -> None:
    case = Told(authorized=False).refused()
    if received_first:
        case.received()

    case.inspected().authorized()

    assert (case.stage, case.state.verdict, case.keys) == (Stage.INSPECTED, Verdict.INSPECTED, ["settle:1"])


def test_nothing_but_a_decision_moves_goods_that_nobody_allowed() -> None:
    case = given_a_refused_return_whose_goods_are_here()

    assert case.retried().silent().scanned().cancelled().stage is Stage.ATTENTION
    assert case.keys == []
    assert timely(case.state, FactKind.RETRIED) == "a person decides whether the goods may stay: authorize or refuse"


# --- silence -----------------------------------------------------------------------------------------------------------------


def test_a_shopper_who_never_ships_lets_the_return_expire_and_the_label_is_given_back() -> None:
    case = booked()
    assert (owner(case.state), case.state.due) == (Owner.SHOPPER, MONDAY + MINUTE + 14 * DAY)

    case.silent()
    assert case.waiting_for == ["void:1"]

    assert case.done().stage is Stage.EXPIRED


def test_a_carrier_that_never_delivers_is_taken_to_have_lost_the_goods() -> None:
    case = in_transit()
    assert owner(case.state) is Owner.CARRIER

    case.silent()

    assert (case.state.verdict, case.waiting_for) == (Verdict.LOST, ["settle:1"])
    assert case.done().stage is Stage.CLOSED


def test_goods_that_the_carrier_lost_are_refunded_at_once() -> None:
    case = in_transit().scanned("lost")

    assert (case.stage, case.state.verdict, case.waiting_for) == (Stage.INSPECTED, Verdict.LOST, ["settle:1"])


def test_a_silent_bench_takes_the_goods_as_declared() -> None:
    case = received()
    assert (owner(case.state), case.state.due) == (Owner.WAREHOUSE, MONDAY + 2 * DAY + 3 * MINUTE)

    case.silent()

    assert (case.state.verdict, case.waiting_for) == (Verdict.AS_DECLARED, ["settle:1"])


def test_the_clock_of_the_bench_starts_with_the_carriers_delivery() -> None:
    case = in_transit().scanned("delivered")
    assert owner(case.state) is Owner.WAREHOUSE
    due = case.state.due
    assert due == case.now + 2 * DAY

    case.received()
    assert case.state.due == due

    assert case.silent().state.verdict is Verdict.AS_DECLARED


def test_delivered_and_never_received_is_the_silence_of_the_warehouse_not_of_the_carrier() -> None:
    assert in_transit().scanned("delivered").silent().state.verdict is Verdict.AS_DECLARED


def test_a_delivery_that_is_the_first_scan_starts_the_clock_of_the_bench_too() -> None:
    case = booked().scanned("delivered")

    assert (case.stage, case.state.delivered, case.state.due) == (Stage.IN_TRANSIT, True, case.now + 2 * DAY)


@pytest.mark.parametrize("how", ["the carrier says so", "silence"])
def test_a_pickup_that_never_comes_is_booked_again_and_then_an_operator_is_called(how: str) -> None:
    case = booked(method=Method.PICKUP)
    assert owner(case.state) is Owner.CARRIER

    for _ in range(case.state.limits.pickup_tries):
        case = case.silent() if how == "silence" else case.scanned("pickup_failed")
        assert case.stage is Stage.AUTHORIZED
        case.done()
    case = case.silent() if how == "silence" else case.scanned("pickup_failed")

    assert case.keys == ["book:1", "book:2", "book:3"]
    assert (case.stage, case.state.reason, silence(case.state)) == (Stage.ATTENTION, "pickup_failed", Silence.REMIND)
    assert case.retried().waiting_for == ["book:4"]


def test_a_pickup_that_comes_after_the_operator_was_called_needs_no_operator() -> None:
    case = booked(method=Method.PICKUP)
    for _ in range(2):
        case.silent().done()

    assert case.silent().scanned("picked_up").stage is Stage.IN_TRANSIT


def test_a_warning_comes_after_four_fifths_of_the_time_and_then_the_deadline() -> None:
    case = Told(authorized=False)
    assert case.state.alarm == MONDAY + 0.8 * DAY

    case.hears(Fact(FactKind.TIME_PASSED, MONDAY + 0.8 * DAY, "t1"))
    assert (case.stage, case.state.warn_at, case.state.alarm) == (Stage.REFERRED, None, MONDAY + DAY)

    assert case.hears(Fact(FactKind.TIME_PASSED, MONDAY + DAY, "t2")).stage is Stage.AUTHORIZED


def test_an_alarm_that_rings_too_early_changes_nothing() -> None:
    case = Told(authorized=False)
    before = case.state

    assert case.hears(Fact(FactKind.TIME_PASSED, MONDAY + HOUR, "t1")).state == before


def test_a_worker_that_slept_over_the_warning_goes_straight_to_the_deadline() -> None:
    assert Told(authorized=False).hears(Fact(FactKind.TIME_PASSED, MONDAY + 3 * DAY, "t1")).stage is Stage.AUTHORIZED


def test_an_extension_moves_the_deadline_and_its_warning_out() -> None:
    case = booked()
    until = MONDAY + 20 * DAY

    case.extended(until)

    assert case.state.due == until
    assert case.state.warn_at is not None
    assert abs(case.state.warn_at - (case.now + 0.8 * (until - case.now))) < timedelta(milliseconds=1)
    assert case.hears(Fact(FactKind.TIME_PASSED, MONDAY + 15 * DAY, "t1")).stage is Stage.BOOKED


def test_an_extension_after_the_warning_warns_again() -> None:
    case = booked()
    assert case.state.warn_at is not None
    case.hears(Fact(FactKind.TIME_PASSED, case.state.warn_at, "t1"))
    assert case.state.warn_at is None

    assert case.extended(MONDAY + 20 * DAY).state.warn_at is not None


def test_a_deadline_is_never_moved_in() -> None:
    case = booked()
    before = case.state

    assert case.extended(MONDAY + DAY).state == before


def test_there_is_nothing_to_extend_where_only_a_partner_is_asked() -> None:
    case = Told()
    before = case.state

    assert case.extended(MONDAY + 20 * DAY).state == before
    assert timely(before, FactKind.EXTENDED) == "there is no deadline to extend"


def test_goods_received_after_the_benchs_time_is_over_have_no_warning_that_lies_after_the_deadline() -> None:
    case = in_transit().scanned("delivered")
    assert case.state.due is not None
    case.now = case.state.due + DAY

    case.received()

    assert (case.state.warn_at, case.state.alarm) == (None, case.state.due)


# --- the shopper cancels -----------------------------------------------------------------------------------------------------


def test_a_return_that_waits_for_a_decision_is_cancelled_at_once() -> None:
    assert Told(authorized=False).cancelled().stages == ["referred", "cancelled"]


def test_a_return_whose_label_is_being_bought_is_cancelled_when_it_can_be_given_back() -> None:
    case = Told().cancelled()
    assert case.stage is Stage.AUTHORIZED

    case.done()
    assert case.waiting_for == ["void:1"]

    assert case.done().stage is Stage.CANCELLED


def test_a_return_whose_label_could_not_be_bought_is_cancelled_without_one() -> None:
    assert Told().cancelled().fails().stages == ["authorized", "cancelled"]


def test_a_booked_return_is_cancelled_and_its_label_given_back() -> None:
    case = booked().cancelled()
    assert (case.stage, case.waiting_for) == (Stage.BOOKED, ["void:1"])

    assert case.done().stage is Stage.CANCELLED


@pytest.mark.parametrize("case", [in_transit(), received(), inspected(), settled(), closed()], ids=lambda c: c.stage)
def test_goods_under_way_cannot_be_cancelled(case: Told) -> None:
    before = case.state

    assert timely(before, FactKind.CANCELLED)
    assert case.cancelled().state == before


def test_a_return_that_is_being_cancelled_is_not_cancelled_twice() -> None:
    case = booked().cancelled()

    assert timely(case.state, FactKind.CANCELLED) == "it is being ended already"
    assert case.cancelled().keys == ["book:1", "void:1"]


def test_a_label_that_was_scanned_already_is_not_given_back_and_the_goods_are_in_transit() -> None:
    case = booked().cancelled().done(voided=False)

    assert (case.stage, case.state.ending) == (Stage.IN_TRANSIT, None)


def test_goods_that_come_while_the_label_is_given_back_win() -> None:
    case = booked().cancelled().scanned("picked_up")
    assert case.stage is Stage.IN_TRANSIT

    assert case.done().stage is Stage.IN_TRANSIT


def test_giving_the_label_back_may_fail_when_the_goods_are_on_their_way() -> None:
    assert booked().cancelled().scanned("picked_up").fails().stage is Stage.IN_TRANSIT
    assert booked().cancelled().received().fails().stage is Stage.RECEIVED


def test_goods_that_come_before_the_label_of_a_cancelled_return_win() -> None:
    case = Told().cancelled().scanned("picked_up").done()

    assert (case.stage, case.keys) == (Stage.IN_TRANSIT, ["book:1"])


def test_a_label_that_cannot_be_given_back_now_is_given_back_later() -> None:
    case = booked().cancelled().fails()
    assert (case.stage, case.state.reason) == (Stage.ATTENTION, "void_failed")

    case.silent()
    assert case.keys == ["book:1", "void:1", "void:1"]

    assert case.done().stage is Stage.CANCELLED


def test_a_return_whose_label_failed_is_cancelled_from_attention() -> None:
    assert Told().fails().cancelled().stages == ["authorized", "attention", "cancelled"]


# --- early, late, crossing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("early", "stage"),
    [
        pytest.param(("scan",), Stage.IN_TRANSIT, id="a scan"),
        pytest.param(("receipt",), Stage.RECEIVED, id="a receipt"),
        pytest.param(("finding",), Stage.INSPECTED, id="a finding"),
        pytest.param(("receipt", "scan"), Stage.RECEIVED, id="a receipt, then the scan"),
        pytest.param(("finding", "receipt", "scan"), Stage.INSPECTED, id="everything, backwards"),
    ],
)
def test_what_comes_before_the_label_is_kept_and_taken_up(early: tuple[str, ...], stage: Stage) -> None:
    case = Told()
    for fact in early:
        {"scan": case.scanned, "receipt": case.received, "finding": case.inspected}[fact]()
        assert case.stage is Stage.AUTHORIZED

    case.done()

    assert (case.stage, case.state.early) == (stage, ())


def test_a_loss_that_is_reported_before_the_label_is_noted_is_refunded() -> None:
    case = Told().scanned("lost").done()

    assert (case.stage, case.state.verdict) == (Stage.INSPECTED, Verdict.LOST)


def test_a_loss_while_the_label_is_being_given_back_is_refunded() -> None:
    case = booked().cancelled().scanned("lost")

    assert (case.state.verdict, case.state.ending) == (Verdict.LOST, None)


def test_findings_before_the_scan_move_the_return_forward_and_the_scan_changes_nothing() -> None:
    case = booked().inspected()
    before = case.state

    assert case.scanned().scanned("delivered").received().state == before


@pytest.mark.parametrize("ended", [expired, lambda: booked().cancelled().done()], ids=["expired", "cancelled"])
@pytest.mark.parametrize(
    ("fact", "stage"),
    [("scanned", Stage.IN_TRANSIT), ("received", Stage.RECEIVED), ("inspected", Stage.INSPECTED)],
)
def test_goods_that_come_after_the_end_open_the_return_again(
    ended: Callable[[], Told], fact: str, stage: Stage
) -> None:
    case = ended()
    {"scanned": case.scanned, "received": case.received, "inspected": case.inspected}[fact]()

    assert (case.stage, case.state.ending) == (stage, None)


class TestGoodsWhoseUnitsCameBackInAnotherReturn:
    """The return had ended, its units went into another one, and now its own goods come."""

    def test_a_person_is_asked(self) -> None:
        case = expired().received(units_gone=True)

        assert (case.stage, case.state.reason) == (Stage.ATTENTION, "units_in_another_return")
        assert silence(case.state) is Silence.REMIND

    def test_a_retry_books_no_label_for_goods_that_are_here(self) -> None:
        assert expired().received(units_gone=True).retried().keys == ["book:1", "void:1"]

    def test_they_go_on_when_a_person_allows_it(self) -> None:
        assert expired().received(units_gone=True).authorized().stage is Stage.RECEIVED
        assert expired().inspected(units_gone=True).authorized().stage is Stage.INSPECTED
        assert expired().scanned(units_gone=True).authorized().stage is Stage.IN_TRANSIT

    def test_they_go_back_when_a_person_refuses(self) -> None:
        assert expired().received(units_gone=True).refused().done().stage is Stage.SENT_BACK
        assert expired().scanned(units_gone=True).received().refused().done().stage is Stage.SENT_BACK

    def test_refused_while_they_travel_they_go_back_once_they_are_here(self) -> None:
        case = expired().scanned(units_gone=True).refused()
        assert (case.stage, case.keys) == (Stage.EXPIRED, ["book:1", "void:1"])

        assert case.received(units_gone=True).refused().done().stage is Stage.SENT_BACK


def test_goods_that_the_carrier_gives_back_to_the_shopper_are_shown_to_a_person() -> None:
    case = in_transit().scanned("return_to_sender")

    assert (case.stage, case.state.reason, case.state.goods) == (Stage.ATTENTION, "returned_to_shopper", None)
    assert in_transit().scanned("return_to_sender").retried().waiting_for == ["book:2"]
    assert in_transit().scanned("return_to_sender").cancelled().stage is Stage.CANCELLED


def test_scans_of_the_way_back_to_the_shopper_do_not_bring_the_goods_to_us() -> None:
    case = in_transit().scanned("return_to_sender").scanned("in_transit").scanned("delivered")
    assert case.stage is Stage.ATTENTION

    assert case.retried().done().stage is Stage.BOOKED


# --- effects that fail -------------------------------------------------------------------------------------------------------


def test_a_label_that_could_not_be_bought_is_tried_again_under_the_same_key() -> None:
    case = Told().fails()
    assert (case.stage, case.state.reason, owner(case.state)) == (Stage.ATTENTION, "book_failed", Owner.OPERATOR)

    case.retried()
    assert case.keys == ["book:1", "book:1"]

    assert case.done().stage is Stage.BOOKED


def test_a_label_that_could_not_be_bought_is_tried_again_by_time() -> None:
    case = Told().fails()
    assert (silence(case.state), case.state.due) == (Silence.TRY_AGAIN, case.now + 4 * HOUR)

    assert case.silent().keys == ["book:1", "book:1"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("fact", "stage"),
    [("scanned", Stage.IN_TRANSIT), ("received", Stage.RECEIVED), ("inspected", Stage.INSPECTED)],
)
def test_a_label_that_could_not_be_bought_does_not_matter_once_the_goods_are_coming(
    when: str, fact: str, stage: Stage
) -> None:
    case = Told() if when == "before" else Told().fails()
    {"scanned": case.scanned, "received": case.received, "inspected": case.inspected}[fact]()
    if when == "before":
        case.fails()

    assert case.stage is stage
    assert case.state.failed is None


def test_a_way_back_that_fails_is_tried_again_under_the_same_key() -> None:
    case = received().inspected("none").fails()
    assert case.state.reason == "send_back_failed"

    assert case.silent().done().stage is Stage.SENT_BACK
    assert case.keys == ["book:1", "send_back:1", "send_back:1"]


# --- money -------------------------------------------------------------------------------------------------------------------


def test_a_pending_refund_is_confirmed_by_the_provider() -> None:
    case = settled()
    assert (case.stage, owner(case.state)) == (Stage.SETTLED, Owner.PAYMENTS)

    assert case.reported("succeeded").stage is Stage.CLOSED


@pytest.mark.parametrize(
    "case", [settled().reported("failed"), inspected().done(status="failed")], ids=["later", "at once"]
)
def test_a_refund_that_failed_waits_for_a_person_who_settles_in_a_new_round(case: Told) -> None:
    assert (case.stage, case.state.reason, silence(case.state)) == (Stage.ATTENTION, "refund_failed", Silence.REMIND)
    assert case.silent().keys == ["book:1", "settle:1"]

    case.retried()

    assert case.under_way == [Effect(EffectKind.SETTLE, "settle:2", 2)]
    assert case.done().stage is Stage.CLOSED


def test_a_refund_nobody_confirms_is_asked_for_again_in_the_same_round() -> None:
    case = settled().silent()
    assert (case.stage, case.state.reason, silence(case.state)) == (
        Stage.ATTENTION,
        "refund_unconfirmed",
        Silence.TRY_AGAIN,
    )

    case.silent()

    assert [effect.round for effect in case.under_way] == [1]
    assert case.done().stage is Stage.CLOSED


@pytest.mark.parametrize("case", [settled().silent(), inspected().fails()], ids=["unconfirmed", "no answer"])
@pytest.mark.parametrize(
    ("status", "stage", "reason"), [("succeeded", Stage.CLOSED, ""), ("failed", Stage.ATTENTION, "refund_failed")]
)
def test_the_provider_may_say_at_last_what_became_of_it(case: Told, status: str, stage: Stage, reason: str) -> None:
    told = Told()
    told.state, told.now = case.state, case.now

    told.reported(status)

    assert (told.stage, told.state.reason) == (stage, reason)


@pytest.mark.parametrize("answer", ["pending", "succeeded"])
def test_the_providers_event_may_overtake_its_answer(answer: str) -> None:
    case = inspected().reported("succeeded")
    assert case.stage is Stage.INSPECTED

    assert case.done(status=answer).stage is Stage.CLOSED
    assert case.state.early == ()


def test_a_failure_that_overtook_the_answer_is_taken_up_with_it() -> None:
    case = inspected().reported("failed").done(status="pending")

    assert (case.stage, case.state.reason) == (Stage.ATTENTION, "refund_failed")


def test_a_success_that_overtook_an_answer_that_never_came_closes() -> None:
    assert inspected().reported("succeeded").fails().stage is Stage.CLOSED


def test_a_failure_that_is_learnt_after_a_late_success_was_taken_up_is_not_taken_for_older_news() -> None:
    case = settled()
    failed = Fact(FactKind.REFUND_REPORTED, case.now + 2 * MINUTE, "r2", "simulated", {"status": "failed"})
    succeeded = replace(failed, at=case.now + MINUTE, id="r1", data={"status": "succeeded"})

    case.silent().retried().hears(succeeded).fails()
    assert case.stage is Stage.CLOSED

    assert case.hears(failed).stage is Stage.ATTENTION


def test_events_that_crossed_on_their_way_are_taken_up_in_the_order_they_happened() -> None:
    case = inspected()
    succeeded = Fact(FactKind.REFUND_REPORTED, case.now + MINUTE, "r1", "simulated", {"status": "succeeded"})
    failed = Fact(FactKind.REFUND_REPORTED, case.now + 2 * MINUTE, "r2", "simulated", {"status": "failed"})
    case.now += 3 * MINUTE

    case.hears(failed).hears(succeeded).done(status="pending")

    assert (case.stage, case.state.reason) == (Stage.ATTENTION, "refund_failed")


def test_a_success_that_turns_into_a_failure_opens_the_return_again_and_a_retry_pays_in_a_new_round() -> None:
    case = closed().reported("failed")
    assert (case.stage, case.state.reason) == (Stage.ATTENTION, "refund_failed")

    case.retried().done()

    assert (case.stage, case.keys) == (Stage.CLOSED, ["book:1", "settle:1", "settle:2"])


def test_a_success_told_again_after_it_turned_into_a_failure_does_not_close_the_return() -> None:
    case = settled().reported("succeeded")
    success = case.facts[-1]

    assert case.reported("failed").hears(success).stage is Stage.ATTENTION


@pytest.mark.parametrize("told_again", ["before the answer", "after the answer", "after the end"])
def test_the_failure_of_an_earlier_round_told_again_does_not_touch_the_later_one(told_again: str) -> None:
    case = settled().reported("failed", round=1)
    failure = case.facts[-1]
    case.retried()
    if told_again == "before the answer":
        case.hears(failure)
    case.done(status="pending", round=2)
    if told_again == "after the answer":
        case.hears(failure)
    case.reported("succeeded", round=2)
    if told_again == "after the end":
        case.hears(failure)

    assert case.stage is Stage.CLOSED
    assert case.stages.count(Stage.ATTENTION) == 1


# --- paid ahead of the judgement ---------------------------------------------------------------------------------------------


def promising(trigger: RefundTrigger) -> Limits:
    return replace(LIMITS, refund_trigger=trigger)


AT_FIRST_SCAN, AT_RECEIPT = promising(RefundTrigger.FIRST_SCAN), promising(RefundTrigger.RECEIVED)
ONCE_AUTHORIZED, RETURNLESS = promising(RefundTrigger.AUTHORIZED), promising(RefundTrigger.RETURNLESS)


def awaited(limits: Limits = AT_FIRST_SCAN) -> Told:
    """Refunded at the first scan; the goods are on their way."""
    return in_transit(limits=limits).done()


class TestPaidAhead:
    @pytest.mark.parametrize(
        ("trigger", "told", "stages"),
        [
            (ONCE_AUTHORIZED, lambda case: case.done(), ["authorized", "inspected", "awaited"]),
            (
                AT_FIRST_SCAN,
                lambda case: case.done().scanned("picked_up"),
                ["authorized", "booked", "inspected", "awaited"],
            ),
            (
                AT_RECEIPT,
                lambda case: case.done().scanned("picked_up").received(),
                ["authorized", "booked", "in_transit", "inspected", "awaited"],
            ),
        ],
        ids=["authorized", "first scan", "received"],
    )
    def test_the_refund_is_ordered_as_soon_as_it_was_promised(
        self, trigger: Limits, told: Callable[[Told], Told], stages: list[str]
    ) -> None:
        case = told(Told(limits=trigger))
        assert (case.waiting_for, case.state.verdict) == (["settle:1"], Verdict.ADVANCE)

        case.done()

        assert case.stages == stages
        assert case.keys == ["book:1", "settle:1"]

    def test_the_bench_is_promised_its_judgement_before_any_money(self) -> None:
        assert received().waiting_for == []

    def test_the_shopper_is_waited_for_then_the_carrier_then_the_warehouse(self) -> None:
        case = Told(limits=ONCE_AUTHORIZED).done().done()
        paid = case.now
        assert (owner(case.state), case.state.due, silence(case.state)) == (
            Owner.SHOPPER,
            paid + 30 * DAY,
            Silence.CALL_OPERATOR,
        )

        case.scanned("picked_up")
        assert (owner(case.state), case.state.due) == (Owner.CARRIER, paid + 30 * DAY)

        case.scanned("delivered")
        assert (owner(case.state), case.state.due) == (Owner.WAREHOUSE, case.now + 2 * DAY)
        due = case.state.due

        case.received()
        assert (owner(case.state), case.state.due, silence(case.state)) == (Owner.WAREHOUSE, due, Silence.CLOSE)

    def test_goods_that_are_all_accepted_close_it_without_a_second_refund(self) -> None:
        case = awaited().received().inspected()

        assert (case.stage, case.state.verdict) == (Stage.CLOSED, Verdict.INSPECTED)
        assert case.keys == ["book:1", "settle:1"]

    def test_a_silent_bench_closes_it_as_declared(self) -> None:
        case = awaited().received()
        assert case.state.due == case.now + 2 * DAY

        case.silent()

        assert (case.stage, case.state.verdict, case.waiting_for) == (Stage.CLOSED, Verdict.AS_DECLARED, [])

    def test_the_bench_has_its_time_after_a_refund_at_the_receipt_too(self) -> None:
        case = received(limits=AT_RECEIPT).done()

        assert (owner(case.state), case.state.due) == (Owner.WAREHOUSE, case.now + 2 * DAY)

    @pytest.mark.parametrize("accepted", ["some", "none"])
    def test_findings_below_the_advance_are_shown_to_a_person_who_may_let_it_stand(self, accepted: str) -> None:
        case = awaited().received().inspected(accepted)
        assert (case.stage, case.state.reason) == (Stage.ATTENTION, "advance_exceeds_findings")
        assert (owner(case.state), silence(case.state)) == (Owner.OPERATOR, Silence.REMIND)
        assert timely(case.state, FactKind.AUTHORIZED) is None

        case.silent().authorized()

        assert case.stage is Stage.CLOSED
        assert case.keys == ["book:1", "settle:1"]

    def test_goods_that_never_come_are_shown_to_a_person_who_may_let_the_refund_stand(self) -> None:
        case = awaited().silent()
        assert (case.stage, case.state.reason, silence(case.state)) == (
            Stage.ATTENTION,
            "goods_never_came",
            Silence.REMIND,
        )

        assert case.authorized().stage is Stage.CLOSED
        assert case.keys == ["book:1", "settle:1"]

    def test_goods_that_come_after_all_need_no_person(self) -> None:
        assert awaited().silent().inspected().stage is Stage.CLOSED
        assert awaited().silent().scanned("in_transit").stage is Stage.AWAITED

        case = awaited().silent().received()
        assert (case.stage, owner(case.state), case.state.due) == (Stage.AWAITED, Owner.WAREHOUSE, case.now + 2 * DAY)

    @pytest.mark.parametrize("case", [awaited().silent(), awaited().inspected("none")], ids=lambda c: c.state.reason)
    def test_nothing_can_be_tried_again_there_nor_refused(self, case: Told) -> None:
        assert timely(case.state, FactKind.RETRIED) == "a person decides whether the refund stands: authorize"
        assert timely(case.state, FactKind.REFUSED) == (
            "the refund has been paid: authorize to let it stand, or wait for the goods"
        )
        assert decide(case.state, Fact(FactKind.RETRIED, case.now, "r"))[1] == ()

    def test_goods_that_the_carrier_loses_are_charged_to_it_and_not_paid_twice(self) -> None:
        case = awaited().scanned("lost")
        assert case.state.verdict is Verdict.LOST
        assert case.under_way == [Effect(EffectKind.SETTLE, "settle:1.1", 1)]

        assert case.done().stage is Stage.CLOSED

    def test_goods_that_are_here_cannot_be_lost_any_more(self) -> None:
        case = awaited().received()
        before = case.state

        assert case.scanned("lost").state == before

    @pytest.mark.parametrize("moment", ["money under way", "money pending"])
    def test_news_of_goods_waits_until_the_money_is_there(self, moment: str) -> None:
        case = in_transit(limits=AT_FIRST_SCAN)
        if moment == "money pending":
            case.done(status="pending")
        before = case.stage
        case.scanned("out_for_delivery").received().inspected("some")
        assert case.stage is before
        assert [fact.kind for fact in case.state.early] == ["received", "inspected"]

        case = case.reported("succeeded") if moment == "money pending" else case.done()

        assert (case.stage, case.state.reason, case.state.early) == (Stage.ATTENTION, "advance_exceeds_findings", ())

    def test_a_delivery_that_is_the_first_scan_pays_and_starts_the_clock_of_the_bench(self) -> None:
        case = booked(limits=AT_FIRST_SCAN).scanned("delivered").done()

        assert (case.stage, owner(case.state), case.state.due) == (
            Stage.AWAITED,
            Owner.WAREHOUSE,
            case.now + 2 * DAY,
        )

    def test_what_was_judged_before_the_label_was_noted_is_not_paid_ahead(self) -> None:
        case = Told(limits=AT_FIRST_SCAN).scanned("picked_up").received().inspected("some").done()

        assert (case.state.verdict, case.waiting_for) == (Verdict.INSPECTED, ["settle:1"])
        assert case.done().stage is Stage.CLOSED

    def test_goods_given_back_to_the_shopper_get_another_label_and_no_second_refund(self) -> None:
        case = awaited().scanned("return_to_sender")
        assert (case.stage, case.state.reason) == (Stage.ATTENTION, "returned_to_shopper")

        case.retried().done()

        assert (case.stage, owner(case.state), case.keys) == (
            Stage.AWAITED,
            Owner.SHOPPER,
            ["book:1", "settle:1", "book:2"],
        )

    def test_a_pickup_that_never_came_is_booked_again_and_then_a_person_is_asked(self) -> None:
        case = Told(method=Method.PICKUP, limits=ONCE_AUTHORIZED).done().done()
        for _ in range(case.state.limits.pickup_tries):
            assert case.scanned("pickup_failed").stage is Stage.AUTHORIZED
            assert case.done().stage is Stage.AWAITED

        assert case.scanned("pickup_failed").state.reason == "pickup_failed"
        assert case.keys == ["book:1", "settle:1", "book:2", "book:3"]

    @pytest.mark.parametrize(
        "case",
        [in_transit(limits=AT_FIRST_SCAN), awaited(), awaited().silent(), awaited().scanned("return_to_sender")],
        ids=["under way", "awaited", "never came", "given back"],
    )
    def test_it_cannot_be_cancelled_once_money_is_ordered(self, case: Told) -> None:
        before = case.state

        assert timely(before, FactKind.CANCELLED) == "the refund has been ordered"
        assert case.cancelled().state == before

    def test_it_may_be_cancelled_before(self) -> None:
        assert booked(limits=AT_FIRST_SCAN).cancelled().done().stage is Stage.CANCELLED

    def test_a_refund_that_fails_later_is_paid_anew_and_the_goods_are_awaited_again(self) -> None:
        case = awaited().reported("failed")
        assert (case.stage, case.state.reason) == (Stage.ATTENTION, "refund_failed")

        case.received().retried().done()

        assert (case.stage, owner(case.state)) == (Stage.AWAITED, Owner.WAREHOUSE)
        assert case.keys == ["book:1", "settle:1", "settle:2"]

    def test_a_refund_that_fails_after_the_end_is_paid_anew_and_closes(self) -> None:
        case = awaited().inspected().reported("failed").retried().done()

        assert (case.stage, case.keys) == (Stage.CLOSED, ["book:1", "settle:1", "settle:2"])

    def test_a_refund_that_fails_while_a_person_looks_at_the_findings_leads_back_to_them(self) -> None:
        case = awaited().inspected("none").reported("failed").retried().done()

        assert (case.stage, case.state.reason) == (Stage.ATTENTION, "advance_exceeds_findings")

    def test_a_failure_told_late_is_not_taken_for_older_news(self) -> None:
        """It happened before the goods never came, and is heard after."""
        case = awaited()
        failed = Fact(FactKind.REFUND_REPORTED, case.now + MINUTE, "r1", "simulated", {"status": "failed"})

        assert case.silent().hears(failed).state.reason == "refund_failed"

    def test_an_advance_nobody_confirms_is_asked_for_again(self) -> None:
        case = in_transit(limits=AT_FIRST_SCAN).done(status="pending").silent()
        assert case.state.reason == "refund_unconfirmed"

        assert case.silent().done().stage is Stage.AWAITED
        assert case.keys == ["book:1", "settle:1", "settle:1.1"]

    def test_an_advance_that_could_not_be_sent_is_tried_again(self) -> None:
        case = in_transit(limits=AT_FIRST_SCAN).fails()
        assert case.state.reason == "settle_failed"

        assert case.received().silent().done().stage is Stage.AWAITED
        assert owner(case.state) is Owner.WAREHOUSE


class TestReturnless:
    def test_nothing_is_booked_and_the_refund_closes_it(self) -> None:
        case = Told(limits=RETURNLESS)
        assert (case.stage, case.waiting_for, case.state.verdict) == (
            Stage.INSPECTED,
            ["settle:1"],
            Verdict.RETURNLESS,
        )

        assert case.done().stage is Stage.CLOSED
        assert case.keys == ["settle:1"]

    @pytest.mark.parametrize("how", ["a person", "silence"])
    def test_a_referred_one_waits_for_its_decision(self, how: str) -> None:
        case = Told(authorized=False, limits=RETURNLESS)
        assert case.waiting_for == []

        case = case.authorized() if how == "a person" else case.silent()

        assert case.stages == ["referred", "inspected"]
        assert case.done().stage is Stage.CLOSED

    def test_it_cannot_be_cancelled_once_the_money_is_ordered(self) -> None:
        assert timely(Told(limits=RETURNLESS).state, FactKind.CANCELLED) == "the refund has been ordered"

    def test_a_refund_that_fails_is_paid_anew(self) -> None:
        assert Told(limits=RETURNLESS).done().reported("failed").retried().done().stage is Stage.CLOSED


# --- the law's clock ---------------------------------------------------------------------------------------------------------

# Directive 2011/83/EU art. 13: fourteen days from the notice, and the money may be withheld until the goods have been sent.
LAWFUL = replace(LIMITS, refund_clock="notice 14d sent")


class TestTheLawsClock:
    def test_the_earlier_of_promise_and_law_counts(self) -> None:
        slow = replace(LAWFUL, transit="20d", refund="20d")

        assert in_transit(limits=LAWFUL).state.due == MONDAY + 10 * DAY + 2 * MINUTE  # the promise
        assert in_transit(limits=slow).state.due == MONDAY + 14 * DAY
        assert settled(limits=slow).state.due == MONDAY + 14 * DAY
        assert received(limits=replace(slow, inspection="20d")).state.due == MONDAY + 14 * DAY
        assert inspected(limits=slow).state.due == MONDAY + 14 * DAY

    def test_the_money_may_be_withheld_while_nothing_was_sent(self) -> None:
        case = booked(limits=replace(LAWFUL, ship_back="30d"))

        assert law_deadline(case.state) is None
        assert case.state.due == MONDAY + 30 * DAY + MINUTE

    def test_goods_under_way_are_refunded_when_the_law_says_so_and_awaited_after(self) -> None:
        case = in_transit(limits=replace(LAWFUL, transit="20d")).silent()
        assert (case.waiting_for, case.state.verdict) == (["settle:1"], Verdict.BY_LAW)

        case.done()
        assert (case.stage, owner(case.state), case.state.due) == (Stage.AWAITED, Owner.CARRIER, case.now + 30 * DAY)

        assert case.received().inspected().stage is Stage.CLOSED
        assert case.keys == ["book:1", "settle:1"]

    def test_a_carrier_whose_promise_ends_before_the_law_has_lost_the_goods_as_ever(self) -> None:
        assert in_transit(limits=LAWFUL).silent().state.verdict is Verdict.LOST
        at_once = replace(LAWFUL, refund_clock="sent 10d")
        assert in_transit(limits=at_once).silent().state.verdict is Verdict.LOST

    def test_goods_at_the_bench_are_refunded_when_the_law_says_so_and_judged_after(self) -> None:
        case = received(limits=replace(LAWFUL, inspection="20d")).silent().done()

        assert (case.stage, case.state.verdict, owner(case.state)) == (
            Stage.AWAITED,
            Verdict.BY_LAW,
            Owner.WAREHOUSE,
        )

    def test_goods_sent_after_the_laws_days_are_refunded_at_the_proof_of_sending(self) -> None:
        case = booked(limits=replace(LAWFUL, ship_back="30d"))
        case.now = MONDAY + 20 * DAY

        case.scanned("picked_up")

        assert (case.waiting_for, case.state.verdict) == (["settle:1"], Verdict.BY_LAW)

    def test_goods_seen_before_the_decision_count_from_when_they_were_seen(self) -> None:
        case = Told(authorized=False, limits=replace(LAWFUL, refund_clock="received 7d", inspection="20d"))
        case.received()
        seen = case.now
        case.now = MONDAY + 3 * DAY

        case.authorized()

        assert (case.stage, case.state.due) == (Stage.RECEIVED, seen + 7 * DAY)

    def test_goods_given_back_to_the_shopper_are_not_sent(self) -> None:
        assert in_transit(limits=LAWFUL).scanned("return_to_sender").state.sent is None

    def test_what_is_paid_has_no_clock_any_more(self) -> None:
        case = in_transit(limits=replace(LAWFUL, transit="20d"))
        assert law_deadline(case.state) == MONDAY + 14 * DAY

        assert law_deadline(case.silent().done().state) is None
        assert law_deadline(received(limits=LAWFUL).inspected("none").state) is None  # nothing is owed

    def test_a_case_without_a_clock_keeps_nothing_for_it(self) -> None:
        case = received()

        assert (case.state.notice, case.state.sent, case.state.received) == (None, None, None)


# --- the platform steps in ---------------------------------------------------------------------------------------------------

ESCALATING = replace(LIMITS, approval_default=ApprovalDefault.ESCALATE_THEN_AUTHORIZE)


class TestEscalation:
    def test_the_silence_of_the_merchant_asks_the_platform_and_its_silence_authorizes(self) -> None:
        case = Told(authorized=False, limits=ESCALATING)
        assert (owner(case.state), silence(case.state)) == (Owner.MERCHANT, Silence.ESCALATE)

        case.silent()
        assert (case.stage, owner(case.state), silence(case.state)) == (
            Stage.REFERRED,
            Owner.PLATFORM,
            Silence.AUTHORIZE,
        )
        assert case.state.due == case.now + 2 * DAY

        assert case.silent().waiting_for == ["book:1"]

    @pytest.mark.parametrize("word", [FactKind.AUTHORIZED, FactKind.REFUSED])
    def test_the_platform_decides_either_way(self, word: FactKind) -> None:
        case = Told(authorized=False, limits=ESCALATING).silent()

        assert timely(case.state, word) is None
        assert case.says(word).stage is (Stage.AUTHORIZED if word is FactKind.AUTHORIZED else Stage.REFUSED)


def refused_when_asked_for() -> Told:
    """The desk refuses such a return by itself; nothing of it has ever run."""
    case = Told(authorized=False)
    case.state = State(Stage.REFUSED, MONDAY, Method.LABEL, LAWFUL)
    return case


class TestAppeal:
    @pytest.mark.parametrize(
        "refused", [lambda: Told(authorized=False).refused(), refused_when_asked_for], ids=["by a person", "by a rule"]
    )
    def test_a_refusal_is_looked_at_again_by_the_platform(self, refused: Callable[[], Told]) -> None:
        case = refused()
        assert timely(case.state, FactKind.APPEALED) is None

        case.appealed()

        assert (case.stage, owner(case.state), case.state.due) == (Stage.REFERRED, Owner.PLATFORM, case.now + 2 * DAY)
        assert case.authorized().done().received().inspected().done().stage is Stage.CLOSED

    def test_what_was_refused_is_paid_for_once_it_has_been_seen_whatever_the_tier_is_promised(self) -> None:
        case = Told(authorized=False, limits=ONCE_AUTHORIZED).refused().appealed()

        assert case.authorized().waiting_for == ["book:1"]

    def test_silence_resolves_for_the_shopper_here_too(self) -> None:
        case = Told(authorized=False).refused().appealed()
        assert silence(case.state) is Silence.AUTHORIZE

        assert case.silent().waiting_for == ["book:1"]

    def test_it_is_possible_once(self) -> None:
        case = Told(authorized=False).refused().appealed().refused()
        before = case.state

        assert case.stage is Stage.REFUSED
        assert timely(before, FactKind.APPEALED) == "the refusal has been appealed against before"
        assert admissible(before, FactKind.APPEALED) == "the refusal has been appealed against before"
        assert case.appealed().state == before

    def test_only_a_refusal_can_be_appealed_against(self) -> None:
        assert timely(booked().state, FactKind.APPEALED) == "nothing has been refused"
        assert timely(expired().state, FactKind.APPEALED) == "the return has ended: expired"

    def test_the_notice_that_the_law_counts_from_is_the_first_one(self) -> None:
        case = refused_when_asked_for()
        case.now = MONDAY + 3 * DAY

        assert case.appealed().state.notice == MONDAY


# --- a tender that is gone ----------------------------------------------------------------------------------------------------


class TestDestination:
    def test_the_shopper_is_asked_where_the_money_goes_and_it_is_sent_there_in_a_round_of_its_own(self) -> None:
        case = destination_needed()
        assert (case.stage, case.state.reason) == (Stage.ATTENTION, "destination_needed")
        assert (owner(case.state), silence(case.state)) == (Owner.SHOPPER, Silence.CALL_OPERATOR)
        assert case.state.due == case.now + 14 * DAY

        case.destination_given("bank:ba_1")

        assert (case.state.destination, case.waiting_for) == ("bank:ba_1", ["settle:2"])
        assert case.done().stage is Stage.CLOSED

    def test_her_silence_is_for_an_operator_and_she_may_still_say_it_then(self) -> None:
        case = destination_needed().silent()
        assert (case.stage, case.state.reason, owner(case.state)) == (Stage.ATTENTION, "refund_failed", Owner.OPERATOR)
        assert silence(case.state) is Silence.REMIND

        assert case.destination_given().waiting_for == ["settle:2"]

    def test_her_silence_is_store_credit_where_the_terms_say_so(self) -> None:
        case = destination_needed(CREDITING)
        assert silence(case.state) is Silence.STORE_CREDIT

        case.silent()

        assert (case.state.destination, case.waiting_for) == ("store_credit", ["settle:2"])
        assert case.done().stage is Stage.CLOSED

    def test_a_destination_that_fails_too_is_asked_for_again(self) -> None:
        case = destination_needed().destination_given("bank:ba_1").done(status="failed", gone=True)
        assert (case.stage, case.state.reason) == (Stage.ATTENTION, "destination_needed")

        assert case.destination_given().done().keys == ["book:1", "settle:1", "settle:2", "settle:3"]

    def test_money_that_the_bank_returns_after_the_end_leads_to_the_same_question(self) -> None:
        case = closed(limits=ASKING).reported("failed", gone=True)

        assert (case.stage, case.state.reason, owner(case.state)) == (
            Stage.ATTENTION,
            "destination_needed",
            Owner.SHOPPER,
        )

    def test_an_operator_may_send_it_the_old_way_all_the_same(self) -> None:
        assert destination_needed().retried().waiting_for == ["settle:2"]

    def test_terms_from_before_there_was_a_question_call_a_person(self) -> None:
        assert destination_needed(LIMITS).state.reason == "refund_failed"

    def test_a_failure_that_is_not_the_tenders_is_for_a_person(self) -> None:
        assert inspected(limits=ASKING).done(status="failed").state.reason == "refund_failed"

    @pytest.mark.parametrize("story", [booked, settled, closed, Told], ids=["booked", "pending", "closed", "requested"])
    def test_nobody_is_asked_where_no_money_looks_for_a_destination(self, story: Callable[[], Told]) -> None:
        case = story()
        assert timely(case.state, FactKind.DESTINATION_GIVEN)
        before = case.state
        assert case.destination_given().state == before


# --- guaranteed, charged back, and undone ------------------------------------------------------------------------------------

GUARANTEED = replace(AT_FIRST_SCAN, guarantee="hold_or_receivable", dunning="7d 14d merchant")
ASKING_A_PERSON = replace(GUARANTEED, dunning="7d person")


def covered(guarantee: str = "hold", limits: Limits = GUARANTEED) -> Told:
    """Refunded at the first scan against a guarantee; the goods are on their way."""
    return in_transit(limits=limits).done(guarantee=guarantee)


def owing(limits: Limits = GUARANTEED) -> Told:
    return covered("receivable", limits).silent().done(standing="owed")


class TestGuaranteed:
    @pytest.mark.parametrize("guarantee", ["hold", "receivable"])
    def test_accepted_goods_close_it_and_what_guaranteed_it_is_let_go_of(self, guarantee: str) -> None:
        case = covered(guarantee).received().inspected()

        assert (case.stage, case.state.verdict, case.waiting_for) == (Stage.CLOSED, Verdict.INSPECTED, ["release:1"])
        assert case.done().stage is Stage.CLOSED

    def test_a_hold_that_cannot_be_let_go_of_keeps_no_return_open(self) -> None:
        assert covered().received().inspected().fails().stage is Stage.CLOSED

    def test_nothing_is_paid_ahead_of_the_goods_where_nothing_guarantees_it(self) -> None:
        case = in_transit(limits=GUARANTEED).done(status="withheld")
        assert (case.stage, case.state.verdict, case.waiting_for) == (Stage.IN_TRANSIT, Verdict.NONE, [])

        case.received().inspected().done()

        assert (case.stage, case.state.verdict) == (Stage.CLOSED, Verdict.INSPECTED)
        assert case.keys == ["book:1", "settle:1", "settle:2"]

    def test_goods_that_came_while_a_guarantee_was_looked_for_are_not_lost(self) -> None:
        case = in_transit(limits=GUARANTEED).received().done(status="withheld")

        assert (case.stage, case.waiting_for) == (Stage.RECEIVED, [])

    def test_a_refund_that_was_withheld_can_still_be_cancelled(self) -> None:
        case = booked(limits=replace(GUARANTEED, refund_trigger=RefundTrigger.AUTHORIZED)).done(status="withheld")
        assert case.stage is Stage.BOOKED

        assert case.cancelled().done().stage is Stage.CANCELLED

    def test_the_law_pays_what_the_promise_withheld(self) -> None:
        limits = replace(GUARANTEED, transit="30d", refund_clock="notice 14d sent")
        case = in_transit(limits=limits).done(status="withheld").silent()

        assert (case.state.verdict, case.waiting_for) == (Verdict.BY_LAW, ["settle:2"])

    def test_the_shopper_is_reminded_first_and_charged_at_the_deadline(self) -> None:
        case = covered()
        assert (owner(case.state), silence(case.state)) == (Owner.CARRIER, Silence.RECHARGE)

        case.silent()

        assert (case.stage, case.waiting_for, case.state.verdict) == (
            Stage.RECHARGING,
            ["recharge:1"],
            Verdict.RECHARGED,
        )
        assert case.done().stage is Stage.CLOSED

    def test_a_charge_that_fails_is_tried_again_under_the_same_key(self) -> None:
        case = covered().silent().fails()
        assert (case.stage, case.state.reason) == (Stage.ATTENTION, "recharge_failed")

        assert case.silent().waiting_for == ["recharge:1"]

    def test_who_owes_is_reminded_step_by_step_and_then_the_debt_is_written_off(self) -> None:
        case = owing()
        assert (case.stage, owner(case.state), silence(case.state)) == (Stage.OWED, Owner.SHOPPER, Silence.DUN)
        assert case.state.due == case.now + 7 * DAY

        case.silent()
        assert (case.state.reminded, case.state.due) == (1, case.now + 14 * DAY)
        case.silent()
        assert (case.state.reminded, silence(case.state)) == (2, Silence.WRITE_OFF)
        case.silent()

        assert case.waiting_for == ["write_off:2"]
        assert case.done().stage is Stage.CLOSED

    def test_or_a_person_gives_the_debt_up_or_has_the_shopper_reminded_again(self) -> None:
        case = owing(ASKING_A_PERSON).silent().silent()
        assert (case.stage, case.state.reason) == (Stage.ATTENTION, "advance_not_repaid")
        assert timely(case.state, FactKind.RETRIED) is not None

        case.refused()
        assert (case.stage, case.state.reminded) == (Stage.OWED, 0)

        case.silent().silent().authorized()
        assert case.waiting_for == ["write_off:2"]

    def test_a_person_may_let_the_refund_stand_though_the_goods_never_came(self) -> None:
        case = owing()
        assert timely(case.state, FactKind.AUTHORIZED) is None

        case.authorized()

        assert case.waiting_for == ["reverse:2"]
        assert (case.done().stage, case.state.verdict) == (Stage.CLOSED, Verdict.AS_DECLARED)

    @pytest.mark.parametrize(
        "story",
        [lambda: covered().silent().done(), owing, lambda: owing(ASKING_A_PERSON).silent().silent()],
        ids=["captured", "owed", "a person is asked"],
    )
    def test_goods_that_come_after_all_are_judged_and_undo_it(self, story: Callable[[], Told]) -> None:
        case = story().received()
        assert (case.stage, owner(case.state), case.waiting_for) == (Stage.AWAITED, Owner.WAREHOUSE, [])

        case.inspected()

        assert case.waiting_for == ["reverse:2"]
        assert (case.done().stage, case.state.verdict, case.state.advance) == (Stage.CLOSED, Verdict.INSPECTED, "")

    def test_a_bench_that_does_not_judge_them_undoes_it_by_its_silence(self) -> None:
        case = covered().silent().done().received().silent()

        assert (case.waiting_for, case.state.verdict) == (["reverse:2"], Verdict.AS_DECLARED)

    def test_goods_that_come_while_the_charge_is_under_way_wait_for_it(self) -> None:
        case = covered().silent().received()

        assert case.done().stages[-2:] == ["recharging", "awaited"]

    @pytest.mark.parametrize("story", [lambda: covered().silent().done(), owing], ids=["captured", "owed"])
    def test_a_carrier_that_lost_them_after_all_is_charged_instead_of_the_shopper(
        self, story: Callable[[], Told]
    ) -> None:
        case = story().scanned("lost")
        assert (case.waiting_for, case.state.verdict) == (["reverse:2"], Verdict.LOST)

        case.done().done()

        assert (case.stage, case.keys[-1]) == (Stage.CLOSED, "settle:1.1")

    def test_findings_below_a_guaranteed_advance_are_charged_back_only_by_a_person(self) -> None:
        case = covered().received().inspected("some")
        assert (case.stage, silence(case.state)) == (Stage.ATTENTION, Silence.REMIND)
        assert timely(case.state, FactKind.REFUSED) is None

        case.refused()

        assert case.waiting_for == ["recharge:1"]
        assert case.done().stage is Stage.CLOSED

    def test_a_refund_that_the_bank_gives_back_is_not_paid_anew_for_goods_that_wait_to_be_sent_back(self) -> None:
        case = covered().received().inspected("none").refused().done(send_back=True).fails()
        assert case.state.reason == "send_back_failed"

        assert case.reported("failed").state.reason == "send_back_failed"
        assert case.retried().waiting_for == ["send_back:1"]
        case.done()

        assert (case.state.verdict, case.state.reason) == (Verdict.RECHARGED, "refund_failed")
        assert case.keys.count("settle:2") == 0

    def test_goods_of_which_none_was_accepted_go_back_once_they_are_charged(self) -> None:
        case = covered().received().inspected("none").refused().done(send_back=True)
        assert case.waiting_for == ["send_back:1"]

        assert (case.done().stage, case.state.verdict) == (Stage.CLOSED, Verdict.RECHARGED)
        assert case.received().inspected().stage is Stage.CLOSED, "they are the shopper's again"

    def test_a_refund_that_the_bank_gave_back_while_it_is_owed_is_shown_to_a_person(self) -> None:
        case = owing().reported("failed")
        assert (case.stage, case.state.reason) == (Stage.ATTENTION, "refund_failed")

        case.retried().received().done()

        assert case.stage is Stage.AWAITED, "what came meanwhile was kept"

    def test_no_advance_no_charge(self) -> None:
        """Cases of before, and advances that nothing guarantees, are put before a person as ever."""
        case = in_transit(limits=GUARANTEED).done().silent()

        assert (case.stage, case.state.reason) == (Stage.ATTENTION, "goods_never_came")


# --- repeated ----------------------------------------------------------------------------------------------------------------

REPEATED: dict[str, Callable[[], Told]] = {
    "authorized": lambda: Told(authorized=False).authorized(),
    "refused": lambda: Told(authorized=False).refused(),
    "cancelled while referred": lambda: Told(authorized=False).cancelled(),
    "cancelled while the label is bought": lambda: Told().cancelled(),
    "cancelled with a label": lambda: booked().cancelled(),
    "appealed": lambda: Told(authorized=False).refused().appealed(),
    "destination given": lambda: destination_needed().destination_given(),
    "extended": lambda: booked().extended(MONDAY + 20 * DAY),
    "label booked": booked,
    "label booked and given back": lambda: Told().cancelled().done(),
    "scanned early": lambda: Told().scanned(),
    "scanned": in_transit,
    "delivered": lambda: in_transit().scanned("delivered"),
    "lost": lambda: in_transit().scanned("lost"),
    "given back to the shopper": lambda: in_transit().scanned("return_to_sender"),
    "pickup failed": lambda: booked(method=Method.PICKUP).scanned("pickup_failed"),
    "received early": lambda: Told().received(),
    "received": received,
    "inspected early": lambda: Told().inspected(),
    "inspected": inspected,
    "nothing accepted": lambda: received().inspected("none"),
    "settled": settled,
    "settled and closed": closed,
    "settled and failed": lambda: inspected().done(status="failed"),
    "refund reported early": lambda: inspected().reported("succeeded"),
    "refund succeeded": lambda: settled().reported("succeeded"),
    "refund failed": lambda: settled().reported("failed"),
    "refund failed after the end": lambda: closed().reported("failed"),
    "sent back": lambda: received().inspected("none").done(),
    "expired": expired,
    "label failed": lambda: Told().fails(),
    "refund failed to be sent": lambda: inspected().fails(),
    "retried": lambda: Told().fails().retried(),
    "paid at the first scan": lambda: in_transit(limits=AT_FIRST_SCAN),
    "paid ahead and here": lambda: awaited().received(),
    "paid ahead and lost": lambda: awaited().scanned("lost"),
    "paid ahead and judged": lambda: awaited().inspected("some"),
    "paid ahead and let stand": lambda: awaited().silent().authorized(),
    "paid ahead and failed": lambda: awaited().reported("failed"),
    "paid ahead and charged back": lambda: covered().silent().done(),
    "paid ahead and owed": lambda: covered().silent().done(standing="owed"),
    "reminded of a debt": lambda: covered().silent().done(standing="owed").silent(),
    "come after all": lambda: covered().silent().done().received(),
    "guaranteed and let go of": lambda: covered().received().inspected().done(),
    "withheld": lambda: in_transit(limits=GUARANTEED).done(status="withheld"),
    "escalated": lambda: Told(authorized=False, limits=ESCALATING).silent(),
    "retried in a new round": lambda: settled().reported("failed").retried(),
    "time passed": lambda: in_transit().silent(),
    "goods of a refused return": given_a_refused_return_whose_goods_are_here,
    "opened again by a scan": lambda: expired().scanned(),
    "opened again by a receipt": lambda: expired().received(),
    "opened again, units gone": lambda: expired().received(units_gone=True),
}


@pytest.mark.parametrize("story", REPEATED.values(), ids=REPEATED.keys())
def test_a_fact_heard_twice_changes_nothing_twice(story: Callable[[], Told]) -> None:
    case = story()
    before, issued = case.state, list(case.issued)

    case.again()

    assert (case.state, case.issued) == (before, issued)


def test_every_kind_of_fact_is_repeated_above() -> None:
    assert {story().facts[-1].kind for story in REPEATED.values()} == set(FactKind)


# --- from every state by every fact ------------------------------------------------------------------------------------------

REACHED = reach.all_states()
BY_STAGE = {stage: [node for node in REACHED if node.state.stage is stage] for stage in Stage}
LIVED_IN = [stage for stage in Stage if stage not in (Stage.REQUESTED, Stage.CHECKED)]


def test_every_stage_is_reached() -> None:
    assert {stage for stage, nodes in BY_STAGE.items() if nodes} == set(LIVED_IN)


def test_no_reached_state_hangs() -> None:
    for node in REACHED:
        reach.check(node)


def test_every_arrow_out_of_attention_and_every_other_arrow_leads_on_the_picture() -> None:
    for before, fact, after in reach.all_steps():
        check_step(before, fact, after)


@pytest.mark.parametrize("kind", FactKind)
@pytest.mark.parametrize("stage", LIVED_IN)
def test_no_fact_in_no_stage_is_an_error_or_leaves_the_picture(stage: Stage, kind: FactKind) -> None:
    """Also facts that nobody can be waiting for: late answers, and everything twice."""
    for node in BY_STAGE[stage]:
        for fact in reach.every_fact(node, kind):
            after, effects = decide(node.state, fact)
            check_step(node.state, fact, after)
            assert len([effect for effect in effects if effect.kind is EffectKind.SETTLE]) <= 1
            timely(node.state, kind)


@pytest.mark.parametrize("stage", LIVED_IN)
def test_no_more_than_one_refund_is_under_way(stage: Stage) -> None:
    for node in BY_STAGE[stage]:
        assert len([kind for kind in node.under_way if kind.kind is EffectKind.SETTLE]) <= 1


@pytest.mark.parametrize("stage", sorted(WAITS))
def test_silence_leads_to_an_end_or_to_a_person(stage: Stage) -> None:
    for node in BY_STAGE[stage]:
        if not node.state.ending:
            assert silence(node.state) is not None
            assert owner(node.state) is not None
        last = reach.let_time_pass(node, effects_succeed=True)
        assert last.ended or silence(last) is Silence.REMIND, (node, last)


@pytest.mark.parametrize("stage", LIVED_IN)
def test_a_person_hears_of_every_case_whose_effects_keep_failing(stage: Stage) -> None:
    for node in BY_STAGE[stage]:
        last = reach.let_time_pass(node, effects_succeed=False)
        assert last.ended or last.stage is Stage.ATTENTION


@pytest.mark.parametrize("stage", LIVED_IN)
def test_what_is_kept_is_taken_up_in_the_end(stage: Stage) -> None:
    for node in BY_STAGE[stage]:
        last = reach.let_time_pass(node, effects_succeed=True)
        if last.ended:
            assert last.early == ()


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=lambda order: "".join(map(str, order)))
@pytest.mark.parametrize("label_after", range(5))
def test_news_of_goods_comes_to_the_same_end_in_any_order(order: tuple[int, ...], label_after: int) -> None:
    case = Told()
    news = [
        lambda: case.scanned("picked_up"),
        lambda: case.scanned("delivered"),
        lambda: case.received(),
        lambda: case.inspected("some"),
    ]
    for number, index in enumerate(order):
        if number == label_after:
            case.done()
        news[index]()
    while case.under_way:
        case.done()

    assert (case.stage, case.state.verdict, case.state.early) == (Stage.CLOSED, Verdict.INSPECTED, ())
    assert case.keys.count("settle:1") == 1


# --- in any order ------------------------------------------------------------------------------------------------------------

MODERATE = settings(
    max_examples=80,
    stateful_step_count=35,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


SPOKEN = [FactKind.AUTHORIZED, FactKind.REFUSED, FactKind.CANCELLED, FactKind.RETRIED, FactKind.APPEALED]
PROMISES = st.builds(
    replace,
    st.just(LIMITS),
    refund_trigger=st.sampled_from(RefundTrigger),
    approval_default=st.sampled_from(ApprovalDefault),
    refund_clock=st.sampled_from(["", "notice 14d sent", "received 7d, notice 30d"]),
    guarantee=st.sampled_from(["", "hold_or_receivable"]),
    dunning=st.sampled_from(["7d 7d merchant", "3d person"]),
)


class World(RuleBasedStateMachine):
    """A case among people, a carrier and a payment provider who do as they like, in any order.

    The provider keeps one refund per round, as the real books do, and is the witness of what was paid.
    """

    @initialize(authorized=st.booleans(), method=st.sampled_from(Method), limits=st.deferred(lambda: PROMISES))
    def opens(self, authorized: bool, method: Method, limits: Limits) -> None:
        self.case = Told(authorized=authorized, method=method, limits=limits)
        self.rounds: dict[int, str] = {}
        self.on_the_wire: list[Fact] = []
        self.run = [self.case.state]  # the states since the case was last opened
        for effect in self.case.under_way:
            self.check_refund(effect)

    def tell(self, fact: Fact) -> None:
        before, under_way = self.case.state, list(self.case.under_way)
        people = fact.kind in PEOPLE
        self.case.hears(fact)
        if people and timely(before, fact.kind) is None and self.case.state != before:  # else nobody is told
            for earlier in self.run:
                assert admissible(earlier, fact.kind) is None, (earlier.stage, fact.kind)
        issued = self.case.under_way[len(under_way) :]
        for effect in issued:
            self.check_refund(effect)
        if before.ended and not self.case.ended:
            self.run = []
        self.run.append(self.case.state)

    def check_refund(self, effect: Effect) -> None:
        if effect.kind is EffectKind.SETTLE and effect.round not in self.rounds and effect.round > 1:
            assert self.rounds[effect.round - 1] == "failed"  # never paid twice

    def say(self, kind: FactKind, **data: object) -> None:
        self.case.now += MINUTE
        self.tell(Fact(kind, self.case.now, f"{kind}:{len(self.case.facts)}", "test", data))

    @rule(kind=st.sampled_from(SPOKEN))
    def a_person_speaks(self, kind: FactKind) -> None:
        self.say(kind)

    @rule(days=st.integers(1, 30))
    def a_deadline_is_extended(self, days: int) -> None:
        self.say(FactKind.EXTENDED, until=(self.case.now + days * DAY).isoformat())

    @rule(units_gone=st.booleans())
    def the_dock_scans(self, units_gone: bool) -> None:
        self.say(FactKind.RECEIVED, parcel_id="par_1", **self.perhaps(units_gone))

    @rule(accepted=st.sampled_from(["all", "some", "none"]), units_gone=st.booleans())
    def the_bench_judges(self, accepted: str, units_gone: bool) -> None:
        self.say(FactKind.INSPECTED, accepted=accepted, **self.perhaps(units_gone))

    @rule(status=st.sampled_from(reach.STATUSES), units_gone=st.booleans())
    def the_carrier_scans(self, status: str, units_gone: bool) -> None:
        self.say(FactKind.SCANNED, status=status, **self.perhaps(units_gone))

    def perhaps(self, units_gone: bool) -> dict[str, bool]:
        return {"units_gone": True} if units_gone and self.case.ended else {}

    @rule(at_once=st.sampled_from(["succeeded", "pending", "failed"]), index=st.integers(0, 5))
    @precondition(lambda self: self.case.under_way)
    def an_effect_answers(self, at_once: str, index: int) -> None:
        effect = self.case.under_way.pop(index % len(self.case.under_way))
        kind, data = reach.ANSWERS[effect.kind]
        if effect.kind is EffectKind.SETTLE:
            data = {"status": self.refund(effect.round, at_once), "round": effect.round, **self.guaranteed(index)}
        if effect.kind is EffectKind.VOID:
            data = {"voided": index % 2 == 0, "key": effect.key}
        if effect.kind is EffectKind.RECHARGE:
            data = {"standing": ("captured", "owed")[index % 2], "key": effect.key}
        self.say(kind, **data)

    def guaranteed(self, index: int) -> dict[str, str]:
        state = self.case.state
        if not state.limits.guarantee or state.verdict is not Verdict.ADVANCE or state.advance:
            return {}
        return {"guarantee": ("hold", "receivable")[index % 2]}

    def refund(self, number: int, at_once: str) -> str:
        if number not in self.rounds:
            assert all(status == "failed" for status in self.rounds.values())
            self.rounds[number] = at_once
        return self.rounds[max(self.rounds)]

    @rule(index=st.integers(0, 5), done=st.booleans())
    @precondition(lambda self: self.case.under_way)
    def an_effect_fails(self, index: int, done: bool) -> None:
        effect = self.case.under_way.pop(index % len(self.case.under_way))
        if effect.kind is EffectKind.SETTLE and done:  # carried out, and the answer was lost
            self.refund(effect.round, "pending")
        self.say(FactKind.EFFECT_FAILED, effect=effect.kind, key=effect.key, round=effect.round, error="no answer")

    @rule(status=st.sampled_from(["succeeded", "failed"]))
    @precondition(lambda self: self.rounds and self.rounds[max(self.rounds)] != "failed")
    def the_provider_makes_up_its_mind(self, status: str) -> None:
        last = max(self.rounds)
        if self.rounds[last] == status:
            return
        self.rounds[last] = status
        self.case.now += MINUTE
        self.on_the_wire.append(
            Fact(
                FactKind.REFUND_REPORTED,
                self.case.now,
                f"report:{len(self.on_the_wire)}:{self.case.now}",
                "simulated",
                {"status": status, "round": last},
            )
        )

    @rule(index=st.integers(0, 5), twice=st.booleans())
    @precondition(lambda self: self.on_the_wire)
    def the_providers_event_arrives(self, index: int, twice: bool) -> None:
        fact = self.on_the_wire[index % len(self.on_the_wire)]
        if not twice:
            self.on_the_wire.remove(fact)
        self.case.now += MINUTE
        self.tell(fact)

    @rule(hours=st.integers(1, 400))
    def time_passes(self, hours: int) -> None:
        self.case.now += hours * HOUR
        if self.case.state.alarm and self.case.state.alarm <= self.case.now:
            self.say(FactKind.TIME_PASSED)

    @invariant()
    def one_refund_at_a_time(self) -> None:
        assert len([effect for effect in self.case.under_way if effect.kind is EffectKind.SETTLE]) <= 1

    def teardown(self) -> None:
        """Everybody falls silent, partners answer well: the case ends, or a person is asked; and what is closed is paid."""
        for fact in list(self.on_the_wire):
            self.tell(fact)
        for _ in range(60):
            if self.case.under_way:
                effect = self.case.under_way.pop()
                kind, data = reach.ANSWERS[effect.kind]
                if effect.kind is EffectKind.SETTLE:
                    data = {"status": self.refund(effect.round, "succeeded"), "round": effect.round}
                    data |= self.guaranteed(0)
                self.say(kind, **data)
            elif self.case.state.alarm and silence(self.case.state) is not Silence.REMIND:
                self.case.now = max(self.case.now, self.case.state.alarm)
                self.say(FactKind.TIME_PASSED)
            if self.case.stage is Stage.SETTLED and self.rounds[max(self.rounds)] == "pending":
                self.the_provider_makes_up_its_mind("succeeded")
                self.tell(self.on_the_wire[-1])
        assert self.case.ended or silence(self.case.state) is Silence.REMIND
        if self.case.stage is Stage.CLOSED or self.case.state.paid:
            assert self.rounds[max(self.rounds)] == "succeeded"
        else:
            assert "succeeded" not in self.rounds.values()


PEOPLE = {
    FactKind.AUTHORIZED,
    FactKind.REFUSED,
    FactKind.RECEIVED,
    FactKind.INSPECTED,
    FactKind.CANCELLED,
    FactKind.EXTENDED,
    FactKind.RETRIED,
    FactKind.APPEALED,
}

World.TestCase.settings = MODERATE
TestAnyOrder = World.TestCase


# --- played again after a reset ----------------------------------------------------------------------------------------------

JOURNEYS: dict[str, Callable[[], Told]] = {
    "closed": closed,
    "confirmed by event": lambda: settled().reported("succeeded"),
    "confirmed in a second round": lambda: (
        settled().reported("failed", round=1).retried().done(status="pending", round=2).reported("succeeded", round=2)
    ),
    "referred": lambda: Told(authorized=False).authorized().done().received().inspected().done(),
    "label failed first": lambda: Told().fails().retried().done().received().inspected().done(),
    "cancelled": lambda: booked().cancelled().done(),
    "sent back": lambda: received().inspected("none").done(),
    "paid at the first scan": lambda: awaited().received().inspected(),
    "paid at the receipt": lambda: received(limits=AT_RECEIPT).done().inspected(),
    "paid once authorized": lambda: Told(limits=ONCE_AUTHORIZED).done().done().received().inspected(),
    "paid ahead and lost": lambda: awaited().scanned("lost").done(),
    "guaranteed": lambda: covered().received().inspected().done(),
    "returnless": lambda: Told(limits=RETURNLESS).done(),
    "appealed": lambda: Told(authorized=False).refused().appealed().authorized().done().received().inspected().done(),
}


@pytest.mark.parametrize("story", JOURNEYS.values(), ids=JOURNEYS.keys())
def test_a_reset_at_any_point_comes_to_the_same_end(story: Callable[[], Told]) -> None:
    """Messages are played again at once, in their order; effects are asked for anew and answer as they did."""
    told = story()
    answers = {fact.kind: fact.data for fact in told.facts if fact.kind in reach.RESULTS}
    for cut in range(len(told.facts)):
        case = Told(authorized=told.stages[0] is not Stage.REFERRED, limits=told.state.limits)
        for fact in told.facts[:cut]:
            if fact.kind in (*reach.RESULTS, FactKind.EFFECT_FAILED):
                case.under_way.pop()
            case.hears(fact)
        for fact in told.facts[cut:]:
            if fact.kind in PEOPLE:
                assert admissible(case.state, fact.kind) is None
            if fact.kind in (*PEOPLE, FactKind.REFUND_REPORTED, FactKind.SCANNED):
                case.hears(fact)
        while case.under_way:
            case.done(**answers[reach.ANSWERS[case.under_way[-1].kind][0]])
        assert case.stage is told.stage


@given(st.lists(st.integers(0, 10_000), max_size=25))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_two_copies_that_hear_the_same_facts_are_equal(walk: list[int]) -> None:
    one, other = Told(), Told()
    for choice in walk:
        facts = reach.possible(reach.Node(one.state, tuple(one.under_way)))
        if not facts:
            break
        fact = facts[choice % len(facts)]
        one.state, effects = step(one, fact)
        other.state, same = step(other, fact)
        assert (one.state, effects) == (other.state, same)


def step(case: Told, fact: Fact) -> Step:
    state, effects = decide(case.state, fact)
    answered = reach.answered_by(fact, case.under_way)
    case.under_way = [effect for effect in case.under_way if effect is not answered] + list(effects)
    return state, effects


def test_admissible_says_why_not() -> None:
    assert admissible(closed().state, FactKind.RECEIVED) == "the return has ended: closed"
    assert admissible(received().state, FactKind.RECEIVED) == "the goods have been received"
    assert admissible(closed().reported("failed").state, FactKind.INSPECTED) == (
        "the goods have been inspected or taken as declared"
    )
    assert admissible(expired().state, FactKind.RECEIVED) is None


@pytest.mark.parametrize(
    ("case", "kind", "why"),
    [
        pytest.param(booked(), FactKind.AUTHORIZED, "nobody is asked to decide: the return is booked", id="decided"),
        pytest.param(Told().received(), FactKind.RECEIVED, "the goods have been received", id="received early"),
        pytest.param(
            Told(authorized=False).received(),
            FactKind.RECEIVED,
            "the goods have been received; the return waits for a decision",
            id="received while a person decides",
        ),
        pytest.param(in_transit(), FactKind.CANCELLED, "the goods are on their way or with us", id="under way"),
        pytest.param(booked(), FactKind.RETRIED, "nothing has failed", id="nothing failed"),
    ],
)
def test_what_is_not_timely_is_answered_in_words(case: Told, kind: FactKind, why: str) -> None:
    assert timely(case.state, kind) == why


def test_every_deadline_lies_after_its_start() -> None:
    for node in REACHED:
        assert node.state.due is None or node.state.due > node.state.since, node


def test_no_deadline_of_the_refund_lies_after_the_laws() -> None:
    for node in REACHED:
        law, due = law_deadline(node.state), node.state.due
        ordered = node.state.verdict in AHEAD  # before the goods are known to be sent
        if law is not None and law > node.state.since and due is not None and not ordered:
            assert due <= law, node


def test_ends_have_no_deadline() -> None:
    assert {node.state.due for node in REACHED if node.state.stage in ENDS} == {None}
