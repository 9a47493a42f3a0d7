"""Why a decision fell as it did: one question, its answer, the rule and the source, in a form that can be stored and shown."""

from dataclasses import dataclass

from domain.frozen import quickly_made


@quickly_made
@dataclass(frozen=True)
class Decision:
    """One answered question. `inputs` are the values the rule looked at, as text, in the order it looked at them.

    >>> Decision("Is SKU 22960 within the window?", "yes", "return_window", "policy online_retail v1", (("days", "7"),)).answer
    'yes'
    """

    question: str
    answer: str
    rule: str
    source: str
    inputs: tuple[tuple[str, str], ...] = ()
