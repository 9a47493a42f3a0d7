"""Credit notes over the API: listed, read, and taken as a PDF that stays the same."""

from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from api.schemas.credit_notes import EXAMPLE, CreditNoteShown, CreditNotesShown
from api.security import Role
from database import credit_notes
from tests.api.doors import Doors, eur, is_problem
from tests.database.test_credit_notes import a_note, a_seller

AT = datetime(2026, 11, 21, tzinfo=UTC)


def with_note(doors: Doors, **vary: Any) -> tuple[dict[str, Any], str]:
    """A return with a note of EUR 120 that a settlement would have made; the return and the number."""
    opened = doors.open(doors.sell())
    note = replace(a_note(a_seller()), case_id=opened["id"], rma=opened["rma"], **vary)
    with doors.made.begin() as session:
        return opened, credit_notes.issue(session, [note], AT)[0].number


def test_a_return_names_its_notes(doors: Doors) -> None:
    opened, number = with_note(doors)
    assert opened["credit_notes"] == []
    assert doors.get(f"/v1/returns/{opened['id']}").json()["credit_notes"] == [number]
    for which in (opened["id"], opened["rma"]):
        (listed,) = doors.get(f"/v1/returns/{which}/credit-notes").json()["data"]
        assert listed == doors.get(f"/v1/credit-notes/{number}").json()


def test_a_note_is_shown_as_documented(doors: Doors) -> None:
    _, number = with_note(doors, issued_on=date(2026, 11, 21))
    shown = doors.get(f"/v1/credit-notes/{number}").json()
    assert list(shown) == list(CreditNoteShown.model_fields) == list(EXAMPLE)
    CreditNoteShown.model_validate(shown)
    CreditNotesShown.model_validate({"data": [EXAMPLE]})
    assert (shown["number"], shown["issued_on"], shown["gross"], shown["refunded"]) == (
        number, "2026-11-21", eur(12000), eur(12000),
    )  # fmt: skip


def test_the_pdf_is_the_same_each_time_and_asked_for_once(doors: Doors) -> None:
    opened, number = with_note(doors)
    answer = doors.get(f"/v1/credit-notes/{number}.pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["content-disposition"] == f'inline; filename="{number}.pdf"'
    assert answer.headers["cache-control"] == "private, no-cache"
    text = PdfReader(BytesIO(answer.content)).pages[0].extract_text()
    assert number in text
    assert opened["rma"] in text
    assert doors.get(f"/v1/credit-notes/{number}.pdf").content == answer.content
    again = doors.get(f"/v1/credit-notes/{number}.pdf", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])


@pytest.mark.parametrize("role", [Role.STOREFRONT, Role.OPERATOR])
@pytest.mark.parametrize("end", ["", ".pdf"])
def test_whoever_reads_returns_reads_their_notes(doors: Doors, role: Role, end: str) -> None:
    _, number = with_note(doors)
    assert doors.get(f"/v1/credit-notes/{number}{end}", role=role).status_code == 200


def test_the_warehouse_sees_goods_and_no_notes(doors: Doors) -> None:
    opened, number = with_note(doors)
    paths = (f"/v1/returns/{opened['id']}/credit-notes", f"/v1/credit-notes/{number}", f"/v1/credit-notes/{number}.pdf")
    for path in paths:
        assert doors.get(path, role=Role.WAREHOUSE).status_code == 403
        assert doors.get(path, role=None).status_code == 401


def test_what_is_not_there_is_said(doors: Doors) -> None:
    assert is_problem(doors.get("/v1/credit-notes/CN-1999-000001"), 404, "unknown_credit_note")
    assert is_problem(doors.get("/v1/credit-notes/CN-1999-000001.pdf"), 404, "unknown_credit_note")
    assert doors.get("/v1/returns/ret_nobody/credit-notes").status_code == 404
    opened = doors.open(doors.sell())
    assert doors.get(f"/v1/returns/{opened['id']}/credit-notes").json() == {"data": []}
