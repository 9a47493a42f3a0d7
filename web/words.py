"""The words that people read: by name, in the reader's language, with dates and times as that language writes them.

    say = words_of(request)
    say("withdrawal.title")                     'Withdraw from your contract'
    say("withdrawal.step", number=1)            'Step 1 of 2'
    say.moment(at, "Europe/Berlin")             '19 June 2026, 14:05:09 (UTC+02:00)'

Catalogues are gettext's .po files, read as they are when the server starts; nothing is compiled.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.core import Locale, negotiate_locale
from babel.dates import format_date, format_datetime
from babel.messages.pofile import read_po
from starlette.requests import Request

LOCALES = Path(__file__).parent / "locale"
DOMAIN = "boomerang"
# Each language with the tag that pages carry (BCP 47), and its own name for itself.
LANGUAGES: Mapping[str, tuple[str, str]] = {
    "en": ("en", "English"),
    "de": ("de", "Deutsch"),
    "fr": ("fr", "Français"),
    "zh": ("zh-Hans", "简体中文"),
}
FIRST = "en"
DATES = {"en": "en-GB"}  # how dates are written: English readers of the law are in Europe
PREFERENCES_MAX = 20


class Words:
    """One language. Called with a message's name, it answers the text with its placeholders filled."""

    def __init__(self, language: str, messages: Mapping[str, str]) -> None:
        self.language = language
        self.tag, self.own_name = LANGUAGES[language]
        self.messages = messages
        self._locale = Locale.parse(DATES.get(language, self.tag), sep="-")

    def __call__(self, name: str, **given: object) -> str:
        """Raises KeyError for a message that is in no catalogue: a mistake of the page's, found by its tests."""
        return self.messages[name].format(**given)

    def date(self, day: date) -> str:
        return str(format_date(day, "long", locale=self._locale))

    def moment(self, at: datetime, time_zone: str = "UTC") -> str:
        """To the second, with the offset from UTC: it may have to serve as proof."""
        local = at.astimezone(ZoneInfo(time_zone))
        clock = format_datetime(local, "HH:mm:ss", locale=self._locale)
        offset = "" if time_zone == "UTC" else f"{local.isoformat()[-6:]}"
        return f"{self.date(local.date())}, {clock} (UTC{offset})"


def read_catalogue(language: str) -> dict[str, str]:
    """The messages of a language by their names."""
    with (LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file, locale=language) if message.id}


WORDS: Mapping[str, Words] = {language: Words(language, read_catalogue(language)) for language in LANGUAGES}


def words_for(tag: str) -> Words:
    """The nearest language to a tag: `de-AT` is German, an unknown one English.

    >>> words_for("de-AT").language, words_for("tlh").language
    ('de', 'en')
    """
    return WORDS[_nearest([tag]) or FIRST]


def words_of(request: Request) -> Words:
    """The reader's language: `?lang=`, then what the browser prefers, then English."""
    asked = request.query_params.get("lang")
    chosen = _nearest([asked]) if asked else None
    return WORDS[chosen or _nearest(preferred(request.headers.get("accept-language", ""))) or FIRST]


def preferred(header: str) -> list[str]:
    """The languages of an Accept-Language header, best first (RFC 9110, section 12.5.4).

    >>> preferred("en;q=0.5, de-AT, fr;q=0, *")
    ['de-AT', 'en']
    """
    found: list[tuple[float, str]] = []
    for part in header.split(",")[:PREFERENCES_MAX]:
        tag, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight.strip() else 1.0
        except ValueError:
            continue
        if tag.strip() not in ("", "*") and 0 < quality <= 1:
            found.append((quality, tag.strip()))
    return [tag for _, tag in sorted(found, key=lambda one: -one[0])]


def _nearest(tags: Sequence[str]) -> str | None:
    return negotiate_locale([tag.replace("_", "-").lower() for tag in tags], list(LANGUAGES), sep="-")
