"""The demo's warehouse: a dock that receives what the carrier delivers, and a scripted inspector who accepts it all.

Nothing is kept here. What there is to do is asked of the rows, so that a warehouse that was stopped half-way takes up where it was; every
call has a key that follows from its parcel or return, so that a call made twice counts once. Grades are drawn from a seed and say so.
"""

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sqlalchemy.exc import DBAPIError

from commands.client import ServerClient, ServerRefused
from commands.storefront import drawn
from database import progress
from database.engine import Sessions
from database.progress import AtTheDock

GRADES = "AAAAAABBBC"  # six in ten as new
LOOK_EVERY_S = 0.25
NOT_NOW = 409


class Warehouse:
    """Works on the returns in `names` (the cancellation's id by the return's), which may grow while it works."""

    def __init__(
        self, client: ServerClient, made: Sessions, *, seed: int, stop: threading.Event, names: Mapping[str, str]
    ) -> None:
        self._client, self._made, self._seed = client, made, seed
        self._stop, self._names = stop, names
        self._under_way: dict[str, Future[None]] = {}

    def work(self, benches: ThreadPoolExecutor) -> None:
        """Look for goods until stopped, a few times a second, and have each return worked on by one bench at a time."""
        while not self._stop.wait(LOOK_EVERY_S):
            self._finish()
            for goods in self._waiting():
                if goods.case_id in self._names and goods.case_id not in self._under_way:
                    self._under_way[goods.case_id] = benches.submit(self._handle, goods)
        self._finish()

    def _waiting(self) -> list[AtTheDock]:
        try:
            with self._made() as session:
                return [*progress.to_be_received(session), *progress.to_be_inspected(session)]
        except DBAPIError:
            return []  # the database is being started again; the goods can wait

    def _finish(self) -> None:
        for case_id, done in list(self._under_way.items()):
            if done.done():
                del self._under_way[case_id]
                done.result()

    def _handle(self, goods: AtTheDock) -> None:
        if goods.parcel_id:
            self._post(f"/v1/parcels/{goods.parcel_id}/receipt", {}, f"receipt-{goods.parcel_id}")
        expected = self._client.get(f"/v1/station/scan/{goods.case_id}").body["expected"]
        findings = {"lines": [self._finding(self._names[goods.case_id], line) for line in expected]}
        self._post(f"/v1/returns/{goods.case_id}/inspections", findings, f"inspection-{goods.case_id}")

    def _finding(self, name: str, line: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "line_id": line["line_id"],
            "quantity": line["quantity"],
            "grade": GRADES[drawn(self._seed, "grade", name, line["line_id"]) % len(GRADES)],
            "accepted": True,
            "findings": [f"assumed: the data has no condition, this grade was drawn with seed {self._seed}"],
        }

    def _post(self, path: str, body: Any, key: str) -> None:
        try:
            self._client.post(path, body, key=key)
        except ServerRefused as error:
            if error.http_status != NOT_NOW:  # it was done before, by us or by somebody else
                raise
