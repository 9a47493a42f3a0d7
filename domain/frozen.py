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
    copy = object.__new__(value.__class__)
    fields = copy.__dict__
    fields.update(value.__dict__)
    known = len(fields)
    fields.update(changes)
    if len(fields) != known:
        raise TypeError(f"{type(value).__name__} has no {', '.join(sorted(changes.keys() - vars(value).keys()))}")
    return copy
