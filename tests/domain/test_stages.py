"""The picture of the process: every stage is drawn, lived in, and led out of."""

import pytest

from domain.stages import ENDS, FOLLOWS, RANK, Stage, Status, status_of

FIRST = Stage.REQUESTED
RUNNING = sorted(set(Stage) - ENDS)


def reached_from(stage: Stage) -> set[Stage]:
    found: set[Stage] = set()
    edge = {stage}
    while edge:
        found |= edge
        edge = {following for one in edge for following in FOLLOWS[one]} - found
    return found


def test_every_stage_has_its_arrows() -> None:
    assert set(FOLLOWS) == set(Stage)


def test_every_stage_is_reached_from_the_request() -> None:
    assert reached_from(FIRST) == set(Stage)


@pytest.mark.parametrize("stage", RUNNING)
def test_every_running_stage_leads_to_an_end(stage: Stage) -> None:
    assert reached_from(stage) & ENDS


@pytest.mark.parametrize("stage", sorted(Stage))
def test_no_stage_leads_to_itself_on_the_picture(stage: Stage) -> None:
    assert stage not in FOLLOWS[stage]


@pytest.mark.parametrize("stage", sorted(set(Stage) - {Stage.REQUESTED, Stage.CHECKED, Stage.REFERRED} - ENDS))
def test_attention_can_be_asked_for_wherever_something_can_fail(stage: Stage) -> None:
    assert stage is Stage.ATTENTION or Stage.ATTENTION in FOLLOWS[stage]


@pytest.mark.parametrize("end", sorted(ENDS))
def test_an_end_is_left_only_by_goods_or_money_that_come_after_it(end: Stage) -> None:
    appeal = {Stage.REFERRED} if end is Stage.REFUSED else set()
    undone = (
        {Stage.AWAITED, Stage.RECHARGING} if end is Stage.CLOSED else set()
    )  # charged back for goods that came after all
    assert FOLLOWS[end] <= {Stage.IN_TRANSIT, Stage.RECEIVED, Stage.INSPECTED, Stage.ATTENTION} | appeal | undone


def test_goods_that_were_sent_back_are_never_heard_of_again() -> None:
    assert FOLLOWS[Stage.SENT_BACK] == frozenset()


def test_nothing_but_the_checks_follows_the_request() -> None:
    assert FOLLOWS[Stage.REQUESTED] == {Stage.CHECKED}
    at_once = Stage.INSPECTED  # money for goods that stay with the shopper
    assert FOLLOWS[Stage.CHECKED] == {Stage.AUTHORIZED, Stage.REFERRED, Stage.REFUSED, at_once}


def test_the_way_of_the_goods_is_ranked_in_its_order() -> None:
    way = [Stage.REFERRED, Stage.AUTHORIZED, Stage.BOOKED, Stage.IN_TRANSIT, Stage.RECEIVED, Stage.INSPECTED]

    assert sorted(way, key=RANK.__getitem__) == way
    assert len(set(RANK.values())) == len(RANK)


def test_goods_move_forward_or_a_person_has_been_asked() -> None:
    for stage in (Stage.IN_TRANSIT, Stage.RECEIVED, Stage.INSPECTED):
        # A pickup that never came is booked again for goods that were paid ahead; what nothing guaranteed was not paid at all.
        not_paid = {Stage.AUTHORIZED, Stage.BOOKED, Stage.IN_TRANSIT, Stage.RECEIVED}
        following = FOLLOWS[stage] - (not_paid if stage is Stage.INSPECTED else set())
        assert all(RANK[one] > RANK[stage] for one in following if one in RANK)


@pytest.mark.parametrize("stage", sorted(Stage))
def test_every_stage_has_a_word_for_the_storefront(stage: Stage) -> None:
    assert status_of(stage) in Status


def test_what_runs_never_looks_ended_and_what_ended_never_looks_open() -> None:
    open_words = {Status.REQUESTED, Status.OPEN}

    assert {status_of(stage) for stage in RUNNING} == open_words
    assert {status_of(stage) for stage in ENDS} == set(Status) - open_words
