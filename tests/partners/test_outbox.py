"""Events are signed, and come once and in order unless a knob says otherwise; they are sent until they are accepted."""

import json
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from tests.partners.programs import SECRET, Ear, Heard, Program, running, until


def book(carrier: Program, booking_id: str) -> str:
    body = {"booking_id": booking_id, "case_id": "ret_1", "method": "label", "reference": "RMA1", "units": 1}
    answer = carrier.post("/v1/shipments", body | {"from_country": "DE", "to_country": "DE", "currency": "EUR"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def scan(carrier: Program, shipment_id: str, status: str) -> str:
    answer = carrier.post(f"/admin/shipments/{shipment_id}/advance", {"status": status})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["event_id"])


def statuses(events: list[Heard]) -> list[str]:
    return [str(json.loads(event.raw)["data"]["status"]) for event in events]


def waiting(carrier: Program, booking_id: str) -> list[dict[str, Any]]:
    return [event for event in carrier.get("/admin/pending")["waiting"] if event["subject"] == booking_id]


def test_an_event_is_signed_and_names_itself_in_body_and_header(carrier: Program, ear: Ear) -> None:
    event_id = scan(carrier, book(carrier, "bk_signed"), "picked_up")
    (event,) = ear.hears("bk_signed")
    body = Webhook(SECRET).verify(event.raw, event.headers)
    assert (body["id"], event.id, body["type"]) == (event_id, event_id, "parcel.picked_up")


def test_events_of_one_parcel_come_in_order_and_once(carrier: Program, ear: Ear) -> None:
    shipment_id = book(carrier, "bk_order")
    told = ["picked_up", "in_transit", "out_for_delivery", "delivered"]
    for status in told:
        scan(carrier, shipment_id, status)
    ear.hears("bk_order", 4)
    until(lambda: not waiting(carrier, "bk_order"), "all to be accepted")
    assert statuses(ear.about("bk_order")) == told


def test_a_doubled_event_has_one_id(carrier: Program, ear: Ear) -> None:
    carrier.knobs(duplicate_events={"next": 1, "count": 99})
    scan(carrier, book(carrier, "bk_double"), "picked_up")
    events = ear.hears("bk_double", 100)
    until(lambda: not waiting(carrier, "bk_double"), "all copies to be accepted")
    assert len({event.id for event in events}) == 1
    assert len(ear.about("bk_double")) == 100


def test_a_reordered_event_comes_after_the_next_one(carrier: Program, ear: Ear) -> None:
    shipment_id = book(carrier, "bk_reorder")
    carrier.knobs(reorder_events={"next": 1, "seconds": 3_600})
    scan(carrier, shipment_id, "in_transit")
    scan(carrier, shipment_id, "delivered")
    assert statuses(ear.hears("bk_reorder", 2)) == ["delivered", "in_transit"]


def test_a_late_event_comes_when_its_time_has_come(carrier: Program, ear: Ear) -> None:
    carrier.knobs(delay_events={"next": 1, "seconds": 3 * 86_400})
    scan(carrier, book(carrier, "bk_late"), "delivered")
    (held,) = waiting(carrier, "bk_late")
    assert (held["held"], held["attempts"]) == ("late", 0)
    carrier.advance(3 * 86_400 + 1)
    (event,) = ear.hears("bk_late")
    # Signed at the moment of sending: a late event is not a stale one.
    assert Webhook(SECRET).verify(event.raw, event.headers)["data"]["status"] == "delivered"


def test_a_dropped_event_never_comes(carrier: Program, ear: Ear) -> None:
    shipment_id = book(carrier, "bk_drop")
    dropped = carrier.get("/admin/pending")["counts"]["dropped"]
    carrier.knobs(drop_events={"next": 1})
    scan(carrier, shipment_id, "picked_up")
    scan(carrier, shipment_id, "delivered")
    assert statuses(ear.hears("bk_drop")) == ["delivered"]
    assert carrier.get("/admin/pending")["counts"]["dropped"] == dropped + 1
    until(lambda: not waiting(carrier, "bk_drop"), "the second to be accepted")
    assert len(ear.about("bk_drop")) == 1


def test_a_refused_event_is_sent_again(carrier: Program, ear: Ear) -> None:
    ear.answers[:] = [500, 302]
    event_id = scan(carrier, book(carrier, "bk_again"), "picked_up")
    until(lambda: ear.about("bk_again"), "the first try")
    carrier.advance(60)
    assert {event.id for event in ear.hears("bk_again", 3)} == {event_id}
    until(lambda: not waiting(carrier, "bk_again"), "the third try to be accepted")
    assert len(ear.about("bk_again")) == 3


def test_an_event_waits_through_a_dead_house_and_a_dead_partner(tmp_path: Path) -> None:
    with Ear() as gone:
        address = gone.url
    program = Program("carriers", tmp_path, address)
    with running(program):
        event_id = scan(program, book(program, "bk_patient"), "delivered")
        until(lambda: waiting(program, "bk_patient")[0]["attempts"] >= 1, "a try in vain")
        assert waiting(program, "bk_patient")[0]["last_answer"] == "ConnectError"
        program.kill()
        with Ear() as back:
            program.webhook_url = back.url
            program.start()
            assert back.hears("bk_patient")[0].id == event_id
            until(lambda: not waiting(program, "bk_patient"), "it to be accepted")
