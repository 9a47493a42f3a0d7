"""The ledger: every movement of money as a balanced entry that is never edited, only undone by a reversal.

Chart of accounts (a debit is positive, a credit negative):

    goods_returned:merchant        goods the merchant takes back at the price paid (reduces its sales)
    charges_returned:merchant      delivery and other charges that the merchant gives back
    payable:shopper                owed to the shopper; zero once a settled case is paid out
    clearing:payments:<processor>  sent back over a payment processor, which will draw it from the merchant
    fee:<kind>:<bearer>            a cost of the return, with whoever absorbs it; the shopper's is zero once deducted
    payable:carrier:<carrier>      owed to a carrier for labels and pickups
    receivable:carrier:<carrier>   owed by a carrier for goods it lost
    receivable:customs:<authority> owed by a customs or tax authority for a claim that was filed
    clearing:customs:<authority>   what an authority paid, until it is seen at the bank
    fee:duty:<bearer>              duty and import tax; credited when they are claimed back for whoever bore them
    revaluation:<currency>         what money in that currency became worth more (credit) or less since it was taken in; booked in
                                   the accounting currency, against fee:exchange_difference:<bearer>
    receivable:shopper             owed by the shopper: fees above the refund that are invoiced; money paid ahead of goods that did
                                   not come, or were not accepted
    own_work:merchant              what the merchant's own bench and shelf did for a return, at the price its policy sets
    clearing:captures:<processor>  charged to a card that was held, which the processor will bring to the merchant
    written_off:<bearer>           what a shopper never paid back, with whoever absorbs it

What happens to one return, and what is booked:

    label bought or pickup booked  debit fee:<kind>:<bearer>         credit payable:carrier:<carrier>
    settled                        debit goods_returned:merchant     credit payable:shopper, fee:<kind>:shopper
                                   debit charges_returned:merchant
      a fee above the refund       debit fee:<kind>:merchant         credit fee:<kind>:shopper
    refund paid over a tender      debit payable:shopper             credit clearing:payments:<processor>
    that refund fails later        the reversal of its entry: the shopper is owed again
    goods lost on the way          debit receivable:carrier:<carrier> credit goods_returned:merchant
    customs claim filed            debit receivable:customs:<authority> credit fee:duty:<bearer>
    customs claim recovered        debit clearing:customs:<authority>   credit receivable:customs:<authority>; less or more than was
                                   claimed is a debit or credit of fee:duty:<bearer>
    customs claim rejected         the reversal of the entry of its filing
    refunded at another rate       debit fee:exchange_difference:<bearer>  credit revaluation:<currency>; a gain the other way round
    restocked, judged, repacked    debit fee:<kind>:<bearer>         credit own_work:merchant
    refunded too late              debit fee:late_refund_penalty:<bearer> credit payable:shopper
    a fee above the refund         debit receivable:shopper          credit fee:<kind>:merchant, which had absorbed it
      is invoiced
    goodwill approved              debit fee:goodwill:merchant       credit payable:shopper
    its refund fails for good      debit payable:shopper             credit fee:goodwill:merchant
    it went before a refund        debit fee:goodwill:shopper        credit fee:goodwill:merchant
      that would exceed the sale   (and the settlement keeps it as it keeps any fee of the shopper's)
    paid ahead, nothing came       debit receivable:shopper          credit goods_returned:merchant
      a fee kept from that refund  debit written_off:merchant        credit goods_returned:merchant
    and charged to the held card   debit clearing:captures:<processor> credit receivable:shopper
    and never paid                 debit written_off:<bearer>        credit receivable:shopper
    and the goods come after all   each of these the other way round, the capture by a refund over it

An advance is booked like any refund when it is paid, so a case that is charged back has lost nothing of its history: the shopper was
owed, was paid, and owes. A hold moves no money and is in no account.

Each posting on a fee account carries the rule that named its bearer and where that rule is written, so that a statement of
any month says so without asking anybody else.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from domain.errors import BoomerangError
from domain.fees import Bearer, Fee, FeeKind
from domain.money import Money
from domain.refund import RefundQuote

GOODS_RETURNED = "goods_returned:merchant"
CHARGES_RETURNED = "charges_returned:merchant"
PAYABLE_SHOPPER = "payable:shopper"
RECEIVABLE_SHOPPER = "receivable:shopper"
OWN_WORK = "own_work:merchant"
GOODWILL = "fee:goodwill:merchant"


class EntryKind(StrEnum):
    """What an entry records."""

    SETTLEMENT = "settlement"
    REFUND_PAID = "refund_paid"
    REFUND_FAILED = "refund_failed"
    FEE = "fee"
    LOST_GOODS = "lost_goods"
    EXCHANGE_DIFFERENCE = "exchange_difference"
    CUSTOMS_CLAIM_FILED = "customs_claim_filed"
    CUSTOMS_CLAIM_RECOVERED = "customs_claim_recovered"
    CUSTOMS_CLAIM_REJECTED = "customs_claim_rejected"
    INVOICED = "invoiced"
    GOODWILL = "goodwill"
    ADVANCE_CHARGED = "advance_charged"
    ADVANCE_CAPTURED = "advance_captured"
    ADVANCE_RETURNED = "advance_returned"
    ADVANCE_WRITTEN_OFF = "advance_written_off"


@dataclass(frozen=True)
class Posting:
    """One line of an entry, in minor units: a debit is positive, a credit negative.

    On a fee account, `rule` and `source` say why it is this bearer's. They explain the posting and are no part of what is
    booked: two postings that move the same are the same.
    """

    account: str
    amount_minor: int
    currency: str
    rule: str = field(default="", compare=False)
    source: str = field(default="", compare=False)


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
    """Goods and charges are taken back, the shopper is owed the refund, and the shopper's fees are kept as far as they go.

    `settlement` counts the settlements of the case from 1: goods that arrive in two parcels may be settled twice.
    """
    postings = [
        Posting(GOODS_RETURNED, quote.goods_minor, quote.currency),
        Posting(CHARGES_RETURNED, quote.charges_minor, quote.currency),
        Posting(PAYABLE_SHOPPER, -quote.total_minor, quote.currency),
    ]
    postings += [_on_fee(fee, -fee.amount_minor) for fee in quote.deductions]
    for fee in quote.absorbed:
        postings.append(_on_fee(fee, fee.amount_minor))
        postings.append(_on_fee(replace(fee, bearer=Bearer.SHOPPER), -fee.amount_minor))
    return Entry(EntryKind.SETTLEMENT, f"settlement:{case_id}:{settlement}", case_id, tuple(postings))


def refund_paid_entry(case_id: str, refund_id: str, processor: str, amount: Money) -> Entry:
    """A tender refund went out: the shopper is owed less, the processor has it."""
    postings = _pair(PAYABLE_SHOPPER, f"clearing:payments:{processor}", amount)
    return Entry(EntryKind.REFUND_PAID, f"paid:{refund_id}", case_id, postings)


def refund_failed_reversal(paid: Entry) -> Entry:
    """The bank gave the money back after all: undo the entry of the tender refund, posting by posting."""
    postings = tuple(replace(posting, amount_minor=-posting.amount_minor) for posting in paid.postings)
    return Entry(EntryKind.REFUND_FAILED, f"reversal:{paid.key}", paid.case_id, postings, reverses=paid.key)


def fee_entry(case_id: str, reference: str, fee: Fee, *, carrier: str) -> Entry:
    """A carrier's charge, absorbed by its bearer. `reference` names what was charged for, such as the label's id."""
    return _fee_owed(case_id, reference, fee, f"payable:carrier:{carrier}")


def own_work_entry(case_id: str, reference: str, fee: Fee) -> Entry:
    """What the merchant's own bench and shelf did, absorbed by whoever bears it."""
    return _fee_owed(case_id, reference, fee, OWN_WORK)


def late_refund_entry(case_id: str, reference: str, fee: Fee) -> Entry:
    """The penalty for a late refund: owed to the shopper on top of the refund, absorbed by who was late.

    `reference` names the refund that was late, so that its penalty is booked once. Raises ValueError for another kind of fee,
    and for a penalty that the shopper would bear.
    """
    if fee.kind is not FeeKind.LATE_REFUND_PENALTY or fee.bearer is Bearer.SHOPPER:
        raise ValueError(f"a {fee.kind} fee of the {fee.bearer} is no penalty owed to the shopper")
    return _fee_owed(case_id, reference, fee, PAYABLE_SHOPPER)


def invoiced_entry(case_id: str, settlement: int, absorbed: Iterable[Fee]) -> Entry:
    """Fees above the refund that the shopper owes all the same: what the merchant had absorbed becomes a receivable."""
    postings: list[Posting] = []
    for fee in absorbed:
        postings.append(Posting(RECEIVABLE_SHOPPER, fee.amount_minor, fee.currency))
        postings.append(_on_fee(replace(fee, bearer=Bearer.MERCHANT), -fee.amount_minor))
    return Entry(EntryKind.INVOICED, f"invoiced:{case_id}:{settlement}", case_id, tuple(postings))


def lost_goods_entry(case_id: str, parcel_id: str, carrier: str, value: Money) -> Entry:
    """Goods that never arrived: the merchant has not got them back, the carrier owes what they were sold for."""
    postings = _pair(f"receivable:carrier:{carrier}", GOODS_RETURNED, value)
    return Entry(EntryKind.LOST_GOODS, f"lost:{parcel_id}", case_id, postings)


def exchange_difference_entry(case_id: str, settlement: int, currency: str, difference: Money, bearer: Bearer) -> Entry:
    """Money of `currency` went back at another rate than it came in: `difference`, in the accounting currency, above zero is a loss."""
    postings = _pair(f"fee:{FeeKind.EXCHANGE_DIFFERENCE}:{bearer}", f"revaluation:{currency}", difference)
    return Entry(EntryKind.EXCHANGE_DIFFERENCE, f"exchange_difference:{case_id}:{settlement}", case_id, postings)


def customs_claim_filed_entry(case_id: str, claim_id: str, authority: str, bearer: Bearer, expected: Money) -> Entry:
    """A claim for duty or import tax was handed in: the authority owes it, to whoever bore it."""
    postings = _pair(f"receivable:customs:{authority}", f"fee:duty:{bearer}", expected)
    return Entry(EntryKind.CUSTOMS_CLAIM_FILED, f"customs_filed:{claim_id}", case_id, postings)


def customs_claim_recovered_entry(
    case_id: str, claim_id: str, authority: str, bearer: Bearer, *, expected: Money, recovered: Money
) -> Entry:
    """The authority paid: what it owed is settled, and what it paid less or more stays with, or goes to, whoever bore the duty."""
    gained = recovered - expected
    postings = (
        Posting(f"clearing:customs:{authority}", recovered.minor, recovered.currency),
        Posting(f"receivable:customs:{authority}", -expected.minor, expected.currency),
        Posting(f"fee:duty:{bearer}", -gained.minor, gained.currency),
    )
    return Entry(EntryKind.CUSTOMS_CLAIM_RECOVERED, f"customs_recovered:{claim_id}", case_id, postings)


def customs_claim_rejected_reversal(filed: Entry) -> Entry:
    """The authority said no: undo the entry of the filing, posting by posting."""
    postings = tuple(Posting(posting.account, -posting.amount_minor, posting.currency) for posting in filed.postings)
    return Entry(EntryKind.CUSTOMS_CLAIM_REJECTED, f"reversal:{filed.key}", filed.case_id, postings, reverses=filed.key)


def goodwill_entry(case_id: str, goodwill_id: str, amount: Money) -> Entry:
    """The merchant owes the shopper more than the goods bring back."""
    return Entry(EntryKind.GOODWILL, f"goodwill:{goodwill_id}", case_id, _pair(GOODWILL, PAYABLE_SHOPPER, amount))


def goodwill_undone_entry(case_id: str, refund_id: str, amount: Money) -> Entry:
    """A tender refund of it will not arrive: that part is owed no longer, and somebody may give it anew."""
    postings = _pair(PAYABLE_SHOPPER, GOODWILL, amount)
    return Entry(EntryKind.GOODWILL, f"goodwill_undone:{refund_id}", case_id, postings)


def goodwill_counted_entry(case_id: str, amount: Money) -> Entry:
    """What was given as goodwill is taken for a part of a refund that would otherwise exceed what was paid."""
    postings = _pair("fee:goodwill:shopper", GOODWILL, amount)
    return Entry(EntryKind.GOODWILL, f"goodwill_counted:{case_id}", case_id, postings)


def advance_charged_entry(case_id: str, key: str, charged: Money, *, goods_minor: int, charges_minor: int = 0) -> Entry:
    """Goods that were paid ahead are not there: the shopper owes what she was paid for them, and the merchant's sale stands.

    `goods_minor` is what they were sold for, `charges_minor` what of delivery and other charges went back with them; what the
    shopper did not get of it, a fee that was kept, is the merchant's. Below zero it is the other way round: goods have come after all.
    """
    kept = goods_minor + charges_minor - charged.minor
    postings = (
        Posting(RECEIVABLE_SHOPPER, charged.minor, charged.currency),
        Posting("written_off:merchant", kept, charged.currency),
        Posting(GOODS_RETURNED, -goods_minor, charged.currency),
        Posting(CHARGES_RETURNED, -charges_minor, charged.currency),
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


def _fee_owed(case_id: str, reference: str, fee: Fee, owed_to: str) -> Entry:
    postings = (_on_fee(fee, fee.amount_minor), Posting(owed_to, -fee.amount_minor, fee.currency))
    return Entry(EntryKind.FEE, f"fee:{fee.kind}:{reference}", case_id, postings)


def _on_fee(fee: Fee, amount_minor: int) -> Posting:
    return Posting(f"fee:{fee.kind}:{fee.bearer}", amount_minor, fee.currency, fee.rule, fee.source)
