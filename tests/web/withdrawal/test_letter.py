"""The acknowledgement in words: its content, its date and time, and nothing in it that somebody else could have written."""

from datetime import UTC, datetime

import pytest

from desk.withdrawals import Submission
from domain.withdrawal import Declaration
from web.withdrawal.letter import acknowledgement
from web.words import LANGUAGES

AT = datetime(2026, 6, 19, 22, 30, 5, tzinfo=UTC)
SAID = Declaration("Ada Lovelace", "10023", "ada@customer.example", locale="en")


def test_an_acknowledgement_reads_like_this() -> None:
    letter = acknowledgement(Submission("wdr_1", SAID, AT, "DE"))
    assert letter.subject == "Acknowledgement of your withdrawal wdr_1"
    assert (
        letter.text
        == """This is the acknowledgement of receipt of your withdrawal.

Number of your withdrawal:
  wdr_1
Submitted:
  20 June 2026, 00:30:05 (UTC+02:00)
  19 June 2026, 22:30:05 (UTC)

I hereby withdraw from the following contract:

Your name:
  Ada Lovelace
Order number:
  10023
Which goods:
  All of them: the whole contract
E-mail address:
  ada@customer.example

Keep it: it proves that you have withdrawn, from what, and when.

We will write to you about how the goods come back and when you get your money.
"""
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_has_content_date_and_time_in_every_language(language: str) -> None:
    said = Declaration("Ada Lovelace", "10023", "ada@customer.example", "A linen dress", f"{language}-XX")
    letter = acknowledgement(Submission("wdr_1", said, AT, None))
    for part in ("wdr_1", "Ada Lovelace", "10023", "A linen dress", "ada@customer.example", "2026", "22:30:05 (UTC)"):
        assert part in letter.text
    assert letter.language == language


def test_a_language_that_we_do_not_speak_is_answered_in_english() -> None:
    said = Declaration("Ada", "10023", "ada@customer.example", locale="fi")
    assert acknowledgement(Submission("wdr_1", said, AT, None)).language == "en"


def test_no_line_that_was_typed_can_be_taken_for_one_of_ours() -> None:
    said = Declaration("Ada", "10023", "ada@customer.example", "A dress\nSubmitted:\n  1 January 2026")
    text = acknowledgement(Submission("wdr_1", said, AT, None)).text
    assert [line for line in text.splitlines() if line.startswith("Submitted")] == ["Submitted:"]
    assert "  Submitted:" in text


def test_where_the_market_is_not_known_the_time_is_utc_alone() -> None:
    text = acknowledgement(Submission("wdr_1", SAID, AT, None)).text
    assert text.count("22:30:05") == 1
    assert "00:30:05" not in text
