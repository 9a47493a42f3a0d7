"""The return as the outside sees it, and what is asked when one is opened, decided about or ended."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr
from sqlalchemy import Row
from sqlalchemy.orm import Session

from api.schemas.common import (
    Body,
    Currency,
    Identifier,
    Moment,
    Note,
    Quantity,
    Reason,
    ShownMoney,
    money,
    spoken,
    wrong,
)
from database import advances, cases, credit_notes, goodwill, parcels, reconciliations, refunds
from desk import appeal_until
from domain.goods import GoodsCondition
from domain.opening import RequestedLine, Resolution, ReturnRequest
from domain.process import timely
from domain.reasons import ReturnReason
from domain.replica import from_json
from domain.stages import Stage
from domain.state import FactKind, Method, State

LINES_MAX = 200
SERIALS_MAX = 100
PAYMENTS_DIFFER = "payments_differ"


# --- what is asked ---


def _offered(word: str) -> Resolution:
    if word not in list(Resolution):
        offered = " or ".join(Resolution)
        raise wrong("resolution_not_offered", f"Only {offered} can be asked for at present.")
    return Resolution(word)


class LineAsked(Body):
    """Goods that come back: by order line, or by SKU where there is no order number."""

    order_line_id: Identifier | None = None
    sku: Identifier | None = None
    quantity: Quantity
    reason: ReturnReason | None = Field(
        default=None, description="Why; may be left out where the programme asks for none."
    )
    note: Note | None = None
    condition: GoodsCondition = Field(
        default=GoodsCondition.NOT_SAID, description="What the shopper says of the goods; the bench looks for itself."
    )
    serials: Annotated[list[Identifier], Field(max_length=SERIALS_MAX)] = Field(default=[])


OPEN_EXAMPLE: dict[str, Any] = {
    "order_id": "o_1",
    "lines": [{"order_line_id": "l_1", "quantity": 1, "reason": "wrong_size", "note": "runs small"}],
    "resolution": "refund",
    "method": "label",
}


class ReturnAsked(Body):
    """With `order_id`, lines of that order; with `customer_id` alone, lines are matched to the oldest purchases of their SKU."""

    model_config = ConfigDict(json_schema_extra={"examples": [OPEN_EXAMPLE]})

    order_id: Identifier | None = None
    customer_id: Identifier | None = None
    lines: Annotated[list[LineAsked], Field(max_length=LINES_MAX)]
    resolution: Annotated[StrictStr, AfterValidator(_offered)] = Resolution.REFUND
    method: Method = Method.LABEL
    currency: Currency | None = Field(default=None, description="Refused when it is not the order's.")
    declared_at: Moment | None = Field(default=None, description="When the shopper asked; for imports, long ago.")

    def request(self) -> ReturnRequest:
        return ReturnRequest(
            lines=tuple(
                RequestedLine(
                    line.quantity,
                    line.reason,
                    line.order_line_id,
                    line.sku,
                    line.note,
                    line.condition,
                    tuple(line.serials),
                )
                for line in self.lines
            ),
            order_id=self.order_id,
            customer_id=self.customer_id,
            method=self.method,
            resolution=Resolution(self.resolution),
            currency=self.currency,
            declared_at=self.declared_at,
        )


class CancelAsked(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "kept after all"}]})

    reason: Note = ""


class AuthorizeAsked(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "regular customer"}]})

    note: Note = ""


class ReasonAsked(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the provider answers again"}]})

    reason: Reason


class ExtendAsked(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"until": "2026-12-24T18:00:00Z", "reason": "the shopper is travelling"}]}
    )

    until: Moment
    reason: Note = ""


class NothingAsked(Body):
    """An empty object, or no body at all."""


# --- what is shown ---


class DueShown(BaseModel):
    """The present deadline: when it passes, whose turn it is until then, and what happens if they let it pass."""

    at: str
    owner: str
    default: str | None


class AttentionShown(BaseModel):
    """Why a person has to look, since when, and what can be done: the return cannot move by itself, or a provider's books differ."""

    reason: str
    since: str
    actions: list[str]


class AppealShown(BaseModel):
    """A refusal may be appealed against until this moment, by this call."""

    until: str
    call: str


class LineShown(BaseModel):
    id: str
    order_id: str | None
    order_line_id: str | None
    sku: str
    quantity: int
    reason: str
    note: str | None
    verdict: str
    verdict_reasons: list[str]
    received: int
    accepted: int | None
    grade: str | None
    disposition: str | None
    refund: ShownMoney


class RefundShown(BaseModel):
    """Quoted when it was opened; refunded, pending and unknown (looked up, never guessed) as the providers say.

    `goodwill` came on top of it.
    """

    quoted: ShownMoney
    refunded: ShownMoney
    pending: ShownMoney
    unknown: ShownMoney
    goodwill: ShownMoney | None = None


class FeeShown(BaseModel):
    kind: str
    amount: ShownMoney
    bearer: str
    rule: str


class ParcelShown(BaseModel):
    id: str
    direction: str
    method: str
    carrier: str
    status: str
    tracking_code: str | None
    label_url: str | None
    pickup_slot: str | None
    drop_off_code: str | None
    received_at: str | None
    received_by: str | None


class AdvanceShown(BaseModel):
    """What was refunded ahead of the goods, what guarantees it (hold, receivable, none) and where it stands.

    `due`: when the goods must have come or, where the shopper owes it, when she is reminded or it is written off. `owed`: what she has
    not paid back yet. `status`: withheld, open, met, captured, receivable, written_off or reversed.
    """

    amount: ShownMoney
    guarantee: str
    status: str
    due: str | None
    owed: ShownMoney


class ReturnShown(BaseModel):
    """A return. `version` grows with every change and is the ETag; `trouble` says which partner does not answer."""

    id: str
    rma: str
    order_id: str | None
    customer_id: str | None
    tier: str
    market: str
    programme: str
    policy_version: str
    currency: str
    resolution: str
    method: str
    status: str
    stage: str
    outcome: str | None
    due: DueShown | None
    needs_attention: AttentionShown | None
    appeal: AppealShown | None = None
    trouble: dict[str, Any] | None
    lines: list[LineShown]
    refund: RefundShown
    advance: AdvanceShown | None = None
    fees: list[FeeShown]
    parcels: list[ParcelShown]
    credit_notes: list[str] = []
    declared_at: str
    opened_at: str
    closed_at: str | None
    version: int


class PageShown(BaseModel):
    data: list[ReturnShown]
    has_more: bool
    next_cursor: str | None


def present(session: Session, case_id: str) -> dict[str, Any]:
    """One return, by id or RMA number, in plain JSON values."""
    return present_many(session, [cases.get(session, case_id)])[0]


def present_many(session: Session, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Returns in the order given; the same few questions for one row and for a hundred."""
    ids = [row.id for row in rows]
    lines, fees = cases.lines_of(session, ids), refunds.fees_of_cases(session, ids)
    sums, moved = refunds.totals(session, ids), parcels.of_cases(session, ids)
    differ = reconciliations.open_of_cases(session, ids)
    given = goodwill.given(session, ids)
    notes = credit_notes.numbers_of(session, ids)
    ahead = {case_id: row for case_id, row in advances.of_cases(session, ids).items() if row.status != "intended"}
    return [
        _present(
            row,
            lines[row.id],
            fees[row.id],
            sums[row.id],
            moved[row.id],
            differ.get(row.id, ()),
            given.get(row.id, 0),
            notes[row.id],
            ahead.get(row.id),
        )
        for row in rows
    ]


def in_order(body: Mapping[str, Any]) -> dict[str, Any]:
    """A stored return with its names in the order in which they are always shown: the database keeps them in its own."""
    return ReturnShown.model_validate(body).model_dump(mode="json")


def _present(
    row: Row[Any],
    lines: Sequence[Row[Any]],
    fees: Sequence[Row[Any]],
    sums: Mapping[str, int],
    moved: Sequence[Row[Any]],
    differ: Sequence[Row[Any]],
    given: int,
    notes: Sequence[str],
    ahead: Row[Any] | None,
) -> dict[str, Any]:
    currency = row.currency
    return {
        "id": row.id,
        "rma": row.rma,
        "order_id": row.order_id,
        "customer_id": row.customer_id,
        "tier": row.tier,
        "market": row.market,
        "programme": row.programme,
        "policy_version": row.policy_version,
        "currency": currency,
        "resolution": row.resolution,
        "method": row.method,
        "status": row.status,
        "stage": row.stage,
        "outcome": row.outcome,
        "due": {"at": spoken(row.due_at), "owner": row.due_owner, "default": row.due_default} if row.due_at else None,
        "needs_attention": _attention(row) or _payments_differ(differ),
        "appeal": _appeal(row, lines),
        "trouble": row.trouble,
        "lines": [_line(line, currency) for line in lines],
        "refund": {
            "quoted": money(row.quoted_minor, currency),
            "refunded": money(row.refunded_minor, currency),
            "pending": money(sums.get("pending", 0) + sums.get("intended", 0), currency),
            "unknown": money(sums.get("unknown", 0), currency),
            "goodwill": money(given, currency) if given else None,
        },
        "advance": _advance(row, ahead) if ahead else None,
        "fees": [
            {"kind": fee.kind, "amount": money(fee.amount_minor, fee.currency), "bearer": fee.bearer, "rule": fee.rule}
            for fee in fees
        ],
        "parcels": [_parcel(parcel) for parcel in moved],
        "credit_notes": list(notes),
        "declared_at": spoken(row.declared_at),
        "opened_at": spoken(row.opened_at),
        "closed_at": spoken(row.closed_at),
        "version": row.version,
    }


def _advance(case: Row[Any], row: Row[Any]) -> dict[str, Any]:
    waits = case.stage in (Stage.AWAITED, Stage.OWED)
    return {
        "amount": money(row.amount_minor, row.currency),
        "guarantee": row.guarantee,
        "status": row.status,
        "due": spoken(case.due_at) if waits else None,
        "owed": money(advances.debt(row), row.currency),
    }


def _line(line: Row[Any], currency: str) -> dict[str, Any]:
    return {
        "id": line.id,
        "order_id": line.order_id,
        "order_line_id": line.order_line_id,
        "sku": line.sku,
        "quantity": line.quantity,
        "reason": line.reason,
        "note": line.note,
        "verdict": line.verdict,
        "verdict_reasons": line.verdict_reasons,
        "received": line.received,
        "accepted": line.accepted,
        "grade": line.grade,
        "disposition": line.disposition,
        "refund": money(line.refund_minor, currency),
    }


def _parcel(parcel: Row[Any]) -> dict[str, Any]:
    return {
        "id": parcel.id,
        "direction": parcel.direction,
        "method": parcel.method,
        "carrier": parcel.carrier,
        "status": parcel.status,
        "tracking_code": parcel.tracking_code,
        "label_url": parcel.label_url,
        "pickup_slot": parcel.pickup_slot,
        "drop_off_code": parcel.drop_off_code,
        "received_at": spoken(parcel.received_at),
        "received_by": parcel.received_by,
    }


_ACTIONS = {
    FactKind.AUTHORIZED: "authorize",
    FactKind.REFUSED: "refuse",
    FactKind.RETRIED: "retry",
    FactKind.DESTINATION_GIVEN: "destination",
    FactKind.EXTENDED: "extend",
    FactKind.CANCELLED: "cancel",
}


def _attention(row: Row[Any]) -> dict[str, Any] | None:
    if row.stage != Stage.ATTENTION:
        return None
    state = from_json(row.state)
    actions = [word for kind, word in _ACTIONS.items() if _helps(state, kind)]
    return {"reason": row.attention_reason, "since": spoken(row.attention_since), "actions": actions}


def _payments_differ(differ: Sequence[Row[Any]]) -> dict[str, Any] | None:
    """The provider's books say otherwise; the return itself may have ended long ago."""
    if not differ:
        return None
    return {"reason": PAYMENTS_DIFFER, "since": spoken(differ[0].first_seen_at), "actions": ["resolve_difference"]}


def _appeal(row: Row[Any], lines: Sequence[Row[Any]]) -> dict[str, Any] | None:
    until = appeal_until(row) if any(line.order_line_id for line in lines) else None
    return {"until": spoken(until), "call": f"POST /v1/returns/{row.id}/appeal"} if until else None


def _helps(state: State, kind: FactKind) -> bool:
    # Goods that nobody allowed wait for a decision: trying again would try nothing.
    if kind is FactKind.RETRIED and state.resume is Stage.REFUSED:
        return False
    return timely(state, kind) is None


_EUR_120, _EUR_0 = money(12000, "EUR"), money(0, "EUR")
EXAMPLE: dict[str, Any] = {
    "id": "ret_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "rma": "RMA100001",
    "order_id": "o_1",
    "customer_id": "c_1",
    "tier": "ENTRY",
    "market": "DE",
    "programme": "standard",
    "policy_version": "1",
    "currency": "EUR",
    "resolution": "refund",
    "method": "label",
    "status": "open",
    "stage": "booked",
    "outcome": None,
    "due": {"at": "2026-12-04T09:30:00Z", "owner": "shopper", "default": "expire"},
    "needs_attention": None,
    "appeal": None,
    "trouble": None,
    "lines": [
        {
            "id": "rl_1",
            "order_id": "o_1",
            "order_line_id": "l_1",
            "sku": "DRESS-38",
            "quantity": 1,
            "reason": "wrong_size",
            "note": "runs small",
            "verdict": "eligible",
            "verdict_reasons": [],
            "received": 0,
            "accepted": None,
            "grade": None,
            "disposition": None,
            "refund": _EUR_0,
        }
    ],
    "refund": {"quoted": _EUR_120, "refunded": _EUR_0, "pending": _EUR_0, "unknown": _EUR_0, "goodwill": None},
    "advance": None,
    "fees": [
        {"kind": "return_label", "amount": money(490, "EUR"), "bearer": "merchant", "rule": "no_fault_not_informed"}
    ],
    "parcels": [
        {
            "id": "par_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y1",
            "direction": "return",
            "method": "label",
            "carrier": "simulated",
            "status": "label_created",
            "tracking_code": "SIM0000000012",
            "label_url": "https://carrier.example/labels/12",
            "pickup_slot": None,
            "drop_off_code": None,
            "received_at": None,
            "received_by": None,
        }
    ],
    "credit_notes": [],
    "declared_at": "2026-11-20T09:30:00Z",
    "opened_at": "2026-11-20T09:30:00Z",
    "closed_at": None,
    "version": 2,
}
