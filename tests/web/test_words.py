"""The words: every one in every language, with the same placeholders, and none that nobody says."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po
from starlette.requests import Request

from domain.withdrawal import Fault
from web.words import DOMAIN, FIRST, LANGUAGES, LOCALES, WORDS, preferred, words_for, words_of

WEB = LOCALES.parent
SAID = re.compile(r"""say\(\s*["']([^"']+)["']\s*[,)]""")
HINTS = re.compile(r"""["'](withdrawal(?:\.[a-z_]+)+)["']""")
HERE = ("page.", "error.", "withdrawal.")  # another face's words are tested with that face
# Messages whose name is put together: what stands for each part.
PUT_TOGETHER = {
    "error.": [f"{kind}.{part}" for kind in ("missing", "later", "ours", "wrong") for part in ("title", "text")],
    "withdrawal.mail.": ["sending", "sent", "waits"],
    "withdrawal.": ["name", "contract", "email"],
    "withdrawal.fault.": [
        f"{field}.{fault}"
        for field in ("name", "contract", "email", "goods")
        for fault in Fault
        if (fault is not Fault.NOT_AN_ADDRESS or field == "email") and (fault is not Fault.MISSING or field != "goods")
    ],
}


def names_said() -> set[str]:
    """Every message that a page or a letter asks for, of the frame and of the withdrawal."""
    found = {beginning + end for beginning, ends in PUT_TOGETHER.items() for end in ends}
    for file in sorted([*WEB.rglob("*.html"), *WEB.rglob("*.py")]):
        text = file.read_text(encoding="utf-8")
        found.update(SAID.findall(text))
        found.update(HINTS.findall(text))
    return {name for name in found if not name.endswith(".") and name.startswith(HERE)}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_there_and_none_that_nobody_says(language: str) -> None:
    assert set(WORDS[language].messages) == set(WORDS[FIRST].messages)
    assert {name for name in WORDS[language].messages if name.startswith(HERE)} == names_said()
    assert [name for name, text in WORDS[language].messages.items() if not text.strip()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_the_same_as_in_english(language: str) -> None:
    english = WORDS[FIRST].messages
    different = [
        name for name, text in WORDS[language].messages.items() if placeholders(text) != placeholders(english[name])
    ]
    assert different == []


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != FIRST])
def test_nothing_is_left_in_english(language: str) -> None:
    english, other = WORDS[FIRST].messages, WORDS[language].messages
    assert [name for name, text in other.items() if text == english[name] and name.startswith(HERE)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_every_name_once_and_nothing_doubtful(language: str) -> None:
    file = Path(LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po")
    names = re.findall(r'^msgid "(.+)"$', file.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(names) == len(set(names))
    with file.open("rb") as opened:
        catalogue = read_po(opened, abort_invalid=True)
    assert not [message.id for message in catalogue if message.id and message.fuzzy]
    assert str(catalogue.locale) == language


def test_every_language_is_there() -> None:
    assert {folder.name for folder in LOCALES.iterdir()} == set(LANGUAGES)


@pytest.mark.parametrize(
    ("query", "header", "language"),
    [
        ("", "", "en"),
        ("", "de-AT,de;q=0.9,en;q=0.8", "de"),
        ("", "tlh, fr-BE;q=0.3, en;q=0.2", "fr"),
        ("", "zh-TW", "zh"),
        ("", "en;q=0.1, de;q=0.2", "de"),
        ("lang=fr", "de", "fr"),
        ("lang=xx", "de", "de"),
        ("lang=", "", "en"),
        ("lang=%00", ";q=x,,*", "en"),
        ("lang=DE", "", "de"),
    ],
)
def test_the_reader_chooses_then_the_browser_then_english(query: str, header: str, language: str) -> None:
    scope = {"type": "http", "query_string": query.encode(), "headers": [(b"accept-language", header.encode())]}
    assert words_of(Request(scope)).language == language


def test_what_a_browser_refuses_is_not_preferred() -> None:
    assert preferred("fr;q=0, de;q=0.5, en;q=2, zh;q=-1") == ["de"]
    assert len(preferred(",".join(["de"] * 1000))) <= 20


def test_dates_and_times_are_written_as_each_language_does() -> None:
    at = datetime(2026, 6, 19, 22, 30, 5, tzinfo=UTC)
    assert words_for("en").moment(at) == "19 June 2026, 22:30:05 (UTC)"
    assert words_for("de").moment(at, "Europe/Berlin") == "20. Juni 2026, 00:30:05 (UTC+02:00)"
    assert words_for("zh").moment(at, "Asia/Shanghai") == "2026年6月20日, 06:30:05 (UTC+08:00)"
    assert words_for("fr-BE").date(date(2026, 2, 1)) == "1 février 2026"


def test_what_is_filled_in_is_not_read_as_a_placeholder() -> None:
    assert "{0.__class__}" in words_for("en")("withdrawal.mail.sent", email="{0.__class__}")
