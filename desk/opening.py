"""Opening a return: what is sold is locked, the request judged, its units held and its terms frozen, in one transaction."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session
from ulid import ULID

from database import cases, facts, orders
from database.engine import Clock
from desk.words import Caller, Preview
from domain.explain import Decision
from domain.market import market_of
from domain.opening import Judgement, ReturnRequest, SoldLine, Verdict, judge
from domain.policy import PolicyBook
from domain.process import Opening, State, start
from domain.stages import Stage
from domain.terms import terms_for
from domain.tier import Tier, history_of, months_before, tier_of

DECIDED = {Verdict.ELIGIBLE: "authorized", Verdict.REFERRED: "referred", Verdict.REFUSED: "refused"}


class Openings:
    """Judges requests by the merchant's programme and the law; `open` also writes what follows."""

    def __init__(self, book: PolicyBook, programme: str, clock: Clock) -> None:
        self._book = book
        self._policy = book.programme(programme)
        self._clock = clock

    def open(self, session: Session, request: ReturnRequest, caller: Caller) -> str:
        """Write the return down; its id. The case itself is started after the commit."""
        seen = self.judge(session, request, lock=True)
        judgement, terms = seen.judgement, seen.terms
        at = self._clock(session)
        case_id = f"ret_{ULID()}"
        opening = Opening(case_id, judgement.verdict is Verdict.ELIGIBLE, request.method, at, terms.limits)
        refused = judgement.verdict is Verdict.REFUSED
        state = State(Stage.REFUSED, at, request.method, terms.limits) if refused else start(opening)[0]
        customer = request.customer_id or next((line.sold.customer_id for line in judgement.lines if line.sold), None)
        values = {
            "id": case_id,
            "rma": cases.next_rma(session),
            "customer_id": customer,
            "order_id": request.order_id,
            "tier": terms.tier,
            "market": terms.market,
            "programme": terms.programme,
            "policy_version": terms.policy_version,
            "currency": judgement.currency,
            "resolution": request.resolution,
            "method": request.method,
            "terms": {**asdict(terms), "freight": judgement.freight._asdict()},
            "referred": judgement.verdict is Verdict.REFERRED,
            "explanation": [asdict(decision) for decision in judgement.explanation],
            "quoted_minor": judgement.quote.total_minor,
            "opened_by": caller.name,
            "declared_at": request.declared_at or at,
            "opened_at": at,
            "outcome": "refused" if refused else None,
            "closed_at": at if refused else None,
        }
        cases.open_case(session, values, _line_rows(case_id, judgement), state)
        orders.claim(session, _units(judgement))
        grounds = sorted({line.ground for line in judgement.lines if line.ground})
        steps: list[tuple[str, str, dict[str, Any]]] = [
            ("requested", Stage.REQUESTED, {"lines": len(judgement.lines)}),
            ("checked", Stage.CHECKED, {"tier": terms.tier, "market": terms.market}),
            (f"opened_{DECIDED[judgement.verdict]}", state.stage, {"grounds": grounds}),
        ]
        facts.note_opening(session, case_id, at, caller.name, steps, announce=state)
        return case_id

    def judge(self, session: Session, request: ReturnRequest, *, lock: bool) -> Preview:
        """The answer to a request; `lock` holds the order lines against other returns of them."""
        now = self._clock(session)
        at = request.declared_at or now
        sold = self._sold(session, request, lock=lock)
        customer = request.customer_id or next((line.customer_id for line in sold if line.customer_id), None)
        country = orders.country_of(session, customer) if customer else (sold[0].market if sold else "")
        law = sold[0].market if request.order_id and sold else country
        market = market_of(self._book, law)
        tier, why = self._tier(session, customer, at)
        terms = terms_for(self._policy, market, tier)
        judgement = judge(
            request,
            sold=sold,
            policy=self._policy,
            terms=terms,
            market=market,
            at=at,
            currency=self._book.tiers.thresholds.currency,
        )
        return Preview(tier, terms, replace(judgement, explanation=(why, *judgement.explanation)))

    def _sold(self, session: Session, request: ReturnRequest, *, lock: bool) -> list[SoldLine]:
        if request.order_id is not None:
            found = orders.lines_of_order(session, request.order_id, lock=lock)
            if not found or (request.customer_id and found[0].customer_id not in (None, request.customer_id)):
                raise orders.UnknownOrder(
                    f"There is no order {request.order_id!r}" + (" of that customer." if found else "."),
                    pointer="/order_id",
                )
            return found
        if request.customer_id is None:
            return []
        # An unknown customer is a mistake, not a return without purchases.
        orders.country_of(session, request.customer_id)
        return orders.lines_of_customer(
            session, request.customer_id, [line.sku for line in request.lines if line.sku], lock=lock
        )

    def _tier(self, session: Session, customer: str | None, at: datetime) -> tuple[Tier, Decision]:
        thresholds = self._book.tiers.thresholds
        since = datetime.combine(months_before(at.date(), thresholds.window_months), datetime.min.time(), UTC)
        placed = orders.placed_by(session, customer, since=since, until=at) if customer else []
        return tier_of(history_of(placed, thresholds=thresholds, at=at), thresholds, at.date())


def _line_rows(case_id: str, judgement: Judgement) -> list[dict[str, Any]]:
    return [
        {
            "case_id": case_id,
            "id": f"rl_{number}",
            "order_id": line.sold.line.order_id if line.sold else None,
            "order_line_id": line.sold.line.id if line.sold else None,
            "sku": line.sku,
            "quantity": line.quantity,
            "reason": line.reason,
            "note": line.note,
            "verdict": line.verdict,
            "verdict_reasons": [line.ground] if line.ground else [],
            "holds_units": line.sold is not None
            and line.verdict is not Verdict.REFUSED
            and judgement.verdict is not Verdict.REFUSED,
        }
        for number, line in enumerate(judgement.lines, start=1)
    ]


def _units(judgement: Judgement) -> dict[tuple[str, str], int]:
    units: dict[tuple[str, str], int] = {}
    for line in judgement.lines:
        if line.sold and line.verdict is not Verdict.REFUSED:
            key = (line.sold.line.order_id, line.sold.line.id)
            units[key] = units.get(key, 0) + line.quantity
    return units
