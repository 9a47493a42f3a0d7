"""What a case shows to the outside: its face, its outcome, its announcements."""

from dataclasses import replace

import pytest

from domain.case import Outcome, announcements, face, outcome
from domain.limits import ApprovalDefault, RefundTrigger
from domain.process import decide
from domain.stages import ENDS, Owner, Silence, Stage, Status
from domain.state import WAITS, Fact, FactKind, Method, State, Verdict
from tests.domain import reach
from tests.domain.told import LIMITS, MONDAY, Told, a_state, booked, closed, in_transit, inspected, received, settled

NEVER_SHOWN = {Stage.REQUESTED, Stage.CHECKED}


AT_FIRST_SCAN = replace(LIMITS, refund_trigger=RefundTrigger.FIRST_SCAN)
AT_RECEIPT = replace(LIMITS, refund_trigger=RefundTrigger.RECEIVED)
RETURNLESS = replace(LIMITS, refund_trigger=RefundTrigger.RETURNLESS)
ESCALATING = replace(LIMITS, approval_default=ApprovalDefault.ESCALATE_THEN_AUTHORIZE)


def paid_ahead() -> Told:
    """The refund of the first scan is being arranged."""
    return in_transit(limits=AT_FIRST_SCAN)


def told(case: Told) -> tuple[str, ...]:
    """What was announced with the last fact."""
    return announcements(case.before, case.state, case.facts[-1])


# --- the face ----------------------------------------------------------------------------------------------------------------


def test_a_booked_return_waits_for_the_shopper_whose_silence_lets_it_expire() -> None:
    shown = face(booked().state)

    assert (shown.stage, shown.status) == (Stage.BOOKED, Status.OPEN)
    assert (shown.due_owner, shown.due_default) == (Owner.SHOPPER, Silence.EXPIRE)
    assert shown.due_at == booked().state.due
    assert (shown.attention_reason, shown.attention_since) == (None, None)


def test_a_return_that_needs_attention_says_why_and_since_when() -> None:
    case = Told().fails()
    shown = face(case.state)

    assert (shown.attention_reason, shown.attention_since) == ("book_failed", case.now)
    assert (shown.due_owner, shown.due_default) == (Owner.OPERATOR, Silence.TRY_AGAIN)


def test_a_label_that_is_being_given_back_has_no_deadline_of_the_shopper() -> None:
    shown = face(booked().cancelled().state)

    assert (shown.due_at, shown.due_owner, shown.due_default) == (None, None, None)


@pytest.mark.parametrize("stage", sorted(ENDS))
def test_an_ended_return_waits_for_nobody(stage: Stage) -> None:
    shown = face(State(stage, MONDAY, Method.LABEL, LIMITS))

    assert (shown.due_at, shown.due_owner, shown.due_default, shown.attention_reason) == (None, None, None, None)


def test_every_state_that_can_be_reached_has_a_face() -> None:
    for node in reach.all_states():
        shown = face(node.state)
        assert shown.status in Status
        if shown.due_at:
            assert shown.due_owner
            assert shown.due_default
        assert bool(shown.attention_reason) is bool(shown.attention_since) is (shown.stage is Stage.ATTENTION)


def test_every_stage_that_waits_names_an_owner_and_what_silence_means() -> None:
    waiting = {node.state.stage for node in reach.all_states() if face(node.state).due_owner}

    assert waiting >= WAITS


# --- the outcome -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", sorted(set(Stage)))
def test_every_end_and_nothing_else_has_an_outcome(stage: Stage) -> None:
    assert (outcome(stage, refunded_minor=100, asked_minor=100) is not None) is (stage in ENDS)


@pytest.mark.parametrize(
    ("stage", "refunded", "asked", "expected"),
    [
        pytest.param(Stage.CLOSED, 12000, 12000, Outcome.REFUNDED, id="all of it"),
        pytest.param(Stage.CLOSED, 11510, 12000, Outcome.PARTLY_REFUNDED, id="less a fee"),
        pytest.param(Stage.CLOSED, 12500, 12000, Outcome.REFUNDED, id="more than asked"),
        pytest.param(Stage.CLOSED, 0, 12000, Outcome.NOTHING_DUE, id="all of it taken by fees"),
        pytest.param(Stage.CLOSED, 0, 0, Outcome.NOTHING_DUE, id="a gift"),
        pytest.param(Stage.SENT_BACK, 0, 12000, Outcome.SENT_BACK, id="sent back"),
        pytest.param(Stage.REFUSED, 0, 12000, Outcome.REFUSED, id="refused"),
        pytest.param(Stage.CANCELLED, 0, 12000, Outcome.CANCELLED, id="cancelled"),
        pytest.param(Stage.EXPIRED, 0, 12000, Outcome.EXPIRED, id="expired"),
    ],
)
def test_the_outcome_says_what_became_of_the_money(stage: Stage, refunded: int, asked: int, expected: Outcome) -> None:
    assert outcome(stage, refunded_minor=refunded, asked_minor=asked) is expected


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(paid_ahead().done().received().inspected(), id="accepted"),
        pytest.param(paid_ahead().done().received().silent(), id="the bench was silent"),
        pytest.param(paid_ahead().done().scanned("lost").done(), id="lost"),
        pytest.param(paid_ahead().done().silent().authorized(), id="never came"),
        pytest.param(paid_ahead().done().inspected("some").authorized(), id="not all accepted"),
    ],
)
def test_what_was_paid_ahead_is_announced_once_whatever_becomes_of_the_goods(case: Told) -> None:
    said: list[str] = []
    before = Told(limits=AT_FIRST_SCAN).state
    for fact in case.facts:
        after, _ = decide(before, fact)
        said += announcements(before, after, fact)
        before = after

    assert said.count("refund.succeeded") == said.count("return.closed") == 1
    assert said.index("refund.succeeded") < said.index("return.closed")


def test_every_outcome_has_an_end() -> None:
    seen = {outcome(end, refunded_minor=minor, asked_minor=2) for end in ENDS for minor in (0, 1, 2)}
    seen.add(outcome(Stage.CLOSED, refunded_minor=2, asked_minor=2, verdict=Verdict.RECHARGED))

    assert seen == set(Outcome)


# --- announcements -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", sorted(ENDS))
def test_every_end_is_announced(stage: Stage) -> None:
    assert announcements(a_state(), a_state(stage), None)


WITH_A_FACT = {Stage.BOOKED, Stage.INSPECTED, Stage.AWAITED, Stage.RECHARGING, Stage.OWED}


@pytest.mark.parametrize("stage", sorted(set(Stage) - NEVER_SHOWN - WITH_A_FACT))
def test_every_change_of_stage_is_announced(stage: Stage) -> None:
    # A label is announced with the fact that it was booked, an inspection with its findings, and what is awaited with its money;
    # what is charged back with what that came to.
    assert announcements(a_state(Stage.CHECKED), a_state(stage), None)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        pytest.param(booked(), ("label.booked",), id="label"),
        pytest.param(in_transit(), ("parcel.in_transit",), id="in transit"),
        pytest.param(received(), ("parcel.received",), id="received"),
        pytest.param(inspected(), ("return.inspected",), id="inspected"),
        pytest.param(settled(), ("refund.pending",), id="pending"),
        pytest.param(closed(), ("refund.succeeded", "return.closed"), id="closed"),
        pytest.param(settled().reported("failed"), ("refund.failed", "return.needs_attention"), id="failed"),
        pytest.param(inspected().fails(), ("return.needs_attention",), id="no answer from the provider"),
        pytest.param(inspected().fails().reported("failed"), ("refund.failed",), id="failed, learnt later"),
        pytest.param(booked().silent(), ("deadline.missed",), id="silent shopper"),
        pytest.param(booked().silent().done(), ("return.expired",), id="expired"),
        pytest.param(Told(authorized=False).silent(), ("deadline.missed", "return.authorized"), id="silent merchant"),
        pytest.param(in_transit().silent(), ("deadline.missed",), id="taken as lost, not inspected"),
        pytest.param(in_transit().scanned("in_transit"), (), id="another scan"),
        pytest.param(booked().extended(MONDAY), (), id="nothing changed"),
        pytest.param(in_transit(limits=AT_FIRST_SCAN), ("parcel.in_transit",), id="scanned, and paid ahead"),
        pytest.param(received(limits=AT_RECEIPT), ("parcel.received",), id="received, and paid ahead"),
        pytest.param(paid_ahead().done(status="pending"), ("refund.pending",), id="paid ahead, pending"),
        pytest.param(paid_ahead().done(), ("refund.succeeded",), id="paid ahead"),
        pytest.param(paid_ahead().done().received(), ("parcel.received",), id="paid ahead, received"),
        pytest.param(paid_ahead().done().inspected(), ("return.inspected", "return.closed"), id="paid ahead, closed"),
        pytest.param(
            paid_ahead().done().inspected("none"),
            ("return.inspected", "return.needs_attention"),
            id="paid ahead, and not accepted",
        ),
        pytest.param(paid_ahead().done().scanned("lost").done(), ("return.closed",), id="paid ahead, lost, charged"),
        pytest.param(
            paid_ahead().done().reported("failed").retried().done(),
            ("refund.succeeded",),
            id="paid ahead, failed, paid anew",
        ),
        pytest.param(Told(limits=RETURNLESS).done(), ("refund.succeeded", "return.closed"), id="goods stay"),
        pytest.param(
            Told(authorized=False, limits=RETURNLESS).authorized(), ("return.authorized",), id="goods may stay"
        ),
        pytest.param(
            Told(authorized=False, limits=ESCALATING).silent(), ("deadline.missed", "return.escalated"), id="escalated"
        ),
        pytest.param(
            Told(authorized=False).refused().appealed(), ("return.referred", "return.escalated"), id="appealed against"
        ),
    ],
)
def test_a_step_is_announced(case: Told, expected: tuple[str, ...]) -> None:
    assert told(case) == expected


def test_a_warning_is_announced_once() -> None:
    case = booked()
    assert case.state.warn_at is not None
    ring = Fact(FactKind.TIME_PASSED, case.state.warn_at, "time")

    assert told(case.hears(ring)) == ("deadline.warned",)
    assert told(case.hears(ring)) == ()


def test_a_new_case_is_announced() -> None:
    assert announcements(None, Told().state, None) == ("return.authorized",)
    assert announcements(None, Told(authorized=False).state, None) == ("return.referred",)
    assert announcements(None, Told(limits=RETURNLESS).state, None) == ("return.authorized",)


def test_nothing_is_announced_twice_with_one_step() -> None:
    for before, fact, after in reach.all_steps():
        said = announcements(before, after, fact)
        assert len(said) == len(set(said))


def test_a_step_that_changes_nothing_is_not_announced() -> None:
    for before, fact, after in reach.all_steps():
        if after == before:
            assert announcements(before, after, fact) == ()
