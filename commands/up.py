"""`boomerang up`: the whole product on one machine, until Ctrl-C."""

from typing import Annotated

import typer

from api.security import Role
from commands.house import OPERATOR_KEY
from commands.keys import kept_key
from commands.words import in_plain_words, say
from database.engine import connect, sessions
from database.migrate import upgrade
from settings import read_settings
from stack import Event, Stack


def up(
    workers: Annotated[int, typer.Option(min=1, max=32, help="Worker processes.")] = 1,
    programme: Annotated[
        str, typer.Option(envvar="BOOMERANG_PROGRAMME", help="The merchant's policy: a file in policies/programmes.")
    ] = "standard",
    scans: Annotated[
        bool, typer.Option("--scans/--no-scans", help="Whether simulated parcels move by themselves.")
    ] = True,
    scan_seconds: Annotated[float, typer.Option(min=0.01, help="Between two scans of a parcel, on average.")] = 5.0,
) -> None:
    """Everything on this machine: PostgreSQL, Temporal with its UI, simulated partners, workers, server; until Ctrl-C."""
    rounds = ("--auto-scan", "--scan-seconds", str(scan_seconds)) if scans else ()
    with in_plain_words(), Stack(read_settings(programme=programme), tell=_tell) as stack:
        try:
            _start(stack, workers, rounds)
            stack.wait()
        except KeyboardInterrupt:
            say("Ending; every open return continues at the next start.")


def _start(stack: Stack, workers: int, rounds: tuple[str, ...]) -> None:
    settings = stack.settings
    assert settings.database_url is not None
    upgrade(settings.database_url)
    engine = connect(settings.database_url, pool=1)
    try:
        kept_key(sessions(engine), settings.data_dir / OPERATOR_KEY, "operator", Role.ADMIN)
    finally:
        engine.dispose()
    stack.start_product(workers=workers, options={"carriers": rounds})
    say(f"the API and its pages   {stack.server_url}/docs")
    say(f"every case, step by step   {stack.temporal_ui_url}")
    say(f"the operator's API key     {settings.data_dir / OPERATOR_KEY} (./boomerang uses it by itself)")
    say("Ctrl-C ends all.")


def _tell(name: str, event: Event, sentence: str) -> None:
    if event is not Event.STOPPED:
        say(sentence)
