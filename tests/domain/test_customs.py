"""Customs: records that can be right, and what a return may claim back, until when and with which proof."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.customs import (
    ChargesPaidByNobody,
    CustomsRecord,
    DeclarationNumberMalformed,
    GoodsBack,
    HsCodeMalformed,
    Incoterm,
    IossNumberMalformed,
    Payer,
    Period,
    Proof,
    check_record,
    deadline_of,
    duty_decision,
    expected_of,
    is_overdue,
    missing_proofs,
    possible_claims,
)
from domain.errors import Invalid
from domain.fees import Bearer
from domain.money import Money
from policies.customs import claim_rules

RULES = claim_rules()
RULE = {rule.name: rule for rule in RULES.rules}
BACK_ON = date(2026, 11, 20)


def a_record(**vary: Any) -> CustomsRecord:
    """A dress from the United Kingdom to the United States, duty of USD 12.00 paid by the merchant."""
    dress = CustomsRecord(
        order_id="o_1",
        order_line_id="l_1",
        exported_from="GB",
        imported_into="US",
        returns_to="GB",
        hs_code="62044210",
        description="Linen dress",
        origin="PT",
        declared=Money(12000, "USD"),
        incoterm=Incoterm.DDP,
        exported_on=date(2026, 11, 2),
        imported_on=date(2026, 11, 6),
        export_declaration="26GB3A7K9P2M5Q8R1T",
        import_declaration="ABC-1234567-8",
        duty_minor=1200,
        paid_currency="USD",
        paid_by=Payer.MERCHANT,
    )
    return replace(dress, **vary)


def goods(**vary: Any) -> GoodsBack:
    """One unit of one, unused, received on the day of the refund."""
    return replace(GoodsBack(1, 1, returned_on=BACK_ON, received_on=BACK_ON), **vary)


def kinds(record: CustomsRecord, back: GoodsBack | None = None) -> list[str]:
    return [claim.rule.name for claim in possible_claims(record, back or goods(), RULES)]


def to_germany(**vary: Any) -> CustomsRecord:
    given = {"imported_into": "DE", "declared": Money(12000, "EUR"), "paid_currency": "EUR"}
    return a_record(**(given | vary))


@pytest.mark.parametrize(
    ("vary", "error"),
    [
        pytest.param({"hs_code": "6204.42"}, HsCodeMalformed, id="a code with a dot"),
        pytest.param({"hs_code": "62044"}, HsCodeMalformed, id="five digits"),
        pytest.param({"hs_code": "62044210000"}, HsCodeMalformed, id="eleven digits"),
        pytest.param({"hs_code": "٦٢٠٤٤٢"}, HsCodeMalformed, id="digits of another script"),
        pytest.param({"ioss_number": "IM123456789"}, IossNumberMalformed, id="nine digits after IM"),
        pytest.param({"ioss_number": "im1234567890"}, IossNumberMalformed, id="small letters"),
        pytest.param({"export_declaration": "26GB3A7K9P2M5Q8R1"}, DeclarationNumberMalformed, id="17 characters"),
        pytest.param(
            {"export_declaration": "GB263A7K9P2M5Q8R1T"}, DeclarationNumberMalformed, id="country before year"
        ),
        pytest.param({"paid_by": None}, ChargesPaidByNobody, id="duty that nobody paid"),
        pytest.param({"paid_currency": None}, ChargesPaidByNobody, id="duty in no currency"),
    ],
)
def test_what_cannot_be_right_has_a_name_and_a_place(vary: dict[str, Any], error: type[Invalid]) -> None:
    with pytest.raises(error) as found:
        check_record(a_record(**vary), "/lines/0")
    name = next(iter(vary)).replace("paid_currency", "paid_by")
    assert found.value.pointer == (f"/lines/0/{name}" if name == "hs_code" else f"/{name}")


@pytest.mark.parametrize("number", ["26GB3A7K9P2M5Q8R1T", "312020260123456789"], ids=["an MRN", "18 digits, China"])
def test_what_can_be_right_is_taken(number: str) -> None:
    check_record(a_record(export_declaration=number, ioss_number="IM1234567890"))


@pytest.mark.parametrize(
    ("record", "back", "expected"),
    [
        pytest.param(a_record(), goods(), ["uk_returned_goods_relief", "us_unused_drawback"], id="GB to US and back"),
        pytest.param(a_record(), goods(used=True), ["uk_returned_goods_relief"], id="used: no unused drawback"),
        pytest.param(
            a_record(), goods(used=True, not_as_ordered=True),
            ["uk_returned_goods_relief", "us_rejected_drawback"], id="defective: rejected merchandise",
        ),
        pytest.param(a_record(), goods(altered=True), [], id="altered: nothing"),
        pytest.param(a_record(duty_minor=0), goods(), ["uk_returned_goods_relief"], id="no duty paid, none back"),
        pytest.param(a_record(returns_to="US"), goods(), [], id="stays in a returns centre over there"),
        pytest.param(a_record(exported_from="US", imported_into="US"), goods(), [], id="no border"),
        pytest.param(to_germany(exported_from="FR", returns_to="FR"), goods(), [], id="no border inside the Union"),
        pytest.param(
            to_germany(), goods(), ["uk_returned_goods_relief", "eu_invalidation"], id="GB to DE, normal import",
        ),
        pytest.param(
            to_germany(ioss_number="IM1234567890", duty_minor=0, import_tax_minor=2280), goods(altered=True),
            ["eu_ioss_correction"], id="IOSS: the VAT, in whatever state",
        ),
        pytest.param(
            to_germany(imported_into="FI", paid_by=Payer.SHOPPER), goods(),
            ["uk_returned_goods_relief", "fi_amendment"], id="a Finnish shopper's own claim",
        ),
        pytest.param(
            a_record(exported_from="DE", imported_into="GB", returns_to="AT", duty_minor=0), goods(),
            ["eu_returned_goods"], id="home is the whole Union",
        ),
        pytest.param(
            a_record(exported_from="US", imported_into="GB", returns_to="US", duty_minor=0), goods(),
            ["us_returned_goods"], id="goods sold from the US",
        ),
        pytest.param(
            a_record(exported_from="CN", imported_into="GB", returns_to="CN", procedure="9610", duty_minor=0), goods(),
            ["cn_export_returned"], id="China's parcels of 2026",
        ),
        pytest.param(
            a_record(exported_from="CN", imported_into="GB", returns_to="CN", procedure="9610", duty_minor=0, food=True),
            goods(), [], id="not for food",
        ),
        pytest.param(
            a_record(exported_from="CN", imported_into="GB", returns_to="CN", procedure="9610", duty_minor=0,
                     exported_on=date(2025, 12, 31)),
            goods(), [], id="exported before 2026",
        ),
        pytest.param(
            a_record(imported_into="CN", procedure="1210", returns_to="CN", import_tax_minor=100), goods(),
            ["cn_retail_import_returned"], id="China's retail import",
        ),
        pytest.param(
            a_record(imported_into="CN", procedure="1210", returns_to="CN"), goods(received_on=date(2026, 12, 22)), [],
            id="back on the 46th day",
        ),
        pytest.param(
            a_record(imported_on=date(2021, 11, 19), exported_on=date(2021, 11, 15)), goods(), [], id="all time is over",
        ),
        pytest.param(a_record(), goods(units=0), [], id="nothing came back"),
    ],
)  # fmt: skip
def test_which_claims_are_possible(record: CustomsRecord, back: GoodsBack, expected: list[str]) -> None:
    assert kinds(record, back) == expected


@pytest.mark.parametrize(
    ("name", "deadline"),
    [
        ("uk_returned_goods_relief", date(2029, 11, 2)),
        ("us_unused_drawback", date(2031, 11, 6)),
        ("eu_invalidation", date(2027, 2, 4)),
        ("cn_export_returned", date(2027, 5, 2)),
        ("cn_retail_import_returned", date(2026, 12, 6)),
        ("eu_ioss_correction", date(2026, 12, 31)),
    ],
)
def test_until_when(name: str, deadline: date) -> None:
    assert deadline_of(RULE[name], a_record(), BACK_ON) == deadline


def test_without_the_day_that_it_counts_from_a_claim_has_no_deadline_and_lacks_a_proof() -> None:
    record = a_record(imported_on=None, hs_code="620442", proof_of_export=None)
    (relief, drawback) = possible_claims(record, goods(), RULES)
    assert relief.deadline is not None
    assert drawback.deadline is None
    assert missing_proofs(drawback.rule.needs, record, received=True) == (
        Proof.IMPORTED_ON, Proof.PROOF_OF_EXPORT, Proof.FULL_HS_CODE,
    )  # fmt: skip


def test_goods_on_their_way_are_a_proof_to_come() -> None:
    needs = RULE["cn_retail_import_returned"].needs
    assert missing_proofs(needs, a_record(), received=False) == (Proof.GOODS_RECEIVED,)
    assert missing_proofs(needs, a_record(), received=True) == ()


@pytest.mark.parametrize(
    ("start", "period", "end"),
    [
        (date(2024, 2, 29), Period(months=36), date(2027, 2, 28)),
        (date(2026, 8, 31), Period(months=6), date(2027, 2, 28)),
        (date(2026, 11, 30), Period(months=1), date(2026, 12, 30)),
        (date(2026, 12, 15), Period(months=12), date(2027, 12, 15)),
        (date(2026, 11, 6), Period(days=90), date(2027, 2, 4)),
    ],
)
def test_months_and_years_end_on_a_day_that_there_is(start: date, period: Period, end: date) -> None:
    assert period.after(start) == end


@pytest.mark.parametrize("returned", [date(2026, 1, 31), date(2027, 1, 1)])
def test_a_tax_period_ends_with_the_month_after_the_return(returned: date) -> None:
    assert deadline_of(RULE["eu_ioss_correction"], a_record(), returned) == date(returned.year, 2, 28)


def test_a_relief_spares_and_a_refund_pays_whoever_bore_it() -> None:
    relief, drawback = possible_claims(a_record(), goods(), RULES)
    assert (str(relief.expected), str(drawback.expected)) == ("USD 0.00", "USD 11.88")
    assert drawback.recovered_for is Bearer.MERCHANT
    (_, shoppers) = possible_claims(to_germany(imported_into="FI", paid_by=Payer.SHOPPER), goods(), RULES)
    assert shoppers.recovered_for is Bearer.SHOPPER


@given(duty=st.integers(1, 10**9), parts=st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_claims_of_any_partial_returns_add_up_to_the_whole_claim(duty: int, parts: list[int]) -> None:
    whole, before, sums = sum(parts), 0, 0
    record = a_record(duty_minor=duty)
    for units in parts:
        sums += expected_of(
            RULE["us_unused_drawback"], record, goods(units=units, line_units=whole, units_before=before)
        ).minor
        before += units
    assert sums == duty * 99 // 100


def test_only_an_open_claim_is_overdue() -> None:
    assert is_overdue("open", date(2026, 11, 19), BACK_ON)
    assert not is_overdue("open", BACK_ON, BACK_ON), "the last day counts"
    assert not is_overdue("filed", date(2026, 11, 19), BACK_ON)
    assert not is_overdue("open", None, BACK_ON)


@pytest.mark.parametrize(
    ("incoterm", "says", "rule"),
    [
        (Incoterm.DDP, "part of the price", "duty_in_the_price"),
        (Incoterm.DDU, "between the shopper and customs", "duty_between_shopper_and_customs"),
    ],
)
def test_duty_follows_who_took_it(incoterm: Incoterm, says: str, rule: str) -> None:
    decision = duty_decision(a_record(incoterm=incoterm))
    assert says in decision.answer
    assert decision.rule == rule
    assert dict(decision.inputs)["duty"] == "USD 12.00, paid by the merchant"
