"""Every state that a return can come into, found by telling it everything that can happen next, from its opening on.

States that differ only in their moments, or in how often a thing was done beyond twice, count as one.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from domain.limits import ApprovalDefault, DestinationSilence, RefundTrigger
from domain.process import AHEAD, decide, law_deadline, silence
from domain.stages import Silence, Stage
from domain.state import Effect, EffectKind, Fact, FactKind, Method, State, Verdict
from tests.domain.told import ANSWERS, LIMITS, MINUTE, Told, check_it_moves_on, in_transit, inspected, is_waited_for

__all__ = [
    "ANSWERS",
    "RESULTS",
    "STATUSES",
    "Node",
    "all_states",
    "all_steps",
    "answered_by",
    "check",
    "every_fact",
    "let_time_pass",
    "possible",
]

STATUSES = ["picked_up", "delivered", "lost", "return_to_sender", "pickup_failed", "exception"]
RESULTS = tuple(kind for kind, _ in ANSWERS.values())
TWICE = 2
EARLY = 1
FEW_TRIES = replace(LIMITS, pickup_tries=1)
GUARANTEED = replace(FEW_TRIES, guarantee="hold_or_receivable", dunning="7d merchant")
LAW = "notice 14d sent"
OPENINGS = (
    *(
        Told(authorized=authorized, method=method, limits=FEW_TRIES)
        for authorized in (True, False)
        for method in (Method.LABEL, Method.PICKUP)
    ),
    Told(authorized=False, limits=replace(FEW_TRIES, refund_trigger=RefundTrigger.RETURNLESS)),
    Told(authorized=False, limits=replace(FEW_TRIES, approval_default=ApprovalDefault.ESCALATE_THEN_AUTHORIZE)),
    Told(method=Method.PICKUP, limits=replace(FEW_TRIES, refund_trigger=RefundTrigger.AUTHORIZED)),
    Told(limits=replace(FEW_TRIES, refund_trigger=RefundTrigger.FIRST_SCAN)),
    # What these do before the goods move, the others do too.
    in_transit(limits=replace(FEW_TRIES, refund_trigger=RefundTrigger.RECEIVED)),
    in_transit(limits=replace(FEW_TRIES, refund_clock=LAW)),
    inspected(limits=replace(FEW_TRIES, destination="14d")),
    inspected(limits=replace(FEW_TRIES, destination="14d", destination_silence=DestinationSilence.STORE_CREDIT)),
    Told(limits=replace(GUARANTEED, refund_trigger=RefundTrigger.AUTHORIZED)),
    in_transit(limits=replace(GUARANTEED, refund_trigger=RefundTrigger.FIRST_SCAN, dunning="7d person")),
)


@dataclass(frozen=True)
class Node:
    state: State
    under_way: tuple[Effect, ...]


def all_states() -> tuple[Node, ...]:
    """Breadth first, so that what is found first is reached by the fewest facts."""
    return _explored()[0]


def all_steps() -> tuple[tuple[State, Fact, State], ...]:
    """Every step that was taken to find them: before, what happened, after."""
    return _explored()[1]


@cache
def _explored() -> tuple[tuple[Node, ...], tuple[tuple[State, Fact, State], ...]]:
    found: dict[object, Node] = {}
    taken: list[tuple[State, Fact, State]] = []
    edge = []
    for opening in OPENINGS:
        edge.append(Node(opening.state, tuple(opening.under_way)))
    while edge:
        new: list[Node] = []
        for node in edge:
            shape = _shape(node)
            if shape in found:
                continue
            found[shape] = node
            if _far(node):
                continue
            for fact in possible(node):
                state, effects = decide(node.state, fact)
                taken.append((node.state, fact, state))
                answered = answered_by(fact, node.under_way)
                left = tuple(effect for effect in node.under_way if effect is not answered)
                after = Node(state, (*left, *effects))
                if state.limits == FEW_TRIES or not _far(after):
                    new.append(after)
        edge = new
    return tuple(found.values()), tuple(taken)


def _far(node: Node) -> bool:
    state = node.state
    return len(state.early) > EARLY or len(node.under_way) > TWICE


def _shape(node: Node) -> object:
    state = node.state
    return (
        state.stage,
        state.method,
        state.goods,
        state.delivered,
        state.ending,
        state.verdict if state.verdict in _TELLING else None,
        state.paid is None,
        state.advance,
        min(state.reminded, 1),
        (state.escalated, state.appealed) if state.stage in (Stage.REFERRED, Stage.REFUSED) else None,
        _telling_limits(state),
        state.due is not None and law_deadline(state) == state.due,
        state.resume,
        state.failed and state.failed.kind,
        state.reason,
        state.due is None,
        min(state.settlements, TWICE),
        min(state.bookings, TWICE),
        frozenset((fact.kind, *map(str, fact.data.values())) for fact in state.early),
        tuple(sorted((effect.kind, is_waited_for(state, effect)) for effect in node.under_way)),
    )


def _telling_limits(state: State) -> object:
    """The limits that can still decide something: who is asked before an authorization, what is waited for before the money."""
    limits = state.limits
    asked = limits.approval_default if state.stage in (Stage.REFERRED, Stage.REFUSED) else None
    money = () if state.settlements else (limits.refund_trigger, limits.refund_clock)
    return asked, limits.destination, limits.destination_silence, *money


# Grounds of the money that change what may follow.
_TELLING = (*AHEAD, Verdict.NOTHING_ACCEPTED, Verdict.RETURNLESS)


def possible(node: Node) -> list[Fact]:
    """What may really happen next: people and partners at any time, answers to what is under way, and the alarm."""
    now = node.state.since + 2 * MINUTE
    facts = [fact for kind in _SAID for fact in _variants(node, kind, now)]
    for effect in node.under_way:
        facts += _answers(node.state, effect, now)
    facts += _alarms(node.state)
    return facts


def every_fact(node: Node, kind: FactKind) -> list[Fact]:
    """Whatever could ever be said under this name, whether or not anybody waits for it."""
    now = node.state.since + 2 * MINUTE
    if kind is FactKind.TIME_PASSED:
        moments = (now, now + timedelta(days=400))
        return [Fact(kind, moment, f"time:{moment}") for moment in moments] + _alarms(node.state)
    keys = {
        EffectKind.BOOK: f"book:{node.state.bookings}",
        EffectKind.VOID: f"void:{node.state.bookings}",
        EffectKind.SETTLE: f"settle:{node.state.settlements}",
        EffectKind.SEND_BACK: "send_back:1",
        EffectKind.RECHARGE: f"recharge:{node.state.recharges}",
        EffectKind.REVERSE: f"reverse:{node.state.recharges}",
        EffectKind.WRITE_OFF: f"write_off:{node.state.recharges}",
        EffectKind.RELEASE: "release:1",
    }
    effects = [Effect(what, key, max(node.state.settlements, 1)) for what, key in keys.items()]
    answers = [fact for effect in effects for fact in _answers(node.state, effect, now) if fact.kind is kind]
    return answers or _variants(node, kind, now)


_SAID = (
    FactKind.AUTHORIZED,
    FactKind.REFUSED,
    FactKind.CANCELLED,
    FactKind.RETRIED,
    FactKind.APPEALED,
    FactKind.DESTINATION_GIVEN,
    FactKind.EXTENDED,
    FactKind.RECEIVED,
    FactKind.INSPECTED,
    FactKind.SCANNED,
    FactKind.REFUND_REPORTED,
)


def _variants(node: Node, kind: FactKind, now: datetime) -> list[Fact]:
    data: list[dict[str, Any]] = [{}]
    match kind:
        case FactKind.EXTENDED:
            until, law = (node.state.due or now) + timedelta(days=1), law_deadline(node.state)
            if law is not None and until > law:  # which the desk refuses
                return []
            data = [{"until": until.isoformat()}]
        case FactKind.INSPECTED:
            data = [{"accepted": "all"}, {"accepted": "none"}]
        case FactKind.SCANNED:
            data = [{"status": status} for status in STATUSES]
        case FactKind.REFUND_REPORTED:
            if not node.state.settlements:
                return []
            data = [{"status": "succeeded"}, {"status": "failed"}]
            data += [{"status": "failed", "gone": True}] if node.state.limits.destination else []
        case FactKind.DESTINATION_GIVEN:
            data = [{"destination": "store_credit"}]
    if kind in (FactKind.RECEIVED, FactKind.INSPECTED, FactKind.SCANNED) and node.state.ended:
        data += [{**one, "units_gone": True} for one in data]
    return [Fact(kind, now, f"{kind}:{number}", "test", one) for number, one in enumerate(data)]


def _answers(state: State, effect: Effect, now: datetime) -> list[Fact]:
    kind, well = ANSWERS[effect.kind]
    data = [well]
    if effect.kind is EffectKind.SETTLE:
        data = [{"status": status, "round": effect.round} for status in ("succeeded", "pending", "failed")]
        data += [{"status": "failed", "round": effect.round, "gone": True}] if state.limits.destination else []
        if state.limits.guarantee and state.verdict is Verdict.ADVANCE:
            data += [{**data[0], "guarantee": kind} for kind in ("hold", "receivable")]
            if effect.key == "settle:1":
                data.append({"status": "withheld", "round": 1})
    if effect.kind is EffectKind.RECHARGE:
        data = [{"standing": "captured"}, {"standing": "owed"}]
        if state.goods is Stage.INSPECTED:
            data.append({"standing": "captured", "send_back": True})
    if effect.kind is EffectKind.VOID:
        data = [{"voided": voided, "key": effect.key} for voided in (True, False)]
    failed = {"effect": effect.kind, "key": effect.key, "round": effect.round, "error": "no answer"}
    return [
        *(Fact(kind, now, f"{kind}:{effect.key}", "boomerang", one) for one in data),
        Fact(FactKind.EFFECT_FAILED, now, f"failed:{effect.key}", "boomerang", failed),
    ]


def _alarms(state: State) -> list[Fact]:
    moments = {moment for moment in (state.alarm, state.due) if moment and state.alarm}
    return [Fact(FactKind.TIME_PASSED, moment, f"time:{moment}") for moment in sorted(moments)]


def answered_by(fact: Fact, under_way: tuple[Effect, ...] | list[Effect]) -> Effect | None:
    """The effect that this fact is the answer to."""
    for effect in under_way:
        kind, _ = ANSWERS[effect.kind]
        if fact.id in (f"{kind}:{effect.key}", f"failed:{effect.key}"):
            return effect
    return None


def check(node: Node) -> None:
    check_it_moves_on(node.state, node.under_way)


def let_time_pass(node: Node, *, effects_succeed: bool) -> State:
    """Nobody speaks any more; effects answer at once, well or not at all. Where that leads within forty deadlines."""
    state, under_way = node.state, list(node.under_way)
    for _ in range(40):
        waited_for = [effect for effect in under_way if is_waited_for(state, effect)]
        if waited_for:
            answers = _answers(state, waited_for[0], state.since + MINUTE)
            fact = answers[0] if effects_succeed else answers[-1]
            under_way.remove(waited_for[0])
        elif (
            state.ended or silence(state) is Silence.REMIND or (not effects_succeed and state.stage is Stage.ATTENTION)
        ):
            return state
        else:
            assert state.alarm is not None
            fact = Fact(FactKind.TIME_PASSED, state.alarm, "time")
        state, effects = decide(state, fact)
        under_way += effects
    return state
