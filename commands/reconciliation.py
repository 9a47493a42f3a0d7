"""Reconciling a demo: what was expected, what our books say, and what the provider's books say, compared to the penny.

Three sources that know nothing of each other: the published matches of the data (what each return should bring, and why the others
should bring nothing), our database (cases, refunds, ledger), and the payment provider's own list of refunds. `reconcile` is a pure
function of the three; every way in which they can disagree has a name.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from domain.ledger import PAYABLE_SHOPPER
from domain.money import Money, format_minor
from domain.stages import ENDS, Stage

CLEARING = "clearing:payments:"


class Kind(StrEnum):
    """What can disagree."""

    NOT_OPENED = "not opened"
    NOT_FINISHED = "not finished"
    REFUND_AMOUNT = "refund is not what was paid for the goods"
    MATCH = "units taken from other purchases than published"
    UNMATCHED = "units without a purchase, or their reason, are not as published"
    BOOKS_OF_CASE = "the case's refund is not the sum of its tender refunds"
    NOT_AT_PROVIDER = "refunded in our books, unknown to the provider"
    NOT_IN_OUR_BOOKS = "paid by the provider, unknown to our books"
    PROVIDER_AMOUNT = "the provider paid another amount"
    PROVIDER_STATUS = "the provider says otherwise of the refund"
    PAID_TWICE = "the provider paid twice under one refund id"
    LEDGER_UNBALANCED = "the ledger does not sum to zero"
    LEDGER_OWES = "the ledger still owes the shopper"
    LEDGER_AMOUNT = "the ledger has another amount sent back"


@dataclass(frozen=True)
class Difference:
    """One disagreement: what kind, about what, and both sides of it; `minor` is the money in it."""

    kind: Kind
    about: str
    said: str
    minor: int = 0

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}: {self.said}"


@dataclass(frozen=True)
class Expected:
    """What the published data says of one cancellation: units by purchase (order id, line id), what was paid for them, units by reason."""

    cancellation_id: str
    matched: Mapping[tuple[str, str], int] = field(default_factory=dict)
    unmatched: Mapping[str, int] = field(default_factory=dict)
    paid_minor: int = 0


@dataclass(frozen=True)
class FoundCase:
    """What our database says of the return that a cancellation became."""

    case_id: str
    rma: str
    stage: str
    refunded_minor: int
    matched: Mapping[tuple[str, str], int] = field(default_factory=dict)
    unmatched: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundRefund:
    """A refund over one tender, in our books or the provider's; `id` is ours in both."""

    id: str
    case_id: str | None
    status: str
    amount_minor: int
    currency: str
    goodwill: bool = False  # beyond what the goods brought back


@dataclass(frozen=True)
class FoundPosting:
    """What one account stands at for one case."""

    case_id: str
    account: str
    amount_minor: int


@dataclass(frozen=True)
class Books:
    """The three sides. `provider` may list refunds of other returns: those of cases in `other_cases` are none of ours."""

    currency: str
    expected: Sequence[Expected]
    cases: Mapping[str, FoundCase]  # by cancellation id
    refunds: Sequence[FoundRefund]
    postings: Sequence[FoundPosting]
    provider: Sequence[FoundRefund]
    other_cases: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Reconciled:
    """The result: returns opened and finished, what our books and the provider's say was refunded, and every difference."""

    returns: int
    refunded: Money
    provider: Money
    ledger_minor: int
    differences: tuple[Difference, ...]

    @property
    def agrees(self) -> bool:
        return not self.differences

    def sentence(self) -> str:
        """The last line of a demo."""
        currency = self.refunded.currency
        off = sum(abs(difference.minor) for difference in self.differences)
        what = "reconciled" if self.agrees else "not reconciled"
        ends = "difference 0" if self.agrees else f"{len(self.differences)} differences of {Money(off, currency)}"
        ledger = format_minor(self.ledger_minor, currency) if self.ledger_minor else "0"
        return f"{what}: {self.returns} returns, refunded {self.refunded}, provider {self.provider}, ledger {ledger}, {ends}"


def reconcile(books: Books) -> Reconciled:
    """Compare the three sides; differences are in the order of the returns, then those that belong to none."""
    ours = _by_case(books.refunds)
    of_case_id = {case.case_id: case for case in books.cases.values()}
    theirs = [refund for refund in books.provider if refund.case_id not in books.other_cases]
    ledger = _ledger(books.postings)
    differences: list[Difference] = []
    for expected in books.expected:
        case = books.cases.get(expected.cancellation_id)
        differences += _of_return(expected, case, books.currency)
        if case:
            differences += _of_books(case, ours.get(case.case_id, ()), ledger.get(case.case_id, {}), books.currency)
    differences += _of_provider(books.refunds, theirs, of_case_id, books.currency)
    # What the ledger says was sent back and still is owed must be what our refunds say, both ways; zero when it is.
    booked = -sum(posting.amount_minor for posting in books.postings if posting.account.startswith(CLEARING))
    owed = -sum(posting.amount_minor for posting in books.postings if posting.account == PAYABLE_SHOPPER)
    refunded = sum(refund.amount_minor for refund in books.refunds if refund.status == "succeeded")
    paid = sum(refund.amount_minor for refund in theirs if refund.status == "succeeded")
    balance = sum(posting.amount_minor for posting in books.postings)
    return Reconciled(
        returns=sum(1 for case in books.cases.values() if case.stage in ENDS),
        refunded=Money(refunded, books.currency),
        provider=Money(paid, books.currency),
        ledger_minor=balance or owed or booked - refunded,
        differences=tuple(differences),
    )


def _of_return(expected: Expected, case: FoundCase | None, currency: str) -> Iterable[Difference]:
    about = f"cancellation {expected.cancellation_id}"
    if case is None:
        yield Difference(
            Kind.NOT_OPENED, about, f"{Money(expected.paid_minor, currency)} expected", expected.paid_minor
        )
        return
    about = f"{case.rma} of {about}"
    if case.stage not in ENDS:
        yield Difference(Kind.NOT_FINISHED, about, f"it stands at {case.stage}")
    if case.refunded_minor != expected.paid_minor:
        said = f"{Money(case.refunded_minor, currency)} refunded, {Money(expected.paid_minor, currency)} expected"
        yield Difference(Kind.REFUND_AMOUNT, about, said, case.refunded_minor - expected.paid_minor)
    if dict(case.matched) != dict(expected.matched):
        yield Difference(Kind.MATCH, about, _two_counts(case.matched, expected.matched))
    if dict(case.unmatched) != dict(expected.unmatched):
        yield Difference(Kind.UNMATCHED, about, _two_counts(case.unmatched, expected.unmatched))


def _of_books(
    case: FoundCase, refunds: Sequence[FoundRefund], accounts: Mapping[str, int], currency: str
) -> Iterable[Difference]:
    sent = sum(refund.amount_minor for refund in refunds if refund.status == "succeeded")
    goods = sum(refund.amount_minor for refund in refunds if refund.status == "succeeded" and not refund.goodwill)
    if goods != case.refunded_minor:
        said = f"{Money(case.refunded_minor, currency)} on the case, {Money(goods, currency)} over its tenders"
        yield Difference(Kind.BOOKS_OF_CASE, case.rma, said, case.refunded_minor - goods)
    if balance := sum(accounts.values()):
        yield Difference(Kind.LEDGER_UNBALANCED, case.rma, f"{Money(balance, currency)} too much", balance)
    owed = -accounts.get(PAYABLE_SHOPPER, 0)
    if owed and case.stage == Stage.CLOSED:
        yield Difference(Kind.LEDGER_OWES, case.rma, str(Money(owed, currency)), owed)
    booked = -sum(minor for account, minor in accounts.items() if account.startswith(CLEARING))
    if booked != sent:
        said = f"{Money(booked, currency)} in the ledger, {Money(sent, currency)} in the refunds"
        yield Difference(Kind.LEDGER_AMOUNT, case.rma, said, booked - sent)


def _of_provider(
    ours: Sequence[FoundRefund], theirs: Sequence[FoundRefund], cases: Mapping[str, FoundCase], currency: str
) -> Iterable[Difference]:
    known = {refund.id: refund for refund in ours}
    standing: dict[str, list[FoundRefund]] = defaultdict(list)
    for refund in theirs:
        standing[refund.id].append(refund)
    for refund in ours:
        case = cases.get(refund.case_id or "")
        about = f"{refund.id} of {case.rma if case else refund.case_id}"
        found = standing.get(refund.id, [])
        alive = [one for one in found if one.status != "failed"]
        if refund.status == "succeeded" and not found:
            yield Difference(
                Kind.NOT_AT_PROVIDER, about, str(Money(refund.amount_minor, currency)), refund.amount_minor
            )
        for extra in alive[1:]:
            yield Difference(Kind.PAID_TWICE, about, str(Money(extra.amount_minor, currency)), extra.amount_minor)
        for one in found:
            if (one.amount_minor, one.currency) != (refund.amount_minor, refund.currency):
                paid = Money(one.amount_minor, one.currency)
                said = f"{paid} at the provider, {Money(refund.amount_minor, refund.currency)} in our books"
                yield Difference(Kind.PROVIDER_AMOUNT, about, said, one.amount_minor - refund.amount_minor)
        if found and refund.status not in {one.status for one in found}:
            said = f"{found[0].status} at the provider, {refund.status} in our books"
            yield Difference(Kind.PROVIDER_STATUS, about, said, refund.amount_minor)
    for refund_id, found in standing.items():
        if refund_id not in known:
            minor = sum(one.amount_minor for one in found if one.status != "failed")
            yield Difference(Kind.NOT_IN_OUR_BOOKS, refund_id, str(Money(minor, currency)), minor)


def _by_case(refunds: Sequence[FoundRefund]) -> dict[str, list[FoundRefund]]:
    found: dict[str, list[FoundRefund]] = defaultdict(list)
    for refund in refunds:
        found[refund.case_id or ""].append(refund)
    return found


def _ledger(postings: Sequence[FoundPosting]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for posting in postings:
        found[posting.case_id][posting.account] += posting.amount_minor
    return found


def _two_counts(ours: Mapping[Any, int], published: Mapping[Any, int]) -> str:
    return f"{_counted(ours)} found, {_counted(published)} published"


def _counted(units: Mapping[Any, int]) -> str:
    words = [f"{count} of {' line '.join(what) if isinstance(what, tuple) else what}" for what, count in units.items()]
    return ", ".join(sorted(words)) or "none"
