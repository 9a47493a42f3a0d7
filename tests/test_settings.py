"""Settings: unset means embedded; what cannot be used is refused by name, before anything starts."""

import os
import stat
from pathlib import Path

import pytest
from temporalio.service import TLSConfig

from settings import (
    PREFIX,
    SECRETS,
    WrongSettings,
    as_environment,
    read_settings,
    temporal_connect_options,
    variable,
    with_demo_secrets,
)

PRODUCTION = {
    "environment": "prod",
    "database_url": "postgresql+psycopg2://boomerang:x@db.example/boomerang",
    "temporal_address": "temporal.example:7233",
    "payments_url": "https://payments.example",
    "carriers_url": "https://carriers.example",
    "mail_url": "smtps://returns:hunter2@mail.example",
    "mail_from": "Shop <returns@shop.example>",
    **dict.fromkeys(SECRETS, "Zk3vT9qLw8Xy2mNc5RbD"),
}


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


def test_a_newcomer_sets_nothing() -> None:
    settings = read_settings()
    assert settings.database_url is None
    assert settings.temporal_address is None
    assert settings.port is None


def test_variables_carry_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOMERANG_TASK_QUEUE", "returns-eu")
    monkeypatch.setenv("BOOMERANG_DATABASE_URL", "")
    settings = read_settings()
    assert settings.task_queue == "returns-eu"
    assert settings.database_url is None


@pytest.mark.parametrize("url", ["postgresql://me@db/x", "postgres://me@db/x", "postgresql+asyncpg://me@db/x", "db"])
def test_a_database_url_names_its_driver(url: str) -> None:
    with pytest.raises(
        WrongSettings, match=r"BOOMERANG_DATABASE_URL must name its driver: write postgresql\+psycopg2://"
    ):
        read_settings(database_url=url)


@pytest.mark.parametrize("address", ["https://temporal.example:7233", "temporal.example", "temporal.example:"])
def test_a_temporal_address_is_host_and_port(address: str) -> None:
    with pytest.raises(WrongSettings, match="BOOMERANG_TEMPORAL_ADDRESS must be host:port"):
        read_settings(temporal_address=address)


@pytest.mark.parametrize(
    "url", ["mail.example:25", "http://mail.example", "smtp://", "smtp://host:port", "smtp://a b", "maildir:///mail"]
)
def test_a_mail_url_names_a_mail_server(url: str) -> None:
    with pytest.raises(WrongSettings, match="BOOMERANG_MAIL_URL must be smtp://host:port or smtps://"):
        read_settings(mail_url=url)


@pytest.mark.parametrize("sender", ["shop", "Shop <shop>", "a@b, c@d", "Shop <a@b.example>\nBcc: c@d.example"])
def test_mail_comes_from_one_address(sender: str) -> None:
    with pytest.raises(WrongSettings, match="BOOMERANG_MAIL_FROM must be an address"):
        read_settings(mail_from=sender)


def test_faults_never_repeat_what_was_given() -> None:
    with pytest.raises(WrongSettings) as found:
        read_settings(database_url="postgresql://me:hunter2@db/x", port="hunter2")
    assert "BOOMERANG_PORT" in found.value.detail
    assert "hunter2" not in found.value.detail


def test_production_starts_when_everything_is_given() -> None:
    assert read_settings(**PRODUCTION).environment == "prod"


@pytest.mark.parametrize("name", [name for name in PRODUCTION if name != "environment"])
def test_production_names_what_is_missing(name: str) -> None:
    with pytest.raises(WrongSettings, match=f"{variable(name)} is not set"):
        read_settings(**{**PRODUCTION, name: None})


STRIPE = {"stripe_api_key": "rk_live_Zk3vT9qLw8Xy2mNc", "stripe_webhook_secret": "whsec_Zk3vT9qLw8Xy2mNc5RbD"}
SIMULATED = ("payments_url", "payments_api_key", "payments_webhook_secret")


def test_production_needs_one_payment_provider_and_not_the_simulated_one() -> None:
    alone = {**PRODUCTION, **STRIPE, **dict.fromkeys(SIMULATED)}
    assert read_settings(**alone).stripe_url == "https://api.stripe.com"
    with pytest.raises(WrongSettings, match="BOOMERANG_PAYMENTS_API_KEY is not set"):
        read_settings(**{**alone, "payments_url": "https://payments.example"})


@pytest.mark.parametrize("left_out", STRIPE)
def test_a_provider_is_set_whole_or_not_at_all(left_out: str) -> None:
    with pytest.raises(WrongSettings, match=f"{variable(left_out)} is not set, and others of stripe are"):
        read_settings(**{**STRIPE, left_out: None})
    with pytest.raises(WrongSettings, match="BOOMERANG_WECHAT_PROFILE_URL is not set"):
        read_settings(wechat_profile_api_key="k", wechat_profile_webhook_secret="s")


def test_an_address_of_a_provider_alone_is_a_slip() -> None:
    with pytest.raises(WrongSettings, match="BOOMERANG_STRIPE_API_KEY is not set"):
        read_settings(stripe_url="http://127.0.0.1:12111")


def test_a_guessable_secret_of_a_real_provider_is_refused_too() -> None:
    with pytest.raises(WrongSettings, match="BOOMERANG_STRIPE_WEBHOOK_SECRET can be guessed"):
        read_settings(**{**PRODUCTION, **STRIPE, "stripe_webhook_secret": "whsec_changeme-changeme"})


@pytest.mark.parametrize(
    "guess", ["changeme-changeme-changeme", "whsec_secretsecretsecret", "short", "password12345678901"]
)
def test_production_refuses_a_secret_that_can_be_guessed(guess: str) -> None:
    with pytest.raises(WrongSettings, match="BOOMERANG_CARRIERS_API_KEY can be guessed") as found:
        read_settings(**{**PRODUCTION, "carriers_api_key": guess})
    assert guess not in found.value.detail


def test_demo_secrets_are_drawn_once_and_kept_for_the_owner_only(tmp_path: Path) -> None:
    first = with_demo_secrets(read_settings(data_dir=tmp_path / "data"))
    again = with_demo_secrets(read_settings(data_dir=tmp_path / "data"))
    other = with_demo_secrets(read_settings(data_dir=tmp_path / "other"))
    assert first.payments_api_key == again.payments_api_key != other.payments_api_key
    assert first.carriers_webhook_secret is not None
    assert first.carriers_webhook_secret.get_secret_value().startswith("whsec_")
    assert stat.S_IMODE((tmp_path / "data" / "secrets.json").stat().st_mode) == 0o600


def test_a_secret_that_was_given_wins_over_the_drawn_one(tmp_path: Path) -> None:
    settings = with_demo_secrets(read_settings(data_dir=tmp_path, payments_api_key="given"))
    assert settings.payments_api_key is not None
    assert settings.payments_api_key.get_secret_value() == "given"


def test_production_draws_no_secrets(tmp_path: Path) -> None:
    with_demo_secrets(read_settings(**{**PRODUCTION, "data_dir": tmp_path}))
    assert list(tmp_path.iterdir()) == []


def test_secrets_are_not_shown() -> None:
    shown = repr(read_settings(**PRODUCTION))
    assert PRODUCTION["payments_api_key"] not in shown
    assert PRODUCTION["database_url"] not in shown
    assert PRODUCTION["mail_url"] not in shown


def test_a_child_process_reads_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings(**PRODUCTION, **STRIPE, port=8090)
    for name, value in as_environment(settings).items():
        monkeypatch.setenv(name, value)
    assert read_settings() == settings


def test_a_plain_server_is_reached_without_tls() -> None:
    options = temporal_connect_options(read_settings(temporal_address="localhost:7233", temporal_namespace="returns"))
    assert options == {"target_host": "localhost:7233", "namespace": "returns", "tls": False}


def test_an_api_key_travels_over_tls_only() -> None:
    options = temporal_connect_options(read_settings(temporal_address="cloud.example:7233", temporal_api_key="k"))
    assert (options["tls"], options["api_key"]) == (True, "k")


def test_mutual_tls_hands_over_certificate_and_key(tmp_path: Path) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / name).write_bytes(name.encode())
    settings = read_settings(
        temporal_address="cluster.example:7233",
        temporal_tls_ca=tmp_path / "ca",
        temporal_tls_cert=tmp_path / "cert",
        temporal_tls_key=tmp_path / "key",
    )
    tls = temporal_connect_options(settings)["tls"]
    assert tls == TLSConfig(server_root_ca_cert=b"ca", client_cert=b"cert", client_private_key=b"key")


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cert").write_bytes(b"cert")
    with pytest.raises(
        WrongSettings, match="BOOMERANG_TEMPORAL_TLS_CERT and BOOMERANG_TEMPORAL_TLS_KEY belong together"
    ):
        read_settings(temporal_tls_cert=tmp_path / "cert")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match="BOOMERANG_TEMPORAL_TLS_CA names a file that cannot be read"):
        read_settings(temporal_tls_ca=tmp_path / "absent")


def test_without_an_address_there_is_nothing_to_connect_to() -> None:
    with pytest.raises(WrongSettings, match="BOOMERANG_TEMPORAL_ADDRESS is not set"):
        temporal_connect_options(read_settings())
