"""The ledger: every movement of money as a balanced entry that is never edited, only undone by a reversal.

Chart of accounts (a debit is positive, a credit negative):

    goods_returned:merchant        goods the merchant takes back at the price paid (reduces its sales)
    payable:shopper                owed to the shopper; zero once a settled case is paid out
    clearing:payments:<processor>  sent back over a payment processor, which will draw it from the merchant
    fee:<kind>:<bearer>            a cost of the return, with whoever absorbs it; the shopper's is zero once deducted
    payable:carrier:<carrier>      owed to a carrier for labels and pickups
    receivable:carrier:<carrier>   owed by a carrier for goods it lost
    receivable:shopper             owed by the shopper: paid ahead of goods that did not come, or were not accepted
    clearing:captures:<processor>  charged to a card that was held, which the processor will bring to the merchant
    written_off:<bearer>           what a shopper never paid back, with whoever absorbs it

What happens to one return, and what is booked:

    label bought or pickup booked  debit fee:<kind>:<bearer>         credit payable:carrier:<carrier>
    settled                        debit goods_returned:merchant     credit payable:shopper, fee:<kind>:shopper
      a fee above the refund       debit fee:<kind>:merchant         credit fee:<kind>:shopper
    refund paid over a tender      debit payable:shopper             credit clearing:payments:<processor>
    that refund fails later        the reversal of its entry: the shopper is owed again
    goods lost on the way          debit receivable:carrier:<carrier> credit goods_returned:merchant
    paid ahead, nothing came       debit receivable:shopper          credit goods_returned:merchant
      a fee kept from that refund  debit written_off:merchant        credit goods_returned:merchant
    and charged to the held card   debit clearing:captures:<processor> credit receivable:shopper
    and never paid                 debit written_off:<bearer>        credit receivable:shopper
    and the goods come after all   each of these the other way round, the capture by a refund over it

An advance is booked like any refund when it is paid, so a case that is charged back has lost nothing of its history: the shopper was
owed, was paid, and owes. A hold moves no money and is in no account.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import BoomerangError
from domain.fees import Fee
from domain.money import Money
from domain.refund import RefundQuote

GOODS_RETURNED = "goods_returned:merchant"
PAYABLE_SHOPPER = "payable:shopper"
RECEIVABLE_SHOPPER = "receivable:shopper"


class EntryKind(StrEnum):
    """What an entry records."""

    SETTLEMENT = "settlement"
    REFUND_PAID = "refund_paid"
    REFUND_FAILED = "refund_failed"
    FEE = "fee"
    LOST_GOODS = "lost_goods"
    ADVANCE_CHARGED = "advance_charged"
    ADVANCE_CAPTURED = "advance_captured"
    ADVANCE_RETURNED = "advance_returned"
    ADVANCE_WRITTEN_OFF = "advance_written_off"


@dataclass(frozen=True)
class Posting:
    """One line of an entry, in minor units: a debit is positive, a credit negative."""

    account: str
    amount_minor: int
    currency: str


class Unbalanced(BoomerangError):
    code = "unbalanced"
    next_action = "Nothing was booked. Report it: the house made a mistake in its own books."


@dataclass(frozen=True)
class Entry:
    """One booking of a case: postings that sum to zero in each currency, under a key that is booked only once.

    Postings of zero are left out; an entry without postings records that there was nothing to move. `reverses` is the
    key of the entry that this one undoes.
    """

    kind: EntryKind
    key: str
    case_id: str
    postings: tuple[Posting, ...]
    reverses: str | None = None

    def __post_init__(self) -> None:
        sums: dict[str, int] = {}
        for posting in self.postings:
            sums[posting.currency] = sums.get(posting.currency, 0) + posting.amount_minor
        off = {currency: total for currency, total in sums.items() if total}
        if off:
            raise Unbalanced(f"Entry {self.key} does not sum to zero: {off}.", key=self.key, off=off)
        object.__setattr__(self, "postings", tuple(posting for posting in self.postings if posting.amount_minor))


def settlement_entry(case_id: str, settlement: int, quote: RefundQuote) -> Entry:
    """The goods are taken back, the shopper is owed the refund, and the shopper's fees are kept as far as they go.

    `settlement` counts the settlements of the case from 1: goods that arrive in two parcels may be settled twice.
    """
    postings = [
        Posting(GOODS_RETURNED, quote.goods_minor, quote.currency),
        Posting(PAYABLE_SHOPPER, -quote.total_minor, quote.currency),
    ]
    postings += [Posting(_fee_account(fee), -fee.amount_minor, fee.currency) for fee in quote.deductions]
    for fee in quote.absorbed:
        postings.append(Posting(_fee_account(fee), fee.amount_minor, fee.currency))
        postings.append(Posting(f"fee:{fee.kind}:shopper", -fee.amount_minor, fee.currency))
    return Entry(EntryKind.SETTLEMENT, f"settlement:{case_id}:{settlement}", case_id, tuple(postings))


def refund_paid_entry(case_id: str, refund_id: str, processor: str, amount: Money) -> Entry:
    """A tender refund went out: the shopper is owed less, the processor has it."""
    postings = _pair(PAYABLE_SHOPPER, f"clearing:payments:{processor}", amount)
    return Entry(EntryKind.REFUND_PAID, f"paid:{refund_id}", case_id, postings)


def refund_failed_reversal(paid: Entry) -> Entry:
    """The bank gave the money back after all: undo the entry of the tender refund, posting by posting."""
    postings = tuple(Posting(posting.account, -posting.amount_minor, posting.currency) for posting in paid.postings)
    return Entry(EntryKind.REFUND_FAILED, f"reversal:{paid.key}", paid.case_id, postings, reverses=paid.key)


def fee_entry(case_id: str, reference: str, fee: Fee, *, carrier: str) -> Entry:
    """A carrier's charge, absorbed by its bearer. `reference` names what was charged for, such as the label's id."""
    postings = _pair(_fee_account(fee), f"payable:carrier:{carrier}", Money(fee.amount_minor, fee.currency))
    return Entry(EntryKind.FEE, f"fee:{fee.kind}:{reference}", case_id, postings)


def lost_goods_entry(case_id: str, parcel_id: str, carrier: str, value: Money) -> Entry:
    """Goods that never arrived: the merchant has not got them back, the carrier owes what they were sold for."""
    postings = _pair(f"receivable:carrier:{carrier}", GOODS_RETURNED, value)
    return Entry(EntryKind.LOST_GOODS, f"lost:{parcel_id}", case_id, postings)


def advance_charged_entry(case_id: str, key: str, charged: Money, *, goods_minor: int) -> Entry:
    """Goods that were paid ahead are not there: the shopper owes what she was paid for them, and the merchant's sale stands.

    `goods_minor` is what they were sold for; what the shopper did not get of it, a fee that was kept, is the merchant's. Below zero
    it is the other way round: goods have come after all.
    """
    kept = goods_minor - charged.minor
    postings = (
        Posting(RECEIVABLE_SHOPPER, charged.minor, charged.currency),
        Posting("written_off:merchant", kept, charged.currency),
        Posting(GOODS_RETURNED, -goods_minor, charged.currency),
    )
    return Entry(EntryKind.ADVANCE_CHARGED, f"charged:{key}", case_id, postings)


def advance_captured_entry(case_id: str, hold_id: str, processor: str, captured: Money) -> Entry:
    """The held card was charged: the shopper owes so much less."""
    postings = _pair(f"clearing:captures:{processor}", RECEIVABLE_SHOPPER, captured)
    return Entry(EntryKind.ADVANCE_CAPTURED, f"captured:{hold_id}", case_id, postings)


def advance_returned_entry(case_id: str, return_id: str, processor: str, returned: Money) -> Entry:
    """What was charged to the card goes back over that charge."""
    postings = _pair(RECEIVABLE_SHOPPER, f"clearing:captures:{processor}", returned)
    return Entry(EntryKind.ADVANCE_RETURNED, f"returned:{return_id}", case_id, postings)


def advance_written_off_entry(case_id: str, key: str, bearer: str, debt: Money) -> Entry:
    """A debt that nobody will pay is its bearer's loss; below zero the loss is undone."""
    postings = _pair(f"written_off:{bearer}", RECEIVABLE_SHOPPER, debt)
    return Entry(EntryKind.ADVANCE_WRITTEN_OFF, f"written_off:{key}", case_id, postings)


def balances(entries: Iterable[Entry]) -> dict[tuple[str, str], int]:
    """What each (account, currency) stands at, in minor units; accounts at zero are left out."""
    totals: dict[tuple[str, str], int] = {}
    for entry in entries:
        for posting in entry.postings:
            account = (posting.account, posting.currency)
            totals[account] = totals.get(account, 0) + posting.amount_minor
    return {account: total for account, total in totals.items() if total}


def _pair(debit: str, credit: str, amount: Money) -> tuple[Posting, Posting]:
    return (
        Posting(debit, amount.minor, amount.currency),
        Posting(credit, -amount.minor, amount.currency),
    )


def _fee_account(fee: Fee) -> str:
    return f"fee:{fee.kind}:{fee.bearer}"
