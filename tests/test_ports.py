"""Ports: a wish is granted when it can be; a taken one is named together with its holder."""

import os
import socket
from collections.abc import Iterator

import pytest

from ports import LOOPBACK, PortTaken, answers, choose_port, free_port, is_free


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as listening:
        yield listening.getsockname()[1]


def test_a_port_asked_for_and_taken_is_named_with_the_program_that_holds_it(taken: int) -> None:
    with pytest.raises(PortTaken, match=rf"Port {taken}.*server port.*process {os.getpid()}"):
        choose_port("server", taken, [8080])


def test_a_wish_that_is_taken_gives_way_to_the_next_free_port(taken: int) -> None:
    chosen = choose_port("server", None, [taken])
    assert chosen > taken
    assert is_free(chosen)


def test_the_first_free_wish_is_granted(taken: int) -> None:
    free = free_port()
    assert choose_port("server", None, [taken, free]) == free


def test_two_names_never_get_one_port() -> None:
    free = free_port()
    assert choose_port("ui", None, [free], taken={free}) != free
    with pytest.raises(PortTaken):
        choose_port("ui", free, [free], taken={free})


def test_a_port_answers_while_somebody_listens(taken: int) -> None:
    assert answers(taken)
    assert not is_free(taken)
    assert not answers(free_port())
