"""Reconciling with a payment provider: its list of refunds against ours, and each difference by name.

A balanced ledger says that we booked what we believe. What became of the money is in the provider's books alone: a provider that
loses an idempotency key pays twice, and nothing of ours can see it. So its own list is laid beside ours, by our refund id.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.money import EXPONENTS, Money

GRACE = timedelta(minutes=2)  # what moved on either side since then is work under way, not yet a difference
ADOPTED_FROM = frozenset({"intended", "unknown", "pending"})  # our side waits to hear what the provider knows
ACCEPTED = frozenset({"pending", "succeeded"})  # the provider said that it has the refund
OWNER = "payments"


class DifferenceKind(StrEnum):
    """How two books can disagree about refunds."""

    DOUBLED = "doubled"  # more than one refund stands at the provider under one id of ours
    UNKNOWN_TO_US = "unknown_to_us"
    UNKNOWN_TO_PROVIDER = "unknown_to_provider"
    OTHER_AMOUNT = "other_amount"
    OTHER_CURRENCY = "other_currency"
    OTHER_STATUS = "other_status"
    ABOVE_CAPTURED = "above_captured"  # more stands refunded over a payment than was taken with it


# Which invariant each of them breaks: I1 no refund twice, I4 ledger and provider agree.
TWICE = frozenset({DifferenceKind.DOUBLED, DifferenceKind.ABOVE_CAPTURED})


@dataclass(frozen=True)
class ProviderRefund:
    """A refund in the provider's books. `refund_id` is ours, empty where somebody refunded without one; `minor` in minor units.

    `moved_at` is when it was made or changed last; None where the provider does not say, which counts as long ago.
    """

    provider_id: str
    refund_id: str
    status: str
    minor: int
    currency: str
    payment: str = ""
    case_id: str | None = None
    failure: str | None = None
    moved_at: datetime | None = None

    @property
    def stands(self) -> bool:
        """Paid, or about to be."""
        return self.status != "failed"


@dataclass(frozen=True)
class OurRefund:
    """A tender refund in our books."""

    id: str
    case_id: str
    status: str
    minor: int
    currency: str
    moved_at: datetime
    payment: str = ""
    provider_id: str | None = None


@dataclass(frozen=True)
class PaymentTotals:
    """One payment: what our orders say was captured with it, and what stands refunded at the provider."""

    payment: str
    captured_minor: int
    refunded_minor: int
    currency: str


@dataclass(frozen=True)
class Difference:
    """One disagreement, said in a sentence.

    `minor` is by how much the provider's books say more was paid than ours, in `currency`. `adopt`: the provider's word settles it,
    once it is taken over. `under_way`: something moved a moment ago, so it is not a difference yet.
    """

    kind: DifferenceKind
    said: str
    minor: int
    currency: str
    refund_id: str | None = None
    provider_id: str | None = None
    payment: str | None = None
    case_id: str | None = None
    adopt: ProviderRefund | None = None
    under_way: bool = False

    @property
    def key(self) -> str:
        """The same for the same difference in the next run."""
        if self.kind is DifferenceKind.ABOVE_CAPTURED:
            return f"{self.kind}:{self.payment}:{self.currency}"
        return f"{self.kind}:{self.refund_id or ''}:{self.provider_id or ''}"


@dataclass(frozen=True)
class Reconciled:
    """What a reconciliation with one provider came to: refunds listed there and known here, reports taken over, differences open."""

    provider: str
    listed: int
    ours: int
    adopted: int
    open: int


def differences(
    theirs: Sequence[ProviderRefund], ours: Sequence[OurRefund], *, settled_before: datetime
) -> Iterator[Difference]:
    """Compare two lists; every refund under one id must be in the same call, on both sides.

    `settled_before`: what moved later, on either side, may be work under way, and says so. That holds for a status, and for a refund that
    the list does not have yet. Money paid twice, in another amount, or under no id of ours is no stage of any work.
    """
    known = {refund.id: refund for refund in ours}
    listed: dict[str, list[ProviderRefund]] = {}
    for refund in theirs:
        listed.setdefault(refund.refund_id, []).append(refund)
    for refund_id, found in listed.items():
        if refund_id in known:
            yield from _of_one(known[refund_id], found, settled_before)
        else:
            yield from _unknown_to_us(found)
    for mine in ours:
        if mine.id not in listed and mine.status in ACCEPTED:
            yield Difference(
                DifferenceKind.UNKNOWN_TO_PROVIDER,
                f"{_said(mine.minor, mine.currency)} is {mine.status} in our books, and the provider has no such refund",
                -_paid(mine),
                mine.currency,
                refund_id=mine.id,
                provider_id=mine.provider_id,
                payment=mine.payment,
                case_id=mine.case_id,
                under_way=mine.moved_at > settled_before,
            )


def above_captured(payments: Iterable[PaymentTotals]) -> Iterator[Difference]:
    """Payments over which more stands refunded than was captured."""
    for one in payments:
        if one.refunded_minor > one.captured_minor:
            refunded, captured = _said(one.refunded_minor, one.currency), _said(one.captured_minor, one.currency)
            yield Difference(
                DifferenceKind.ABOVE_CAPTURED,
                f"{refunded} is refunded over a payment of {captured}",
                one.refunded_minor - one.captured_minor,
                one.currency,
                payment=one.payment,
            )


def one_that_counts(mine: OurRefund, found: Sequence[ProviderRefund]) -> ProviderRefund:
    """Of several refunds under our id, the one that our row is about: the one it names, if that stands; else the first that does."""
    standing = [one for one in found if one.stands]
    named = [one for one in standing or found if one.provider_id == mine.provider_id]
    return next(iter(named or standing or found))


def _of_one(mine: OurRefund, found: Sequence[ProviderRefund], settled_before: datetime) -> Iterator[Difference]:
    counts = one_that_counts(mine, found)
    for extra in found:
        if extra.stands and extra is not counts:
            yield _about(
                DifferenceKind.DOUBLED,
                mine,
                extra,
                f"{_said(extra.minor, extra.currency)} was paid once more, as {extra.provider_id}",
                extra.minor,
            )
    if counts.currency != mine.currency:
        yield _about(DifferenceKind.OTHER_CURRENCY, mine, counts, _two_sides(mine, counts), counts.minor)
    elif counts.minor != mine.minor:
        yield _about(DifferenceKind.OTHER_AMOUNT, mine, counts, _two_sides(mine, counts), counts.minor - mine.minor)
    elif counts.status != mine.status:
        moved = max(mine.moved_at, counts.moved_at or mine.moved_at)
        said = f"{mine.status} in our books, {counts.status} at the provider"
        adopt = counts if _settles(mine.status, counts.status) else None
        minor = (counts.minor if counts.status == "succeeded" else 0) - _paid(mine)
        yield _about(
            DifferenceKind.OTHER_STATUS, mine, counts, said, minor, adopt=adopt, under_way=moved > settled_before
        )


def _unknown_to_us(found: Sequence[ProviderRefund]) -> Iterator[Difference]:
    for one in found:
        if one.stands:
            yield Difference(
                DifferenceKind.UNKNOWN_TO_US,
                f"{_said(one.minor, one.currency)} was refunded at the provider, and our books have no such refund",
                one.minor,
                one.currency,
                refund_id=one.refund_id or None,
                provider_id=one.provider_id,
                payment=one.payment or None,
                case_id=one.case_id,
            )


def _about(
    kind: DifferenceKind,
    mine: OurRefund,
    one: ProviderRefund,
    said: str,
    minor: int,
    *,
    adopt: ProviderRefund | None = None,
    under_way: bool = False,
) -> Difference:
    return Difference(
        kind,
        said,
        minor,
        one.currency,
        refund_id=mine.id,
        provider_id=one.provider_id,
        payment=mine.payment or None,
        case_id=mine.case_id,
        adopt=adopt,
        under_way=under_way,
    )


def _settles(ours: str, theirs: str) -> bool:
    """Whether the provider's word moves our row forward: what waits hears of it, and a bank may give back what had succeeded."""
    return ours in ADOPTED_FROM or (ours, theirs) == ("succeeded", "failed")


def _paid(mine: OurRefund) -> int:
    return mine.minor if mine.status == "succeeded" else 0


def _said(minor: int, currency: str) -> str:
    """An amount in words, also in what the provider calls a currency and nobody else does."""
    return str(Money(minor, currency)) if currency in EXPONENTS else f"{minor} minor units of {currency}"


def _two_sides(mine: OurRefund, one: ProviderRefund) -> str:
    return f"{_said(one.minor, one.currency)} at the provider, {_said(mine.minor, mine.currency)} in our books"


def sums_side_by_side(theirs: Mapping[str, int], ours: Mapping[str, int]) -> list[dict[str, int | str]]:
    """What was paid according to each side, by currency, and what is between them."""
    return [
        {
            "currency": currency,
            "provider": theirs.get(currency, 0),
            "ours": ours.get(currency, 0),
            "difference": theirs.get(currency, 0) - ours.get(currency, 0),
        }
        for currency in sorted({*theirs, *ours})
    ]
