"""May this line come back? Each rule by itself, and the law before the merchant's own rules."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.eligibility import Ground, Judged, Verdict, judge_line, judge_unmatched, value_minor
from domain.goods import GoodsCondition, Nature
from domain.market import market_of
from domain.matching import Unmatched, UnmatchedReason
from domain.order import QuantityNotPositive, SoldLine
from domain.policy import MonthDay, WindowRule
from domain.reasons import ReturnReason
from domain.risk import ReturnHistory, Thresholds, assess
from domain.terms import terms_for
from domain.tier import Tier
from domain.windows import LineRequest
from policies.book import load_policy_book
from policies.calendars import calendar_of
from tests.builders import an_order_line

BOOK = load_policy_book()
STANDARD = BOOK.programme("standard")
DELIVERED = datetime(2026, 3, 5, 15, tzinfo=UTC)


COUNTRIES = ("DE", "FR", "HK", "AU", "CN", "US", "JP", "KR", "GB")
CALENDARS = {code: calendar_of(code, date(2026, 1, 1), moves=True, days=1200) for code in COUNTRIES}


def asked(*, days: int = 5, **vary: Any) -> LineRequest:
    """One of three dresses, not wanted any more, `days` after delivery; words of what was sold vary that."""
    sold = SoldLine(
        line=an_order_line(quantity=3),
        currency="EUR",
        market="DE",
        customer_id="c_1",
        placed_at=DELIVERED - timedelta(days=3),
        delivered_at=DELIVERED,
        claimed=0,
        refunded=0,
        refunded_minor=0,
    )
    of_sold = {field.name: vary.pop(field.name) for field in fields(SoldLine) if field.name in vary}
    request = LineRequest(
        sold=replace(sold, **of_sold),
        quantity=1,
        units_gone=0,
        reason=ReturnReason.CHANGED_MIND,
        declared_at=DELIVERED + timedelta(days=days),
    )
    return replace(request, **vary)


def judge(request: LineRequest, *, country: str = "DE", tier: Tier = Tier.ENTRY, **policy: Any) -> Judged:
    programme, market = replace(STANDARD, **policy), market_of(BOOK, country)
    terms = terms_for(programme, market, tier)
    return judge_line(request, policy=programme, terms=terms, market=market, calendar=CALENDARS[country])


def verdict_in_short(judged: Judged) -> tuple[Verdict, Ground | None]:
    return judged.verdict, judged.ground


def test_goods_in_time_may_come_back_and_every_answer_is_kept() -> None:
    verdict = judge(asked())

    assert verdict.verdict is Verdict.ELIGIBLE
    assert [decision.rule for decision in verdict.decisions] == ["goods", "quantity_left", "return_window"]


@pytest.mark.parametrize(
    ("line", "policy"),
    [
        pytest.param({"sku": "POST"}, {"not_goods_skus": frozenset({"POST"})}, id="by code"),
        pytest.param({"category": "CARRIAGE"}, {"goods_categories": frozenset({"GOODS"})}, id="by category"),
    ],
)
def test_carriage_is_no_goods(line: dict[str, Any], policy: dict[str, Any]) -> None:
    assert verdict_in_short(judge(asked(line=an_order_line(**line)), **policy)) == (Verdict.REFUSED, Ground.NOT_GOODS)


@pytest.mark.parametrize(
    ("quantity", "gone", "expected"),
    [
        pytest.param(3, 0, (Verdict.ELIGIBLE, None), id="all of them"),
        pytest.param(2, 1, (Verdict.ELIGIBLE, None), id="all that is left"),
        pytest.param(3, 1, (Verdict.REFUSED, Ground.QUANTITY_ABOVE_LEFT), id="one too many"),
        pytest.param(1, 3, (Verdict.REFUSED, Ground.ALREADY_RETURNED), id="none left"),
    ],
)
def test_only_units_that_are_left_come_back(quantity: int, gone: int, expected: tuple[Verdict, Ground]) -> None:
    assert verdict_in_short(judge(asked(quantity=quantity, units_gone=gone))) == expected


def test_no_units_is_a_mistake_and_not_a_refusal() -> None:
    with pytest.raises(QuantityNotPositive):
        judge(asked(quantity=0))


@pytest.mark.parametrize(
    ("days", "tier", "expected"),
    [
        pytest.param(14, Tier.ENTRY, (Verdict.ELIGIBLE, None), id="the last day"),
        pytest.param(15, Tier.ENTRY, (Verdict.REFUSED, Ground.OUTSIDE_WINDOW), id="the day after"),
        pytest.param(60, Tier.VIP, (Verdict.ELIGIBLE, None), id="a VIP has sixty"),
        pytest.param(61, Tier.VIP, (Verdict.REFERRED, Ground.STORE_CREDIT_ONLY), id="then thirty days of store credit"),
        pytest.param(91, Tier.VIP, (Verdict.REFUSED, Ground.OUTSIDE_WINDOW), id="and no more"),
    ],
)
def test_the_window_counts_from_delivery(days: int, tier: Tier, expected: tuple[Verdict, Ground]) -> None:
    assert verdict_in_short(judge(asked(days=days), tier=tier)) == expected


def test_without_a_delivery_on_record_the_window_counts_from_placement_and_says_so() -> None:
    verdict = judge(asked(days=5, delivered_at=None))
    window = next(decision for decision in verdict.decisions if decision.rule == "return_window")

    assert verdict.verdict is Verdict.ELIGIBLE
    assert dict(window.inputs)["counted_from"] == "placed, since no delivery is on record"


@pytest.mark.parametrize(
    ("days_after_placement", "country", "expected"),
    [
        pytest.param(14, "DE", (Verdict.ELIGIBLE, None), id="within the days even from placement"),
        pytest.param(15, "DE", (Verdict.REFERRED, Ground.DELIVERY_UNKNOWN), id="the statutory days may still run"),
        pytest.param(44, "DE", (Verdict.REFERRED, Ground.DELIVERY_UNKNOWN), id="delivered on the last lawful day"),
        pytest.param(45, "DE", (Verdict.REFUSED, Ground.OUTSIDE_WINDOW), id="over however late it was delivered"),
        pytest.param(15, "HK", (Verdict.REFUSED, Ground.OUTSIDE_WINDOW), id="no statutory days to protect"),
    ],
)
def test_an_unknown_delivery_never_costs_a_statutory_right(
    days_after_placement: int, country: str, expected: tuple[Verdict, Ground]
) -> None:
    request = asked(delivered_at=None)
    request = replace(request, declared_at=request.sold.placed_at + timedelta(days=days_after_placement))

    assert verdict_in_short(judge(request, country=country)) == expected


def test_a_window_from_placement_does_not_cut_the_statutory_days_from_delivery() -> None:
    late_parcel = asked(days=14, placed_at=DELIVERED - timedelta(days=25))
    verdict = judge(late_parcel, return_window_days=14, window_starts="placed")

    assert verdict.verdict is Verdict.ELIGIBLE
    assert verdict.decisions[-1].rule == "withdrawal_right"


@pytest.mark.parametrize(
    ("days", "country", "reason", "expected"),
    [
        pytest.param(
            5, "HK", ReturnReason.CHANGED_MIND, (Verdict.REFUSED, Ground.FINAL_SALE), id="no right to withdraw"
        ),
        pytest.param(
            5, "DE", ReturnReason.CHANGED_MIND, (Verdict.ELIGIBLE, None), id="the right to withdraw goes before"
        ),
        pytest.param(
            15, "DE", ReturnReason.CHANGED_MIND, (Verdict.REFUSED, Ground.FINAL_SALE), id="the right has ended"
        ),
        pytest.param(5, "HK", ReturnReason.DEFECTIVE, (Verdict.ELIGIBLE, None), id="a defect is never final"),
    ],
)
def test_a_final_sale_ends_the_promise_but_not_the_law(
    days: int, country: str, reason: ReturnReason, expected: tuple[Verdict, Ground]
) -> None:
    request = asked(days=days, line=an_order_line(final_sale=True), reason=reason)

    assert verdict_in_short(judge(request, country=country, return_window_days=30)) == expected


@pytest.mark.parametrize(
    ("days", "country", "expected"),
    [
        pytest.param(100, "DE", (Verdict.REFERRED, Ground.DEFECT_GUARANTEE), id="within two years"),
        pytest.param(
            731, "DE", (Verdict.REFERRED, Ground.DEFECT_GUARANTEE), id="the last day of two years, one of them leap"
        ),
        pytest.param(732, "DE", (Verdict.REFUSED, Ground.OUTSIDE_WINDOW), id="after two years"),
        pytest.param(900, "AU", (Verdict.REFERRED, Ground.DEFECT_GUARANTEE), id="no period on file"),
    ],
)
def test_defects_after_the_window_go_to_a_person(days: int, country: str, expected: tuple[Verdict, Ground]) -> None:
    assert verdict_in_short(judge(asked(days=days, reason=ReturnReason.DEFECTIVE), country=country)) == expected


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        pytest.param({}, (Verdict.ELIGIBLE, None), id="no limit"),
        pytest.param({"EUR": 12_000}, (Verdict.ELIGIBLE, None), id="at the limit"),
        pytest.param({"EUR": 11_999}, (Verdict.REFERRED, Ground.HIGH_VALUE), id="a cent above"),
        pytest.param({"GBP": 1}, (Verdict.ELIGIBLE, None), id="a limit in another currency"),
    ],
)
def test_dear_lines_go_to_a_person_when_the_programme_says_so(
    limits: dict[str, int], expected: tuple[Verdict, Ground]
) -> None:
    assert verdict_in_short(judge(asked(), refer_above_minor=limits)) == expected


@pytest.mark.parametrize("reason", UnmatchedReason)
def test_units_without_a_purchase_are_refused_with_a_ground_of_their_own(reason: UnmatchedReason) -> None:
    policy = replace(STANDARD, refer_unmatched=frozenset())
    verdict = judge_unmatched(Unmatched(2, reason), sku="22960", policy=policy)

    assert verdict.verdict is Verdict.REFUSED
    assert reason in verdict.decisions[0].answer


def test_every_reason_without_a_purchase_has_another_ground() -> None:
    grounds = {judge_unmatched(Unmatched(1, reason), sku="22960", policy=STANDARD).ground for reason in UnmatchedReason}

    assert len(grounds) == len(UnmatchedReason)


def test_a_programme_may_want_a_person_to_look_for_the_purchase() -> None:
    verdict = judge_unmatched(Unmatched(1, UnmatchedReason.NO_CUSTOMER_ID), sku="22960", policy=STANDARD)

    assert verdict_in_short(verdict) == (Verdict.REFERRED, Ground.NO_CUSTOMER)


@given(
    days=st.integers(0, 14),
    final_sale=st.booleans(),
    reason=st.sampled_from(ReturnReason),
    tier=st.sampled_from(Tier),
    programme=st.sampled_from(sorted(BOOK.programmes)),
    promised=st.integers(0, 60),
)
def test_within_the_statutory_days_goods_are_never_refused(
    days: int, final_sale: bool, reason: ReturnReason, tier: Tier, programme: str, promised: int
) -> None:
    policy = replace(BOOK.programme(programme), return_window_days=promised)
    market = market_of(BOOK, "FR")
    request = asked(days=days, line=an_order_line(category=None, final_sale=final_sale), reason=reason)

    verdict = judge_line(
        request, policy=policy, terms=terms_for(policy, market, tier), market=market, calendar=CALENDARS["FR"]
    )

    assert verdict.verdict is not Verdict.REFUSED
    if request.no_fault:
        assert verdict.verdict is Verdict.ELIGIBLE, "nobody is asked whether a right may be exercised"


@given(
    price=st.integers(0, 5_000),
    discount=st.integers(0, 5_000),
    takes=st.lists(st.integers(1, 5), min_size=1, max_size=8),
)
def test_the_values_of_parts_sum_to_what_was_paid(price: int, discount: int, takes: list[int]) -> None:
    units = sum(takes)
    line = an_order_line(quantity=units, unit_price_minor=price, discount_minor=min(discount, units * price))
    befores = [sum(takes[:index]) for index in range(len(takes))]

    values = [
        value_minor(line, units_before=before, quantity=take) for before, take in zip(befores, takes, strict=True)
    ]

    assert sum(values) == line.paid_minor


# --- the nature and condition of the goods


def of_nature(nature: Nature, **vary: Any) -> LineRequest:
    return asked(line=an_order_line(quantity=3, natures=(nature,)), **vary)


@pytest.mark.parametrize(
    ("nature", "condition", "country", "expected"),
    [
        pytest.param(
            "custom_made", "not_said", "DE", (Verdict.REFUSED, Ground.EXCLUDED_GOODS), id="law and promise agree"
        ),
        pytest.param("sealed_hygiene", "as_sold", "DE", (Verdict.ELIGIBLE, None), id="the seal is whole"),
        pytest.param(
            "sealed_hygiene", "opened", "DE", (Verdict.REFUSED, Ground.EXCLUDED_GOODS), id="the seal is broken"
        ),
        pytest.param("perishable", "not_said", "US", (Verdict.REFUSED, Ground.EXCLUDED_GOODS), id="the promise alone"),
        pytest.param("digital", "not_said", "GB", (Verdict.REFUSED, Ground.EXCLUDED_GOODS), id="digital content"),
        pytest.param("vehicle", "not_said", "DE", (Verdict.ELIGIBLE, None), id="a nature that nothing leaves out"),
    ],
)
def test_some_goods_are_left_out_by_their_nature(
    nature: str, condition: str, country: str, expected: tuple[Verdict, Ground]
) -> None:
    request = of_nature(Nature(nature), condition=GoodsCondition(condition))

    assert verdict_in_short(judge(request, country=country)) == expected


def test_what_the_law_does_not_except_it_keeps_for_the_shopper() -> None:
    """A promise that leaves out used goods leaves them no less right to be withdrawn from."""
    request = of_nature(Nature.USED)
    judged = judge(request, excluded=frozenset({Nature.USED}))

    assert judged.verdict is Verdict.ELIGIBLE
    assert any(decision.answer == "no: the law goes before it" for decision in judged.decisions)


def test_a_category_may_have_a_nature() -> None:
    request = asked(line=an_order_line(category="underwear"), condition=GoodsCondition.OPENED)

    assert judge(request, natures={"underwear": Nature.SEALED_HYGIENE}).grounds == (Ground.EXCLUDED_GOODS,)


def test_goods_that_are_broken_are_not_left_out_by_their_nature() -> None:
    assert judge(of_nature(Nature.CUSTOM_MADE, reason=ReturnReason.DEFECTIVE)).verdict is Verdict.ELIGIBLE


@pytest.mark.parametrize(
    ("condition", "country", "days", "expected"),
    [
        pytest.param("used", "DE", 5, (Verdict.ELIGIBLE, None), id="the right stays, value may be deducted"),
        pytest.param("used", "CN", 5, (Verdict.REFERRED, Ground.NOT_INTACT), id="the right asks for intact goods"),
        pytest.param("opened", "CN", 5, (Verdict.ELIGIBLE, None), id="to open is not to harm"),
        pytest.param("used", "US", 5, (Verdict.REFUSED, Ground.NOT_AS_SOLD), id="the promise wants them as sold"),
        pytest.param("used", "KR", 5, (Verdict.REFUSED, Ground.NOT_AS_SOLD), id="the law excepts what was used"),
        pytest.param("as_sold", "US", 5, (Verdict.ELIGIBLE, None), id="as sold"),
    ],
)
def test_goods_that_were_used_come_back_as_far_as_the_law_says(
    condition: str, country: str, days: int, expected: tuple[Verdict, Ground]
) -> None:
    as_sold = frozenset({GoodsCondition.AS_SOLD, GoodsCondition.OPENED})
    request = asked(days=days, condition=GoodsCondition(condition))

    assert verdict_in_short(judge(request, country=country, accepts=as_sold)) == expected


# --- windows, credit, conditions


def test_presents_bought_before_christmas_come_back_in_january() -> None:
    bought = datetime(2026, 12, 1, 10, tzinfo=UTC)
    global_ = BOOK.programme("standard_global")
    for day, verdict in ((date(2027, 1, 31), Verdict.ELIGIBLE), (date(2027, 2, 1), Verdict.REFUSED)):
        request = asked(placed_at=bought, delivered_at=bought + timedelta(days=2))
        request = replace(request, declared_at=datetime(day.year, day.month, day.day, 10, tzinfo=UTC))
        market = market_of(BOOK, "HK")
        judged = judge_line(
            request,
            policy=global_,
            terms=terms_for(global_, market, Tier.ENTRY),
            market=market,
            calendar=CALENDARS["HK"],
        )
        assert judged.verdict is verdict
        assert "holiday orders" in judged.decisions[2].source


def test_a_season_takes_no_day_from_the_ordinary_window() -> None:
    bought = datetime(2026, 12, 30, 10, tzinfo=UTC)
    season = BOOK.programme("standard_global").windows
    request = replace(asked(placed_at=bought, delivered_at=bought), declared_at=bought + timedelta(days=59))

    assert judge(request, country="HK", tier=Tier.VIP, windows=season).verdict is Verdict.ELIGIBLE


def test_a_right_under_conditions_is_for_a_person() -> None:
    japan: dict[str, Any] = {"country": "JP", "return_window_days": 3}
    assert verdict_in_short(judge(asked(days=8), **japan)) == (Verdict.REFERRED, Ground.CONDITIONAL_RIGHT)
    assert verdict_in_short(judge(asked(days=14), **japan)) == (Verdict.REFUSED, Ground.OUTSIDE_WINDOW)


def test_the_last_day_of_the_right_moves_off_a_holiday_where_the_law_says_so() -> None:
    """Delivered on 11 December 2026, the fourteenth day is Christmas Day, a Friday; the next working day is Monday the 28th."""
    delivered = datetime(2026, 12, 11, 9, tzinfo=UTC)
    on_the_28th: dict[str, Any] = {"delivered_at": delivered, "placed_at": delivered - timedelta(days=2)}
    request = replace(asked(**on_the_28th), declared_at=datetime(2026, 12, 28, 20, tzinfo=UTC))

    assert judge(request, return_window_days=7).verdict is Verdict.ELIGIBLE
    late = replace(request, declared_at=datetime(2026, 12, 28, 23, 30, tzinfo=UTC))  # it is the 29th in Berlin
    assert judge(late, return_window_days=7).verdict is Verdict.REFUSED
    assert judge(request, country="GB", return_window_days=7).verdict is Verdict.REFUSED, "there the day stays"


# --- limits of promises


@pytest.mark.parametrize(
    ("country", "reason", "expected"),
    [
        pytest.param("US", ReturnReason.CHANGED_MIND, (Verdict.REFUSED, Ground.TOO_MANY_REQUESTS), id="a promise ends"),
        pytest.param("DE", ReturnReason.CHANGED_MIND, (Verdict.ELIGIBLE, None), id="a right does not"),
        pytest.param("US", ReturnReason.DEFECTIVE, (Verdict.REFERRED, Ground.TOO_MANY_REQUESTS), id="a person looks"),
    ],
)
def test_five_requests_for_one_item_are_enough(
    country: str, reason: ReturnReason, expected: tuple[Verdict, Ground]
) -> None:
    assert judge(asked(asked_before=4, reason=reason), country=country).verdict is Verdict.ELIGIBLE
    assert verdict_in_short(judge(asked(asked_before=5, reason=reason), country=country)) == expected


@pytest.mark.parametrize(
    ("country", "expected"),
    [
        pytest.param("US", (Verdict.REFERRED, Ground.FAIR_USE), id="a person looks before a promise is kept"),
        pytest.param("DE", (Verdict.ELIGIBLE, None), id="nobody looks before a right is exercised"),
    ],
)
def test_frequent_returns_cost_no_right(country: str, expected: tuple[Verdict, Ground]) -> None:
    often = assess(ReturnHistory(orders=20, returns_90_days=9), Thresholds(50, 5, 2))
    judged = judge(asked(risk=often), country=country)

    assert verdict_in_short(judged) == expected
    assert any(decision.rule == "fair_use" for decision in judged.decisions), "the score is shown either way"


@pytest.mark.parametrize(
    ("country", "reason", "expected"),
    [
        ("HK", ReturnReason.CHANGED_MIND, (Verdict.REFUSED, Ground.QUANTITY_ABOVE_SHIPPED)),
        ("DE", ReturnReason.CHANGED_MIND, (Verdict.REFERRED, Ground.NEVER_SHIPPED)),
        ("HK", ReturnReason.DEFECTIVE, (Verdict.REFERRED, Ground.NEVER_SHIPPED)),
    ],
)
def test_what_the_order_says_about_shipping_refuses_no_right_by_itself(
    country: str, reason: ReturnReason, expected: tuple[Verdict, Ground]
) -> None:
    request = asked(line=an_order_line(quantity=3, shipped=1), quantity=2, reason=reason)

    assert verdict_in_short(judge(request, country=country)) == expected


def test_store_credit_is_given_for_its_days_after_the_window_whichever_that_was() -> None:
    """The lowest tier's own window in Hong Kong, then a season that keeps it open to the end of April."""
    season = WindowRule("spring", until=MonthDay(4, 30))
    terms = replace(terms_for(STANDARD, market_of(BOOK, "HK"), Tier.ENTRY), store_credit_days=30)
    for windows, days in (((), terms.return_window_days + 29), ((season,), 85)):
        programme = replace(STANDARD, windows=windows)
        judged = judge_line(
            asked(days=days), policy=programme, terms=terms, market=market_of(BOOK, "HK"), calendar=CALENDARS["HK"]
        )
        assert judged.verdict is Verdict.REFERRED, days
        assert any(decision.rule == "store_credit_after_window" for decision in judged.decisions)


def test_all_reasons_are_reported_together_those_that_decide_first() -> None:
    request = asked(
        days=40,
        line=an_order_line(quantity=3, final_sale=True, natures=("custom_made",), shipped=0),
        asked_before=9,
    )

    assert judge(request, country="US").grounds == (
        Ground.OUTSIDE_WINDOW,
        Ground.EXCLUDED_GOODS,
        Ground.FINAL_SALE,
        Ground.TOO_MANY_REQUESTS,
        Ground.NEVER_SHIPPED,
    )
