"""How long each wait of a return may last, and when its money moves: the part of the terms that the process itself carries.

Frozen into a case when it is opened, and small, since the running case keeps it in its history for ever.
"""

from dataclasses import dataclass
from enum import StrEnum


class RefundTrigger(StrEnum):
    """What the refund waits for, the earliest last; each case has one, frozen when it is opened.

    inspection_passed   the bench has judged the goods
    received            the dock has them; they are judged afterwards
    first_scan          the carrier has taken them; they are received and judged afterwards
    authorized          the label is there; everything else comes afterwards
    returnless          the request is authorized; the goods stay with the shopper
    """

    INSPECTION_PASSED = "inspection_passed"
    RECEIVED = "received"
    FIRST_SCAN = "first_scan"
    AUTHORIZED = "authorized"
    RETURNLESS = "returnless"


class ApprovalDefault(StrEnum):
    """What the merchant's silence about a referred return means."""

    AUTHORIZE = "authorize"
    ESCALATE_THEN_AUTHORIZE = "escalate_then_authorize"  # first the platform is asked, and then it is silent too


class DestinationSilence(StrEnum):
    """What it means when the shopper does not say where money goes that its tender cannot take back."""

    OPERATOR = "operator"
    STORE_CREDIT = "store_credit"  # never where a right is exercised: the law gives money back as money


@dataclass(frozen=True)
class Limits:
    """How long each wait of the process may last, as spans ("24h", "7d", "2bd"), and how often a pickup is tried.

    approval          a person or rule authorizes or refuses the request
    booking           the carrier gives a label or confirms a pickup
    ship_back         the shopper hands the parcel over
    pickup            the carrier collects after a booking
    pickup_tries      pickups tried again, after the first one, before an operator is called
    transit           a scanned parcel reaches the dock
    inspection        the received goods are judged
    refund            the refund is ordered after the goods passed
    attention         a case waiting for an operator is tried again by itself
    approval_default  what silence about a referred return means
    escalated         the platform decides about a referred return that the merchant was silent about
    refund_trigger    what the refund waits for
    recharge          goods that were refunded before they came must have come
    refund_clock      the law's own clock on the refund (domain/clock.py): "notice 14d sent"; empty where it sets none
    calendar          the days of the market, frozen (domain/calendar.py); empty in cases opened before there were any
    destination       the shopper says where money goes that its tender cannot take back; empty: a person is asked instead
    destination_silence  what her silence about that means
    guarantee         what money paid ahead of the goods is guaranteed by (domain/advances.py); empty: by nothing
    dunning           how it is called in where nothing is held, and who bears it: "7d 7d 7d merchant"
    """

    approval: str
    booking: str
    ship_back: str
    pickup: str
    pickup_tries: int
    transit: str
    inspection: str
    refund: str
    attention: str
    approval_default: str = ApprovalDefault.AUTHORIZE
    escalated: str = "48h"
    refund_trigger: str = RefundTrigger.INSPECTION_PASSED
    recharge: str = "30d"
    refund_clock: str = ""
    calendar: str = ""
    destination: str = ""
    destination_silence: str = ""
    guarantee: str = ""
    dunning: str = ""
