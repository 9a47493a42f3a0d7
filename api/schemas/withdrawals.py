"""Withdrawals as the outside sees them, and what is asked to declare or to answer one."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr, field_validator
from sqlalchemy import Row

from api.schemas.common import Body, Reason, spoken, wrong
from domain.withdrawal import (
    CONTRACT_MAX,
    EMAIL_MAX,
    GOODS_MAX,
    NAME_MAX,
    Declaration,
    Fault,
    WithdrawalStatus,
    declaration,
    faults_of,
)

DECLARE_EXAMPLE: dict[str, Any] = {
    "name": "Ada Lovelace",
    "contract": "o_1",
    "goods": "Linen dress",
    "email": "ada@customer.example",
    "locale": "de",
}
SENTENCES = {
    Fault.MISSING: "It is missing.",
    Fault.TOO_LONG: "It is too long.",
    Fault.NOT_AN_ADDRESS: "It must be one e-mail address, such as ada@customer.example.",
    Fault.CONTROL_CHARACTERS: "It contains control characters.",
}
FAULT_CODES = {
    Fault.MISSING: "field_missing",
    Fault.TOO_LONG: "string_too_long",  # leaves as too_long, with the others of its kind (api/errors.py)
    Fault.NOT_AN_ADDRESS: "not_an_address",
    Fault.CONTROL_CHARACTERS: "control_characters",
}


def _language(tag: str) -> str:
    if not tag.replace("-", "").replace("_", "").isalnum() or not tag.isascii():
        raise wrong("not_a_language", "It must be a language tag (BCP 47), such as de or fr-BE.")
    return tag


class WithdrawalAsked(Body):
    """What a consumer declares: who, which contract or what part of it, and where the acknowledgement is to be sent."""

    model_config = ConfigDict(json_schema_extra={"examples": [DECLARE_EXAMPLE]})

    name: Annotated[StrictStr, Field(description=f"At most {NAME_MAX} characters.")]
    contract: Annotated[StrictStr, Field(description=f"The order number as typed; at most {CONTRACT_MAX} characters.")]
    goods: Annotated[
        StrictStr | None,
        Field(
            description=f"Which goods, in the consumer's words; none: the whole contract. At most {GOODS_MAX} characters."
        ),
    ] = None
    email: Annotated[StrictStr, Field(description=f"At most {EMAIL_MAX} characters.")]
    locale: Annotated[
        StrictStr, Field(max_length=35, description="Of the acknowledgement."), AfterValidator(_language)
    ] = "en"

    @field_validator("name", "contract", "goods", "email")
    @classmethod
    def _by_the_rule(cls, value: str | None, info: Any) -> str | None:
        # The rule of domain/withdrawal.py, asked of one field at a time so that each is named.
        empty = {"name": "", "contract": "", "goods": "", "email": ""}
        said = declaration(**{**empty, info.field_name: value or ""}, locale="en")
        if fault := faults_of(said).get(info.field_name):
            raise wrong(FAULT_CODES[fault], SENTENCES[fault])
        return value

    def said(self) -> Declaration:
        return declaration(
            name=self.name, contract=self.contract, email=self.email, goods=self.goods or "", locale=self.locale
        )


class AnswerAsked(Body):
    """What the person who looked at the withdrawal did, for those who ask later."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Order found under another number: ret_1 opened."}]}
    )

    text: Reason


class AcknowledgementShown(BaseModel):
    sent_at: str | None
    trouble: dict[str, Any] | None


class HandledShown(BaseModel):
    by: str
    at: str
    answer: str


class WithdrawalShown(BaseModel):
    """`submitted_at` is the moment that counts in law; `reason` says why a person has to look, where one has to."""

    id: str
    status: WithdrawalStatus
    submitted_at: str
    name: str
    contract: str
    goods: str | None
    email: str
    locale: str
    declared_by: str
    order_id: str | None
    return_id: str | None
    reason: str | None
    reason_note: str | None
    acknowledgement: AcknowledgementShown
    handled: HandledShown | None


class WithdrawalPage(BaseModel):
    data: list[WithdrawalShown]
    has_more: bool
    next_cursor: str | None


def present_withdrawal(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "status": row.status,
        "submitted_at": spoken(row.submitted_at),
        "name": row.name,
        "contract": row.contract,
        "goods": row.goods,
        "email": row.email,
        "locale": row.locale,
        "declared_by": row.declared_by,
        "order_id": row.order_id,
        "return_id": row.case_id,
        "reason": row.reason,
        "reason_note": row.reason_note,
        "acknowledgement": {"sent_at": spoken(row.acknowledged_at), "trouble": row.mail_trouble},
        "handled": {"by": row.handled_by, "at": spoken(row.handled_at), "answer": row.answer}
        if row.handled_at
        else None,
    }


def withdrawal_in_order(body: dict[str, Any]) -> dict[str, Any]:
    """A stored answer with its names in the order in which they are always shown: the database keeps them in its own."""
    return WithdrawalShown.model_validate(body).model_dump(mode="json")


EXAMPLE: dict[str, Any] = {
    "id": "wdr_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "status": "opened",
    "submitted_at": "2026-11-20T09:30:00Z",
    "name": "Ada Lovelace",
    "contract": "o_1",
    "goods": None,
    "email": "ada@customer.example",
    "locale": "de",
    "declared_by": "the consumer's withdrawal",
    "order_id": "o_1",
    "return_id": "ret_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "reason": None,
    "reason_note": None,
    "acknowledgement": {"sent_at": "2026-11-20T09:30:01Z", "trouble": None},
    "handled": None,
}
