"""What an order cost besides its goods comes back once, with what it was charged for."""

from typing import Any

import pytest

from domain.charges import Charge, ChargeKind, DeliveryBack, Progress, charges_back
from domain.tax import Tax

HALF_WAY = Progress(False, 5000, 10000, {"l_1": (1, 3), "l_2": (0, 1)})
DONE = Progress(True, 10000, 10000, {"l_1": (3, 3), "l_2": (1, 1)})
EXPRESS = Charge("o_1", "c_1", ChargeKind.DELIVERY, 1290, surplus_minor=800, taxes=(Tax("VAT", 190000, 206),))


def back(charge: Charge, progress: Progress, *, before: int = 0, **vary: Any) -> int:
    given: dict[str, Any] = {
        "delivery": DeliveryBack.STANDARD,
        "delivery_source": "Directive 2011/83/EU, art. 13",
        "at_fault": False,
        "currency": "EUR",
    }
    quoted, decisions = charges_back([(charge, before)], progress, **(given | vary))
    assert all(decision.source for decision in decisions)
    return sum(one.amount_minor for one in quoted)


@pytest.mark.parametrize(
    ("progress", "vary", "minor"),
    [
        pytest.param(DONE, {}, 490, id="the standard delivery comes back, the express surplus does not"),
        pytest.param(DONE, {"delivery": DeliveryBack.ALL}, 1290, id="a promise of all of it gives all of it"),
        pytest.param(DONE, {"delivery": DeliveryBack.NONE}, 0, id="neither promise nor law gives nothing"),
        pytest.param(DONE, {"delivery": DeliveryBack.NONE, "at_fault": True}, 1290, id="a defect gives all of it"),
        pytest.param(HALF_WAY, {}, 0, id="goods are still with the shopper, and so is the delivery"),
        pytest.param(HALF_WAY, {"at_fault": True}, 0, id="also where one of the goods was defective"),
        pytest.param(DONE, {"before": 490}, 0, id="once only"),
    ],
)
def test_the_delivery_comes_back_with_the_return_that_completes_the_order(
    progress: Progress, vary: dict[str, Any], minor: int
) -> None:
    assert back(EXPRESS, progress, **vary) == minor


def test_the_tax_on_a_charge_comes_back_with_it() -> None:
    quoted, _ = charges_back(
        [(EXPRESS, 0)], DONE, delivery=DeliveryBack.ALL, delivery_source="", at_fault=False, currency="EUR"
    )
    assert [(part.net_minor, part.tax_minor) for part in quoted[0].taxes] == [(1084, 206)]


def test_a_delivery_taxed_on_top_gives_its_standard_part_with_its_tax() -> None:
    taxed = Charge("o_1", "c_1", ChargeKind.DELIVERY, 1000, 500, (Tax("sales tax", 100000, 100, included=False),))
    assert (taxed.paid_minor, taxed.standard_minor) == (1100, 550)
    assert back(taxed, DONE) == 550


@pytest.mark.parametrize(
    ("charge", "half_way", "done"),
    [
        pytest.param({"kind": ChargeKind.GIFT_WRAP, "line_id": "l_1"}, 100, 300, id="gift wrap goes with its line"),
        pytest.param({"kind": ChargeKind.GIFT_WRAP}, 0, 300, id="gift wrap of the whole order goes with the whole"),
        pytest.param({"kind": ChargeKind.DUTY}, 150, 300, id="duty goes with the goods' money"),
        pytest.param({"kind": ChargeKind.PAYMENT}, 0, 300, id="a payment surcharge goes with the whole"),
        pytest.param({"kind": ChargeKind.OTHER}, 0, 300, id="anything else goes with the whole"),
    ],
)
def test_other_charges_come_back_with_what_they_were_for(charge: dict[str, Any], half_way: int, done: int) -> None:
    made = Charge("o_1", "c_1", amount_minor=300, **charge)
    first = back(made, HALF_WAY)
    assert first == half_way
    assert first + back(made, DONE, before=first) == done


def test_a_free_delivery_has_nothing_to_give_back() -> None:
    free = Charge("o_1", "c_1", ChargeKind.DELIVERY, 0)
    assert (free.standard_minor, back(free, DONE)) == (0, 0)
