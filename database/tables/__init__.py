"""Every table of the house, one file per noun; `metadata` is what migrations are compared with."""

from database.tables.access import api_keys, idempotency_keys
from database.tables.advances import advances
from database.tables.base import metadata
from database.tables.cases import case_lines, case_runs, cases, inspection_lines, inspections, parcels
from database.tables.customers import customer_tier_changes, customer_tiers
from database.tables.facts import events, facts, inbox
from database.tables.money import fees, ledger_entries, ledger_postings, refunds, tender_refunds
from database.tables.orders import customers, order_lines, orders, tenders
from database.tables.policies import policies
from database.tables.withdrawals import withdrawals

__all__ = [
    "advances",
    "api_keys",
    "case_lines",
    "case_runs",
    "cases",
    "customer_tier_changes",
    "customer_tiers",
    "customers",
    "events",
    "facts",
    "fees",
    "idempotency_keys",
    "inbox",
    "inspection_lines",
    "inspections",
    "ledger_entries",
    "ledger_postings",
    "metadata",
    "order_lines",
    "orders",
    "parcels",
    "policies",
    "refunds",
    "tender_refunds",
    "tenders",
    "withdrawals",
]
