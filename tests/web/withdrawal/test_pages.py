"""The pages of a withdrawal as any client sees them: what is asked, what is refused, and what is never written."""

import re
from html import unescape
from typing import Any

import httpx2
import pytest

from database import withdrawals
from tests.api.doors import Doors, order_body

FORM = {"name": "Ada <b>Lovelace</b>", "contract": "10023", "goods": "", "email": "ada@customer.example"}


def send(doors: Doors, path: str, form: dict[str, Any], **headers: str) -> httpx2.Response:
    return doors.http.post(doors.url + path, data=form, headers={"Accept-Language": "en", **headers})


def hidden(answer: httpx2.Response) -> dict[str, str]:
    """What the second step sends on."""
    pairs = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', answer.text)
    return {name: unescape(value) for name, value in pairs}


def confirmed(doors: Doors, **vary: str) -> httpx2.Response:
    return send(doors, "/withdrawal/confirm", hidden(send(doors, "/withdrawal", FORM | vary)))


def count(doors: Doors) -> int:
    return doors.rows()["withdrawals"]


def test_the_form_asks_for_what_the_law_allows_and_for_nothing_else(doors: Doors) -> None:
    text = doors.get("/withdrawal", role=None).text
    assert re.findall(r'<(?:input|textarea)[^>]* name="(\w+)"', text) == ["name", "contract", "goods", "email"]
    assert len(re.findall("<button", text)) == 1


def test_a_link_may_name_the_order(doors: Doors) -> None:
    assert 'value="&lt;1&gt;"' in doors.get("/withdrawal?order=%3C1%3E", role=None).text


def test_the_second_step_shows_what_was_typed_and_sends_it_on(doors: Doors) -> None:
    before = count(doors)
    answer = send(doors, "/withdrawal", FORM | {"goods": 'A "dress"\r\nA belt'})
    assert answer.status_code == 200
    assert "Ada &lt;b&gt;Lovelace&lt;/b&gt;" in answer.text
    sent_on = hidden(answer)
    assert sent_on["goods"] == 'A "dress"\nA belt'
    assert re.fullmatch(r"form_[\w-]{32}", sent_on["token"])
    assert hidden(send(doors, "/withdrawal", FORM))["token"] != sent_on["token"], "each second step has its own"
    assert count(doors) == before


def test_a_confirmation_leads_to_the_acknowledgement(doors: Doors) -> None:
    answer = confirmed(doors)
    assert answer.status_code == 303
    shown = doors.get(answer.headers["location"], role=None)
    assert shown.status_code == 200
    file = doors.get(answer.headers["location"].partition("?")[0] + "/file", role=None)
    assert file.headers["content-type"] == "text/plain; charset=utf-8"
    row = of_location(doors, answer)
    assert file.headers["content-disposition"] == f'attachment; filename="{row.id}.txt"'
    assert file.text == row.acknowledgement
    assert doors.temporal.started[-1] == f"withdrawal/{row.id}", "the mail is on its way"


def of_location(doors: Doors, answer: httpx2.Response) -> Any:
    token = answer.headers["location"].partition("?")[0].rpartition("/")[2]
    with doors.made() as session:
        return withdrawals.of_token(session, token)


def test_the_same_form_sent_again_is_the_same_withdrawal(doors: Doors) -> None:
    form = hidden(send(doors, "/withdrawal", FORM))
    first, again = (send(doors, "/withdrawal/confirm", form) for _ in range(2))
    assert first.headers["location"] == again.headers["location"]
    assert of_location(doors, first) == of_location(doors, again)


def test_another_language_is_still_the_same_withdrawal(doors: Doors) -> None:
    form = hidden(send(doors, "/withdrawal", FORM))
    send(doors, "/withdrawal/confirm?lang=en", form)
    assert send(doors, "/withdrawal/confirm?lang=de", form).status_code == 303


@pytest.mark.parametrize("path", ["/withdrawal", "/withdrawal/confirm"])
@pytest.mark.parametrize(
    ("vary", "sentence"),
    [
        ({"name": " "}, "Enter your name."),
        ({"contract": ""}, "Enter the order number"),
        ({"email": "ada@home"}, "Enter one e-mail address"),
        ({"name": "x" * 201}, "at most 200 characters"),
        ({"goods": "x" * 2001}, "at most 2000 characters"),
        ({"name": "a\x00b"}, "characters that cannot be seen"),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, "characters that cannot be seen"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_what_cannot_be_taken_is_said_beside_its_field_and_nothing_is_written(
    doors: Doors, path: str, vary: dict[str, str], sentence: str
) -> None:
    before = doors.rows()
    answer = send(doors, path, FORM | {"token": "form_" + "x" * 32} | vary)
    assert answer.status_code == 422
    field = next(iter(vary))
    beside = answer.text.split(f'id="{field}-fault">')[1].split("</p>")[0]
    assert sentence in beside
    assert f'href="#{field}"' in answer.text
    assert "Ada &lt;b&gt;" in answer.text or field == "name", "what was typed is still there"
    assert doors.rows() == before


@pytest.mark.parametrize("token", ["", "form_short", "api_" + "x" * 32, "form_" + "x" * 31 + "\n"])
def test_a_form_that_is_not_ours_is_offered_anew_and_nothing_is_written(doors: Doors, token: str) -> None:
    before = count(doors)
    answer = send(doors, "/withdrawal/confirm", FORM | {"token": token})
    assert answer.status_code == 409
    assert "cannot be recognised" in answer.text
    assert count(doors) == before


def test_every_link_of_every_page_leads_to_a_page(doors: Doors) -> None:
    """Also the languages of a form that came back from the second step, and that step's own address."""
    acknowledged = doors.get(confirmed(doors).headers["location"], role=None)
    pages = [
        doors.get("/withdrawal", role=None),
        send(doors, "/withdrawal", {}),
        send(doors, "/withdrawal/confirm", {}),
        acknowledged,
    ]
    links = {link for page in pages for link in re.findall(r'href="(/[^"]+)"', page.text)} | {"/withdrawal/confirm"}
    answers = {link: doors.http.get(doors.url + unescape(link), follow_redirects=True).status_code for link in links}
    assert set(answers.values()) == {200}, answers


def test_a_page_of_another_site_cannot_confirm_for_the_reader(doors: Doors) -> None:
    before = count(doors)
    form = hidden(send(doors, "/withdrawal", FORM))
    answer = send(doors, "/withdrawal/confirm", form, **{"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert count(doors) == before


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"x=" + b"y" * (1024 * 1024 + 1), "application/x-www-form-urlencoded", 413),
        (b"&".join(b"a=b" for _ in range(50)), "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 422),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 422),
        (b"--x", "multipart/form-data", 400),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 422),
        (b"", "", 422),
    ],
    ids=["too long", "too many fields", "json", "no letters", "no boundary", "broken", "nothing"],
)
def test_anything_at_all_is_answered_with_a_page(doors: Doors, content: bytes, kind: str, status: int) -> None:
    before = count(doors)
    for path in ("/withdrawal", "/withdrawal/confirm"):
        answer = doors.http.post(doors.url + path, content=content, headers={"Content-Type": kind})
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"].startswith("text/html")
    assert count(doors) == before


def test_the_page_tells_nobody_whether_an_order_exists(doors: Doors) -> None:
    """Not to those who do not know its customer's address: both acknowledgements say the same."""
    body = order_body()
    body["customer"]["email"] = "ada@customer.example"
    order_id = doors.sell(customer=body["customer"])
    texts = []
    for contract in (order_id, "none-such"):
        answer = confirmed(doors, contract=contract, email="eve@elsewhere.example")
        row = of_location(doors, answer)
        token = answer.headers["location"].partition("?")[0].rpartition("/")[2]
        shown = doors.get(answer.headers["location"], role=None).text
        texts.append(re.sub(r"\d\d:\d\d:\d\d", "", shown.replace(contract, "").replace(row.id, "").replace(token, "")))
    assert texts[0] == texts[1]


def test_an_acknowledgement_is_found_by_its_own_forms_token_only(doors: Doors) -> None:
    answer = doors.post("/v1/withdrawals", {**FORM, "goods": None})
    row_id = answer.json()["id"]
    with doors.made() as session:
        token = withdrawals.get(session, row_id).token
    for word in (row_id, token, "form_" + "z" * 32, "x" * 500):
        assert doors.get(f"/withdrawal/acknowledged/{word}", role=None).status_code == 404
        assert doors.get(f"/withdrawal/acknowledged/{word}/file", role=None).status_code == 404
