"""The policy book: what the files promise, and how a bad file is answered."""

import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.fees import Bearer
from domain.policy import Starts
from domain.tier import Tier
from policies.book import APPLIED_ROWS, BENEFIT_ROWS, load_policy_book
from policies.page import HERE, BadPolicyFile

BOOKS = "# [currency]\n"  # likewise
STANDARD, BORNE_BY = "programmes/standard.toml", "currency.difference_borne_by"
LIMIT = "# [refer.above_minor]\n# EUR"  # the example in the standard programme, still a comment


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(HERE, tmp_path / "policies", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return tmp_path / "policies"


def edit(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("row", "values"),
    [
        ("approval", ("24h", "12h", "4h", "1h")),
        ("ship_back", ("7d", "10d", "14d", "14d")),
        ("pickup", ("72h", "48h", "24h", "12h")),
        ("pickup_tries", (2, 2, 3, 3)),
        ("inspection", ("2bd", "36h", "24h", "12h")),
        ("refund", ("1bd", "12h", "4h", "1h")),
        ("return_window", (14, 30, 45, 60)),
        ("transit", ("14d", "14d", "14d", "14d")),
        ("booking", ("1h", "1h", "1h", "1h")),
        ("attention", ("24h", "12h", "4h", "1h")),
        ("instant_refund_ceiling", (0, 30, 150, 420)),
        ("returnless_ceiling", (5, 10, 15, 25)),
        ("abuse_return_rate", (50, 60, 70, 70)),
        (
            "complaint_ladder",
            (("24h", "48h", "72h"), ("24h", "48h", "72h"), ("12h", "24h", "48h"), ("4h", "12h", "24h")),
        ),
    ],
)
def test_the_default_tier_table(row: str, values: tuple[object, ...]) -> None:
    table = load_policy_book().tiers

    assert tuple(table.row(row).values[tier] for tier in Tier) == values


def test_a_tier_left_out_of_a_row_is_promised_nothing() -> None:
    assert Tier.ENTRY not in load_policy_book().tiers.row("advance_recharge").values


def test_every_row_says_why_and_the_applied_ones_are_those_that_terms_are_made_of() -> None:
    rows = load_policy_book().tiers.rows

    assert all(row.why and row.source for row in rows.values())
    assert {name for name, row in rows.items() if row.applied} == {*APPLIED_ROWS, *BENEFIT_ROWS}


def test_the_programmes() -> None:
    programmes = load_policy_book().programmes

    assert set(programmes) == {
        "standard",
        "online_retail",
        "worry_free",
        "speedy",
        "standard_global",
        "mediated",
        "transparent",
        "timer_sheet",
        "norm_2025",
    }
    assert programmes["standard"].window_starts is Starts.DELIVERED
    assert programmes["online_retail"].window_starts is Starts.PLACED
    assert len(programmes["online_retail"].not_goods_skus) == 11


def test_a_merchant_may_edit_a_cell_and_limit_values(copy: Path) -> None:
    edit(copy, "tiers.toml", 'ENTRY = "24h"', 'ENTRY = "2bd"')
    edit(copy, "programmes/standard.toml", LIMIT, "[refer.above_minor]\nEUR")
    book = load_policy_book(copy)

    assert book.tiers.span("approval", Tier.ENTRY) == "2bd"
    assert book.programme("standard").refer_above_minor == {"EUR": 50000}


def test_a_merchant_may_name_the_currency_of_the_books(copy: Path) -> None:
    untold = load_policy_book(copy).programme("standard")
    assert (untold.accounting_currency, untold.difference_borne_by, untold.warn_percent) == ("", Bearer.MERCHANT, 5)
    edit(
        copy,
        "programmes/standard.toml",
        BOOKS,
        '[currency]\naccounting = "GBP"\ndifference_borne_by = "platform"\nwarn_percent = 3',
    )
    told = load_policy_book(copy).programme("standard")
    assert (told.accounting_currency, told.difference_borne_by, told.warn_percent) == ("GBP", Bearer.PLATFORM, 3)


@pytest.mark.parametrize(
    ("file", "old", "new", "key", "expected"),
    [
        pytest.param("tiers.toml", 'ENTRY = "24h"', 'ENTRY = "24 hours"', "rows.approval.ENTRY", "a span", id="no span"),
        pytest.param("tiers.toml", 'ENTRY = "24h"', "ENTRY = 24", "rows.approval.ENTRY", "a span", id="a bare number"),
        pytest.param("tiers.toml", 'ENTRY = "24h"\n', "", "rows.approval", "every tier", id="a tier left out"),
        pytest.param("tiers.toml", "rows.approval]", "rows.aproval]", "rows.approval", "a row of kind span", id="a row lost"),
        pytest.param("tiers.toml", "ENTRY = 50\n", "ENTRY = 150\n", "rows.abuse_return_rate.ENTRY", "to 100", id="150 %"),
        pytest.param("tiers.toml", 'kind = "span"', 'kind = "time"', "rows.approval.kind", "one of span", id="no kind"),
        pytest.param("tiers.toml", "orders = 2\n", "orders = -2\n", "thresholds.INTERMEDIATE.orders", "from 1", id="negative"),
        pytest.param("tiers.toml", "orders = 2\n", "orders = 9\n", "thresholds.ADVANCED", "no less than", id="tiers crossed"),
        pytest.param("tiers.toml", '"GBP"', '"Pounds"', "thresholds.currency", "ISO 4217", id="no currency"),
        pytest.param("tiers.toml", "applied = true", 'applied = "yes"', "rows.approval.applied", "true or false", id="no flag"),
        pytest.param("tiers.toml", "ENTRY =", "ENTRI =", "rows.approval.ENTRI", "no such key", id="a slip of the pen"),
        pytest.param("tiers.toml", "version =", "version", "(file)", "a TOML file", id="not TOML"),
        pytest.param("markets.toml", "refund_days = 14", "refund_days = 14.5", "markets.EU.refund_days", "a whole number", id="half days"),
        pytest.param("markets.toml", "withdrawal_days = 14\n", "", "markets.EU.withdrawal_days", "days from 1", id="right without days"),
        pytest.param("markets.toml", 'citation = "Dir', 'cite = "Dir', "markets.EU.citation", "a text", id="no citation"),
        pytest.param("markets.toml", '= "yes"', '= "maybe"', "markets.EU.withdrawal_right", "yes, no, conditional", id="no right"),
        pytest.param("markets.toml", "2026-06-19", '"June"', "markets.EU.withdrawal_function_from", "a date", id="no date"),
        pytest.param("programmes/standard.toml", '"delivered"', '"shipped"', "window.starts", "delivered, placed", id="no event"),
        pytest.param("programmes/standard.toml", '"NO_CUSTOMER_ID"', '"NOBODY"', "refer.unmatched", "PURCHASED_ONLY_LATER", id="no reason"),
        pytest.param("programmes/standard.toml", '= "standard"', '= "normal"', "programme", "'standard', the name", id="other name"),
        pytest.param("programmes/standard.toml", "[fees]", "[fee]", "fees", "a table", id="a table lost"),
        pytest.param("programmes/standard.toml", LIMIT, "[refer.above_minor]\nEuro", "refer.above_minor.Euro", "ISO 4217", id="Euro"),
        pytest.param(STANDARD, BOOKS, '[currency]\naccounting = "Euro"\n', "currency.accounting", "ISO 4217", id="no books"),
        pytest.param(STANDARD, BOOKS, "[currency]\naccounting = [1]\n", "currency.accounting", "ISO 4217", id="a list"),
        pytest.param(STANDARD, BOOKS, '[currency]\ndifference_borne_by = "shopper"\n', BORNE_BY, "merchant or platform", id="shopper"),
        pytest.param(STANDARD, BOOKS, "[currency]\nwarn_percent = 0\n", "currency.warn_percent", "from 1 to 100", id="all warned"),
        pytest.param("programmes/online_retail.toml", "days = 400", "days = -1", "window.days", "from 0", id="negative window"),
    ],
)  # fmt: skip
def test_a_bad_file_is_answered_with_file_key_and_what_was_expected(
    copy: Path, file: str, old: str, new: str, key: str, expected: str
) -> None:
    edit(copy, file, old, new)

    with pytest.raises(BadPolicyFile) as found:
        load_policy_book(copy)

    assert found.value.facts["key"] == key
    assert Path(found.value.facts["file"]).name == Path(file).name
    assert expected in found.value.facts["expected"]
    assert all(word in found.value.detail for word in (Path(file).name, key, expected))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda folder: (folder / "markets.toml").unlink(), id="no file"),
        pytest.param(lambda folder: (folder / "tiers.toml").write_bytes(b"\xff\xfe"), id="not text"),
        pytest.param(lambda folder: shutil.rmtree(folder / "programmes"), id="no programmes"),
    ],
)
def test_a_missing_or_unreadable_file_is_named(copy: Path, damage: Callable[[Path], object]) -> None:
    damage(copy)

    with pytest.raises(BadPolicyFile, match=r"markets\.toml|tiers\.toml|policies/programmes"):
        load_policy_book(copy)


def test_every_column_of_the_law_has_a_type() -> None:
    rows = tomllib.loads((HERE / "markets.toml").read_text(encoding="utf-8"))["markets"]
    book = load_policy_book()

    for name, row in rows.items():
        market = book.markets[name]
        for key, value in row.items():
            read = getattr(market, key)
            assert (list(read) if isinstance(value, list) else read) == value
