"""Goodwill and destinations as the outside asks for them, and goodwill as it is shown."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictStr

from api.schemas.common import Body, Currency, Flag, Identifier, Reason, ShownMoney, wrong
from desk.goodwill import GoodwillAsked
from domain.destination import DestinationKind
from domain.money import LARGEST_MINOR

TOKEN_LONGEST = 1000  # what is too long for a token is refused by the rule, which says so
_WHO = {"by": "ops: ann", "at": "2026-11-20T09:30:00Z"}

PROPOSE_EXAMPLE: dict[str, Any] = {
    "amount": {"amount": 500, "currency": "EUR"},
    "reason": "the parcel came three weeks late",
}
EXAMPLE: dict[str, Any] = {
    "id": "gw_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "return_id": "ret_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "order_id": "o_1",
    "amount": {"amount": 500, "currency": "EUR"},
    "reason": "the parcel came three weeks late",
    "status": "proposed",
    "limit": None,
    "paid": {"amount": 0, "currency": "EUR"},
    "proposed": _WHO,
    "approved": None,
    "refused": None,
    "finished_at": None,
    "trouble": None,
}


def _whole(value: Any) -> Any:
    """Zero and less are the rule's to refuse: it says what the most is."""
    if type(value) is not int:
        raise wrong("amount_not_whole", "It must be a whole number of minor units.")
    if abs(value) >= LARGEST_MINOR:
        raise wrong("amount_too_large", "That is more money than there is.")
    return value


class SomeMoney(Body):
    """Whole minor units and their currency; how much can be given is said where it is refused."""

    amount: Annotated[int, BeforeValidator(_whole)]
    currency: Currency


class GoodwillAskedFor(Body):
    """Money beyond what the return brings back. `order_id` where the return brings goods of several orders."""

    model_config = ConfigDict(json_schema_extra={"examples": [PROPOSE_EXAMPLE]})

    amount: SomeMoney | None = Field(default=None, description="Above zero; at most what is left of what was paid.")
    reason: Reason
    order_id: Identifier | None = None
    again: Flag = Field(default=False, description="The same was asked for before, and this is another one.")

    def asked(self) -> GoodwillAsked:
        amount = self.amount
        return GoodwillAsked(
            amount.amount if amount else None,
            amount.currency if amount else None,
            self.reason,
            self.order_id,
            self.again,
        )


class DestinationAsked(Body):
    """Where the money goes. `token`: the payment provider's own for a bank account; never a number of an account or a card."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "store_credit"}]})

    kind: DestinationKind
    token: Annotated[StrictStr, Field(max_length=TOKEN_LONGEST)] | None = None


class WhoShown(BaseModel):
    by: str
    at: str


class RefusalShown(WhoShown):
    reason: str | None


class GoodwillShown(BaseModel):
    """A goodwill. `limit` is what one person may decide alone; `paid` is what arrived."""

    id: str
    return_id: str
    order_id: str
    amount: ShownMoney
    reason: str
    status: str
    limit: ShownMoney | None
    paid: ShownMoney
    proposed: WhoShown
    approved: WhoShown | None
    refused: RefusalShown | None
    finished_at: str | None
    trouble: dict[str, Any] | None


class GoodwillPage(BaseModel):
    data: list[GoodwillShown]
    has_more: bool
    next_cursor: str | None


def goodwill_in_order(body: Mapping[str, Any]) -> dict[str, Any]:
    """A stored goodwill with its names in the order in which they are always shown."""
    return GoodwillShown.model_validate(body).model_dump(mode="json")
