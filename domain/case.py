"""What a case shows to the outside: the face of its state, and what is announced when it changes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.advances import CHARGED_BACK
from domain.process import AHEAD, DESTINATION_NEEDED, REFUSED_FOR_GOOD, owner, silence
from domain.stages import Owner, Silence, Stage, Status, status_of
from domain.state import Fact, FactKind, State, Verdict


class Outcome(StrEnum):
    REFUNDED = "refunded"
    PARTLY_REFUNDED = "partly_refunded"
    NOTHING_DUE = "nothing_due"
    CHARGED_BACK = "charged_back"  # refunded ahead, and the goods did not bear it out
    SENT_BACK = "sent_back"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Face:
    """The part of a state that is read by people and lists."""

    stage: Stage
    status: Status
    due_at: datetime | None
    due_owner: Owner | None
    due_default: Silence | None
    attention_reason: str | None
    attention_since: datetime | None


def face(state: State) -> Face:
    waiting = state.due is not None
    attention = state.stage is Stage.ATTENTION
    return Face(
        stage=state.stage,
        status=status_of(state.stage),
        due_at=state.due,
        due_owner=owner(state) if waiting else None,
        due_default=silence(state) if waiting else None,
        attention_reason=state.reason if attention else None,
        attention_since=state.since if attention else None,
    )


def outcome(stage: Stage, *, refunded_minor: int, asked_minor: int, verdict: Verdict = Verdict.NONE) -> Outcome | None:
    """How an ended case ended; None while it runs. `asked_minor` is what the returned lines would have brought in full."""
    match stage:
        case Stage.CLOSED:
            if verdict is Verdict.RECHARGED:
                return Outcome.CHARGED_BACK
            if not refunded_minor:
                return Outcome.NOTHING_DUE
            return Outcome.REFUNDED if refunded_minor >= asked_minor else Outcome.PARTLY_REFUNDED
        case Stage.SENT_BACK:
            return Outcome.SENT_BACK
        case Stage.REFUSED:
            return Outcome.REFUSED
        case Stage.CANCELLED:
            return Outcome.CANCELLED
        case Stage.EXPIRED:
            return Outcome.EXPIRED
    return None


_ANNOUNCED = {
    Stage.REFERRED: ("return.referred",),
    Stage.AUTHORIZED: ("return.authorized",),
    Stage.REFUSED: ("return.refused",),
    Stage.IN_TRANSIT: ("parcel.in_transit",),
    Stage.RECEIVED: ("parcel.received",),
    Stage.SETTLED: ("refund.pending",),
    Stage.CLOSED: ("return.closed",),
    Stage.CANCELLED: ("return.cancelled",),
    Stage.EXPIRED: ("return.expired",),
    Stage.SENT_BACK: ("return.sent_back",),
    Stage.ATTENTION: ("return.needs_attention",),
}


def announcements(before: State | None, after: State, fact: Fact | None) -> tuple[str, ...]:
    """The events that tell the outside of a step; empty when nothing changed that the outside would act on."""
    told: list[str] = []
    if before and fact and fact.kind is FactKind.TIME_PASSED and before != after:
        missed = before.due is not None and fact.at >= before.due
        told.append("deadline.missed" if missed else "deadline.warned")
        if before.stage is Stage.AWAITED and before.advance and not missed and silence(before) is Silence.RECHARGE:
            told.append("advance.reminded")
    if fact and fact.kind is FactKind.BOOKED and after.stage is not Stage.AUTHORIZED:
        told.append("label.booked")
    if after.reason in REFUSED_FOR_GOOD and (before is None or before.reason not in REFUSED_FOR_GOOD):
        told.append("refund.failed")
    if after.reason == DESTINATION_NEEDED and (before is None or before.reason != after.reason):
        told.append("refund.needs_destination")
    moved = before is None or before.stage is not after.stage
    told += _of_paid_ahead(before, after)
    told += _of_charges(before, after)
    if moved and after.verdict is Verdict.INSPECTED and _is_judged(before, after):
        told.append("return.inspected")
    if _is_refunded(before, after):
        told.append("refund.succeeded")
    if moved:
        told += _ANNOUNCED.get(after.stage, ())
    if after.escalated and not (before and before.escalated):
        told.append("return.escalated")
    return tuple(told)


def _is_judged(before: State | None, after: State) -> bool:
    ahead = before is not None and before.verdict in AHEAD  # the findings close it
    return after.stage is Stage.INSPECTED or (ahead and after.stage in (Stage.CLOSED, Stage.RECHARGING))


def _is_refunded(before: State | None, after: State) -> bool:
    """Once, when the money is there: with the end, or ahead of it."""
    if after.paid or (before and before.paid):
        return after.paid is not None and not (before and before.paid)
    return after.stage is Stage.CLOSED and (before is None or before.stage is not after.stage)


def _of_paid_ahead(before: State | None, after: State) -> list[str]:
    """What the stage does not say where the money overtakes the goods: that they may come or stay, are on their way, or here."""
    told = []
    if after.verdict is Verdict.RETURNLESS and (before is None or before.verdict is not Verdict.RETURNLESS):
        told.append("return.authorized")
    if before and after.verdict in AHEAD and before.goods is not after.goods:
        moving = after.goods is Stage.IN_TRANSIT and after.stage is not Stage.IN_TRANSIT
        told += ["parcel.in_transit"] if moving else []
        told += ["parcel.received"] if after.goods is Stage.RECEIVED else []
    if before and after.reason == "advance_exceeds_findings" and before.goods is not after.goods:
        told.append("return.inspected")
    return told


def _of_charges(before: State | None, after: State) -> list[str]:
    """What becomes of money that went ahead of goods that did not come, or came too late."""
    if before is None:
        return []
    told = ["advance.dunned"] if after.reminded > before.reminded else []
    if after.advance != before.advance and after.advance in CHARGED_BACK:
        told.append(f"advance.{after.advance}")
    if before.advance in CHARGED_BACK and after.advance not in CHARGED_BACK:
        told.append("advance.reversed")
    return told
