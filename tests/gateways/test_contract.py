"""What every gateway promises, asked of each registered one against its partner's running program."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from gateways.carriers.base import BookingRefused, Direction, LabelOrder, ParcelStatus, ShippingMethod, VoidReceipt
from gateways.carriers.registry import CARRIER_GATEWAYS, carrier_gateway
from gateways.errors import ForgedEvent, OutcomeUnknown, ProviderRefused, ProviderUnreachable, UnknownGateway
from gateways.http import PartnerAddress
from gateways.payments.base import Payment, ProviderStatus, RefundOrder, RefundReceipt, RefundRefused
from gateways.payments.payouts import PayoutOrder, pays_out
from gateways.payments.registry import PAYMENT_GATEWAYS, payment_gateway
from gateways.payments.simulated import SimulatedPayments
from tests.gateways.conftest import CARRIER_PARTNERS, PAYMENT_PARTNERS, CarrierUnderTest, PaymentsUnderTest
from tests.partners.programs import API_KEY, SECRET, until

DAY = 86_400


def order(payments: PaymentsUnderTest, refund_id: str, amount_minor: int = 1_000) -> RefundOrder:
    """A refund over a payment of its own, of EUR 100.00."""
    reference = f"pay_of_{refund_id}"
    payments.gateway.register_payments([Payment(reference, 10_000, "EUR")])
    return RefundOrder(refund_id, reference, amount_minor, "EUR", case_id="ret_1")


def label(booking_id: str) -> LabelOrder:
    return LabelOrder(booking_id, "ret_1", ShippingMethod.LABEL, "RMA-1", 1, "FR", "DE", "EUR")


def paid_times(payments: PaymentsUnderTest, order: RefundOrder) -> int:
    return len(list(payments.gateway.list_refunds(order.payment_reference)))


def test_every_registered_gateway_keeps_the_contract() -> None:
    assert set(PAYMENT_GATEWAYS) == set(PAYMENT_PARTNERS)
    assert set(CARRIER_GATEWAYS) == set(CARRIER_PARTNERS)


def test_an_unknown_gateway_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownGateway, match="simulated"):
        payment_gateway("nobody", base_url="http://127.0.0.1", api_key="k", webhook_secret=SECRET)
    with pytest.raises(UnknownGateway, match="simulated"):
        carrier_gateway("nobody", base_url="http://127.0.0.1", api_key="k", webhook_secret=SECRET)


class TestPayments:
    def test_a_gateway_is_called_what_its_registry_line_says(self, payments: PaymentsUnderTest) -> None:
        assert PAYMENT_PARTNERS[payments.gateway.code] == payments.partner.name

    def test_a_refund_is_paid_found_and_listed(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_paid")
        receipt = payments.gateway.refund(wanted)
        expected = RefundReceipt(
            receipt.provider_id, "rf_paid", ProviderStatus.SUCCEEDED, 1_000, "EUR", None, "pay_of_rf_paid", "ret_1"
        )
        assert receipt == expected
        assert payments.gateway.find_refund("rf_paid", wanted.payment_reference) == expected
        assert list(payments.gateway.list_refunds(wanted.payment_reference)) == [expected]
        assert payments.gateway.refund(wanted) == expected
        assert paid_times(payments, wanted) == 1

    def test_a_payout_is_paid_once_found_and_listed_where_the_gateway_pays_out(
        self, payments: PaymentsUnderTest
    ) -> None:
        gateway = payments.gateway
        if not pays_out(gateway):
            pytest.skip("this provider does not pay out")
        wanted = PayoutOrder("rf_payout", "bank:ba_1", 700, "EUR", "c_1", "ret_1")
        assert gateway.find_payout("rf_payout") is None
        payments.partner.knobs(fail_after={"next": 1})
        with pytest.raises(OutcomeUnknown):
            gateway.pay_out(wanted)
        receipt = gateway.pay_out(wanted)
        assert (receipt.refund_id, receipt.amount_minor, receipt.payment_reference) == ("rf_payout", 700, None)
        assert gateway.find_payout("rf_payout") == receipt
        assert [one for one in payments.gateway.list_refunds() if one.refund_id == "rf_payout"] == [receipt]
        with pytest.raises(RefundRefused):
            gateway.pay_out(replace(wanted, amount_minor=701))

    def test_nothing_is_found_where_nothing_was_paid(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_nothing")
        assert payments.gateway.find_refund("rf_nothing", wanted.payment_reference) is None
        assert payments.gateway.find_refund("rf_nothing", "pay_nobody_knows") is None
        assert list(payments.gateway.list_refunds("pay_nobody_knows")) == []

    def test_the_same_refund_at_the_same_instant_is_paid_once(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_instant")
        payments.partner.knobs(delay={"next": 1, "seconds": 0.2})

        def pay(_: int) -> RefundReceipt | str:
            try:
                return payments.gateway.refund(wanted)
            except OutcomeUnknown as unknown:
                return unknown.code

        with ThreadPoolExecutor(6) as threads:
            answers = Counter(threads.map(pay, range(6)))
        receipts = [answer for answer in answers if isinstance(answer, RefundReceipt)]
        assert len(receipts) == 1
        assert set(answers) - set(receipts) == {"in_progress"}
        assert paid_times(payments, wanted) == 1

    def test_definite_refusals_have_the_partners_reason(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_refusals")
        payments.gateway.refund(wanted)
        refusals = {
            "idempotency_key_reused": replace(wanted, amount_minor=999),
            "over_refund": replace(wanted, refund_id="rf_refusals_2", amount_minor=9_001),
            "unknown_payment": replace(wanted, refund_id="rf_refusals_3", payment_reference="pay_nobody"),
            "currency_differs": replace(wanted, refund_id="rf_refusals_4", currency="GBP"),
            "malformed": replace(wanted, refund_id="rf_refusals_5", amount_minor=0),
        }
        for code, refused in refusals.items():
            with pytest.raises(RefundRefused) as refusal:
                payments.gateway.refund(refused)
            assert refusal.value.code == code
        assert paid_times(payments, wanted) == 1

    def test_a_fault_after_paying_is_unknown_and_the_refund_is_found(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_fault_after")
        payments.partner.knobs(fail_after={"next": 1})
        with pytest.raises(OutcomeUnknown):
            payments.gateway.refund(wanted)
        found = payments.gateway.find_refund(wanted.refund_id, wanted.payment_reference)
        assert found is not None
        assert payments.gateway.refund(wanted) == found
        assert paid_times(payments, wanted) == 1

    def test_a_fault_before_paying_is_unknown_and_nothing_is_found(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_fault_before")
        payments.partner.knobs(fail_before={"next": 1})
        with pytest.raises(OutcomeUnknown):
            payments.gateway.refund(wanted)
        assert payments.gateway.find_refund(wanted.refund_id, wanted.payment_reference) is None
        assert payments.gateway.refund(wanted).status is ProviderStatus.SUCCEEDED

    def test_a_forgotten_key_does_not_matter_to_who_looks_first(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_forgotten")
        payments.gateway.refund(wanted)
        payments.partner.advance(DAY + 1)
        assert payments.gateway.find_refund(wanted.refund_id, wanted.payment_reference) is not None
        payments.gateway.refund(wanted)  # who does not look first pays twice, and the list shows it
        assert paid_times(payments, wanted) == 2

    def test_a_refund_that_stands_is_found_before_one_that_failed(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_stands")
        payments.partner.knobs(status_later={"next": 1, "mode": "pending_then_failed", "seconds": DAY})
        assert payments.gateway.refund(wanted).status is ProviderStatus.PENDING
        payments.partner.advance(DAY + 1)

        def now() -> RefundReceipt | None:
            return payments.gateway.find_refund(wanted.refund_id, wanted.payment_reference)

        until(lambda: (found := now()) and found.status is ProviderStatus.FAILED, "the refund to fail")
        failed = now()
        assert failed is not None
        assert failed.failure == "account_closed"
        second = payments.gateway.refund(wanted)
        assert now() == second != failed

    def test_the_list_is_whole_across_pages(self, payments: PaymentsUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gateways.payments.simulated.PAGE_SIZE", 2)
        wanted = order(payments, "rf_pages", 10)
        for number in range(5):
            payments.gateway.refund(replace(wanted, refund_id=f"rf_pages_{number}"))
        listed = [receipt.refund_id for receipt in payments.gateway.list_refunds(wanted.payment_reference)]
        assert listed == [f"rf_pages_{number}" for number in range(5)]
        everything = [receipt.provider_id for receipt in payments.gateway.list_refunds()]
        assert len(everything) == len(set(everything)) == payments.partner.get("/v1/balance")["refunds"]

    def test_payments_are_registered_again_but_not_otherwise(self, payments: PaymentsUnderTest) -> None:
        captured = [Payment(f"pay_many_{number}", 100, "EUR") for number in range(1_000)]
        payments.gateway.register_payments(captured)
        payments.gateway.register_payments(captured)
        payments.gateway.register_payments([])
        with pytest.raises(ProviderRefused) as contradiction:
            payments.gateway.register_payments([replace(captured[0], amount_minor=101)])
        assert contradiction.value.code == "payment_differs"
        with pytest.raises(ProviderRefused) as crowd:
            payments.gateway.register_payments([*captured, captured[0]])
        assert crowd.value.code == "too_many"

    def test_an_event_tells_the_refund(self, payments: PaymentsUnderTest) -> None:
        receipt = payments.gateway.refund(order(payments, "rf_event"))
        (heard,) = payments.ear.hears("rf_event")
        event = payments.gateway.read_event(heard.raw, heard.headers)
        assert (event.event_id, event.type) == (heard.id, "refund.succeeded")
        told = (event.provider_id, event.refund_id, event.status, event.amount_minor, event.currency, event.failure)
        assert told == (receipt.provider_id, "rf_event", receipt.status, 1_000, "EUR", None)
        assert event.at.utcoffset() is not None

    def test_a_changed_event_is_forged(self, payments: PaymentsUnderTest) -> None:
        payments.gateway.refund(order(payments, "rf_changed"))
        (heard,) = payments.ear.hears("rf_changed")
        with pytest.raises(ForgedEvent):
            payments.gateway.read_event(heard.raw.replace(b"1000", b"9000"), heard.headers)


class TestCarriers:
    def test_a_gateway_is_called_what_its_registry_line_says(self, carrier: CarrierUnderTest) -> None:
        assert CARRIER_PARTNERS[carrier.gateway.code] == carrier.partner.name

    @pytest.mark.parametrize("method", ShippingMethod)
    def test_a_booking_is_made_once_and_found(self, carrier: CarrierUnderTest, method: ShippingMethod) -> None:
        wanted = replace(label(f"bk_{method}"), method=method)
        booking = carrier.gateway.book_label(wanted)
        assert carrier.gateway.book_label(wanted) == booking
        assert carrier.gateway.find_booking(wanted.booking_id) == booking
        assert (booking.carrier, booking.cost_minor, booking.currency) == (carrier.gateway.code, 890, "EUR")
        assert (booking.status, booking.voided) == (ParcelStatus.LABEL_CREATED, False)
        assert booking.label_text or booking.label_url
        assert (booking.pickup_slot is not None) == (method is ShippingMethod.PICKUP)
        assert (booking.drop_off_code is not None) == (method is ShippingMethod.DROP_OFF)

    def test_a_slot_is_two_moments_in_order(self, carrier: CarrierUnderTest) -> None:
        slot = carrier.gateway.book_label(replace(label("bk_slot"), method=ShippingMethod.PICKUP)).pickup_slot
        assert slot is not None
        assert slot.start < slot.end
        assert slot.start.utcoffset() is not None

    def test_goods_going_back_to_the_shopper_are_another_direction(self, carrier: CarrierUnderTest) -> None:
        wanted = label("bk_outbound")
        booking = carrier.gateway.book_outbound(wanted)
        assert carrier.gateway.book_label(replace(wanted, direction=Direction.OUTBOUND)) == booking
        with pytest.raises(BookingRefused):
            carrier.gateway.book_label(wanted)

    def test_definite_refusals_have_the_partners_reason(self, carrier: CarrierUnderTest) -> None:
        carrier.gateway.book_label(label("bk_refused"))
        for code, refused in {
            "booking_id_reused": replace(label("bk_refused"), to_country="AT"),
            "malformed": replace(label("bk_refused_2"), units=0),
        }.items():
            with pytest.raises(BookingRefused) as refusal:
                carrier.gateway.book_label(refused)
            assert refusal.value.code == code

    def test_a_fault_after_the_sale_is_unknown_and_the_booking_is_found(self, carrier: CarrierUnderTest) -> None:
        carrier.partner.knobs(fail_after={"next": 1})
        with pytest.raises(OutcomeUnknown):
            carrier.gateway.book_label(label("bk_torn"))
        assert carrier.gateway.find_booking("bk_torn") == carrier.gateway.book_label(label("bk_torn"))

    def test_an_unused_label_is_void_and_a_used_one_is_not(self, carrier: CarrierUnderTest) -> None:
        carrier.gateway.book_label(label("bk_void"))
        assert carrier.gateway.void("bk_void") == VoidReceipt(True, "voided")
        assert carrier.gateway.void("bk_void") == VoidReceipt(True, "voided")
        voided = carrier.gateway.find_booking("bk_void")
        assert voided is not None
        assert voided.voided
        used = carrier.gateway.book_label(label("bk_used"))
        carrier.partner.post(f"/admin/shipments/{used.shipment_id}/advance", {"status": "picked_up"})
        assert carrier.gateway.void("bk_used") == VoidReceipt(False, "already_scanned")
        assert carrier.gateway.void("bk_never") == VoidReceipt(False, "unknown_booking")

    @pytest.mark.parametrize("status", [status for status in ParcelStatus if status is not ParcelStatus.LABEL_CREATED])
    def test_every_scan_is_told_and_shown(self, carrier: CarrierUnderTest, status: ParcelStatus) -> None:
        booking = carrier.gateway.book_label(label(f"bk_scan_{status}"))
        carrier.partner.post(f"/admin/shipments/{booking.shipment_id}/advance", {"status": status})
        (heard,) = carrier.ear.hears(f'"bk_scan_{status}"')
        event = carrier.gateway.read_event(heard.raw, heard.headers)
        assert (event.event_id, event.booking_id, event.shipment_id, event.status, event.raw_status) == (
            *(heard.id, booking.booking_id, booking.shipment_id, status, status.value),
        )
        found = carrier.gateway.find_booking(booking.booking_id)
        assert found is not None
        assert (found.status, found.status_at) == (status, event.at)

    def test_a_changed_event_is_forged(self, carrier: CarrierUnderTest) -> None:
        booking = carrier.gateway.book_label(label("bk_changed"))
        carrier.partner.post(f"/admin/shipments/{booking.shipment_id}/advance", {"status": "in_transit"})
        (heard,) = carrier.ear.hears("bk_changed")
        with pytest.raises(ForgedEvent):
            carrier.gateway.read_event(heard.raw.replace(b"in_transit", b"delivered"), heard.headers)


def test_who_answers_too_late_leaves_the_outcome_unknown(payments: PaymentsUnderTest) -> None:
    wanted = order(payments, "rf_hang")
    payments.partner.knobs(hang={"next": 1, "seconds": 2})
    hasty = SimulatedPayments(PartnerAddress(payments.partner.url, API_KEY, SECRET), read_seconds=0.2)
    with pytest.raises(OutcomeUnknown, match="ReadTimeout"):
        hasty.refund(wanted)
    with pytest.raises(OutcomeUnknown) as running:
        hasty.refund(wanted)
    assert running.value.code == "in_progress"
    assert hasty.find_refund(wanted.refund_id, wanted.payment_reference) is not None
    hasty.close()
    assert paid_times(payments, wanted) == 1


def test_a_wrong_key_and_a_closed_door_carry_nothing_out(payments: PaymentsUnderTest) -> None:
    wanted = order(payments, "rf_outside")
    stranger = SimulatedPayments(PartnerAddress(payments.partner.url, "not the key", SECRET))
    with pytest.raises(ProviderUnreachable) as kept_out:
        stranger.refund(wanted)
    assert kept_out.value.code == "not_admitted"
    nobody = SimulatedPayments(PartnerAddress("http://127.0.0.1:1", API_KEY, SECRET))
    with pytest.raises(ProviderUnreachable) as refused:
        nobody.refund(wanted)
    assert refused.value.code == "unreachable"
    stranger.close()
    nobody.close()
    assert paid_times(payments, wanted) == 0
