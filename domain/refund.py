"""The refund rule: what a shopper gets back for a return, and why.

Units come back at the price that was paid for them, discounts included. The price of a line is shared over its units
cumulatively: the refund of units k+1 to k+n is what k+n units were worth less what k units were worth. So any
sequence of partial returns, in any order, adds up exactly to what was paid, and never runs ahead of it. Fees that the
shopper bears are then deducted, down to zero and no further: what is above the refund falls to the merchant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from domain.errors import Conflict, Invalid
from domain.explain import Decision
from domain.fees import Bearer, Fee
from domain.frozen import quickly_made
from domain.money import CurrencyMismatch, Money, exponent, share, split
from domain.order import check_amount, check_quantity

PRICE_PAID = "house rule: the price paid, discounts included, shared over the units of the line"
NEVER_BELOW_ZERO = "house rule: a return costs the shopper no more than the refund; the merchant bears the rest"


@quickly_made
@dataclass(frozen=True)
class RefundLine:
    """Units of an order line to be refunded, and what went before.

    `quantity`               units to refund now
    `line_quantity`          units bought in the line
    `paid_minor`             paid for the whole line, after discounts
    `refunded_units_before`  units already refunded, or being refunded
    `refunded_minor_before`  goods money already refunded for them, or being refunded, before fees
    """

    order_id: str
    order_line_id: str
    quantity: int
    line_quantity: int
    paid_minor: int
    refunded_units_before: int
    refunded_minor_before: int


@quickly_made
@dataclass(frozen=True)
class QuotedLine:
    """What the goods of one line bring back, in minor units, before fees."""

    order_id: str
    order_line_id: str
    quantity: int
    goods_minor: int


@quickly_made
@dataclass(frozen=True)
class RefundQuote:
    """What the shopper gets back, in minor units: goods_minor - deducted_minor = total_minor = the sum of per_order.

    `deductions` are the shopper's fees as far as the refund covers them; `absorbed` is what it does not cover, borne
    by the merchant. `per_order` is what each order's tenders give back.
    """

    currency: str
    lines: tuple[QuotedLine, ...]
    deductions: tuple[Fee, ...]
    goods_minor: int
    deducted_minor: int
    total_minor: int
    per_order: Mapping[str, int]
    explanation: tuple[Decision, ...]
    absorbed: tuple[Fee, ...] = ()


class MoreThanIsLeft(Conflict):
    code = "quantity_above_what_is_left"
    next_action = "Return at most the units of the line that have not come back yet."


class LineNamedTwice(Invalid):
    code = "order_line_named_twice"
    next_action = "Name each order line once, with all of its units."


class NotForTheShopper(Invalid):
    code = "fee_not_borne_by_shopper"
    next_action = "Deduct from a refund only what the shopper bears; book the other fees to their bearers."


def quote_refund(
    currency: str, lines: Sequence[RefundLine], shopper_fees: Sequence[Fee] = (), *, told: bool = True
) -> RefundQuote:
    """What comes back for these lines less these fees of the shopper; preview and payment both ask here.

    Without `told` the quote is the same and does not say why.

    >>> three_of_ten = RefundLine("o_1", "l_1", 3, 10, 70125, refunded_units_before=0, refunded_minor_before=0)
    >>> quote_refund("EUR", [three_of_ten]).total_minor
    21037
    """
    exponent(currency)
    _check_lines(lines)
    _check_fees(currency, shopper_fees)
    quoted = tuple(QuotedLine(line.order_id, line.order_line_id, line.quantity, goods_of_line(line)) for line in lines)
    goods_minor = sum(line.goods_minor for line in quoted)
    deductions, absorbed = deduct_fees(goods_minor, shopper_fees)
    deducted_minor = sum(fee.amount_minor for fee in deductions)
    return RefundQuote(
        currency=currency,
        lines=quoted,
        deductions=deductions,
        goods_minor=goods_minor,
        deducted_minor=deducted_minor,
        total_minor=goods_minor - deducted_minor,
        per_order=_per_order(quoted, deducted_minor),
        explanation=()
        if not told
        else (
            *(_explain_line(currency, line, outcome) for line, outcome in zip(lines, quoted, strict=True)),
            *(_explain_deduction(fee) for fee in deductions),
            *(_explain_absorbed(fee, goods_minor) for fee in absorbed),
        ),
        absorbed=absorbed,
    )


def goods_of_line(line: RefundLine) -> int:
    """What the units are worth, in minor units: their cumulative share, never above what is left of the payment.

    What is left matters only where an earlier refund gave more than the units' share, as goodwill does.
    """
    return min(_worth_of_units(line), _left_of_payment(line))


def _worth_of_units(line: RefundLine) -> int:
    units_before, units_after = line.refunded_units_before, line.refunded_units_before + line.quantity
    worth_before = share(line.paid_minor, units_before, line.line_quantity)
    worth_after = share(line.paid_minor, units_after, line.line_quantity)
    return worth_after - worth_before


def _left_of_payment(line: RefundLine) -> int:
    return max(0, line.paid_minor - line.refunded_minor_before)


def deduct_fees(goods_minor: int, shopper_fees: Sequence[Fee]) -> tuple[tuple[Fee, ...], tuple[Fee, ...]]:
    """The fees that the refund covers, in the order given, and the parts above it, which the merchant absorbs."""
    deductions: list[Fee] = []
    absorbed: list[Fee] = []
    left = goods_minor
    for fee in shopper_fees:
        covered = min(fee.amount_minor, left)
        left -= covered
        if covered:
            deductions.append(replace(fee, amount_minor=covered))
        if fee.amount_minor > covered:
            rest = fee.amount_minor - covered
            absorbed.append(
                replace(
                    fee, amount_minor=rest, bearer=Bearer.MERCHANT, rule="fee_above_refund", source=NEVER_BELOW_ZERO
                )
            )
    return tuple(deductions), tuple(absorbed)


def _per_order(lines: Sequence[QuotedLine], deducted_minor: int) -> dict[str, int]:
    """Each order gives back its goods less its part of the fees, in proportion to its goods."""
    goods: dict[str, int] = {}
    for line in lines:
        goods[line.order_id] = goods.get(line.order_id, 0) + line.goods_minor
    if not deducted_minor:
        return goods
    parts = split(deducted_minor, list(goods.values()))
    return {order_id: minor - part for (order_id, minor), part in zip(goods.items(), parts, strict=True)}


def _check_lines(lines: Sequence[RefundLine]) -> None:
    seen: set[tuple[str, str]] = set()
    for index, line in enumerate(lines):
        pointer = f"/lines/{index}"
        check_quantity(line.quantity, f"{pointer}/quantity")
        check_quantity(line.line_quantity, pointer)
        check_amount(line.paid_minor, pointer)
        check_amount(line.refunded_minor_before, pointer)
        _check_what_is_left(line, f"{pointer}/quantity")
        if (line.order_id, line.order_line_id) in seen:
            raise LineNamedTwice(f"Line {line.order_line_id} of order {line.order_id} is named twice.", pointer=pointer)
        seen.add((line.order_id, line.order_line_id))


def _check_what_is_left(line: RefundLine, pointer: str) -> None:
    if line.refunded_units_before < 0:
        raise ValueError("units refunded before cannot be negative")
    left = max(0, line.line_quantity - line.refunded_units_before)
    if line.quantity > left:
        raise MoreThanIsLeft(
            f"{line.quantity} units are asked, {left} of {line.line_quantity} are left in line {line.order_line_id}.",
            pointer=pointer,
            asked=line.quantity,
            left=left,
        )


def _check_fees(currency: str, fees: Sequence[Fee]) -> None:
    for index, fee in enumerate(fees):
        if fee.currency != currency:
            raise CurrencyMismatch(
                f"A fee in {fee.currency} cannot be deducted from a refund in {currency}.", pointer=f"/fees/{index}"
            )
        if fee.bearer is not Bearer.SHOPPER:
            raise NotForTheShopper(f"The {fee.kind} fee is borne by the {fee.bearer}.", pointer=f"/fees/{index}")


def _explain_line(currency: str, line: RefundLine, quoted: QuotedLine) -> Decision:
    limited = quoted.goods_minor < _worth_of_units(line)
    return Decision(
        question=f"What comes back for {line.quantity} of {line.line_quantity} units of line {line.order_line_id}?",
        answer=str(Money(quoted.goods_minor, currency)),
        rule="limited_to_what_is_left" if limited else "price_paid",
        source=PRICE_PAID,
        inputs=(
            ("order", line.order_id),
            ("paid for the line", str(Money(line.paid_minor, currency))),
            ("units refunded before", str(line.refunded_units_before)),
            ("refunded before", str(Money(line.refunded_minor_before, currency))),
        ),
    )


def _explain_deduction(fee: Fee) -> Decision:
    return Decision(
        question=f"Is the {fee.kind} fee deducted?",
        answer=f"yes, {Money(fee.amount_minor, fee.currency)}",
        rule=fee.rule,
        source=fee.source,
        inputs=(("bearer", fee.bearer),),
    )


def _explain_absorbed(fee: Fee, goods_minor: int) -> Decision:
    return Decision(
        question=f"What of the {fee.kind} fee is above the refund?",
        answer=f"{Money(fee.amount_minor, fee.currency)}, borne by the {fee.bearer}",
        rule=fee.rule,
        source=fee.source,
        inputs=(("goods", str(Money(goods_minor, fee.currency))),),
    )
