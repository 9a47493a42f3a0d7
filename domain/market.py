"""The law of a market on returns: withdrawal right, refund clock, who pays, guarantee, and the citation.

The figures are data (policies/markets.toml), with a source and a confidence beside every row; this file only gives
them types and finds the row for a country. Not legal advice: a lawyer must check a row before it is relied upon.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

EUROPEAN_UNION = "EU"


class Right(StrEnum):
    """Whether the market has a statutory right to withdraw without a reason.

    A conditional right holds only under the conditions named in `exceptions` or `special_rules`, and is never applied
    by itself.
    """

    YES = "yes"
    NO = "no"
    CONDITIONAL = "conditional"


class Confidence(StrEnum):
    """How sure the row is: looked up, partly, or from memory. See `uncertain_fields` for the doubtful columns."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True)
class Market:
    """One jurisdiction. Days are calendar days unless the `_day_type` beside them says business.

    None or () means none in statute, or not known.

    withdrawal_starts / refund_starts   the event that starts the clock
    consumer_ship_back_days             days the shopper has to hand the goods over after withdrawing
    return_shipping_no_fault            who bears the return freight when nobody is at fault
    return_shipping_seller_fault        who bears it when the seller is
    refund_days                         0 = at once
    refund_withhold_until               the event until which the seller may hold the money back
    refund_original_delivery            whether the outbound freight is refunded too
    diminished_value_deduction          whether value lost through use may be deducted
    defect_guarantee_months             how long the seller answers for defects; of which so many months the defect is
                                        presumed to have been there (`defect_burden_reversal_months`)
    defect_short_reject_days            days in which faulty goods may be rejected outright
    withdrawal_function_from            day from which a withdrawal button must be offered online
    last_day_on_holiday                 what becomes of a period whose last day is no working day: next_working_day, or
                                        stays; None = not known, and treated as next_working_day, which favours whoever
                                        must act (`last_day_source` says where it is written)
    """

    market: str
    iso_code: str
    name: str
    withdrawal_right: Right
    return_shipping_seller_fault: str
    citation: str
    source_url: tuple[str, ...]
    source_basis: str
    confidence: Confidence
    as_of: str
    withdrawal_days: int | None = None
    withdrawal_day_type: str | None = None
    withdrawal_starts: str | None = None
    if_not_informed: str | None = None
    consumer_ship_back_days: int | None = None
    exceptions: tuple[str, ...] = ()
    return_shipping_no_fault: str | None = None
    refund_days: int | None = None
    refund_day_type: str | None = None
    refund_starts: str | None = None
    refund_withhold_until: str | None = None
    refund_original_delivery: str | None = None
    same_payment_method: str | None = None
    restocking_fee_no_fault: str | None = None
    diminished_value_deduction: str | None = None
    defect_guarantee_months: int | None = None
    defect_burden_reversal_months: int | None = None
    defect_short_reject_days: int | None = None
    late_refund_penalty: str | None = None
    withdrawal_function_from: date | None = None
    last_day_on_holiday: str | None = None
    last_day_source: str | None = None
    special_rules: str | None = None
    uncertain_fields: tuple[str, ...] = ()

    @property
    def has_withdrawal_right(self) -> bool:
        """True only for an unconditional right."""
        return self.withdrawal_right is Right.YES


class HoldsMarkets(Protocol):
    """The part of the policy book that is asked for law."""

    @property
    def markets(self) -> Mapping[str, Market]: ...

    @property
    def eu_members(self) -> frozenset[str]: ...


def market_of(book: HoldsMarkets, country_code: str) -> Market:
    """The market whose law applies in a country or part of one ("DE", "GB", "US-CA"); letters of any case.

    A part without a row of its own falls to its country, an EU member without one to the EU's row, and any other
    country to a market with no statute on file: no rights, low confidence, so that nobody mistakes silence for law.
    """
    code = country_code.strip().upper()
    country = code.split("-")[0]
    for candidate in (code, country):
        if candidate in book.markets:
            return book.markets[candidate]
        for market in book.markets.values():
            if market.iso_code == candidate:
                return market
    if country in book.eu_members and EUROPEAN_UNION in book.markets:
        return book.markets[EUROPEAN_UNION]
    return no_statute_on_file(code)


def no_statute_on_file(code: str) -> Market:
    """The market of a country that the law file does not know."""
    return Market(
        market=code or "ZZ",
        iso_code=code or "ZZ",
        name=f"{code or 'Unknown country'}: no statute on file",
        withdrawal_right=Right.NO,
        return_shipping_seller_fault="seller",
        citation="no statute on file",
        source_url=(),
        source_basis="none",
        confidence=Confidence.LOW,
        as_of="",
    )
