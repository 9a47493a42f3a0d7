"""The refund rule: what a shopper gets back for a return, and why.

Units come back at the price that was paid for them, discounts and taxes included. The price of a line is shared over its units
cumulatively: the refund of units k+1 to k+n is what k+n units were worth less what k units were worth. So any
sequence of partial returns, in any order, adds up exactly to what was paid, and never runs ahead of it. Value that the goods lost in
the shopper's hands is taken off where the law allows it. Delivery and other charges come back once (domain/charges.py); promotions
may have the kept goods priced again (domain/repricing.py). Fees that the shopper bears are then deducted, down to zero and no
further: what is above the refund falls to the merchant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from domain.charges import QuotedCharge, charges_back
from domain.errors import Conflict, Invalid
from domain.explain import Decision
from domain.fees import Bearer, Fee
from domain.frozen import quickly_made
from domain.money import CurrencyMismatch, Money, exponent, share, split
from domain.order import SoldLine, check_amount, check_quantity
from domain.refund_terms import AT_THE_PRICE_PAID, RefundTerms
from domain.repricing import LineBack, OrderMoney, correction, progress, spread_correction
from domain.tax import Tax, TaxPart, summed, taxes_of_refund

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
    `lost_minor_before`      value that units which came back before had lost, and which was not refunded
    `taxes`                  as they were charged with the line
    `worn`                   (units, whole per cent of their value that they lost in the shopper's hands)
    """

    order_id: str
    order_line_id: str
    quantity: int
    line_quantity: int
    paid_minor: int
    refunded_units_before: int
    refunded_minor_before: int
    lost_minor_before: int = 0
    taxes: tuple[Tax, ...] = ()
    worn: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, sold: SoldLine, quantity: int, worn: Sequence[tuple[int, int]] = ()) -> "RefundLine":
        """So many units of a line as it stands."""
        return cls(
            sold.line.order_id,
            sold.line.id,
            quantity=quantity,
            line_quantity=sold.line.quantity,
            paid_minor=sold.line.paid_minor,
            refunded_units_before=sold.refunded,
            refunded_minor_before=sold.refunded_minor,
            lost_minor_before=sold.lost_minor,
            taxes=sold.line.taxes,
            worn=tuple(worn),
        )


@quickly_made
@dataclass(frozen=True)
class QuotedLine:
    """What the goods of one line bring back, in minor units, before fees.

    `loss_minor` is value lost, which is not in `goods_minor`; `correction_minor` is what pricing the kept goods again added to it
    (above zero) or clawed back (below). `taxes` are within it. A line of no units gets money that an earlier return left with it.
    """

    order_id: str
    order_line_id: str
    quantity: int
    goods_minor: int
    loss_minor: int = 0
    correction_minor: int = 0
    taxes: tuple[TaxPart, ...] = ()


@quickly_made
@dataclass(frozen=True)
class RefundQuote:
    """What the shopper gets back, in minor units: goods + charges - deducted = total = the sum of per_order.

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
    charges: tuple[QuotedCharge, ...] = ()
    charges_minor: int = 0

    @property
    def taxes(self) -> tuple[TaxPart, ...]:
        """The taxes within goods and charges, a row for each tax and rate; fees that were deducted leave them as they are."""
        parts = [part for line in self.lines for part in line.taxes]
        return summed([*parts, *(part for charge in self.charges for part in charge.taxes)])


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
    currency: str,
    lines: Sequence[RefundLine],
    shopper_fees: Sequence[Fee] = (),
    *,
    orders: Sequence[OrderMoney] = (),
    by: RefundTerms = AT_THE_PRICE_PAID,
    withdrawing: bool = False,
    at_fault: bool = False,
    told: bool = True,
) -> RefundQuote:
    """What comes back for these lines less these fees of the shopper; preview and payment both ask here.

    `orders` are those of the lines that have charges or promotions, whole. `withdrawing` exercises the statutory right; `at_fault`: the
    merchant, the carrier or the platform caused the return. Without `told` the quote is the same and does not say why.

    >>> three_of_ten = RefundLine("o_1", "l_1", 3, 10, 70125, refunded_units_before=0, refunded_minor_before=0)
    >>> quote_refund("EUR", [three_of_ten]).total_minor
    21037
    """
    exponent(currency)
    _check_lines(lines)
    _check_fees(currency, shopper_fees)
    quoted, why = _goods(currency, lines, orders, by, at_fault=at_fault, told=told)
    charges: list[QuotedCharge] = []
    for order in orders:
        back, said = charges_back(
            order.charges,
            progress(order, _back(quoted, order.order_id)),
            delivery=by.delivery_back(withdrawing=withdrawing),
            delivery_source=by.delivery_source,
            at_fault=at_fault,
            currency=currency,
        )
        charges += back
        why += said
    goods_minor = sum(line.goods_minor for line in quoted)
    charges_minor = sum(charge.amount_minor for charge in charges)
    deductions, absorbed = deduct_fees(goods_minor + charges_minor, shopper_fees)
    deducted_minor = sum(fee.amount_minor for fee in deductions)
    return RefundQuote(
        currency=currency,
        lines=quoted,
        deductions=deductions,
        goods_minor=goods_minor,
        deducted_minor=deducted_minor,
        total_minor=goods_minor + charges_minor - deducted_minor,
        per_order=_per_order(quoted, charges, deducted_minor),
        explanation=()
        if not told
        else (
            *why,
            *(_explain_deduction(fee) for fee in deductions),
            *(_explain_absorbed(fee, goods_minor + charges_minor) for fee in absorbed),
        ),
        absorbed=absorbed,
        charges=tuple(charges),
        charges_minor=charges_minor,
    )


def _goods(
    currency: str,
    lines: Sequence[RefundLine],
    orders: Sequence[OrderMoney],
    by: RefundTerms,
    *,
    at_fault: bool,
    told: bool,
) -> tuple[tuple[QuotedLine, ...], list[Decision]]:
    """What the goods bring back, line by line, and why."""
    quoted = [_quote_line(line, at_fault=at_fault) for line in lines]
    why: list[Decision] = []
    if told:
        why += [_explain_line(currency, line, outcome) for line, outcome in zip(lines, quoted, strict=True)]
        why += [_explain_loss(currency, line, by) for line in quoted if line.loss_minor]
    for order in orders:
        if not by.reprice or not order.promotions:
            continue
        back = _back(quoted, order.order_id)
        minor = correction(order, back) if back else 0
        # Whoever caused the return takes no discount back for it; what an earlier return lost of one comes back all the same.
        waived = minor < 0 and (at_fault or by.waives(-minor, currency))
        if told and minor:
            why.append(_explain_correction(currency, order, minor, by, waived=waived))
        if minor and not waived:
            quoted = _corrected(quoted, order, spread_correction(order, back, minor))
    return tuple(_with_taxes(line, lines, orders) for line in quoted), why


def _quote_line(line: RefundLine, *, at_fault: bool) -> QuotedLine:
    loss = 0 if at_fault else loss_of_line(line)
    goods = goods_of_line(line) - loss
    return QuotedLine(line.order_id, line.order_line_id, line.quantity, goods, loss)


def _back(quoted: Sequence[QuotedLine], order_id: str) -> dict[str, LineBack]:
    return {
        line.order_line_id: LineBack(line.quantity, line.goods_minor, line.loss_minor)
        for line in quoted
        if line.order_id == order_id
    }


def _corrected(quoted: Sequence[QuotedLine], order: OrderMoney, by_line: Mapping[str, int]) -> list[QuotedLine]:
    corrected = [
        replace(line, goods_minor=line.goods_minor + minor, correction_minor=minor)
        if line.order_id == order.order_id and (minor := by_line.get(line.order_line_id, 0))
        else line
        for line in quoted
    ]
    here = {line.order_line_id for line in quoted if line.order_id == order.order_id}
    others = [
        QuotedLine(order.order_id, line_id, 0, minor, correction_minor=minor)
        for line_id, minor in by_line.items()
        if line_id not in here
    ]
    return corrected + others


def _with_taxes(line: QuotedLine, lines: Sequence[RefundLine], orders: Sequence[OrderMoney]) -> QuotedLine:
    for asked in lines:
        if (asked.order_id, asked.order_line_id) == (line.order_id, line.order_line_id):
            if not asked.taxes:
                return line
            before = asked.refunded_minor_before
            return replace(line, taxes=taxes_of_refund(asked.taxes, asked.paid_minor, before, line.goods_minor))
    for order in orders:
        for sold in order.lines:
            if (order.order_id, sold.id) == (line.order_id, line.order_line_id):
                taxes = taxes_of_refund(sold.taxes, sold.paid_minor, sold.refunded_minor, line.goods_minor)
                return replace(line, taxes=taxes)
    return line


def loss_of_line(line: RefundLine) -> int:
    """Value lost in the shopper's hands, in minor units: each unit's part of what the units are worth, down to the minor unit."""
    worth = goods_of_line(line)
    return min(worth, sum(share(worth, units * percent, line.quantity * 100) for units, percent in line.worn))


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
    return max(0, line.paid_minor - line.refunded_minor_before - line.lost_minor_before)


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


def _per_order(lines: Sequence[QuotedLine], charges: Sequence[QuotedCharge], deducted_minor: int) -> dict[str, int]:
    """Each order gives back its goods and charges less its part of the fees, in proportion."""
    back: dict[str, int] = {}
    for line in lines:
        back[line.order_id] = back.get(line.order_id, 0) + line.goods_minor
    for charge in charges:
        back[charge.order_id] = back.get(charge.order_id, 0) + charge.amount_minor
    if not deducted_minor:
        return back
    parts = split(deducted_minor, list(back.values()))
    return {order_id: minor - part for (order_id, minor), part in zip(back.items(), parts, strict=True)}


def _check_lines(lines: Sequence[RefundLine]) -> None:
    seen: set[tuple[str, str]] = set()
    for index, line in enumerate(lines):
        pointer = f"/lines/{index}"
        check_quantity(line.quantity, f"{pointer}/quantity")
        check_quantity(line.line_quantity, pointer)
        check_amount(line.paid_minor, pointer)
        check_amount(line.refunded_minor_before, pointer)
        if sum(units for units, _ in line.worn) > line.quantity or not all(0 <= lost <= 100 for _, lost in line.worn):
            raise ValueError(f"more units of line {line.order_line_id} are worn than come back, or by more than all")
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
    worth = quoted.goods_minor + quoted.loss_minor
    limited = worth < _worth_of_units(line)
    return Decision(
        question=f"What comes back for {line.quantity} of {line.line_quantity} units of line {line.order_line_id}?",
        answer=str(Money(worth, currency)),
        rule="limited_to_what_is_left" if limited else "price_paid",
        source=PRICE_PAID,
        inputs=(
            ("order", line.order_id),
            ("paid for the line", str(Money(line.paid_minor, currency))),
            ("units refunded before", str(line.refunded_units_before)),
            ("refunded before", str(Money(line.refunded_minor_before, currency))),
        ),
    )


def _explain_loss(currency: str, quoted: QuotedLine, by: RefundTerms) -> Decision:
    return Decision(
        question=f"What is taken off line {quoted.order_line_id} for value lost through use?",
        answer=str(Money(quoted.loss_minor, currency)),
        rule="loss_in_value",
        source=by.loss_source,
        inputs=(("order", quoted.order_id), ("comes back", str(Money(quoted.goods_minor, currency)))),
    )


def _explain_correction(currency: str, order: OrderMoney, minor: int, by: RefundTerms, *, waived: bool) -> Decision:
    promotions = ", ".join(promotion.id for promotion in order.promotions)
    answer = f"{Money(abs(minor), currency)} {'more comes back' if minor > 0 else 'of the discount is taken back'}"
    return Decision(
        question=f"What do the kept goods of order {order.order_id} cost by themselves under {promotions}?",
        answer=f"{answer}; waived" if waived else answer,
        rule="claw_back_waived" if waived else "kept_goods_priced_again",
        source=by.policy_source,
        inputs=(("discounts of the order", str(Money(sum(one.discount_minor for one in order.promotions), currency))),),
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
