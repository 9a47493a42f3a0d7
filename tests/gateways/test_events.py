"""Events are believed by their signature alone, and read strictly once believed."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from gateways.carriers.base import ParcelStatus
from gateways.carriers.simulated import SimulatedCarrier
from gateways.errors import ForgedEvent, MalformedEvent
from gateways.events import EVENT_BYTES_MAX, EventReader, SignedEvent
from gateways.http import PartnerAddress
from gateways.payments.base import ProviderStatus
from gateways.payments.simulated import SimulatedPayments
from tests.partners.programs import OTHER_SECRET, SECRET

AT = "2026-03-01T09:00:00.000Z"
REFUND = {
    "id": "pr_1",
    "payment": "pay_1",
    "amount": 1_000,
    "currency": "EUR",
    "status": "failed",
    "failure": "returned_by_bank",
    "metadata": {"refund_id": "rf_1", "case_id": "ret_1"},
}
EVENT = {"id": "evt_1", "type": "refund.failed", "timestamp": AT, "data": {"refund": REFUND}}
NOWHERE = PartnerAddress("http://127.0.0.1:1", "k", SECRET)
PAYMENTS = SimulatedPayments(NOWHERE)
CARRIER = SimulatedCarrier(NOWHERE)


def signed(raw: bytes, *, secret: str = SECRET, minutes: float = 0, event_id: str = "evt_1") -> dict[str, str]:
    moment = datetime.now(UTC) + timedelta(minutes=minutes)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, moment, raw.decode()),
    }


def raw_event(**changed: object) -> bytes:
    return json.dumps(EVENT | changed).encode()


def test_a_signed_event_is_read() -> None:
    event = PAYMENTS.read_event(raw_event(), signed(raw_event()))
    assert (event.refund_id, event.status, event.failure) == ("rf_1", ProviderStatus.FAILED, "returned_by_bank")
    assert event.at == datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_header_names_may_be_written_any_way() -> None:
    headers = {name.title(): value for name, value in signed(raw_event()).items()}
    assert PAYMENTS.read_event(raw_event(), headers).event_id == "evt_1"


def forgeries() -> dict[str, tuple[bytes, dict[str, str]]]:
    raw, good = raw_event(), signed(raw_event())
    return {
        "no headers": (raw, {}),
        "no signature": (raw, good | {"webhook-signature": ""}),
        "another's secret": (raw, signed(raw, secret=OTHER_SECRET)),
        "another body": (raw_event(type="refund.succeeded"), good),
        "another id": (raw, good | {"webhook-id": "evt_2"}),
        "another moment": (raw, good | {"webhook-timestamp": str(int(good["webhook-timestamp"]) + 1)}),
        "too old": (raw, signed(raw, minutes=-10)),
        "too new": (raw, signed(raw, minutes=10)),
        "no moment": (raw, good | {"webhook-timestamp": "yesterday"}),
        "a moment beyond all numbers": (raw, good | {"webhook-timestamp": "1e400"}),
        "a signature that is none": (raw, good | {"webhook-signature": "v1,@@@"}),
        "a signature without version": (raw, good | {"webhook-signature": "abc"}),
        "a signature of another kind": (
            raw,
            good | {"webhook-signature": good["webhook-signature"].replace("v1", "v2")},
        ),
        "a body in no alphabet": (b"\xff\xfe", good),
        "an empty body": (b"", good),
    }


@pytest.mark.parametrize("forgery", forgeries())
def test_a_forgery_is_refused_before_it_is_read(forgery: str) -> None:
    raw, headers = forgeries()[forgery]
    with pytest.raises(ForgedEvent):
        PAYMENTS.read_event(raw, headers)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"[" * 60_000, id="too deep"),
        pytest.param(b" " * (EVENT_BYTES_MAX + 1), id="too long"),
        pytest.param(raw_event(id="evt_2"), id="another id within"),
        pytest.param(raw_event(timestamp="2026-03-01T09:00:00"), id="no time zone"),
        pytest.param(raw_event(timestamp=12), id="no moment"),
        pytest.param(raw_event(data={}), id="no refund"),
        pytest.param(raw_event(data={"refund": REFUND | {"amount": 10.5}}), id="half a cent"),
        pytest.param(raw_event(data={"refund": REFUND | {"amount": -10}}), id="below zero"),
        pytest.param(raw_event(data={"refund": REFUND | {"status": "perhaps"}}), id="a status nobody knows"),
        pytest.param(raw_event(data={"refund": REFUND | {"metadata": {}}}), id="no refund id of ours"),
    ],
)
def test_a_signed_event_that_cannot_be_read_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedEvent):
        PAYMENTS.read_event(raw, signed(raw))


def test_a_carriers_new_word_is_an_exception_and_is_kept() -> None:
    data = {"shipment_id": "shp_1", "booking_id": "bk_1", "status": "sniffed_by_customs"}
    raw = raw_event(type="parcel.sniffed_by_customs", data=data)
    event = CARRIER.read_event(raw, signed(raw))
    assert (event.status, event.raw_status) == (ParcelStatus.EXCEPTION, "sniffed_by_customs")


def test_two_secrets_hold_while_one_is_replaced() -> None:
    reader = EventReader(f"{SECRET} {OTHER_SECRET}")
    for secret in (SECRET, OTHER_SECRET):
        assert reader.read(raw_event(), signed(raw_event(), secret=secret), SignedEvent).id == "evt_1"


def test_without_a_secret_nothing_can_be_checked() -> None:
    with pytest.raises(ValueError, match="at least one secret"):
        EventReader(" ")
