"""Reading the policy's rates (rates.toml), checked figure by figure.

The figures are read as decimals, digit by digit as they are written: no amount is compared through a binary fraction.
"""

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.errors import Invalid
from domain.money import EXPONENTS
from domain.rates import BASE, PolicyRates

FILE = Path(__file__).parent / "rates.toml"
KEYS = {"as_of", "source", "base", "per_euro"}


class BadRatesFile(Invalid):
    """A file of rates that cannot be used; facts: file, key, expected."""

    code = "bad_rates_file"
    next_action = "Correct the named key in the named file and load the rates again."


def load_rates(path: Path = FILE) -> PolicyRates:
    """The rates in a file such as policies/rates.toml. Raises BadRatesFile, which names the key and what was expected there."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as problem:
        raise _bad(path, "(file)", "a readable file", problem.strerror) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise _bad(path, "(file)", "a TOML file", str(problem)) from problem
    if unknown := sorted(table.keys() - KEYS):
        raise _bad(path, unknown[0], "no such key here", unknown[0])
    as_of, source, base = table.get("as_of"), table.get("source"), table.get("base")
    if type(as_of) is not date:
        raise _bad(path, "as_of", "a date such as 2026-10-30", as_of)
    if not isinstance(source, str) or not source.strip():
        raise _bad(path, "source", "who published the rates", source)
    if base != BASE:
        raise _bad(path, "base", f"{BASE}, since the figures are units for one euro", base)
    return PolicyRates(as_of, source, _figures(path, table.get("per_euro")))


def _figures(path: Path, table: Any) -> dict[str, Decimal]:
    if not isinstance(table, dict) or not table:
        raise _bad(path, "per_euro", "a table of currencies", table)
    figures = {}
    for currency, found in table.items():
        if currency not in EXPONENTS or currency == BASE:
            raise _bad(path, f"per_euro.{currency}", f"a currency of ISO 4217 other than {BASE}", currency)
        figure = Decimal(found) if type(found) is int else found
        if not isinstance(figure, Decimal) or not figure.is_finite() or figure <= 0:
            raise _bad(path, f"per_euro.{currency}", "a number above zero", found)
        figures[currency] = figure
    return figures


def _bad(file: Path, key: str, expected: str, found: object) -> BadRatesFile:
    where = f"{file.parent.name}/{file.name}"
    return BadRatesFile(
        f"{where}, key {key}: expected {expected}, found {found!s}.", file=str(file), key=key, expected=expected
    )
