"""The life of a return as a pure function: what happened goes in, the new state and what to do next come out.

    start(opening)        -> State, effects
    decide(state, fact)   -> State, effects

Every fact carries the moment it happened (`at`), so the same facts in the same order give the same state wherever they are
applied: in the durable workflow, which is the authority on their order, and in the row of the case, which whoever records a fact
moves along in the same transaction (domain/replica.py).

Facts about goods only move a return forward. One that comes early (a scan before the label, a finding before the scan) is kept
until its stage is reached; one that comes after the end opens the return again. Silence of the seller's side resolves for the
shopper, silence of the shopper closes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from domain.calendar import after
from domain.limits import Limits
from domain.stages import ENDS, RANK, Owner, Silence, Stage

WARN_AT = 0.8  # of the time that was given


class FactKind(StrEnum):
    # said by people
    AUTHORIZED = "authorized"
    REFUSED = "refused"
    RECEIVED = "received"
    INSPECTED = "inspected"
    CANCELLED = "cancelled"
    EXTENDED = "extended"
    RETRIED = "retried"
    # reported by partners
    SCANNED = "scanned"
    REFUND_REPORTED = "refund_reported"
    # what an effect came to
    BOOKED = "booked"
    VOIDED = "voided"
    SETTLED = "settled"
    SENT_BACK = "sent_back"
    EFFECT_FAILED = "effect_failed"
    # time
    TIME_PASSED = "time_passed"


class EffectKind(StrEnum):
    BOOK = "book"  # buy a label or book a pickup
    VOID = "void"  # give an unused label back
    SETTLE = "settle"  # quote, book and pay the refund
    SEND_BACK = "send_back"  # the goods go back to the shopper


class Method(StrEnum):
    LABEL = "label"
    PICKUP = "pickup"
    DROP_OFF = "drop_off"


class Verdict(StrEnum):
    """On what ground the money is decided."""

    NONE = ""
    INSPECTED = "inspected"
    AS_DECLARED = "as_declared"  # the warehouse was silent
    LOST = "lost"  # the carrier lost it, or was silent
    NOTHING_ACCEPTED = "nothing_accepted"


@dataclass(frozen=True)
class Fact:
    """Something that happened. `id` is unique within the case; `at` is aware UTC; `by` names who said so.

    `seen` is the digest of the case's row after the fact was recorded there, and `row` the row's version; 0 where it was not.
    """

    kind: FactKind
    at: datetime
    id: str
    by: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    row: int = 0


@dataclass(frozen=True)
class Effect:
    """Something to do. `key` is the same on every try, so that it is done once."""

    kind: EffectKind
    key: str
    round: int = 1


@dataclass(frozen=True)
class Opening:
    """What a case starts from; frozen, so that a later change of policy or tier does not reach it."""

    case_id: str
    authorized: bool  # else referred to a person
    method: Method
    opened_at: datetime
    limits: Limits


@dataclass(frozen=True)
class State:
    stage: Stage
    since: datetime
    method: Method
    limits: Limits
    due: datetime | None = None
    warn_at: datetime | None = None
    early: tuple[Fact, ...] = ()
    goods: Stage | None = None  # how far they have come by themselves: in transit, received
    delivered: bool = False  # the carrier says so; the dock has not
    bookings: int = 0
    ending: Stage | None = None  # cancelled or expired, once the label is given back
    verdict: Verdict = Verdict.NONE
    resume: Stage | None = None  # where ATTENTION was entered from
    failed: Effect | None = None
    reason: str = ""  # why ATTENTION
    settlements: int = 0
    asked: int = 0  # how often the provider was asked again what became of a refund

    @property
    def ended(self) -> bool:
        return self.stage in ENDS

    @property
    def alarm(self) -> datetime | None:
        """When time itself has something to say. The stages that wait for an effect are held by that effect's own time limit."""
        return (self.warn_at or self.due) if self.stage in WAITS else None


Step = tuple[State, tuple[Effect, ...]]

# Stages in which somebody is waited for; the others wait for an effect.
WAITS = frozenset({Stage.REFERRED, Stage.BOOKED, Stage.IN_TRANSIT, Stage.RECEIVED, Stage.SETTLED, Stage.ATTENTION})
REOPENED_BY_GOODS = frozenset({Stage.EXPIRED, Stage.CANCELLED})
ON_THE_WAY = frozenset({Stage.AUTHORIZED, Stage.BOOKED, Stage.IN_TRANSIT})
MOVING = frozenset({"picked_up", "in_transit", "out_for_delivery"})
# Reasons of ATTENTION that only a person's yes or no ends: goods came that nobody waits for.
MAY_THEY_STAY = frozenset({"goods_without_permission", "units_in_another_return"})


def start(opening: Opening) -> Step:
    """The first state of an authorized or referred case; a refused one has no life to lead."""
    state = State(Stage.REFERRED, opening.opened_at, opening.method, opening.limits)
    return (
        _authorize(state, opening.opened_at) if opening.authorized else _enter(state, Stage.REFERRED, opening.opened_at)
    )


def decide(state: State, fact: Fact) -> Step:
    """What follows from a fact. A fact that changes nothing returns the state as it is."""
    return _ANSWERS[fact.kind](state, fact)


# --- what people say ---------------------------------------------------------------------------------------------------------


def _authorized(state: State, fact: Fact) -> Step:
    if state.stage is Stage.REFERRED:
        return _authorize(state, fact.at)
    if _may_they_stay(state):
        return _enter(state, state.goods or Stage.RECEIVED, fact.at)
    return state, ()


def _refused(state: State, fact: Fact) -> Step:
    if _may_they_stay(state):
        if state.goods is Stage.RECEIVED:
            return _send_back(state, fact.at)
        ended = state.resume if state.resume in REOPENED_BY_GOODS else Stage.EXPIRED  # sent back once they are here
        return _enter(replace(state, goods=None, early=()), ended, fact.at)
    if state.stage is not Stage.REFERRED:
        return state, ()
    if any(early.kind in (FactKind.RECEIVED, FactKind.INSPECTED) for early in state.early):
        return _send_back(state, fact.at)
    return _enter(state, Stage.REFUSED, fact.at)


def _received(state: State, fact: Fact) -> Step:
    if state.stage is Stage.REFUSED:
        return _ask_whether_they_may_stay(state, fact, Stage.RECEIVED, "goods_without_permission")
    return _forward(state, fact, Stage.RECEIVED)


def _inspected(state: State, fact: Fact) -> Step:
    if state.stage is Stage.REFUSED:
        return _ask_whether_they_may_stay(state, fact, Stage.INSPECTED, "goods_without_permission")
    return _forward(state, fact, Stage.INSPECTED)


def _cancelled(state: State, fact: Fact) -> Step:
    where = state.resume if state.stage is Stage.ATTENTION else state.stage
    if state.ending or state.goods or any(early.kind is not FactKind.REFUND_REPORTED for early in state.early):
        return state, ()
    nothing_booked = where is Stage.REFERRED or (where is Stage.AUTHORIZED and state.stage is Stage.ATTENTION)
    if nothing_booked or state.reason == "returned_to_shopper":
        return _enter(state, Stage.CANCELLED, fact.at)
    if where is Stage.AUTHORIZED:  # the label is being bought this moment: give it back as soon as it is there
        return replace(state, ending=Stage.CANCELLED), ()
    if where is Stage.BOOKED:
        return _give_label_back(state, Stage.CANCELLED, fact.at)
    return state, ()


def _extended(state: State, fact: Fact) -> Step:
    until = datetime.fromisoformat(fact.data["until"])
    if state.stage not in WAITS or state.due is None or until <= state.due:
        return state, ()
    return replace(state, due=until, warn_at=_warning(fact.at, until)), ()


def _retried(state: State, fact: Fact) -> Step:
    return _try_again(state, fact.at) if state.stage is Stage.ATTENTION else (state, ())


# --- what partners report ----------------------------------------------------------------------------------------------------


def _scanned(state: State, fact: Fact) -> Step:
    status = fact.data["status"]
    if status in MOVING:
        return _forward(state, fact, Stage.IN_TRANSIT)
    if status == "delivered":
        if state.stage is Stage.IN_TRANSIT and not state.delivered:
            due = after(fact.at, state.limits.inspection)  # the bench's time runs from the carrier's delivery
            return replace(state, delivered=True, due=due, warn_at=_warning(fact.at, due)), ()
        return _forward(state, fact, Stage.IN_TRANSIT)
    if status == "lost":
        return _lost(state, fact)
    if state.stage not in (Stage.BOOKED, Stage.IN_TRANSIT) or state.ending:
        return state, ()
    if status == "return_to_sender":
        return _attention(replace(state, goods=None, delivered=False), "returned_to_shopper", fact.at)
    if status == "pickup_failed" and state.stage is Stage.BOOKED:
        return _book_again(state, fact.at)
    return state, ()


def _lost(state: State, fact: Fact) -> Step:
    if state.stage is Stage.AUTHORIZED:
        return _keep(state, fact)
    where = state.resume if state.stage is Stage.ATTENTION else state.stage
    if where in ON_THE_WAY and not _may_they_stay(state):
        return _settle(replace(state, verdict=Verdict.LOST, ending=None), fact.at)
    return state, ()


def _refund_reported(state: State, fact: Fact) -> Step:
    if fact.data.get("round", state.settlements) < state.settlements:  # another refund has followed that one
        return state, ()
    overtook = state.stage is Stage.INSPECTED or not (state.settlements or state.ended)
    if overtook:  # came before the answer, or is told again to a case that was reset
        return _keep(state, fact)
    given_up = state.failed is not None and state.failed.kind is EffectKind.SETTLE
    if state.stage not in (Stage.SETTLED, Stage.CLOSED) and not given_up:
        return state, ()
    final = state.stage is Stage.CLOSED or state.reason == "refund_failed"
    if final and fact.at < state.since:  # told late, or twice: what we know was said after it
        return state, ()
    if fact.data["status"] == "failed" and state.reason != "refund_failed":
        return _attention(state, "refund_failed", fact.at, _settlement(state))
    if fact.data["status"] == "succeeded" and state.stage is not Stage.CLOSED:
        return _enter(state, Stage.CLOSED, fact.at)
    return state, ()


# --- what an effect came to --------------------------------------------------------------------------------------------------


def _booked(state: State, fact: Fact) -> Step:
    if state.stage is not Stage.AUTHORIZED:
        return state, ()
    if state.ending and not _goods_came_early(state, Stage.IN_TRANSIT):
        return _give_label_back(replace(state, stage=Stage.BOOKED), state.ending, fact.at)
    return _enter(replace(state, ending=None), Stage.BOOKED, fact.at)


def _voided(state: State, fact: Fact) -> Step:
    key = fact.data.get("key", f"void:{state.bookings}")
    if state.ending is None or not _awaited(state, Effect(EffectKind.VOID, key)):
        return state, ()  # the goods came after all while the label was being given back
    if fact.data.get("voided", True):
        return _enter(state, state.ending, fact.at)
    return _enter(replace(state, ending=None), Stage.IN_TRANSIT, fact.at)  # the carrier has scanned it already


def _settled(state: State, fact: Fact) -> Step:
    if state.stage is not Stage.INSPECTED or fact.data.get("round", state.settlements) < state.settlements:
        return state, ()
    match fact.data["status"]:
        case "succeeded":
            return _enter(state, Stage.CLOSED, fact.at)
        case "pending":
            return _enter(state, Stage.SETTLED, fact.at)
    return _attention(state, "refund_failed", fact.at, _settlement(state))


def _sent_back(state: State, fact: Fact) -> Step:
    return _enter(state, Stage.SENT_BACK, fact.at) if state.stage is Stage.INSPECTED else (state, ())


def _effect_failed(state: State, fact: Fact) -> Step:
    failed = Effect(EffectKind(fact.data["effect"]), fact.data["key"], fact.data.get("round", 1))
    if not _awaited(state, failed):  # the goods went past it
        return state, ()
    if failed.kind is EffectKind.BOOK:
        if state.ending:
            return _enter(state, state.ending, fact.at)
        if _goods_came_early(state, Stage.IN_TRANSIT):
            return _enter(state, Stage.BOOKED, fact.at)  # the goods came without our label
    parked, _ = _attention(state, f"{failed.kind}_failed", fact.at, failed)
    # The provider may have said what its answer did not.
    return _take_up(parked, fact.at) if failed.kind is EffectKind.SETTLE else (parked, ())


# --- what time says ----------------------------------------------------------------------------------------------------------


def _time_passed(state: State, fact: Fact) -> Step:
    if state.stage not in WAITS or state.due is None or fact.at < (state.warn_at or state.due):
        return state, ()
    if fact.at < state.due:
        return replace(state, warn_at=None), ()
    match silence(state):
        case Silence.AUTHORIZE:
            return _authorize(state, fact.at)
        case Silence.EXPIRE:
            return _give_label_back(state, Stage.EXPIRED, fact.at)
        case Silence.BOOK_AGAIN:
            return _book_again(state, fact.at)
        case Silence.REFUND_AS_DECLARED:
            lost = state.stage is Stage.IN_TRANSIT and not state.delivered
            return _settle(replace(state, verdict=Verdict.LOST if lost else Verdict.AS_DECLARED), fact.at)
        case Silence.TRY_AGAIN:
            return _try_again(state, fact.at)
        case Silence.REMIND:
            return _enter(state, state.stage, fact.at)
    if state.stage is Stage.SETTLED:  # accepted, never confirmed: to try again is to ask the provider what became of it
        state = replace(state, stage=Stage.INSPECTED, asked=state.asked + 1)
        return _attention(state, "refund_unconfirmed", fact.at, _settlement(state))
    return _attention(state, "pickup_failed", fact.at)


def silence(state: State) -> Silence | None:
    """What happens when the deadline of this state passes; None where nobody is waited for."""
    match state.stage:
        case Stage.REFERRED:
            return Silence.AUTHORIZE
        case Stage.BOOKED:
            if state.method is not Method.PICKUP:
                return Silence.EXPIRE
            return Silence.BOOK_AGAIN if state.bookings <= state.limits.pickup_tries else Silence.CALL_OPERATOR
        case Stage.IN_TRANSIT | Stage.RECEIVED:
            return Silence.REFUND_AS_DECLARED
        case Stage.SETTLED | Stage.AUTHORIZED | Stage.INSPECTED:
            return Silence.CALL_OPERATOR
        case Stage.ATTENTION:
            return Silence.TRY_AGAIN if _can_be_tried_again(state) else Silence.REMIND
    return None


def owner(state: State) -> Owner | None:
    """Whose turn it is; None at an end."""
    match state.stage:
        case Stage.REFERRED:
            return Owner.MERCHANT
        case Stage.AUTHORIZED:
            return Owner.CARRIER
        case Stage.BOOKED:
            return Owner.CARRIER if state.method is Method.PICKUP else Owner.SHOPPER
        case Stage.IN_TRANSIT:
            return Owner.WAREHOUSE if state.delivered else Owner.CARRIER
        case Stage.RECEIVED:
            return Owner.WAREHOUSE
        case Stage.INSPECTED | Stage.SETTLED:
            return Owner.PAYMENTS
        case Stage.ATTENTION:
            return Owner.OPERATOR
    return None


# --- what may be said --------------------------------------------------------------------------------------------------------


def admissible(state: State, kind: FactKind) -> str | None:
    """Why a fact can never be right from here on, or None. Asked by the running case.

    It does not depend on the order in which early facts arrive: a reset of the case plays later messages to an earlier state,
    and a check of the present stage would silently throw a person's work away.
    """
    where = state.resume if state.stage is Stage.ATTENTION else state.stage
    rank = RANK.get(where or state.stage, 0)
    if state.ended:
        reopens = kind in (FactKind.RECEIVED, FactKind.INSPECTED) and state.stage in (*REOPENED_BY_GOODS, Stage.REFUSED)
        return None if reopens else f"the return has ended: {state.stage}"
    if kind is FactKind.RECEIVED and rank >= RANK[Stage.RECEIVED]:
        return "the goods have been received"
    if kind is FactKind.INSPECTED and rank >= RANK[Stage.INSPECTED]:
        return "the goods have been inspected or taken as declared"
    return None


def timely(state: State, kind: FactKind) -> str | None:
    """Why a fact is not right at this moment, or None. Asked by the desk before anything is written."""
    if kind is FactKind.RECEIVED and state.stage is Stage.CLOSED and state.goods is not Stage.RECEIVED:
        return None  # goods that were given up for lost turn up after the refund: noted, nothing moves
    if why := admissible(state, kind):
        return why
    deciding = state.stage is Stage.REFERRED or _may_they_stay(state)
    if kind in (FactKind.AUTHORIZED, FactKind.REFUSED) and not deciding:
        return f"nobody is asked to decide: the return is {state.stage}"
    if kind in (FactKind.RECEIVED, FactKind.INSPECTED) and any(early.kind is kind for early in state.early):
        return (
            f"the goods have been {kind}; the return waits for a decision"
            if deciding
            else f"the goods have been {kind}"
        )
    if kind is FactKind.CANCELLED and _cancelled(state, Fact(kind, state.since, ""))[0] == state:
        return "it is being ended already" if state.ending else "the goods are on their way or with us"
    if kind is FactKind.EXTENDED and (state.stage not in WAITS or state.due is None):
        return "there is no deadline to extend"
    if kind is FactKind.RETRIED and state.stage is not Stage.ATTENTION:
        return "nothing has failed"
    if kind is FactKind.RETRIED and deciding:
        return "a person decides whether the goods may stay: authorize or refuse"
    return None


# --- moving ------------------------------------------------------------------------------------------------------------------


def _forward(state: State, fact: Fact, stage: Stage) -> Step:
    """A fact about goods: forward at once, kept until its stage comes, or known already."""
    if state.stage in REOPENED_BY_GOODS:
        return _arrive(replace(state, ending=None), fact, stage)
    if state.ended:
        return state, ()
    if _may_they_stay(state):
        return _note_goods(state, fact, stage), ()
    if state.stage is Stage.ATTENTION and state.resume in ON_THE_WAY:
        if stage is Stage.IN_TRANSIT and state.reason == "returned_to_shopper":
            return state, ()  # that is their way back to her
        return _arrive(replace(state, ending=None), fact, stage)  # whatever failed on the way no longer matters
    if state.stage in (Stage.REFERRED, Stage.AUTHORIZED):
        return _keep(state, fact)
    if state.stage is Stage.ATTENTION or RANK[state.stage] >= RANK[stage]:  # only money is left to put right
        return state, ()
    return _arrive(replace(state, ending=None), fact, stage)


def _arrive(state: State, fact: Fact, stage: Stage) -> Step:
    if fact.data.get("units_gone"):  # while this return was ended, another one took its units
        return _ask_whether_they_may_stay(state, fact, stage, "units_in_another_return")
    if stage is not Stage.INSPECTED:
        moved, effects = _enter(replace(state, goods=stage), stage, fact.at)
        if fact.data.get("status") == "delivered" and moved.stage is Stage.IN_TRANSIT:
            return _scanned(moved, fact)
        return moved, effects
    state = replace(state, goods=Stage.RECEIVED)
    if fact.data.get("accepted") == "none":
        return _send_back(replace(state, verdict=Verdict.NOTHING_ACCEPTED), fact.at)
    return _settle(replace(state, verdict=Verdict.INSPECTED), fact.at)


def _ask_whether_they_may_stay(state: State, fact: Fact, stage: Stage, reason: str) -> Step:
    """A person decides; what was seen of the goods is kept until then."""
    return _attention(_note_goods(state, fact, stage), reason, fact.at)


def _note_goods(state: State, fact: Fact, stage: Stage) -> State:
    here = Stage.RECEIVED if stage is not Stage.IN_TRANSIT else state.goods or stage
    data = {name: value for name, value in fact.data.items() if name != "units_gone"}  # that is what is asked
    return _keep(replace(state, goods=here), replace(fact, data=data))[0]


def _may_they_stay(state: State) -> bool:
    return state.stage is Stage.ATTENTION and state.reason in MAY_THEY_STAY


def _keep(state: State, fact: Fact) -> Step:
    """For the stage that it belongs to; the same news twice is kept once."""
    if any(early.kind is fact.kind and early.data == fact.data for early in state.early):
        return state, ()
    return replace(state, early=(*state.early, replace(fact, seen=0, row=0))), ()


def _goods_came_early(state: State, stage: Stage) -> bool:
    return any(RANK[_leads_to(early)] >= RANK[stage] for early in state.early)


def _enter(state: State, stage: Stage, at: datetime) -> Step:
    """Come into a stage: its deadline starts, what failed before is over, and facts that came early are taken up."""
    due = _deadline(replace(state, stage=stage), at)
    kept = RANK.get(stage, 0) > RANK[Stage.AUTHORIZED] or stage in ENDS
    state = replace(
        state,
        stage=stage,
        since=at,
        due=due,
        warn_at=_warning(at, due),
        resume=state.resume if stage is Stage.ATTENTION else None,
        failed=state.failed if stage is Stage.ATTENTION else None,
        reason=state.reason if stage is Stage.ATTENTION else "",
    )
    return _take_up(state, at) if kept and state.early else (state, ())


def _take_up(state: State, at: datetime) -> Step:
    waiting, state = state.early, replace(state, early=())
    effects: tuple[Effect, ...] = ()
    for fact in waiting:
        # News of money is judged by when it was true, news of goods takes effect now.
        news = fact if fact.kind is FactKind.REFUND_REPORTED else replace(fact, at=max(fact.at, at))
        state, more = decide(state, news)
        effects += more
    return state, effects


def _deadline(state: State, at: datetime) -> datetime | None:
    limits = state.limits
    match state.stage:
        case Stage.REFERRED:
            return after(at, limits.approval)
        case Stage.AUTHORIZED:
            return after(at, limits.booking)
        case Stage.BOOKED:
            return after(at, limits.pickup if state.method is Method.PICKUP else limits.ship_back)
        case Stage.IN_TRANSIT:
            return after(at, limits.transit)
        case Stage.RECEIVED:
            return state.due if state.delivered and state.due else after(at, limits.inspection)
        case Stage.INSPECTED | Stage.SETTLED:
            return after(at, limits.refund)
        case Stage.ATTENTION:
            return after(at, limits.attention)
    return None


def _warning(at: datetime, due: datetime | None) -> datetime | None:
    # To the millisecond: an instant finer than that does not survive every store on the way.
    return (
        at + timedelta(milliseconds=int((due - at) / timedelta(milliseconds=1) * WARN_AT)) if due and due > at else None
    )


def _authorize(state: State, at: datetime) -> Step:
    state = replace(state, stage=Stage.AUTHORIZED, since=at)
    if _goods_came_early(state, Stage.RECEIVED):
        return _enter(state, Stage.BOOKED, at)  # the goods are here: nothing to book
    return _book(state, at)


def _book(state: State, at: datetime) -> Step:
    state, _ = _enter(replace(state, bookings=state.bookings + 1), Stage.AUTHORIZED, at)
    return state, (Effect(EffectKind.BOOK, f"book:{state.bookings}"),)


def _book_again(state: State, at: datetime) -> Step:
    if state.bookings <= state.limits.pickup_tries:
        return _book(state, at)
    return _attention(state, "pickup_failed", at)


def _give_label_back(state: State, ending: Stage, at: datetime) -> Step:
    ending_state = replace(
        state, stage=Stage.BOOKED, since=at, ending=ending, due=None, warn_at=None, resume=None, failed=None, reason=""
    )
    return ending_state, (Effect(EffectKind.VOID, f"void:{state.bookings}"),)


def _settle(state: State, at: datetime) -> Step:
    # Numbered, because a refund that failed for good is followed by another one, which must not be taken for the first.
    told = () if state.settlements else tuple(fact for fact in state.early if fact.kind is FactKind.REFUND_REPORTED)
    state = replace(state, settlements=state.settlements + 1, asked=0, early=told)
    state, _ = _enter(state, Stage.INSPECTED, at)
    return state, (_settlement(state),)


def _settlement(state: State) -> Effect:
    again = f".{state.asked}" if state.asked else ""
    return Effect(EffectKind.SETTLE, f"settle:{state.settlements}{again}", state.settlements)


def _send_back(state: State, at: datetime) -> Step:
    state, _ = _enter(replace(state, early=(), verdict=Verdict.NOTHING_ACCEPTED), Stage.INSPECTED, at)
    return state, (Effect(EffectKind.SEND_BACK, "send_back:1"),)


def _attention(state: State, reason: str, at: datetime, failed: Effect | None = None) -> Step:
    resume = state.resume if state.stage is Stage.ATTENTION else state.stage
    return _enter(replace(state, resume=resume, failed=failed, reason=reason), Stage.ATTENTION, at)


def _awaited(state: State, effect: Effect) -> bool:
    """Whether the state still waits for what this effect comes to."""
    match effect.kind:
        case EffectKind.BOOK:
            return state.stage is Stage.AUTHORIZED and effect.key == f"book:{state.bookings}"
        case EffectKind.VOID:
            given_back = state.stage is Stage.BOOKED and state.ending is not None
            return given_back and effect.key == f"void:{state.bookings}"
        case EffectKind.SETTLE:
            return state.stage is Stage.INSPECTED and effect.round == state.settlements
    return state.stage is Stage.INSPECTED and state.verdict is Verdict.NOTHING_ACCEPTED


def _can_be_tried_again(state: State) -> bool:
    """By itself, that is: what a provider refused for good, and goods nobody allowed, wait for a person."""
    return state.failed is not None and state.reason != "refund_failed"


def _try_again(state: State, at: datetime) -> Step:
    if _may_they_stay(state):
        return state, ()
    failed = state.failed
    if failed is None:
        return _book(state, at)  # a pickup that never came, a parcel the carrier gave back: another label
    if state.reason == "refund_failed":
        return _settle(state, at)
    if failed.kind is EffectKind.VOID:
        return _give_label_back(state, state.ending or Stage.CANCELLED, at)
    state, _ = _enter(state, state.resume or Stage.INSPECTED, at)
    return state, (failed,)


def _leads_to(fact: Fact) -> Stage:
    match fact.kind:
        case FactKind.RECEIVED:
            return Stage.RECEIVED
        case FactKind.INSPECTED:
            return Stage.INSPECTED
        case FactKind.SCANNED:
            return Stage.IN_TRANSIT
    return Stage.REFERRED


_ANSWERS: Mapping[FactKind, Callable[[State, Fact], Step]] = {
    FactKind.AUTHORIZED: _authorized,
    FactKind.REFUSED: _refused,
    FactKind.RECEIVED: _received,
    FactKind.INSPECTED: _inspected,
    FactKind.CANCELLED: _cancelled,
    FactKind.EXTENDED: _extended,
    FactKind.RETRIED: _retried,
    FactKind.SCANNED: _scanned,
    FactKind.REFUND_REPORTED: _refund_reported,
    FactKind.BOOKED: _booked,
    FactKind.VOIDED: _voided,
    FactKind.SETTLED: _settled,
    FactKind.SENT_BACK: _sent_back,
    FactKind.EFFECT_FAILED: _effect_failed,
    FactKind.TIME_PASSED: _time_passed,
}
