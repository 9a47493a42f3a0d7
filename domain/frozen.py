"""A changed copy of a frozen value, quickly: what the rules do more often than anything else.

`dataclasses.replace` asks every field by name and calls `__init__`, which for a value of twenty fields takes ten times as long
as copying it. The copy here is right for values that are nothing but their fields: no `__post_init__`, no slots, no field that
`__init__` does not take.
"""

from typing import Any, TypeVar

Value = TypeVar("Value")


def replace(value: Value, /, **changes: Any) -> Value:
    """A copy of the value with these fields changed.

    Raises TypeError for a field that it has not, as `dataclasses.replace` does.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Point:
    ...     x: int
    ...     y: int
    >>> replace(Point(1, 2), y=3)
    Point(x=1, y=3)
    """
    kind = value.__class__
    if changes.keys() - kind.__dataclass_fields__.keys():  # type: ignore[attr-defined]
        raise TypeError(f"{kind.__name__} has no {', '.join(sorted(changes.keys() - vars(value).keys()))}")
    copy = object.__new__(kind)
    copy.__dict__.update(value.__dict__)
    copy.__dict__.update(changes)
    return copy
