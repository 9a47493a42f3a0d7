"""What promise and law say of the amount of a refund; frozen into a case with its terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.charges import DeliveryBack


@dataclass(frozen=True)
class RefundTerms:
    """How a refund is worked out, besides the price paid.

    delivery           what comes back of the delivery under the promise; `delivery_by_law` when the right of withdrawal is exercised
    loss_percent       by grade: value that goods lost in the shopper's hands, in whole per cent of their price; only where the law
                       of the market lets it be deducted
    reprice            the kept goods are priced again under the order's promotions; otherwise each line at the price paid
    waived_minor       a claw-back of at most so many minor units is waived, by currency
    """

    delivery: str = DeliveryBack.NONE
    delivery_by_law: str = DeliveryBack.NONE
    delivery_source: str = ""
    loss_percent: tuple[tuple[str, int], ...] = ()
    loss_source: str = ""
    reprice: bool = False
    waived_minor: tuple[tuple[str, int], ...] = ()
    policy_source: str = ""

    @classmethod
    def of_case(cls, terms: Mapping[str, Any]) -> "RefundTerms":
        """Those of a case from its terms as they were stored; a case from before there were any is refunded at the price paid."""
        stored = dict(terms.get("refund") or {})
        for name in ("loss_percent", "waived_minor"):
            stored[name] = tuple((key, value) for key, value in stored.get(name, ()))
        return cls(**stored)

    def delivery_back(self, *, withdrawing: bool) -> DeliveryBack:
        """The better of promise and, for whoever exercises the right of withdrawal, law."""
        ranks = list(DeliveryBack)
        promised, law = DeliveryBack(self.delivery), DeliveryBack(self.delivery_by_law)
        return max(promised, law, key=ranks.index) if withdrawing else promised

    def loss_of(self, grade: str | None) -> int:
        """Whole per cent of the price that goods of this grade lost."""
        return dict(self.loss_percent).get(grade or "", 0)

    def waives(self, claw_back_minor: int, currency: str) -> bool:
        return claw_back_minor <= dict(self.waived_minor).get(currency, 0)


AT_THE_PRICE_PAID = RefundTerms()
