"""Knobs: faults a partner commits on demand, the same ones every time for the same seed.

A knob strikes the next so many times (`{"next": 3}`) or by chance (`{"probability": 0.1}`). Chance is drawn from the
seed, the knob, the subject (an idempotency key, a booking id) and how often the knob was asked about that subject, so
it does not depend on which of two requests came first. Knobs live in memory: a restarted partner behaves again as its
command line says.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Mode = Literal["pending_then_succeeded", "pending_then_failed", "succeeded_then_failed"]


class Rule(BaseModel):
    """When a knob strikes, and how hard. `seconds`, `count` and `mode` matter to the knobs that use them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    next: Annotated[int, Field(ge=0, strict=True)] | None = None
    probability: Annotated[float, Field(ge=0, le=1)] | None = None
    seconds: Annotated[float, Field(ge=0, le=31_536_000)] | None = None
    count: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1
    mode: Mode = "pending_then_succeeded"

    @model_validator(mode="after")
    def _strikes_somehow(self) -> "Rule":
        if (self.next is None) == (self.probability is None):
            raise ValueError("a knob strikes either the next so many times or with a probability: name one of them")
        return self

    def seconds_or(self, usual: float) -> float:
        return usual if self.seconds is None else self.seconds


class Turn(BaseModel):
    """Knobs to set, by name; null turns one off, those not named stay. A seed starts chance anew."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Rule | None]

    seed: int | None = None


class UnknownKnob(Exception):
    """A knob this partner does not have."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name)
        self.name = name
        self.known = known


class Knobs:
    """The knobs of one partner; all off at first."""

    def __init__(self, known: Mapping[str, str], seed: int = 0) -> None:
        self._known = known
        self._seed = seed
        self._rules: dict[str, Rule] = {}
        self._asked: Counter[tuple[str, str]] = Counter()

    def apply(self, turn: Turn) -> None:
        """Set the named knobs. Raises `UnknownKnob`, with nothing set."""
        wanted = turn.__pydantic_extra__
        for name in wanted:
            if name not in self._known:
                raise UnknownKnob(name, tuple(self._known))
        if turn.seed is not None:
            self._seed = turn.seed
            self._asked.clear()
        for name, rule in wanted.items():
            if rule is None:
                self._rules.pop(name, None)
            else:
                self._rules[name] = rule

    def clear(self) -> None:
        """All off."""
        self._rules.clear()
        self._asked.clear()

    def strikes(self, name: str, subject: str) -> Rule | None:
        """The knob's rule if it strikes this time, else None; one strike of `next` is used up."""
        rule = self._rules.get(name)
        if rule is None:
            return None
        if rule.next is not None:
            if rule.next == 0:
                return None
            self._rules[name] = rule.model_copy(update={"next": rule.next - 1})
            return rule
        self._asked[name, subject] += 1
        drawn = chance(self._seed, name, subject, self._asked[name, subject])
        return rule if drawn < (rule.probability or 0.0) else None

    def show(self) -> dict[str, Any]:
        """Every knob with what it does and how it is set now."""
        return {
            "seed": self._seed,
            "knobs": {
                name: {"does": does, "rule": self._rules[name].model_dump() if name in self._rules else None}
                for name, does in self._known.items()
            },
        }


def chance(seed: int, *of: object) -> float:
    """A number in [0, 1) that is always the same for the same seed and subject."""
    drawn = hashlib.blake2b("\x1f".join([str(seed), *map(str, of)]).encode(), digest_size=7).digest()
    return int.from_bytes(drawn, "big") / 2**56
