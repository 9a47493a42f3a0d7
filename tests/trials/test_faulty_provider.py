"""A provider that pays and then says 500, that does not answer in time, and that tells everything twice and in the wrong order.

Every run carries a part of it, `make bench` the whole: 2,000 returns.
"""

import time

import httpx2

from tests.nightly import examples
from tests.trials.product import Product

RETURNS = examples(every_run=80, nightly=2000)
BATCH = 100
FAULTS = {
    "seed": 20111209,
    "fail_after": {"probability": 0.10},
    "hang": {"probability": 0.05, "seconds": 7},
    "status_later": {"probability": 0.30, "mode": "pending_then_succeeded", "seconds": 0.5},
    "duplicate_events": {"probability": 1},
    "reorder_events": {"probability": 1, "seconds": 2},
}


def test_every_return_is_refunded_once_whatever_the_provider_does(product: Product) -> None:
    settings = product.stack.settings
    assert settings.payments_url
    assert settings.payments_api_key
    httpx2.post(
        f"{settings.payments_url}/admin/knobs",
        json=FAULTS,
        headers={"Authorization": f"Bearer {settings.payments_api_key.get_secret_value()}"},
    ).raise_for_status()

    began, cases = time.monotonic(), list[str]()
    while len(cases) < RETURNS:
        opened = product.open_many(min(BATCH, RETURNS - len(cases)), stage="booked")
        judged = product.calls.map(
            lambda case_id: product.call(
                f"/v1/returns/{case_id}/inspections", product.inspection(case_id), key=f"inspect {case_id}"
            ),
            opened,
        )
        assert {answer.status for answer in judged} == {200}
        cases += opened
    for case_id in cases:
        assert product.until(case_id, "closed")["refund"]["refunded"]["amount"] == 1000
    took = time.monotonic() - began
    print(f"{len(cases)} returns in {took:.0f} s")  # noqa: T201 -- the figure of `make bench`

    product.until_told()
    mine = set(cases)
    paid = [refund for refund in product.payments.list_refunds() if refund.case_id in mine]
    assert len({refund.refund_id for refund in paid}) == len(paid) == len(cases), "doubled, or lost"
    assert {refund.status for refund in paid} == {"succeeded"}
    ours = {
        row.id: row.amount_minor
        for row in product.rows("SELECT id, amount_minor FROM tender_refunds WHERE status = 'succeeded'")
    }
    assert {refund.refund_id: refund.amount_minor for refund in paid} == ours, "ledger and provider, refund by refund"
    troubled = product.number("SELECT count(*) FROM tender_refunds WHERE tries > 0")
    assert troubled > len(cases) * 0.05, "the faults really befell the calls"
    assert product.get("/v1/ops/verify")["holds"]
