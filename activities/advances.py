"""Money that goes ahead of the goods: its guarantee before it is paid, and what is charged back, given up or given back after.

Each step is written down before a provider hears of it, under an id that never changes, and an unknown outcome is looked up by that id.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session
from temporalio import activity

from activities.trouble import give_up, try_again_later
from database import advances, cases, facts, refunds
from database.engine import Clock, Sessions
from domain.advances import DebtBearer, Dunning, Guarantee
from domain.money import Money
from domain.replica import from_json
from domain.state import Effect, Fact, FactKind, Verdict
from gateways.payments.base import (
    OutcomeUnknown,
    PaymentGateway,
    ProviderStatus,
    ProviderUnreachable,
    RefundOrder,
    RefundRefused,
)
from gateways.payments.holds import HoldingGateway, HoldOrder, HoldReceipt, HoldRefused, HoldStatus, can_hold

HOLDS = frozenset({Guarantee.HOLD, Guarantee.HOLD_OR_RECEIVABLE})
TRUSTS = frozenset({Guarantee.RECEIVABLE, Guarantee.HOLD_OR_RECEIVABLE})
Decide = Callable[[Session, Row[Any]], object]


class Guarantor:
    """Sees to it that what is paid ahead is guaranteed, or not paid ahead."""

    def __init__(self, sessions: Sessions, clock: Clock, payments: Mapping[str, PaymentGateway]) -> None:
        self._sessions = sessions
        self._clock = clock
        self._payments = payments

    def wanted(self, session: Session, case: Row[Any]) -> Guarantee | None:
        """What the refund of a case must be guaranteed by before it is decided; None where it needs no guarantee, or has it."""
        state = from_json(case.state)
        promised = state.limits.guarantee
        ahead = promised and state.verdict is Verdict.ADVANCE and refunds.of_case(session, case.id) is None
        return Guarantee(promised) if ahead else None

    def take(self, case_id: str, guarantee: Guarantee, decide: Decide) -> str:
        """Take the guarantee: "hold", "receivable", "none" for a refund of nothing, or "" where there is none to be had.

        What the refund would come to is asked of `decide` itself, and taken back: what nothing guarantees is not decided yet.
        """
        if not self._intend(case_id, guarantee, decide):
            return "none"
        row = self._row(case_id)
        if row.hold_status in ("intended", "unknown"):
            self._hold(row)
            row = self._row(case_id)
        if row.hold_status == "held":
            return "hold"
        return "receivable" if guarantee in TRUSTS else ""

    def _intend(self, case_id: str, guarantee: Guarantee, decide: Decide) -> bool:
        with self._sessions() as trial:  # never committed
            case = cases.lock(trial, case_id)
            if advances.of_case(trial, case_id):
                return True
            decide(trial, case)
            decided = refunds.of_case(trial, case_id)
            cards = advances.cards(trial, case_id) if guarantee in HOLDS else ()
            trial.rollback()
        if decided is None or not decided.total_minor:
            return False
        able = ((card.processor, card.reference) for card in cards if can_hold(self._payments.get(card.processor)))
        amount = Money(decided.total_minor, decided.currency)
        with self._sessions.begin() as session:
            case = cases.lock(session, case_id)
            if advances.of_case(session, case_id) is None:
                at, card = self._clock(session), next(able, None)
                advances.intend(session, case, amount, goods_minor=decided.goods_minor, card=card, at=at)
        return True

    def _row(self, case_id: str) -> Row[Any]:
        with self._sessions() as session:
            row = advances.of_case(session, case_id)
        assert row is not None
        return row

    def open(self, session: Session, case_id: str, guarantee: str) -> None:
        """The refund was decided, and goes out against its guarantee."""
        decided = refunds.of_case(session, case_id)
        if decided is None or not decided.total_minor:
            return
        amount = Money(decided.total_minor, decided.currency)
        at = self._clock(session)
        advances.open_(session, case_id, guarantee, amount, goods_minor=decided.goods_minor, at=at)

    def _hold(self, row: Row[Any]) -> None:
        gateway = self._payments[row.processor]
        assert can_hold(gateway)
        try:
            # Asked first on every try: the one before may have been carried out, and cost its answer.
            receipt = gateway.find_hold(row.hold_id) or gateway.hold(
                HoldOrder(row.hold_id, row.reference, row.amount_minor, row.currency, row.case_id)
            )
        except HoldRefused as no:
            self._note(row, "refused", refusal=f"{no.code}: {no.detail}")
            return
        except (OutcomeUnknown, ProviderUnreachable) as error:
            if isinstance(error, OutcomeUnknown):
                self._note(row, "unknown")
            try_again_later(self._sessions, self._clock, row.case_id, error, row.processor)
        _check(row, receipt)
        if receipt.status is not HoldStatus.HELD:
            self._note(row, "ended", refusal=f"the hold is {receipt.status}")
            return
        self._note(row, "held", held_minor=receipt.amount_minor, hold_ends_at=receipt.ends_at)

    def _note(self, row: Row[Any], status: str, **more: Any) -> None:
        with self._sessions.begin() as session:
            advances.note_hold(session, row.case_id, status, at=self._clock(session), **more)


class AdvanceActivities:
    """What becomes of an advance whose goods do not bear it out, or do so late."""

    def __init__(self, sessions: Sessions, clock: Clock, payments: Mapping[str, PaymentGateway]) -> None:
        self._sessions = sessions
        self._clock = clock
        self._payments = payments

    @activity.defn(name="recharge")
    def recharge(self, case_id: str, effect: Effect) -> Fact:
        """Charge back what no goods bear out: from the hold as far as it reaches, the rest is the shopper's debt."""
        return self._do(case_id, effect, self._charge)

    @activity.defn(name="reverse")
    def reverse(self, case_id: str, effect: Effect) -> Fact:
        """Undo it: a capture is refunded, a debt is cancelled, a loss is taken back."""
        return self._do(case_id, effect, self._give_back)

    @activity.defn(name="write_off")
    def write_off(self, case_id: str, effect: Effect) -> Fact:
        """Give the debt up; who bears it stands in the limits of the case, the merchant where a person gave it up."""
        return self._do(case_id, effect, self._give_up)

    @activity.defn(name="release")
    def release(self, case_id: str, effect: Effect) -> Fact:
        """Let go of what is held: nothing is awaited any more."""
        fact_id = f"{FactKind.RELEASED}:{effect.key}"
        with self._sessions.begin() as session:
            cases.lock(session, case_id)
            if found := facts.find(session, case_id, fact_id):
                return facts.record(session, case_id, found).fact
            row = advances.of_case(session, case_id)
        if row is not None and row.hold_status == "held":
            try:
                receipt = self._holding(row).release(row.hold_id)
                status = "ended" if receipt.status is HoldStatus.ENDED else "released"
            except HoldRefused:  # over already, as far as this house is concerned
                status = "ended"
            except (OutcomeUnknown, ProviderUnreachable) as error:
                try_again_later(self._sessions, self._clock, case_id, error, row.processor)
        with self._sessions.begin() as session:
            cases.lock(session, case_id)
            at = self._clock(session)
            if row is not None and row.hold_status == "held":
                advances.note_hold(session, case_id, status, at=at)
            advances.meet(session, case_id, at)
            return facts.record(session, case_id, Fact(FactKind.RELEASED, at, fact_id, "boomerang", {})).fact

    def _do(self, case_id: str, effect: Effect, act: Callable[[str, Effect], dict[str, Any]]) -> Fact:
        fact_id = f"{FactKind.RECHARGED}:{effect.key}"
        with self._sessions.begin() as session:
            cases.lock(session, case_id)
            if found := facts.find(session, case_id, fact_id):
                return facts.record(session, case_id, found).fact
        more = act(case_id, effect)
        with self._sessions.begin() as session:
            cases.lock(session, case_id)
            if found := facts.find(session, case_id, fact_id):
                return facts.record(session, case_id, found).fact
            at = self._clock(session)
            standing = advances.stand(session, case_id, at)
            data = {"key": effect.key, "standing": str(standing), **more}
            return facts.record(session, case_id, Fact(FactKind.RECHARGED, at, fact_id, "boomerang", data)).fact

    def _charge(self, case_id: str, effect: Effect) -> dict[str, Any]:
        with self._sessions.begin() as session:
            cases.lock(session, case_id)
            row = self._row(session, case_id)
            due, goods, nothing_accepted = advances.due_of(session, row)
            if due > row.charged_minor:
                advances.charge(session, row, due, goods, key=effect.key, at=self._clock(session))
        if due < row.charged_minor:  # charged whole when nothing had come, and some has since
            self._lower_to(case_id, effect, due, goods)
        elif row.hold_status == "held" and due:
            self._capture(case_id, min(due, row.held_minor))
        with self._sessions() as session:
            settled = not advances.debt(self._row(session, case_id))
        return {"send_back": True} if nothing_accepted and settled else {}

    def _give_back(self, case_id: str, effect: Effect) -> dict[str, Any]:
        self._lower_to(case_id, effect, 0, 0)
        return {}

    def _give_up(self, case_id: str, effect: Effect) -> dict[str, Any]:
        with self._sessions.begin() as session:
            case = cases.lock(session, case_id)
            row = self._row(session, case_id)
            dunning = from_json(case.state).limits.dunning
            bearer = Dunning.parse(dunning).bearer if dunning else DebtBearer.PERSON
            if debt := advances.debt(row):
                borne_by = DebtBearer.MERCHANT if bearer is DebtBearer.PERSON else bearer
                minor = row.written_off_minor + debt
                advances.write_off(session, row, minor, borne_by, key=effect.key, at=self._clock(session))
        return {}

    def _capture(self, case_id: str, minor: int) -> None:
        with self._sessions() as session:
            row = self._row(session, case_id)
        gateway = self._holding(row)
        try:
            receipt = gateway.find_hold(row.hold_id)
            if receipt is None or receipt.status is HoldStatus.HELD:
                receipt = gateway.capture(row.hold_id, minor)
        except HoldRefused as no:  # the card was let go of, or the hold is over: what is left is a debt
            with self._sessions.begin() as session:
                refusal = f"{no.code}: {no.detail}"
                advances.note_hold(session, case_id, "ended", at=self._clock(session), refusal=refusal)
            return
        except (OutcomeUnknown, ProviderUnreachable) as error:
            try_again_later(self._sessions, self._clock, case_id, error, row.processor)
        _check(row, receipt)
        with self._sessions.begin() as session:
            cases.lock(session, case_id)
            at = self._clock(session)
            if receipt.status is not HoldStatus.CAPTURED or receipt.captured_payment is None:
                advances.note_hold(session, case_id, "ended", at=at, refusal=f"the hold is {receipt.status}")
            else:
                row = self._row(session, case_id)
                advances.note_captured(session, row, receipt.captured_minor, receipt.captured_payment, at)

    def _lower_to(self, case_id: str, effect: Effect, due: int, goods: int) -> None:
        """The shopper owes no more than `due` of it: what was captured above that goes back over the capture."""
        with self._sessions.begin() as session:
            cases.lock(session, case_id)
            row = self._row(session, case_id)
            back = max(0, row.captured_minor - row.returned_minor - due)
            if back and not row.return_id:
                advances.intend_return(session, row, back, self._clock(session))
                row = self._row(session, case_id)
        if back:
            self._return(row)
        with self._sessions.begin() as session:
            cases.lock(session, case_id)
            at = self._clock(session)
            if back:
                advances.note_returned(session, row, at)
            row = self._row(session, case_id)
            left = max(0, due - (row.captured_minor - row.returned_minor))
            if row.written_off_minor > left:
                advances.write_off(session, row, left, DebtBearer.MERCHANT, key=effect.key, at=at)
                row = self._row(session, case_id)
            if row.charged_minor != due:
                advances.charge(session, row, due, goods, key=effect.key, at=at)

    def _return(self, row: Row[Any]) -> None:
        gateway = self._payments[row.processor]
        try:
            receipt = gateway.find_refund(row.return_id, row.captured_payment) or gateway.refund(
                RefundOrder(row.return_id, row.captured_payment, row.return_minor, row.currency, row.case_id)
            )
        except RefundRefused as error:
            give_up(error, row.processor)
        except (OutcomeUnknown, ProviderUnreachable) as error:
            try_again_later(self._sessions, self._clock, row.case_id, error, row.processor)
        if receipt.status is ProviderStatus.FAILED:
            give_up(ValueError(f"the refund over the capture failed: {receipt.failure}"), row.processor)
        if (receipt.amount_minor, receipt.currency) != (row.return_minor, row.currency):
            give_up(ValueError(f"has another amount under {row.return_id} than we asked for"), row.processor)

    def _row(self, session: Session, case_id: str) -> Row[Any]:
        row = advances.of_case(session, case_id, lock=True)
        if row is None:
            give_up(LookupError(f"{case_id} has no guaranteed advance"), "boomerang")
        return row

    def _holding(self, row: Row[Any]) -> HoldingGateway:
        gateway = self._payments[row.processor]
        if not can_hold(gateway):
            give_up(TypeError(f"{row.processor} holds no money any more"), "boomerang")
        return gateway


def _check(row: Row[Any], receipt: HoldReceipt) -> None:
    # A provider's word is not taken for its own sake: another sum under our id is for a person to look at.
    if receipt.hold_id != row.hold_id or receipt.currency != row.currency:
        give_up(ValueError(f"has something else under {row.hold_id} than we asked for"), row.processor)
