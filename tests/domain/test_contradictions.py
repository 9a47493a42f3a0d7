"""What a policy says against the law, itself and its own tiers is pointed out, once, with everything that stands against it."""

from dataclasses import replace
from typing import Any

import pytest

from domain.contradictions import SENSES, WORDS, Contradiction, Severity, contradictions, refused
from domain.fees import FeeKind
from domain.goods import GoodsCondition, Nature
from domain.handling import AboveRefund, Charge, FeePolicy, Price
from domain.policy import MonthDay, RefundOnly, ReturnPolicy, Season, TierValue, Waterfall, WindowRule
from domain.reasons import ReturnReason
from domain.tier import Tier
from policies.book import load_policy_book

BOOK = load_policy_book()
EUROPE = {"EU", "DE", "FR", "IT", "ES", "NL", "PL"}
QUIET = ReturnPolicy(programme="standard", title="Standard", version="1", tier_table=BOOK.tiers)


def found(policy: ReturnPolicy, code: str) -> list[Contradiction]:
    return [one for one in contradictions(policy, BOOK.markets.values()) if one.code == code]


def the(policy: ReturnPolicy, code: str) -> Contradiction:
    (one,) = found(policy, code)
    return one


def a_policy(**vary: Any) -> ReturnPolicy:
    return replace(QUIET, **vary)


def with_row(name: str, **values: TierValue) -> ReturnPolicy:
    """The policy with a row of its own."""
    row = BOOK.tiers.row(name)
    own = replace(
        row, values={**row.values, **{Tier(tier): value for tier, value in values.items()}}, written_in="programme"
    )
    return a_policy(tier_table=replace(BOOK.tiers, rows={**BOOK.tiers.rows, name: own}))


def test_a_window_below_the_law_is_one_warning_that_lists_the_markets() -> None:
    one = the(a_policy(return_window_days=7), "window_below_law")

    assert (one.severity, one.key) == (Severity.WARNING, "window.days")
    assert [against.market for against in one.against] == ["EU", "DE", "FR", "IT", "ES", "NL", "PL", "UK", "AR", "TR"]
    assert "in 10 markets (EU, DE" in one.says
    germany = one.against[1]
    assert (germany.promised, germany.stands) == ("7 days", "14 days")
    assert germany.source.startswith("law of DE: ")


def test_a_window_by_tier_names_the_tiers_that_are_below() -> None:
    one = the(with_row("return_window", ENTRY=10, INTERMEDIATE=10), "window_below_law")

    assert one.key == "tiers.return_window.ENTRY"
    assert {against.tier for against in one.against} == {Tier.ENTRY, Tier.INTERMEDIATE}
    assert "AR" not in {against.market for against in one.against}, "ten days are what AR asks for"
    assert not found(QUIET, "window_below_law")


def test_the_confidence_of_the_law_is_told_with_it() -> None:
    argentina = the(a_policy(return_window_days=7), "window_below_law").against[-2]
    assert argentina.market == "AR"
    assert BOOK.markets["AR"].source("withdrawal_right", "withdrawal_days", "withdrawal_starts") == argentina.source


def test_a_window_of_its_own_is_compared_too_by_the_fewest_days_it_can_leave() -> None:
    short = WindowRule("Phones", days=3, categories=frozenset({"phones"}))
    christmas = WindowRule("Christmas", until=MonthDay(1, 31), season=Season(MonthDay(11, 1), MonthDay(12, 24)))
    late = WindowRule("Late", until=MonthDay(1, 5), season=Season(MonthDay(11, 1), MonthDay(12, 24)))

    assert the(a_policy(windows=(short,)), "window_rule_below_law").key == "window.when[0].days"
    assert not found(a_policy(windows=(christmas,)), "window_rule_below_law")
    one = the(a_policy(windows=(christmas, late)), "window_rule_below_law")
    assert one.key == "window.when[1].until"
    assert one.against[0].promised == "12 days at the least", "from 24 December to 5 January"


def test_too_little_time_to_send_the_goods() -> None:
    one = the(with_row("ship_back", ENTRY="7d", INTERMEDIATE="15d", ADVANCED="15d", VIP="20d"), "ship_back_below_law")

    assert one.key == "tiers.ship_back.ENTRY"
    assert {against.tier for against in one.against} == {Tier.ENTRY}
    assert {"DE", "UK", "TR", "CA-ON"} <= {against.market for against in one.against}


@pytest.mark.parametrize(
    ("inspection", "refund", "markets"),
    [
        pytest.param("2bd", "1bd", {"BR"}, id="three working days are Korea's three"),
        pytest.param("3bd", "1bd", {"BR", "KR"}, id="four are more"),
        pytest.param("48h", "24h", {"BR"}, id="72 hours are at most three working days"),
        pytest.param("4d", "12h", {"BR", "KR"}, id="four days can be more than three working days"),
        pytest.param("5d", "1bd", {"BR", "KR", "CN"}, id="a working day can be three days"),
        pytest.param("12d", "12h", {"BR", "KR", "CN", "RU"}, id="twelve days are within the 14 of the EU"),
        pytest.param("14d", "1h", {"BR", "KR", "CN", "RU", "UK", "TR", *EUROPE}, id="14 d and an hour are not"),
    ],
)  # fmt: skip
def test_a_refund_slower_than_the_clock_of_the_law(inspection: str, refund: str, markets: set[str]) -> None:
    table = with_row("inspection", **dict.fromkeys(Tier, inspection)).tier_table
    policy = with_row("refund", **dict.fromkeys(Tier, refund))
    rows = {**policy.tier_table.rows, "inspection": table.row("inspection")}
    one = the(a_policy(tier_table=replace(BOOK.tiers, rows=rows)), "refund_slower_than_law")

    assert {against.market for against in one.against if against.tier is Tier.ENTRY} == markets


def test_a_refund_that_does_not_wait_for_the_bench_is_not_measured_by_it() -> None:
    policy = with_row("inspection", **dict.fromkeys(Tier, "30d"))
    one = the(policy, "refund_slower_than_law")

    assert {against.tier for against in one.against if against.market == "DE"} == {Tier.ENTRY}


def test_excluded_goods_that_the_law_does_not_except_are_one_warning() -> None:
    natures = frozenset({Nature.USED, Nature.PERIODICAL, Nature.CUSTOM_MADE})
    one = the(a_policy(excluded=natures), "excluded_but_right_holds")

    by_nature = {
        nature: {against.market for against in one.against if against.promised == f"{nature} excluded"}
        for nature in natures
    }
    assert "DE" in by_nature[Nature.USED]
    assert by_nature[Nature.PERIODICAL] == {"KR", "BR", "AR", "RU"}
    assert by_nature[Nature.CUSTOM_MADE] == {"BR", "AR"}
    assert "custom_made in 2 markets (BR, AR); periodical in 4 markets" in one.says


def test_goods_that_were_tried_must_be_accepted() -> None:
    assert the(a_policy(accepts=frozenset({GoodsCondition.AS_SOLD})), "accepts_too_little").key == "goods.accepts"
    assert not found(a_policy(accepts=frozenset({GoodsCondition.AS_SOLD, GoodsCondition.OPENED})), "accepts_too_little")


def test_shoppers_told_to_pay_where_the_seller_must() -> None:
    one = the(a_policy(shopper_informed=True), "told_to_pay_where_seller_must")

    assert {against.market for against in one.against} == {"TW", "BR", "AR", "TR"} & set(BOOK.markets)
    assert not found(a_policy(shopper_informed=True, bears_all=True), "told_to_pay_where_seller_must")


def test_not_telling_of_the_right_makes_it_longer() -> None:
    one = the(a_policy(informed_of_right=False), "not_informed_lengthens_right")
    assert ("DE", "12 months more") in {(against.market, against.stands) for against in one.against}


def test_reasons_without_withdrawal() -> None:
    reasons = frozenset({ReturnReason.DEFECTIVE})
    assert the(a_policy(reasons=reasons), "withdrawal_not_offered").key == "requests.reasons"
    assert not found(a_policy(reasons=reasons | {ReturnReason.WITHDRAWAL}), "withdrawal_not_offered")


PHONES = WindowRule("Phones", days=30, categories=frozenset({"phones"}))


@pytest.mark.parametrize(
    ("first", "later", "reached"),
    [
        pytest.param(WindowRule("All", days=30), PHONES, False, id="a rule for everything comes first"),
        pytest.param(PHONES, WindowRule("All", days=30), True, id="it comes last"),
        pytest.param(PHONES, replace(PHONES, name="Shop phones", channels=frozenset({"shop"})), False, id="a narrower one later"),
        pytest.param(replace(PHONES, channels=frozenset({"shop"})), PHONES, True, id="a narrower one first"),
        pytest.param(
            WindowRule("Winter", days=30, season=Season(MonthDay(11, 1), MonthDay(2, 1))),
            WindowRule("Christmas", days=60, season=Season(MonthDay(12, 1), MonthDay(1, 10))),
            False,
            id="a season within a season",
        ),
        pytest.param(
            WindowRule("Winter", days=30, season=Season(MonthDay(11, 1), MonthDay(2, 1))),
            WindowRule("Spring", days=60, season=Season(MonthDay(2, 1), MonthDay(2, 2))),
            True,
            id="a season that runs a day longer",
        ),
    ],
)  # fmt: skip
def test_a_window_that_no_goods_reach_is_an_error(first: WindowRule, later: WindowRule, reached: bool) -> None:
    one = found(a_policy(windows=(first, later)), "window_rule_never_reached")

    assert bool(one) is not reached
    assert all((error.severity, error.key) == (Severity.ERROR, "window.when[1]") for error in one)


def test_a_window_of_goods_that_cannot_come_back_fits_nothing() -> None:
    policy = a_policy(windows=(PHONES,), goods_categories=frozenset({"clothing"}))
    assert refused(contradictions(policy, BOOK.markets.values()))
    assert the(policy, "window_rule_fits_nothing").key == "window.when[0].categories"


def test_a_season_of_the_whole_year_is_none() -> None:
    year = WindowRule("Year", days=30, season=Season(MonthDay(3, 1), MonthDay(2, 29)))
    assert the(a_policy(windows=(year,)), "season_never_ends").severity is Severity.WARNING
    assert not found(
        a_policy(windows=(replace(year, season=Season(MonthDay(3, 2), MonthDay(2, 28))),)), "season_never_ends"
    )


@pytest.mark.parametrize(("row", "code", "severity"), [
    pytest.param(("refund_trigger", {"ENTRY": "first_scan"}), "never_paid_ahead", Severity.ERROR, id="ahead, up to nothing"),
    pytest.param(("advance_refunds_open", {"VIP": 0}), "never_paid_ahead", Severity.ERROR, id="ahead, none at once"),
    pytest.param(("refund_trigger", {"VIP": "inspection_passed"}), "ceiling_never_used", Severity.WARNING, id="a ceiling for nothing"),
    pytest.param(("returnless_ceiling", {"VIP": 40}), "returnless_not_offered", Severity.WARNING, id="returnless not offered"),
])  # fmt: skip
def test_ceilings_and_triggers_that_do_not_go_together(
    row: tuple[str, dict[str, TierValue]], code: str, severity: Severity
) -> None:
    assert the(with_row(row[0], **row[1]), code).severity is severity


def test_what_is_offered_and_cannot_be_had_is_an_error() -> None:
    nothing = with_row("returnless_ceiling", **dict.fromkeys(Tier, 0))
    assert found(replace(nothing, returnless=True), "returnless_without_ceiling")
    assert not found(a_policy(returnless=True), "returnless_without_ceiling")
    assert found(a_policy(refund_only=RefundOnly.RULE), "refund_only_without_ceiling")
    no_labels = with_row("free_labels_per_month", **dict.fromkeys(Tier, 0))
    assert found(replace(no_labels, waterfall=(Waterfall.BENEFIT,)), "benefit_without_labels")


def test_what_is_said_and_never_asked_is_a_warning() -> None:
    assert found(replace(with_row("return_window", VIP=90), return_window_days=30), "row_never_used")
    assert found(a_policy(bears_all=True, waterfall=(Waterfall.INSURANCE,)), "waterfall_never_used")
    assert found(a_policy(bears_all=True, shopper_informed=True), "told_to_pay_for_nothing")


@pytest.mark.parametrize(
    ("row", "values", "worse"),
    [
        pytest.param("inspection", {"VIP": "3bd"}, Tier.VIP, id="slower"),
        pytest.param("inspection", {"VIP": "24h"}, None, id="as fast"),
        pytest.param("return_window", {"ADVANCED": 20}, Tier.ADVANCED, id="a shorter window"),
        pytest.param("ship_back", {"INTERMEDIATE": "5d"}, Tier.INTERMEDIATE, id="less time"),
        pytest.param("pickup_tries", {"VIP": 1}, Tier.VIP, id="fewer tries"),
        pytest.param("abuse_return_rate", {"VIP": 40}, Tier.VIP, id="suspected sooner"),
        pytest.param("requests_per_item", {"VIP": 4}, Tier.VIP, id="fewer requests"),
        pytest.param("complaint_ladder", {"VIP": ("24h", "48h", "72h")}, Tier.VIP, id="a slower ladder"),
        pytest.param("refund_trigger", {"ADVANCED": "inspection_passed"}, Tier.ADVANCED, id="a later trigger"),
        pytest.param("approval_default_low_risk", {"VIP": "escalate_then_authorize"}, Tier.VIP, id="silence that says less"),
    ],
)  # fmt: skip
def test_a_higher_tier_that_is_promised_less(row: str, values: dict[str, TierValue], worse: Tier | None) -> None:
    one = [point for point in found(with_row(row, **values), "tier_worse_than_lower") if f"tiers.{row}." in point.key]

    assert [point.key for point in one] == ([f"tiers.{row}.{worse}"] if worse else [])
    if worse:
        assert one[0].against[0].tier is worse
        assert str(list(Tier)[worse.rank - 1]) in one[0].against[0].stands


def test_a_tier_that_a_row_leaves_out_is_promised_nothing_or_not_limited() -> None:
    table = BOOK.tiers
    credit, rate = table.row("store_credit_after_window"), table.row("abuse_return_rate")
    none_for_vip = {
        "store_credit_after_window": replace(credit, values={Tier.ADVANCED: 30}),
        "abuse_return_rate": replace(rate, values={Tier.ADVANCED: 70}),
    }
    policy = a_policy(tier_table=replace(table, rows={**table.rows, **none_for_vip}))

    assert [one.key for one in found(policy, "tier_worse_than_lower")] == [
        "tiers.abuse_return_rate.ADVANCED",  # limited, where INTERMEDIATE is not
        "tiers.store_credit_after_window.VIP",
    ]


def test_every_row_of_the_table_has_a_sense_or_words_of_an_order() -> None:
    assert set(BOOK.tiers.rows) - set(SENSES) - set(WORDS) == {"inspection_default"}


def test_no_programme_of_the_house_has_an_error() -> None:
    for programme in BOOK.programmes.values():
        errors = [one for one in contradictions(programme, BOOK.markets.values()) if one.severity is Severity.ERROR]
        assert not errors, programme.programme


def test_errors_come_first() -> None:
    policy = replace(a_policy(return_window_days=7), refund_only=RefundOnly.RULE)
    severities = [one.severity for one in contradictions(policy, BOOK.markets.values())]
    assert severities == sorted(severities)


# --- fees


TEN_PERCENT = FeePolicy(restocking=Charge(Price(percent=10)))


def test_a_restocking_fee_where_the_law_forbids_it_is_a_warning_that_the_law_prevails() -> None:
    one = the(a_policy(fees=TEN_PERCENT, shopper_informed=True), "fee_forbidden_by_law")

    assert (one.severity, one.key) == (Severity.WARNING, "fees.restocking")
    words = {
        market: BOOK.markets[market].restocking_fee_no_fault
        for market in (against.market or "" for against in one.against)
    }
    assert set(words.values()) == {"no", "no_cost_except_used_part", "uncertain"}
    assert {"DE", "KR", "VN", "SA"} <= set(words)
    assert not {"US", "CA-QC"} & set(words)
    germany = next(against for against in one.against if against.market == "DE")
    assert (germany.promised, germany.stands) == ("10 % for restocking", "no")
    assert germany.source.startswith("law of DE: ")
    assert one.says.endswith("the merchant bears it there.")


def test_a_fee_that_must_be_disclosed_and_is_not_is_the_merchants() -> None:
    told = {
        against.market
        for against in the(a_policy(fees=TEN_PERCENT, shopper_informed=True), "fee_forbidden_by_law").against
    }
    untold = {against.market for against in the(a_policy(fees=TEN_PERCENT), "fee_forbidden_by_law").against}
    assert {BOOK.markets[market or ""].restocking_fee_no_fault for market in untold - told} == {"must_be_disclosed"}


def test_what_a_policy_lays_on_who_withdraws_falls_to_the_merchant() -> None:
    one = the(a_policy(fees=FeePolicy(shopper_bears=(FeeKind.DUTY,))), "fee_of_who_withdraws")
    assert {against.market for against in one.against} == {
        name for name, market in BOOK.markets.items() if market.has_withdrawal_right
    }


@pytest.mark.parametrize(
    ("vary", "code", "key"),
    [
        ({"bears_all": True, "fees": TEN_PERCENT}, "fee_never_charged", "fees.restocking"),
        (
            {"bears_all": True, "fees": FeePolicy(shopper_bears=(FeeKind.DUTY,))},
            "fee_never_charged",
            "fees.shopper_bears",
        ),
        (
            {"bears_all": True, "fees": FeePolicy(when_above_refund=AboveRefund.INVOICE)},
            "never_invoiced",
            "fees.when_above_refund",
        ),
    ],
)
def test_fees_under_a_programme_that_bears_all_are_never_charged(vary: dict[str, Any], code: str, key: str) -> None:
    policy = a_policy(**vary)
    assert (the(policy, code).severity, the(policy, code).key) == (Severity.WARNING, key)
    assert not found(policy, "fee_forbidden_by_law")
    assert not found(policy, "fee_of_who_withdraws")


def test_a_price_of_goods_that_cannot_come_back_is_an_error() -> None:
    charge = Charge(Price(percent=5), {"phones": Price(percent=15)})
    one = the(a_policy(fees=FeePolicy(restocking=charge), goods_categories=frozenset({"shoes"})), "fee_fits_nothing")
    assert (one.severity, one.key) == (Severity.ERROR, "fees.restocking.categories.phones")
    assert not found(a_policy(fees=FeePolicy(restocking=charge)), "fee_fits_nothing")
