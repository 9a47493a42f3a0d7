"""A page of a policy file: its keys are taken one by one, and every fault is told with the file, the line and what was expected.

The files are edited by people, so a key that nobody takes is a fault too: it is usually a slip of the pen in one that somebody does.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from domain.calendar import Span, UnreadableSpan
from domain.errors import Invalid

HERE = Path(__file__).parent
Word = TypeVar("Word", bound=StrEnum)


class BadPolicyFile(Invalid):
    """A policy file that cannot be used; facts: file, key, line, expected of the first fault, and `faults` for all of them."""

    code = "bad_policy_file"
    title = "The policy has faults"
    next_action = "Correct the named key in the named file and load the policies again."


@dataclass(frozen=True)
class Fault:
    """One thing that cannot be read: the file, the key and its line (1 = first; None where there is none), and why."""

    file: str
    key: str
    line: int | None
    expected: str
    found: str

    def __str__(self) -> str:
        at = f", line {self.line}" if self.line else ""
        return f"{self.file}{at}, key {self.key}: expected {self.expected}, found {self.found}."


class Page:
    """A table of a policy file whose keys are taken one by one; `end` notes those that nobody took, `done` raises all faults.

    A key that cannot be read is noted and stands for the least that fits, so that one reading finds every fault.
    """

    def __init__(
        self, where: str, name: str, table: dict[str, Any], prefix: str, faults: list[Fault], lines: dict[str, int]
    ) -> None:
        self.where, self.name, self._table, self._prefix = where, name, dict(table), prefix
        self._faults, self._lines = faults, lines

    @classmethod
    def of(cls, text: str, where: str) -> "Page":
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as problem:
            found = re.search(r"line (\d+)", str(problem))
            raise bad(
                Fault(where, "(file)", int(found[1]) if found else None, "a TOML file", str(problem))
            ) from problem
        return cls(where, Path(where).stem, table, "", [], lines_of(text))

    def note(self, key: str, expected: str, found: object) -> None:
        """Remember a fault; the reading goes on."""
        path = f"{self._prefix}{key}"
        line = next((self._lines[part] for part in _upwards(path) if part in self._lines), None)
        self._faults.append(Fault(self.where, path, line, expected, repr(found)))

    def done(self) -> None:
        """Raise what was noted, if anything was."""
        if self._faults:
            raise bad(*self._faults)

    def has(self, key: str) -> bool:
        return key in self._table

    def take(self, key: str, expected: str, fits: Callable[[Any], bool], least: Any) -> Any:
        """The value of a key; where it is missing or does not fit that is noted, and `least` stands for it."""
        if key not in self._table:
            self.note(key, expected, "nothing")
            return least
        value = self._table.pop(key)
        if not fits(value):
            self.note(key, expected, value)
            return least
        return value

    def text(self, key: str) -> str:
        value: str = self.take(key, "a text", lambda value: isinstance(value, str) and value.strip() != "", "?")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(self.take(key, "a list of texts", _are_texts, ()))

    def words(self, key: str, known: Iterable[str]) -> frozenset[str]:
        """A list of words among those known; none where the key is left out."""
        if not self.has(key):
            return frozenset()
        words = frozenset(self.texts(key))
        for word in sorted(words - frozenset(known)):
            self.note(key, "words among " + ", ".join(known), word)
        return words & frozenset(known)

    def flag(self, key: str) -> bool:
        value: bool = self.take(key, "true or false", lambda value: isinstance(value, bool), False)
        return value

    def maybe(self, key: str, otherwise: bool) -> bool:
        return self.flag(key) if self.has(key) else otherwise

    def whole(self, key: str, *, least: int = 0, most: int | None = None) -> int:
        expected = f"a whole number from {least}" + ("" if most is None else f" to {most}")
        value: int = self.take(
            key,
            expected,
            lambda value: type(value) is int and value >= least and (most is None or value <= most),
            least,
        )
        return value

    def day(self, key: str) -> date:
        value: date = self.take(key, "a date such as 2026-06-19", lambda value: type(value) is date, date.min)
        return value

    def span(self, key: str) -> str:
        value: str = self.take(key, 'a span such as "24h", "7d" or "2bd"', _is_span, "1d")
        return value

    def spans(self, key: str) -> tuple[str, ...]:
        return tuple(self.take(key, 'a list of spans such as ["24h", "48h"]', _are_spans, ("1d",)))

    def choice(self, key: str, words: type[Word]) -> Word:
        return words(
            self.take(key, "one of " + ", ".join(words), lambda value: value in list(words), next(iter(words)))
        )

    def page(self, key: str) -> "Page":
        table = self.take(key, "a table", lambda value: isinstance(value, dict), {})
        return Page(self.where, key, table, f"{self._prefix}{key}.", self._faults, self._lines)

    def maybe_page(self, key: str) -> "Page":
        """A table that may be left out."""
        return self.page(key) if self.has(key) else Page(self.where, key, {}, f"{self._prefix}{key}.", [], {})

    def pages(self, key: str) -> list["Page"]:
        holder = self.page(key)
        return [holder.page(name) for name in list(holder._table)]

    def repeated(self, key: str) -> list["Page"]:
        """The tables of a list of tables, in order; none where the key is left out."""
        if not self.has(key):
            return []
        tables = self.take(key, "a list of tables", _are_tables, [])
        return [
            Page(self.where, key, table, f"{self._prefix}{key}[{number}].", self._faults, self._lines)
            for number, table in enumerate(tables)
        ]

    def has_page(self, key: str) -> bool:
        return isinstance(self._table.get(key), dict)

    def names(self) -> list[str]:
        return list(self._table)

    def end(self) -> None:
        for key in self._table:
            self.note(key, "no such key here", key)


def bad(*faults: Fault) -> BadPolicyFile:
    first = faults[0]
    more = f" And {len(faults) - 1} more." if len(faults) > 1 else ""
    return BadPolicyFile(
        f"{first}{more}", file=first.file, key=first.key, line=first.line, expected=first.expected, faults=faults
    )


def text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        where = f"{file.parent.name}/{file.name}"
        raise bad(Fault(where, "(file)", None, "a readable file", repr(str(problem)))) from problem


_HEADER = re.compile(r"^\s*\[{1,2}\s*(?P<path>[^\]]+?)\s*\]{1,2}")
_KEY = re.compile(r"""^\s*(?P<key>[A-Za-z0-9_\-]+|"[^"]+"|'[^']+')\s*=""")


def lines_of(text: str) -> dict[str, int]:
    """The line of each table and key of a TOML text, by its dotted path; of repeated tables by number: "when[0].days"."""
    lines: dict[str, int] = {}
    table, repeated = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = header["path"].replace('"', "").replace(" ", "")
            if line.lstrip().startswith("[["):
                repeated[table] = repeated.get(table, -1) + 1
                table = f"{table}[{repeated[table]}]"
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault(f"{table}.{key['key'].strip(chr(34))}".lstrip("."), number)
    return lines


def _upwards(path: str) -> Iterator[str]:
    """The path, and what it lies in: a key that is missing is looked for in its table."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def _are_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(table, dict) for table in value)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) and text for text in value)


def _is_span(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        Span.parse(value)
    except UnreadableSpan:
        return False
    return True


def _are_spans(value: object) -> bool:
    return isinstance(value, list) and value != [] and all(_is_span(span) for span in value)
