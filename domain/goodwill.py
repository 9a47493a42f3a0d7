"""Goodwill: money given beyond what a return brings back, asked for by one person and, above a limit, agreed to by another.

It goes back the way the order was paid, so that all refunds of an order together never exceed what was captured. What may be given
is what was captured, less what has gone back, is on its way, is owed from a refund that failed, or was proposed before.
"""

from enum import StrEnum

from domain.errors import Conflict, Invalid, Missing
from domain.money import CurrencyMismatch, Money
from domain.order import OrderStatus, check_amount


class GoodwillStatus(StrEnum):
    PROPOSED = "proposed"  # a second person decides
    APPROVED = "approved"  # being paid
    PAID = "paid"
    FAILED = "failed"  # the provider refused, or the bank gave it back: a part of it or all
    REFUSED = "refused"


class UnknownGoodwill(Missing):
    code = "unknown_goodwill"
    title = "There is no such goodwill"
    next_action = "Check its id; GET /v1/goodwill lists them."


class GoodwillNothing(Invalid):
    code = "goodwill_of_nothing"
    next_action = "Name an amount above zero, at most the `maximum`."


class GoodwillAboveWhatIsLeft(Conflict):
    code = "goodwill_above_what_is_left"
    title = "More than is left of what was paid"
    next_action = (
        "Give at most the `maximum`: what was paid, less what went back, is on its way, or was proposed before."
    )


class GoodwillWithoutPayment(Conflict):
    code = "goodwill_without_payment"
    title = "Nothing was paid for the order"
    next_action = "Nothing can be given back where nothing was captured; look for the order that was paid."


class GoodwillOrderNotNamed(Invalid):
    code = "goodwill_order_not_named"
    next_action = "Name, as `order_id`, one of the orders that the return brings goods of."


class GoodwillAskedBefore(Conflict):
    code = "goodwill_asked_before"
    title = "The same was asked for before"
    next_action = "Look at the goodwill that the answer names; send `again: true` if this is to be another one."


class GoodwillNeedsAnother(Conflict):
    code = "goodwill_needs_another_person"
    title = "A second person decides"
    next_action = "Have somebody else approve it, with a key of their own, or named as another Boomerang-Actor under a shared one."


class GoodwillDecided(Conflict):
    code = "goodwill_decided"
    title = "It has been decided"
    next_action = "Nothing more to do: the answer says who decided it, and when."


def check_goodwill(
    amount_minor: int | None,
    currency: str | None,
    *,
    order_currency: str,
    order_status: str,
    captured_minor: int,
    left_minor: int,
) -> None:
    """Refuse goodwill that cannot be, each with what is the most that can; amounts in minor units.

    >>> check_goodwill(500, "EUR", order_currency="EUR", order_status="completed", captured_minor=900, left_minor=500)
    """
    maximum = max(0, left_minor)
    facts = {"maximum": {"amount": maximum, "currency": order_currency}}
    if captured_minor <= 0 or order_status == OrderStatus.OPEN:
        nothing = {"maximum": {"amount": 0, "currency": order_currency}}
        raise GoodwillWithoutPayment("Nothing was captured for the order.", pointer="/amount", **nothing)
    if currency is not None and currency != order_currency:
        raise CurrencyMismatch(
            f"The order was paid in {order_currency}, the goodwill names {currency}.",
            pointer="/amount/currency",
            order_currency=order_currency,
            **facts,
        )
    if amount_minor is None or amount_minor <= 0:
        raise GoodwillNothing(
            f"No amount above zero is named; at most {Money(maximum, order_currency)} can be given.",
            pointer="/amount",
            **facts,
        )
    check_amount(amount_minor, "/amount")
    if amount_minor > maximum:
        raise GoodwillAboveWhatIsLeft(
            f"{Money(amount_minor, order_currency)} is asked, {Money(maximum, order_currency)} is left.",
            pointer="/amount",
            **facts,
        )


def one_person_may(amount_minor: int, limit_minor: int | None) -> bool:
    """Whether whoever asks for it may decide it too. No limit: nobody may."""
    return limit_minor is not None and amount_minor <= limit_minor


def same_person(one_key: str, one_name: str, other_key: str, other_name: str) -> bool:
    """Whether two callers may be one and the same: by key and by the name in the timeline ("key" or "key: actor").

    Under one key only two different named actors are two people; under two keys, whoever is called otherwise.

    >>> same_person("k1", "ops: ann", "k1", "ops: bob"), same_person("k1", "ops: ann", "k1", "ops")
    (False, True)
    >>> same_person("k1", "ops: ann", "k1", "ops: annabel")
    False
    >>> same_person("k1", "ann", "k2", "bob"), same_person("k1", "ops: ann", "k2", "web: ann")
    (False, True)
    """
    if one_key != other_key:
        return _person(one_name) == _person(other_name)
    either_unnamed = one_name == other_name or any(
        longer.startswith(f"{shorter}: ") for longer, shorter in ((one_name, other_name), (other_name, one_name))
    )
    return either_unnamed or _person(one_name) == _person(other_name)


def _person(name: str) -> str:
    return name.rpartition(": ")[2].strip().casefold()
