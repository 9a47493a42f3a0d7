"""The invariants of the books, each one question to the database that finds nothing while it holds."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

SHOWN = 20  # of what breaks a rule; the count says how many there are


@dataclass(frozen=True)
class Check:
    """One invariant, whether it holds, how many things break it, and the first of them."""

    name: str
    says: str
    broken: int
    examples: tuple[dict[str, Any], ...]

    @property
    def holds(self) -> bool:
        return self.broken == 0


# What ends a return is being done (a label given back) without a deadline of its own: Temporal tries it until it is done.
_QUESTIONS: tuple[tuple[str, str, str], ...] = (
    (
        "ledger_is_zero",
        "The ledger sums to zero in each currency.",
        "SELECT currency, sum(amount_minor)::bigint AS minor FROM ledger_postings GROUP BY currency HAVING sum(amount_minor) <> 0",
    ),
    (
        "case_ledger_is_zero",
        "The ledger sums to zero for each return and currency.",
        "SELECT e.case_id, p.currency, sum(p.amount_minor)::bigint AS minor"
        " FROM ledger_postings p JOIN ledger_entries e ON e.id = p.entry_id"
        " GROUP BY e.case_id, p.currency HAVING sum(p.amount_minor) <> 0",
    ),
    (
        "refunds_are_in_the_ledger",
        "What went out over payment providers is what the ledger says went out, for each return.",
        "WITH paid AS (SELECT case_id, currency, sum(amount_minor) AS minor FROM tender_refunds"
        "  WHERE status = 'succeeded' GROUP BY case_id, currency),"
        " booked AS (SELECT e.case_id, p.currency, -sum(p.amount_minor) AS minor"
        "  FROM ledger_postings p JOIN ledger_entries e ON e.id = p.entry_id"
        "  WHERE p.account LIKE 'clearing:payments:%' GROUP BY e.case_id, p.currency)"
        " SELECT case_id, currency, coalesce(paid.minor, 0)::bigint AS paid, coalesce(booked.minor, 0)::bigint AS booked"
        " FROM paid FULL JOIN booked USING (case_id, currency) WHERE coalesce(paid.minor, 0) <> coalesce(booked.minor, 0)",
    ),
    (
        "shown_refunds_are_paid",
        "What a return shows as refunded is what its tender refunds came to.",
        "SELECT c.id AS case_id, c.refunded_minor AS shown, coalesce(sum(t.amount_minor), 0)::bigint AS paid FROM cases c"
        " LEFT JOIN tender_refunds t ON t.case_id = c.id AND t.status = 'succeeded' AND t.purpose = 'settlement'"
        " GROUP BY c.id HAVING c.refunded_minor <> coalesce(sum(t.amount_minor), 0)",
    ),
    (
        "tenders_keep_their_room",
        "What is promised back over each tender is what its refunds that did not fail come to.",
        "SELECT d.order_id, d.id AS tender_id, d.refunded_minor AS promised, coalesce(sum(t.amount_minor), 0)::bigint AS refunds"
        " FROM tenders d LEFT JOIN tender_refunds t"
        "  ON t.order_id = d.order_id AND t.tender_id = d.id AND t.status <> 'failed'"
        " GROUP BY d.order_id, d.id HAVING d.refunded_minor <> coalesce(sum(t.amount_minor), 0)",
    ),
    (
        "goodwill_is_paid_once",
        "What each goodwill shows as paid is what its tender refunds came to, and none was paid that nobody approved.",
        "SELECT g.id AS goodwill_id, g.case_id, g.status, g.paid_minor AS shown, coalesce(sum(t.amount_minor), 0)::bigint AS paid"
        " FROM goodwill_refunds g LEFT JOIN tender_refunds t"
        "  ON t.case_id = g.case_id AND t.purpose = g.id AND t.status = 'succeeded' GROUP BY g.id"
        " HAVING g.paid_minor <> coalesce(sum(t.amount_minor), 0)"
        "  OR (g.status IN ('proposed', 'refused') AND coalesce(sum(t.amount_minor), 0) > 0)",
    ),
    (
        "goodwill_has_its_second_person",
        "Goodwill above what one person may decide was approved by another one than asked for it.",
        "SELECT id AS goodwill_id, case_id, approved_by FROM goodwill_refunds"
        " WHERE approved_by = proposed_by AND (limit_minor IS NULL OR amount_minor > limit_minor)",
    ),
    (
        "units_are_held_once",
        "The units of each order line that are in returns are those that the returns hold.",
        "SELECT o.order_id, o.id AS line_id, o.claimed, coalesce(sum(l.quantity), 0)::bigint AS held FROM order_lines o"
        " LEFT JOIN case_lines l ON l.order_id = o.order_id AND l.order_line_id = o.id AND l.holds_units"
        " GROUP BY o.order_id, o.id HAVING o.claimed <> coalesce(sum(l.quantity), 0)",
    ),
    (
        "open_returns_have_a_deadline",
        "Every return that has not ended has a deadline, or is being ended at this moment.",
        "SELECT id AS case_id, stage FROM cases WHERE status IN ('requested', 'open')"
        " AND due_at IS NULL AND NOT state ? 'ending'",
    ),
    (
        "ended_returns_have_an_outcome",
        "Every return that has ended says how and when, and no other does.",
        "SELECT id AS case_id, stage, outcome FROM cases"
        " WHERE (status IN ('requested', 'open')) <> (outcome IS NULL) OR (outcome IS NULL) <> (closed_at IS NULL)",
    ),
)


def verify(session: Session) -> list[Check]:
    """Ask every question, in one snapshot if the caller's transaction is one."""
    return [_ask(session, name, says, question) for name, says, question in _QUESTIONS]


def _ask(session: Session, name: str, says: str, question: str) -> Check:
    counted = text(f"SELECT count(*) OVER () AS broken, found.* FROM ({question}) AS found LIMIT {SHOWN}")
    rows = [dict(row) for row in session.execute(counted).mappings()]
    broken = int(rows[0]["broken"]) if rows else 0
    examples = tuple({key: value for key, value in row.items() if key != "broken"} for row in rows)
    return Check(name, says, broken, examples)
