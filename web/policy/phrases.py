"""The parts that sentences about a policy are made of: spans, sums, days of the year, lists, places, kinds of goods.

Languages inflect: each catalogue writes a span in the one case in which its sentences use it (German: the dative, "innerhalb von
7 Tagen"). Of what is counted, the catalogues have a message for each plural form, by the name that Unicode gives it.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from babel import Locale
from babel.dates import format_skeleton
from babel.lists import format_list
from babel.numbers import format_currency, format_percent

from domain.calendar import Span
from domain.market import Market
from domain.money import EXPONENTS
from domain.policy import MonthDay
from web.words import DATES, Words

UNITS = {"min": "minutes", "h": "hours", "d": "days", "bd": "business_days", "m": "months"}
FORMS = ("one", "other")
PARTS = ("US-CA", "CA-ON", "CA-QC")  # of countries, which Unicode's names of territories do not know
_LEAP_YEAR = 2028


def locale_of(say: Words) -> Locale:
    return Locale.parse(DATES.get(say.language, say.tag), sep="-")


def counted(say: Words, name: str, n: int, **given: object) -> str:
    """A message with a number, in the form that the language has for it: `policy.days.one`, `policy.days.other`.

    French has a form of its own for millions, which no policy needs.
    """
    form = locale_of(say).plural_form(n)
    return say(f"{name}.{form if form in FORMS else 'other'}", n=n, **given)


def span(say: Words, text: str) -> str:
    """A span of the policy: "24h", "7d", "2bd"."""
    parsed = Span.parse(text)
    return counted(say, f"policy.{UNITS[parsed.unit]}", parsed.amount)


def days(say: Words, n: int, *, business: bool = False) -> str:
    return counted(say, f"policy.{UNITS['bd' if business else 'd']}", n)


def months(say: Words, n: int) -> str:
    return counted(say, f"policy.{UNITS['m']}", n)


def dollars(say: Words, whole: int) -> str:
    """Whole US dollars, as ceilings are written."""
    return str(format_currency(whole, "USD", locale=locale_of(say)))


def sum_of(say: Words, minor: int, currency: str) -> str:
    return str(format_currency(Decimal(minor).scaleb(-EXPONENTS[currency]), currency, locale=locale_of(say)))


def percent(say: Words, whole: int) -> str:
    return str(format_percent(whole / 100, locale=locale_of(say)))


def day_of_year(say: Words, day: MonthDay) -> str:
    return str(format_skeleton("MMMMd", date(_LEAP_YEAR, day.month, day.day), locale=locale_of(say)))


def any_of(say: Words, names: Iterable[str]) -> str:
    """ "shoes, bags or hats"."""
    return str(format_list(list(names), style="or", locale=locale_of(say)))


def all_of(say: Words, names: Iterable[str]) -> str:
    """ "newspapers; vehicles": kinds of goods, which have commas of their own."""
    return say("policy.separator").join(names)


def place(say: Words, code: str, market: Market | None = None) -> str:
    """The name of a country or part of one in the reader's language; the row's own where there is none."""
    if code in PARTS:
        return say(f"policy.place.{code}")
    known = locale_of(say).territories.get(code)
    return str(known or (market.name if market else code))
