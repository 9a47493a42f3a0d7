"""What a merchant charges for its own work on goods that come back, and what of that is left to the shopper at settlement.

A policy may price the restocking, the inspection and the repackaging of goods: a percentage of what they bring back, or so
much a unit. The price is asked only of lines where nobody is at fault, and falls to the shopper only where terms and law
let it (domain/bearers.py); where they do not, the fee is booked to whoever bears it, so that the books show what was not
asked of the shopper, and why.

    fees_at_settlement   which fees arise from the units that a settlement refunds, and who bears each
    when_above_refund    what becomes of the shopper's fees above the refund: waived, or invoiced
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from domain.bearers import OWN_WORK, Agreed, FeeLaw, MissedDeadline, bearer_of
from domain.fees import Bearer, Bearing, Fee, FeeKind
from domain.money import format_minor, share
from domain.reasons import Fault, ReturnReason, fault_of, is_no_fault

WHOLE = 100
ABOVE_AND_INVOICED = "fee_above_refund_invoiced"


class AboveRefund(StrEnum):
    """What becomes of fees of the shopper that the refund does not cover."""

    WAIVE = "waive"  # the merchant absorbs them
    INVOICE = "invoice"  # the shopper owes them


@dataclass(frozen=True)
class Price:
    """A whole percentage of what the units bring back, or so many minor units for each, by currency; rounded down."""

    percent: int = 0
    per_unit_minor: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.percent or any(self.per_unit_minor.values()))

    def __str__(self) -> str:
        by_unit = [
            f"{currency} {format_minor(minor, currency)}" for currency, minor in sorted(self.per_unit_minor.items())
        ]
        return f"{', '.join(by_unit)} a unit" if by_unit else f"{self.percent} %"

    def of(self, units: int, goods_minor: int, currency: str) -> int:
        """Minor units; nothing in a currency that has no price.

        >>> Price(percent=10).of(2, 20_000, "EUR")
        2000
        """
        return share(goods_minor, self.percent, WHOLE) + units * self.per_unit_minor.get(currency, 0)


@dataclass(frozen=True)
class Charge:
    """A price, other prices for some categories, and the grades of goods that it is asked for; no grades = all of them."""

    price: Price = Price()
    categories: Mapping[str, Price] = field(default_factory=dict)
    grades: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.price) or any(self.categories.values())

    def __str__(self) -> str:
        if not self:
            return "none"
        others = [f"{category} {price}" for category, price in sorted(self.categories.items())]
        graded = [f"grades {', '.join(self.grades)} only"] if self.grades else []
        more = "; ".join([*others, *graded])
        return f"{self.price} ({more})" if more else str(self.price)

    def price_of(self, category: str | None) -> Price:
        return self.categories.get(category or "", self.price)


NO_CHARGE = Charge()


@dataclass(frozen=True)
class FeePolicy:
    """What a programme says of fees beside the way back.

    restocking, inspection, repackaging   what the merchant charges for its own work where nobody is at fault
    inspection_cost_minor                 what judging a unit costs the merchant itself, by currency; booked, never deducted
    shopper_bears                         other kinds that fall to the shopper where nobody is at fault
    when_above_refund                     what becomes of the shopper's fees above the refund
    payment_cost                          who bears it: merchant or platform
    """

    restocking: Charge = NO_CHARGE
    inspection: Charge = NO_CHARGE
    repackaging: Charge = NO_CHARGE
    inspection_cost_minor: Mapping[str, int] = field(default_factory=dict)
    shopper_bears: tuple[FeeKind, ...] = ()
    when_above_refund: AboveRefund = AboveRefund.WAIVE
    payment_cost: Bearer = Bearer.MERCHANT

    @property
    def charges(self) -> dict[FeeKind, Charge]:
        """The charges that ask for anything, in the order in which they are deducted."""
        asked = {
            FeeKind.RESTOCKING: self.restocking,
            FeeKind.INSPECTION: self.inspection,
            FeeKind.REPACKAGING: self.repackaging,
        }
        return {kind: charge for kind, charge in asked.items() if charge}

    def agreed(
        self, *, bears_all: bool, shopper_informed: bool, source: str, exchange_difference: Bearer = Bearer.MERCHANT
    ) -> Agreed:
        """The terms as the waterfall asks for them; who bears a difference of rates is said where its currency is."""
        return Agreed(
            bears_all=bears_all,
            shopper_informed=shopper_informed,
            shoppers=frozenset({*self.shopper_bears, *self.charges}),
            payment_cost=self.payment_cost,
            exchange_difference=exchange_difference,
            source=source,
        )


NO_FEES = FeePolicy()


@dataclass(frozen=True)
class FeeTerms:
    """What a case carries of fees: the policy, what was agreed and the law, as they were when it was opened."""

    policy: FeePolicy
    agreed: Agreed
    law: FeeLaw


def fee_terms(terms: Mapping[str, Any]) -> FeeTerms:
    """The fee terms of a case from its frozen terms, as the row keeps them. Cases of earlier releases charge nothing."""
    sources = dict(terms.get("sources", ()))
    policy = fee_policy(terms.get("fees") or {})
    programme = f"programme {terms['programme']} v{terms['policy_version']}"
    return FeeTerms(
        policy=policy,
        agreed=policy.agreed(
            bears_all=terms["merchant_bears_all"],
            shopper_informed=terms.get("shopper_informed", False),
            source=programme,
            exchange_difference=Bearer(terms.get("difference_borne_by") or Bearer.MERCHANT),
        ),
        law=FeeLaw(
            freight=terms.get("freight_rule", ""),
            freight_source=sources.get("freight", programme),
            own_work=terms.get("restocking_rule", ""),
            own_work_source=sources.get("restocking", programme),
            delivery=terms.get("original_delivery", ""),
            delivery_source=sources.get("original_delivery", programme),
            withdrawal_source=sources.get("withdrawal", programme),
        ),
    )


def fee_policy(kept: Mapping[str, Any]) -> FeePolicy:
    """A fee policy as JSON keeps it; what is missing is as it is by itself."""
    return FeePolicy(
        restocking=_charge(kept.get("restocking") or {}),
        inspection=_charge(kept.get("inspection") or {}),
        repackaging=_charge(kept.get("repackaging") or {}),
        inspection_cost_minor=dict(kept.get("inspection_cost_minor") or {}),
        shopper_bears=tuple(FeeKind(kind) for kind in kept.get("shopper_bears", ())),
        when_above_refund=AboveRefund(kept.get("when_above_refund", NO_FEES.when_above_refund)),
        payment_cost=Bearer(kept.get("payment_cost", NO_FEES.payment_cost)),
    )


def _charge(kept: Mapping[str, Any]) -> Charge:
    categories = {category: _price(price) for category, price in (kept.get("categories") or {}).items()}
    return Charge(_price(kept.get("price") or {}), categories, tuple(kept.get("grades", ())))


def _price(kept: Mapping[str, Any]) -> Price:
    return Price(kept.get("percent", 0), dict(kept.get("per_unit_minor") or {}))


# --- at settlement


@dataclass(frozen=True)
class SettledUnits:
    """Units of one return line that a settlement refunds, and came back.

    goods_minor   what they bring back, before fees
    category      of the order line; None where the order does not say
    grade         as the bench judged them; None where nobody did
    withdrawing   the statutory right of withdrawal is exercised
    """

    units: int
    goods_minor: int
    reason: ReturnReason
    category: str | None = None
    grade: str | None = None
    withdrawing: bool = False


def fees_at_settlement(
    terms: FeeTerms, currency: str, lines: Sequence[SettledUnits], *, missed: MissedDeadline | None = None
) -> tuple[Fee, ...]:
    """The merchant's own fees that arise from these units, each with its bearer: for the refund, and for the books.

    One fee for each kind, bearer and rule; those of the shopper are to be deducted from the refund in this order. A charge is
    asked only of lines whose reason is nobody's fault; inspection and repackaging only of units that were judged. Goods
    that never came, or stay with the shopper, are not to be among `lines`.

    `missed` is the deadline whose silence led to this settlement, if one did: goods that nobody judged in time are not
    restocked at the shopper's cost.

    What judging costs the merchant itself (`inspection_cost_minor`) is a fee too, as far as no charge of the shopper's
    covers it; it is whoever's is at fault, and otherwise the merchant's.

    >>> policy = FeePolicy(restocking=Charge(Price(percent=10)))
    >>> agreed = policy.agreed(bears_all=False, shopper_informed=True, source="programme p v1")
    >>> two_of_five = SettledUnits(2, 20_000, ReturnReason.CHANGED_MIND)
    >>> [(fee.kind.value, fee.amount_minor) for fee in fees_at_settlement(FeeTerms(policy, agreed, FeeLaw()), "EUR", [two_of_five])]
    [('restocking', 2000)]
    """
    found: dict[tuple[FeeKind, Bearing], int] = {}
    for line in lines:
        for kind, bearing, minor in _fees_of(line, terms, currency, missed):
            if minor:
                found[kind, bearing] = found.get((kind, bearing), 0) + minor
    fees = [Fee(kind, minor, currency, *bearing) for (kind, bearing), minor in found.items()]
    return tuple(sorted(fees, key=lambda fee: (_ORDER.index(fee.kind), fee.bearer is not Bearer.SHOPPER)))


_ORDER = (FeeKind.RESTOCKING, FeeKind.INSPECTION, FeeKind.REPACKAGING)
assert set(_ORDER) == OWN_WORK


def _fees_of(
    line: SettledUnits, terms: FeeTerms, currency: str, missed: MissedDeadline | None
) -> Iterable[tuple[FeeKind, Bearing, int]]:
    fault = fault_of(line.reason)
    inspected = 0
    if is_no_fault(fault):
        for kind, charge in terms.policy.charges.items():
            minor = charge.price_of(line.category).of(line.units, line.goods_minor, currency)
            if not minor or not _asked_of(line, kind, charge):
                continue
            bearing = bearer_of(
                kind, fault=fault, agreed=terms.agreed, law=terms.law, missed=missed, withdrawing=line.withdrawing
            )
            own_cost = kind is FeeKind.INSPECTION and currency in terms.policy.inspection_cost_minor
            if own_cost and bearing.bearer is not Bearer.SHOPPER:
                continue  # the cost itself is booked instead of a price that nobody is asked
            inspected += minor if kind is FeeKind.INSPECTION else 0
            yield kind, bearing, minor
    if line.grade is not None:
        cost = line.units * terms.policy.inspection_cost_minor.get(currency, 0)
        yield FeeKind.INSPECTION, _bearer_of_cost(fault, terms, missed), max(0, cost - inspected)


def _asked_of(line: SettledUnits, kind: FeeKind, charge: Charge) -> bool:
    if line.grade is None:
        return kind is FeeKind.RESTOCKING and not charge.grades
    return not charge.grades or line.grade in charge.grades


def _bearer_of_cost(fault: Fault, terms: FeeTerms, missed: MissedDeadline | None) -> Bearing:
    """What nobody agreed to lay on the shopper: the waterfall without its step of the shopper."""
    agreed = replace(terms.agreed, shoppers=frozenset())
    return bearer_of(FeeKind.INSPECTION, fault=fault, agreed=agreed, law=terms.law, missed=missed)


def invoiced(absorbed: Iterable[Fee], policy: FeePolicy, source: str) -> tuple[Fee, ...]:
    """The shopper's fees above the refund that the shopper owes after all; none where the policy waives them.

    `absorbed` is what a quote leaves to the merchant (domain/refund.py).
    """
    if policy.when_above_refund is not AboveRefund.INVOICE:
        return ()
    return tuple(replace(fee, bearer=Bearer.SHOPPER, rule=ABOVE_AND_INVOICED, source=source) for fee in absorbed)
