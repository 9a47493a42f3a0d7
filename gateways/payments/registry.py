"""Which payment gateways there are: one written line each."""

from collections.abc import Callable, Mapping

from gateways.errors import UnknownGateway
from gateways.http import PartnerAddress
from gateways.payments.base import PaymentGateway
from gateways.payments.simulated import SimulatedPayments
from gateways.payments.wechat_profile import WechatProfilePayments


def _stripe(address: PartnerAddress) -> PaymentGateway:
    # Stripe's client takes as long to import as everything else of the command line together: only who offers it waits.
    from gateways.payments.stripe import StripePayments

    return StripePayments(address)


PAYMENT_GATEWAYS: Mapping[str, Callable[[PartnerAddress], PaymentGateway]] = {
    "simulated": SimulatedPayments,
    "stripe": _stripe,
    "wechat_profile": WechatProfilePayments,
}


def payment_gateway(code: str, *, base_url: str, api_key: str, webhook_secret: str) -> PaymentGateway:
    """The gateway written under `code`, ready to call. Raises `UnknownGateway`."""
    if code not in PAYMENT_GATEWAYS:
        raise UnknownGateway(code, sorted(PAYMENT_GATEWAYS))
    return PAYMENT_GATEWAYS[code](PartnerAddress(base_url, api_key, webhook_secret))
