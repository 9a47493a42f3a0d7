"""What is promised now, and what the law demands, for one market and tier: public, as a policy is."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field, StrictStr
from sqlalchemy.orm import Session

from api.dependencies import Desk, Reading
from api.reading import Door
from api.schemas.common import Body
from api.schemas.policy import EXAMPLE, InWords, present_policy
from api.schemas.problems import STORED, answer, problems
from api.security import open_to_all
from database.engine import database_time
from desk import ReturnsDesk
from domain.errors import Missing
from domain.market import HoldsMarkets, Market, market_of
from domain.policy import ReturnPolicy
from domain.terms import Terms, terms_for
from domain.tier import Tier

router = APIRouter(route_class=Door, tags=["policy"])

PUBLIC = open_to_all("the policy is public")
KEPT = "public, max-age=300"

Say = Callable[[ReturnPolicy, Market, Terms, str, date], InWords]


class UnknownMarket(Missing):
    code = "unknown_market"
    title = "There is no such market"
    next_action = "Use the code of a country (ISO 3166-1), or of a part of one that has its own law, such as US-CA."


@dataclass(frozen=True)
class PolicyWords:
    """What the policy is read with: the law, the countries there are, and how it is put into words of a language."""

    law: HoldsMarkets
    countries: frozenset[str]
    say: Say


def _policy_words(request: Request) -> PolicyWords:
    words: PolicyWords = request.app.state.policy_words
    return words


Wording = Annotated[PolicyWords, Depends(_policy_words)]


def in_force(desk: ReturnsDesk, session: Session) -> tuple[ReturnPolicy, date]:
    """The policy that a return opened now would be judged by, and the day that it is."""
    now = database_time(session)
    return desk.policies.shelf(session, now), now.date()


def promised(policy: ReturnPolicy, words: PolicyWords, market: str, tier: Tier) -> tuple[Market, Terms]:
    """The law and the terms of a market by its code ("DE", "uk", "US-CA"). Raises UnknownMarket."""
    code = market.upper()
    known = words.law.markets.get(code)
    code = known.iso_code if known else code
    if known is None and code not in words.countries:
        raise UnknownMarket(f"{market!r} is no market.")
    law = market_of(words.law, code)
    return law, terms_for(policy, law, tier, country=code)


class Asked(Body):
    market: Annotated[StrictStr, Field(pattern=r"^[A-Za-z]{2}(-[A-Za-z0-9]{1,3})?$", examples=["DE", "US-CA"])]
    tier: Tier = Tier.ENTRY
    lang: Annotated[StrictStr, Field(max_length=35, description="The language of the sentences (BCP 47).")] = "en"


@router.get(
    "/v1/policy",
    summary="What is promised now in a market to a tier",
    dependencies=[PUBLIC],
    responses={
        200: answer("The terms as data, and the same in words", EXAMPLE),
        304: {"description": "Nothing has changed since the ETag"},
        **problems(404, 422, *STORED),
    },
)
def get_policy(
    asked: Annotated[Asked, Query()], desk: Desk, wording: Wording, session: Reading, request: Request
) -> Response:
    """Each sentence names on what it rests: `law`, `promise`, or `checking` where the law is in doubt and not told as such."""
    policy, on = in_force(desk, session)
    market, terms = promised(policy, wording, asked.market, asked.tier)
    words = wording.say(policy, market, terms, asked.lang, on)
    made = JSONResponse(present_policy(policy, market, terms, words), headers={"Content-Language": words.language})
    return kept(request, made)


def kept(request: Request, made: Response) -> Response:
    """The answer with its ETag, to be kept by anybody for some minutes; 304 where the caller has it already."""
    tag = f'"{hashlib.sha256(made.body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": KEPT}
    given = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in given or "*" in given:
        return Response(status_code=304, headers=headers | {k: v for k, v in made.headers.items() if k == "vary"})
    made.headers.update(headers)
    return made
