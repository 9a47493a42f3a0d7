"""The second family's own rules: accepted is not paid, one number for good, and limits that say come back later or never."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateways.errors import GatewayError, OutcomeUnknown, ProviderRefused, ProviderUnreachable
from gateways.http import PartnerAddress
from gateways.payments.base import ProviderStatus, RefundOrder, RefundRefused, RefundRules
from gateways.payments.wechat_profile import WechatProfilePayments
from tests.gateways.conftest import PaymentsUnderTest
from tests.gateways.test_http import answering
from tests.partners.programs import SECRET

DAY = 86_400


def order(wechat: PaymentsUnderTest, refund_id: str, amount_minor: int = 100) -> RefundOrder:
    return RefundOrder(refund_id, wechat.captured(f"of_{refund_id}", 10_000, "CNY"), amount_minor, "CNY", "ret_1")


def paid(wechat: PaymentsUnderTest, order: RefundOrder) -> int:
    refunded: int = wechat.partner.get(f"/v1/payments/{order.payment_reference}")["refunded"]
    return refunded


def test_its_limits_can_be_known_before_anything_is_sent(wechat: PaymentsUnderTest) -> None:
    assert wechat.gateway.rules == RefundRules(max_age_days=365, max_refunds=50, gap=timedelta(minutes=1))


def test_two_refunds_of_a_payment_within_a_minute_come_back_later(wechat: PaymentsUnderTest) -> None:
    first = order(wechat, "rf_soon")
    wechat.gateway.refund(first)
    second = replace(first, refund_id="rf_soon_2")
    with pytest.raises(ProviderUnreachable) as later:
        wechat.gateway.refund(second)
    assert later.value.code == "slow_down"
    assert wechat.gateway.find_refund("rf_soon_2", second.payment_reference) is None
    wechat.wait_for_the_next()
    wechat.gateway.refund(second)
    assert paid(wechat, first) == 200


def test_a_payment_takes_fifty_refunds(wechat: PaymentsUnderTest) -> None:
    wanted = order(wechat, "rf_fifty")
    for number in range(50):
        wechat.gateway.refund(replace(wanted, refund_id=f"rf_fifty_{number}"))
        wechat.wait_for_the_next()
    with pytest.raises(RefundRefused) as refused:
        wechat.gateway.refund(wanted)
    assert refused.value.code == "too_many_refunds"
    assert paid(wechat, wanted) == 5_000


def test_a_payment_is_too_old_after_365_days(wechat: PaymentsUnderTest) -> None:
    wanted, late = order(wechat, "rf_old"), order(wechat, "rf_older")
    wechat.partner.advance(364 * DAY)
    wechat.gateway.refund(wanted)
    wechat.partner.advance(2 * DAY)
    with pytest.raises(RefundRefused) as refused:
        wechat.gateway.refund(late)
    assert refused.value.code == "payment_too_old"


def test_a_short_balance_is_no_refusal_and_the_same_number_goes_through_later(wechat: PaymentsUnderTest) -> None:
    wanted = order(wechat, "rf_short")
    wechat.partner.knobs(balance_short={"next": 1})
    with pytest.raises(ProviderUnreachable) as short:
        wechat.gateway.refund(wanted)
    assert short.value.code == "merchant_balance_short"
    wechat.gateway.refund(wanted)
    assert paid(wechat, wanted) == 100


def test_a_failed_refund_is_tried_again_under_the_same_number_as_the_same_refund(wechat: PaymentsUnderTest) -> None:
    wanted = order(wechat, "rf_again", 10_000)
    wechat.partner.knobs(status_later={"next": 1, "mode": "pending_then_failed", "seconds": 1})
    accepted = wechat.gateway.refund(wanted)
    failed = wechat.settled(wanted)
    assert (failed.status, failed.failure, paid(wechat, wanted)) == (ProviderStatus.FAILED, "abnormal", 0)
    again = wechat.gateway.refund(wanted)
    assert again.provider_id == accepted.provider_id
    assert wechat.settled(wanted).status is ProviderStatus.SUCCEEDED
    assert paid(wechat, wanted) == 10_000
    assert len(list(wechat.gateway.list_refunds(wanted.payment_reference))) == 1


def test_after_a_failure_a_new_number_is_another_refund_and_the_sum_still_holds(wechat: PaymentsUnderTest) -> None:
    """What the house does: a new id for every new decision to pay."""
    wanted = order(wechat, "rf_round_1", 10_000)
    wechat.partner.knobs(status_later={"next": 1, "mode": "pending_then_failed", "seconds": 1})
    wechat.gateway.refund(wanted)
    assert wechat.settled(wanted).status is ProviderStatus.FAILED
    wechat.wait_for_the_next()
    second = replace(wanted, refund_id="rf_round_2")
    wechat.gateway.refund(second)
    assert wechat.settled(second).status is ProviderStatus.SUCCEEDED
    with pytest.raises(RefundRefused) as refused:
        wechat.gateway.refund(wanted)
    assert refused.value.code == "over_refund", "the failed one cannot be woken beside the one that took its place"
    assert paid(wechat, wanted) == 10_000


@pytest.mark.parametrize("refund_id", ["rf 1", "rf_é", "", "r" * 65, "rf/1"])
def test_a_number_that_cannot_be_one_is_not_sent(refund_id: str) -> None:
    with answering(500, b"") as (url, asked):
        gateway = WechatProfilePayments(PartnerAddress(url, "k", SECRET))
        with pytest.raises(RefundRefused) as refused:
            gateway.refund(RefundOrder(refund_id, "420000_1", 100, "CNY", "ret_1"))
        assert gateway.find_refund(refund_id, "420000_1") is None
        assert (refused.value.code, asked) == ("malformed", [])


ANSWERS: dict[str, tuple[int, bytes, type[GatewayError], str]] = {
    "come back later": (429, b'{"code": "FREQUENCY_LIMITED", "message": ""}', ProviderUnreachable, "slow_down"),
    "not signed": (401, b'{"code": "SIGN_ERROR", "message": ""}', ProviderUnreachable, "not_admitted"),
    "no right": (403, b'{"code": "NO_AUTH", "message": ""}', ProviderUnreachable, "not_admitted"),
    "a door's 429": (429, b"<html></html>", ProviderUnreachable, "slow_down"),
    "the shopper's account": (400, b'{"code": "USER_ACCOUNT_ABNORMAL"}', RefundRefused, "user_account_abnormal"),
    "broken there": (500, b'{"code": "SYSTEM_ERROR", "message": ""}', OutcomeUnknown, "outcome_unknown"),
    "somebody else's page": (404, b"<html></html>", OutcomeUnknown, "outcome_unknown"),
    "somebody else's no": (400, b'{"error": {"code": "no"}}', OutcomeUnknown, "outcome_unknown"),
    "not readable": (200, b'{"status": "PROCESSING"}', OutcomeUnknown, "unreadable_answer"),
}


@pytest.mark.parametrize(("status", "body", "kind", "code"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_means_what_may_be_done_next(status: int, body: bytes, kind: type[GatewayError], code: str) -> None:
    transaction = b'{"transaction_id": "420000_1", "amount": {"total": 10000, "currency": "CNY"}}'
    with answering(status, body, looked_at=transaction) as (url, asked), pytest.raises(kind) as said:
        WechatProfilePayments(PartnerAddress(url, "k", SECRET)).refund(RefundOrder("rf_1", "420000_1", 100, "CNY", "r"))
    assert (type(said.value), said.value.code, len(asked)) == (kind, code, 2)


def test_a_refused_look_up_is_no_refused_refund() -> None:
    with answering(400, b'{"code": "INVALID_REQUEST", "message": ""}') as (url, _):
        with pytest.raises(ProviderRefused) as refused:
            WechatProfilePayments(PartnerAddress(url, "k", SECRET)).find_refund("rf_1", "420000_1")
        assert not isinstance(refused.value, RefundRefused)
