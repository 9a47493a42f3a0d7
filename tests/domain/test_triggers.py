"""When the money of a case moves: the tier's promise within its ceilings, and the law where it wants the money at once."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from domain.limits import DestinationSilence, Limits, RefundTrigger
from domain.market import market_of
from domain.policy import ReturnPolicy
from domain.terms import terms_for
from domain.tier import Tier
from domain.triggers import Sum, Trusted, limits_of_case
from policies.book import load_policy_book
from policies.calendars import calendar_of

BOOK = load_policy_book()
STANDARD = replace(BOOK.programme("standard"), returnless=True)
DAYS = calendar_of("DE", date(2026, 3, 2), moves=True)


def limits(
    minor: int,
    *,
    tier: Tier = Tier.VIP,
    country: str = "DE",
    policy: ReturnPolicy = STANDARD,
    open_now: int = 0,
    trusted: Trusted | None = None,
    **vary: Any,
) -> tuple[Limits, str]:
    """The limits of a case worth so many cents, and the rule that said what its refund waits for."""
    terms = terms_for(policy, market_of(BOOK, country), tier)
    asked = replace(Sum(minor, "USD", withdrawing=True), **vary)
    found, why = limits_of_case(
        terms,
        asked,
        rates=BOOK.rates,
        trusted=trusted or Trusted(open_now),
        approval_default="authorize",
        calendar=DAYS,
    )
    return found, why.rule


def test_who_was_charged_back_gets_no_further_advance() -> None:
    assert limits(10_000)[1] == "refund_trigger"
    assert limits(10_000, trusted=Trusted(advances_lost=1))[1] == "advance_right_lost"


def test_an_advance_carries_its_guarantee_and_what_is_paid_later_needs_none() -> None:
    ahead, _ = limits(10_000)
    assert (ahead.guarantee, ahead.dunning) == ("hold_or_receivable", "7d 7d 7d merchant")
    later, _ = limits(10_000, tier=Tier.INTERMEDIATE)
    assert (later.guarantee, later.dunning) == ("", "")


def test_what_the_law_wants_at_once_depends_on_no_guarantee() -> None:
    found, rule = limits(10_000, country="BR")
    assert rule == "law_wants_it_at_once"
    assert found.guarantee == ""


def test_small_sums_of_one_order_count_together_and_so_many_a_quarter() -> None:
    kept = BOOK.programme("standard_global")
    assert limits(1_500, policy=kept)[1] == "returnless_ceiling"
    assert limits(1_500, policy=kept, kept_minor=1_001)[1] != "returnless_ceiling", "25 dollars for the whole order"
    assert limits(1_500, policy=kept, trusted=Trusted(returnless_90_days=6))[1] != "returnless_ceiling"


@pytest.mark.parametrize(
    ("tier", "minor", "open_now", "expected"),
    [
        pytest.param(
            Tier.ENTRY, 10_000, 0, ("inspection_passed", "refund_trigger"), id="a newcomer waits for the bench"
        ),
        pytest.param(Tier.INTERMEDIATE, 10_000, 0, ("received", "refund_trigger"), id="the next tier for the dock"),
        pytest.param(Tier.ADVANCED, 15_000, 0, ("first_scan", "refund_trigger"), id="then for the carrier"),
        pytest.param(Tier.ADVANCED, 15_001, 0, ("received", "above_instant_ceiling"), id="a cent above its ceiling"),
        pytest.param(Tier.ADVANCED, 15_000, 2, ("received", "advances_open"), id="two open advances are enough"),
        pytest.param(Tier.VIP, 42_000, 2, ("authorized", "refund_trigger"), id="the best known for nothing"),
        pytest.param(Tier.VIP, 42_000, 3, ("received", "advances_open"), id="but three times at once"),
    ],
)
def test_each_tier_waits_for_its_own_within_its_ceiling(
    tier: Tier, minor: int, open_now: int, expected: tuple[str, str]
) -> None:
    found, rule = limits(minor, tier=tier, open_now=open_now)

    assert (found.refund_trigger, rule) == expected


@pytest.mark.parametrize(("tier", "ceiling"), [(Tier.ENTRY, 500), (Tier.VIP, 2_500)])
def test_small_sums_are_refunded_while_the_goods_stay(tier: Tier, ceiling: int) -> None:
    assert limits(ceiling, tier=tier)[0].refund_trigger == RefundTrigger.RETURNLESS
    assert limits(ceiling + 1, tier=tier)[0].refund_trigger != RefundTrigger.RETURNLESS
    assert limits(ceiling, tier=tier, policy=BOOK.programme("standard"))[1] != "returnless_ceiling", "not offered"


def test_the_ceiling_counts_in_every_currency_that_has_a_rate() -> None:
    cents = BOOK.rates.translate(15_000, "USD", "JPY")
    assert cents is not None
    assert limits(cents, tier=Tier.ADVANCED, currency="JPY")[0].refund_trigger == RefundTrigger.FIRST_SCAN
    assert limits(cents + 1, tier=Tier.ADVANCED, currency="JPY")[1] == "above_instant_ceiling"


def test_a_currency_without_a_rate_is_paid_after_receipt_and_the_answer_says_so() -> None:
    assert limits(100, tier=Tier.VIP, currency="KWD")[1] == "above_instant_ceiling"


def test_the_law_that_wants_the_money_at_once_waits_for_no_ceiling() -> None:
    found, rule = limits(1_000_000, tier=Tier.ENTRY, country="BR")
    assert (found.refund_trigger, rule) == (RefundTrigger.AUTHORIZED, "law_wants_it_at_once")
    assert limits(1_000_000, tier=Tier.ENTRY, country="BR", withdrawing=False)[1] == "refund_trigger"


def test_the_laws_clock_runs_only_where_the_right_is_exercised() -> None:
    assert limits(10_000)[0].refund_clock == "notice 14d sent"
    assert limits(10_000, withdrawing=False)[0].refund_clock == ""


def test_money_without_goods_waits_for_nothing_and_a_refused_return_for_the_bench() -> None:
    assert limits(10**6, keeps_goods=True)[0].refund_trigger == RefundTrigger.RETURNLESS
    assert limits(0, refused=True)[0].refund_trigger == RefundTrigger.INSPECTION_PASSED


def test_the_calendar_is_frozen_with_the_case() -> None:
    assert limits(10_000)[0].calendar == str(DAYS)


@pytest.mark.parametrize(("withdrawing", "silence"), [(False, "store_credit"), (True, "")])
def test_silence_is_no_word_about_money_that_a_right_gives_back(withdrawing: bool, silence: str) -> None:
    crediting = replace(STANDARD, destination="7d", destination_silence=DestinationSilence.STORE_CREDIT)
    found, _ = limits(10_000, policy=crediting, withdrawing=withdrawing)

    assert (found.destination, found.destination_silence) == ("7d", silence)
