"""Where money goes that its tender cannot take back: store credit, or a bank account that the payment provider knows.

No account and no card number is ever taken in: the shopper types them into the provider's own page, and what comes to us is
the token that the provider gave out for them. A token that looks like a number of a card or an account is refused.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import Invalid

STORE_CREDIT = "store_credit"
TOKEN_MAX = 120
TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]*")
NUMBER = re.compile(r"\d(?:[ .:_\-]?\d){11,}")
IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
SEPARATORS = re.compile(r"[\s.:_\-]")


class DestinationKind(StrEnum):
    STORE_CREDIT = "store_credit"
    BANK = "bank"


class TokenMissing(Invalid):
    code = "token_missing"
    next_action = "Send the token that the payment provider gave out for the shopper's account, as `token`."


class TokenNotAsked(Invalid):
    code = "token_not_asked"
    next_action = "Leave `token` out: store credit goes to the customer's own account."


class TokenUnreadable(Invalid):
    code = "token_unreadable"
    next_action = "Send the provider's token as it is: letters, digits and the signs _ . : - alone, at most 120."


class NumberNotTaken(Invalid):
    """It looks like a number of a card or of a bank account; it is not repeated here, nor written anywhere."""

    code = "bank_number_not_taken"
    title = "Numbers of cards and accounts are not taken in"
    next_action = (
        "Have the shopper enter it at the payment provider, and send the token that the provider gives out for it."
    )


@dataclass(frozen=True)
class Destination:
    """A destination that may be written down. `str` of it is what facts and rows hold.

    >>> str(destination_of(DestinationKind.BANK, "ba_9f2c")), str(destination_of(DestinationKind.STORE_CREDIT))
    ('bank:ba_9f2c', 'store_credit')
    """

    kind: DestinationKind
    token: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.token}" if self.token else str(self.kind)


def destination_of(kind: DestinationKind, token: str | None = None) -> Destination:
    """A destination as it was asked for. Raises the named `Invalid` errors, none of which repeats what was sent."""
    if kind is DestinationKind.STORE_CREDIT:
        if token:
            raise TokenNotAsked("Store credit needs no token.", pointer="/token")
        return Destination(kind)
    if not token:
        raise TokenMissing("A bank account is named by the provider's token.", pointer="/token")
    if looks_like_a_number(token):
        raise NumberNotTaken("The token is the number of a card or of an account.", pointer="/token")
    if len(token) > TOKEN_MAX or not TOKEN.fullmatch(token):
        raise TokenUnreadable("The token has signs that no token has, or is too long.", pointer="/token")
    return Destination(kind, token)


def looks_like_a_number(text: str) -> bool:
    """Whether a text holds a card's number (Luhn), is an IBAN, or has no letter at all, as accounts have none.

    >>> looks_like_a_number("4242 4242 4242 4242"), looks_like_a_number("GB82WEST12345698765432")
    (True, True)
    >>> looks_like_a_number("ba_1NxYz2")
    False
    """
    bare = SEPARATORS.sub("", text).upper()
    if bare.isdigit() or (IBAN.fullmatch(bare) and _is_iban(bare)):
        return True
    return any(_holds_card(SEPARATORS.sub("", found[0])) for found in NUMBER.finditer(text))


def _holds_card(digits: str) -> bool:
    """Any stretch of 13 to 19 digits that passes the check digit of ISO/IEC 7812-1."""
    stretches = (
        digits[start : start + length] for length in range(13, 20) for start in range(len(digits) - length + 1)
    )
    return any(luhn(stretch) for stretch in stretches)


def luhn(digits: str) -> bool:
    """Whether a number of digits passes Luhn's check (ISO/IEC 7812-1, annex B).

    >>> luhn("4242424242424242"), luhn("4242424242424241")
    (True, False)
    """
    total = 0
    for position, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if position % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _is_iban(bare: str) -> bool:
    """Whether the check digits of an IBAN hold (ISO 13616: the rearranged number is 1 modulo 97)."""
    turned = bare[4:] + bare[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1
