"""Every call that moves something, torn by `kill -9` of server or worker and repeated by its caller, ends as if it had run once.

In each round a handful of calls of every kind are on their way when a process dies. The callers repeat them under their own keys until
they are answered. At the end the books are compared: one fact for each call, one refund for each inspected return, nothing untold.
"""

import random
from collections.abc import Callable
from threading import Event

from tests.trials.product import Answer, Product

TORN_AT_LEAST = 100
ROUNDS_AT_MOST = 40
SEED = 20111209


def test_torn_calls_end_as_if_they_had_run_once(product: Product) -> None:
    chance = random.Random(SEED)
    torn = calls = 0
    inspected: list[str] = []
    for number in range(ROUNDS_AT_MOST):
        opened = product.open_many(12, stage="booked")
        referred = product.open_many(3, stage="referred", referred=True)
        orders = [product.sell() for _ in range(5)]
        kinds: list[tuple[str, str, Callable[[], Answer]]] = []

        def add(
            fact: str,
            case_id: str,
            path: str,
            body: dict[str, object],
            into: list[tuple[str, str, Callable[[], Answer]]] = kinds,
        ) -> None:
            into.append((fact, case_id, lambda: product.call(path, body, key=f"{fact} {case_id}")))

        for case_id in opened[:4]:
            add("received", case_id, f"/v1/parcels/{product.parcel(case_id)}/receipt", {})
        for case_id in opened[4:8]:
            add("inspected", case_id, f"/v1/returns/{case_id}/inspections", product.inspection(case_id))
        for case_id in opened[8:]:
            add("cancelled", case_id, f"/v1/returns/{case_id}/cancel", {})
        for case_id in referred:
            add("authorized", case_id, f"/v1/returns/{case_id}/authorize", {})
        opening = [
            (order, lambda order=order: product.call("/v1/returns", product.asked(order), key=f"open {order}"))
            for order in orders
        ]
        waiting = [
            product.calls.submit(call) for call in (*[kind[2] for kind in kinds], *[call for _, call in opening])
        ]
        Event().wait(chance.uniform(0.0, 0.12))  # somewhere in the middle of them
        product.kill("server")
        if number % 3 == 0:
            product.kill("worker-1")
        answers = [future.result() for future in waiting]
        torn += sum(answer.torn > 0 for answer in answers)
        calls += len(answers)
        assert [answer.status for answer in answers[: len(kinds)]] == [200] * len(kinds)
        assert [answer.status for answer in answers[len(kinds) :]] == [201] * len(opening)
        for fact, case_id, _ in kinds:
            assert product.facts(case_id, fact) == 1, (fact, case_id)
        for order, _ in opening:
            assert product.number("SELECT claimed FROM order_lines WHERE order_id = :id", id=order) == 1
            assert product.number("SELECT count(*) FROM case_lines WHERE order_id = :id", id=order) == 1
        inspected += opened[4:8]
        if torn >= TORN_AT_LEAST:
            break
    assert torn >= TORN_AT_LEAST, f"only {torn} of {calls} calls were torn"

    product.until_told()
    for case_id in inspected:
        assert product.until(case_id, "closed")["outcome"] == "refunded"
    paid = [refund.refund_id for refund in product.payments.list_refunds() if refund.case_id in inspected]
    assert len(paid) == len(set(paid)) == len(inspected), "paid twice, or not at all"
    assert product.number("SELECT coalesce(sum(amount_minor), 0) FROM ledger_postings") == 0
    verified = product.get("/v1/ops/verify")
    assert verified["holds"], verified
