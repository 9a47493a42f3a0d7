"""Money: whole minor units and a currency, split without losing a cent, and the one rounding of the house.

No amount here is ever a float or a fraction of a cent. `share` is the only place that rounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from types import MappingProxyType

from domain.errors import BoomerangError, Invalid

LARGEST_MINOR = 10**12
"""No order, price or refund reaches this many minor units: a larger number is a slip of the keyboard."""


class UnknownCurrency(Invalid):
    code = "unknown_currency"
    next_action = 'Name the currency by its three capital letters of ISO 4217, such as "EUR".'


class NotExactInCurrency(Invalid):
    code = "not_exact_in_currency"
    next_action = "Write the amount with no more decimals than the currency has."


class CurrencyMismatch(Invalid):
    code = "currency_mismatch"
    next_action = "State the amount in the currency in which the order was paid."


class NothingToSplitOver(BoomerangError):
    code = "nothing_to_split_over"
    next_action = "Nothing was booked. Report it: the house made a mistake in its own sums."


@dataclass(frozen=True)
class Money:
    """An amount in minor units of one currency; two currencies never mix.

    >>> str(Money(1234, "EUR") + Money(66, "EUR"))
    'EUR 13.00'
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise NotExactInCurrency(f"{self.minor!r} is not a whole number of minor units.", currency=self.currency)
        exponent(self.currency)

    @classmethod
    def zero(cls, currency: str) -> "Money":
        return cls(0, currency)

    def __add__(self, other: "Money") -> "Money":
        self._require_same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return self + -other

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._require_same_currency(other)
        return self.minor < other.minor

    def __le__(self, other: "Money") -> bool:
        self._require_same_currency(other)
        return self.minor <= other.minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{self.currency} {format_minor(self.minor, self.currency)}"

    def _require_same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self} and {other} do not mix.", left=self.currency, right=other.currency)


def share(total: int, part: int, whole: int) -> int:
    """What `part` of `whole` is worth when the whole is worth `total`: the one rounding, down to the minor unit.

    Ask it only for cumulative parts and take differences: then the shares of any sequence of parts sum exactly to
    `total`, and none runs ahead of what it is due. A negative total mirrors its positive twin, as a reversal must.

    >>> [share(1000, units, 3) for units in (0, 1, 2, 3)]
    [0, 333, 666, 1000]
    """
    if not 0 <= part <= whole or whole == 0:
        raise ValueError(f"{part} of {whole} is no part of a whole")
    return total * part // whole if total >= 0 else -(-total * part // whole)


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` in proportion to `weights` (none negative) by largest remainder; on equal ones the earlier gains.

    The parts sum exactly to `total`, none has the opposite sign, and a weight of zero receives nothing.

    >>> split(100, [1, 1, 1])
    [34, 33, 33]
    """
    whole = sum(weights)
    if any(weight < 0 for weight in weights):
        raise ValueError("a weight is negative")
    if total == 0:
        return [0] * len(weights)
    if whole == 0:
        raise NothingToSplitOver(f"{total} minor units have no one to go to: every weight is zero.")
    if total < 0:
        return [-part for part in split(-total, weights)]
    parts = [share(total, weight, whole) for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: -(total * weights[index] % whole))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def format_minor(minor: int, currency: str) -> str:
    """Minor units as a decimal number, without the currency.

    >>> format_minor(-5, "EUR"), format_minor(1200, "JPY"), format_minor(1234, "KWD")
    ('-0.05', '1200', '1.234')
    """
    digits = exponent(currency)
    sign = "-" if minor < 0 else ""
    if digits == 0:
        return f"{sign}{abs(minor)}"
    major, rest = divmod(abs(minor), 10**digits)
    return f"{sign}{major}.{rest:0{digits}d}"


def minor_from_decimal(amount: Decimal, currency: str) -> int:
    """The exact minor units of a decimal amount; raises NotExactInCurrency rather than round (0.001 EUR, 0.5 JPY, NaN).

    >>> minor_from_decimal(Decimal("82.50"), "EUR")
    8250
    """
    digits = exponent(currency)
    try:
        exact = amount.quantize(Decimal((0, (1,), -digits)), context=_NEVER_ROUND)
        return int(exact.scaleb(digits, context=_NEVER_ROUND))
    except (Inexact, InvalidOperation, ValueError, OverflowError):
        raise NotExactInCurrency(
            f"{amount} is no amount of {currency}: at most {_NEVER_ROUND.prec} digits, {digits} of them decimals.",
            currency=currency,
        ) from None


_NEVER_ROUND = Context(prec=len(str(LARGEST_MINOR)), traps=[Inexact, InvalidOperation])


def exponent(currency: str) -> int:
    """How many decimals the currency has in ISO 4217; raises UnknownCurrency."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(f"{currency!r} is not a currency in use.", currency=currency) from None


_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_TWO_DECIMALS = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY
    COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR
    ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN
    MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS
    SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"

EXPONENTS: Mapping[str, int] = MappingProxyType(
    {
        code: digits
        for digits, codes in ((0, _NO_DECIMALS), (2, _TWO_DECIMALS), (3, _THREE_DECIMALS))
        for code in codes.split()
    }
)
"""Decimals per currency (ISO 4217, list one); BGN and HRK, replaced by the euro, stay for returns of older orders."""
