"""Statements of a month, read from the ledger: the totals in one question, every line in another, whoever is asked for."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.fees import Bearer
from domain.statements import AccountTotals, Line, Month

FETCHED = 2000  # rows at a time, of a statement that is read line by line

# Of a bearer: every fee account of its name. Of anybody else: the account of that name. Of nobody: all accounts.
_OF_PARTY = {
    "all": "",
    "bearer": " AND p.account LIKE 'fee:%' AND split_part(p.account, ':', 3) = :party",
    "account": " AND p.account = :party AND p.account NOT LIKE 'fee:%'",
}

_TOTALS = """
SELECT p.account, p.currency,
       coalesce(sum(p.amount_minor) FILTER (WHERE e.at < :begins), 0)::bigint AS opening_minor,
       coalesce(sum(p.amount_minor) FILTER (WHERE e.at >= :begins AND p.amount_minor > 0), 0)::bigint AS debits_minor,
       coalesce(sum(p.amount_minor) FILTER (WHERE e.at >= :begins AND p.amount_minor < 0), 0)::bigint AS credits_minor,
       count(*) FILTER (WHERE e.at >= :begins) AS entries
FROM ledger_postings p JOIN ledger_entries e ON e.id = p.entry_id
WHERE e.at < :ends{of_party}
GROUP BY p.account, p.currency
"""

# What was booked before postings carried their rule has it in `fees`, under the key that its entry is named after.
_LINES = """
SELECT e.at, e.case_id AS return_id, c.rma, e.key AS entry, e.kind, p.account,
       coalesce(p.rule, f.rule) AS rule, coalesce(p.source, f.source) AS source, p.amount_minor, p.currency
FROM ledger_entries e
JOIN ledger_postings p ON p.entry_id = e.id
LEFT JOIN cases c ON c.id = e.case_id
LEFT JOIN fees f ON p.rule IS NULL AND p.account LIKE 'fee:%' AND e.key LIKE 'fee:%'
     AND f.case_id = e.case_id AND f.key = substr(e.key, 5) AND p.account = 'fee:' || f.kind || ':' || f.bearer
WHERE e.at >= :begins AND e.at < :ends{of_party}
ORDER BY p.account NOT LIKE 'fee:%',
         (CASE WHEN p.account LIKE 'fee:%' THEN split_part(p.account, ':', 3) ELSE p.account END) COLLATE "C",
         p.currency COLLATE "C", e.id, p.position
"""


def totals(session: Session, month: Month, party: str | None = None) -> list[AccountTotals]:
    """What each account stood at when the month began, and what was booked in it; of all parties or of one."""
    rows = session.execute(text(_asked(_TOTALS, party)), _given(month, party))
    return [AccountTotals(*row) for row in rows]


def lines(session: Session, month: Month, party: str | None = None) -> Iterator[Line]:
    """Every posting of the month, in the order of the statements; fetched as they are read."""
    question = text(_asked(_LINES, party)).execution_options(yield_per=FETCHED)
    for row in session.execute(question, _given(month, party)):
        yield Line(*row)


def _asked(question: str, party: str | None) -> str:
    of = "all" if party is None else "bearer" if party in list(Bearer) else "account"
    return question.format(of_party=_OF_PARTY[of])


def _given(month: Month, party: str | None) -> dict[str, Any]:
    given = {"begins": month.begins, "ends": month.ends}
    return given if party is None else {**given, "party": party}
