"""The law of a market on returns, asked through a small set of questions.

    withdrawal_right    may the shopper withdraw without a reason, within how many days, counted from what
    ship_back           how long may the goods take to be handed over afterwards
    exception           are these goods excepted from the right
    wear                what does the law say of goods that were used or damaged
    refund_clock        when must the money be on its way (domain/clock.py)
    freight             who bears the way back, with fault and without
    original_delivery   is the delivery to the shopper refunded too
    restocking          may a fee for restocking be kept when nobody is at fault
    guarantee           how long does the seller answer for defects, and who has to prove them
    late_penalty        what does a late refund cost
    withdrawal_function must a withdrawal function be offered online

The figures are data (policies/markets.toml), with a source and a confidence beside every row; every answer names them.
Not legal advice: a lawyer must check a row before it is relied upon.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import NamedTuple, Protocol

from domain.goods import SEALED, GoodsCondition, Nature

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

    def source(self, *fields: str) -> str:
        """Where an answer from these fields is written, and what is known of its certainty."""
        doubt = [field for field in fields if self.is_uncertain(field)]
        if self.confidence is Confidence.LOW:
            return f"law of {self.market}: {self.citation} (low confidence: have it checked)"
        if doubt:
            return f"law of {self.market}: {self.citation} (from memory: have it checked)"
        return f"law of {self.market}: {self.citation}"

    def is_uncertain(self, field: str) -> bool:
        """Whether the row itself says that it is not sure of this field ("defect_*" says so of several)."""
        return any(fnmatchcase(field, named.split(" ")[0]) for named in self.uncertain_fields)


class WithdrawalRight(NamedTuple):
    """Days of the right (0 = none), whether they are business days, from which event, and further months for want of information.

    `conditional` holds the days of a right that depends on conditions no rule can see: it is for a person to grant.
    """

    days: int
    business: bool
    starts: str
    more_months: int
    conditional: int
    source: str


def withdrawal_right(market: Market, *, informed: bool = True) -> WithdrawalRight:
    """May the shopper withdraw without a reason? `informed`: the merchant tells shoppers of the right.

    >>> withdrawal_right(no_statute_on_file("XX")).days
    0
    """
    business = market.withdrawal_day_type == "business"
    starts = market.withdrawal_starts or ""
    source = market.source("withdrawal_right", "withdrawal_days", "withdrawal_starts")
    days = market.withdrawal_days or 0
    if market.withdrawal_right is Right.CONDITIONAL:
        return WithdrawalRight(0, business, starts, 0, days, source)
    if market.withdrawal_right is not Right.YES:
        return WithdrawalRight(0, False, "", 0, 0, source)
    more = 0 if informed else MONTHS_WHEN_NOT_INFORMED.get(market.if_not_informed or "", 0)
    return WithdrawalRight(days, business, starts, more, 0, source)


# Directive 2011/83/EU, art. 10(1), and its like. Words that are not here lengthen nothing that a rule could count.
MONTHS_WHEN_NOT_INFORMED = MappingProxyType(
    {
        "plus_12_months": 12,
        "plus_1_year": 12,
        "3_months_from_delivery": 3,
        "clock_starts_when_informed_max_4_months": 4,
    }
)


class Bears(NamedTuple):
    """Who bears a freight in the words of the row, and where it is written."""

    rule: str
    source: str


def freight_without_fault(market: Market) -> Bears:
    """Who bears the way back when nobody is at fault: the row's word, or "" where there is none."""
    return Bears(market.return_shipping_no_fault or "", market.source("return_shipping_no_fault"))


def freight_with_fault(market: Market) -> Bears:
    """Who bears the way back when the seller is at fault."""
    return Bears(market.return_shipping_seller_fault, market.source("return_shipping_seller_fault"))


def original_delivery(market: Market) -> Bears:
    """Whether the delivery to the shopper is refunded on withdrawal: yes, no, standard_only; "" where nothing is known."""
    return Bears(market.refund_original_delivery or "", market.source("refund_original_delivery"))


def restocking(market: Market) -> Bears:
    """Whether a fee for restocking may be kept when nobody is at fault: the row's word, or "" where nothing is known."""
    return Bears(market.restocking_fee_no_fault or "", market.source("restocking_fee_no_fault"))


class Guarantee(NamedTuple):
    """Months in which the seller answers for defects (None = no figure), in which a defect is presumed, and days to reject."""

    months: int | None
    presumed_months: int | None
    reject_days: int | None
    source: str


def guarantee(market: Market) -> Guarantee:
    return Guarantee(
        market.defect_guarantee_months,
        market.defect_burden_reversal_months,
        market.defect_short_reject_days,
        market.source("defect_guarantee_months", "defect_burden_reversal_months"),
    )


def withdrawal_function(market: Market, on: date) -> bool:
    """Whether a withdrawal function must be offered online on that day (Directive (EU) 2023/2673)."""
    return market.withdrawal_function_from is not None and on >= market.withdrawal_function_from


# The rows' own words for what is excepted from the right, in the common vocabulary. Words of one kind that no order and no
# shopper can tell us about are in UNTOLD: they are read by people and never applied.
EXCEPTED_NATURES = MappingProxyType(
    {
        "custom_made": Nature.CUSTOM_MADE,
        "custom": Nature.CUSTOM_MADE,
        "custom_made_with_consent": Nature.CUSTOM_MADE,
        "individually_defined_goods_usable_only_by_buyer": Nature.CUSTOM_MADE,
        "perishable": Nature.PERISHABLE,
        "perishable_or_short_shelf_life": Nature.PERISHABLE,
        "food": Nature.PERISHABLE,
        "sealed_hygiene_unsealed": Nature.SEALED_HYGIENE,
        "hygiene_unsealed": Nature.SEALED_HYGIENE,
        "sealed_av_software_unsealed": Nature.SEALED_MEDIA,
        "av_software_unsealed": Nature.SEALED_MEDIA,
        "reproducible_goods_unsealed": Nature.SEALED_MEDIA,
        "digital_opened_or_downloaded": Nature.SEALED_MEDIA,
        "inseparably_mixed": Nature.INSEPARABLY_MIXED,
        "newspaper_periodical": Nature.PERIODICAL,
        "digital_content_begun_with_consent": Nature.DIGITAL,
        "service_or_digital_begun": Nature.DIGITAL,
        "price_fluctuation": Nature.PRICE_FLUCTUATION,
        "public_auction": Nature.PUBLIC_AUCTION,
        "vehicles": Nature.VEHICLE,
    }
)
EXCEPTED_CONDITIONS = MappingProxyType(
    {
        "destroyed_or_damaged_by_consumer": frozenset({GoodsCondition.DAMAGED}),
        "value_fell_by_use": frozenset({GoodsCondition.USED, GoodsCondition.DAMAGED}),
        "goods_without_preserved_appearance": frozenset({GoodsCondition.USED, GoodsCondition.DAMAGED}),
        "used": frozenset({GoodsCondition.USED, GoodsCondition.DAMAGED}),
    }
)

UNTOLD = frozenset(
    {
        "by_nature_unsuitable_and_confirmed_at_purchase",
        "international_air_passenger",
        "value_fell_by_time",
        "none_in_statute",
        "real_property",
        "instant_digital",
    }
)


def exception(market: Market, natures: frozenset[Nature], condition: GoodsCondition) -> str | None:
    """The word of the row that excepts such goods from the right of withdrawal, or None.

    What is sealed is excepted only once the shopper says that the seal is broken.

    >>> exception(no_statute_on_file("XX"), frozenset({Nature.CUSTOM_MADE}), GoodsCondition.AS_SOLD) is None
    True
    """
    for word in market.exceptions:
        nature = EXCEPTED_NATURES.get(word)
        if nature in natures and (nature not in SEALED or condition.seal_broken):
            return word
        if condition in EXCEPTED_CONDITIONS.get(word, ()):
            return word
    return None


class Wear(StrEnum):
    """What the law says of goods that come back used or damaged under the right of withdrawal."""

    DEDUCTED = "deducted"  # the right stays, value lost beyond trying may be deducted (2011/83/EU, art. 14(2))
    MUST_BE_INTACT = "must_be_intact"  # the right itself asks for intact goods; a person judges whether they are
    NOT_DEDUCTED = "not_deducted"
    NOT_KNOWN = "not_known"


_WEAR = MappingProxyType(
    {
        "yes": Wear.DEDUCTED,
        "limited": Wear.DEDUCTED,
        "partial_use_only": Wear.DEDUCTED,
        "not_for_normal_use": Wear.DEDUCTED,
        "no": Wear.NOT_DEDUCTED,
        "no_goods_must_be_intact": Wear.MUST_BE_INTACT,
    }
)


def wear(market: Market) -> Wear:
    """What the law says of value lost through use."""
    return _WEAR.get(market.diminished_value_deduction or "", Wear.NOT_KNOWN)


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
