"""The carrier sells one label per booking, takes unused ones back, and moves parcels by hand or by itself."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.partners.programs import Ear, Program, running, until


def order(booking_id: str, **changed: object) -> dict[str, Any]:
    usual = {"case_id": "ret_1", "method": "label", "reference": "RMA1", "units": 2, "currency": "EUR"}
    return {"booking_id": booking_id, "from_country": "FR", "to_country": "DE", **usual, **changed}


def book(carrier: Program, booking_id: str, **changed: object) -> dict[str, Any]:
    answer = carrier.post("/v1/shipments", order(booking_id, **changed))
    assert answer.status_code == 201, answer.text
    shipment: dict[str, Any] = answer.json()
    return shipment


def scan(carrier: Program, shipment: dict[str, Any], status: str, **more: str) -> dict[str, Any]:
    answer = carrier.post(f"/admin/shipments/{shipment['id']}/advance", {"status": status, **more})
    assert answer.status_code == 200, answer.text
    scanned: dict[str, Any] = answer.json()
    return scanned


def void(carrier: Program, shipment: dict[str, Any]) -> httpx2.Response:
    return carrier.post(f"/v1/shipments/{shipment['id']}/void", None)


def test_a_label_says_what_it_costs_and_where_it_goes(carrier: Program) -> None:
    shipment = book(carrier, "bk_label")
    assert (shipment["cost"], shipment["currency"], shipment["status"]) == (890, "EUR", "label_created")
    assert shipment["tracking_code"] in shipment["label"]
    assert (shipment["pickup_slot"], shipment["drop_off_code"]) == (None, None)


def test_a_pickup_has_a_slot_on_the_next_day_and_a_drop_off_has_a_code(carrier: Program) -> None:
    pickup = book(carrier, "bk_slot", method="pickup")
    start, end = pickup["pickup_slot"]["start"], pickup["pickup_slot"]["end"]
    assert start[:10] == end[:10] > pickup["booked_at"][:10]
    assert (start[11:16], end[11:16]) == ("09:00", "12:00")
    assert len(book(carrier, "bk_code", method="drop_off")["drop_off_code"]) == 8


def test_one_booking_is_one_label_at_whatever_instant(carrier: Program) -> None:
    carrier.knobs(delay={"probability": 1, "seconds": 0.1})
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: carrier.post("/v1/shipments", order("bk_once")), range(8)))
    assert sorted(answer.status_code for answer in answers) == [*[200] * 7, 201]
    assert len({answer.content for answer in answers}) == 1
    assert len(carrier.get("/v1/shipments", booking_id="bk_once")["data"]) == 1


@pytest.mark.parametrize("changed", [{"units": 3}, {"direction": "outbound"}, {"instructions": "ring twice"}], ids=str)
def test_one_booking_with_other_particulars_is_refused(carrier: Program, changed: dict[str, object]) -> None:
    booking_id = f"bk_other_{next(iter(changed))}"
    book(carrier, booking_id)
    answer = carrier.post("/v1/shipments", order(booking_id, **changed))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "booking_id_reused")


@pytest.mark.parametrize(
    "changed", [{"units": 0}, {"units": "2"}, {"method": "drone"}, {"to_country": "Germany"}, {"extra": 1}], ids=str
)
def test_an_order_it_cannot_read_is_refused(carrier: Program, changed: dict[str, object]) -> None:
    answer = carrier.post("/v1/shipments", order("bk_bad", **changed))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "malformed")
    assert carrier.get("/v1/shipments", booking_id="bk_bad")["data"] == []


def test_an_unused_label_is_taken_back_and_a_used_one_is_not(carrier: Program) -> None:
    unused = book(carrier, "bk_unused")
    assert void(carrier, unused).json()["voided"] is True
    assert void(carrier, unused).json()["voided"] is True
    used = book(carrier, "bk_used")
    scan(carrier, used, "picked_up")
    answer = void(carrier, used)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_scanned")


def test_a_missed_pickup_leaves_the_label_unused(carrier: Program) -> None:
    shipment = book(carrier, "bk_missed", method="pickup")
    scan(carrier, shipment, "pickup_failed")
    assert void(carrier, shipment).json()["voided"] is True


def test_a_voided_label_that_is_used_all_the_same_is_carried_and_billed(carrier: Program) -> None:
    shipment = book(carrier, "bk_revived", currency="SEK")
    void(carrier, shipment)
    assert carrier.get("/v1/balance")["sold"]["SEK"] == {"labels": 1, "cost": 890, "voided": 1, "billed": 0}
    assert scan(carrier, shipment, "picked_up")["shipment"]["voided"] is False
    assert carrier.get("/v1/balance")["sold"]["SEK"] == {"labels": 1, "cost": 890, "voided": 0, "billed": 890}


def test_the_same_scan_twice_is_one_event_and_two_missed_pickups_are_two(carrier: Program, ear: Ear) -> None:
    shipment = book(carrier, "bk_scans", method="pickup")
    first, again = scan(carrier, shipment, "pickup_failed"), scan(carrier, shipment, "pickup_failed")
    assert (first["fresh"], again["fresh"], again["event_id"]) == (True, False, first["event_id"])
    assert scan(carrier, shipment, "pickup_failed", scan_id="second try")["fresh"]
    scan(carrier, shipment, "picked_up")
    ear.hears("bk_scans", 3)
    seen = [one["status"] for one in carrier.get(f"/v1/shipments/{shipment['id']}")["scans"]]
    assert seen == ["pickup_failed", "pickup_failed", "picked_up"]


def test_faults_after_the_sale_leave_a_label_that_can_be_found(carrier: Program) -> None:
    carrier.knobs(fail_before={"next": 1})
    assert carrier.post("/v1/shipments", order("bk_torn")).status_code == 500
    assert carrier.get("/v1/shipments", booking_id="bk_torn")["data"] == []
    carrier.knobs(fail_after={"next": 1})
    assert carrier.post("/v1/shipments", order("bk_torn")).status_code == 500
    assert len(carrier.get("/v1/shipments", booking_id="bk_torn")["data"]) == 1


def test_shipments_of_a_case_are_found(carrier: Program) -> None:
    book(carrier, "bk_case_1", case_id="ret_two")
    book(carrier, "bk_case_2", case_id="ret_two", direction="outbound")
    page = carrier.get("/v1/shipments", case_id="ret_two", limit=1)
    rest = carrier.get("/v1/shipments", case_id="ret_two", cursor=page["next_cursor"])
    assert [one["booking_id"] for one in page["data"] + rest["data"]] == ["bk_case_1", "bk_case_2"]
    assert (page["has_more"], rest["has_more"]) == (True, False)


def told(ear: Ear, booking_id: str) -> list[str]:
    return [event.raw.decode().split('"type": "parcel.')[1].split('"')[0] for event in ear.about(booking_id)]


def test_parcels_move_by_themselves_on_the_rounds_and_go_on_after_the_end_of_the_program(tmp_path: Path) -> None:
    with Ear() as ear:
        rounds = ("--auto-scan", "--scan-seconds", "3600", "--scan-seed", "3")
        program = Program("carriers", tmp_path, ear.url, (*rounds, "--knobs", '{"miss_pickup": {"next": 1}}'))
        with running(program):
            book(program, "bk_fetched", method="pickup")
            program.advance(5_401)  # no step takes longer than one and a half times the seconds given
            ear.hears("bk_fetched", 1)
            program.advance(5_401)
            ear.hears("bk_fetched", 2)
            program.kill()
            program.more = rounds
            program.start()
            program.advance(5_401)
            ear.hears("bk_fetched", 3)
            program.advance(5_401)
            ear.hears("bk_fetched", 4)
            assert told(ear, "bk_fetched") == ["pickup_failed", "picked_up", "in_transit", "delivered"]

            program.knobs(lose={"next": 1})
            book(program, "bk_lost")
            void(program, book(program, "bk_voided"))
            for step in (1, 2, 3):
                program.advance(5_401)
                ear.hears("bk_lost", step)
            assert told(ear, "bk_lost") == ["picked_up", "in_transit", "lost"]
            until(lambda: not program.get("/admin/pending")["waiting"], "every event to be accepted")
            assert ear.about("bk_voided") == []
            assert program.get("/v1/balance")["by_status"] == {"delivered": 1, "label_created": 1, "lost": 1}
