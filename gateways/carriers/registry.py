"""Which carrier gateways there are: one written line each."""

from collections.abc import Callable, Mapping

from gateways.carriers.base import CarrierGateway
from gateways.carriers.simulated import SimulatedCarrier
from gateways.errors import UnknownGateway
from gateways.http import PartnerAddress

CARRIER_GATEWAYS: Mapping[str, Callable[[PartnerAddress], CarrierGateway]] = {
    "simulated": SimulatedCarrier,
}


def carrier_gateway(code: str, *, base_url: str, api_key: str, webhook_secret: str) -> CarrierGateway:
    """The gateway written under `code`, ready to call. Raises `UnknownGateway`."""
    if code not in CARRIER_GATEWAYS:
        raise UnknownGateway(code, sorted(CARRIER_GATEWAYS))
    return CARRIER_GATEWAYS[code](PartnerAddress(base_url, api_key, webhook_secret))
