"""`boomerang data rates`: the bank's own table, read cell by cell and put on file once.

`ecb_excerpt.csv` holds six days of the euro foreign exchange reference rates in the shape of eurofxref-hist.csv. Source: ECB.
The whole table of the public year is read where it lies beside the project.
"""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from commands.rates import NotTheRates, book_what_waited, import_rates, read_rates
from database import currency
from database.currency import Filed, Rate, RateDiffers
from database.engine import Sessions
from domain.currency import Accounting, ExchangeDifference, NoRate, RateUsed, Returned, exchange_difference
from domain.money import Money
from tests.commands.conftest import House

EXCERPT = Path(__file__).parent / "ecb_excerpt.csv"
TABLE = Path("shared/data/fx/ecb_eurofxref_2010-12_2012-03.csv")
WHOLE = next((folder / TABLE for folder in Path(__file__).parents if (folder / TABLE).exists()), None)
# The excerpt is read in every run; the whole table is not carried by the project.
whole_table = pytest.mark.skipif(
    WHOLE is None, reason="the ECB's table of the public year does not lie beside the project"
)


def test_every_cell_is_read_and_gaps_are_no_rates() -> None:
    days = list(read_rates(EXCERPT))
    assert [len(day) for day in days] == [4, 4, 4, 4, 4, 4]
    assert days[0][:2] == [
        Rate(date(2012, 1, 3), "USD", Decimal("1.3014")),
        Rate(date(2012, 1, 3), "JPY", Decimal("99.86")),
    ]
    assert {rate.currency for rate in days[-1]} == {"USD", "JPY", "GBP", "EEK"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "not called Date", id="an empty file"),
        pytest.param("day,USD\n2012-01-03,1.3\n", "not called Date", id="another first column"),
        pytest.param("date,US\n2012-01-03,1.3\n", "'US' in the first line", id="a currency of two letters"),
        pytest.param("date,USD,USD\n2012-01-03,1.3,1.3\n", "twice", id="a currency named twice"),
        pytest.param("date\n2012-01-03\n", "none", id="no currency"),
        pytest.param("date,USD\n03.01.2012,1.3\n", "'03.01.2012' in line 2", id="a day of another kind"),
        pytest.param("date,USD\n2012-01-03,1.3\n2012-01-04,1;3\n", "'1;3' in line 3, column USD", id="no figure"),
        pytest.param("date,USD\n2012-01-03,0\n", "'0' in line 2", id="nothing for one euro"),
        pytest.param("date,USD\n2012-01-03,-1.3\n", "'-1.3' in line 2", id="less than nothing"),
        pytest.param("date,USD\n2012-01-03,NaN\n", "'NaN' in line 2", id="not a number"),
        pytest.param("date,USD,GBP\n2012-01-03,1.3\n", "has 2 cells", id="a line cut short"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_line_and_column(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(text)
    with pytest.raises(NotTheRates, match=r".") as refused:
        list(read_rates(file))
    assert says in str(refused.value)


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "rates.csv").write_bytes(b"date,USD\n\xff\xfe")
    for name in ("rates.csv", "missing.csv"):
        with pytest.raises(NotTheRates, match="cannot be read"):
            list(read_rates(tmp_path / name))


def test_the_same_file_again_changes_nothing(made_sessions: Sessions) -> None:
    assert import_rates(EXCERPT, made_sessions, replace=False, tell=False) == Filed(new=24)
    assert import_rates(EXCERPT, made_sessions, replace=False, tell=False) == Filed(known=24)


def test_another_figure_for_a_day_on_file_is_refused_until_it_is_asked_for(
    made_sessions: Sessions, tmp_path: Path
) -> None:
    import_rates(EXCERPT, made_sessions, replace=False, tell=False)
    file = tmp_path / "corrected.csv"
    file.write_text("date,USD,CHF\n2012-01-03,1.3015,1.2183\n")
    with pytest.raises(RateDiffers, match=r"on file as 1\.3014, the file says 1\.3015"):
        import_rates(file, made_sessions, replace=False, tell=False)
    with made_sessions() as session:
        assert isinstance(
            currency.rates_about(session, ["CHF"], [date(2012, 1, 3)]).rate("CHF", "EUR", date(2012, 1, 3)), NoRate
        )
    assert import_rates(file, made_sessions, replace=True, tell=False) == Filed(new=1, replaced=1)


def test_a_bad_line_at_the_end_leaves_nothing_behind(made_sessions: Sessions, tmp_path: Path) -> None:
    file = tmp_path / "torn.csv"
    file.write_text("date,SEK\n2012-01-03,8.9283\n2012-01-04,8.\n2012-01-05,x\n")
    with pytest.raises(NotTheRates):
        import_rates(file, made_sessions, replace=False, tell=False)
    with made_sessions() as session:
        assert currency.rates_about(session, ["SEK"], [date(2012, 1, 4)]).per_euro == {}


def test_with_nothing_waiting_nothing_is_booked(made_sessions: Sessions) -> None:
    waited = book_what_waited(made_sessions)
    assert (waited.looked_at, waited.booked) == (0, 0)


def test_the_command_says_what_it_did(house: House) -> None:
    first = house.done("data", "rates", str(EXCERPT))
    assert first.startswith("24 rates put on file")
    assert first.endswith("0 replaced, 0 known before. Source: ECB.\n")
    again = house.read("data", "rates", str(EXCERPT))
    assert (again["new"], again["known"], again["differences"]) == (0, 24, {"booked": 0, "still_waiting": 0})
    status, _, err = house.run("data", "rates", str(EXCERPT.parent / "no-such-file"))
    assert status == 1
    assert "eurofxref-hist.csv" in err
    assert house.read("data", "differences", "--no-rate") == []


@whole_table
def test_the_whole_table_of_the_public_year(made_sessions: Sessions) -> None:
    """Figures looked up in the file by eye and worked out by hand."""
    assert WHOLE is not None
    filed = import_rates(WHOLE, made_sessions, replace=True, tell=False)
    assert filed.new + filed.known + filed.replaced == sum(len(day) for day in read_rates(WHOLE))
    easter_sunday, day_after, sale = date(2011, 4, 24), date(2011, 4, 26), date(2011, 12, 9)
    with made_sessions() as session:
        rates = currency.rates_about(session, ("GBP", "NOK", "JPY"), (easter_sunday, day_after, sale))
    closed = rates.rate("EUR", "GBP", easter_sunday)
    assert isinstance(closed, RateUsed)
    assert (closed.day, closed.to_per_euro) == (date(2011, 4, 21), Decimal("0.8813")), "Good Friday has none either"
    norway = rates.rate("NOK", "GBP", sale)
    assert isinstance(norway, RateUsed)
    assert (norway.from_per_euro, norway.to_per_euro) == (Decimal("7.677"), Decimal("0.85315"))
    # GBP 100 sold at Easter is 100 / 0.8813 = EUR 113.468…; on 26 April it is 100 / 0.88715 = EUR 112.720…
    found = exchange_difference(
        [Returned("o_1", Money(10000, "GBP"), easter_sunday)], day_after, Accounting("EUR"), rates
    )
    assert isinstance(found, ExchangeDifference)
    assert (found.sale_minor, found.refund_minor, found.difference_minor) == (11346, 11272, -74)
    assert (found.moved_bps, found.warned) == (-65, False)
