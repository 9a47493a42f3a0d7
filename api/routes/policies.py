"""Policies: written as drafts, looked through, compared with what counts, and published from a moment on."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from api.dependencies import Desk, Key, Speaker
from api.errors import problem
from api.reading import Door
from api.routes.answers import REPLAYED
from api.schemas.common import Identifier, PathId
from api.schemas.policies import (
    DIFF_EXAMPLE,
    HEADING_EXAMPLE,
    POLICY_EXAMPLE,
    VALIDATION_EXAMPLE,
    DiffShown,
    PoliciesShown,
    PolicyAsked,
    PolicyShown,
    PublishAsked,
    ValidationShown,
    contradiction_in_text,
    fault_in_text,
    policy_in_order,
    present_heading,
    present_policy,
    show_diff,
    show_validation,
)
from api.schemas.problems import BODIED, KEYED, STORED, answer, problems
from api.security import Scope, needs
from desk.policies import LIVE, Answered, PolicyContradictsItself, WarningsNotAccepted
from policies.page import BadPolicyFile

router = APIRouter(route_class=Door, tags=["policies"])

READ = problems(*KEYED, 404, 422, *STORED)
Asked = Callable[[], Response]


def _checksums(
    given: Annotated[
        str | None,
        Header(
            alias="If-Match", description="The ETag of the policy as you saw it: 412 if its text was changed since."
        ),
    ] = None,
) -> tuple[str, ...]:
    """The checksums of which the policy must have one; none: any will do."""
    tags = [tag.strip() for tag in (given or "").split(",")]
    return () if given is None or "*" in tags else tuple(tag.removeprefix("W/").strip('"') for tag in tags)


Checksums = Annotated[tuple[str, ...], Depends(_checksums)]


@router.get(
    "/v1/policies",
    summary="Every draft and version of every programme",
    dependencies=[needs(Scope.POLICIES_READ)],
    responses={
        200: {
            **answer("All of them, the newest first", {"data": [HEADING_EXAMPLE], "has_more": False}),
            "model": PoliciesShown,
        },
        **problems(*KEYED, 422, *STORED),
    },
)
def list_policies(desk: Desk, programme: Annotated[Identifier | None, Query()] = None) -> JSONResponse:
    """The one that counts now is `live`; those of the release's files come last and are ids such as `file:standard`."""
    found = [present_heading(one) for one in desk.policies.every(programme)]
    return JSONResponse({"data": found, "has_more": False})


@router.get(
    "/v1/policies/{policy_id}",
    summary="A policy with its text",
    dependencies=[needs(Scope.POLICIES_READ)],
    responses={200: {**answer("The policy", POLICY_EXAMPLE), "model": PolicyShown}, **READ},
)
def get_policy(policy_id: PathId, desk: Desk) -> JSONResponse:
    return _shown(present_policy(desk.policies.one(policy_id)))


@router.post(
    "/v1/policies",
    summary="Write a draft",
    status_code=201,
    dependencies=[needs(Scope.POLICIES_WRITE)],
    responses={
        201: {**answer("The draft", {**POLICY_EXAMPLE, "status": "draft"}), "model": PolicyShown},
        **problems(*KEYED, *BODIED, *STORED),
    },
)
def draft_policy(asked: PolicyAsked, desk: Desk, speaker: Speaker, key: Key, request: Request) -> Response:
    """A text that cannot be read is refused with every fault and its line. A draft changes nothing for anybody."""
    return _carefully(
        request, lambda: _said(desk.policies.draft(asked.text, asked.note, speaker, key, present_policy), status=201)
    )


@router.put(
    "/v1/policies/{policy_id}",
    summary="Give a draft another text",
    dependencies=[needs(Scope.POLICIES_WRITE)],
    responses={
        200: {**answer("The draft", {**POLICY_EXAMPLE, "status": "draft"}), "model": PolicyShown},
        **problems(*KEYED, *BODIED, 404, 409, 412, *STORED),
    },
)
def replace_policy(policy_id: PathId, asked: PolicyAsked, desk: Desk, tags: Checksums, request: Request) -> Response:
    return _carefully(
        request, lambda: _shown(present_policy(desk.policies.replace(policy_id, asked.text, asked.note, tags)))
    )


@router.delete(
    "/v1/policies/{policy_id}",
    summary="Throw a draft away",
    dependencies=[needs(Scope.POLICIES_WRITE)],
    responses={
        200: answer("It is gone", {"id": HEADING_EXAMPLE["id"], "removed": True}),
        **problems(*KEYED, 404, 409, 412, 422, *STORED),
    },
)
def delete_policy(policy_id: PathId, desk: Desk, tags: Checksums) -> JSONResponse:
    desk.policies.remove(policy_id, tags)
    return JSONResponse({"id": policy_id, "removed": True})


@router.post(
    "/v1/policies/{policy_id}/validate",
    summary="What a policy contradicts: the law, itself, its own tiers",
    dependencies=[needs(Scope.POLICIES_READ)],
    responses={200: {**answer("What there is to look at", VALIDATION_EXAMPLE), "model": ValidationShown}, **READ},
)
def validate_policy(policy_id: PathId, desk: Desk, request: Request) -> Response:
    """Nothing is changed by it. A promise below the law is a warning: the law is applied to every return anyway."""
    return _carefully(request, lambda: JSONResponse(show_validation(desk.policies.look_through(policy_id))))


@router.get(
    "/v1/policies/{policy_id}/diff",
    summary="What a policy says otherwise than another one",
    dependencies=[needs(Scope.POLICIES_READ)],
    responses={200: {**answer("Row by row, and in whose terms it shows", DIFF_EXAMPLE), "model": DiffShown}, **READ},
)
def diff_policy(
    policy_id: PathId,
    desk: Desk,
    request: Request,
    against: Annotated[Identifier, Query(description="`live`, or the id of a policy.")] = LIVE,
) -> Response:
    return _carefully(request, lambda: JSONResponse(show_diff(desk.policies.compare(policy_id, against))))


@router.post(
    "/v1/policies/{policy_id}/publish",
    summary="Publish a draft from a moment on",
    dependencies=[needs(Scope.POLICIES_WRITE)],
    responses={
        200: {**answer("The version", POLICY_EXAMPLE), "model": PolicyShown},
        **problems(*KEYED, *BODIED, 404, 409, 412, *STORED),
    },
)
def publish_policy(
    policy_id: PathId,
    desk: Desk,
    speaker: Speaker,
    key: Key,
    tags: Checksums,
    request: Request,
    asked: PublishAsked | None = None,
) -> Response:
    """From then on it never changes, and every return that is opened stands under it, in every server. Returns that are open keep
    their terms. Warnings have to be accepted, which is written down; errors cannot be."""
    wanted = asked or PublishAsked()
    return _carefully(
        request,
        lambda: _said(
            desk.policies.publish(
                policy_id,
                speaker,
                key,
                present_policy,
                effective_from=wanted.effective_from,
                accept_warnings=wanted.accept_warnings,
                tags=tags,
            )
        ),
    )


def _carefully(request: Request, asked: Asked) -> Response:
    """A text at fault is answered with everything that is wrong with it, line by line."""
    try:
        return asked()
    except BadPolicyFile as bad:
        faults = [fault_in_text(fault) for fault in bad.facts["faults"]]
        return problem(request, BadPolicyFile(bad.detail, faults=len(faults)), errors=faults)
    except (PolicyContradictsItself, WarningsNotAccepted) as error:
        return problem(request, error, errors=[contradiction_in_text(one) for one in error.found])


def _said(what: Answered, status: int = 200) -> JSONResponse:
    body = policy_in_order(what.body) if what.replayed else what.body
    headers = {REPLAYED: "true"} if what.replayed else {}
    if status == 201:
        headers["Location"] = f"/v1/policies/{body['id']}"
    return _shown(body, status, headers)


def _shown(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(body, status, {"ETag": f'"{body["checksum"]}"', **(headers or {})})
