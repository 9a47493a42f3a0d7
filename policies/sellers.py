"""Reading who sells: the parties in whose name credit notes are made (sellers.toml), checked key by key.

The file is the choice to have the notes made here at all: where there is none, none are made.
"""

import re
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from domain.credit_note import Seller, Sellers
from policies.page import HERE, Page, text_of

FILE = HERE / "sellers.toml"
COUNTRY = re.compile(r"[A-Z]{2}")
# Numbers stand in addresses and in names of files.
PREFIX = re.compile(r"[A-Z0-9]{1,12}(?:-[A-Z0-9]{1,12}){0,2}")


def load_sellers(path: Path = FILE) -> Sellers | None:
    """The sellers in a file such as policies/sellers.toml; None where there is no such file.

    Raises BadPolicyFile, which names the file, the keys, their lines and what was expected there.
    """
    return read_sellers(text_of(path), f"policies/{path.name}") if path.exists() else None


def read_sellers(text: str, where: str) -> Sellers:
    page = Page.of(text, where)
    shop_id = page.text("default")
    found = {one.name: _seller(one) for one in page.pages("sellers")}
    page.end()
    if shop_id not in found:
        page.note("default", "the id of one of the sellers", shop_id)
    by_prefix: dict[str, str] = {}
    for seller in found.values():
        other = by_prefix.setdefault(seller.prefix, seller.id)
        if other != seller.id:
            page.note(f"sellers.{seller.id}.prefix", f"another prefix than that of {other}", seller.prefix)
    page.done()
    return Sellers(found[shop_id], {seller_id: one for seller_id, one in found.items() if seller_id != shop_id})


def day_of(at: datetime, time_zone: str) -> date:
    """The day of a moment where a seller is."""
    return at.astimezone(ZoneInfo(time_zone)).date()


def _seller(page: Page) -> Seller:
    seller = Seller(
        id=page.name,
        name=page.text("name"),
        address=page.texts("address"),
        country=page.take("country", 'two letters of ISO 3166 such as "DE"', lambda value: _is(COUNTRY, value), "XX"),
        prefix=page.take(
            "prefix", 'capital letters and digits, such as "CN" or "CN-EU"', lambda value: _is(PREFIX, value), page.name
        ),
        time_zone=page.take(
            "time_zone", 'a time zone such as "Europe/Berlin"', lambda value: value in available_timezones(), "UTC"
        ),
        vat_id=page.text("vat_id") if page.has("vat_id") else None,
    )
    if not seller.address:
        page.note("address", "at least one line", [])
    page.end()
    return seller


def _is(form: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None
