"""An advance and its ledger, whatever happens in whatever order: it balances, and the shopper has the goods or the money."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.advances import DebtBearer, Dunning, UnreadableDunning, not_accepted
from domain.frozen import replace
from domain.ledger import (
    GOODS_RETURNED,
    PAYABLE_SHOPPER,
    RECEIVABLE_SHOPPER,
    Entry,
    EntryKind,
    Posting,
    advance_captured_entry,
    advance_charged_entry,
    advance_returned_entry,
    advance_written_off_entry,
    balances,
    refund_paid_entry,
)
from domain.limits import RefundTrigger
from domain.money import Money
from domain.process import silence
from domain.stages import Silence, Stage
from domain.state import Effect, EffectKind
from tests.domain.reach import STATUSES
from tests.domain.told import ANSWERS, LIMITS, Told

PAID, SOLD_FOR = 900, 1_000  # a fee of 100 was kept
GUARANTEED = replace(
    LIMITS, refund_trigger=RefundTrigger.AUTHORIZED, guarantee="hold_or_receivable", dunning="7d 7d merchant"
)


@pytest.mark.parametrize("text", ["7d 14d merchant", "7d person", "1d 2d 3d platform"])
def test_how_a_debt_is_called_in_is_read_as_it_was_written(text: str) -> None:
    assert str(Dunning.parse(text)) == text


@pytest.mark.parametrize("text", ["", "merchant", "7d", "7d nobody"])
def test_half_a_word_about_it_is_none(text: str) -> None:
    with pytest.raises(UnreadableDunning):
        Dunning.parse(text)


def test_after_the_last_reminder_its_span_goes_by_once_more() -> None:
    dunning = Dunning(("7d", "14d"), DebtBearer.MERCHANT)
    assert [(dunning.span(n), dunning.is_over(n)) for n in range(3)] == [("7d", False), ("14d", False), ("14d", True)]


def test_only_what_was_not_accepted_is_owed_and_never_more_than_was_paid() -> None:
    assert not_accepted(900, [(500, 2, 1), (500, 1, 1)]) == 250
    assert not_accepted(900, [(1_000, 1, 0)]) == 900


class Advance(RuleBasedStateMachine):
    """The pure process beside its ledger: goods that are lost in the post, come late or never, holds that hold or do not."""

    @initialize(held=st.booleans())
    def is_paid_ahead(self, held: bool) -> None:
        self.held = held
        self.case = Told(limits=GUARANTEED).done().done(guarantee="hold" if held else "receivable")
        self.charged = self.captured = self.returned = self.written_off = self.goods = 0
        self.here = self.lost = False
        settled = Entry(
            EntryKind.SETTLEMENT,
            "settlement:1",
            "ret_1",
            (
                Posting(GOODS_RETURNED, SOLD_FOR, "EUR"),
                Posting(PAYABLE_SHOPPER, -PAID, "EUR"),
                Posting("fee:return_label:shopper", PAID - SOLD_FOR, "EUR"),
            ),
        )
        self.book = [settled, refund_paid_entry("ret_1", "rf_1", "simulated", Money(PAID, "EUR"))]

    @rule(kind=st.sampled_from(["authorized", "refused", "retried", "received"]))
    def somebody_speaks(self, kind: str) -> None:
        if self.case.ended and kind != "received":
            return
        if kind == "received":
            self.here = True
        getattr(self.case, kind)()

    @rule(accepted=st.sampled_from(["all", "none"]))
    def the_bench_judges(self, accepted: str) -> None:
        self.here = True
        self.case.inspected(accepted)

    @rule(status=st.sampled_from(STATUSES))
    def the_carrier_scans(self, status: str) -> None:
        self.case.scanned(status)

    @rule()
    @precondition(lambda self: self.case.state.alarm is not None)
    def nobody_speaks(self) -> None:
        self.case.silent()

    @rule(fails=st.booleans())
    @precondition(lambda self: self.case.under_way)
    def an_effect_answers(self, fails: bool) -> None:
        if fails:
            self.case.fails()
        else:
            self.answer()

    def answer(self) -> None:
        effect = self.case.under_way.pop()
        kind, data = ANSWERS[effect.kind]
        if effect.kind in (EffectKind.RECHARGE, EffectKind.REVERSE, EffectKind.WRITE_OFF):
            data = {"standing": self.money(effect)}
        self.case.says(kind, key=effect.key, **data)

    def money(self, effect: Effect) -> str:
        """What the activities do with money, on the books of this test."""
        if effect.kind is EffectKind.RECHARGE:
            self.charge(PAID, SOLD_FOR, effect.key)
            if self.held and not self.captured:
                self.captured = PAID
                self.enter(advance_captured_entry("ret_1", "ho_1", "simulated", Money(PAID, "EUR")))
        elif effect.kind is EffectKind.WRITE_OFF:
            self.lose(self.written_off + self.debt, effect.key)
        else:
            if self.captured - self.returned:
                self.enter(advance_returned_entry("ret_1", "rc_1", "simulated", Money(self.captured, "EUR")))
                self.returned = self.captured
            self.lose(0, effect.key)
            self.charge(0, 0, effect.key)
        if not self.charged:
            return ""
        return "owed" if self.debt else "written_off" if self.written_off else "captured"

    def charge(self, minor: int, goods: int, key: str) -> None:
        more = Money(minor - self.charged, "EUR")
        self.enter(advance_charged_entry("ret_1", key, more, goods_minor=goods - self.goods))
        self.charged, self.goods = minor, goods

    def lose(self, minor: int, key: str) -> None:
        self.enter(advance_written_off_entry("ret_1", key, "merchant", Money(minor - self.written_off, "EUR")))
        self.written_off = minor

    def enter(self, entry: Entry) -> None:
        assert entry.key not in {one.key for one in self.book} or not entry.postings
        self.book.append(entry)

    @property
    def debt(self) -> int:
        return self.charged - (self.captured - self.returned) - self.written_off

    @invariant()
    def it_balances_and_nothing_is_paid_twice(self) -> None:
        if not hasattr(self, "book"):
            return
        stand = balances(self.book)
        assert sum(stand.values()) == 0
        assert stand.get((RECEIVABLE_SHOPPER, "EUR"), 0) == self.debt
        assert 0 <= self.captured - self.returned <= self.charged <= PAID
        assert self.debt >= 0

    def teardown(self) -> None:
        """Everybody falls silent: who has the goods has not the money, unless somebody bears that by name."""
        if not hasattr(self, "book"):
            return
        for _ in range(40):
            if self.case.under_way:
                self.answer()
            elif self.case.state.alarm and silence(self.case.state) is not Silence.REMIND:
                self.case.silent()
        if self.case.stage is not Stage.CLOSED:
            assert silence(self.case.state) is Silence.REMIND, "a person is asked"
            return
        stand = balances(self.book)
        assert (PAYABLE_SHOPPER, "EUR") not in stand
        assert self.debt == 0
        money = PAID - (self.captured - self.returned)  # what the shopper has of it
        if self.case.state.advance == "captured":
            assert money == 0
            assert (GOODS_RETURNED, "EUR") not in stand, "the sale stands"
        elif self.case.state.advance == "written_off":
            assert money == PAID
            assert stand["written_off:merchant", "EUR"] == SOLD_FOR, "what it cost has its bearer"
        else:
            assert money == PAID
            assert stand[GOODS_RETURNED, "EUR"] == SOLD_FOR, "the goods are here, or somebody let it stand"


Advance.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAdvance = Advance.TestCase
