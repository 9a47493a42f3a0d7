"""What a process is put together with: every payment provider that is set, each under the name that tenders use."""

from pathlib import Path
from typing import Any

import pytest

from assembly import partners_of
from settings import WrongSettings, read_settings, with_demo_secrets
from tests.partners.programs import SECRET

CARRIER = {"carriers_url": "http://127.0.0.1:1"}
SIMULATED = {"payments_url": "http://127.0.0.1:1"}
STRIPE = {"stripe_api_key": "rk_test_1", "stripe_webhook_secret": "whsec_1"}
WECHAT = {
    "wechat_profile_url": "http://127.0.0.1:1/wechat",
    "wechat_profile_api_key": "k",
    "wechat_profile_webhook_secret": SECRET,
}


def offered(tmp_path: Path, **given: Any) -> set[str]:
    partners = partners_of(with_demo_secrets(read_settings(data_dir=tmp_path, **CARRIER, **given)))
    partners.close()
    assert {code: gateway.code for code, gateway in partners.payments.items()} == {
        code: code for code in partners.payments
    }
    return set(partners.payments)


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        (SIMULATED, {"simulated"}),
        (STRIPE, {"stripe"}),
        ({**SIMULATED, **STRIPE}, {"simulated", "stripe"}),
        ({**SIMULATED, **STRIPE, **WECHAT}, {"simulated", "stripe", "wechat_profile"}),
    ],
    ids=["the simulated one", "Stripe alone", "both", "all"],
)
def test_a_provider_is_offered_where_it_is_set(tmp_path: Path, given: dict[str, Any], codes: set[str]) -> None:
    assert offered(tmp_path, **given) == codes


def test_no_provider_at_all_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match="BOOMERANG_PAYMENTS_URL is not set"):
        offered(tmp_path)
