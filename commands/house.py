"""What a command finds of the running product: its addresses, its database and its operator's key.

A stack that runs on this machine (`boomerang demo`, `boomerang up`) leaves ports.json, secrets.json and operator.key in its
data folder. Variables win over them: BOOMERANG_SERVER_URL, BOOMERANG_API_KEY, BOOMERANG_DATABASE_URL, BOOMERANG_PAYMENTS_URL.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from commands.client import ServerClient
from database.engine import Sessions, connect, sessions
from domain.errors import BoomerangError
from embedded import PostgresCluster
from gateways.payments.base import PaymentGateway
from gateways.payments.registry import payment_gateway
from ports import LOOPBACK
from settings import PREFIX, Settings, read_settings, with_demo_secrets
from stack import DATABASE

OPERATOR_KEY = "operator.key"


class NothingRuns(BoomerangError):
    """No address was given and no stack of this folder runs."""

    code: ClassVar[str] = "nothing_runs"
    title: ClassVar[str] = "Nothing runs here"
    next_action: ClassVar[str] = (
        "Start it with `boomerang up` or `boomerang demo`, or name another one by its variables."
    )


class ClientSettings(BaseSettings):
    """Where a client finds the server, and what lets it in."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    server_url: str | None = None
    api_key: SecretStr | None = None


def server_address(settings: Settings) -> str:
    """The server's address: as told, or as the stack of this data folder chose it. Raises NothingRuns."""
    given = ClientSettings().server_url
    if given:
        return given.rstrip("/")
    return f"http://{LOOPBACK}:{_port(settings, 'server')}"


def operator_key(settings: Settings) -> str:
    """The API key to call with: as told, or the operator's that the stack keeps in its data folder. Raises NothingRuns."""
    given = ClientSettings().api_key
    if given:
        return given.get_secret_value()
    kept = settings.data_dir / OPERATOR_KEY
    if not kept.exists():
        raise NothingRuns(f"BOOMERANG_API_KEY is not set and {kept} is not there.")
    return kept.read_text().strip()


@contextmanager
def call_server() -> Iterator[ServerClient]:
    """A client of the running product's server, under the operator's key, closed with the block."""
    settings = this_house()
    with ServerClient(server_address(settings), operator_key(settings)) as client:
        yield client


def database_address(settings: Settings) -> str:
    """The database's URL: as set, or the embedded one of the running stack. Raises NothingRuns."""
    if settings.database_url:
        return settings.database_url
    cluster = PostgresCluster((settings.data_dir / "postgres").resolve())
    if not cluster.folder.exists() or not cluster.answers():
        raise NothingRuns(f"BOOMERANG_DATABASE_URL is not set and no stack runs on {settings.data_dir}.")
    return cluster.url(DATABASE)


@contextmanager
def open_database(settings: Settings) -> Iterator[Sessions]:
    """Sessions with the database, closed with the block."""
    engine = connect(database_address(settings), pool=4)
    try:
        yield sessions(engine)
    finally:
        engine.dispose()


@contextmanager
def open_payments(settings: Settings) -> Iterator[PaymentGateway]:
    """The payment provider's gateway, closed with the block."""
    known = with_demo_secrets(settings)
    url = known.payments_url or f"http://{LOOPBACK}:{_port(settings, 'payments')}"
    gateway = payment_gateway(
        "simulated",
        base_url=url,
        api_key=_secret(known.payments_api_key),
        webhook_secret=_secret(known.payments_webhook_secret),
    )
    try:
        yield gateway
    finally:
        gateway.close()


def this_house() -> Settings:
    """The settings of this process."""
    return read_settings()


def write_for_owner_only(file: Path, text: str) -> None:
    """Write a secret that only this account may read."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)


def _port(settings: Settings, name: str) -> int:
    try:
        return int(json.loads((settings.data_dir / "ports.json").read_text())[name])
    except (FileNotFoundError, KeyError, ValueError):
        raise NothingRuns(f"No stack ever ran on {settings.data_dir}.") from None


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""
