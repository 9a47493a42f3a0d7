"""Fonts: every sign of a name is set in a font that has it, and what nobody has is seen to be missing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from web.documents import fonts
from web.documents.fonts import CHINESE, JAPANESE, KOREAN, can_show, has_east_asian, marked_up


@pytest.mark.parametrize(
    ("text", "set_as"),
    [
        ("Ada & Co <Ltd>", "Ada &amp; Co &lt;Ltd&gt;"),
        ("12\u202f345,00\u202f€", "12\xa0345,00\xa0€"),
        ("A\nB", "A<br/>B"),
        ("王", f'<font name="{CHINESE}">王</font>'),
        ("田中さん", f'<font name="{JAPANESE}">田中さん</font>'),
        ("김", f'<font name="{KOREAN}">김</font>'),
        ("Ada 王", f'Ada <font name="{CHINESE}">王</font>'),
        ("\U0001fa70", "?"),
    ],
)
def test_each_run_has_its_font(text: str, set_as: str) -> None:
    assert marked_up(text) == set_as


@pytest.mark.parametrize("text", ["Łukasz", "€ £ ¥", "王小明", "größer"])
def test_what_can_be_shown(text: str) -> None:
    assert can_show(text)


def test_what_cannot_be_shown_is_known() -> None:
    assert not can_show("\U0001fa70")


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No font but those that come with reportlab."""
    monkeypatch.setattr(fonts, "OF_THE_MACHINE", tmp_path)
    fonts.fonts.cache_clear()
    yield
    monkeypatch.undo()
    fonts.fonts.cache_clear()


@pytest.mark.usefixtures("bare_machine")
@pytest.mark.parametrize(
    ("text", "set_as"),
    [
        ("Dvo\u0159\u00e1k", "Dvorák"),
        ("Łukasz", "Łukasz"),
        ("Анна", "????"),
        ("\u05d0", "?"),
    ],
)
def test_a_machine_without_more_fonts_does_what_it_can(text: str, set_as: str) -> None:
    assert marked_up(text) == set_as


def test_only_east_asian_text_breaks_between_any_two_signs() -> None:
    assert (has_east_asian("Ada 王"), has_east_asian("Ada Łukasz")) == (True, False)
