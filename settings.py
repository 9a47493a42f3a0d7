"""What an operator sets: one class, read from BOOMERANG_* variables by processes only, checked before anything starts.

    BOOMERANG_DATABASE_URL=postgresql+psycopg2://boomerang:…@db.example/boomerang
    BOOMERANG_TEMPORAL_ADDRESS=returns.a1b2c.tmprl.cloud:7233
    BOOMERANG_TEMPORAL_API_KEY=…

Nothing is required on a developer's machine: an unset database or Temporal address means the embedded one (stack.py),
and secrets are drawn at the first start. With BOOMERANG_ENVIRONMENT=prod everything must be given, and nothing may be
guessable.
"""

import base64
import json
import os
import re
import secrets
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from temporalio.service import TLSConfig

from domain.errors import BoomerangError

PREFIX = "BOOMERANG_"
ROOT = Path(__file__).resolve().parent
DRIVER = "postgresql+psycopg2"
SECRETS = ("payments_api_key", "payments_webhook_secret", "carriers_api_key", "carriers_webhook_secret")
# Payment providers beside the simulated one, by the code of their gateway: offered where their key is given.
PROVIDERS = ("stripe", "wechat_profile")
PROVIDERS_SECRETS = tuple(f"{code}_{secret}" for code in PROVIDERS for secret in ("api_key", "webhook_secret"))
GUESSABLE = ("changeme", "change-me", "default", "demo", "example", "password", "placeholder", "secret", "test")
SHORTEST_SECRET = 16
_MAIL_SERVER = re.compile(r"smtps?://([^\s@/]+@)?[^\s@/:]+(:\d{1,5})?/?")
_SENDER = re.compile(r"([^<>\r\n]* )?<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+")


class WrongSettings(BoomerangError):
    """A variable is missing or cannot be used; `detail` names each one and says what to write."""

    code: ClassVar[str] = "wrong_settings"
    title: ClassVar[str] = "The settings cannot be used"
    next_action: ClassVar[str] = "Set the named variables and start again."


def variable(field: str) -> str:
    """The environment variable of a field: `database_url` -> `BOOMERANG_DATABASE_URL`."""
    return PREFIX + field.upper()


class Settings(BaseSettings):
    """Every setting of every process. Unset addresses and ports mean: the embedded stack chooses."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    environment: Literal["demo", "prod"] = "demo"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    data_dir: Path = Path(".boomerang")
    policies: Path = ROOT / "policies"
    programme: str = "standard"

    database_url: str | None = Field(default=None, repr=False)

    temporal_address: str | None = None
    temporal_namespace: str = "default"
    temporal_tls: bool = False
    temporal_tls_ca: Path | None = None
    temporal_tls_cert: Path | None = None
    temporal_tls_key: Path | None = None
    temporal_api_key: SecretStr | None = None
    task_queue: str = "returns"

    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=1, le=65535)

    payments_url: str | None = None
    payments_api_key: SecretStr | None = None
    payments_webhook_secret: SecretStr | None = None
    stripe_url: str = "https://api.stripe.com"
    stripe_api_key: SecretStr | None = None
    stripe_webhook_secret: SecretStr | None = None
    wechat_profile_url: str | None = None
    wechat_profile_api_key: SecretStr | None = None
    wechat_profile_webhook_secret: SecretStr | None = None
    carriers_url: str | None = None
    carriers_api_key: SecretStr | None = None
    carriers_webhook_secret: SecretStr | None = None

    mail_url: str | None = Field(default=None, repr=False)
    mail_from: str | None = None

    worker_threads: int = Field(default=16, ge=1, le=256)
    max_cached_workflows: int = Field(default=2000, ge=0)

    @field_validator("database_url")
    @classmethod
    def _names_its_driver(cls, url: str | None) -> str | None:
        scheme, _, rest = (url or f"{DRIVER}://").partition("://")
        if scheme != DRIVER:
            written = f"{scheme}://…" if rest else "it"
            raise ValueError(
                f"must name its driver: write {DRIVER}://user:password@host/database where {written} stands"
            )
        return url

    @field_validator("temporal_address")
    @classmethod
    def _names_its_port(cls, address: str | None) -> str | None:
        if address is not None and ("://" in address or not address.rpartition(":")[2].isdecimal()):
            raise ValueError("must be host:port without a scheme, such as temporal.example:7233")
        return address

    @field_validator("mail_url")
    @classmethod
    def _names_a_mail_server(cls, url: str | None) -> str | None:
        if url is not None and not _MAIL_SERVER.fullmatch(url):
            raise ValueError("must be smtp://host:port or smtps://user:password@host, percent-encoded where it must be")
        return url

    @field_validator("mail_from")
    @classmethod
    def _is_one_sender(cls, sender: str | None) -> str | None:
        if sender is not None and not _SENDER.fullmatch(sender):
            raise ValueError("must be an address, or a name and an address: Shop <returns@shop.example>")
        return sender

    @field_validator("temporal_tls_ca", "temporal_tls_cert", "temporal_tls_key")
    @classmethod
    def _can_be_read(cls, file: Path | None) -> Path | None:
        if file is not None and not os.access(file, os.R_OK):
            raise ValueError("names a file that cannot be read")
        return file

    @model_validator(mode="after")
    def _certificate_and_key_go_together(self) -> "Settings":
        if (self.temporal_tls_cert is None) != (self.temporal_tls_key is None):
            names = f"{variable('temporal_tls_cert')} and {variable('temporal_tls_key')}"
            raise ValueError(f"{names} belong together: set both for mutual TLS, or neither")
        return self

    @model_validator(mode="after")
    def _a_provider_is_set_whole_or_not_at_all(self) -> "Settings":
        wrong = [
            f"{variable(f'{code}_{part}')} is not set, and others of {code} are: set all of them, or none"
            for code in PROVIDERS
            for part in ("url", "api_key", "webhook_secret")
            if getattr(self, f"{code}_{part}") is None and _begun(self, code)
        ]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @model_validator(mode="after")
    def _production_is_complete(self) -> "Settings":
        wrong = [*_missing_in_production(self), *_guessable_in_production(self)] if self.environment == "prod" else []
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


def _begun(settings: Settings, code: str) -> bool:
    """Something of this provider is set; a provider with an address of its own is not begun by that alone."""
    parts = [f"{code}_{part}" for part in ("url", "api_key", "webhook_secret")]
    return any(getattr(settings, part) != Settings.model_fields[part].default for part in parts)


def _missing_in_production(settings: Settings) -> list[str]:
    required = [
        *("database_url", "temporal_address", "payments_url", "carriers_url", "mail_url", "mail_from"),
        *SECRETS,
    ]
    simulated = [name for name in required if name.startswith("payments_")]
    others = any(getattr(settings, f"{code}_api_key") for code in PROVIDERS)
    if others and not any(getattr(settings, name) for name in simulated):
        required = [name for name in required if name not in simulated]  # a real provider stands in its place
    return [f"{variable(name)} is not set" for name in required if getattr(settings, name) is None]


def _guessable_in_production(settings: Settings) -> list[str]:
    given = {name: getattr(settings, name) for name in (*SECRETS, *PROVIDERS_SECRETS)}
    return [
        f"{variable(name)} can be guessed: give at least {SHORTEST_SECRET} random characters"
        for name, secret in given.items()
        if secret is not None and _guessable(secret.get_secret_value())
    ]


def _guessable(secret: str) -> bool:
    return len(secret) < SHORTEST_SECRET or secret.lower().removeprefix("whsec_").startswith(GUESSABLE)


def read_settings(**given: Any) -> Settings:
    """The settings of this process; `given` wins over the environment. Raises WrongSettings, naming every fault."""
    try:
        return Settings(**given)
    except ValidationError as found:
        raise WrongSettings(_in_words(found)) from None


def _in_words(found: ValidationError) -> str:
    sentences = []
    for error in found.errors(include_input=False, include_url=False):
        where = variable(str(error["loc"][0])) + " " if error["loc"] else ""
        sentences.append(where + error["msg"].removeprefix("Value error, "))
    return "; ".join(sentences) + "."


def with_demo_secrets(settings: Settings) -> Settings:
    """The settings with every unset secret filled from `data_dir/secrets.json`, drawn at first start (demo only)."""
    if settings.environment == "prod":
        return settings
    kept = settings.data_dir / "secrets.json"
    known: dict[str, str] = json.loads(kept.read_text()) if kept.exists() else {}
    drawn = {name: known.get(name) or _draw(name) for name in SECRETS}
    if drawn != known:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        _write_for_owner_only(kept, json.dumps(drawn, indent=2))
    missing = {name: SecretStr(drawn[name]) for name in SECRETS if getattr(settings, name) is None}
    return settings.model_copy(update=missing)


def _draw(name: str) -> str:
    if name.endswith("webhook_secret"):  # the written form of Standard Webhooks: whsec_ and base64
        return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    return secrets.token_urlsafe(24)


def _write_for_owner_only(file: Path, text: str) -> None:
    unfinished = file.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    unfinished.replace(file)


def as_environment(settings: Settings) -> dict[str, str]:
    """The settings as BOOMERANG_* variables, secrets included: what a child process is started with."""
    given = {name: getattr(settings, name) for name in Settings.model_fields}
    plain = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in given.items()}
    return {variable(name): str(value) for name, value in plain.items() if value is not None}


def temporal_connect_options(settings: Settings) -> dict[str, Any]:
    """Keywords of `temporalio.client.Client.connect`: address, namespace, (mutual) TLS, API key; no data converter.

    >>> temporal_connect_options(Settings(temporal_address="localhost:7233"))
    {'target_host': 'localhost:7233', 'namespace': 'default', 'tls': False}
    """
    if settings.temporal_address is None:
        raise WrongSettings(f"{variable('temporal_address')} is not set and no embedded server was started.")
    options: dict[str, Any] = {"target_host": settings.temporal_address, "namespace": settings.temporal_namespace}
    options["tls"] = _tls(settings)
    if settings.temporal_api_key is not None:
        options["api_key"] = settings.temporal_api_key.get_secret_value()
    return options


def _tls(settings: Settings) -> TLSConfig | bool:
    files = (settings.temporal_tls_ca, settings.temporal_tls_cert, settings.temporal_tls_key)
    if not any(files):  # an API key travels over TLS only
        return settings.temporal_tls or settings.temporal_api_key is not None
    ca, certificate, key = (file.read_bytes() if file is not None else None for file in files)
    return TLSConfig(server_root_ca_cert=ca, client_cert=certificate, client_private_key=key)
