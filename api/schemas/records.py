"""What can be read about a return besides itself: its timeline, its reasons, its money, its terms; and a preview of all that."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from api.schemas.common import money, spoken
from api.schemas.extras import percent
from desk import Preview
from domain.calendar import Span
from domain.eligibility import Verdict
from domain.explain import Decision
from domain.limits import Limits
from domain.opening import JudgedLine
from domain.process import start
from domain.stages import Stage
from domain.state import Method, Opening

ISO_UNITS = {"min": "PT{}M", "h": "PT{}H", "d": "P{}D", "bd": "P{}D"}


def show_timeline(case: Row[Any], rows: Sequence[Row[Any]]) -> dict[str, Any]:
    return {
        "return_id": case.id,
        "data": [
            {
                "id": row.id,
                "at": spoken(row.at),
                "kind": row.kind,
                "by": row.by,
                "stage": row.stage,
                "data": _without_token(row.data),
            }
            for row in rows
        ],
    }


def _without_token(data: dict[str, Any]) -> dict[str, Any]:
    """A destination by its kind and the end of the provider's token, which is enough to recognise it by."""
    kind, _, token = str(data.get("destination", "")).partition(":")
    return {**data, "destination": f"{kind}:…{token[-4:]}"} if token else data


def show_explanation(case: Row[Any], refund: Row[Any] | None, more: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Every decision, in the order taken: those of the opening, then those of the settlement, and what followed it (`more`)."""
    settled = [*(refund.quote.get("explanation", []) if refund else []), *more]
    return {
        "return_id": case.id,
        "data": [
            *({"step": "opening", **_decision(decision)} for decision in case.explanation),
            *({"step": "settlement", **_decision(decision)} for decision in settled),
        ],
    }


def letter(case: Row[Any], refund: Row[Any] | None, more: Sequence[Mapping[str, Any]] = ()) -> str:
    """The explanation as a letter that decides: each question, its answer, what was looked at, the rule and its source."""
    shown = show_explanation(case, refund, more)["data"]
    terms = case.terms
    head = (
        f"Return {case.rma}\n"
        f"{_OUTCOMES.get(case.stage, 'The return is under way.')}\n\n"
        f"Decided on {case.opened_at:%d %b %Y at %H:%M} UTC by programme {case.programme}, version {case.policy_version},\n"
        f"for a customer of the tier {case.tier}, under the law of {terms['market']}.\n"
    )
    return "\n".join([head, *(_paragraph(number, one) for number, one in enumerate(shown, start=1))])


_OUTCOMES = {
    Stage.REFUSED: "The goods may not come back.",
    Stage.REFERRED: "A person decides.",
    Stage.CLOSED: "The return is closed.",
    Stage.CANCELLED: "The return was cancelled.",
    Stage.EXPIRED: "The return expired, since nothing was sent.",
    Stage.SENT_BACK: "The goods were sent back to you.",
}


def _paragraph(number: int, decision: Mapping[str, Any]) -> str:
    looked_at = "; ".join(f"{one['name'].replace('_', ' ')}: {one['value']}" for one in decision["inputs"])
    lines = [f"{number}. {decision['question']}", f"   {decision['answer'][:1].upper()}{decision['answer'][1:]}."]
    lines += [f"   What was looked at: {looked_at}."] if looked_at else []
    return "\n".join([*lines, f"   Rule: {decision['rule'].replace('_', ' ')}. Source: {decision['source']}.", ""])


def show_ledger(
    case: Row[Any],
    rows: Sequence[Row[Any]],
    refund: Row[Any] | None,
    differences: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """How the refund was made up, the entries of a return, each summing to zero, what its accounts stand at, and at what rates."""
    entries: dict[int, dict[str, Any]] = {}
    totals: dict[tuple[str, str], int] = {}
    for row in rows:
        head = {"id": row.id, "key": row.key, "kind": row.kind, "at": spoken(row.at), "postings": []}
        posting = {"account": row.account, "amount": money(row.amount_minor, row.currency)}
        entries.setdefault(row.id, head)["postings"].append(posting)
        account = (row.account, row.currency)
        totals[account] = totals.get(account, 0) + row.amount_minor
    return {
        "return_id": case.id,
        "settlement": _settlement(refund) if refund else None,
        "entries": list(entries.values()),
        "balances": [
            {"account": account, "amount": money(total, currency)}
            for (account, currency), total in sorted(totals.items())
            if total
        ],
        **({"exchange_differences": list(differences)} if differences else {}),
    }


def _settlement(refund: Row[Any]) -> dict[str, Any]:
    """What the refund was made of. Settlements of before charges and taxes were told have none."""
    currency, quote = refund.currency, refund.quote
    return {
        "goods": money(refund.goods_minor, currency),
        "charges": money(refund.charges_minor, currency),
        "deducted": money(refund.deducted_minor, currency),
        "total": money(refund.total_minor, currency),
        "ground": refund.ground,
        "decided_at": spoken(refund.decided_at),
        "lines": [
            {
                "order_id": line["order_id"],
                "order_line_id": line["order_line_id"],
                "quantity": line["quantity"],
                "goods": money(line["goods_minor"], currency),
                "value_lost": money(line.get("loss_minor", 0), currency),
                "correction": money(line.get("correction_minor", 0), currency),
            }
            for line in quote.get("lines", [])
        ],
        "charged": [_charge(charge, currency) for charge in quote.get("charges", [])],
        "taxes": [_tax(tax, currency) for tax in quote.get("taxes", [])],
    }


def _charge(charge: Mapping[str, Any], currency: str) -> dict[str, Any]:
    return {
        "order_id": charge["order_id"],
        "charge_id": charge["charge_id"],
        "kind": charge["kind"],
        "amount": money(charge["amount_minor"], currency),
    }


def _tax(tax: Mapping[str, Any], currency: str) -> dict[str, Any]:
    return {
        "name": tax["name"],
        "rate": percent(tax["rate_ppm"]),
        "net": money(tax["net_minor"], currency),
        "tax": money(tax["tax_minor"], currency),
    }


def show_terms(case: Row[Any]) -> dict[str, Any]:
    return {"return_id": case.id, **_terms(case.terms)}


def show_preview(preview: Preview, method: Method, at: datetime) -> dict[str, Any]:
    """What opening this return would answer. Fees have no amount yet: the carrier names it when it is booked."""
    judgement, terms = preview.judgement, preview.terms
    plain = {**asdict(terms), "limits": asdict(judgement.limits), "freight": judgement.freight._asdict()}
    plain["refund_as"] = judgement.refund_as or None
    return {
        "verdict": judgement.verdict,
        "tier": preview.tier,
        "due": _due(preview, method, at),
        "lines": [_line(line) for line in judgement.lines],
        "refund": {
            "quoted": money(judgement.quote.total_minor, judgement.currency),
            "goods": money(judgement.quote.goods_minor, judgement.currency),
            "charges": money(judgement.quote.charges_minor, judgement.currency),
            "taxes": [_tax(asdict(tax), judgement.currency) for tax in judgement.quote.taxes],
            "deducted": money(judgement.quote.deducted_minor, judgement.currency),
        },
        "fees": [
            {
                "kind": "pickup" if method is Method.PICKUP else "return_label",
                "amount": None,
                "bearer": judgement.freight.bearer,
                "rule": judgement.freight.rule,
                "source": judgement.freight.source,
            }
        ],
        "terms": _terms(plain),
        "explanation": [
            _decision(_stored(decision)) for decision in (*judgement.explanation, *judgement.quote.explanation)
        ],
    }


def _due(preview: Preview, method: Method, at: datetime) -> dict[str, Any] | None:
    """The first deadline that the return would have."""
    verdict = preview.judgement.verdict
    if verdict is Verdict.REFUSED:
        return None
    state, _ = start(Opening("", verdict is Verdict.ELIGIBLE, method, at, preview.judgement.limits))
    return {"stage": state.stage, "at": spoken(state.due)}


def _line(line: JudgedLine) -> dict[str, Any]:
    return {
        "order_id": line.sold.line.order_id if line.sold else None,
        "order_line_id": line.sold.line.id if line.sold else None,
        "sku": line.sku,
        "quantity": line.quantity,
        "reason": line.reason,
        "verdict": line.verdict,
        "verdict_reasons": list(line.grounds),
    }


def _terms(terms: Mapping[str, Any]) -> dict[str, Any]:
    """Spans as ISO 8601 durations; that one counts business days, ISO 8601 cannot say, so it is said beside it.

    Cases of earlier releases have fewer aspects: what they were not promised is left out.
    """
    limits = {**asdict(_UNTOLD), **terms["limits"]}
    more = {name: terms[name] for name in _SHOWN_AS_THEY_ARE if name in terms}
    return {
        "tier": terms["tier"],
        "market": terms["market"],
        "programme": terms["programme"],
        "policy_version": terms["policy_version"],
        "return_window": {"duration": f"P{terms['return_window_days']}D", "starts": terms["starts"]},
        "withdrawal_right": f"P{terms['withdrawal_days']}D" if terms["withdrawal_days"] else None,
        "merchant_bears_all": terms["merchant_bears_all"],
        "limits": {name: _span(limits[name]) for name in SPANS if limits[name]},
        "pickup_tries": limits["pickup_tries"],
        "approval_default": limits["approval_default"],
        "refund_trigger": limits["refund_trigger"],
        "refund_clock": limits["refund_clock"] or None,
        "destination_silence": (limits["destination_silence"] or "operator") if limits["destination"] else None,
        "refund_as": terms.get("refund_as"),
        "guarantee": limits["guarantee"] or None,
        "dunning": limits["dunning"] or None,
        "calendar": limits["calendar"].partition(" ")[0] or None,
        **more,
        "freight": terms["freight"],
        "promises": dict(terms.get("promises", ())),
        "sources": [{"aspect": aspect, "source": source} for aspect, source in terms["sources"]],
    }


SPANS = (
    "approval",
    "escalated",
    "booking",
    "ship_back",
    "pickup",
    "transit",
    "inspection",
    "refund",
    "recharge",
    "destination",
    "attention",
)
_UNTOLD = Limits("", "", "", "", 0, "", "", "", "")
_SHOWN_AS_THEY_ARE = (
    "country",
    "policy_id",
    "benefits",
    "store_credit_days",
    "conditional_days",
    "instant_ceiling_usd",
    "advances_open",
    "returnless_ceiling_usd",
    "returnless_per_90_days",
    "free_labels",
    "requests_per_item",
    "appeal",
    "original_delivery",
    "wear",
    "guarantee_months",
    "late_penalty",
    "restocking_rule",
    "fees",
    "law_confidence",
    "law_doubts",
    "accounting_currency",
    "difference_borne_by",
    "warn_percent",
)


def _span(text: str) -> dict[str, Any]:
    span = Span.parse(text)
    return {"duration": ISO_UNITS[span.unit].format(span.amount), "business_days": span.unit == "bd"}


def _stored(decision: Decision) -> dict[str, Any]:
    return {**decision.__dict__, "inputs": [list(pair) for pair in decision.inputs]}


def _decision(decision: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "question": decision["question"],
        "answer": decision["answer"],
        "rule": decision["rule"],
        "source": decision["source"],
        "inputs": [{"name": name, "value": value} for name, value in decision["inputs"]],
    }


_TERMS_EXAMPLE: dict[str, Any] = {
    "tier": "ENTRY",
    "market": "DE",
    "programme": "standard",
    "policy_version": "1",
    "return_window": {"duration": "P14D", "starts": "delivered"},
    "withdrawal_right": "P14D",
    "merchant_bears_all": False,
    "limits": {"ship_back": {"duration": "P14D", "business_days": False}},
    "pickup_tries": 2,
    "approval_default": "authorize",
    "refund_trigger": "inspection_passed",
    "refund_clock": "notice 14d sent",
    "calendar": "DE",
    "country": "DE",
    "original_delivery": "standard_only",
    "law_confidence": "high",
    "freight": {"bearer": "merchant", "rule": "shopper_not_informed", "source": "Directive 2011/83/EU, art. 14(1)"},
    "promises": {"approval": "24h"},
    "sources": [{"aspect": "return_window", "source": "law of DE: Section 355 BGB"}],
}
_DECISION_EXAMPLE: dict[str, Any] = {
    "question": "Were the goods delivered?",
    "answer": "yes",
    "rule": "check_logistics",
    "source": "three checks: order, logistics, problem",
    "inputs": [{"name": "delivered", "value": "2026-11-05"}],
}
_ID = {"return_id": "ret_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y"}

TIMELINE_EXAMPLE: dict[str, Any] = {
    **_ID,
    "data": [
        {
            "id": "requested",
            "at": "2026-11-20T09:30:00Z",
            "kind": "requested",
            "by": "shop",
            "stage": Stage.REQUESTED,
            "data": {"lines": 1},
        }
    ],
}
EXPLANATION_EXAMPLE: dict[str, Any] = {**_ID, "data": [{"step": "opening", **_DECISION_EXAMPLE}]}
LEDGER_EXAMPLE: dict[str, Any] = {
    **_ID,
    "settlement": None,
    "entries": [
        {
            "id": 12,
            "key": "fee:return_label:par_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y1",
            "kind": "fee",
            "at": "2026-11-20T09:30:01Z",
            "postings": [
                {"account": "fee:return_label:merchant", "amount": money(490, "EUR")},
                {"account": "payable:carrier:simulated", "amount": money(-490, "EUR")},
            ],
        }
    ],
    "balances": [
        {"account": "fee:return_label:merchant", "amount": money(490, "EUR")},
        {"account": "payable:carrier:simulated", "amount": money(-490, "EUR")},
    ],
}
TERMS_EXAMPLE: dict[str, Any] = {**_ID, **_TERMS_EXAMPLE}
PREVIEW_EXAMPLE: dict[str, Any] = {
    "verdict": "eligible",
    "tier": "ENTRY",
    "due": {"stage": "authorized", "at": "2026-11-21T09:30:00Z"},
    "lines": [
        {
            "order_id": "o_1",
            "order_line_id": "l_1",
            "sku": "DRESS-38",
            "quantity": 1,
            "reason": "wrong_size",
            "verdict": "eligible",
            "verdict_reasons": [],
        }
    ],
    "refund": {
        "quoted": money(12000, "EUR"),
        "goods": money(12000, "EUR"),
        "charges": money(0, "EUR"),
        "taxes": [{"name": "VAT", "rate": "19", "net": money(10084, "EUR"), "tax": money(1916, "EUR")}],
        "deducted": money(0, "EUR"),
    },
    "fees": [
        {
            "kind": "return_label",
            "amount": None,
            "bearer": "merchant",
            "rule": "shopper_not_informed",
            "source": "Directive 2011/83/EU, art. 14(1)",
        }
    ],
    "terms": _TERMS_EXAMPLE,
    "explanation": [_DECISION_EXAMPLE],
}
