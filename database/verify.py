"""The invariants of the books, each one question to the database that finds nothing while it holds.

They are named as in the reliability targets: I1 no refund twice, I2 none lost, I3 the ledger, I4 ledger and provider agree, I5 nothing
stands still unseen. What I1 and I4 say of a provider's own books is what the last reconciliation read there.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from database.credit_notes import GAPS
from domain.reconciliation import TWICE

SHOWN = 20  # of what breaks a rule; the count says how many there are
# A deadline rings within seconds and what is written down is told within seconds; after so long nobody is at it.
LATE = timedelta(minutes=15)
UNSEEN = timedelta(
    hours=1
)  # an unknown refund is asked for every minute at the latest, and each time the return says so
ASKED_WITHIN = timedelta(hours=48)  # providers are asked every day


@dataclass(frozen=True)
class Check:
    """One invariant, whether it holds, how many things break it, the first of them, and what to do next."""

    invariant: str
    name: str
    says: str
    broken: int
    examples: tuple[dict[str, Any], ...]
    what_to_do: str

    @property
    def holds(self) -> bool:
        return self.broken == 0


@dataclass(frozen=True)
class Question:
    """An invariant as a question: what it says, what to do where it is broken, and the rows that break it."""

    invariant: str
    name: str
    says: str
    what_to_do: str
    rows: str


_TWICE = ", ".join(f"'{kind}'" for kind in sorted(TWICE))
_DIFFERENCE = (
    "SELECT id AS difference, kind, provider, refund_id, provider_id, payment, case_id, minor, currency"
    " FROM reconciliation_differences WHERE status = 'open'"
)
_RESOLVE = "Look at each: boomerang ops differences. Have it put right at the provider, then: boomerang ops resolve."
_OPEN = "status IN ('requested', 'open')"
# The rules that the database itself keeps: (table, trigger).
KEPT_BY = (
    ("facts", "facts_kept"),
    ("ledger_entries", "ledger_entries_append_only"),
    ("ledger_entries", "ledger_entries_balance"),
    ("ledger_entries", "ledger_entries_no_truncate"),
    ("ledger_postings", "ledger_postings_append_only"),
    ("ledger_postings", "ledger_postings_join_entry"),
    ("ledger_postings", "ledger_postings_no_truncate"),
)
_WANTED = ", ".join(f"('{table}', '{trigger}')" for table, trigger in KEPT_BY)
_BALANCES = "Tell whoever runs the database: a row was written past the house. Its backup says what was there."

# What ends a return is being done (a label given back) without a deadline of its own: Temporal tries it until it is done.
QUESTIONS: tuple[Question, ...] = (
    Question(
        "I1",
        "nothing_was_paid_twice",
        "No provider has paid a refund twice, or more over a payment than was captured with it.",
        _RESOLVE,
        f"{_DIFFERENCE} AND kind IN ({_TWICE})",
    ),
    Question(
        "I1",
        "refunds_stay_within_the_payment",
        "Refunds that did not fail come to no more than was captured with their payment.",
        "Stop refunds of the orders named, and tell whoever runs the database: the tender's own limit was passed by.",
        "SELECT t.processor, t.reference AS payment, t.minor AS refunded, coalesce(d.minor, 0)::bigint AS captured FROM"
        " (SELECT processor, reference, sum(amount_minor)::bigint AS minor FROM tender_refunds WHERE status <> 'failed'"
        "  AND destination IS NULL GROUP BY processor, reference) t"
        " LEFT JOIN (SELECT processor, reference, sum(amount_minor)::bigint AS minor FROM tenders"
        "  GROUP BY processor, reference) d USING (processor, reference)"
        " WHERE t.minor > coalesce(d.minor, 0)",
    ),
    Question(
        "I1",
        "tenders_keep_their_room",
        "What is promised back over each tender is what its refunds that did not fail come to.",
        "Tell whoever runs the database; until then the tender gives back too little or too much.",
        "SELECT d.order_id, d.id AS tender_id, d.refunded_minor AS promised, coalesce(sum(t.amount_minor), 0)::bigint AS refunds"
        " FROM tenders d LEFT JOIN tender_refunds t"
        "  ON t.order_id = d.order_id AND t.tender_id = d.id AND t.status <> 'failed'"
        " GROUP BY d.order_id, d.id HAVING d.refunded_minor <> coalesce(sum(t.amount_minor), 0)",
    ),
    Question(
        "I1",
        "units_are_held_once",
        "The units of each order line that are in returns are those that the returns hold.",
        "Tell whoever runs the database; until then the line takes too few units back, or too many.",
        "SELECT o.order_id, o.id AS line_id, o.claimed, coalesce(sum(l.quantity), 0)::bigint AS held FROM order_lines o"
        " LEFT JOIN case_lines l ON l.order_id = o.order_id AND l.order_line_id = o.id AND l.holds_units"
        " GROUP BY o.order_id, o.id HAVING o.claimed <> coalesce(sum(l.quantity), 0)",
    ),
    Question(
        "I2",
        "acknowledged_returns_exist",
        "Every return whose opening was acknowledged is there.",
        "Restore the returns named from a backup: shoppers were told that they are open.",
        "SELECT k.route, k.key, k.response->>'id' AS case_id, k.created_at::text AS acknowledged FROM idempotency_keys k"
        " LEFT JOIN cases c ON c.id = k.case_id"
        " WHERE k.route IN ('POST /v1/returns', 'withdrawal') AND k.status = 201 AND c.id IS NULL",
    ),
    Question(
        "I2",
        "open_returns_run",
        f"Every open return is carried by a running case within {LATE.seconds // 60} minutes.",
        "See that a server runs and reaches Temporal (/readyz); it starts them by itself.",
        f"SELECT id AS case_id, stage, opened_at::text AS opened FROM cases"
        f" WHERE {_OPEN} AND started_at IS NULL AND opened_at < now() - :late",
    ),
    Question(
        "I2",
        "what_was_said_is_told",
        f"Whatever was said of a return has been told to its running case within {LATE.seconds // 60} minutes.",
        "See that a server runs and reaches Temporal (/readyz); it tells them by itself.",
        "SELECT case_id, id AS fact, at::text AS said FROM facts"
        " WHERE tell IS NOT NULL AND told_at IS NULL AND at < now() - :late",
    ),
    Question(
        "I2",
        "partners_are_heard",
        f"Whatever a partner reported has been worked within {LATE.seconds // 60} minutes.",
        "See that a server runs and reaches the partner: a provider is asked about its own event.",
        "SELECT provider, event_id, type, received_at::text AS received FROM inbox"
        " WHERE worked_at IS NULL AND received_at < now() - :late",
    ),
    Question(
        "I2",
        "ended_returns_have_an_outcome",
        "Every return that has ended says how and when, and no other does.",
        "Read the return's timeline: boomerang return show --timeline. Tell whoever runs the database.",
        f"SELECT id AS case_id, stage, outcome FROM cases"
        f" WHERE ({_OPEN}) <> (outcome IS NULL) OR (outcome IS NULL) <> (closed_at IS NULL)",
    ),
    Question(
        "I3",
        "ledger_is_zero",
        "The ledger sums to zero in each currency.",
        "Find the entry: entries_are_zero names it.",
        "SELECT currency, sum(amount_minor)::bigint AS minor FROM ledger_postings GROUP BY currency HAVING sum(amount_minor) <> 0",
    ),
    Question(
        "I3",
        "case_ledger_is_zero",
        "The ledger sums to zero for each return and currency.",
        "Find the entry: entries_are_zero names it.",
        "SELECT e.case_id, p.currency, sum(p.amount_minor)::bigint AS minor"
        " FROM ledger_postings p JOIN ledger_entries e ON e.id = p.entry_id"
        " GROUP BY e.case_id, p.currency HAVING sum(p.amount_minor) <> 0",
    ),
    Question(
        "I3",
        "entries_are_zero",
        "Every entry of the ledger has postings, and they sum to zero in each currency.",
        _BALANCES,
        "SELECT e.key, e.case_id, p.currency, coalesce(sum(p.amount_minor), 0)::bigint AS minor"
        " FROM ledger_entries e LEFT JOIN ledger_postings p ON p.entry_id = e.id"
        " GROUP BY e.id, p.currency HAVING count(p.entry_id) = 0 OR sum(p.amount_minor) <> 0",
    ),
    Question(
        "I3",
        "the_database_keeps_the_ledger",
        "The database itself refuses to edit, delete or unbalance what was booked, and to rewrite what happened.",
        "Switch the rule on again (ALTER TABLE … ENABLE TRIGGER …), and ask who switched it off, and what was written meanwhile.",
        f"SELECT w.relation AS table, w.trigger, coalesce(t.tgenabled::text, 'missing') AS state"
        f" FROM (VALUES {_WANTED}) AS w (relation, trigger)"
        " LEFT JOIN pg_trigger t ON t.tgrelid = to_regclass(w.relation) AND t.tgname = w.trigger"
        " WHERE coalesce(t.tgenabled NOT IN ('O', 'A'), true)",
    ),
    Question(
        "I4",
        "providers_agree",
        "Every refund has the amount, currency and status in the provider's books that it has in ours.",
        _RESOLVE,
        f"{_DIFFERENCE} AND kind NOT IN ({_TWICE})",
    ),
    Question(
        "I3",
        "credit_notes_have_no_gap",
        "The credit notes of each seller and year are numbered from 1 on, each number once.",
        "Tell whoever runs the database, and the accountant: a number that is missing must be explained to the tax office.",
        GAPS,
    ),
    Question(
        "I4",
        "providers_are_asked",
        f"Every provider that has paid refunds was asked for its list within {ASKED_WITHIN.days * 24} hours.",
        "Ask now: boomerang ops reconcile. In Temporal, the schedule reconciliation/… says why it did not run.",
        "SELECT t.processor AS provider, max(r.finished_at)::text AS asked FROM"
        " (SELECT DISTINCT processor FROM tender_refunds WHERE created_at < now() - :asked_within AND status <> 'intended') t"
        " LEFT JOIN reconciliations r ON r.provider = t.processor AND r.status = 'finished'"
        " GROUP BY t.processor HAVING max(r.finished_at) IS NULL OR max(r.finished_at) < now() - :asked_within",
    ),
    Question(
        "I4",
        "each_refund_is_in_the_ledger",
        "Every refund that a provider paid is in the ledger once, in its amount, and none that it did not pay.",
        _BALANCES,
        "WITH booked AS (SELECT e.case_id, regexp_replace(e.key, '^(reversal:)?paid:', '') AS refund_id, p.currency,"
        "  -sum(p.amount_minor) AS minor FROM ledger_postings p JOIN ledger_entries e ON e.id = p.entry_id"
        "  WHERE p.account LIKE 'clearing:payments:%' AND e.key ~ '^(reversal:)?paid:' GROUP BY 1, 2, 3)"
        " SELECT t.id AS refund_id, t.case_id, t.status, t.amount_minor AS minor, t.currency,"
        "  coalesce(b.minor, 0)::bigint AS booked"
        " FROM tender_refunds t LEFT JOIN booked b ON b.refund_id = t.id AND b.currency = t.currency"
        " WHERE coalesce(b.minor, 0) <> CASE t.status WHEN 'succeeded' THEN t.amount_minor ELSE 0 END",
    ),
    Question(
        "I4",
        "captures_are_in_the_ledger",
        "What advances were charged back by, less what has gone back of it, is what the ledger says of it, for each return.",
        _BALANCES,
        "WITH booked AS (SELECT e.case_id, sum(p.amount_minor) AS minor FROM ledger_postings p"
        "  JOIN ledger_entries e ON e.id = p.entry_id WHERE p.account LIKE 'clearing:captures:%' GROUP BY e.case_id)"
        " SELECT case_id, coalesce(a.captured_minor - a.returned_minor, 0)::bigint AS captured,"
        "  coalesce(b.minor, 0)::bigint AS booked FROM advances a FULL JOIN booked b USING (case_id)"
        " WHERE coalesce(a.captured_minor - a.returned_minor, 0) <> coalesce(b.minor, 0)",
    ),
    Question(
        "I4",
        "refunds_are_in_the_ledger",
        "What went out over payment providers is what the ledger says went out, for each return.",
        _BALANCES,
        "WITH paid AS (SELECT case_id, currency, sum(amount_minor) AS minor FROM tender_refunds"
        "  WHERE status = 'succeeded' GROUP BY case_id, currency),"
        " booked AS (SELECT e.case_id, p.currency, -sum(p.amount_minor) AS minor"
        "  FROM ledger_postings p JOIN ledger_entries e ON e.id = p.entry_id"
        "  WHERE p.account LIKE 'clearing:payments:%' GROUP BY e.case_id, p.currency)"
        " SELECT case_id, currency, coalesce(paid.minor, 0)::bigint AS paid, coalesce(booked.minor, 0)::bigint AS booked"
        " FROM paid FULL JOIN booked USING (case_id, currency) WHERE coalesce(paid.minor, 0) <> coalesce(booked.minor, 0)",
    ),
    Question(
        "I4",
        "shown_refunds_are_paid",
        "What a return shows as refunded is what its tender refunds came to.",
        "Read the return's ledger: boomerang return show --ledger. Tell whoever runs the database.",
        "SELECT c.id AS case_id, c.refunded_minor AS shown, coalesce(sum(t.amount_minor), 0)::bigint AS paid FROM cases c"
        " LEFT JOIN tender_refunds t ON t.case_id = c.id AND t.status = 'succeeded' AND t.purpose = 'settlement'"
        " GROUP BY c.id HAVING c.refunded_minor <> coalesce(sum(t.amount_minor), 0)",
    ),
    Question(
        "I1",
        "goodwill_is_paid_once",
        "What each goodwill shows as paid is what its tender refunds came to, and none was paid that nobody approved.",
        "Read the return's ledger: boomerang return show --ledger. Tell whoever runs the database.",
        "SELECT g.id AS goodwill_id, g.case_id, g.status, g.paid_minor AS shown, coalesce(sum(t.amount_minor), 0)::bigint AS paid"
        " FROM goodwill_refunds g LEFT JOIN tender_refunds t"
        "  ON t.case_id = g.case_id AND t.purpose = g.id AND t.status = 'succeeded' GROUP BY g.id"
        " HAVING g.paid_minor <> coalesce(sum(t.amount_minor), 0)"
        "  OR (g.status IN ('proposed', 'refused') AND coalesce(sum(t.amount_minor), 0) > 0)",
    ),
    Question(
        "I1",
        "goodwill_has_its_second_person",
        "Goodwill above what one person may decide was approved by another one than asked for it.",
        "Ask both people. The money is out: what remains is to say who answers for it.",
        "SELECT id AS goodwill_id, case_id, approved_by FROM goodwill_refunds"
        " WHERE approved_by = proposed_by AND (limit_minor IS NULL OR amount_minor > limit_minor)",
    ),
    Question(
        "I5",
        "open_returns_have_a_deadline",
        "Every return that has not ended has a deadline, or is being ended at this moment.",
        "In Temporal, look at the case return/ret_…; boomerang ops retry, or extend.",
        f"SELECT id AS case_id, stage FROM cases WHERE {_OPEN} AND due_at IS NULL AND NOT state ? 'ending'",
    ),
    Question(
        "I5",
        "deadlines_are_met",
        f"No deadline of an open return has been over for more than {LATE.seconds // 60} minutes.",
        "See that a worker runs and reaches Temporal and the database; deadlines that have passed ring then.",
        f"SELECT id AS case_id, stage, due_at::text AS due, due_owner AS owner FROM cases"
        f" WHERE {_OPEN} AND due_at < now() - :late",
    ),
    Question(
        "I5",
        "attention_says_why",
        "Every return that needs attention says why, since when, and what happens next.",
        "Read the return's timeline: boomerang return show --timeline. Tell whoever runs the database.",
        "SELECT id AS case_id, attention_reason AS reason FROM cases WHERE stage = 'attention'"
        " AND (coalesce(attention_reason, '') = '' OR attention_since IS NULL OR due_owner IS NULL OR due_default IS NULL)",
    ),
    Question(
        "I5",
        "unknown_refunds_are_seen",
        f"No refund has been unknown or unsent for {UNSEEN.seconds // 3600} hour without its return saying so.",
        "See that a worker runs; it asks the provider. boomerang ops reconcile takes over what the provider knows.",
        "SELECT t.id AS refund_id, t.case_id, t.status, t.created_at::text AS since FROM tender_refunds t"
        " JOIN cases c ON c.id = t.case_id WHERE t.status IN ('intended', 'unknown') AND t.created_at < now() - :unseen"
        " AND c.trouble IS NULL AND c.stage <> 'attention'",
    ),
)


def verify(session: Session) -> list[Check]:
    """Ask every question, by invariant, in one snapshot if the caller's transaction is one."""
    return [_ask(session, question) for question in sorted(QUESTIONS, key=lambda question: question.invariant)]


def _ask(session: Session, question: Question) -> Check:
    counted = text(f"SELECT count(*) OVER () AS broken, found.* FROM ({question.rows}) AS found LIMIT {SHOWN}")
    spans = {"late": LATE, "unseen": UNSEEN, "asked_within": ASKED_WITHIN}
    given = {name: span for name, span in spans.items() if f":{name}" in question.rows}
    rows = [dict(row) for row in session.execute(counted, given).mappings()]
    broken = int(rows[0]["broken"]) if rows else 0
    examples = tuple({key: value for key, value in row.items() if key != "broken"} for row in rows)
    return Check(question.invariant, question.name, question.says, broken, examples, question.what_to_do)
