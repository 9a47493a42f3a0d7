"""What shoppers read is what the terms say: every number, every source, in every language, and nothing doubtful as law."""

from dataclasses import replace
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.advances import Guarantee
from domain.calendar import Span
from domain.charges import DeliveryBack
from domain.goods import GoodsCondition, Nature
from domain.handling import Charge, FeePolicy, Price
from domain.market import Market, Right, Wear, no_statute_on_file, wear
from domain.policy import (
    MonthDay,
    RefundOnly,
    ReturnPolicy,
    RowKind,
    Season,
    Starts,
    TierTable,
    TierValue,
    Waterfall,
    WindowRule,
)
from domain.terms import terms_for
from domain.tier import Tier
from policies.book import load_policy_book
from web.policy import phrases
from web.policy.sentences import DELIVERY, LATE, STARTS, Basis, Section, Sentence, policy_in_words
from web.words import WORDS

BOOK = load_policy_book()
STANDARD = BOOK.programme("standard")
TODAY = date(2026, 11, 24)
# Everything that a policy can offer is offered, so that every row of the tier table has something to say.
GENEROUS = replace(STANDARD, returnless=True, waterfall=(Waterfall.INSURANCE, Waterfall.BENEFIT), fair_use=True)
# Of the applied rows, these are about carriers and operators, not about what a shopper may count on.
NOT_FOR_SHOPPERS = {"booking", "attention", "advance_reminders", "advance_written_off_by"}
# Words of rows that say that the law leaves it open, or that nothing is known.
DELIVERY_LEFT_OPEN = {"per_policy", "uncertain", None}


def told(
    policy: ReturnPolicy = STANDARD, market: str | Market = "DE", tier: Tier = Tier.VIP, language: str = "en"
) -> tuple[Section, ...]:
    law = BOOK.markets[market] if isinstance(market, str) else market
    return policy_in_words(policy, law, terms_for(policy, law, tier), WORDS[language], on=TODAY)


def sentences(*given: Any, **more: Any) -> list[Sentence]:
    return [sentence for section in told(*given, **more) for sentence in section.sentences]


def text(*given: Any, **more: Any) -> str:
    return "\n".join(sentence.text for sentence in sentences(*given, **more))


def with_row(policy: ReturnPolicy, name: str, value: TierValue | None) -> ReturnPolicy:
    """The policy with one row of its tier table changed, for every tier."""
    row = policy.tier_table.row(name)
    values = dict.fromkeys(Tier, value) if value is not None else {}
    rows = {**policy.tier_table.rows, name: replace(row, values=MappingProxyType(values))}
    return replace(policy, tier_table=TierTable(policy.tier_table.version, policy.tier_table.thresholds, rows))


@pytest.mark.parametrize("programme", BOOK.programmes)
def test_every_programme_is_told_in_every_market_tier_and_language(programme: str) -> None:
    policy = BOOK.programme(programme)
    for market in BOOK.markets.values():
        for tier in Tier:
            names = None
            for language in WORDS:
                sections = told(policy, market, tier, language)
                shape = [(s.name, [(one.basis, one.source) for one in s.sentences]) for s in sections]
                assert names in (None, shape), f"{language} says more or less than another language"
                names = shape
                for sentence in (one for section in sections for one in section.sentences):
                    assert sentence.source
                    assert "{" not in sentence.text
                    assert len({one.text for one in sections[0].sentences}) == len(sections[0].sentences)


@pytest.mark.parametrize("language", WORDS)
def test_every_number_of_the_terms_is_in_the_text(language: str) -> None:
    say = WORDS[language]
    for market in BOOK.markets.values():
        for tier in Tier:
            terms = terms_for(GENEROUS, market, tier)
            said = text(GENEROUS, market, tier, language)
            limits = terms.limits
            spans = [limits.approval, limits.escalated, limits.ship_back, limits.pickup, limits.transit]
            spans += [limits.inspection, limits.refund, terms.appeal]
            expected = [phrases.span(say, one) for one in spans]
            expected += [phrases.days(say, terms.return_window_days)]
            if terms.store_credit_days:
                expected.append(phrases.days(say, terms.store_credit_days))
            if terms.withdrawal_days:
                expected.append(phrases.days(say, terms.withdrawal_days, business=terms.withdrawal_business))
            if terms.returnless_ceiling_usd:
                expected.append(phrases.dollars(say, terms.returnless_ceiling_usd))
            if terms.instant_ceiling_usd:
                ahead = limits.refund_trigger in ("first_scan", "authorized")
                expected += [
                    phrases.dollars(say, terms.instant_ceiling_usd),
                    phrases.span(say, limits.recharge),
                ] * ahead
            for clock in filter(None, limits.refund_clock.split(", ")):
                span = clock.split(" ")[1]
                expected += [phrases.span(say, span)] if span != "0d" else []
            assert [one for one in expected if one not in said] == [], (market.market, tier)


def another(kind: RowKind, old: TierValue | None, draw: Any) -> TierValue:
    """Another value for a row of that kind."""
    match kind:
        case RowKind.SPAN:
            units = st.sampled_from(["min", "h", "d", "bd"])
            made: TierValue = draw(st.builds(lambda n, unit: str(Span(n, unit)), st.integers(15, 900), units))
        case RowKind.OUTCOME:
            words = {"refund_trigger": ["inspection_passed", "received", "first_scan", "authorized"]}
            words["advance_guarantee"] = list(Guarantee)
            name = next((name for name, said in words.items() if old in said), "")
            made = draw(st.sampled_from(words.get(name, SILENCE)))
        case RowKind.PERCENT:
            made = draw(st.integers(1, 100))
        case _:
            made = draw(st.integers(61, 900))  # above every window of the law, so that the promise is what counts
    return made


SILENCE = ["authorize", "escalate_then_authorize"]
TOLD_ROWS = sorted(
    name
    for name, row in STANDARD.tier_table.rows.items()
    if row.applied and name not in NOT_FOR_SHOPPERS and row.kind is not RowKind.SPANS
)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), name=st.sampled_from(TOLD_ROWS))
def test_a_changed_cell_is_a_changed_sentence(data: st.DataObject, name: str) -> None:
    row = GENEROUS.tier_table.row(name)
    base = with_row(GENEROUS, "approval_default_low_risk", "authorize")
    old = another(row.kind, row.values[Tier.VIP], data.draw)
    new = another(row.kind, row.values[Tier.VIP], data.draw)
    # China: the shopper pays the way back, so that free labels matter; no days that would raise the window or the way back.
    before, after = (text(with_row(base, name, value), "CN") for value in (old, new))
    assert (before == after) == (old == new)


def test_every_applied_row_is_told_or_named_as_none_for_shoppers() -> None:
    applied = {name for name, row in STANDARD.tier_table.rows.items() if row.applied}
    assert applied - set(TOLD_ROWS) == NOT_FOR_SHOPPERS


VARIED: dict[str, dict[str, Any]] = {
    "window of its own": {"return_window_days": 77},
    "from the order": {"window_starts": Starts.PLACED},
    "all at the merchant's cost": {"bears_all": True},
    "not told of the right": {"informed_of_right": False},
    "told that the way back is theirs": {"shopper_informed": True},
    "natures left out": {"excluded": frozenset({Nature.USED})},
    "natures of categories": {"natures": {"hats": Nature.CUSTOM_MADE}},
    "goods categories": {"goods_categories": frozenset({"hats"})},
    "codes that are no goods": {"not_goods_skus": frozenset({"POST"})},
    "conditions": {"accepts": frozenset({GoodsCondition.AS_SOLD})},
    "value of a line": {"refer_above_minor": {"EUR": 12345}},
    "the merchant answers": {"automatic": False},
    "goods kept": {"returnless": True},
    "refund only by rule": {"refund_only": RefundOnly.RULE, "returnless": True},
    "refund only by the merchant": {"refund_only": RefundOnly.MERCHANT},
    "reasons": {"reasons": frozenset({"defective"})},
    "no reason asked": {"reason_required": False},
    "ways back": {"methods": frozenset({"pickup"})},
    "no look at the history": {"fair_use": False},
    "a window for some goods": {"windows": (WindowRule("hats", days=99, categories=frozenset({"hats"})),)},
}


@pytest.mark.parametrize("vary", VARIED.values(), ids=VARIED)
@pytest.mark.parametrize("language", WORDS)
def test_a_changed_policy_is_a_changed_text(vary: dict[str, Any], language: str) -> None:
    assert text(replace(STANDARD, **vary), language=language) != text(language=language)


def test_windows_of_their_own_name_their_conditions_and_their_end() -> None:
    season = WindowRule(
        "holidays", until=MonthDay(1, 31), season=Season(MonthDay(11, 1), MonthDay(12, 31)), sellers=frozenset({"us"})
    )
    hats = WindowRule("hats", days=5, categories=frozenset({"hats", "caps"}), payments=frozenset({"cod"}))
    said = text(replace(STANDARD, windows=(season, hats)))
    assert (
        "Sold by us; ordered from 1 November to 31 December: until 31 January after the order, or for the days" in said
    )
    # Five days are fewer than the right's fourteen, and the right goes first.
    assert "Goods of the category caps or hats; paid with cod: within 14 days." in said


@pytest.mark.parametrize("market", BOOK.markets.values(), ids=lambda market: market.market)
def test_what_is_told_as_law_is_not_in_doubt(market: Market) -> None:
    for sentence in sentences(STANDARD, market):
        if sentence.basis is Basis.LAW:
            assert sentence.source.startswith(f"law of {market.market}")
            assert not any(word in sentence.source for word in ("low confidence", "from memory"))
        elif sentence.basis is Basis.PROMISE:
            assert not sentence.source.startswith("law of ")


@pytest.mark.parametrize("market", [BOOK.markets["TH"], BOOK.markets["PH"], no_statute_on_file("CH")])
def test_law_of_low_confidence_is_only_said_to_be_checked(market: Market) -> None:
    bases = {sentence.basis for sentence in sentences(STANDARD, market)}
    assert bases == {Basis.PROMISE, Basis.CHECKING}


def test_a_doubtful_figure_is_not_told() -> None:
    britain = BOOK.markets["UK"]  # six years of limitation, which are no guarantee
    assert "72 months" not in text(STANDARD, britain)
    sure = replace(britain, uncertain_fields=())
    assert "72 months" in text(STANDARD, sure)


def test_what_we_do_anyway_is_told_as_promise_where_the_law_is_in_doubt() -> None:
    found = {one.text: one.basis for one in sentences(STANDARD, "KR")}
    on_its_way = [basis for said, basis in found.items() if "3 business days of the goods being here" in said]
    assert on_its_way == [Basis.PROMISE]


def test_a_right_under_conditions_is_for_a_person() -> None:
    said = text(STANDARD, "JP")
    assert "within 8 days, but only under conditions of its own. A person looks" in said
    assert "You have the right to withdraw" not in said


def test_business_days_are_called_so() -> None:
    law = replace(BOOK.markets["DE"], withdrawal_day_type="business", withdrawal_days=10)
    assert "without giving a reason, within 10 business days" in text(STANDARD, law)


def test_law_raises_the_window_and_is_named_as_its_source() -> None:
    short = replace(STANDARD, return_window_days=3)
    first = sentences(short, "DE")[0]
    assert (first.text, first.basis) == ("You can return goods for any reason within 14 days of delivery.", Basis.LAW)


def test_a_tier_that_is_promised_no_window_is_told_so() -> None:
    assert "only because you have changed your mind" in text(replace(STANDARD, return_window_days=0), "SG")


def test_the_way_back_is_the_shoppers_where_she_was_told_and_benefits_come_after() -> None:
    informed = replace(STANDARD, shopper_informed=True, waterfall=(Waterfall.INSURANCE, Waterfall.BENEFIT))
    said = [one.text for section in told(informed) if section.name == "way_back" for one in section.sentences]
    assert said[1:4] == [
        "If you have changed your mind, you pay for the way back.",
        "If you bought return freight insurance with the order, the insurance pays.",
        "5 labels a month are free for you.",
    ]
    assert "you pay for the way back" not in text(STANDARD)  # nobody told her before she bought


def test_the_laws_clock_is_told_with_what_it_waits_for() -> None:
    said = text(STANDARD, "DE")
    assert "on its way within 14 days of your notice reaching us" in said
    assert "Until we have the goods, or your proof that you have sent them, we may hold the money back." in said
    assert "the money is due at once" in text(STANDARD, "BR")


def test_what_the_law_demands_in_some_cases_only_is_not_told_as_its_demand() -> None:
    found = {one.text: one.basis for one in sentences(STANDARD, "CA-QC")}
    assert found["If you have changed your mind, we pay for the way back too."] is Basis.PROMISE
    assert found["No fee is kept back for restocking."] is Basis.PROMISE
    sure = {one.text: one.basis for one in sentences(STANDARD, "DE")}
    assert sure["No fee is kept back for restocking."] is Basis.LAW


OWN_WORK = FeePolicy(
    restocking=Charge(Price(percent=10), {"phones": Price(per_unit_minor={"EUR": 490})}),
    repackaging=Charge(Price(per_unit_minor={"EUR": 250, "USD": 300}), grades=("C",)),
)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "When nobody is at fault, we may keep back for restocking: 10%; €4.90 for each item for phones."),
        ("de", "Trifft niemanden ein Verschulden, können wir für das Wiedereinlagern einbehalten: 10\xa0%; 4,90\xa0€ je Stück für phones."),
        ("fr", "En l’absence de faute, nous pouvons retenir pour la remise en stock : 10\xa0%\xa0; 4,90\xa0€ par article pour phones."),
        ("zh", "如各方均无过错，我们可能扣除重新上架费：10%；phones：每件 €4.90。"),
    ],
)  # fmt: skip
def test_a_fee_that_is_charged_is_told_and_its_absence_is_not(language: str, sentence: str) -> None:
    policy = replace(STANDARD, fees=OWN_WORK)
    said = text(policy, "US", language=language)
    assert sentence in said
    assert WORDS[language]("policy.way_back.no_restocking") not in said


def test_where_the_law_forbids_the_fee_the_page_says_that_there_is_none() -> None:
    policy = replace(STANDARD, fees=OWN_WORK)
    assert "No fee is kept back for restocking." in text(policy, "DE")
    assert "keep back for" not in text(policy, "DE")
    assert "€2.50 for each item or US$3.00 for each item" in text(policy, "US")


def test_fair_use_says_that_it_takes_no_right() -> None:
    assert sentences()[-1].text == "A right that the law gives you is never taken away or delayed by this."


def test_what_is_being_checked_is_said_once_a_section_and_last() -> None:
    for market in BOOK.markets.values():
        for section in told(STANDARD, market):
            checking = [one.basis is Basis.CHECKING for one in section.sentences]
            assert sum(checking) <= 1
            assert not any(checking[:-1])


@cache
def words_of_rows(field: str) -> frozenset[str | None]:
    return frozenset(getattr(market, field) for market in BOOK.markets.values())


def test_every_word_of_the_rows_that_can_be_told_has_a_sentence() -> None:
    starts = {market.withdrawal_starts for market in BOOK.markets.values() if market.withdrawal_right is Right.YES}
    assert starts == STARTS
    assert words_of_rows("refund_original_delivery") - DELIVERY_LEFT_OPEN == set(DELIVERY)
    penalties = words_of_rows("late_refund_penalty") - {None}
    assert len(penalties - LATE) == 1  # the French steps
    assert "5 points for each month after 90 days" in text(STANDARD, "FR")


@pytest.mark.parametrize("language", WORDS)
def test_what_is_kept_back_and_what_comes_back_of_the_delivery_is_said(language: str) -> None:
    policy = replace(STANDARD, delivery_back=DeliveryBack.ALL, loss_percent={"C": 20}, reprice=True)
    said, plain = text(policy, language=language), text(language=language)
    assert len(said) > len(plain)
    assert "20" in said
    assert WORDS[language]("policy.money.reprice") in said


def test_where_the_law_lets_nothing_be_deducted_nothing_is_said_of_it() -> None:
    forbidden = next(code for code, one in BOOK.markets.items() if wear(one) == Wear.NOT_DEDUCTED)
    assert "20%" not in text(replace(STANDARD, loss_percent={"C": 20}), forbidden)
