"""A declaration of withdrawal: what a consumer must say, what is made of it, and when a person has to look.

Directive 2011/83/EU, art. 11a (inserted by Directive (EU) 2023/2673, applied since 19 June 2026): name, what contract (or what
part of it), and where the acknowledgement is to go. Nothing else may be asked, and a declaration that says this is never turned
away: what cannot be carried out by itself goes to a person.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.order import SoldLine

NAME_MAX = 200
CONTRACT_MAX = 80
GOODS_MAX = 2000
EMAIL_MAX = 254  # RFC 5321, section 4.5.3.1.3, without the angle brackets

# Not a proof that the mailbox exists: the mail is. One @, a host with a dot, nothing that could end a header, and no
# encoded word (RFC 2047), which a mail library reads as what it hides.
_EMAIL = re.compile(
    r"[^\s@<>(),;:\"\\\[\]]{1,64}@[^\s@<>(),;:\"\\\[\]/_.-][^\s@<>(),;:\"\\\[\]/_]*\.[^\W\d_][^\s@<>(),;:\"\\\[\]/_.]+"
)
_BETWEEN = re.compile(r"[\n;,]+")


class WithdrawalStatus(StrEnum):
    """Where a withdrawal stands.

    received       written down; whether a return can be opened is being found out
    opened         a return carries it out
    with_a_person  a person has to look, and `Ground` says why
    answered       that person has handled it
    """

    RECEIVED = "received"
    OPENED = "opened"
    WITH_A_PERSON = "with_a_person"
    ANSWERED = "answered"


class Ground(StrEnum):
    """Why a withdrawal needs a person.

    order_unknown     no order has the number that was typed
    email_differs     the order is another customer's by its e-mail address, or no address of hers is known
    goods_unclear     part of the contract is named, in words that are not exactly lines of the order
    nothing_left      every unit of the order is in a return already
    policy_refused    the policy and the law's periods say no to every line
    partly_refused    a return was opened for the rest, and some lines may not come back by the policy
    not_opened        the return could not be opened, for another reason that is noted
    """

    ORDER_UNKNOWN = "order_unknown"
    EMAIL_DIFFERS = "email_differs"
    GOODS_UNCLEAR = "goods_unclear"
    NOTHING_LEFT = "nothing_left"
    POLICY_REFUSED = "policy_refused"
    PARTLY_REFUSED = "partly_refused"
    NOT_OPENED = "not_opened"


class Fault(StrEnum):
    """What is wrong with a field."""

    MISSING = "missing"
    TOO_LONG = "too_long"
    NOT_AN_ADDRESS = "not_an_address"
    CONTROL_CHARACTERS = "control_characters"


@dataclass(frozen=True)
class Declaration:
    """What the consumer said, as typed but for blanks at the edges. `goods` empty: the whole contract. `locale` is a language."""

    name: str
    contract: str
    email: str
    goods: str = ""
    locale: str = "en"


def declaration(*, name: str, contract: str, email: str, goods: str, locale: str) -> Declaration:
    """
    >>> declaration(name=" Ada ", contract="o_1", email="ada@shop.example", goods="", locale="en").name
    'Ada'
    """
    return Declaration(
        name.strip(), contract.strip(), email.strip(), goods.replace("\r\n", "\n").replace("\r", "\n").strip(), locale
    )


def faults_of(said: Declaration) -> dict[str, Fault]:
    """What is wrong, by field; empty when it can be taken.

    >>> faults_of(Declaration("", "o_1", "ada"))
    {'name': <Fault.MISSING: 'missing'>, 'email': <Fault.NOT_AN_ADDRESS: 'not_an_address'>}
    """
    found: dict[str, Fault] = {}
    for field, value, longest in (
        ("name", said.name, NAME_MAX),
        ("contract", said.contract, CONTRACT_MAX),
        ("email", said.email, EMAIL_MAX),
        ("goods", said.goods, GOODS_MAX),
    ):
        if not value and field != "goods":
            found[field] = Fault.MISSING
        elif len(value) > longest:
            found[field] = Fault.TOO_LONG
        elif any(not _can_be_kept(sign) and not (sign == "\n" and field == "goods") for sign in value):
            found[field] = Fault.CONTROL_CHARACTERS
        elif field == "email" and ("=?" in value or not _EMAIL.fullmatch(value)):
            found[field] = Fault.NOT_AN_ADDRESS
    return found


def _can_be_kept(sign: str) -> bool:
    # Controls, line separators and halves of surrogate pairs: they would break a header, a line of the letter, or the database.
    return not ("\ud800" <= sign <= "\udfff" or sign < " " or "\x7f" <= sign <= "\x9f" or sign in "\u2028\u2029")


def order_number(contract: str) -> str:
    """The order number within what was typed: people copy the sign before it along.

    >>> order_number("# 10023 ")
    '10023'
    """
    return contract.strip().removeprefix("#").strip()


def same_mailbox(one: str, other: str) -> bool:
    """Whether two addresses are the same to their owner: nobody tells her mailbox apart by capitals."""
    return one.strip().casefold() == other.strip().casefold()


@dataclass(frozen=True)
class Withdrawn:
    """Units of an order line that the withdrawal takes back."""

    order_line_id: str
    quantity: int


def withdrawn_units(goods: str, sold: Sequence[SoldLine]) -> tuple[Withdrawn, ...] | Ground:
    """Which units come back: all that are left of the whole order, or of the lines that `goods` names exactly.

    A line is named by its id, SKU or description, one to a line of text or between commas. A line with several units left is not
    clear by its name alone ("the dress", of three), so that a person asks. Nothing is guessed: a wrong return binds the consumer.
    """
    left = {line.line.id: line.left for line in sold}
    if not any(left.values()):
        return Ground.NOTHING_LEFT
    if not goods:
        return tuple(Withdrawn(line_id, units) for line_id, units in left.items() if units)
    chosen: list[str] = []
    for word in filter(None, (part.strip().casefold() for part in _BETWEEN.split(goods))):
        named = [line.line.id for line in sold if word in _names(line)]
        if len(named) != 1 or left[named[0]] > 1:
            return Ground.GOODS_UNCLEAR
        chosen.append(named[0])
    units = {line_id: left[line_id] for line_id in chosen if left[line_id]}
    if not chosen:
        return Ground.GOODS_UNCLEAR
    return tuple(Withdrawn(line_id, quantity) for line_id, quantity in units.items()) or Ground.NOTHING_LEFT


def _names(sold: SoldLine) -> set[str]:
    line = sold.line
    return {name.strip().casefold() for name in (line.id, line.sku, line.description) if name}
