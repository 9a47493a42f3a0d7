"""The ledger balances in every currency, a reversal undoes exactly, and a settled and paid case owes the shopper nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fees import Bearer, Fee, FeeKind
from domain.ledger import (
    PAYABLE_SHOPPER,
    Entry,
    EntryKind,
    Posting,
    Unbalanced,
    balances,
    customs_claim_filed_entry,
    customs_claim_recovered_entry,
    customs_claim_rejected_reversal,
    exchange_difference_entry,
    fee_entry,
    invoiced_entry,
    late_refund_entry,
    lost_goods_entry,
    own_work_entry,
    refund_failed_reversal,
    refund_paid_entry,
    settlement_entry,
)
from domain.money import Money
from domain.refund import quote_refund
from domain.tenders import Spread, spread_over_tenders
from tests.builders import a_fee, a_refund_line, a_tender_room

amounts = st.integers(0, 10**10)


def sums(entry: Entry) -> dict[str, int]:
    totals: dict[str, int] = {}
    for posting in entry.postings:
        totals[posting.currency] = totals.get(posting.currency, 0) + posting.amount_minor
    return totals


def a_posting(account: str = "a", amount_minor: int = 100, currency: str = "EUR") -> Posting:
    return Posting(account, amount_minor, currency)


@pytest.mark.parametrize(
    "postings",
    [
        [a_posting(amount_minor=100), a_posting("b", -99)],
        [a_posting()],
        [a_posting(amount_minor=100, currency="EUR"), a_posting("b", -100, "USD")],
    ],
    ids=["a cent off", "one side only", "across currencies"],
)
def test_an_unbalanced_entry_cannot_exist(postings: list[Posting]) -> None:
    with pytest.raises(Unbalanced) as mistake:
        Entry(EntryKind.FEE, "fee:1", "ret_1", tuple(postings))
    assert mistake.value.facts["key"] == "fee:1"


def test_an_entry_may_hold_two_currencies_if_each_balances() -> None:
    postings = tuple(
        a_posting(account, minor, currency) for currency in ("EUR", "USD") for account, minor in (("a", 5), ("b", -5))
    )
    assert sums(Entry(EntryKind.FEE, "fee:1", "ret_1", postings)) == {"EUR": 0, "USD": 0}


def test_a_settlement_takes_the_goods_back_and_owes_the_shopper_the_refund() -> None:
    entry = settlement_entry("ret_1", 1, quote_refund("EUR", [a_refund_line()], [a_fee(amount_minor=490)]))
    assert (entry.kind, entry.key, entry.case_id) == (EntryKind.SETTLEMENT, "settlement:ret_1:1", "ret_1")
    assert entry.postings == (
        Posting("goods_returned:merchant", 12000, "EUR"),
        Posting("payable:shopper", -11510, "EUR"),
        Posting("fee:return_label:shopper", -490, "EUR"),
    )


def test_a_fee_above_the_refund_moves_to_the_merchant() -> None:
    entry = settlement_entry("ret_1", 1, quote_refund("EUR", [a_refund_line(paid_minor=300)], [a_fee()]))
    assert balances([entry]) == {
        ("goods_returned:merchant", "EUR"): 300,
        ("fee:return_label:shopper", "EUR"): -490,
        ("fee:return_label:merchant", "EUR"): 190,
    }


def test_a_settlement_of_free_goods_moves_nothing_and_still_has_its_key() -> None:
    entry = settlement_entry("ret_1", 2, quote_refund("EUR", [a_refund_line(paid_minor=0)]))
    assert (entry.key, entry.postings) == ("settlement:ret_1:2", ())


def test_a_refund_paid_is_owed_no_more_and_stands_with_the_processor() -> None:
    entry = refund_paid_entry("ret_1", "rf_1", "simulated", Money(5000, "EUR"))
    assert (entry.kind, entry.key) == (EntryKind.REFUND_PAID, "paid:rf_1")
    assert entry.postings == (
        Posting("payable:shopper", 5000, "EUR"),
        Posting("clearing:payments:simulated", -5000, "EUR"),
    )


def test_a_failed_refund_is_undone_by_a_new_entry_that_names_the_old() -> None:
    paid = refund_paid_entry("ret_1", "rf_1", "simulated", Money(5000, "EUR"))
    failed = refund_failed_reversal(paid)
    assert (failed.kind, failed.key, failed.reverses) == (EntryKind.REFUND_FAILED, "reversal:paid:rf_1", "paid:rf_1")
    assert failed.case_id == paid.case_id
    assert balances([paid, failed]) == {}


@pytest.mark.parametrize("bearer", list(Bearer))
@pytest.mark.parametrize("kind", list(FeeKind))
def test_a_fee_is_absorbed_by_its_bearer_and_owed_to_the_carrier(kind: FeeKind, bearer: Bearer) -> None:
    entry = fee_entry("ret_1", "lb_1", a_fee(kind=kind, bearer=bearer), carrier="simulated")
    assert (entry.kind, entry.key) == (EntryKind.FEE, f"fee:{kind}:lb_1")
    assert entry.postings == (
        Posting(f"fee:{kind.value}:{bearer.value}", 490, "EUR"),
        Posting("payable:carrier:simulated", -490, "EUR"),
    )


def test_lost_goods_are_a_claim_against_the_carrier_instead_of_goods_taken_back() -> None:
    settled = settlement_entry("ret_1", 1, quote_refund("EUR", [a_refund_line()]))
    lost = lost_goods_entry("ret_1", "pc_1", "simulated", Money(12000, "EUR"))
    assert (lost.kind, lost.key) == (EntryKind.LOST_GOODS, "lost:pc_1")
    assert balances([settled, lost]) == {
        ("receivable:carrier:simulated", "EUR"): 12000,
        (PAYABLE_SHOPPER, "EUR"): -12000,
    }


def test_every_posting_on_a_fee_account_says_why_it_is_its_bearers() -> None:
    label = a_fee(amount_minor=490)
    settled = settlement_entry("ret_1", 1, quote_refund("EUR", [a_refund_line(paid_minor=300)], [label]))
    booked = fee_entry("ret_1", "lb_1", label, carrier="simulated")
    said = {
        (posting.account, posting.rule, posting.source)
        for entry in (settled, booked, refund_failed_reversal(booked))
        for posting in entry.postings
        if posting.account.startswith("fee:")
    }
    above = quote_refund("EUR", [a_refund_line(paid_minor=300)], [label]).absorbed[0]
    assert said == {
        ("fee:return_label:shopper", label.rule, label.source),
        ("fee:return_label:shopper", above.rule, above.source),
        ("fee:return_label:merchant", above.rule, above.source),
    }


def test_own_work_is_absorbed_by_its_bearer_and_stands_at_the_price_of_the_policy() -> None:
    entry = own_work_entry("ret_1", "settlement:1", a_fee(kind=FeeKind.RESTOCKING, amount_minor=2000))
    assert (entry.kind, entry.key) == (EntryKind.FEE, "fee:restocking:settlement:1")
    assert balances([entry]) == {("fee:restocking:shopper", "EUR"): 2000, ("own_work:merchant", "EUR"): -2000}


def test_a_late_refund_is_owed_to_the_shopper_on_top() -> None:
    penalty = a_fee(kind=FeeKind.LATE_REFUND_PENALTY, bearer=Bearer.PLATFORM, amount_minor=1233)
    entry = late_refund_entry("ret_1", "rf_1", penalty)
    assert entry.key == "fee:late_refund_penalty:rf_1"
    assert balances([entry]) == {
        ("fee:late_refund_penalty:platform", "EUR"): 1233,
        (PAYABLE_SHOPPER, "EUR"): -1233,
    }


@pytest.mark.parametrize(
    "fee",
    [a_fee(bearer=Bearer.MERCHANT), a_fee(kind=FeeKind.LATE_REFUND_PENALTY, bearer=Bearer.SHOPPER)],
    ids=["another kind", "borne by the shopper"],
)
def test_what_is_no_penalty_is_not_booked_as_one(fee: Fee) -> None:
    with pytest.raises(ValueError, match="no penalty"):
        late_refund_entry("ret_1", "rf_1", fee)


def test_a_fee_above_the_refund_that_is_invoiced_is_owed_by_the_shopper_and_borne_by_nobody_else() -> None:
    quote = quote_refund("EUR", [a_refund_line(paid_minor=300)], [a_fee()])
    entries = [
        fee_entry("ret_1", "lb_1", a_fee(), carrier="simulated"),
        settlement_entry("ret_1", 1, quote),
        invoiced_entry("ret_1", 1, quote.absorbed),
    ]
    assert balances(entries) == {
        ("goods_returned:merchant", "EUR"): 300,
        ("receivable:shopper", "EUR"): 190,
        ("payable:carrier:simulated", "EUR"): -490,
    }


@given(goods=st.lists(amounts, max_size=5), fees=st.lists(amounts, max_size=3))
def test_every_entry_balances_and_its_reversal_undoes_it_exactly(goods: list[int], fees: list[int]) -> None:
    lines = [a_refund_line(order_line_id=f"l_{number}", paid_minor=paid) for number, paid in enumerate(goods)]
    charged = [a_fee(amount_minor=fee) for fee in fees]
    entries = [settlement_entry("ret_1", 1, quote_refund("EUR", lines, charged))]
    entries += [fee_entry("ret_1", f"lb_{number}", fee, carrier="simulated") for number, fee in enumerate(charged)]
    entries += [
        refund_paid_entry("ret_1", f"rf_{number}", "simulated", Money(paid, "EUR")) for number, paid in enumerate(goods)
    ]
    entries += [lost_goods_entry("ret_1", "pc_1", "simulated", Money(sum(goods), "EUR"))]
    assert all(total == 0 for entry in entries for total in sums(entry).values())
    assert all(posting.amount_minor for entry in entries for posting in entry.postings)
    assert balances([*entries, *(refund_failed_reversal(entry) for entry in entries)]) == {}
    assert len({entry.key for entry in entries}) == len(entries)


@given(
    units=st.integers(1, 20),
    paid_minor=amounts,
    fees=st.lists(st.integers(0, 2000), max_size=3),
    by_gift_card=st.integers(0, 100),
    fails_once=st.booleans(),
    data=st.data(),
)
def test_a_case_settled_and_paid_owes_the_shopper_nothing(
    units: int, paid_minor: int, fees: list[int], by_gift_card: int, fails_once: bool, data: st.DataObject
) -> None:
    quantity = data.draw(st.integers(1, units))
    charged = [a_fee(amount_minor=fee) for fee in fees]
    quote = quote_refund("EUR", [a_refund_line(quantity=quantity, line_quantity=units, paid_minor=paid_minor)], charged)
    gift_card = a_tender_room(tender_id="t_2", method="gift_card", amount_minor=paid_minor * by_gift_card // 100)
    card = a_tender_room(amount_minor=paid_minor - gift_card.amount_minor)
    spread = spread_over_tenders(quote.per_order["o_1"], [card, gift_card])
    assert isinstance(spread, Spread)

    entries = [fee_entry("ret_1", f"lb_{number}", fee, carrier="simulated") for number, fee in enumerate(charged)]
    entries.append(settlement_entry("ret_1", 1, quote))
    for part in spread.parts:
        amount = Money(part.amount_minor, "EUR")
        paid = refund_paid_entry("ret_1", f"rf_{part.tender_id}", part.processor, amount)
        entries.append(paid)
        if fails_once:
            again = refund_paid_entry("ret_1", f"rf_{part.tender_id}_2", part.processor, amount)
            entries += [refund_failed_reversal(paid), again]

    standing = balances(entries)
    assert (PAYABLE_SHOPPER, "EUR") not in standing
    assert ("fee:return_label:shopper", "EUR") not in standing
    assert standing.get(("clearing:payments:simulated", "EUR"), 0) == -quote.total_minor
    assert standing.get(("payable:carrier:simulated", "EUR"), 0) == -sum(fees)
    assert standing.get(("goods_returned:merchant", "EUR"), 0) == quote.goods_minor
    assert sum(standing.values()) == 0


@pytest.mark.parametrize(("minor", "loses"), [(250, 1), (-250, -1)])
def test_a_difference_of_rates_is_with_its_bearer_in_the_accounting_currency(minor: int, loses: int) -> None:
    entry = exchange_difference_entry("ret_1", 1, "GBP", Money(minor, "EUR"), Bearer.PLATFORM)
    assert entry.key == "exchange_difference:ret_1:1"
    assert balances([entry]) == {
        ("fee:exchange_difference:platform", "EUR"): 250 * loses,
        ("revaluation:GBP", "EUR"): -250 * loses,
    }


@pytest.mark.parametrize("recovered", [1188, 1000, 1200, 0], ids=["all", "less", "more", "nothing"])
def test_a_customs_claim_is_owed_when_filed_and_settled_by_what_comes(recovered: int) -> None:
    expected = Money(1188, "USD")
    filed = customs_claim_filed_entry("ret_1", "clm_1", "US", Bearer.MERCHANT, expected)
    assert balances([filed]) == {("receivable:customs:US", "USD"): 1188, ("fee:duty:merchant", "USD"): -1188}
    came = customs_claim_recovered_entry(
        "ret_1", "clm_1", "US", Bearer.MERCHANT, expected=expected, recovered=Money(recovered, "USD")
    )
    left = balances([filed, came])
    assert ("receivable:customs:US", "USD") not in left
    assert left.get(("clearing:customs:US", "USD"), 0) == recovered
    assert left.get(("fee:duty:merchant", "USD"), 0) == -recovered


def test_a_rejected_customs_claim_leaves_nothing() -> None:
    filed = customs_claim_filed_entry("ret_1", "clm_1", "US", Bearer.MERCHANT, Money(1188, "USD"))
    undone = customs_claim_rejected_reversal(filed)
    assert undone.reverses == filed.key
    assert balances([filed, undone]) == {}
