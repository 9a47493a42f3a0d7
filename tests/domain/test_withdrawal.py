"""A declaration of withdrawal: what must be said, and which units it takes back."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.order import SoldLine
from domain.withdrawal import (
    EMAIL_MAX,
    NAME_MAX,
    Declaration,
    Fault,
    Ground,
    Withdrawn,
    declaration,
    faults_of,
    order_number,
    same_mailbox,
    withdrawn_units,
)
from tests.builders import an_order_line

SAID = Declaration("Ada Lovelace", "10023", "ada@customer.example")


def test_name_contract_and_address_are_enough() -> None:
    assert faults_of(SAID) == {}
    assert faults_of(replace(SAID, goods="the dress\nthe belt")) == {}


@pytest.mark.parametrize("field", ["name", "contract", "email"])
def test_each_of_the_three_must_be_said(field: str) -> None:
    assert faults_of(replace(SAID, **{field: ""})) == {field: Fault.MISSING}


@pytest.mark.parametrize(
    "email",
    [
        "ada@customer.example",
        "a.b+c@x-y.customer.co.uk",
        "ADA@CUSTOMER.EXAMPLE",
        "o'neil@a.example",
        "阿达@客户.公司",
        "a@1.de",
    ],
)
def test_addresses_that_people_have_are_taken(email: str) -> None:
    assert faults_of(replace(SAID, email=email)) == {}


@pytest.mark.parametrize(
    "email",
    ["ada", "ada@", "@customer.example", "ada@localhost", "a da@b.example", "a@b@c.example", "a@b.example, c@d.example",
     "<a@b.example>", "a@.example", "a@-b.example", "a@b.example/x"],
)  # fmt: skip
def test_what_no_mail_can_be_sent_to_is_said_to_be_no_address(email: str) -> None:
    assert faults_of(replace(SAID, email=email)) == {"email": Fault.NOT_AN_ADDRESS}


def test_no_address_is_read_as_another_header() -> None:
    """An encoded word (RFC 2047) is unfolded by mail libraries, its line ends with it."""
    for email in ("a@=?utf-8?q?x=0aBcc=3Ae=40x.de?=.dee", "=?utf-8?q?b=40other.de=2C?=@aa.de"):
        assert faults_of(replace(SAID, email=email)) == {"email": Fault.NOT_AN_ADDRESS}


@pytest.mark.parametrize("sign", ["\n", "\r", "\0", "\x1b", "\u2028", "\ud800", "\x85"], ids=ascii)
def test_no_sign_that_could_begin_a_line_or_a_header_is_taken(sign: str) -> None:
    for field in ("name", "contract", "email"):
        assert faults_of(replace(SAID, **{field: f"a{sign}b"})) == {field: Fault.CONTROL_CHARACTERS}
    if sign != "\n":
        assert faults_of(replace(SAID, goods=f"a{sign}b")) == {"goods": Fault.CONTROL_CHARACTERS}


def test_what_is_too_long_is_said_to_be() -> None:
    assert faults_of(replace(SAID, name="x" * NAME_MAX)) == {}
    assert faults_of(replace(SAID, name="x" * (NAME_MAX + 1))) == {"name": Fault.TOO_LONG}
    assert faults_of(replace(SAID, email="x" * EMAIL_MAX + "@b.example")) == {"email": Fault.TOO_LONG}


@given(st.text(), st.text(), st.text(), st.text())
def test_whatever_is_typed_has_an_answer_and_what_is_taken_fits_the_wire(
    name: str, contract: str, email: str, goods: str
) -> None:
    said = declaration(name=name, contract=contract, email=email, goods=goods, locale="en")
    if not faults_of(said):
        "".join((said.name, said.contract, said.email, said.goods)).encode()
        assert not {"\r", "\n", "\0"} & set(said.name + said.contract + said.email)


def test_lines_of_a_form_end_as_lines_end_here() -> None:
    assert declaration(name="A", contract="1", email="a@b.example", goods=" x\r\ny\rz ", locale="en").goods == "x\ny\nz"


def test_the_sign_before_a_number_is_not_part_of_it() -> None:
    assert [order_number(typed) for typed in ("#10023", " # 10023", "10023", "A#1")] == [
        "10023",
        "10023",
        "10023",
        "A#1",
    ]


def test_a_mailbox_is_the_same_in_capitals() -> None:
    assert same_mailbox("Ada@Customer.example ", "ada@customer.EXAMPLE")
    assert not same_mailbox("ada@customer.example", "ada@customer.example.org")


def a_sold_line(*, claimed: int = 0, **line: Any) -> SoldLine:
    """Bought yesterday, so many units in returns."""
    yesterday = datetime(2026, 6, 18, 12, tzinfo=UTC)
    return SoldLine(an_order_line(discount_minor=0, **line), "EUR", "DE", "c_1", yesterday, yesterday, claimed, 0, 0)


DRESSES = a_sold_line(id="l_1", sku="DRESS-38", description="Linen dress", quantity=3, claimed=1)
BELT = a_sold_line(id="l_2", sku="BELT", description="Leather belt", quantity=1)
GONE = a_sold_line(id="l_3", sku="HAT", description="Straw hat", quantity=1, claimed=1)


def test_a_whole_contract_is_every_unit_that_is_left() -> None:
    assert withdrawn_units("", [DRESSES, BELT, GONE]) == (Withdrawn("l_1", 2), Withdrawn("l_2", 1))


@pytest.mark.parametrize("goods", ["belt", " BELT ", "leather belt", "l_2", "belt,", "belt\nleather belt"])
def test_a_line_is_named_by_its_id_sku_or_description(goods: str) -> None:
    assert withdrawn_units(goods, [DRESSES, BELT, GONE]) == (Withdrawn("l_2", 1),)


@pytest.mark.parametrize(
    "goods", ["the belt", "belt and dress", "linen dress", "belt; shoes", ",;"], ids=lambda text: str(text)
)
def test_nothing_is_guessed(goods: str) -> None:
    """Not a line's own name, or one that may mean some of several units: a person asks."""
    assert withdrawn_units(goods, [DRESSES, BELT, GONE]) is Ground.GOODS_UNCLEAR


def test_a_name_that_several_lines_have_is_not_clear() -> None:
    other = a_sold_line(id="l_4", sku="BELT-2", description="Leather belt", quantity=1)
    assert withdrawn_units("leather belt", [BELT, other]) is Ground.GOODS_UNCLEAR


def test_goods_that_are_all_in_returns_leave_nothing() -> None:
    assert withdrawn_units("", [GONE]) is Ground.NOTHING_LEFT
    assert withdrawn_units("hat", [GONE, BELT]) is Ground.NOTHING_LEFT
