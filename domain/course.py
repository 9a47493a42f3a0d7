"""The life that one return would have led: what was heard of it then, told again to the pure process under other limits.

Whoever spoke then speaks now, after the same time; whoever was silent is silent, and deadlines ring by themselves. What
people said before there was a label counts from the opening. What was seen of the goods counts from the label: a label that
comes a day later is used a day later. What the provider reported counts from the settlement.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import heappop, heappush
from typing import Any

from domain.advances import Standing
from domain.process import decide, silence, start
from domain.stages import Silence, Stage
from domain.state import WAITS, Effect, EffectKind, Fact, FactKind, Opening, State, Verdict

MOST_STEPS = 500  # a life has about ten
UNTIL = "until_after"  # of a deadline that was extended: to how long after the opening, in place of a moment


class Since(StrEnum):
    """What the time of something that was heard is counted from."""

    OPENING = "opening"
    LABEL = "label"
    REFUND = "refund"


@dataclass(frozen=True)
class Heard:
    """Something that people or partners said of a return, and how long after what."""

    kind: FactKind
    after: timedelta
    since: Since
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What an effect came to, how long after it was ordered; `failed` where it was given up."""

    after: timedelta
    data: Mapping[str, Any] = field(default_factory=dict)
    failed: bool = False


@dataclass(frozen=True, eq=False)
class Course:
    """What was heard of a return, in time order, and what its effects came to, in the order in which they were tried.

    known_for   how long after its opening it has been watched; None where it ended
    labels      what its labels cost, in order, in minor units by currency: the last one stands for further ones
    way_back    what it cost to send the goods back to the shopper
    rejected    units that the bench did not accept, by SKU
    """

    heard: tuple[Heard, ...] = ()
    answers: Mapping[EffectKind, tuple[Answer, ...]] = field(default_factory=dict)
    known_for: timedelta | None = None
    labels: tuple[Mapping[str, int], ...] = ()
    way_back: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Pace:
    """How long each step takes where nothing was recorded: a label and a payment after they are ordered, the goods after the label.

    The figures are our assumption; where returns have been recorded, their medians stand in for them.
    """

    booked: timedelta = timedelta(minutes=1)
    scanned: timedelta = timedelta(days=2)
    delivered: timedelta = timedelta(days=5)
    received: timedelta = timedelta(days=5, hours=4)
    inspected: timedelta = timedelta(days=6)
    settled: timedelta = timedelta(minutes=1)


def assumed_course(pace: Pace, label: Mapping[str, int] | None = None) -> Course:
    """The course of a return of which nothing was recorded: at this pace, no step after the one that follows it."""
    inspected = pace.inspected
    received = min(pace.received, inspected)
    delivered = min(pace.delivered, received)
    told = (
        Heard(FactKind.SCANNED, min(pace.scanned, delivered), Since.LABEL, {"status": "in_transit"}),
        Heard(FactKind.SCANNED, delivered, Since.LABEL, {"status": "delivered"}),
        Heard(FactKind.RECEIVED, received, Since.LABEL),
        Heard(FactKind.INSPECTED, inspected, Since.LABEL, {"accepted": "all"}),
    )
    return Course(
        told,
        {
            EffectKind.BOOK: (Answer(pace.booked),),
            EffectKind.VOID: (Answer(pace.booked, {"voided": True}),),
            EffectKind.SETTLE: (Answer(pace.settled, {"status": "succeeded"}),),
            EffectKind.SEND_BACK: (Answer(pace.booked),),
            EffectKind.RECHARGE: (Answer(pace.settled, {"standing": Standing.CAPTURED}),),
            EffectKind.REVERSE: (Answer(pace.settled, {"standing": Standing.NONE}),),
            EffectKind.WRITE_OFF: (Answer(pace.settled, {"standing": Standing.WRITTEN_OFF}),),
            EffectKind.RELEASE: (Answer(pace.settled),),
        },
        labels=(label or {},),
        way_back=label or {},
    )


@dataclass(frozen=True)
class Life:
    """What became of a return.

    ended_at   when it came to its end; None where it has not
    settled    when its refund was ordered and on what ground: once, or again where the goods were lost after it
    paid_at    when the money was there
    labels     when each label was there, those given back left out
    sent_back  when the goods went back to the shopper
    judged_at  when the bench judged them
    assumed    nothing was recorded of it: it went at the assumed pace
    """

    stage: Stage
    ended_at: datetime | None
    settled: tuple[tuple[datetime, Verdict], ...]
    paid_at: datetime | None
    labels: tuple[datetime, ...]
    sent_back: datetime | None
    judged_at: datetime | None
    assumed: bool


ANSWERED: Mapping[EffectKind, FactKind] = {
    EffectKind.BOOK: FactKind.BOOKED,
    EffectKind.VOID: FactKind.VOIDED,
    EffectKind.SETTLE: FactKind.SETTLED,
    EffectKind.SEND_BACK: FactKind.SENT_BACK,
    EffectKind.RECHARGE: FactKind.RECHARGED,
    EffectKind.REVERSE: FactKind.RECHARGED,
    EffectKind.WRITE_OFF: FactKind.RECHARGED,
    EffectKind.RELEASE: FactKind.RELEASED,
}


def live(opening: Opening, course: Course, otherwise: Course) -> Life:
    """The life of an authorized or referred return under the limits of its opening.

    `otherwise` is the course where nothing was recorded: of a return that was refused then, or that needed no label.
    """
    return _Telling(opening, course, otherwise).to_the_end()


class _Telling:
    """One life under way: the state, and what is still to be heard, in time order."""

    def __init__(self, opening: Opening, course: Course, otherwise: Course) -> None:
        self._at, self._course, self._otherwise = opening.opened_at, course, otherwise
        self._last = None if course.known_for is None else opening.opened_at + course.known_for
        self._coming: list[tuple[datetime, int, FactKind, Mapping[str, Any]]] = []
        self._number = 0
        self._tried: dict[EffectKind, int] = {}
        self._settled: list[tuple[datetime, Verdict]] = []
        self._labels: list[datetime] = []
        self._paid_at: datetime | None = None
        self._sent_back: datetime | None = None
        self._judged_at: datetime | None = None
        self._assumed = False
        self._expect(course, Since.OPENING, opening.opened_at)
        self._state, effects = start(opening)
        self._order(effects, opening.opened_at)

    def to_the_end(self) -> Life:
        for _ in range(MOST_STEPS):
            fact = self._next()
            if fact is None or (self._last is not None and fact.at > self._last):
                break
            before = self._state
            self._note(fact)
            self._state, effects = decide(before, fact)
            self._order(effects, fact.at)
            self._money(self._state, fact.at)
        state = self._state
        return Life(
            stage=state.stage,
            ended_at=state.since if state.ended else None,
            settled=tuple(self._settled),
            paid_at=self._paid_at,
            labels=tuple(self._labels),
            sent_back=self._sent_back,
            judged_at=self._judged_at,
            assumed=self._assumed,
        )

    def _next(self) -> Fact | None:
        """What happens next: what is heard, or time passes a deadline first; None when nothing more does."""
        state, self._number = self._state, self._number + 1
        due = state.due if state.stage in WAITS else None
        passes_first = due is not None and not (self._coming and self._coming[0][0] < due)
        # A reminder changes nothing: what there is to hear is waited for, and without it nothing more happens.
        if due is not None and passes_first and silence(state) is not Silence.REMIND:
            return Fact(FactKind.TIME_PASSED, due, f"time_passed:{self._number}")
        if not self._coming:
            return None
        at, number, kind, data = heappop(self._coming)
        return Fact(kind, at, f"{kind}:{number}", data=dict(data))

    def _order(self, effects: tuple[Effect, ...], at: datetime) -> None:
        for effect in effects:
            if effect.kind is EffectKind.SETTLE:
                self._settled.append((at, self._state.verdict))
            answer = self._answer(effect.kind)
            if answer is None:
                continue
            kind, data = ANSWERED[effect.kind], answer.data
            if effect.kind is EffectKind.SETTLE and not answer.failed:
                data = self._as_guaranteed(data)
            if answer.failed:
                kind, data = FactKind.EFFECT_FAILED, {"effect": effect.kind, "key": effect.key, "round": effect.round}
            self._hear(at + answer.after, kind, data)

    def _as_guaranteed(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Whether a card could be held then says nothing of other limits: where they ask for a guarantee, a hold is assumed."""
        if "guarantee" in data or data.get("status") == "withheld":
            plain = {name: value for name, value in data.items() if name != "guarantee"}
            data = plain | ({"status": "succeeded"} if data["status"] == "withheld" else {})
        state = self._state
        asked = state.limits.guarantee and state.verdict is Verdict.ADVANCE
        return {**data, "guarantee": Standing.HOLD} if asked else data

    def _answer(self, kind: EffectKind) -> Answer | None:
        """What the next try comes to. After the last one on record another goes like it; one that failed is not repeated for ever."""
        tried = self._tried[kind] = self._tried.get(kind, 0) + 1
        known = self._course.answers.get(kind, ())
        if not known:
            self._assumed = self._assumed or kind in (EffectKind.BOOK, EffectKind.SETTLE)
            return self._otherwise.answers[kind][0]
        if tried <= len(known):
            return known[tried - 1]
        return None if known[-1].failed else known[-1]

    def _note(self, fact: Fact) -> None:
        """What the fact starts, and what it leaves behind."""
        match fact.kind:
            case FactKind.BOOKED:
                self._labels.append(fact.at)
                if len(self._labels) == 1:
                    recorded = bool(self._course.answers.get(EffectKind.BOOK))
                    self._expect(self._course if recorded else self._otherwise, Since.LABEL, fact.at)
            case FactKind.VOIDED if fact.data.get("voided", True) and self._labels:
                self._labels.pop()
            case FactKind.SETTLED if len(self._settled) == 1:
                self._expect(self._course, Since.REFUND, fact.at)
            case FactKind.SENT_BACK:
                self._sent_back = fact.at
            case FactKind.INSPECTED:
                self._judged_at = self._judged_at or fact.at

    def _money(self, state: State, at: datetime) -> None:
        if self._paid_at is None and (state.paid or (state.stage is Stage.CLOSED and state.settlements)):
            self._paid_at = at

    def _expect(self, course: Course, since: Since, start: datetime) -> None:
        for heard in course.heard:
            if heard.since is since:
                data = heard.data
                if UNTIL in data:
                    data = {"until": (self._at + timedelta(seconds=data[UNTIL])).isoformat()}
                self._hear(start + heard.after, heard.kind, data)

    def _hear(self, at: datetime, kind: FactKind, data: Mapping[str, Any]) -> None:
        self._number += 1
        heappush(self._coming, (at, self._number, kind, data))
