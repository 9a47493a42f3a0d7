"""What requests are made of: texts, identifiers, moments, quantities and money, each refused with the rule's own code when wrong.

A wrong quantity has one code wherever it is found: the rule of domain/order.py is asked here too, and its answer is passed on.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr
from pydantic_core import PydanticCustomError

from domain.errors import Invalid
from domain.money import EXPONENTS, LARGEST_MINOR, UnknownCurrency
from domain.order import LARGEST_QUANTITY, MomentWithoutZone, check_amount, check_quantity

ID_MAX = 80
NAME_MAX = 200
NOTE_MAX = 2000
MOMENT_FORM = re.compile(
    r"(?P<moment>\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?)(?:\d*)(?P<zone>[Zz]|[+-]\d\d:\d\d)?"
)
YEARS = range(1970, 2201)


class Body(BaseModel):
    """A request body: a field that nobody reads is a mistake of the sender, and said to be one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def wrong(code: str, detail: str) -> PydanticCustomError:
    """A fault with a code of ours, for validators."""
    return PydanticCustomError(code, "{detail}", {"detail": detail})


def _by_rule(check: Callable[[object, str], None]) -> Callable[[Any], Any]:
    def ask(value: Any) -> Any:
        try:
            check(value, "")
        except Invalid as error:
            raise wrong(error.code, error.detail) from None
        return value

    return ask


def _printable(text: str) -> str:
    if not text.isprintable():
        raise wrong("characters_not_printable", "It contains characters that cannot be seen.")
    if text != text.strip():
        raise wrong("blank_at_the_edge", "It begins or ends with a blank.")
    return text


def _without_controls(text: str) -> str:
    if any((ord(sign) < ord(" ") and sign not in "\n\t") or "\x7f" <= sign <= "\x9f" for sign in text):
        raise wrong("control_characters", "It contains control characters.")
    return text


def _one_line(text: str) -> str:
    if "\n" in text or "\t" in text:
        raise wrong("control_characters", "It contains line breaks or tabs.")
    return _without_controls(text)


def _moment(value: Any) -> Any:
    found = MOMENT_FORM.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise wrong("not_a_moment", "It must be a moment in RFC 3339, such as 2026-11-20T09:30:00Z.")
    if not found["zone"]:
        raise wrong(MomentWithoutZone.code, "It lacks the offset from UTC: end it with Z, or with +01:00 or the like.")
    try:
        moment = datetime.fromisoformat(f"{found['moment'].upper()}{found['zone'].upper()}")
    except ValueError:
        raise wrong("not_a_moment", "There is no such day or hour.") from None
    if moment.year not in YEARS:
        raise wrong("moment_out_of_range", f"The year must lie between {YEARS[0]} and {YEARS[-1]}.")
    return moment.astimezone(UTC)


def _currency(text: str) -> str:
    if text not in EXPONENTS:
        raise wrong(UnknownCurrency.code, f"{text!r} is not a currency in use (ISO 4217).")
    return text


Identifier = Annotated[StrictStr, Field(min_length=1, max_length=ID_MAX), AfterValidator(_printable)]
PathId = Annotated[str, Path(max_length=ID_MAX), AfterValidator(_printable)]
Name = Annotated[StrictStr, Field(max_length=NAME_MAX), AfterValidator(_one_line)]
Note = Annotated[StrictStr, Field(max_length=NOTE_MAX), AfterValidator(_without_controls)]
Reason = Annotated[StrictStr, Field(min_length=1, max_length=NOTE_MAX), AfterValidator(_without_controls)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Country = Annotated[StrictStr, Field(pattern=r"^[A-Z]{2}$", examples=["DE"])]
Currency = Annotated[StrictStr, Field(max_length=3, examples=["EUR"]), AfterValidator(_currency)]
Quantity = Annotated[int, Field(ge=1, le=LARGEST_QUANTITY), BeforeValidator(_by_rule(check_quantity))]
Amount = Annotated[int, Field(ge=0, lt=LARGEST_MINOR), BeforeValidator(_by_rule(check_amount))]
Flag = StrictBool


class Money(Body):
    """Whole minor units and their currency: EUR 12.34 is `{"amount": 1234, "currency": "EUR"}`."""

    amount: Amount
    currency: Currency


class ShownMoney(BaseModel):
    amount: int
    currency: str


def money(minor: int, currency: str) -> dict[str, Any]:
    return {"amount": minor, "currency": currency}


def spoken(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
