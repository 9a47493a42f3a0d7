"""The life of a return as a pure function: what happened goes in, the new state and what to do next come out.

    start(opening)        -> State, effects
    decide(state, fact)   -> State, effects

Every fact carries the moment it happened (`at`), so the same facts in the same order give the same state wherever they are
applied: in the durable workflow, which is the authority on their order, and in the row of the case, which whoever records a fact
moves along in the same transaction (domain/replica.py).

Facts about goods only move a return forward. One that comes early (a scan before the label, a finding before the scan) is kept
until its stage is reached; one that comes after the end opens the return again. Silence of the seller's side resolves for the
shopper, silence of the shopper closes.

Where the refund is promised ahead of the judgement (at the receipt, the first scan, the authorization), or the law's own clock
runs out while the goods are under way, the money goes first and the goods are awaited after it. Where that is guaranteed, goods
that never come are charged back, and goods that come after that undo it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from domain.advances import CHARGED_BACK, DebtBearer, Dunning, Standing
from domain.calendar import after
from domain.clock import law_due
from domain.destination import STORE_CREDIT
from domain.frozen import replace
from domain.limits import ApprovalDefault, DestinationSilence, RefundTrigger
from domain.stages import ENDS, RANK, Owner, Silence, Stage
from domain.state import WAITS, Effect, EffectKind, Fact, FactKind, Method, Opening, State, Verdict

WARN_AT = 0.8  # of the time that was given


Step = tuple[State, tuple[Effect, ...]]

REOPENED_BY_GOODS = frozenset({Stage.EXPIRED, Stage.CANCELLED})
ON_THE_WAY = frozenset({Stage.AUTHORIZED, Stage.BOOKED, Stage.IN_TRANSIT})
MOVING = frozenset({"picked_up", "in_transit", "out_for_delivery"})
UNDELIVERED = frozenset({"return_to_sender", "pickup_failed"})
# Reasons of ATTENTION that only a person's yes or no ends: goods came that nobody waits for.
MAY_THEY_STAY = frozenset({"goods_without_permission", "units_in_another_return"})
# Money that is there before the goods are judged. What becomes of them gives the case its last verdict: inspected, lost, as declared.
AHEAD = frozenset({Verdict.ADVANCE, Verdict.BY_LAW})
# From which stage on each trigger pays ahead.
PAID_FROM: Mapping[str, Stage] = {
    RefundTrigger.AUTHORIZED: Stage.BOOKED,
    RefundTrigger.FIRST_SCAN: Stage.IN_TRANSIT,
    RefundTrigger.RECEIVED: Stage.RECEIVED,
}
BEFORE_JUDGEMENT = frozenset({Stage.BOOKED, Stage.IN_TRANSIT, Stage.RECEIVED})
# Stages in which the law's clock on the refund counts. While a label waits for its goods most laws let the money be withheld, and
# then the clock itself names no instant; one that does not (Russia, Brazil) counts from the notice all the same.
UNDER_THE_LAWS_CLOCK = frozenset({Stage.BOOKED, Stage.IN_TRANSIT, Stage.RECEIVED, Stage.INSPECTED, Stage.SETTLED})
# Reasons of ATTENTION that only a person's yes ends, or the goods themselves: the refund was paid ahead, and they do not bear it out.
MAY_IT_STAND = frozenset({"advance_exceeds_findings", "goods_never_came"})
NOT_ALL = frozenset({"some", "none"})
# Reasons of ATTENTION in which the money was refused for good: a person sends it again, or the shopper says where it goes.
REFUND_FAILED, DESTINATION_NEEDED = "refund_failed", "destination_needed"
REFUSED_FOR_GOOD = frozenset({REFUND_FAILED, DESTINATION_NEEDED})
NOT_REPAID = "advance_not_repaid"
DUNNING_NOT_SAID = "7d person"


def start(opening: Opening) -> Step:
    """The first state of an authorized or referred case; a refused one has no life to lead."""
    state = _noticed(State(Stage.REFERRED, opening.opened_at, opening.method, opening.limits), opening.opened_at)
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
    if _may_it_stand(state) or state.stage is Stage.OWED:
        return _close_as(state, Verdict.AS_DECLARED, fact.at)
    if _not_repaid(state):
        return _charge(state, EffectKind.WRITE_OFF, Verdict.RECHARGED, fact.at)
    return state, ()


def _refused(state: State, fact: Fact) -> Step:
    if _may_they_stay(state):
        if state.goods is Stage.RECEIVED:
            return _send_back(state, fact.at)
        ended = state.resume if state.resume in REOPENED_BY_GOODS else Stage.EXPIRED  # sent back once they are here
        return _enter(replace(state, goods=None, early=()), ended, fact.at)
    if _may_be_charged_back(state):
        return _charge(state, EffectKind.RECHARGE, Verdict.RECHARGED, fact.at)
    if _not_repaid(state):
        return _enter(replace(state, reminded=0), Stage.OWED, fact.at)
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
    if (
        _ordered(state)
        or state.ending
        or state.goods
        or any(early.kind is not FactKind.REFUND_REPORTED for early in state.early)
    ):
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


def _appealed(state: State, fact: Fact) -> Step:
    """A refusal is looked at again, once, by the platform; its silence resolves for the shopper like the merchant's."""
    if state.stage is not Stage.REFUSED or state.appealed:
        return state, ()
    # A case that was refused when it was asked for has never moved: its notice is the moment it was opened.
    # What was refused is paid for once it has been seen, whatever the tier is otherwise promised.
    seen = replace(state.limits, refund_trigger=RefundTrigger.INSPECTION_PASSED)
    asked = replace(_noticed(state, state.notice or state.since), limits=seen, appealed=True, escalated=True)
    return _enter(asked, Stage.REFERRED, fact.at)


def _destination_given(state: State, fact: Fact) -> Step:
    """Where the money goes that its tender could not take back: what failed is sent there, in a round of its own."""
    if state.stage is not Stage.ATTENTION or state.reason not in REFUSED_FOR_GOOD:
        return state, ()
    return _settle(replace(state, destination=fact.data["destination"]), fact.at)


# --- what partners report ----------------------------------------------------------------------------------------------------


def _scanned(state: State, fact: Fact) -> Step:
    status = fact.data["status"]
    if status in MOVING:
        return _forward(state, fact, Stage.IN_TRANSIT)
    if status == "delivered":
        if state.stage is Stage.IN_TRANSIT and not state.delivered:
            return _pay_ahead(_delivered(state, fact.at), fact.at)
        return _forward(state, fact, Stage.IN_TRANSIT)
    if status == "lost":
        return _lost(state, fact)
    if _ahead(state):
        return _undelivered(state, fact) if status in UNDELIVERED else (state, ())
    if state.stage not in (Stage.BOOKED, Stage.IN_TRANSIT) or state.ending:
        return state, ()
    if status == "return_to_sender":
        return _attention(_with_the_shopper(state), "returned_to_shopper", fact.at)
    if status == "pickup_failed" and state.stage is Stage.BOOKED:
        return _book_again(state, fact.at)
    return state, ()


def _lost(state: State, fact: Fact) -> Step:
    if _is_charged_back(state) or _recharging(state):
        if not _may_come_after_all(state):
            return _keep(state, fact)
        here = state.goods in (Stage.RECEIVED, Stage.INSPECTED)
        return (state, ()) if here else _charge(state, EffectKind.REVERSE, Verdict.LOST, fact.at)
    if state.stage is Stage.AUTHORIZED or _arranging(state):
        return _keep(state, fact)
    if _ahead(state):
        here = state.goods in (Stage.RECEIVED, Stage.INSPECTED)
        return (
            (state, ()) if here or state.reason == "returned_to_shopper" else _look_again(state, Verdict.LOST, fact.at)
        )
    where = state.resume if state.stage is Stage.ATTENTION else state.stage
    if where in ON_THE_WAY and not _may_they_stay(state):
        return _settle(replace(state, verdict=Verdict.LOST, ending=None), fact.at)
    return state, ()


def _refund_reported(state: State, fact: Fact) -> Step:
    if fact.data.get("round", state.settlements) < state.settlements:  # another refund has followed that one
        return state, ()
    if state.settlements and state.failed is not None and state.failed.kind is EffectKind.SEND_BACK:
        return _keep(
            state, fact
        )  # goods that were not accepted wait for a person; they must not be paid for in their stead
    overtook = state.stage is Stage.INSPECTED or not (state.settlements or state.ended)
    buying_a_label = state.stage is Stage.AUTHORIZED and _ahead(state)
    if (
        overtook or buying_a_label or _recharging(state)
    ):  # came before the answer, or is told again to a case that was reset
        return _keep(state, fact)
    given_up = state.failed is not None and state.failed.kind is EffectKind.SETTLE
    there = state.stage is Stage.CLOSED or state.paid is not None
    if state.stage is not Stage.SETTLED and not there and not given_up:
        return state, ()
    final = there or state.reason in REFUSED_FOR_GOOD
    if final and fact.at < (state.paid or state.since):  # told late, or twice: what we know was said after it
        return state, ()
    if fact.data["status"] == "failed" and state.reason not in REFUSED_FOR_GOOD:
        return _refused_for_good(state, fact)
    if fact.data["status"] == "succeeded" and not there:
        return _money_is_there(state, fact.at)
    return state, ()


# --- what an effect came to --------------------------------------------------------------------------------------------------


def _booked(state: State, fact: Fact) -> Step:
    if state.stage is not Stage.AUTHORIZED:
        return state, ()
    if state.ending and not _goods_came_early(state, Stage.IN_TRANSIT):
        return _give_label_back(replace(state, stage=Stage.BOOKED), state.ending, fact.at)
    return _label_is_there(replace(state, ending=None), fact.at)


def _voided(state: State, fact: Fact) -> Step:
    key = fact.data.get("key", f"void:{state.bookings}")
    if state.ending is None or not _awaited(state, Effect(EffectKind.VOID, key)):
        return state, ()  # the goods came after all while the label was being given back
    if fact.data.get("voided", True):
        return _enter(state, state.ending, fact.at)
    # The carrier has scanned it already.
    return _enter(_noted(replace(state, ending=None), Stage.IN_TRANSIT, fact.at), Stage.IN_TRANSIT, fact.at)


def _settled(state: State, fact: Fact) -> Step:
    if state.stage is not Stage.INSPECTED or fact.data.get("round", state.settlements) < state.settlements:
        return state, ()
    if fact.data["status"] == "withheld":
        return _wait_for_the_goods(state, fact.at)
    state = replace(state, advance=fact.data.get("guarantee", state.advance))
    match fact.data["status"]:
        case "succeeded":
            return _money_is_there(state, fact.at)
        case "pending":
            return _enter(state, Stage.SETTLED, fact.at)
    return _refused_for_good(state, fact)


def _refused_for_good(state: State, fact: Fact) -> Step:
    """The money did not arrive, nor will it this way: a gone tender is for the shopper, where her terms ask her, else a person."""
    asks_her = state.limits.destination and fact.data.get("gone")
    reason = DESTINATION_NEEDED if asks_her else REFUND_FAILED
    return _attention(replace(state, paid=None), reason, fact.at, _settlement(state))


def _sent_back(state: State, fact: Fact) -> Step:
    if state.stage is not Stage.INSPECTED:
        return state, ()
    if state.advance in CHARGED_BACK:  # the shopper has the goods again, and their price was charged
        return _enter(replace(state, verdict=Verdict.RECHARGED, goods=Stage.INSPECTED), Stage.CLOSED, fact.at)
    return _enter(state, Stage.SENT_BACK, fact.at)


def _recharged(state: State, fact: Fact) -> Step:
    """What was paid ahead has been charged back, given up, or given back once more."""
    key = fact.data.get("key", "")
    if state.stage is not Stage.RECHARGING or (key and key.rpartition(":")[2] != str(state.recharges)):
        return state, ()
    state = replace(state, advance=fact.data["standing"])
    if state.verdict is Verdict.LOST:
        return _look_again(state, Verdict.LOST, fact.at)
    if state.advance == Standing.OWED:
        return _enter(replace(state, reminded=0), Stage.OWED, fact.at)
    if fact.data.get("send_back"):
        return _send_back(state, fact.at)
    return _enter(state, Stage.CLOSED, fact.at)


def _released(state: State, fact: Fact) -> Step:
    return state, ()


def _effect_failed(state: State, fact: Fact) -> Step:
    failed = Effect(EffectKind(fact.data["effect"]), fact.data["key"], fact.data.get("round", 1))
    if not _awaited(state, failed):  # the goods went past it
        return state, ()
    if failed.kind is EffectKind.BOOK:
        if state.ending:
            return _enter(state, state.ending, fact.at)
        if _goods_came_early(state, Stage.IN_TRANSIT):
            return _label_is_there(state, fact.at)  # the goods came without our label
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
        case Silence.ESCALATE:
            return _enter(replace(state, escalated=True), Stage.REFERRED, fact.at)
        case Silence.EXPIRE:
            return _give_label_back(state, Stage.EXPIRED, fact.at)
        case Silence.BOOK_AGAIN:
            return _book_again(state, fact.at)
        case Silence.REFUND_AS_DECLARED:
            return _settle(replace(state, verdict=_verdict_of_silence(state, state.due)), fact.at)
        case Silence.CLOSE:
            return _close_as(state, Verdict.AS_DECLARED, fact.at)
        case Silence.TRY_AGAIN:
            return _try_again(state, fact.at)
        case Silence.REMIND:
            return _enter(state, state.stage, fact.at)
        case Silence.STORE_CREDIT:
            return _settle(replace(state, destination=STORE_CREDIT), fact.at)
        case Silence.RECHARGE:
            return _charge(state, EffectKind.RECHARGE, Verdict.RECHARGED, fact.at)
        case Silence.DUN:
            return _enter(replace(state, reminded=state.reminded + 1), Stage.OWED, fact.at)
        case Silence.WRITE_OFF:
            return _charge(state, EffectKind.WRITE_OFF, Verdict.RECHARGED, fact.at)
    if state.stage is Stage.OWED:
        return _attention(state, NOT_REPAID, fact.at)
    if state.reason == DESTINATION_NEEDED:
        return _attention(state, REFUND_FAILED, fact.at, state.failed)
    if state.stage is Stage.SETTLED:  # accepted, never confirmed: to try again is to ask the provider what became of it
        state = replace(state, stage=Stage.INSPECTED, asked=state.asked + 1)
        return _attention(state, "refund_unconfirmed", fact.at, _settlement(state))
    return _attention(state, "goods_never_came" if state.stage is Stage.AWAITED else "pickup_failed", fact.at)


def _verdict_of_silence(state: State, due: datetime) -> Verdict:
    law = law_deadline(state)
    carrier = state.stage is Stage.IN_TRANSIT and not state.delivered
    # Where both end at once the carrier has broken its promise as well.
    promised = _after(state, state.since, state.limits.transit) if carrier else None
    if law is not None and law <= due and law != promised:  # it was the law's instant that passed, not the promise's
        return Verdict.BY_LAW
    return Verdict.LOST if carrier else Verdict.AS_DECLARED


def silence(state: State) -> Silence | None:
    """What happens when the deadline of this state passes; None where nobody is waited for."""
    match state.stage:
        case Stage.REFERRED:
            first_the_platform = state.limits.approval_default == ApprovalDefault.ESCALATE_THEN_AUTHORIZE
            return Silence.ESCALATE if first_the_platform and not state.escalated else Silence.AUTHORIZE
        case Stage.BOOKED:
            law = law_deadline(state)
            if law is not None and state.due is not None and law <= state.due:
                return Silence.REFUND_AS_DECLARED  # no word of this law lets the money wait for the goods
            if state.method is not Method.PICKUP:
                return Silence.EXPIRE
            return Silence.BOOK_AGAIN if state.bookings <= state.limits.pickup_tries else Silence.CALL_OPERATOR
        case Stage.IN_TRANSIT | Stage.RECEIVED:
            return Silence.REFUND_AS_DECLARED
        case Stage.SETTLED | Stage.AUTHORIZED | Stage.INSPECTED | Stage.RECHARGING:
            return Silence.CALL_OPERATOR
        case Stage.AWAITED:
            if _here(state):
                return Silence.CLOSE
            return Silence.RECHARGE if state.advance else Silence.CALL_OPERATOR
        case Stage.OWED:
            if not _dunning(state).is_over(state.reminded):
                return Silence.DUN
            return Silence.CALL_OPERATOR if _dunning(state).bearer is DebtBearer.PERSON else Silence.WRITE_OFF
        case Stage.ATTENTION:
            if state.reason == DESTINATION_NEEDED:
                credit = state.limits.destination_silence == DestinationSilence.STORE_CREDIT
                return Silence.STORE_CREDIT if credit else Silence.CALL_OPERATOR
            return Silence.TRY_AGAIN if _can_be_tried_again(state) else Silence.REMIND
    return None


def owner(state: State) -> Owner | None:
    """Whose turn it is; None at an end."""
    match state.stage:
        case Stage.REFERRED:
            return Owner.PLATFORM if state.escalated else Owner.MERCHANT
        case Stage.AUTHORIZED:
            return Owner.CARRIER
        case Stage.BOOKED:
            return Owner.CARRIER if state.method is Method.PICKUP else Owner.SHOPPER
        case Stage.IN_TRANSIT:
            return Owner.WAREHOUSE if state.delivered else Owner.CARRIER
        case Stage.RECEIVED:
            return Owner.WAREHOUSE
        case Stage.INSPECTED | Stage.SETTLED | Stage.RECHARGING:
            return Owner.PAYMENTS
        case Stage.OWED:
            return Owner.SHOPPER
        case Stage.AWAITED:
            if _here(state):
                return Owner.WAREHOUSE
            return Owner.CARRIER if state.goods else Owner.SHOPPER
        case Stage.ATTENTION:
            return Owner.SHOPPER if state.reason == DESTINATION_NEEDED else Owner.OPERATOR
    return None


def law_deadline(state: State) -> datetime | None:
    """The instant by which the law wants the refund ordered, counted from what is known now; None where it sets none.

    None as well while the money may be withheld, and once it has been paid. No extension may reach past it.
    """
    clock, refused = state.limits.refund_clock, state.verdict is Verdict.NOTHING_ACCEPTED
    if not clock or state.notice is None or state.paid or refused or state.stage not in UNDER_THE_LAWS_CLOCK:
        return None
    return law_due(clock, notice=state.notice, sent=state.sent, received=state.received, calendar=state.limits.calendar)


# --- what may be said --------------------------------------------------------------------------------------------------------


def admissible(state: State, kind: FactKind) -> str | None:
    """Why a fact can never be right from here on, or None. Asked by the running case.

    It does not depend on the order in which early facts arrive: a reset of the case plays later messages to an earlier state,
    and a check of the present stage would silently throw a person's work away.
    """
    where = state.resume if state.stage is Stage.ATTENTION else state.stage
    rank = RANK.get(where or state.stage, 0)
    if state.ended:
        opens = state.stage in (*REOPENED_BY_GOODS, Stage.REFUSED) or (
            _is_charged_back(state) and state.goods is not Stage.INSPECTED
        )
        goods = kind in (FactKind.RECEIVED, FactKind.INSPECTED) and opens
        appeal = kind is FactKind.APPEALED and state.stage is Stage.REFUSED
        if appeal and state.appealed:
            return "the refusal has been appealed against before"
        return None if goods or appeal else f"the return has ended: {state.stage}"
    if kind is FactKind.APPEALED and state.appealed:
        return "the refusal has been appealed against before"
    if _ahead(state) or _is_charged_back(state):
        rank = RANK[state.goods] if state.goods else 0
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
    if kind in (FactKind.AUTHORIZED, FactKind.REFUSED) and _not_repaid(state):
        return None
    if kind is FactKind.AUTHORIZED and state.stage is Stage.OWED:
        return None
    if kind is FactKind.REFUSED and _may_be_charged_back(state):
        return None
    if kind is FactKind.REFUSED and _may_it_stand(state):
        return "the refund has been paid: authorize to let it stand, or wait for the goods"
    if kind in (FactKind.AUTHORIZED, FactKind.REFUSED) and not deciding and not _may_it_stand(state):
        return f"nobody is asked to decide: the return is {state.stage}"
    if kind is FactKind.APPEALED and state.stage is not Stage.REFUSED:
        return "nothing has been refused"
    if kind in (FactKind.RECEIVED, FactKind.INSPECTED) and any(early.kind is kind for early in state.early):
        return (
            f"the goods have been {kind}; the return waits for a decision"
            if deciding
            else f"the goods have been {kind}"
        )
    if kind is FactKind.CANCELLED and _cancelled(state, Fact(kind, state.since, ""))[0] == state:
        if state.verdict in AHEAD or state.verdict is Verdict.RETURNLESS:
            return "the refund has been ordered"
        return "it is being ended already" if state.ending else "the goods are on their way or with us"
    if kind is FactKind.EXTENDED and (state.stage not in WAITS or state.due is None):
        return "there is no deadline to extend"
    if kind is FactKind.DESTINATION_GIVEN and not (state.stage is Stage.ATTENTION and state.reason in REFUSED_FOR_GOOD):
        return "no money looks for another destination"
    if kind is FactKind.RETRIED and state.stage is not Stage.ATTENTION:
        return "nothing has failed"
    if kind is FactKind.RETRIED and deciding:
        return "a person decides whether the goods may stay: authorize or refuse"
    if kind is FactKind.RETRIED and state.reason in MAY_IT_STAND:
        return "a person decides whether the refund stands: authorize"
    if kind is FactKind.RETRIED and _not_repaid(state):
        return "a person decides whether the debt is given up: authorize, or refuse to remind the shopper again"
    return None


# --- moving ------------------------------------------------------------------------------------------------------------------


def _forward(state: State, fact: Fact, stage: Stage) -> Step:
    """A fact about goods: forward at once, kept until its stage comes, or known already."""
    if state.stage in REOPENED_BY_GOODS:
        return _arrive(replace(state, ending=None), fact, stage)
    if _is_charged_back(state) or _recharging(state):
        return _come_after_all(state, fact, stage) if _may_come_after_all(state) else _keep(state, fact)
    if state.ended:
        return state, ()
    if _may_they_stay(state):
        return _note_goods(state, fact, stage), ()
    if _ahead(state):
        return _follow(state, fact, stage)
    if state.stage is Stage.ATTENTION and state.resume in ON_THE_WAY:
        if stage is Stage.IN_TRANSIT and state.reason == "returned_to_shopper":
            return state, ()  # that is their way back to her
        return _arrive(replace(state, ending=None), fact, stage)  # whatever failed on the way no longer matters
    if state.stage in (Stage.REFERRED, Stage.AUTHORIZED):
        return _keep(_noted(state, stage, fact.at), fact)
    if state.stage is Stage.ATTENTION or RANK[state.stage] >= RANK[stage]:  # only money is left to put right
        return state, ()
    return _arrive(replace(state, ending=None), fact, stage)


def _arrive(state: State, fact: Fact, stage: Stage) -> Step:
    if fact.data.get("units_gone"):  # while this return was ended, another one took its units
        return _ask_whether_they_may_stay(state, fact, stage, "units_in_another_return")
    state = _noted(state, stage, fact.at)
    if stage is not Stage.INSPECTED:
        moved, effects = _enter(replace(state, goods=stage), stage, fact.at)
        if fact.data.get("status") == "delivered" and (moved.stage is Stage.IN_TRANSIT or _ahead(moved)):
            moved, more = _scanned(moved, fact)
            effects += more
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
    return _keep(_noted(replace(state, goods=here), stage, fact.at), replace(fact, data=data))[0]


def _may_they_stay(state: State) -> bool:
    return state.stage is Stage.ATTENTION and state.reason in MAY_THEY_STAY


def _noticed(state: State, at: datetime) -> State:
    return replace(state, notice=at) if state.limits.refund_clock else state


def _noted(state: State, stage: Stage, at: datetime) -> State:
    """When the goods were first known to be sent, and to be here: what the law's clock counts from, where there is one."""
    if not state.limits.refund_clock:
        return state
    here = RANK[stage] >= RANK[Stage.RECEIVED]
    return replace(state, sent=state.sent or at, received=state.received or (at if here else None))


def _delivered(state: State, at: datetime) -> State:
    due = _by_law(
        state, _after(state, at, state.limits.inspection), at
    )  # the bench's time runs from the carrier's delivery
    return replace(state, delivered=True, due=due, warn_at=_warning(at, due))


def _with_the_shopper(state: State) -> State:
    return replace(state, goods=None, delivered=False, sent=None)


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
    effects: tuple[Effect, ...] = ()
    if stage is Stage.CLOSED and state.advance in (Standing.HOLD, Standing.RECEIVABLE):
        state, effects = replace(state, advance=""), (Effect(EffectKind.RELEASE, "release:1"),)
    if kept and state.early:
        state, more = _take_up(state, at)
        effects += more
    state, more = _pay_ahead(state, at)
    return state, effects + more


def _take_up(state: State, at: datetime) -> Step:
    waiting, state = state.early, replace(state, early=())
    if state.limits.refund_trigger != RefundTrigger.INSPECTION_PASSED:  # what is judged already is not paid ahead
        waiting = tuple(sorted(waiting, key=lambda fact: fact.kind is not FactKind.INSPECTED))
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
            return _after(state, at, limits.escalated if state.escalated else limits.approval)
        case Stage.AUTHORIZED:
            return _after(state, at, limits.booking)
        case Stage.BOOKED:
            if state.method is Method.PICKUP:
                return _by_law(state, _after(state, at, limits.pickup), at)
            # The shopper's own days, as the law counts them.
            return _by_law(state, _after(state, at, limits.ship_back, legal=True), at)
        case Stage.IN_TRANSIT:
            return _by_law(state, _after(state, at, limits.transit), at)
        case Stage.RECEIVED:
            promised = state.due if state.delivered and state.due else _after(state, at, limits.inspection)
            return _by_law(state, promised, at)
        case Stage.INSPECTED | Stage.SETTLED:
            return _by_law(state, _after(state, at, limits.refund), at)
        case Stage.AWAITED:
            return _after(state, at, limits.inspection if _here(state) else limits.recharge)
        case Stage.RECHARGING:
            return _after(state, at, limits.refund)
        case Stage.OWED:
            return _after(state, at, _dunning(state).span(state.reminded))
        case Stage.ATTENTION:
            hers = state.reason == DESTINATION_NEEDED
            return _after(state, at, limits.destination if hers else limits.attention, legal=hers)
    return None


def _after(state: State, at: datetime, span: str, *, legal: bool = False) -> datetime:
    return after(at, span, state.limits.calendar, legal=legal)


def _by_law(state: State, promised: datetime, at: datetime) -> datetime:
    """The earlier of the promise and the law. An instant of the law that has passed is no deadline: the money is ordered at once."""
    law = law_deadline(state)
    return law if law is not None and at < law < promised else promised


def _warning(at: datetime, due: datetime | None) -> datetime | None:
    # To the millisecond: an instant finer than that does not survive every store on the way.
    return (
        at + timedelta(milliseconds=int((due - at) / timedelta(milliseconds=1) * WARN_AT)) if due and due > at else None
    )


def _authorize(state: State, at: datetime) -> Step:
    if state.limits.refund_trigger == RefundTrigger.RETURNLESS:
        return _settle(replace(state, verdict=Verdict.RETURNLESS), at)
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


def _label_is_there(state: State, at: datetime) -> Step:
    return _enter(state, Stage.AWAITED if _ahead(state) else Stage.BOOKED, at)


def _give_label_back(state: State, ending: Stage, at: datetime) -> Step:
    ending_state = replace(
        state, stage=Stage.BOOKED, since=at, ending=ending, due=None, warn_at=None, resume=None, failed=None, reason=""
    )
    return ending_state, (Effect(EffectKind.VOID, f"void:{state.bookings}"),)


def _settle(state: State, at: datetime) -> Step:
    # Numbered, because a refund that failed for good is followed by another one, which must not be taken for the first.
    told = tuple(fact for fact in state.early if _outlasts_settling(state, fact))
    state = replace(state, settlements=state.settlements + 1, asked=0, early=told, paid=None)
    state, _ = _enter(state, Stage.INSPECTED, at)
    return state, (_settlement(state),)


def _outlasts_settling(state: State, fact: Fact) -> bool:
    """What was said of another refund is over with it; news of goods still counts where they are awaited afterwards."""
    if fact.kind is FactKind.REFUND_REPORTED:
        return not state.settlements
    return _ahead(state) or _is_charged_back(state)


def _settlement(state: State) -> Effect:
    again = f".{state.asked}" if state.asked else ""
    return Effect(EffectKind.SETTLE, f"settle:{state.settlements}{again}", state.settlements)


# --- paid ahead of the judgement ---------------------------------------------------------------------------------------------


def _ahead(state: State) -> bool:
    """Whether the money goes, or went, before the goods have been judged, and they are still awaited."""
    return state.verdict in AHEAD


def _pay_ahead(state: State, at: datetime) -> Step:
    """The refund, where the goods have come as far as its trigger asks for, or the law does not let it wait for them."""
    if _ordered(state) or state.ending or state.stage not in BEFORE_JUDGEMENT:
        return state, ()
    from_there = PAID_FROM.get(state.limits.refund_trigger)
    if from_there and RANK[state.stage] >= RANK[from_there]:
        return _settle(replace(state, verdict=Verdict.ADVANCE), at)
    law = law_deadline(state)
    if law is not None and law <= at:
        return _settle(replace(state, verdict=Verdict.BY_LAW), at)
    return state, ()


def _ordered(state: State) -> bool:
    """Whether a refund was ordered. One that was withheld, since nothing guaranteed it, was not."""
    return bool(state.settlements) and state.verdict is not Verdict.NONE


def _wait_for_the_goods(state: State, at: datetime) -> Step:
    """Nothing was paid ahead, since nothing would have guaranteed it: the refund waits for the judgement like any other."""
    limits = replace(state.limits, refund_trigger=RefundTrigger.INSPECTION_PASSED, guarantee="", dunning="")
    return _enter(replace(state, verdict=Verdict.NONE, limits=limits), state.goods or Stage.BOOKED, at)


def _arranging(state: State) -> bool:
    """Money paid ahead is on its way, or a label is bought for goods that it was paid for: what is heard of them is kept."""
    return _ahead(state) and state.stage is not Stage.AWAITED and not _may_it_stand(state)


def _may_it_stand(state: State) -> bool:
    """Money was paid ahead, the goods do not come or are not what they were said to be, and a person may leave it at that."""
    return state.stage is Stage.ATTENTION and _ahead(state) and state.paid is not None


def _here(state: State) -> bool:
    return state.delivered or state.goods is Stage.RECEIVED


def _money_is_there(state: State, at: datetime) -> Step:
    if _is_charged_back(state):  # the bank had given the refund back, and it was paid anew
        return _enter(replace(state, paid=at), Stage.OWED if state.advance == Standing.OWED else Stage.CLOSED, at)
    if not _ahead(state):
        return _enter(state, Stage.CLOSED, at)
    state = replace(state, paid=at)
    if state.goods is Stage.INSPECTED:  # it had failed, and the goods were judged before
        return _attention(replace(state, stage=Stage.AWAITED), "advance_exceeds_findings", at)
    return _enter(state, Stage.AWAITED, at)


def _follow(state: State, fact: Fact, stage: Stage) -> Step:
    """News of goods whose money went ahead."""
    if state.goods is Stage.INSPECTED or (stage is Stage.IN_TRANSIT and state.reason == "returned_to_shopper"):
        return state, ()
    if _arranging(state):
        return (state, ()) if _is_known(state, fact, stage) else _keep(_noted(state, stage, fact.at), fact)
    if stage is Stage.INSPECTED:
        if fact.data.get("accepted") not in NOT_ALL:
            return _close_as(replace(state, goods=Stage.RECEIVED), Verdict.INSPECTED, fact.at)
        return _attention(replace(state, goods=Stage.INSPECTED), "advance_exceeds_findings", fact.at)
    known = state.goods is Stage.RECEIVED or (stage is state.goods and fact.data.get("status") != "delivered")
    if known and state.stage is Stage.AWAITED:
        return state, ()
    was_here = _here(state)
    state = replace(
        state,
        goods=Stage.RECEIVED if Stage.RECEIVED in (stage, state.goods) else stage,
        delivered=state.delivered or fact.data.get("status") == "delivered",
    )
    if state.stage is Stage.ATTENTION:
        return _enter(state, Stage.AWAITED, fact.at)
    if was_here or not _here(state):  # the deadline of who has them runs already
        return state, ()
    due = _deadline(state, fact.at)
    return replace(state, due=due, warn_at=_warning(fact.at, due)), ()


def _is_known(state: State, fact: Fact, stage: Stage) -> bool:
    """Whether the goods are known to have come that far, so that the next scan of a parcel on its way need not be kept."""
    if fact.data.get("status") == "delivered" and not _here(state):
        return any(early.data.get("status") == "delivered" for early in state.early)
    return RANK[stage] <= RANK[state.goods or Stage.REFERRED] or _goods_came_early(state, stage)


def _undelivered(state: State, fact: Fact) -> Step:
    """The shopper has the goods again, or still: another label or pickup, though the money is hers already."""
    if state.stage is Stage.AUTHORIZED or state.goods in (Stage.RECEIVED, Stage.INSPECTED):
        return state, ()
    if _arranging(state):
        return _keep(state, fact)
    if fact.data["status"] == "return_to_sender":
        return _attention(_with_the_shopper(state), "returned_to_shopper", fact.at)
    if state.stage is not Stage.AWAITED or state.goods:
        return state, ()
    return _book_again(state, fact.at)


def _close_as(state: State, verdict: Verdict, at: datetime) -> Step:
    """Nothing is awaited any more; what was paid stands."""
    goods = Stage.RECEIVED if state.goods is Stage.INSPECTED else state.goods
    if state.advance in CHARGED_BACK:
        return _charge(replace(state, goods=goods), EffectKind.REVERSE, verdict, at)
    return _enter(replace(state, verdict=verdict, goods=goods), Stage.CLOSED, at)


def _look_again(state: State, verdict: Verdict, at: datetime) -> Step:
    """The same round once more on another ground: the money is there, and who bears the goods is booked."""
    state, _ = _enter(replace(state, verdict=verdict, asked=state.asked + 1), Stage.INSPECTED, at)
    return state, (_settlement(state),)


# --- charged back, and undone ------------------------------------------------------------------------------------------------


def _charge(state: State, kind: EffectKind, verdict: Verdict, at: datetime) -> Step:
    """Charge back, give up or give back what was paid ahead; numbered, since each may happen again."""
    state, _ = _enter(replace(state, verdict=verdict, recharges=state.recharges + 1), Stage.RECHARGING, at)
    return state, (Effect(kind, f"{kind}:{state.recharges}", max(state.settlements, 1)),)


def _recharging(state: State) -> bool:
    """Something is being done with money that went ahead: what is heard meanwhile is kept."""
    return Stage.RECHARGING in (state.stage, state.resume if state.stage is Stage.ATTENTION else None)


def _is_charged_back(state: State) -> bool:
    return state.verdict is Verdict.RECHARGED


def _may_come_after_all(state: State) -> bool:
    """Charged back for goods that did not come, and no money is under way that goods would have to wait for."""
    return _is_charged_back(state) and (state.stage in (Stage.OWED, Stage.CLOSED) or _not_repaid(state))


def _come_after_all(state: State, fact: Fact, stage: Stage) -> Step:
    """Goods that were given up are here: they are judged, and then what was charged back is undone."""
    moving = stage is Stage.IN_TRANSIT and fact.data.get("status") != "delivered"  # only what is here counts
    if moving or state.goods in (Stage.RECEIVED, Stage.INSPECTED):
        return state, ()
    awaited = replace(
        state,
        stage=Stage.AWAITED,
        since=fact.at,
        verdict=Verdict.ADVANCE,
        goods=None,
        delivered=False,
        resume=None,
        failed=None,
        reason="",
    )
    return _follow(awaited, fact, stage)


def _may_be_charged_back(state: State) -> bool:
    """Paid ahead and guaranteed, judged otherwise, and a person may charge back what the goods do not bear out."""
    return _may_it_stand(state) and state.reason == "advance_exceeds_findings" and bool(state.advance)


def _not_repaid(state: State) -> bool:
    return state.stage is Stage.ATTENTION and state.reason == NOT_REPAID


def _dunning(state: State) -> Dunning:
    return Dunning.parse(state.limits.dunning or DUNNING_NOT_SAID)


# --- the way back, and what failed -------------------------------------------------------------------------------------------


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
        case EffectKind.RECHARGE | EffectKind.REVERSE | EffectKind.WRITE_OFF:
            return state.stage is Stage.RECHARGING and effect.key == f"{effect.kind}:{state.recharges}"
        case EffectKind.RELEASE:  # nobody: a hold that is not let go of ends by itself
            return False
    return state.stage is Stage.INSPECTED and state.verdict is Verdict.NOTHING_ACCEPTED


def _can_be_tried_again(state: State) -> bool:
    """By itself, that is: what a provider refused for good, and goods nobody allowed, wait for a person."""
    return state.failed is not None and state.reason not in REFUSED_FOR_GOOD


def _try_again(state: State, at: datetime) -> Step:
    if _may_they_stay(state) or state.reason in (*MAY_IT_STAND, NOT_REPAID):
        return state, ()
    failed = state.failed
    if failed is None:
        return _book(state, at)  # a pickup that never came, a parcel the carrier gave back: another label
    if state.reason in REFUSED_FOR_GOOD:  # the way it was paid, whatever another destination came to
        return _settle(replace(state, destination=""), at)
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
    FactKind.APPEALED: _appealed,
    FactKind.DESTINATION_GIVEN: _destination_given,
    FactKind.SCANNED: _scanned,
    FactKind.REFUND_REPORTED: _refund_reported,
    FactKind.BOOKED: _booked,
    FactKind.VOIDED: _voided,
    FactKind.SETTLED: _settled,
    FactKind.SENT_BACK: _sent_back,
    FactKind.RECHARGED: _recharged,
    FactKind.RELEASED: _released,
    FactKind.EFFECT_FAILED: _effect_failed,
    FactKind.TIME_PASSED: _time_passed,
}
