"""Which facts of a market's law may be told to shoppers as law.

A fact is told when its row is not of low confidence and doubts neither the fields that the fact is made of nor everything. What
is not told as law is either what we do anyway, and then it is told as our promise, or it is left out and the page says that
the law is being checked. Operators see the doubts themselves (`Market.uncertain_fields`).

The rows write most doubts as the name of a field ("refund_days (memory)", "defect_*"). Some are prose; what each of these puts in
doubt is written here, and a doubt that is not written anywhere fails a test.
"""

from collections.abc import Mapping
from dataclasses import fields
from fnmatch import fnmatchcase
from types import MappingProxyType

from domain.market import Confidence, Market

EVERYTHING = frozenset(field.name for field in fields(Market))
_RIGHT = frozenset({"withdrawal_right", "withdrawal_days", "withdrawal_starts", "exceptions"})
_GUARANTEE = frozenset({"defect_guarantee_months", "defect_burden_reversal_months", "defect_short_reject_days"})
_NOTHING = frozenset[str]()

# By the words before " (", as `Market.is_uncertain` reads them, but whole.
IN_PROSE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "all": EVERYTHING,
        "details": EVERYTHING,
        "current regulations": EVERYTHING,
        "national variants": _NOTHING,  # of the Directive's minimum, which is told as such
        "national details": _NOTHING,
        "section number of the national withdrawal function": _NOTHING,
        "section numbers": _NOTHING,
        "guarantee": _GUARANTEE,
        "whether any later law exists": _RIGHT,
        "right to return under FDL 14/2023": _RIGHT,
        "state laws other than California": _RIGHT,
        "scope for e-commerce": _RIGHT,
        "status of CPA 2023": _RIGHT,
        "looked up for phone contracts only": _RIGHT | {"refund_days", "refund_starts", "refund_withhold_until"},
        "return shipping": frozenset({"return_shipping_no_fault", "return_shipping_seller_fault"}),
        "cost bearing": frozenset({"return_shipping_no_fault", "return_shipping_seller_fault"}),
        "RBI time limits per instrument": frozenset({"refund_days", "refund_starts"}),
    }
)


def may_be_told(market: Market, *facts: str) -> bool:
    """Whether what these fields of the row say may be told as law.

    >>> from domain.market import no_statute_on_file
    >>> may_be_told(no_statute_on_file("XX"), "withdrawal_right")
    False
    """
    if market.confidence is Confidence.LOW:
        return False
    return not any(market.is_uncertain(fact) or fact in in_doubt(market) for fact in facts)


def in_doubt(market: Market) -> frozenset[str]:
    """The fields that the row doubts."""
    return frozenset[str]().union(*(fields_doubted(doubt) or _NOTHING for doubt in market.uncertain_fields))


def fields_doubted(doubt: str) -> frozenset[str] | None:
    """The fields that one doubt of a row is about; None for one that nobody can read.

    >>> sorted(fields_doubted("refund_days (none in statute)"))
    ['refund_days']
    """
    prose = doubt.partition(" (")[0]
    if prose in IN_PROSE:
        return IN_PROSE[prose]
    named = frozenset(field for field in EVERYTHING if fnmatchcase(field, doubt.split(" ")[0]))
    return named or None
