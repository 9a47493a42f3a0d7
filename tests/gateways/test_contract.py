"""What every gateway promises, asked of each registered one against its partner's running program."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateways.carriers.base import BookingRefused, Direction, LabelOrder, ParcelStatus, ShippingMethod, VoidReceipt
from gateways.carriers.registry import CARRIER_GATEWAYS, carrier_gateway
from gateways.errors import ForgedEvent, OutcomeUnknown, ProviderRefused, ProviderUnreachable, UnknownGateway
from gateways.http import PartnerAddress
from gateways.payments.base import Payment, PaymentGateway, ProviderStatus, RefundOrder, RefundReceipt, RefundRefused
from gateways.payments.payouts import PayoutOrder, pays_out
from gateways.payments.registry import PAYMENT_GATEWAYS, payment_gateway
from partners.payments.__main__ import TONGUES
from tests.gateways.conftest import CARRIER_PARTNERS, PAYMENT_PARTNERS, CarrierUnderTest, PaymentsUnderTest
from tests.partners.programs import API_KEY, OTHER_SECRET, SECRET, Heard

DAY = 86_400


def order(payments: PaymentsUnderTest, refund_id: str, amount_minor: int = 1_000) -> RefundOrder:
    """A refund over a payment of its own, of EUR 100.00."""
    return RefundOrder(refund_id, payments.captured(f"of_{refund_id}"), amount_minor, "EUR", case_id="ret_1")


def without_status(receipt: RefundReceipt) -> RefundReceipt:
    """What does not change while a refund goes on."""
    return replace(receipt, status=ProviderStatus.PENDING, failure=None)


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
        assert PAYMENT_PARTNERS[payments.gateway.code] == payments.kind

    def test_a_refund_is_paid_found_and_listed(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_paid")
        first = payments.gateway.refund(wanted)
        receipt = payments.settled(wanted)
        assert first.status is (ProviderStatus.SUCCEEDED if payments.kind.accepted_is_paid else ProviderStatus.PENDING)
        assert without_status(first) == without_status(receipt)
        expected = RefundReceipt(
            *(receipt.provider_id, "rf_paid", ProviderStatus.SUCCEEDED, 1_000, "EUR", None, wanted.payment_reference),
            "ret_1" if payments.kind.keeps_case_ids else None,
        )
        assert receipt == expected
        assert payments.gateway.find_refund("rf_paid", wanted.payment_reference) == expected
        assert list(payments.gateway.list_refunds(wanted.payment_reference)) == [expected]
        assert without_status(payments.gateway.refund(wanted)) == without_status(expected)
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
        nobody = f"{payments.kind.payments_are_called}nobody_knows"
        for reference in (wanted.payment_reference, nobody, "of another provider"):
            assert payments.gateway.find_refund("rf_nothing", reference) is None
            assert list(payments.gateway.list_refunds(reference)) == []

    def test_the_same_refund_at_the_same_instant_is_paid_once(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_instant")
        payments.partner.knobs(delay={"next": 1, "seconds": 0.2})

        def pay(_: int) -> RefundReceipt | str:
            try:
                return without_status(payments.gateway.refund(wanted))
            except OutcomeUnknown as unknown:
                return unknown.code

        with ThreadPoolExecutor(6) as threads:
            answers = Counter(threads.map(pay, range(6)))
        receipts = [answer for answer in answers if isinstance(answer, RefundReceipt)]
        assert len(receipts) == 1
        assert set(answers) - set(receipts) == {"in_progress"}
        assert paid_times(payments, wanted) == 1

    def test_definite_refusals_have_one_word_for_the_same_reason(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_refusals")
        payments.gateway.refund(wanted)
        nobody = f"{payments.kind.payments_are_called}nobody"
        for code, refused in (
            ("idempotency_key_reused", replace(wanted, amount_minor=999)),
            ("over_refund", replace(wanted, refund_id="rf_refusals_2", amount_minor=9_001)),
            ("unknown_payment", replace(wanted, refund_id="rf_refusals_3", payment_reference=nobody)),
            ("unknown_payment", replace(wanted, refund_id="rf_refusals_4", payment_reference="of another provider")),
            ("currency_differs", replace(wanted, refund_id="rf_refusals_5", currency="GBP")),
            ("malformed", replace(wanted, refund_id="rf_refusals_6", amount_minor=0)),
        ):
            with pytest.raises(RefundRefused) as refusal:
                payments.gateway.refund(refused)
            assert refusal.value.code == code
        assert paid_times(payments, wanted) == 1

    def test_what_was_refunded_whole_takes_no_more(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_whole", 10_000)
        payments.gateway.refund(wanted)
        payments.wait_for_the_next()
        with pytest.raises(RefundRefused) as refusal:
            payments.gateway.refund(replace(wanted, refund_id="rf_whole_2", amount_minor=1))
        assert refusal.value.code == "over_refund"
        assert paid_times(payments, wanted) == 1

    def test_a_fault_after_paying_is_unknown_and_the_refund_is_found(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_fault_after")
        payments.partner.knobs(fail_after={"next": 1})
        with pytest.raises(OutcomeUnknown):
            payments.gateway.refund(wanted)
        found = payments.gateway.find_refund(wanted.refund_id, wanted.payment_reference)
        assert found is not None
        assert without_status(payments.gateway.refund(wanted)) == without_status(found)
        assert paid_times(payments, wanted) == 1

    def test_a_fault_before_paying_is_unknown_and_nothing_is_found(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_fault_before")
        payments.partner.knobs(fail_before={"next": 1})
        with pytest.raises(OutcomeUnknown):
            payments.gateway.refund(wanted)
        assert payments.gateway.find_refund(wanted.refund_id, wanted.payment_reference) is None
        payments.gateway.refund(wanted)
        assert payments.settled(wanted).status is ProviderStatus.SUCCEEDED

    def test_who_answers_too_late_leaves_the_outcome_unknown(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_hang")
        payments.partner.knobs(hang={"next": 1, "seconds": 4})
        hasty = another(payments, read_seconds=0.8)
        with pytest.raises(OutcomeUnknown, match="ReadTimeout"):
            hasty.refund(wanted)
        with pytest.raises(OutcomeUnknown) as running:
            hasty.refund(wanted)
        assert running.value.code == "in_progress"
        assert hasty.find_refund(wanted.refund_id, wanted.payment_reference) is not None
        hasty.close()
        assert paid_times(payments, wanted) == 1

    def test_a_wrong_key_and_a_closed_door_carry_nothing_out(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_outside")
        stranger = another(payments, api_key="not-the-key")
        nobody = another(payments, base_url="http://127.0.0.1:1")
        for gateway, code in ((stranger, "not_admitted"), (nobody, "unreachable")):
            with pytest.raises(ProviderUnreachable) as not_paid:
                gateway.refund(wanted)
            with pytest.raises(ProviderUnreachable) as not_found:
                gateway.find_refund(wanted.refund_id, wanted.payment_reference)
            with pytest.raises(ProviderUnreachable) as not_listed:
                list(gateway.list_refunds())
            assert {not_paid.value.code, not_found.value.code, not_listed.value.code} == {code}
            gateway.close()
        assert paid_times(payments, wanted) == 0

    def test_a_key_forgotten_after_a_day_does_not_matter_to_who_looks_first(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_forgotten")
        payments.gateway.refund(wanted)
        payments.partner.advance(DAY + 1)
        assert payments.gateway.find_refund(wanted.refund_id, wanted.payment_reference) is not None
        payments.gateway.refund(
            wanted
        )  # who does not look first pays twice where keys are forgotten, and the list shows it
        assert paid_times(payments, wanted) == (1 if payments.kind.keys_last_for_good else 2)

    def test_a_provider_that_ignores_keys_pays_twice_and_shows_it(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_ignored")
        payments.partner.knobs(ignore_keys={"next": 2})
        payments.gateway.refund(wanted)
        payments.wait_for_the_next()
        payments.gateway.refund(wanted)
        assert paid_times(payments, wanted) == 2

    @pytest.mark.parametrize("mode", ["pending_then_succeeded", "pending_then_failed"])
    def test_accepted_comes_first_and_the_result_later(self, payments: PaymentsUnderTest, mode: str) -> None:
        wanted = order(payments, f"rf_{mode}")
        payments.partner.knobs(status_later={"next": 1, "mode": mode, "seconds": DAY})
        accepted = payments.gateway.refund(wanted)
        assert (accepted.status, accepted.failure) == (ProviderStatus.PENDING, None)
        assert payments.gateway.find_refund(wanted.refund_id, wanted.payment_reference) == accepted
        payments.partner.advance(DAY + 1)
        result = payments.settled(wanted)
        assert result.status.value in mode
        assert bool(result.failure) == (result.status is ProviderStatus.FAILED)
        heard = payments.ear.hears(wanted.refund_id, times=2 if payments.kind.accepted_is_paid else 1)[-1]
        event = payments.gateway.read_event(heard.raw, heard.headers)
        assert event is not None
        assert (event.status, event.failure) == (result.status, result.failure)

    def test_a_refund_that_stands_is_found_before_one_that_failed(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_stands")
        payments.partner.knobs(status_later={"next": 1, "mode": "pending_then_failed", "seconds": DAY})
        assert payments.gateway.refund(wanted).status is ProviderStatus.PENDING
        payments.partner.advance(DAY + 1)
        assert payments.settled(wanted).status is ProviderStatus.FAILED
        second = payments.gateway.refund(wanted)
        found = payments.settled(wanted)
        assert found.status is ProviderStatus.SUCCEEDED
        assert without_status(found) == without_status(second)

    def test_the_list_is_whole_across_pages_and_the_oldest_comes_first(
        self, payments: PaymentsUnderTest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(f"gateways.payments.{payments.gateway.code}.PAGE_SIZE", 2)
        wanted = order(payments, "rf_pages", 10)
        for number in range(5):
            payments.gateway.refund(replace(wanted, refund_id=f"rf_pages_{number}"))
            payments.wait_for_the_next()
        listed = [receipt.refund_id for receipt in payments.gateway.list_refunds(wanted.payment_reference)]
        assert listed == [f"rf_pages_{number}" for number in range(5)]
        everything = [receipt.provider_id for receipt in payments.gateway.list_refunds()]
        assert len(everything) == len(set(everything)) == payments.partner.get("/v1/balance")["refunds"]

    def test_payments_are_registered_where_they_are_simulated_alone(self, payments: PaymentsUnderTest) -> None:
        if payments.gateway.code == "simulated":
            payments.gateway.register_payments([Payment("pay_registered", 100, "EUR")])
        else:
            with pytest.raises(ProviderRefused) as refused:
                payments.gateway.register_payments([Payment("pay_registered", 100, "EUR")])
            assert refused.value.code == "not_simulated"

    def test_an_event_tells_the_refund(self, payments: PaymentsUnderTest) -> None:
        wanted = order(payments, "rf_event")
        payments.gateway.refund(wanted)
        receipt = payments.settled(wanted)
        (heard,) = payments.ear.hears("rf_event")
        event = payments.gateway.read_event(heard.raw, heard.headers)
        assert event is not None
        assert event.event_id == heard.id
        assert event.type.lower().startswith("refund.")
        told = (event.provider_id, event.refund_id, event.status, event.amount_minor, event.currency, event.failure)
        assert told == (receipt.provider_id, "rf_event", receipt.status, 1_000, "EUR", None)
        assert event.at.utcoffset() is not None

    def test_an_event_changed_unsigned_or_meant_for_another_is_forged(self, payments: PaymentsUnderTest) -> None:
        payments.gateway.refund(order(payments, "rf_changed"))
        (heard,) = payments.ear.hears("rf_changed")
        stranger = another(payments, webhook_secret=OTHER_SECRET)
        for gateway, raw, headers in (
            (payments.gateway, heard.raw.replace(b"1000", b"9000"), heard.headers),
            (payments.gateway, heard.raw, {}),
            (payments.gateway, heard.raw, dict.fromkeys(heard.headers, "é")),
            (stranger, heard.raw, heard.headers),
        ):
            with pytest.raises(ForgedEvent):
                gateway.read_event(raw, headers)
        stranger.close()

    def test_two_secrets_count_while_one_is_being_replaced(self, payments: PaymentsUnderTest) -> None:
        payments.gateway.refund(order(payments, "rf_rotated"))
        (heard,) = payments.ear.hears("rf_rotated")
        both = another(payments, webhook_secret=f"{OTHER_SECRET} {SECRET}")
        assert both.read_event(heard.raw, heard.headers) == payments.gateway.read_event(heard.raw, heard.headers)
        both.close()

    @pytest.mark.parametrize("minutes", [-6, 6])
    def test_an_event_of_another_time_is_forged(self, payments: PaymentsUnderTest, minutes: int) -> None:
        payments.gateway.refund(order(payments, f"rf_played_again{minutes}"))
        (heard,) = payments.ear.hears(f"rf_played_again{minutes}")
        with pytest.raises(ForgedEvent):
            payments.gateway.read_event(heard.raw, signed_at(payments, heard, minutes))


def another(payments: PaymentsUnderTest, **vary: Any) -> PaymentGateway:
    """A gateway like the one under test, in one thing different."""
    at = {"base_url": payments.url, "api_key": API_KEY, "webhook_secret": SECRET}
    address = PartnerAddress(**(at | {name: vary[name] for name in at if name in vary}))
    gateway: Any = type(payments.gateway)
    made: PaymentGateway = gateway(address, **{name: vary[name] for name in vary if name not in at})
    return made


def signed_at(payments: PaymentsUnderTest, heard: Heard, minutes: int) -> dict[str, str]:
    """The event's headers as they would be, rightly signed, so many minutes from now."""
    moment = datetime.now(UTC) + timedelta(minutes=minutes)
    return TONGUES[payments.kind.events](SECRET).headers(heard.id, moment, heard.raw.decode())


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
