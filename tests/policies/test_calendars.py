"""The days of the markets, against dates worked out by hand from the published lists of holidays.

Sources: State Council of China, arrangement of holidays for 2026 (Spring Festival 15 to 23 February, worked 14 and
28 February; National Day 1 to 7 October, worked 20 September and 10 October); GOV.UK bank holidays; Cabinet Office of
Japan, national holidays; Korean lunar calendar for Chuseok; and the calendar on the wall. Instants are UTC.
"""

import itertools
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from domain.calendar import Calendar, after
from policies.book import load_policy_book
from policies.calendars import UNKNOWN, calendar_of, load_places, place_of
from policies.page import HERE, BadPolicyFile

BOOK = load_policy_book()
# Countries of the public year of sales, by the codes of its map (the Channel Islands have two).
SOLD_TO = {
    *("AU", "AT", "BH", "BE", "BR", "CA", "GG", "JE", "CY", "CZ", "DK", "IE", "FI", "FR", "DE", "GR", "HK", "IS", "IL"),
    *("IT", "JP", "LB", "LT", "MT", "NL", "NO", "PL", "PT", "ZA", "SA", "SG", "ES", "SE", "CH", "US", "AE", "GB"),
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def end(country: str, moment: str, span: str, *, moves: bool = True) -> datetime:
    """The end of a span for a case opened at that moment, with its calendar as the case keeps it."""
    calendar = calendar_of(country, at(moment).date(), moves=moves)
    return after(at(moment), span, str(calendar), legal=True)


@pytest.mark.parametrize(
    ("country", "moment", "span", "expected"),
    [
        # China closes at 16:00 UTC.
        pytest.param("CN", "2026-02-13T02:00", "1bd", "2026-02-14T16:00", id="CN: the Saturday before is worked"),
        pytest.param("CN", "2026-02-13T02:00", "2bd", "2026-02-24T16:00", id="CN: over the Spring Festival"),
        pytest.param("CN", "2026-02-13T02:00", "6bd", "2026-02-28T16:00", id="CN: and the Saturday after is worked"),
        pytest.param("CN", "2026-02-13T02:00", "7d", "2026-02-24T16:00", id="CN: a last day in the Spring Festival"),
        pytest.param("CN", "2026-02-07T02:00", "7d", "2026-02-14T16:00", id="CN: a last day on a worked Saturday"),
        pytest.param("CN", "2026-01-31T02:00", "7d", "2026-02-09T16:00", id="CN: a last day on any other Saturday"),
        pytest.param("CN", "2026-02-13T15:59", "1d", "2026-02-14T16:00", id="CN: just before midnight in Beijing"),
        pytest.param("CN", "2026-02-13T16:00", "1d", "2026-02-24T16:00", id="CN: midnight in Beijing"),
        pytest.param("CN", "2026-09-18T02:00", "1bd", "2026-09-20T16:00", id="CN: a worked Sunday in September"),
        pytest.param("CN", "2026-09-30T02:00", "1bd", "2026-10-08T16:00", id="CN: over Golden Week"),
        pytest.param("CN", "2026-09-30T02:00", "3bd", "2026-10-10T16:00", id="CN: the Saturday after Golden Week"),
        # Germany closes at 23:00 UTC in winter; Christmas Eve is no public holiday.
        pytest.param("DE", "2026-12-23T11:00", "1bd", "2026-12-24T23:00", id="DE: Christmas Eve is worked"),
        pytest.param("DE", "2026-12-23T11:00", "2bd", "2026-12-28T23:00", id="DE: over Christmas"),
        pytest.param("DE", "2026-12-11T11:00", "14d", "2026-12-28T23:00", id="DE: 14 days that end on 25 December"),
        pytest.param("DE", "2026-12-12T11:00", "14d", "2026-12-28T23:00", id="DE: 14 days that end on 26 December"),
        pytest.param("DE", "2026-12-10T11:00", "14d", "2026-12-24T23:00", id="DE: 14 days that end on 24 December"),
        pytest.param(
            "SE", "2026-12-10T11:00", "14d", "2026-12-28T23:00", id="SE: there 24 December counts as a holiday"
        ),
        # England: 26 December 2026 is a Saturday, so Monday the 28th is off.
        pytest.param("GB", "2026-12-23T11:00", "1bd", "2026-12-25T00:00", id="GB: Christmas Eve is worked"),
        pytest.param("GB", "2026-12-23T11:00", "2bd", "2026-12-30T00:00", id="GB: Boxing Day is moved to the Monday"),
        pytest.param("UK", "2026-12-12T11:00", "14d", "2026-12-30T00:00", id="UK: the market's name does as well"),
        pytest.param("GB", "2026-04-02T09:00", "1bd", "2026-04-07T23:00", id="GB: Easter Monday is off in England"),
        # Japan closes at 15:00 UTC.
        pytest.param("JP", "2026-04-28T02:00", "1bd", "2026-04-30T15:00", id="JP: Showa Day"),
        pytest.param("JP", "2026-05-01T02:00", "1bd", "2026-05-07T15:00", id="JP: over Golden Week and its substitute"),
        pytest.param("JP", "2026-04-25T02:00", "8d", "2026-05-07T15:00", id="JP: a last day in Golden Week"),
        pytest.param("KR", "2026-09-23T02:00", "3bd", "2026-09-30T15:00", id="KR: over Chuseok"),
        # Saudi Arabia rests on Friday and Saturday, and closes at 21:00 UTC.
        pytest.param(
            "SA", "2026-06-11T09:00", "1bd", "2026-06-14T21:00", id="SA: Thursday and a working day is Sunday"
        ),
        pytest.param("SA", "2026-06-05T09:00", "7d", "2026-06-14T21:00", id="SA: a last day on a Friday"),
        pytest.param("SA", "2026-06-07T09:00", "7d", "2026-06-14T21:00", id="SA: a last day on a Sunday stays"),
        # America: the day after Thanksgiving is a holiday of California, not of the Union.
        pytest.param("US-CA", "2026-11-25T18:00", "1bd", "2026-12-01T08:00", id="US-CA: the Friday is off"),
        pytest.param("US", "2026-11-25T18:00", "1bd", "2026-11-28T05:00", id="US: the Friday is worked"),
        pytest.param(
            "US-NY", "2026-11-25T18:00", "1bd", "2026-11-28T05:00", id="a part without a row goes by its country"
        ),
        pytest.param("US-CA", "2026-11-25T03:00", "1d", "2026-11-26T08:00", id="US-CA: still the 24th there"),
        # Clocks: forward on 29 March, back on 25 October, both Sundays.
        pytest.param("DE", "2026-03-28T11:00", "24h", "2026-03-29T11:00", id="DE: 24 hours over the change in spring"),
        pytest.param(
            "DE", "2026-03-28T11:00", "1d", "2026-03-30T22:00", id="DE: a day over it ends on Monday, in summer time"
        ),
        pytest.param("DE", "2026-10-24T10:00", "24h", "2026-10-25T10:00", id="DE: 24 hours over the change in autumn"),
        pytest.param(
            "DE", "2026-10-24T10:00", "1d", "2026-10-26T23:00", id="DE: a day over it ends on Monday, in winter time"
        ),
        # Month ends and the leap day.
        pytest.param("DE", "2026-01-30T09:00", "1bd", "2026-02-02T23:00", id="DE: a weekend at a month end"),
        pytest.param("DE", "2026-04-16T09:00", "14d", "2026-04-30T22:00", id="DE: 14 days to a month end"),
        pytest.param(
            "DE", "2026-04-17T09:00", "14d", "2026-05-04T22:00", id="DE: 14 days to the first of May, a Friday"
        ),
        pytest.param("DE", "2028-02-28T09:00", "1d", "2028-02-29T23:00", id="DE: into the leap day"),
        pytest.param("DE", "2028-02-15T09:00", "14d", "2028-02-29T23:00", id="DE: 14 days to the leap day"),
        pytest.param("DE", "2028-02-28T09:00", "2bd", "2028-03-01T23:00", id="DE: over the leap day"),
        pytest.param("FR", "2026-03-01T09:00", "14d", "2026-03-16T23:00", id="FR: 14 days that end on a Sunday"),
        # Where nothing is known: UTC, Monday to Friday.
        pytest.param("XK", "2026-12-24T09:00", "1bd", "2026-12-26T00:00", id="an unknown country has no holidays"),
        pytest.param("", "2026-11-20T09:00", "1bd", "2026-11-24T00:00", id="no country at all"),
        pytest.param(" de ", "2026-12-23T11:00", "2bd", "2026-12-28T23:00", id="letters of any case"),
    ],
)
def test_a_span_ends_by_the_holidays_of_the_market(country: str, moment: str, span: str, expected: str) -> None:
    assert end(country, moment, span) == at(expected)


@pytest.mark.parametrize(
    ("country", "moment", "span", "expected"),
    [
        pytest.param("GB", "2026-12-12T11:00", "14d", "2026-12-27T00:00", id="GB: 14 days that end on Boxing Day"),
        pytest.param("DE", "2026-03-28T11:00", "1d", "2026-03-29T22:00", id="a Sunday of 23 hours"),
        pytest.param("DE", "2026-10-24T10:00", "1d", "2026-10-25T23:00", id="a Sunday of 25 hours"),
        pytest.param("GB", "2026-12-23T11:00", "2bd", "2026-12-30T00:00", id="working days are counted all the same"),
    ],
)
def test_a_last_day_stays_where_the_law_does_not_move_it(country: str, moment: str, span: str, expected: str) -> None:
    assert end(country, moment, span, moves=False) == at(expected)


def test_a_day_that_begins_at_one_o_clock_closes_the_one_before_it_once() -> None:
    # Lebanon puts its clocks forward at midnight: 2027-03-28 has no 00:00.
    days = calendar_of("LB", date(2026, 11, 24), moves=True)

    assert days.closes(date(2027, 3, 27)) == at("2027-03-27T22:00")
    assert days.closes(date(2027, 3, 28)) == at("2027-03-28T21:00")


def test_beyond_its_days_a_calendar_knows_no_holidays() -> None:
    short = calendar_of("DE", date(2026, 11, 24), moves=True, days=16)  # to 2026-12-09

    assert after(at("2026-12-24T09:00"), "1bd", str(short)) == at("2026-12-25T23:00")
    assert after(at("2026-12-24T09:00"), "3bd", str(short)) == at("2026-12-29T23:00")


def test_a_calendar_knows_the_days_from_a_week_before_to_400_after_and_is_short() -> None:
    for code in load_places():
        for on in (date(2026, 1, 1), date(2026, 11, 24), date(2027, 6, 30)):
            calendar = calendar_of(code, on, moves=True)
            assert calendar.first == on - timedelta(days=8)
            assert len(calendar.bitmap) * 8 == 408
            assert len(str(calendar)) <= 120
            assert Calendar.parse(str(calendar)) == calendar
            assert 200 < sum(calendar.is_working(on + timedelta(days=n)) for n in range(365)) < 310, code


def test_a_calendar_of_the_same_day_is_made_once() -> None:
    assert calendar_of("DE", date(2026, 11, 24), moves=True) is calendar_of("DE", date(2026, 11, 24), moves=True)
    assert not calendar_of("DE", date(2026, 11, 24), moves=False).last_moves


def test_closing_instants_come_in_order_over_all_days_of_every_market() -> None:
    for code in load_places():
        calendar = calendar_of(code, date(2026, 11, 24), moves=True)
        closings = [calendar.closes(calendar.first + timedelta(days=n)) for n in range(408)]
        lengths = {later - sooner for sooner, later in itertools.pairwise(closings)}
        assert lengths <= {timedelta(hours=hours) for hours in (23, 24, 25)}, code


def test_every_market_every_member_and_every_country_of_the_public_year_has_its_days() -> None:
    places = load_places()

    assert set(BOOK.markets) | BOOK.eu_members | SOLD_TO <= set(places)
    assert {market.iso_code for market in BOOK.markets.values()} <= set(places)
    assert all(place_of(code)[0] == code for code in places)
    assert place_of("ZZ-9")[0] == UNKNOWN


def test_every_word_about_last_days_is_one_of_two_and_has_its_source() -> None:
    for market in BOOK.markets.values():
        assert market.last_day_on_holiday in {None, "next_working_day", "stays"}, market.market
        assert (market.last_day_on_holiday is None) is (market.last_day_source is None), market.market
        if "from memory" in (market.last_day_source or ""):
            assert {"last_day_on_holiday", "all"} & set(market.uncertain_fields), market.market


@pytest.mark.parametrize(
    ("market", "word"),
    [("DE", "next_working_day"), ("CN", "next_working_day"), ("UK", "stays"), ("AR", "stays"), ("US", None)],
)
def test_what_the_law_does_with_a_last_day(market: str, word: str | None) -> None:
    assert BOOK.markets[market].last_day_on_holiday == word


def edited(tmp_path: Path, old: str, new: str) -> Path:
    folder = tmp_path / "policies"
    folder.mkdir()
    file = Path(shutil.copy(HERE / "calendars.toml", folder))
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ('"Europe/Berlin"', '"Europe/Bonn"', "time_zones.DE", "a time zone"),
        ('"Europe/Berlin"', '"../etc"', "time_zones.DE", "a time zone"),
        ('"Europe/Berlin"', "1", "time_zones.DE", "a time zone"),
        ("\nDE = ", "\nDX = ", "holidays.DX", "with holidays"),
        ('"GB-ENG"', '"GB-ENGLAND"', "holidays.GB", "with holidays"),
        ('"GB-ENG"', "7", "holidays.GB", "with holidays"),
        ("\nUK = \"GB-ENG\"", "\nUX = \"GB-ENG\"", "holidays.UX", "time zone above"),
        ('["public", "de_facto"]', '["public", "birthdays"]', "categories.SE", "among"),
        ('["public", "de_facto"]', "[]", "categories.SE", "among"),
        ('["public", "de_facto"]', '"public"', "categories.SE", "among"),
        ("[categories]", "[kinds]", "categories", "a table"),
        ("[time_zones]", "version = 1\n[time_zones]", "version", "no such key"),
        ("[time_zones]", "[time_zones", "(file)", "a TOML file"),
    ],
)  # fmt: skip
def test_a_bad_cell_is_named(tmp_path: Path, old: str, new: str, key: str, expected: str) -> None:
    file = edited(tmp_path, old, new)

    with pytest.raises(BadPolicyFile, match=r"policies/calendars\.toml") as problem:
        load_places(file)
    assert problem.value.facts["key"] == key
    assert expected in problem.value.facts["expected"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadPolicyFile, match=r"calendars\.toml, key \(file\)"):
        load_places(tmp_path / "calendars.toml")
