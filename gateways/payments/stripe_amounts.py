"""Stripe's smallest units where they are not the minor units of ISO 4217 (docs.stripe.com/currencies, written from memory).

Crowns and shillings carry two zeros that mean nothing, ariary none of ISO's two digits; currencies of three digits are paid in
steps of ten, because card networks carry two. Everything else is the same number on both sides.
"""

from gateways.errors import OutcomeUnknown
from gateways.payments.base import RefundRefused

TIMES_100 = {"ISK", "UGX"}
BY_100 = {"MGA"}
TENS_ONLY = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}


def stripes_amount(minor: int, currency: str) -> int:
    """Our minor units in Stripe's. Raises `RefundRefused` (`amount_not_representable`) for what Stripe cannot pay exactly.

    >>> stripes_amount(500, "EUR"), stripes_amount(500, "JPY"), stripes_amount(500, "ISK"), stripes_amount(500, "MGA")
    (500, 500, 50000, 5)
    """
    if currency in TIMES_100:
        return minor * 100
    step = 100 if currency in BY_100 else 10 if currency in TENS_ONLY else 1
    if minor % step:
        said = f"Stripe pays {currency} in steps of {step} of the smallest unit, and {minor} is none of them"
        raise RefundRefused(said, code="amount_not_representable")
    return minor // 100 if currency in BY_100 else minor


def our_minor(amount: int, currency: str) -> int:
    """Stripe's amount in our minor units. Raises `OutcomeUnknown` for one that cannot be."""
    if currency in BY_100:
        return amount * 100
    if currency in TIMES_100:
        if amount % 100:
            raise OutcomeUnknown(f"{amount} of Stripe's units is no whole {currency}", code="unreadable_answer")
        return amount // 100
    return amount
