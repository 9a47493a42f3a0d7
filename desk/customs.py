"""Customs at the desk: what is told of goods that crossed a border, and what people note about the claims for duty and tax."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from database import customs, keys
from database.engine import Clock, Sessions
from desk.words import Caller, IdempotencyKey, KeyUsedForAnotherRequest
from domain.customs import CustomsRecord, check_record
from domain.money import Money

Show = Callable[[Session, Row[Any]], dict[str, Any]]
Say = Callable[[Session, Row[Any]], None]


class CustomsDesk:
    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def put_records(
        self, order_id: str, records: Sequence[CustomsRecord], caller: Caller
    ) -> Sequence[CustomsRecord]:
        """Take in what customs knows of an order; the claims of its returns that are still open follow it, in one transaction."""
        for number, record in enumerate(records):
            check_record(record, f"/lines/{number}")

        def write() -> Sequence[CustomsRecord]:
            with self._sessions.begin() as session:
                at = self._clock(session)
                customs.put_records(session, order_id, records, by=caller.name, at=at)
                customs.open_claims_of_order(session, order_id, at)
                return customs.records_of_order(session, order_id)

        return await asyncio.to_thread(write)

    async def file(
        self, claim_id: str, reference: str, note: str | None, caller: Caller, key: IdempotencyKey | None, show: Show
    ) -> tuple[dict[str, Any], bool]:
        """Note that a claim was handed in; the claim as shown, and whether that was said before under the same key."""

        def say(session: Session, claim: Row[Any]) -> None:
            at = self._clock(session)
            customs.file_claim(session, claim, reference=reference, note=note, by=caller.name, at=at)

        return await self._say(claim_id, say, caller, key, show)

    async def recovered(
        self, claim_id: str, amount: Money, note: str | None, caller: Caller, key: IdempotencyKey | None, show: Show
    ) -> tuple[dict[str, Any], bool]:
        """Note what a filed claim brought."""

        def say(session: Session, claim: Row[Any]) -> None:
            customs.recover_claim(session, claim, amount, note=note, by=caller.name, at=self._clock(session))

        return await self._say(claim_id, say, caller, key, show)

    async def rejected(
        self, claim_id: str, reason: str, caller: Caller, key: IdempotencyKey | None, show: Show
    ) -> tuple[dict[str, Any], bool]:
        """End a claim without money, with the reason."""

        def say(session: Session, claim: Row[Any]) -> None:
            customs.reject_claim(session, claim, note=reason, by=caller.name, at=self._clock(session))

        return await self._say(claim_id, say, caller, key, show)

    async def _say(
        self, claim_id: str, say: Say, caller: Caller, key: IdempotencyKey | None, show: Show
    ) -> tuple[dict[str, Any], bool]:
        def write() -> tuple[dict[str, Any], bool]:
            with self._sessions.begin() as session:
                if key and (before := keys.claim(session, caller.id, key.route, key.value, key.body_hash)):
                    if before.body_hash != key.body_hash:
                        raise KeyUsedForAnotherRequest(
                            "The Idempotency-Key stands for another request that was carried out.", key=key.value
                        )
                    kept: dict[str, Any] = before.response
                    return kept, True
                say(session, customs.get_claim(session, claim_id, lock=True))
                body = show(session, customs.get_claim(session, claim_id))
                if key:
                    keys.answer(
                        session, caller.id, key.route, key.value, status=200, response=body, case_id=None, fact_id=None
                    )
                return body, False

        return await asyncio.to_thread(write)
