"""What is promised in a market to a tier, as JSON: the terms as data, and the same in words."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from api.schemas.records import ISO_UNITS, SPANS
from domain.calendar import Span
from domain.market import Market
from domain.policy import ReturnPolicy
from domain.terms import Terms


class InWords(NamedTuple):
    """The policy in words: the language as pages are tagged with it, and the sections as they are shown."""

    language: str
    sections: Sequence[dict[str, Any]]


def present_policy(policy: ReturnPolicy, market: Market, terms: Terms, words: InWords) -> dict[str, Any]:
    return {
        "market": {"code": terms.country, "law": market.market, "citation": market.citation, "as_of": market.as_of},
        "tier": terms.tier,
        "language": words.language,
        "policy": {
            "id": policy.policy_id or None,
            "programme": policy.programme,
            "title": policy.title,
            "version": policy.version,
        },
        "terms": _terms(terms),
        "sections": list(words.sections),
    }


def _terms(terms: Terms) -> dict[str, Any]:
    """Spans as ISO 8601 durations; that one counts business days, ISO 8601 cannot say, so it is said beside it."""
    limits = terms.limits
    return {
        "return_window": {"duration": f"P{terms.return_window_days}D", "starts": terms.starts},
        "store_credit": f"P{terms.store_credit_days}D" if terms.store_credit_days else None,
        "withdrawal_right": {
            "duration": f"P{terms.withdrawal_days}D" if terms.withdrawal_days else None,
            "business_days": terms.withdrawal_business,
            "further": f"P{terms.withdrawal_months}M" if terms.withdrawal_months else None,
            "under_conditions": f"P{terms.conditional_days}D" if terms.conditional_days else None,
        },
        "limits": {name: duration(getattr(limits, name)) for name in SPANS},
        "pickup_tries": limits.pickup_tries,
        "approval_default": limits.approval_default,
        "refund_trigger": limits.refund_trigger,
        "refund_clock": limits.refund_clock or None,
        "appeal": duration(terms.appeal),
        "merchant_bears_all": terms.merchant_bears_all,
        "freight_without_fault": terms.freight_rule or None,
        "free_labels_per_month": terms.free_labels,
        "original_delivery": terms.original_delivery or None,
        "instant_ceiling_usd": terms.instant_ceiling_usd,
        "advances_open": terms.advances_open,
        "returnless_ceiling_usd": terms.returnless_ceiling_usd,
        "returnless_per_90_days": terms.returnless_per_90_days,
        "guarantee_months": terms.guarantee_months,
        "requests_per_item": terms.requests_per_item,
        "sources": [{"aspect": aspect, "source": source} for aspect, source in terms.sources],
    }


def duration(text: str) -> dict[str, Any]:
    """
    >>> duration("2bd")
    {'duration': 'P2D', 'business_days': True}
    """
    span = Span.parse(text)
    return {"duration": ISO_UNITS[span.unit].format(span.amount), "business_days": span.unit == "bd"}


EXAMPLE = {
    "market": {"code": "DE", "law": "DE", "citation": "BGB 312g, 355, 356, 357, 357a", "as_of": "2026-11"},
    "tier": "VIP",
    "language": "en",
    "policy": {"id": None, "programme": "standard", "title": "Standard", "version": "1"},
    "terms": {"return_window": {"duration": "P60D", "starts": "delivered"}},
    "sections": [
        {
            "name": "window",
            "heading": "How long you have",
            "sentences": [
                {
                    "text": "You can return goods for any reason within 60 days of delivery.",
                    "basis": "promise",
                    "source": "tier table v1, VIP",
                }
            ],
        }
    ],
}
