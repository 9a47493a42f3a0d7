"""The demo's storefront: what it makes up comes from a seed, and it opens no more than there is room for."""

import threading

from commands.demo import SAMPLE
from commands.storefront import Room, drawn, opening_of
from examples.reader import read_cancellations


def test_what_the_data_lacks_comes_from_the_seed_and_says_so() -> None:
    cancellation = read_cancellations(SAMPLE)[0]
    line = opening_of(cancellation, seed=7)["lines"][0]
    assert line == opening_of(cancellation, seed=7)["lines"][0]
    assert line["note"].startswith("assumed:")
    assert line["note"].endswith("seed 7")
    reasons = {opening_of(cancellation, seed)["lines"][0]["reason"] for seed in range(50)}
    assert len(reasons) > 1


def test_draws_depend_on_seed_and_subject_alone() -> None:
    assert drawn(1, "lane", "c_1") == drawn(1, "lane", "c_1")
    assert len({drawn(seed, "lane", name) for seed in range(3) for name in ("a", "b")}) == 6


def test_opening_waits_while_too_many_returns_are_under_way() -> None:
    stop, entered = threading.Event(), threading.Event()
    room = Room(2, stop)
    assert room.enter()
    assert room.enter()

    def enter() -> None:
        if room.enter():
            entered.set()

    waiting = threading.Thread(target=enter)
    waiting.start()
    assert not entered.wait(0.1)
    room.count(opened=2, ended=1)
    assert entered.wait(5)
    waiting.join()


def test_a_demo_that_is_stopped_enters_no_more() -> None:
    stop = threading.Event()
    room = Room(1, stop)
    stop.set()
    assert not room.enter()
