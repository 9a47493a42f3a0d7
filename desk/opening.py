"""Opening a return: what is sold is locked, the request judged, its units held and its terms frozen, in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session
from ulid import ULID

from database import cases, facts, orders
from database.customers import lock_of, purchases_of
from database.engine import Clock
from database.history import history_of, kept_by_order, one_at_a_time
from desk.words import Caller, Preview
from domain.calendar import Calendar
from domain.eligibility import Verdict
from domain.explain import Decision
from domain.market import Market, market_of
from domain.opening import Judgement, ReturnRequest, Setting, judge, risk_of
from domain.order import SoldLine
from domain.policy import PolicyBook, ReturnPolicy
from domain.process import start
from domain.reasons import ReturnReason, fault_of, is_no_fault
from domain.refund import RefundLine, quote_refund
from domain.refund_terms import RefundTerms
from domain.risk import ReturnHistory
from domain.stages import Stage
from domain.state import Opening, State
from domain.terms import terms_for
from domain.tier import Tier, orders_since, tier_now
from domain.windows import last_days_move
from policies.calendars import calendar_of

DECIDED = {Verdict.ELIGIBLE: "authorized", Verdict.REFERRED: "referred", Verdict.REFUSED: "refused"}


# The policy in force at a moment, as operators published it (desk/policies.py).
Live = Callable[[Session, datetime], ReturnPolicy]


class Openings:
    """Judges requests by the policy in force and the law; `open` also writes what follows."""

    def __init__(self, book: PolicyBook, policies: Live, clock: Clock) -> None:
        self._book = book
        self._policies = policies
        self._clock = clock

    def open(self, session: Session, request: ReturnRequest, caller: Caller) -> str:
        """Write the return down; its id. The case itself is started after the commit."""
        seen = self.judge(session, request, lock=True)
        judgement, terms = seen.judgement, seen.terms
        at = self._clock(session)
        case_id = f"ret_{ULID()}"
        opening = Opening(case_id, judgement.verdict is Verdict.ELIGIBLE, request.method, at, judgement.limits)
        refused = judgement.verdict is Verdict.REFUSED
        state = State(Stage.REFUSED, at, request.method, judgement.limits) if refused else start(opening)[0]
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
            "policy_id": terms.policy_id or None,
            "benefits": terms.benefits,
            "currency": judgement.currency,
            "resolution": request.resolution,
            "method": request.method,
            "terms": {
                **asdict(terms),
                "limits": asdict(judgement.limits),
                "freight": judgement.freight._asdict(),
                "withdrawing": judgement.withdrawing,
                **({"refund_as": judgement.refund_as} if judgement.refund_as else {}),
            },
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
        grounds = sorted({ground for line in judgement.lines for ground in line.grounds})
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
        policy = self._policies(session, now)
        if lock and request.customer_id and policy.looks_at_history:
            one_at_a_time(session, request.customer_id)
        sold = self._sold(session, request, lock=lock)
        customer = request.customer_id or next((line.customer_id for line in sold if line.customer_id), None)
        country = orders.country_of(session, customer) if customer else (sold[0].market if sold else "")
        law = sold[0].market if request.order_id and sold else country
        market = market_of(self._book, law)
        tier, why = self._tier(session, policy, customer, at)
        currency = sold[0].currency if sold else request.currency or policy.tier_table.thresholds.currency
        history = ReturnHistory()
        if customer and policy.looks_at_history:
            history = history_of(session, customer, currency=currency, at=at)
        risk = risk_of(history, policy, tier)
        terms = terms_for(policy, market, tier, country=law, benefits=not risk.ends_benefits)
        judgement = judge(
            request,
            sold=sold,
            by=Setting(
                policy,
                terms,
                market,
                judging_calendar(law, market, [line.delivered_at or line.placed_at for line in sold], at),
                calendar_of(law, now.date(), moves=last_days_move(market)),
                self._book.rates,
                history,
                risk,
                kept_by_order(session, {line.line.order_id for line in sold}) if terms.returnless_ceiling_usd else {},
            ),
            at=at,
            currency=currency,
            orders=orders.money_of(session, {line.line.order_id for line in sold if line.extras}, lock=False),
        )
        return Preview(tier, terms, replace(judgement, explanation=(why, *judgement.explanation)))

    def quote_again(self, session: Session, case_id: str) -> int:
        """What the lines of a case would bring back now, before fees: minor units."""
        rows = [
            row for row in cases.lines_of(session, [case_id])[case_id] if row.order_line_id and row.verdict != "refused"
        ]
        units: dict[tuple[str, str], int] = {}
        for row in rows:
            units[row.order_id, row.order_line_id] = units.get((row.order_id, row.order_line_id), 0) + row.quantity
        sold = {(line.line.order_id, line.line.id): line for line in orders.sold_lines(session, list(units), lock=True)}
        lines = [
            RefundLine.of(sold[key], min(quantity, sold[key].line.quantity - sold[key].refunded))
            for key, quantity in units.items()
            if sold[key].line.quantity > sold[key].refunded
        ]
        if not lines:
            return 0
        case = cases.get(session, case_id)
        money = orders.money_of(session, {key[0] for key, line in sold.items() if line.extras}, lock=False)
        return quote_refund(
            case.currency,
            lines,
            orders=money,
            by=RefundTerms.of_case(case.terms),
            withdrawing=bool(case.terms.get("withdrawing")),
            at_fault=any(not is_no_fault(fault_of(ReturnReason(row.reason))) for row in rows),
        ).total_minor

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

    def _tier(
        self, session: Session, policy: ReturnPolicy, customer: str | None, at: datetime
    ) -> tuple[Tier, Decision]:
        thresholds = policy.tier_table.thresholds
        if not customer:
            return tier_now([], None, thresholds, self._book.rates, at)
        placed = purchases_of(session, [customer], since=orders_since(thresholds, at), until=at)[customer]
        return tier_now(placed, lock_of(session, customer, at), thresholds, self._book.rates, at)


def judging_calendar(country: str, market: Market, starts: Sequence[datetime], at: datetime) -> Calendar:
    """The days from the year of the oldest start to beyond the moment; whole years, so that one calendar serves many requests."""
    first = min([*starts, at]).year
    days = (date(at.year + 2, 1, 1) - date(first, 1, 1)).days
    return calendar_of(country, date(first, 1, 1), moves=last_days_move(market), days=days)


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
            "verdict_reasons": list(line.grounds),
            "condition": line.condition,
            "serials": list(line.serials),
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
