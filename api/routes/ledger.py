"""The ledger as finance and auditors read it: statements per party and month, as JSON and as CSV."""

import csv
import io
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from sqlalchemy.orm import Session

from api.reading import Door
from api.schemas.common import Identifier
from api.schemas.ledger import CSV_EXAMPLE, STATEMENTS_EXAMPLE, StatementsShown, show_statements
from api.schemas.problems import KEYED, STORED, answer, problems
from api.security import Scope, needs
from database import statements as asked
from database.engine import Sessions, database_time, patient
from domain.errors import Invalid
from domain.fees import Bearer
from domain.statements import Month, Statement, UnknownParty, csv_rows, statements

router = APIRouter(route_class=Door, tags=["ledger"])

LINES_MAX = 10_000  # in one JSON answer; a file has no such limit
CSV = "text/csv"
CSV_ANSWER: dict[str, Any] = {CSV: {"schema": {"type": "string"}, "example": CSV_EXAMPLE}}
READ = problems(*KEYED, 404, 422, *STORED)

MonthAsked = Annotated[
    str,
    Query(
        description="The accounting month, from its first instant in UTC up to the first of the next: 2026-11.",
        examples=["2026-11"],
    ),
]
PartyAsked = Annotated[
    Identifier | None,
    Query(
        description="One party alone: a bearer of fees (shopper, merchant, platform, carrier, insurer), or an account such as "
        "`payable:carrier:simulated`.",
        examples=["merchant"],
    ),
]


class TooManyLines(Invalid):
    code = "too_many_lines"
    next_action = "Ask for one bearer, for totals (detail=false), or for the CSV, which has no such limit."


@router.get(
    "/v1/ledger/statements",
    summary="What each party bore in a month",
    dependencies=[needs(Scope.OPS_READ)],
    responses={
        200: {
            "description": "The statements, bearers of fees first",
            "content": {**answer("", STATEMENTS_EXAMPLE)["content"], **CSV_ANSWER},
            "model": StatementsShown,
        },
        **READ,
    },
)
def read_statements(
    request: Request,
    month: MonthAsked,
    bearer: PartyAsked = None,
    detail: Annotated[bool, Query(description="Every line, with the rule and the source of each fee.")] = False,
) -> Response:
    """Every posting of the ledger stands in exactly one statement: in each currency the statements of a month sum to zero, and those
    of the bearers to what fees cost. With `Accept: text/csv` the answer is the file of `/v1/ledger/statements.csv`."""
    wanted = Month.parse(month)
    if CSV in request.headers.get("accept", ""):
        return _file(_sessions(request), wanted, bearer)
    with _sessions(request)() as session:
        made = _made(session, wanted, bearer)
        count = sum(one.entries for one in made)
        if detail and count > LINES_MAX:
            raise TooManyLines(f"The month has {count} lines, more than {LINES_MAX}.", lines=count, most=LINES_MAX)
        lines = asked.lines(session, wanted, bearer) if detail else None
        return JSONResponse(show_statements(wanted, made, lines, now=database_time(session)))


@router.get(
    "/v1/ledger/statements.csv",
    summary="The statements of a month as a file",
    dependencies=[needs(Scope.OPS_READ)],
    response_class=Response,
    responses={
        200: {"description": "One row for each entry, between opening and closing", "content": CSV_ANSWER},
        **READ,
    },
)
def download_statements(request: Request, month: MonthAsked, bearer: PartyAsked = None) -> Response:
    """All lines, however many. Amounts are whole minor units; no cell can be taken for a formula by a spreadsheet."""
    return _file(_sessions(request), Month.parse(month), bearer)


def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions


def _made(session: Session, month: Month, party: str | None) -> tuple[Statement, ...]:
    """The statements, in a snapshot in which their lines can be read too. Raises UnknownParty."""
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    made = statements(asked.totals(session, month, party))
    if party is not None and not made and party not in list(Bearer):
        raise UnknownParty(f"Up to the end of {month} there is no account {party!r}.")
    return made


def _file(sessions: Sessions, month: Month, party: str | None) -> Response:
    session = sessions()
    try:
        made = _made(session, month, party)
        patient(session)  # whoever reads the file may be slow
    except BaseException:
        session.close()
        raise
    name = f"statements-{month}.csv"
    return StreamingResponse(
        _written(session, month, party, made),
        media_type=f"{CSV}; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _written(session: Session, month: Month, party: str | None, made: tuple[Statement, ...]) -> Iterator[str]:
    """The file, some rows at a time; the session is closed with it."""
    try:
        out = io.StringIO(newline="")
        rows = csv.writer(out)
        for row in csv_rows(month, made, asked.lines(session, month, party)):
            rows.writerow(row)
            if out.tell() > 1 << 16:
                yield out.getvalue()
                out.seek(0)
                out.truncate()
        yield out.getvalue()
    finally:
        session.close()
