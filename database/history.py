"""What a customer has bought and brought back, as the rules of fair use ask it: one question for all of it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.fees import TIER_BENEFIT
from domain.risk import ReturnHistory


def history_of(session: Session, customer_id: str, *, currency: str, at: datetime) -> ReturnHistory:
    """The history of a customer, and of the accounts with the same address or device, up to `at`; money in `currency`.

    A free label counts from the moment at which it was promised, once for each return; what the law wants paid at once is
    no advance.
    """
    row = session.execute(
        text(_HISTORY), {"customer": customer_id, "currency": currency, "at": at, "benefit": TIER_BENEFIT}
    ).one()
    return ReturnHistory(**{name: int(value) for name, value in row._mapping.items()})


def kept_by_order(session: Session, order_ids: Collection[str]) -> dict[str, int]:
    """What returns of each of these orders were refunded while the goods stayed, or will be: minor units of the order's currency.

    A return of several orders counts whole for each of them.
    """
    if not order_ids:
        return {}
    rows = session.execute(text(_KEPT), {"orders": list(order_ids)})
    return {row.order_id: int(row.minor) for row in rows}


def one_at_a_time(session: Session, customer_id: str) -> None:
    """Openings of one customer take turns until the commit: each sees what the one before it promised."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:id, 11))"), {"id": customer_id})


_KEPT = """
SELECT kept.order_id, sum(kept.quoted_minor) AS minor FROM (
    SELECT DISTINCT line.order_id, cases.id, cases.quoted_minor FROM case_lines line JOIN cases ON cases.id = line.case_id
    WHERE line.order_id = ANY(:orders) AND line.verdict <> 'refused'
      AND cases.terms -> 'limits' ->> 'refund_trigger' = 'returnless'
      AND cases.stage NOT IN ('refused', 'cancelled', 'expired', 'sent_back')
) AS kept GROUP BY kept.order_id
"""
_HISTORY = """
WITH mine AS (
    SELECT :customer AS id
    UNION SELECT other.id FROM customers me JOIN customers other ON other.address_key = me.address_key WHERE me.id = :customer
    UNION SELECT other.id FROM customers me JOIN customers other ON other.device_key = me.device_key WHERE me.id = :customer
), bought AS (
    SELECT id FROM orders
    WHERE customer_id IN (SELECT id FROM mine) AND currency = :currency AND status = 'completed'
      AND placed_at > CAST(:at AS timestamptz) - interval '12 months' AND placed_at <= :at
), sold AS (
    SELECT count(DISTINCT line.order_id) AS orders, coalesce(sum(line.quantity), 0) AS units,
           coalesce(sum(line.quantity * line.unit_price_minor - line.discount_minor), 0) AS minor
    FROM order_lines line JOIN bought ON bought.id = line.order_id
), asked AS (
    SELECT cases.id, cases.stage, cases.resolution, cases.declared_at, cases.quoted_minor, cases.currency,
           cases.terms -> 'limits' ->> 'refund_trigger' AS trigger,
           coalesce(cases.terms -> 'limits' ->> 'refund_clock', '') AS clock,
           cases.terms -> 'freight' ->> 'rule' AS freight_rule
    FROM cases
    WHERE customer_id IN (SELECT id FROM mine) AND stage <> 'refused'
      AND declared_at > CAST(:at AS timestamptz) - interval '12 months' AND declared_at <= :at
), back AS (
    SELECT * FROM asked WHERE stage NOT IN ('cancelled', 'expired', 'sent_back')
)
SELECT sold.orders, sold.minor AS sold_minor, sold.units AS units_sold,
    (SELECT coalesce(sum(quoted_minor), 0) FROM back WHERE currency = :currency) AS returned_minor,
    (SELECT coalesce(sum(line.quantity), 0) FROM case_lines line JOIN back ON back.id = line.case_id
     WHERE back.currency = :currency AND line.verdict <> 'refused') AS units_returned,
    (SELECT count(*) FROM asked WHERE declared_at > CAST(:at AS timestamptz) - interval '90 days') AS returns_90_days,
    (SELECT count(DISTINCT inspections.case_id) FROM inspections JOIN asked ON asked.id = inspections.case_id
     JOIN inspection_lines line ON line.inspection_id = inspections.id WHERE NOT line.accepted) AS mismatches,
    (SELECT count(*) FROM asked) AS returns,
    (SELECT count(*) FROM back WHERE resolution = 'refund_only' OR trigger = 'returnless') AS refund_only,
    (SELECT count(*) - 1 FROM mine) AS linked_accounts,
    (SELECT count(*) FROM back
     WHERE trigger IN ('first_scan', 'authorized') AND stage <> 'closed' AND clock NOT LIKE '% 0d%'
       AND NOT EXISTS (SELECT 1 FROM advances WHERE advances.case_id = back.id AND advances.status = 'withheld')) AS advances_open,
    (SELECT count(*) FROM advances JOIN asked ON asked.id = advances.case_id
     WHERE advances.status IN ('captured', 'receivable', 'written_off')) AS advances_lost,
    (SELECT count(*) FROM back WHERE (resolution = 'refund_only' OR trigger = 'returnless')
       AND declared_at > CAST(:at AS timestamptz) - interval '90 days') AS returnless_90_days,
    (SELECT count(*) FROM back WHERE freight_rule = :benefit AND trigger <> 'returnless'
       AND date_trunc('month', declared_at) = date_trunc('month', CAST(:at AS timestamptz))) AS free_labels_used
FROM sold
"""
