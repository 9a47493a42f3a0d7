"""Policies as the outside sees them: drafts and versions, what they contradict, and what they change."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from api.schemas.common import Body, Flag, Moment, Note, spoken
from desk.policies import Comparison, PolicyStatus, PolicyVersion
from domain.contradictions import Contradiction, Severity, refused
from domain.publishing import counts
from domain.tier import Tier
from policies.page import Fault

TEXT_MAX = 100_000

TEXT_EXAMPLE = """programme = "standard"
title = "Standard, longer for Christmas"
version = "2026-christmas"

[window]
starts = "delivered"

[[window.when]]
name = "Christmas"
until = "01-31"
season = { placed_from = "11-01", placed_to = "12-24" }

[fees]
borne_by = "law_and_fault"

[goods]
not_goods_skus = []
categories = []

[refer]
unmatched = ["NO_CUSTOMER_ID"]
"""
DRAFT_EXAMPLE: dict[str, Any] = {"text": TEXT_EXAMPLE, "note": "Longer for presents; agreed with Ada."}
PUBLISH_EXAMPLE: dict[str, Any] = {"effective_from": "2026-11-28T00:00:00Z", "accept_warnings": True}


class PolicyAsked(Body):
    """A programme in TOML, as the files in `policies/programmes` have it, and a word to those who read it later."""

    model_config = ConfigDict(json_schema_extra={"examples": [DRAFT_EXAMPLE]})

    text: Annotated[StrictStr, Field(min_length=1, max_length=TEXT_MAX)]
    note: Note = ""


class PublishAsked(Body):
    """From when the version counts (none: from now on), and that its warnings were seen."""

    model_config = ConfigDict(json_schema_extra={"examples": [PUBLISH_EXAMPLE]})

    effective_from: Moment | None = None
    accept_warnings: Flag = False


class ByShown(BaseModel):
    by: str
    at: str


class AcceptedShown(BaseModel):
    code: str
    key: str
    says: str


class PolicyHeading(BaseModel):
    """`status`: draft, scheduled (published, still to come), live (counts now), past. `id` is `file:<programme>` for the version that
    came with the release. `law_of_release` tells whether it was checked against the law of the release that runs."""

    id: str
    programme: str
    version: str
    title: str
    status: PolicyStatus
    checksum: str
    note: str
    created: ByShown | None
    published: ByShown | None
    effective_from: str | None
    accepted_warnings: list[AcceptedShown]
    law_checksum: str | None
    law_of_release: bool | None


class PolicyShown(PolicyHeading):
    """`tiers` is the tier table under it; none for a draft, which stands over that of the release."""

    text: str
    tiers: str | None


class PoliciesShown(BaseModel):
    data: list[PolicyHeading]
    has_more: bool


class AgainstShown(BaseModel):
    market: str | None
    tier: Tier | None
    promised: str
    stands: str
    source: str


class ContradictionShown(BaseModel):
    code: str
    severity: Severity
    file: str
    line: int | None
    key: str
    says: str
    against: list[AgainstShown]


class ValidationShown(BaseModel):
    """`publishable`: nothing of it is an error; warnings still have to be accepted."""

    publishable: bool
    errors: int
    warnings: int
    contradictions: list[ContradictionShown]


class ComparedShown(BaseModel):
    id: str
    version: str


class ChangeShown(BaseModel):
    aspect: str
    tier: Tier | None
    before: str
    after: str
    says: str


class EffectShown(BaseModel):
    market: str
    tier: Tier
    aspects: list[str]


class TermsChangedShown(BaseModel):
    """In whose terms it shows: of so many pairs of market and tier, how many change, and how often each aspect does."""

    pairs: int
    changed: int
    by_aspect: dict[str, int]
    data: list[EffectShown]


class DiffShown(BaseModel):
    before: ComparedShown
    after: ComparedShown
    changes: list[ChangeShown]
    terms: TermsChangedShown


def present_heading(policy: PolicyVersion) -> dict[str, Any]:
    return {
        "id": policy.id,
        "programme": policy.programme,
        "version": policy.version,
        "title": policy.title,
        "status": policy.status,
        "checksum": policy.checksum,
        "note": policy.note,
        "created": {"by": policy.created_by, "at": spoken(policy.created_at)} if policy.created_at else None,
        "published": {"by": policy.published_by, "at": spoken(policy.published_at)} if policy.published_at else None,
        "effective_from": spoken(policy.effective_from),
        "accepted_warnings": list(policy.accepted),
        "law_checksum": policy.law,
        "law_of_release": policy.law_of_release,
    }


def present_policy(policy: PolicyVersion) -> dict[str, Any]:
    return {**present_heading(policy), "text": policy.text, "tiers": policy.tiers}


def policy_in_order(body: dict[str, Any]) -> dict[str, Any]:
    """A stored answer with its names in the order in which they are always shown: the database keeps them in its own."""
    return PolicyShown.model_validate(body).model_dump(mode="json")


def show_contradiction(one: Contradiction) -> dict[str, Any]:
    return {
        "code": one.code,
        "severity": one.severity,
        "file": one.file,
        "line": one.line,
        "key": one.key,
        "says": one.says,
        "against": [
            {
                "market": other.market,
                "tier": other.tier,
                "promised": other.promised,
                "stands": other.stands,
                "source": other.source,
            }
            for other in one.against
        ],
    }


def show_validation(found: Sequence[Contradiction]) -> dict[str, Any]:
    errors = sum(one.severity is Severity.ERROR for one in found)
    return {
        "publishable": not refused(found),
        "errors": errors,
        "warnings": len(found) - errors,
        "contradictions": [show_contradiction(one) for one in found],
    }


def show_diff(found: Comparison) -> dict[str, Any]:
    return {
        "before": {"id": found.before.id, "version": found.before.version},
        "after": {"id": found.after.id, "version": found.after.version},
        "changes": [
            {"aspect": one.aspect, "tier": one.tier, "before": one.before, "after": one.after, "says": str(one)}
            for one in found.changes
        ],
        "terms": {
            "pairs": found.pairs,
            "changed": len(found.effects),
            "by_aspect": counts(found.effects),
            "data": [{"market": one.market, "tier": one.tier, "aspects": list(one.aspects)} for one in found.effects],
        },
    }


def fault_in_text(fault: Fault) -> dict[str, Any]:
    """A fault of a draft as one of the `errors` of an answer."""
    at = f"Line {fault.line}, key" if fault.line else "Key"
    return {
        "pointer": "/text",
        "detail": f"{at} {fault.key}: expected {fault.expected}, found {fault.found}.",
        "code": "bad_policy_file",
        "line": fault.line,
        "key": fault.key,
    }


def contradiction_in_text(one: Contradiction) -> dict[str, Any]:
    at = f"{one.file}, line {one.line}" if one.line else one.file
    return {
        "pointer": None,
        "detail": f"{at}, key {one.key}: {one.says}",
        "code": one.code,
        "line": one.line,
        "key": one.key,
    }


HEADING_EXAMPLE: dict[str, Any] = {
    "id": "pol_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y",
    "programme": "standard",
    "version": "2026-christmas",
    "title": "Standard, longer for Christmas",
    "status": "scheduled",
    "checksum": "6f1ed002ab5595859014ebf0951522d9a5b8a2a6c9d0e8c4c7c9c2e9f2b7f6a1",
    "note": "Longer for presents; agreed with Ada.",
    "created": {"by": "operator: Olga", "at": "2026-11-20T09:30:00Z"},
    "published": {"by": "operator: Olga", "at": "2026-11-20T10:00:00Z"},
    "effective_from": "2026-11-28T00:00:00Z",
    "accepted_warnings": [],
    "law_checksum": "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c",
    "law_of_release": True,
}
POLICY_EXAMPLE = {**HEADING_EXAMPLE, "text": TEXT_EXAMPLE, "tiers": 'version = "1"\n'}
VALIDATION_EXAMPLE = {
    "publishable": True,
    "errors": 0,
    "warnings": 1,
    "contradictions": [
        {
            "code": "window_below_law",
            "severity": "warning",
            "file": "text",
            "line": 6,
            "key": "window.days",
            "says": "The return window is shorter than the right of withdrawal in 1 market (AR).",
            "against": [
                {"market": "AR", "tier": None, "promised": "7 days", "stands": "10 days", "source": "law of AR: …"}
            ],
        }
    ],
}
DIFF_EXAMPLE = {
    "before": {"id": "file:standard", "version": "1"},
    "after": {"id": "pol_01KAJ2N7D3ZJ3T6Z9M8Q4W5X6Y", "version": "2026-christmas"},
    "changes": [
        {
            "aspect": "rows.inspection",
            "tier": "VIP",
            "before": "12h",
            "after": "6h",
            "says": "rows.inspection VIP: 12h -> 6h",
        }
    ],
    "terms": {
        "pairs": 136,
        "changed": 34,
        "by_aspect": {"limits.inspection": 34},
        "data": [{"market": "DE", "tier": "VIP", "aspects": ["limits.inspection"]}],
    },
}
