"""The withdrawal function of Directive 2011/83/EU, art. 11a: a form, a button that confirms, and an acknowledgement to keep.

Nothing but what the law allows to ask is asked, nobody logs in, and nothing is written before the second step. Its page carries a
fresh form token: sent twice, it is one withdrawal; sent again after going back and typing something else, it is another.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from sqlalchemy import Row

from api.dependencies import Reading, Withdrawals
from api.errors import NoSuchAddress
from api.security import open_to_all
from database import withdrawals
from database.engine import database_time
from desk.withdrawals import FormUsedForAnother, Submission
from domain.errors import BoomerangError
from domain.withdrawal import CONTRACT_MAX, EMAIL_MAX, GOODS_MAX, NAME_MAX, Declaration, Fault, declaration, faults_of
from web.page import Face, render
from web.withdrawal.letter import moments
from web.words import words_of

router = APIRouter(
    route_class=Face,
    include_in_schema=False,
    dependencies=[open_to_all("the right of withdrawal is exercised without logging in")],
)

TOKEN = re.compile(r"form_[A-Za-z0-9_-]{32}")
LONGEST = {"name": NAME_MAX, "contract": CONTRACT_MAX, "email": EMAIL_MAX, "goods": GOODS_MAX}
FIELDS_MAX = 20
FORM = "/withdrawal"


class NotFromHere(BoomerangError):
    code, status, title = "form_not_from_here", 403, "The form was sent from another site"


@router.get(FORM)
async def form(request: Request) -> HTMLResponse:
    """Step one. A shop may name the order in its link: `/withdrawal?order=10023`."""
    order = request.query_params.get("order", "")[:CONTRACT_MAX]
    return _form(request, _declared(request, {"contract": order}))


@router.post(FORM)
async def review(request: Request) -> HTMLResponse:
    """Step two: what was typed, and the button. A shop that knows its customer may send its own form here."""
    said = _declared(request, await _sent(request))
    if faults := faults_of(said):
        return _form(request, said, faults)
    return render(request, "withdrawal/review.html", said=said, token=f"form_{secrets.token_urlsafe(24)}")


@router.get("/withdrawal/confirm")
async def begin_again(request: Request) -> Response:
    """Whoever comes back to the second step's address by hand."""
    return RedirectResponse(f"{FORM}?{urlencode({'lang': words_of(request).language})}", status_code=303)


@router.post("/withdrawal/confirm")
async def confirm(request: Request, desk: Withdrawals) -> Response:
    """The declaration, at this moment."""
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise NotFromHere("The confirmation was sent by a page of another site.")
    sent = await _sent(request)
    said, token = _declared(request, sent), sent.get("token", "")
    if (faults := faults_of(said)) or not TOKEN.fullmatch(token):
        return _form(request, said, faults, notice="" if faults else "withdrawal.form_unknown")
    try:
        await desk.declare(said, token)
    except FormUsedForAnother:
        return _form(request, said, notice="withdrawal.form_used")
    # A reload shows the acknowledgement again, and sends nothing.
    return RedirectResponse(f"/withdrawal/acknowledged/{token}?{urlencode({'lang': said.locale})}", status_code=303)


@router.get("/withdrawal/acknowledged/{token}")
def acknowledged(token: str, request: Request, session: Reading) -> HTMLResponse:
    """The acknowledgement, for whoever holds the form's token: 192 random bits that only the consumer's browser has seen."""
    row = _of_token(session, token)
    order = withdrawals.find_order(session, row.order_id) if row.order_id else None
    of = Submission(row.id, _said(row), row.submitted_at, order.market if order else None)
    waits = (
        row.acknowledged_at is None
        and row.mail_claimed_at is None
        and withdrawals.has_to_wait(session, row, database_time(session))
    )
    return render(
        request,
        "withdrawal/acknowledged.html",
        row=row,
        said=of.said,
        moments=moments(words_of(request), of),
        mail="waits" if waits else "sent" if row.acknowledged_at else "sending",
        token=token,
    )


@router.get("/withdrawal/acknowledged/{token}/file")
def file(token: str, session: Reading) -> PlainTextResponse:
    """The same to keep: word for word what is sent by mail."""
    row = _of_token(session, token)
    headers = {
        "Content-Disposition": f'attachment; filename="{row.id}.txt"',
        "Content-Language": row.locale,
    }
    return PlainTextResponse(row.acknowledgement, headers=headers)


def _of_token(session: Any, token: str) -> Row[Any]:
    row = withdrawals.of_token(session, token) if TOKEN.fullmatch(token) else None
    if row is None:
        raise NoSuchAddress("There is no such acknowledgement.")
    return row


def _form(
    request: Request, said: Declaration, faults: Mapping[str, Fault] | None = None, notice: str = ""
) -> HTMLResponse:
    status = 422 if faults else 409 if notice else 200
    return render(
        request,
        "withdrawal/form.html",
        status=status,
        said=said,
        faults=faults or {},
        notice=notice,
        longest=LONGEST,
        path=FORM,  # also where the second step came back here
    )


async def _sent(request: Request) -> dict[str, str]:
    await request.body()  # bounded (api/reading.py); what follows reads it from there
    sent = await request.form(max_files=0, max_fields=FIELDS_MAX)
    return {name: value for name, value in sent.items() if isinstance(value, str)}


def _declared(request: Request, sent: Mapping[str, str]) -> Declaration:
    return declaration(
        name=sent.get("name", ""),
        contract=sent.get("contract", ""),
        email=sent.get("email", ""),
        goods=sent.get("goods", "") if sent.get("part", "part") == "part" else "",
        locale=words_of(request).language,
    )


def _said(row: Row[Any]) -> Declaration:
    return Declaration(row.name, row.contract, row.email, row.goods or "", row.locale)
