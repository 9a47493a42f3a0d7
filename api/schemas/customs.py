"""Customs records as storefronts tell them, and claims as operators see them."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictStr
from sqlalchemy import Row
from sqlalchemy.orm import Session

from api.schemas.common import (
    Body,
    Country,
    Flag,
    Identifier,
    Money,
    Name,
    Note,
    Reason,
    ShownMoney,
    money,
    spoken,
    wrong,
)
from database import customs
from domain.customs import (
    CustomsRecord,
    Incoterm,
    Payer,
    duty_decision,
    is_overdue,
    missing_proofs,
)
from domain.errors import Invalid
from domain.money import CurrencyMismatch
from domain.money import Money as Amounts

LINES_MAX = 1000
HEAVIEST_GRAMS = 10**7
YEARS = range(1970, 2201)

UK, GB = "UK", "GB"  # the United Kingdom's customs codes are GB's; both are in use for it


TOLD_EXAMPLE: dict[str, Any] = {
    "exported_from": "GB",
    "imported_into": "US",
    "incoterm": "DDP",
    "exported_on": "2026-11-02",
    "imported_on": "2026-11-06",
    "export_declaration": "26GB3A7K9P2M5Q8R1T",
    "import_declaration": "ABC-1234567-8",
    "paid_by": "merchant",
    "carrier": "simulated",
    "tracking": "SIM0000000012",
    "invoice_number": "INV-1",
    "lines": [
        {
            "order_line_id": "l_1",
            "hs_code": "62044210",
            "description": "Linen dress",
            "material": "linen",
            "origin": "PT",
            "unit_weight_grams": 420,
            "declared_value": {"amount": 12000, "currency": "USD"},
            "duty_paid": {"amount": 1200, "currency": "USD"},
        }
    ],
}


class LineNamedTwiceForCustoms(Invalid):
    code = "customs_line_named_twice"
    next_action = "Name each order line once."


def _day(value: Any) -> Any:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-11-20") else None
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        raise wrong("not_a_day", "It must be a day such as 2026-11-20.")
    return day


Day = Annotated[date, BeforeValidator(_day)]
Form = Annotated[StrictStr, Field(max_length=80)]  # looked at by the rule, which knows its name
Territory = Annotated[Country, AfterValidator(lambda code: GB if code == UK else code)]


class CustomsLineTold(Body):
    """One line of the order as its export declared it. Amounts are of the whole line."""

    order_line_id: Identifier
    hs_code: Form = Field(description="6 to 10 digits; authorities ask for at least 8.")
    description: Name
    origin: Territory = Field(description="Where the goods were made.")
    declared_value: Money
    material: Name | None = None
    unit_weight_grams: Annotated[int, Field(ge=1, le=HEAVIEST_GRAMS)] | None = None
    duty_paid: Money | None = None
    import_tax_paid: Money | None = None
    food: Flag = False


class CustomsTold(Body):
    """What customs knows of the goods of an order. It replaces what was told before; the same again changes nothing."""

    model_config = ConfigDict(json_schema_extra={"examples": [TOLD_EXAMPLE]})

    exported_from: Territory
    imported_into: Territory
    returns_to: Territory | None = Field(
        default=None, description="Where goods come back to; where they were exported from, unless said."
    )
    incoterm: Incoterm = Field(description="DDP: the price has duty in it. DDU: the shopper settles with customs.")
    procedure: Identifier | None = Field(default=None, description="The customs procedure's code, such as 9610.")
    exported_on: Day | None = None
    imported_on: Day | None = Field(default=None, description="When the goods were released.")
    export_declaration: Form | None = Field(default=None, description="The MRN: 18 characters.")
    import_declaration: Identifier | None = None
    ioss_number: Form | None = Field(default=None, description="IM and ten digits, where the order was sold under it.")
    paid_by: Payer | None = Field(default=None, description="Who paid duty and import tax.")
    proof_of_export: Identifier | None = None
    return_document: Identifier | None = Field(default=None, description="The proof that the goods came back.")
    carrier: Identifier | None = None
    tracking: Identifier | None = None
    shipped_on: Day | None = None
    invoice_number: Identifier | None = None
    invoiced_on: Day | None = None
    reason_for_export: Name | None = None
    lines: Annotated[list[CustomsLineTold], Field(min_length=1, max_length=LINES_MAX)]

    def records(self, order_id: str) -> list[CustomsRecord]:
        """The records in the house's terms. Raises the named errors of what only the whole body shows."""
        seen: set[str] = set()
        for number, line in enumerate(self.lines):
            if line.order_line_id in seen:
                raise LineNamedTwiceForCustoms(
                    f"Line {line.order_line_id!r} is named twice.", pointer=f"/lines/{number}/order_line_id"
                )
            seen.add(line.order_line_id)
        return [self._record(order_id, line, number) for number, line in enumerate(self.lines)]

    def _record(self, order_id: str, line: CustomsLineTold, number: int) -> CustomsRecord:
        duty, tax = line.duty_paid, line.import_tax_paid
        if duty and tax and duty.currency != tax.currency:
            raise CurrencyMismatch(
                f"Duty was paid in {duty.currency}, import tax in {tax.currency}.",
                pointer=f"/lines/{number}/import_tax_paid/currency",
            )
        paid = duty or tax
        return CustomsRecord(
            order_id=order_id,
            order_line_id=line.order_line_id,
            exported_from=self.exported_from,
            imported_into=self.imported_into,
            returns_to=self.returns_to or self.exported_from,
            hs_code=line.hs_code,
            description=line.description,
            origin=line.origin,
            declared=Amounts(line.declared_value.amount, line.declared_value.currency),
            incoterm=self.incoterm,
            material=line.material,
            unit_weight_grams=line.unit_weight_grams,
            procedure=self.procedure,
            exported_on=self.exported_on,
            imported_on=self.imported_on,
            export_declaration=self.export_declaration,
            import_declaration=self.import_declaration,
            ioss_number=self.ioss_number,
            duty_minor=duty.amount if duty else 0,
            import_tax_minor=tax.amount if tax else 0,
            paid_currency=paid.currency if paid else None,
            paid_by=self.paid_by,
            proof_of_export=self.proof_of_export,
            return_document=self.return_document,
            carrier=self.carrier,
            tracking=self.tracking,
            shipped_on=self.shipped_on,
            invoice_number=self.invoice_number,
            invoiced_on=self.invoiced_on,
            reason_for_export=self.reason_for_export,
            food=line.food,
        )


class FiledAsked(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reference": "C285-2026-0042", "note": "by the agent"}]})

    reference: Identifier = Field(description="Under which the authority has it.")
    note: Note | None = None


class RecoveredAsked(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": {"amount": 1188, "currency": "USD"}}]})

    amount: Money = Field(description="What came; zero for a relief that was granted.")
    note: Note | None = None


class RejectedAsked(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "no proof of export"}]})

    reason: Reason


# --- what is shown ---


class ClaimShown(BaseModel):
    """A claim. `missing` are the proofs not on the record; `overdue` that its time passed before it was filed."""

    id: str
    return_id: str
    line_id: str
    order_id: str
    order_line_id: str
    units: int
    kind: str
    title: str
    authority: str
    status: str
    deadline: str | None
    overdue: bool
    expected: ShownMoney
    recovered: ShownMoney | None
    claimant: str
    recovered_for: str
    missing: list[str]
    reference: str | None
    note: str | None
    source: str
    confidence: str
    opened_at: str
    filed_at: str | None
    filed_by: str | None
    ended_at: str | None
    ended_by: str | None


class ClaimPage(BaseModel):
    data: list[ClaimShown]
    has_more: bool
    next_cursor: str | None


def show_record(record: CustomsRecord) -> dict[str, Any]:
    """One line's record, in plain JSON values."""

    def paid(minor: int) -> dict[str, Any] | None:
        return money(minor, record.currency) if record.paid_currency else None

    def day(value: date | None) -> str | None:
        return value.isoformat() if value else None

    return {
        "order_line_id": record.order_line_id,
        "hs_code": record.hs_code,
        "description": record.description,
        "material": record.material,
        "origin": record.origin,
        "unit_weight_grams": record.unit_weight_grams,
        "declared_value": money(record.declared.minor, record.declared.currency),
        "duty_paid": paid(record.duty_minor),
        "import_tax_paid": paid(record.import_tax_minor),
        "paid_by": record.paid_by,
        "food": record.food,
        "exported_from": record.exported_from,
        "imported_into": record.imported_into,
        "returns_to": record.returns_to,
        "incoterm": record.incoterm,
        "procedure": record.procedure,
        "exported_on": day(record.exported_on),
        "imported_on": day(record.imported_on),
        "export_declaration": record.export_declaration,
        "import_declaration": record.import_declaration,
        "ioss_number": record.ioss_number,
        "proof_of_export": record.proof_of_export,
        "return_document": record.return_document,
        "carrier": record.carrier,
        "tracking": record.tracking,
        "shipped_on": day(record.shipped_on),
        "invoice_number": record.invoice_number,
        "invoiced_on": day(record.invoiced_on),
        "reason_for_export": record.reason_for_export,
    }


def show_records(order_id: str, records: Sequence[CustomsRecord]) -> dict[str, Any]:
    return {"order_id": order_id, "lines": [show_record(record) for record in records]}


def show_claims(session: Session, rows: Sequence[Row[Any]], today: date) -> list[dict[str, Any]]:
    """Claims with what is missing for each; the same two questions for one and for a hundred."""
    records = customs.records_of_lines(session, sorted({(row.order_id, row.order_line_id) for row in rows}))
    received = customs.received(session, sorted({row.case_id for row in rows}))
    return [_claim(row, records.get((row.order_id, row.order_line_id)), row.case_id in received, today) for row in rows]


def show_customs_of_return(session: Session, case_id: str, today: date) -> dict[str, Any]:
    """What customs knows of the lines of a return, its claims, and what becomes of duty and import tax."""
    records = customs.records_of_case(session, case_id)
    return {
        "return_id": case_id,
        "lines": [
            {"line_id": line_id, "order_id": record.order_id, **show_record(record)}
            for line_id, record in records.items()
        ],
        "claims": show_claims(session, customs.claims_of_case(session, case_id), today),
        "duty": [
            {"line_id": line_id, "answer": decision.answer, "rule": decision.rule, "source": decision.source}
            for line_id, decision in ((line_id, duty_decision(record)) for line_id, record in records.items())
        ],
    }


def _claim(row: Row[Any], record: CustomsRecord | None, received: bool, today: date) -> dict[str, Any]:
    recovered = row.recovered_minor
    return {
        "id": row.id,
        "return_id": row.case_id,
        "line_id": row.case_line_id,
        "order_id": row.order_id,
        "order_line_id": row.order_line_id,
        "units": row.units,
        "kind": row.kind,
        "title": row.title,
        "authority": row.authority,
        "status": row.status,
        "deadline": row.deadline.isoformat() if row.deadline else None,
        "overdue": is_overdue(row.status, row.deadline, today),
        "expected": money(row.expected_minor, row.currency),
        "recovered": None if recovered is None else money(recovered, row.currency),
        "claimant": row.claimant,
        "recovered_for": row.recovered_for,
        "missing": list(missing_proofs(row.needs, record, received=received)) if record else list(row.needs),
        "reference": row.reference,
        "note": row.note,
        "source": row.source,
        "confidence": row.confidence,
        "opened_at": spoken(row.opened_at),
        "filed_at": spoken(row.filed_at),
        "filed_by": row.filed_by,
        "ended_at": spoken(row.ended_at),
        "ended_by": row.ended_by,
    }


_RECORD_EXAMPLE: dict[str, Any] = show_record(CustomsTold.model_validate(TOLD_EXAMPLE).records("o_1")[0])
RECORDS_EXAMPLE: dict[str, Any] = {"order_id": "o_1", "lines": [_RECORD_EXAMPLE]}
CLAIM_EXAMPLE: dict[str, Any] = {
    "id": "clm_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "return_id": "ret_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "line_id": "rl_1",
    "order_id": "o_1",
    "order_line_id": "l_1",
    "units": 1,
    "kind": "us_unused_drawback",
    "title": "US drawback, unused merchandise",
    "authority": "US",
    "status": "open",
    "deadline": "2031-11-06",
    "overdue": False,
    "expected": money(1188, "USD"),
    "recovered": None,
    "claimant": "merchant",
    "recovered_for": "merchant",
    "missing": ["proof_of_export"],
    "reference": None,
    "note": None,
    "source": "19 U.S.C. 1313(j): 99 % of the duty, exported or destroyed within 5 years of import",
    "confidence": "high",
    "opened_at": "2026-11-20T09:30:00Z",
    "filed_at": None,
    "filed_by": None,
    "ended_at": None,
    "ended_by": None,
}
OF_RETURN_EXAMPLE: dict[str, Any] = {
    "return_id": "ret_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "lines": [{"line_id": "rl_1", "order_id": "o_1", **_RECORD_EXAMPLE}],
    "claims": [CLAIM_EXAMPLE],
    "duty": [
        {
            "line_id": "rl_1",
            "answer": "they were part of the price paid to the shop, and go back with it",
            "rule": "duty_in_the_price",
            "source": "Directive 2011/83/EU, art. 13(1)",
        }
    ],
}
