"""`boomerang withdrawal`: what a person has to look at, and the acknowledgement in the folder of the embedded stack."""

import mailbox
from typing import Any

import httpx2

from tests.commands.conftest import House, order
from tests.waiting import until


def declare(house: House, contract: str, email: str) -> dict[str, Any]:
    """As a storefront does."""
    url = (house.folder / "ports.json").read_text().partition('"server": ')[2].split(",")[0].strip("} \n")
    key = (house.folder / "operator.key").read_text().strip()
    answer = httpx2.post(
        f"http://127.0.0.1:{url}/v1/withdrawals",
        json={"name": "Ada", "contract": contract, "email": email},
        headers={"Authorization": f"Bearer {key}", "Idempotency-Key": f"{contract}-{email}"},
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_person_finds_what_waits_and_answers_it(house: House) -> None:
    made = declare(house, "10-unknown", "bob@customer.example")
    until(lambda: house.read("withdrawal", "show", made["id"])["status"] == "with_a_person")
    listed = house.done("withdrawal", "list", "--status", "with_a_person")
    assert made["id"] in listed
    assert "order_unknown" in listed
    assert house.done("withdrawal", "answer", made["id"], "Wrote to him.") == f"{made['id']} is answered.\n"
    shown = house.done("withdrawal", "show", made["id"])
    assert "Wrote to him." in shown
    assert made["id"] not in house.done("withdrawal", "list", "--status", "with_a_person")
    status, _, said = house.run("withdrawal", "answer", made["id"], "Again.")
    assert status == 1
    assert "was answered by" in said


def test_the_embedded_stack_sends_mail_into_its_folder(house: House) -> None:
    told = order("o_withdrawn")
    told["customer"]["email"] = "ada@customer.example"
    house.done("order", "put", "-", given=told)
    made = declare(house, "o_withdrawn", "ada@customer.example")

    def mails() -> list[Any]:
        folder = house.folder / "mail"
        return (
            [mail for mail in mailbox.Maildir(folder, create=False) if made["id"] in mail["Message-ID"]]
            if folder.exists()
            else []
        )

    until(lambda: len(mails()) == 1, within_s=30)
    assert mails()[0]["To"] == "ada@customer.example"
    until(lambda: house.read("withdrawal", "show", made["id"])["acknowledgement"]["sent_at"] is not None)
    found = house.read("withdrawal", "show", made["id"])
    assert found["status"] == "opened"
    assert house.read("return", "show", found["return_id"])["lines"][0]["reason"] == "withdrawal"
