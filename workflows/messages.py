"""What a case is started with, and what it answers. What it is told are facts (domain/process.py): one form for the message, the row
of the timeline and the argument of the rule, so that none of the three can say something else."""

from dataclasses import dataclass

from domain.stages import Stage
from domain.state import Opening, State


@dataclass(frozen=True)
class CaseInput:
    """A new case, or one that had ended (`ended`) and is opened again by the message that comes with its start."""

    opening: Opening
    ended: State | None = None


@dataclass(frozen=True)
class Answer:
    """Where the case stands after a fact was taken."""

    stage: Stage
