"""A return as a test tells it: facts one after another, effects that are under way until something answers them.

Every step is checked as it is taken: it follows the picture of the process, its deadline can come, it can be written down and read
again, and the case cannot hang.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.limits import Limits
from domain.process import decide, owner, silence, start
from domain.replica import digest, from_json, to_json
from domain.stages import ENDS, FOLLOWS, Stage
from domain.state import WAITS, Effect, EffectKind, Fact, FactKind, Method, Opening, State, Verdict

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
LIMITS = Limits(
    approval="24h",
    booking="1h",
    ship_back="14d",
    pickup="24h",
    pickup_tries=2,
    transit="10d",
    inspection="2bd",
    refund="3d",
    attention="4h",
)
MINUTE = timedelta(minutes=1)

# What an effect comes to when all is well.
ANSWERS: dict[EffectKind, tuple[FactKind, dict[str, Any]]] = {
    EffectKind.BOOK: (FactKind.BOOKED, {"parcel_id": "par_1"}),
    EffectKind.VOID: (FactKind.VOIDED, {"voided": True}),
    EffectKind.SETTLE: (FactKind.SETTLED, {"status": "succeeded"}),
    EffectKind.SEND_BACK: (FactKind.SENT_BACK, {}),
    EffectKind.RECHARGE: (FactKind.RECHARGED, {"standing": "captured"}),
    EffectKind.REVERSE: (FactKind.RECHARGED, {"standing": ""}),
    EffectKind.WRITE_OFF: (FactKind.RECHARGED, {"standing": "written_off"}),
    EffectKind.RELEASE: (FactKind.RELEASED, {}),
}
# Ended returns that are opened again, and by what.
REOPENED_BY = {
    Stage.EXPIRED: {FactKind.SCANNED, FactKind.RECEIVED, FactKind.INSPECTED},
    Stage.CANCELLED: {FactKind.SCANNED, FactKind.RECEIVED, FactKind.INSPECTED},
    Stage.REFUSED: {FactKind.RECEIVED, FactKind.INSPECTED, FactKind.APPEALED},
    # By goods where they were charged back.
    Stage.CLOSED: {FactKind.REFUND_REPORTED, FactKind.SCANNED, FactKind.RECEIVED, FactKind.INSPECTED},
    Stage.SENT_BACK: set(),
}


def an_opening(**vary: Any) -> Opening:
    return replace(Opening("ret_1", True, Method.LABEL, MONDAY, LIMITS), **vary)


def a_state(stage: Stage = Stage.BOOKED, **vary: Any) -> State:
    """A label is there and the shopper has two weeks."""
    state = State(stage, MONDAY, Method.LABEL, LIMITS, due=MONDAY + timedelta(days=14), bookings=1)
    return replace(state, **vary)


def check_step(before: State, fact: Fact, after: State) -> None:
    """One step, by itself: along the arrows, out of an end only by the facts that open it again, warned before it is due."""
    assert after.stage is before.stage or after.stage in FOLLOWS[before.stage], f"{before.stage} -> {after.stage}"
    if before.ended and not after.ended:
        assert fact.kind in REOPENED_BY[before.stage]
    if after.warn_at is not None:
        assert after.due is not None
        assert after.warn_at < after.due


def check_it_can_be_written_down(after: State) -> None:
    assert from_json(json.loads(json.dumps(to_json(after)))) == after
    assert digest(from_json(to_json(after))) == digest(after) != 0


def check_it_moves_on(state: State, under_way: Iterable[Effect]) -> None:
    """The case cannot hang: it has ended, or an effect will answer, or the silence of somebody named has a consequence."""
    answers = [effect for effect in under_way if is_waited_for(state, effect)]
    if state.ended:
        assert (state.due, state.alarm, owner(state)) == (None, None, None)
    elif answers:
        assert len(answers) == 1
        assert state.alarm is None
    else:
        assert state.stage in WAITS
        assert state.due is not None
        assert state.alarm is not None
        assert owner(state) is not None
        assert silence(state) is not None


def is_waited_for(state: State, effect: Effect) -> bool:
    match effect.kind:
        case EffectKind.BOOK:
            return state.stage is Stage.AUTHORIZED and effect.key == f"book:{state.bookings}"
        case EffectKind.VOID:
            return state.stage is Stage.BOOKED and state.ending is not None and effect.key == f"void:{state.bookings}"
        case EffectKind.SETTLE:
            return state.stage is Stage.INSPECTED and effect.round == state.settlements
        case EffectKind.RECHARGE | EffectKind.REVERSE | EffectKind.WRITE_OFF:
            return state.stage is Stage.RECHARGING and effect.key == f"{effect.kind}:{state.recharges}"
        case EffectKind.RELEASE:
            return False
    return state.stage is Stage.INSPECTED and state.verdict is Verdict.NOTHING_ACCEPTED


class Told:
    """A case and the minute it is told in; each telling takes a minute."""

    def __init__(self, **opening: Any) -> None:
        given = an_opening(**opening)
        self.state, effects = start(given)
        self.before = self.state
        self.now = given.opened_at
        self.under_way = list(effects)
        self.issued = list(effects)
        self.stages = [self.state.stage]
        self.facts: list[Fact] = []
        check_it_moves_on(self.state, self.under_way)

    def hears(self, fact: Fact) -> "Told":
        self.before = before = self.state
        self.state, effects = decide(before, fact)
        self.facts.append(fact)
        self.under_way += effects
        self.issued += effects
        if self.state.stage is not before.stage:
            self.stages.append(self.state.stage)
        check_step(before, fact, self.state)
        check_it_can_be_written_down(self.state)
        check_it_moves_on(self.state, self.under_way)
        return self

    def says(self, kind: FactKind, **data: Any) -> "Told":
        self.now += MINUTE
        return self.hears(Fact(kind, self.now, f"{kind}:{len(self.facts)}", "test", data))

    def again(self) -> "Told":
        """The last fact, heard twice."""
        return self.hears(self.facts[-1])

    # --- people and partners

    def authorized(self) -> "Told":
        return self.says(FactKind.AUTHORIZED)

    def refused(self) -> "Told":
        return self.says(FactKind.REFUSED, reason="worn")

    def cancelled(self) -> "Told":
        return self.says(FactKind.CANCELLED)

    def received(self, **data: Any) -> "Told":
        return self.says(FactKind.RECEIVED, parcel_id="par_1", **data)

    def inspected(self, accepted: str = "all", **data: Any) -> "Told":
        return self.says(FactKind.INSPECTED, accepted=accepted, **data)

    def retried(self) -> "Told":
        return self.says(FactKind.RETRIED, reason="have another look")

    def appealed(self) -> "Told":
        return self.says(FactKind.APPEALED, reason="it was broken when it came")

    def destination_given(self, destination: str = "store_credit") -> "Told":
        return self.says(FactKind.DESTINATION_GIVEN, destination=destination)

    def extended(self, until: datetime) -> "Told":
        return self.says(FactKind.EXTENDED, until=until.isoformat())

    def scanned(self, status: str = "in_transit", **data: Any) -> "Told":
        return self.says(FactKind.SCANNED, status=status, parcel_id="par_1", **data)

    def reported(self, status: str, **data: Any) -> "Told":
        return self.says(FactKind.REFUND_REPORTED, status=status, refund_id="rf_1", **data)

    # --- effects

    def done(self, **data: Any) -> "Told":
        """The effect under way answers."""
        effect = self.under_way.pop()
        kind, well = ANSWERS[effect.kind]
        return self.says(kind, **{"key": effect.key, **well, **data})

    def fails(self) -> "Told":
        effect = self.under_way.pop()
        return self.says(
            FactKind.EFFECT_FAILED, effect=effect.kind, key=effect.key, round=effect.round, error="no answer"
        )

    # --- time

    def silent(self) -> "Told":
        """Nobody does anything until the deadline has passed."""
        assert self.state.due is not None
        self.now = max(self.now, self.state.due - MINUTE)
        return self.says(FactKind.TIME_PASSED)

    # --- where it stands

    @property
    def stage(self) -> Stage:
        return self.state.stage

    @property
    def keys(self) -> list[str]:
        """Every effect that was ever asked for."""
        return [effect.key for effect in self.issued]

    @property
    def waiting_for(self) -> list[str]:
        return [effect.key for effect in self.under_way]

    @property
    def ended(self) -> bool:
        return self.stage in ENDS


def booked(**opening: Any) -> Told:
    return Told(**opening).done()


def in_transit(**opening: Any) -> Told:
    return booked(**opening).scanned("picked_up")


def received(**opening: Any) -> Told:
    return in_transit(**opening).received()


def inspected(**opening: Any) -> Told:
    return received(**opening).inspected()


def settled(**opening: Any) -> Told:
    return inspected(**opening).done(status="pending")


def closed(**opening: Any) -> Told:
    return inspected(**opening).done()


def expired(**opening: Any) -> Told:
    return booked(**opening).silent().done()
