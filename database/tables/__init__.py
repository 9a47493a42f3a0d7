"""Every table of the house, one file per noun; `metadata` is what migrations are compared with."""

from database.tables.access import api_keys, idempotency_keys
from database.tables.advances import advances
from database.tables.base import metadata
from database.tables.cases import case_lines, case_runs, cases, inspection_lines, inspections, parcels
from database.tables.credit_notes import credit_note_series, credit_notes
from database.tables.currency import exchange_differences, reference_rates
from database.tables.customers import customer_tier_changes, customer_tiers
from database.tables.customs import customs_claims, customs_records
from database.tables.facts import events, facts, inbox
from database.tables.goodwill import goodwill_refunds
from database.tables.money import fees, ledger_entries, ledger_postings, refunds, tender_refunds
from database.tables.orders import customers, order_charges, order_lines, orders, tenders
from database.tables.policies import policies
from database.tables.reconciliations import reconciliation_differences, reconciliations
from database.tables.withdrawals import withdrawals

__all__ = [
    "advances",
    "api_keys",
    "case_lines",
    "case_runs",
    "cases",
    "credit_note_series",
    "credit_notes",
    "customer_tier_changes",
    "customer_tiers",
    "customers",
    "customs_claims",
    "customs_records",
    "events",
    "exchange_differences",
    "facts",
    "fees",
    "goodwill_refunds",
    "idempotency_keys",
    "inbox",
    "inspection_lines",
    "inspections",
    "ledger_entries",
    "ledger_postings",
    "metadata",
    "order_charges",
    "order_lines",
    "orders",
    "parcels",
    "policies",
    "reconciliation_differences",
    "reconciliations",
    "reference_rates",
    "refunds",
    "tender_refunds",
    "tenders",
    "withdrawals",
]
