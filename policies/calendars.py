"""The days of a market as a case freezes them: public holidays, moved working days and time zones, made into a Calendar.

This is the only place where holidays and time zones are looked up, and it is asked when a case is opened. Holidays are
known as far as they are decreed: China's moved working days come out each November for the year after, and a moon that
is yet to be seen decides about feasts in several countries. A case keeps what was known when it was opened.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays

from domain.calendar import Calendar
from policies.page import HERE, BadPolicyFile

NO_HOLIDAYS = "none"
UNKNOWN = "ZZ"  # ISO 3166's code for an unknown country
PUBLIC = ("public",)
# What a case is opened for lies a few days back: the notice of a shopper in the west, a return declared yesterday.
DAYS_BEFORE = 8
_SATURDAY = 5
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Place:
    """Whose days count.

    time_zone    its name in the time zone database
    holidays     whose holidays: a country or part of one as `holidays` names them ("DE", "US-CA"); None = Monday to Friday
    categories   of holidays that are days off
    """

    time_zone: str
    holidays: str | None
    categories: tuple[str, ...] = PUBLIC


NOWHERE = Place("UTC", None)
DAYS_A_WEEK = 7


@lru_cache(maxsize=4096)
def calendar_of(country: str, on: date, *, moves: bool, days: int = 400) -> Calendar:
    """The days of a country or part of one ("DE", "US-CA"; letters of any case), from about a week before `on` to `days` after.

    moves   whether a last day that is no working day moves there (`Market.last_day_on_holiday`)
    """
    code, place = place_of(country)
    first = on - timedelta(days=DAYS_BEFORE)
    length = -(-(DAYS_BEFORE + days) // 8) * 8  # a calendar is made of whole bytes
    last = first + length * _DAY
    years = [_year(place, year) for year in range(first.year, last.year + 1)]
    begin = (first - date(first.year, 1, 1)).days
    return Calendar.of(
        code,
        first,
        working=[word for working, _ in years for word in working][begin : begin + length],
        offsets=[minutes for _, offsets in years for minutes in offsets][begin : begin + length],
        last_moves=moves,
    )


def place_of(country: str) -> tuple[str, Place]:
    """The code and place whose days count in `country`: its own, its country's, or UTC from Monday to Friday."""
    places = load_places()
    code = country.strip().upper()
    for candidate in (code, code.split("-")[0]):
        if candidate in places:
            return candidate, places[candidate]
    return UNKNOWN, NOWHERE


@lru_cache(maxsize=4096)
def _year(place: Place, year: int) -> tuple[Sequence[bool], Sequence[int]]:
    """Of each day of a year, whether it is a working day, and how many minutes ahead of UTC it ends."""
    first, zone = date(year, 1, 1), ZoneInfo(place.time_zone)
    all_days = [first + n * _DAY for n in range((date(year + 1, 1, 1) - first).days)]
    return _working(place, year, all_days), _offsets(all_days, zone)


def _offsets(all_days: Sequence[date], zone: ZoneInfo) -> Sequence[int]:
    """For each day, minutes ahead of UTC at its end. Only weeks in which clocks are changed are looked at day by day."""
    minutes: list[int] = []
    for start in range(0, len(all_days), DAYS_A_WEEK):
        week = all_days[start : start + DAYS_A_WEEK]
        before, after = _offset_at_the_end(week[0], zone), _offset_at_the_end(week[-1], zone)
        minutes += [before] * len(week) if before == after else [_offset_at_the_end(day, zone) for day in week]
    return minutes


def _working(place: Place, year: int, all_days: Sequence[date]) -> Sequence[bool]:
    if place.holidays is None:
        return [day.weekday() < _SATURDAY for day in all_days]
    country, _, part = place.holidays.partition("-")
    known = holidays.country_holidays(country, subdiv=part or None, years=year, categories=place.categories)
    return [known.is_working_day(day) for day in all_days]


def _offset_at_the_end(day: date, zone: ZoneInfo) -> int:
    """Minutes ahead of UTC at the midnight that ends the day; the first of two where clocks are put back over it."""
    offset = datetime.combine(day + _DAY, time.min, tzinfo=zone).utcoffset() or timedelta()
    return int(offset / timedelta(minutes=1))


# --- calendars.toml


@lru_cache(maxsize=8)
def load_places(file: Path = HERE / "calendars.toml") -> Mapping[str, Place]:
    """The place of every code in the file. Raises BadPolicyFile, which names the file, the key and what was expected."""
    tables = _tables(file)
    zones, whose, categories = tables["time_zones"], tables["holidays"], tables["categories"]
    for table, keys in (("holidays", whose), ("categories", categories)):
        for code in keys:
            if code not in zones:
                raise _bad(file, f"{table}.{code}", "a code that has a time zone above", code)
    return {
        code: _place(file, code, zone, whose.get(code, code), categories.get(code, list(PUBLIC)))
        for code, zone in zones.items()
    }


def _tables(file: Path) -> dict[str, dict[str, Any]]:
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise _bad(file, "(file)", "a readable file", problem.strerror) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise _bad(file, "(file)", "a TOML file", str(problem)) from problem
    expected = ("time_zones", "holidays", "categories")
    for name in expected:
        if not isinstance(tables.get(name), dict):
            raise _bad(file, name, "a table", tables.get(name))
    for name in tables:
        if name not in expected:
            raise _bad(file, name, "no such key here", name)
    return tables


def _place(file: Path, code: str, zone: object, whose: object, categories: object) -> Place:
    if not _is_zone(zone):
        raise _bad(file, f"time_zones.{code}", 'a time zone such as "Europe/Berlin"', zone)
    if whose == NO_HOLIDAYS:
        return Place(str(zone), None)
    country, _, part = whose.partition("-") if isinstance(whose, str) else ("", "", "")
    parts = holidays.list_supported_countries().get(country)
    if parts is None or (part and part not in parts):
        raise _bad(file, f"holidays.{code}", 'a country or part of one with holidays such as "US-CA", or "none"', whose)
    if categories != list(PUBLIC):  # every country has these, and asking for them loads its whole history
        supported = holidays.country_holidays(country).supported_categories
        if not isinstance(categories, list) or not categories or not set(map(str, categories)) <= set(supported):
            raise _bad(file, f"categories.{code}", "categories among " + ", ".join(supported), categories)
    return Place(str(zone), str(whose), tuple(categories))


def _is_zone(zone: object) -> bool:
    try:
        ZoneInfo(str(zone))
    except (KeyError, ValueError, OSError):  # not found is a KeyError; a path or a folder of zones is one of the others
        return False
    return isinstance(zone, str)


def _bad(file: Path, key: str, expected: str, found: object) -> BadPolicyFile:
    where = f"{file.parent.name}/{file.name}"
    return BadPolicyFile(
        f"{where}, key {key}: expected {expected}, found {found!r}.", file=str(file), key=key, expected=expected
    )
