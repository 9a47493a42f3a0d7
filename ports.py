"""Ports of the loopback address: which are free, who holds one, and which to take."""

import socket
from collections.abc import Collection, Sequence
from typing import ClassVar

import psutil

from domain.errors import BoomerangError

LOOPBACK = "127.0.0.1"


class PortTaken(BoomerangError):
    """The port asked for is another program's; `detail` names both."""

    code: ClassVar[str] = "port_taken"
    status: ClassVar[int] = 503
    title: ClassVar[str] = "A port is taken"
    next_action: ClassVar[str] = "End that program, ask for another port, or ask for none and a free one is found."


def choose_port(name: str, asked: int | None, wishes: Sequence[int], *, taken: Collection[int] = ()) -> int:
    """The port for `name`: the asked one or PortTaken; else the first free wish; else the next one above the last."""
    if asked is not None:
        if asked in taken or not is_free(asked):
            raise PortTaken(f"Port {asked}, asked for as the {name} port, is taken by {holder_of(asked)}.")
        return asked
    candidates = (*wishes, *range(max(wishes) + 1, max(wishes) + 100))
    return next((port for port in candidates if port not in taken and is_free(port)), None) or free_port()


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now (connections of an ended server do not count)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Any free loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether somebody listens on this loopback port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


def holder_of(port: int) -> str:
    """The program that listens on a port, as far as it can be seen: `python3 (process 4711)`."""
    try:
        for connection in psutil.net_connections("tcp"):
            if (
                getattr(connection.laddr, "port", None) == port
                and connection.status == psutil.CONN_LISTEN
                and connection.pid
            ):
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        return "another program (which one cannot be seen from this account)"
    return "another program"
