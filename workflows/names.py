"""Task queues, workflow ids, and the one name under which each fact is told to a running case."""

from domain.state import FactKind

TASK_QUEUE = "returns"
WORKFLOW_TYPE = "ReturnCase"

UPDATES = {
    FactKind.AUTHORIZED: "authorize",
    FactKind.REFUSED: "refuse",
    FactKind.RECEIVED: "receive",
    FactKind.INSPECTED: "inspect",
    FactKind.CANCELLED: "cancel",
    FactKind.EXTENDED: "extend",
    FactKind.RETRIED: "retry",
    FactKind.APPEALED: "appeal",
    FactKind.DESTINATION_GIVEN: "give_destination",
}
SIGNALS = {FactKind.SCANNED: "carrier_reported", FactKind.REFUND_REPORTED: "provider_reported"}
NUDGE = "nudge"
ACKNOWLEDGE_TYPE = "AcknowledgeWithdrawal"
RECONCILIATION_TYPE = "Reconciliation"
GOODWILL_TYPE = "Goodwill"


def workflow_id(case_id: str) -> str:
    return f"return/{case_id}"


def acknowledgement_id(withdrawal_id: str) -> str:
    return f"withdrawal/{withdrawal_id}"


def reconciliation_workflow_id(run_id: str) -> str:
    return f"reconciliation/{run_id}"


def goodwill_workflow_id(goodwill_id: str) -> str:
    return f"goodwill/{goodwill_id}"
