"""The stages of a return: which there are, which end it, who is waited for in each, and what silence means."""

from enum import StrEnum


class Stage(StrEnum):
    REQUESTED = "requested"  # asked for; only ever seen in the timeline, the checks run in the same transaction
    CHECKED = "checked"  # order, logistics and problem looked up; likewise only in the timeline
    REFERRED = "referred"  # a person of the merchant decides
    REFUSED = "refused"  # may not come back
    AUTHORIZED = "authorized"  # may come back; the label or pickup is being arranged
    BOOKED = "booked"  # label or pickup is there; the goods have not moved
    IN_TRANSIT = "in_transit"  # the carrier has them
    RECEIVED = "received"  # the dock has them
    INSPECTED = "inspected"  # judged, taken as declared, or paid ahead; the money, or the way back, is being arranged
    SETTLED = "settled"  # decided and booked; the payment provider has accepted but not confirmed
    AWAITED = "awaited"  # refunded ahead; the goods, or their inspection, are awaited
    RECHARGING = "recharging"  # what was refunded ahead is being charged back, or given up, or given back once more
    OWED = "owed"  # charged back, nothing was held for it, and the shopper has not paid
    CLOSED = "closed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SENT_BACK = "sent_back"
    ATTENTION = "attention"  # cannot move by itself; a person is asked


class Owner(StrEnum):
    """Whose turn it is."""

    SHOPPER = "shopper"
    MERCHANT = "merchant"
    PLATFORM = "platform"
    CARRIER = "carrier"
    WAREHOUSE = "warehouse"
    PAYMENTS = "payments"
    OPERATOR = "operator"


class Silence(StrEnum):
    """What happens when a deadline passes: the seller's side losing its turn resolves for the shopper, the shopper's closes."""

    AUTHORIZE = "authorize"
    ESCALATE = "escalate"
    EXPIRE = "expire"
    BOOK_AGAIN = "book_again"
    REFUND_AS_DECLARED = "refund_as_declared"
    CLOSE = "close"
    CALL_OPERATOR = "call_operator"
    TRY_AGAIN = "try_again"
    REMIND = "remind"
    STORE_CREDIT = "store_credit"
    RECHARGE = "recharge"  # goods that were refunded ahead did not come: the money is charged back
    DUN = "dun"  # the shopper is reminded of what she owes
    WRITE_OFF = "write_off"  # the debt is given up, and somebody bears it


ENDS = frozenset({Stage.REFUSED, Stage.CLOSED, Stage.CANCELLED, Stage.EXPIRED, Stage.SENT_BACK})

# How far the goods have come. A fact about goods moves a return forward only.
RANK = {
    Stage.REFERRED: 0,
    Stage.AUTHORIZED: 1,
    Stage.BOOKED: 2,
    Stage.IN_TRANSIT: 3,
    Stage.RECEIVED: 4,
    Stage.INSPECTED: 5,
    Stage.SETTLED: 6,
    Stage.AWAITED: 7,
    Stage.RECHARGING: 8,
    Stage.OWED: 9,
    Stage.CLOSED: 10,
}

# Which stage may follow which: the picture of the process, and what the recorded timeline is checked against.
FOLLOWS: dict[Stage, frozenset[Stage]] = {
    Stage.REQUESTED: frozenset({Stage.CHECKED}),
    Stage.CHECKED: frozenset({Stage.AUTHORIZED, Stage.REFERRED, Stage.REFUSED, Stage.INSPECTED}),
    Stage.REFERRED: frozenset(
        {
            Stage.AUTHORIZED,
            Stage.REFUSED,
            Stage.CANCELLED,
            Stage.IN_TRANSIT,
            Stage.RECEIVED,
            Stage.INSPECTED,
            Stage.ATTENTION,
        }
    ),
    Stage.AUTHORIZED: frozenset(
        {
            Stage.BOOKED,
            Stage.IN_TRANSIT,
            Stage.RECEIVED,
            Stage.INSPECTED,
            Stage.AWAITED,
            Stage.RECHARGING,
            Stage.CLOSED,
            Stage.CANCELLED,
            Stage.ATTENTION,
        }
    ),
    Stage.BOOKED: frozenset(
        {
            Stage.AUTHORIZED,
            Stage.IN_TRANSIT,
            Stage.RECEIVED,
            Stage.INSPECTED,
            Stage.CANCELLED,
            Stage.EXPIRED,
            Stage.ATTENTION,
        }
    ),
    Stage.IN_TRANSIT: frozenset({Stage.RECEIVED, Stage.INSPECTED, Stage.ATTENTION}),
    Stage.RECEIVED: frozenset({Stage.INSPECTED, Stage.ATTENTION}),
    Stage.INSPECTED: frozenset(
        {
            Stage.SETTLED,
            Stage.CLOSED,
            Stage.SENT_BACK,
            Stage.AWAITED,
            Stage.AUTHORIZED,
            Stage.ATTENTION,
            # No guarantee could be had, so nothing was paid ahead: back to where the goods are.
            Stage.BOOKED,
            Stage.IN_TRANSIT,
            Stage.RECEIVED,
            # A refund that the bank gave back was paid anew, of a return that was charged back.
            Stage.OWED,
            Stage.RECHARGING,
        }
    ),
    Stage.SETTLED: frozenset(
        {
            Stage.CLOSED,
            Stage.AWAITED,
            Stage.INSPECTED,
            Stage.AUTHORIZED,
            Stage.OWED,
            Stage.RECHARGING,
            Stage.ATTENTION,
        }
    ),
    # Paid ahead: the goods close it, a carrier that lost them is charged, a pickup that never came is booked again.
    Stage.AWAITED: frozenset({Stage.CLOSED, Stage.INSPECTED, Stage.AUTHORIZED, Stage.RECHARGING, Stage.ATTENTION}),
    Stage.RECHARGING: frozenset({Stage.CLOSED, Stage.OWED, Stage.AWAITED, Stage.INSPECTED, Stage.ATTENTION}),
    # Charged back: goods that come after all are awaited again, what they or a person decide is carried out.
    Stage.OWED: frozenset({Stage.AWAITED, Stage.RECHARGING, Stage.ATTENTION}),
    Stage.ATTENTION: frozenset(
        {
            Stage.AUTHORIZED,
            Stage.BOOKED,
            Stage.IN_TRANSIT,
            Stage.RECEIVED,
            Stage.INSPECTED,
            Stage.SETTLED,
            Stage.AWAITED,
            Stage.RECHARGING,
            Stage.OWED,
            Stage.CANCELLED,
            Stage.EXPIRED,
            Stage.CLOSED,
        }
    ),
    # Goods that come after all open the return again; a refund the bank sends back does too, and an
    # appeal against a refusal.
    Stage.EXPIRED: frozenset({Stage.IN_TRANSIT, Stage.RECEIVED, Stage.INSPECTED, Stage.ATTENTION}),
    Stage.CANCELLED: frozenset({Stage.IN_TRANSIT, Stage.RECEIVED, Stage.INSPECTED, Stage.ATTENTION}),
    Stage.REFUSED: frozenset({Stage.REFERRED, Stage.ATTENTION}),
    # What was charged back for goods that never came is undone when they do.
    Stage.CLOSED: frozenset({Stage.AWAITED, Stage.RECHARGING, Stage.ATTENTION}),
    Stage.SENT_BACK: frozenset(),
}


class Status(StrEnum):
    """The coarse word a storefront shows; `Stage` is the fine one."""

    REQUESTED = "requested"
    OPEN = "open"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    CLOSED = "closed"


def status_of(stage: Stage) -> Status:
    match stage:
        case Stage.REQUESTED | Stage.CHECKED | Stage.REFERRED:
            return Status.REQUESTED
        case Stage.REFUSED:
            return Status.REFUSED
        case Stage.CANCELLED:
            return Status.CANCELLED
        case Stage.EXPIRED:
            return Status.EXPIRED
        case Stage.CLOSED | Stage.SENT_BACK:
            return Status.CLOSED
    return Status.OPEN
