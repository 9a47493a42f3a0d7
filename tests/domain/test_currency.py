"""Currency: rates of the day or the last before it, one rounding, and a difference that adds up."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.currency import (
    Accounting,
    ExchangeDifference,
    NoRate,
    RateUsed,
    ReferenceRates,
    Returned,
    Translated,
    difference_decision,
    exchange_difference,
    in_basis_points,
    no_rate_decision,
    translate,
)
from domain.fees import Bearer, FeeKind
from domain.money import Money

FRIDAY, SUNDAY, MONDAY = date(2011, 12, 30), date(2012, 1, 1), date(2012, 1, 2)
SALE = date(2011, 12, 9)


def some_rates(days: Mapping[date, Mapping[str, str]] | None = None) -> ReferenceRates:
    """Five days of the ECB's table. Source: ECB."""
    table = days or {
        SALE: {"GBP": "0.85315", "USD": "1.3384", "JPY": "103.95", "NOK": "7.677"},
        date(2011, 12, 23): {"GBP": "0.8331", "USD": "1.3057", "JPY": "101.93"},
        FRIDAY: {"GBP": "0.8353", "USD": "1.2939", "JPY": "100.2"},
        MONDAY: {"GBP": "0.83514", "USD": "1.2935", "JPY": "99.52"},
    }
    return ReferenceRates(
        "ECB", {day: {name: Decimal(rate) for name, rate in row.items()} for day, row in table.items()}
    )


RATES = some_rates()


def a_difference(*returned: Returned, on: date = SUNDAY, **vary: Any) -> ExchangeDifference | NoRate:
    """EUR 120 sold on 9 December and given back on New Year's Day, in pounds."""
    by = Accounting(**({"currency": "GBP"} | vary))
    return exchange_difference(returned or (Returned("o_1", Money(12000, "EUR"), SALE),), on, by, RATES)


def known(found: ExchangeDifference | NoRate) -> ExchangeDifference:
    assert isinstance(found, ExchangeDifference)
    return found


@pytest.mark.parametrize(
    ("minor", "currency", "to", "on", "expected"),
    [
        pytest.param(12000, "EUR", "GBP", SALE, 10237, id="from the euro: 102.378 are 102.37"),
        pytest.param(10000, "GBP", "EUR", FRIDAY, 11971, id="to the euro: 100 / 0.8353 = 119.717"),
        pytest.param(
            10000, "USD", "GBP", MONDAY, 6456, id="through the euro: 100 / 1.2935 x 0.83514 = 64.564, rounded once"
        ),
        pytest.param(10020, "JPY", "EUR", FRIDAY, 10000, id="yen have no decimals"),
        pytest.param(10000, "EUR", "JPY", MONDAY, 9952, id="and back"),
        pytest.param(-12000, "EUR", "GBP", SALE, -10237, id="a negative amount mirrors its positive twin"),
        pytest.param(77, "CHF", "CHF", SUNDAY, None, id="even the same currency has no rate where none is on file"),
    ],
)
def test_amounts_at_the_rate_of_a_day(minor: int, currency: str, to: str, on: date, expected: int | None) -> None:
    found = translate(Money(minor, currency), to, on, RATES)
    assert (found.money.minor if isinstance(found, Translated) else None) == expected


def test_a_day_without_rates_takes_the_last_one_before_it_and_says_so() -> None:
    rate = RATES.rate("EUR", "GBP", SUNDAY)
    assert isinstance(rate, RateUsed)
    assert (rate.asked, rate.day, rate.to_per_euro) == (SUNDAY, FRIDAY, Decimal("0.8353"))
    assert str(rate) == "EUR 1, GBP 0.8353 for one EUR (ECB, 2011-12-30, the last before 2012-01-01)"


@pytest.mark.parametrize(("later", "found"), [(7, True), (8, False)])
def test_no_rate_older_than_a_week_is_taken(later: int, found: bool) -> None:
    rate = RATES.rate("GBP", "USD", MONDAY + timedelta(days=later))
    assert isinstance(rate, RateUsed) is found


def test_no_rate_of_the_future_is_taken() -> None:
    assert str(RATES.rate("GBP", "EUR", SALE - timedelta(days=1))) == (
        "no rate on file from GBP to EUR between 2011-12-01 and 2011-12-08"
    )


def test_two_currencies_meet_on_a_day_that_has_both() -> None:
    table = some_rates({SALE: {"GBP": "0.85", "NOK": "7.6"}, SALE + timedelta(days=1): {"GBP": "0.86"}})
    rate = table.rate("NOK", "GBP", SALE + timedelta(days=1))
    assert isinstance(rate, RateUsed)
    assert (rate.day, rate.to_per_euro) == (SALE, Decimal("0.85"))


def test_a_captured_currency_that_fell_is_a_gain_and_no_fee() -> None:
    found = known(a_difference())
    assert (found.sale_minor, found.refund_minor, str(found.difference)) == (10237, 10023, "GBP -2.14")
    assert found.moved_bps == -209
    assert found.fee() is None


def test_a_captured_currency_that_rose_is_a_loss_of_whoever_the_policy_names() -> None:
    rise = Returned("o_1", Money(10000, "GBP"), SALE)
    found = known(a_difference(rise, currency="EUR", borne_by=Bearer.PLATFORM))
    fee = found.fee()
    assert (found.sale_minor, found.refund_minor) == (11721, 11971)
    assert fee is not None
    assert (fee.kind, fee.amount_minor, fee.currency, fee.bearer) == (
        FeeKind.EXCHANGE_DIFFERENCE, 250, "EUR", Bearer.PLATFORM,
    )  # fmt: skip


@pytest.mark.parametrize(("percent", "warned"), [(1, True), (2, True), (3, False), (5, False)])
def test_a_rate_that_moved_beyond_the_percentage_is_pointed_out(percent: int, warned: bool) -> None:
    assert known(a_difference(warn_percent=percent)).warned is warned


def test_a_movement_of_just_the_percentage_is_not_beyond_it() -> None:
    table = some_rates({SALE: {"GBP": "1"}, MONDAY: {"GBP": "1.05"}})
    returned = [Returned("o_1", Money(100, "EUR"), SALE)]
    found = known(exchange_difference(returned, MONDAY, Accounting("GBP"), table))
    assert (found.moved_bps, found.warned) == (500, False)


def test_orders_of_two_days_are_valued_each_on_its_own() -> None:
    first, second = Returned("o_1", Money(5000, "EUR"), SALE), Returned("o_2", Money(7000, "EUR"), date(2011, 12, 23))
    found = known(a_difference(first, second))
    assert [part.sale.money.minor for part in found.parts] == [4265, 5831]
    assert found.difference_minor == sum(part.refund.money.minor - part.sale.money.minor for part in found.parts)


def test_one_order_without_a_rate_leaves_the_whole_unsaid() -> None:
    old = Returned("o_2", Money(7000, "EUR"), date(2010, 1, 1))
    assert a_difference(Returned("o_1", Money(5000, "EUR"), SALE), old) == NoRate("EUR", "GBP", date(2010, 1, 1))


def test_it_is_said_in_words() -> None:
    loss = difference_decision(Money(250, "EUR"), "merchant", moved_bps=612, warned=True, inputs=())
    assert loss.answer == "a loss of EUR 2.50, borne by the merchant; the rate moved by +6.12 %"
    gain = difference_decision(Money(-250, "EUR"), "platform", moved_bps=-10, warned=False, inputs=())
    assert gain.answer == "a gain of EUR 2.50, which the platform has"
    assert difference_decision(Money(0, "EUR"), "x", moved_bps=0, warned=False, inputs=()).answer == "nothing, in EUR"
    assert no_rate_decision("why").answer == "not known yet: no rate on file"
    assert in_basis_points(-7) == "-0.07 %"


rates_of_a_day = st.fixed_dictionaries(
    {
        name: st.decimals("0.0001", "20000", places=4, allow_nan=False, allow_infinity=False)
        for name in ("GBP", "JPY", "KWD", "USD")
    }
)


@given(
    amounts=st.lists(st.integers(1, 10**9), min_size=1, max_size=4),
    sale=rates_of_a_day,
    refund=rates_of_a_day,
    pair=st.permutations(["EUR", "GBP", "JPY", "KWD", "USD"]),
)
def test_sale_value_and_difference_are_the_refund_value_exactly(
    amounts: list[int], sale: dict[str, Decimal], refund: dict[str, Decimal], pair: list[str]
) -> None:
    rates = ReferenceRates("any", {SALE: sale, MONDAY: refund})
    returned = [Returned(f"o_{number}", Money(minor, pair[0]), SALE) for number, minor in enumerate(amounts)]
    found = known(exchange_difference(returned, MONDAY, Accounting(pair[1]), rates))
    assert found.sale_minor + found.difference_minor == found.refund_minor
    for one in returned:
        at_refund = translate(one.amount, pair[1], MONDAY, rates)
        assert isinstance(at_refund, Translated)
        exact = one.amount.minor * at_refund.rate.ratio
        shift = {"JPY": 0, "KWD": 3}.get(pair[1], 2) - {"JPY": 0, "KWD": 3}.get(pair[0], 2)
        assert 0 <= exact * 10**shift - at_refund.money.minor < 1, "rounded once, down, by less than a minor unit"


@given(minor=st.integers(0, 10**9), days=st.integers(0, 7))
def test_unmoved_rates_cost_nothing(minor: int, days: int) -> None:
    returned = [Returned("o_1", Money(minor, "JPY"), MONDAY)]
    found = known(exchange_difference(returned, MONDAY + timedelta(days=days), Accounting("GBP"), RATES))
    assert (found.difference_minor, found.moved_bps, found.warned) == (0, 0, False)
