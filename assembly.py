"""What every process of ours is put together with: the gateways, and how it reaches Temporal."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from gateways.carriers.base import CarrierGateway
from gateways.carriers.registry import carrier_gateway
from gateways.mail.base import MailGateway
from gateways.mail.registry import mail_gateway
from gateways.payments.base import PaymentGateway
from gateways.payments.registry import payment_gateway
from settings import PROVIDERS, Settings, WrongSettings, temporal_connect_options, variable

log = logging.getLogger("boomerang.assembly")

MAIL_FOLDER = "mail"
DEMO_SENDER = "Boomerang <returns@boomerang.example>"


@dataclass(frozen=True)
class Partners:
    """The gateways of a process, by the code that rows and addresses use."""

    carriers: Mapping[str, CarrierGateway]
    payments: Mapping[str, PaymentGateway]
    mail: MailGateway

    def close(self) -> None:
        self.mail.close()
        for carrier in self.carriers.values():
            carrier.close()
        for provider in self.payments.values():
            provider.close()


def partners_of(settings: Settings) -> Partners:
    carriers = carrier_gateway(
        "simulated",
        base_url=given(settings.carriers_url, "carriers_url"),
        api_key=_secret(settings.carriers_api_key, "carriers_api_key"),
        webhook_secret=_secret(settings.carriers_webhook_secret, "carriers_webhook_secret"),
    )
    return Partners({carriers.code: carriers}, _payments(settings), _mail(settings))


def _payments(settings: Settings) -> dict[str, PaymentGateway]:
    """Every provider that is set, several at once; the simulated one where no other is."""
    offered = [code for code in PROVIDERS if getattr(settings, f"{code}_api_key") is not None]
    payments = {code: _provider(settings, code, code) for code in offered}
    if settings.payments_url is not None or not offered:
        payments["simulated"] = _provider(settings, "simulated", "payments")
    return payments


def _provider(settings: Settings, code: str, prefix: str) -> PaymentGateway:
    url, api_key, webhook_secret = (f"{prefix}_{part}" for part in ("url", "api_key", "webhook_secret"))
    return payment_gateway(
        code,
        base_url=given(getattr(settings, url), url),
        api_key=_secret(getattr(settings, api_key), api_key),
        webhook_secret=_secret(getattr(settings, webhook_secret), webhook_secret),
    )


def _mail(settings: Settings) -> MailGateway:
    """The mail server that is set, or a folder beside the embedded stack's other data."""
    url = settings.mail_url or (settings.data_dir.resolve() / MAIL_FOLDER).as_uri().replace("file:", "maildir:", 1)
    return mail_gateway(url, sender=settings.mail_from or DEMO_SENDER)


async def temporal_client(settings: Settings) -> Client:
    """A client that connects at its first call: the server need not wait for Temporal in order to start."""
    return await Client.connect(**temporal_connect_options(settings), data_converter=pydantic_data_converter, lazy=True)


async def connected_client(settings: Settings) -> Client:
    """A client that is connected, as a worker needs one; waits for Temporal, saying so, for as long as it takes."""
    options = temporal_connect_options(settings)
    while True:
        try:
            return await Client.connect(**options, data_converter=pydantic_data_converter)
        except RuntimeError as error:
            log.warning("Temporal at %s does not answer yet: %s", settings.temporal_address, error)
            await asyncio.sleep(1)


def given(value: str | None, field: str) -> str:
    if value is None:
        raise WrongSettings(f"{variable(field)} is not set; `boomerang up` starts an embedded stack and sets it.")
    return value


def _secret(value: SecretStr | None, field: str) -> str:
    return given(value.get_secret_value() if value else None, field)
