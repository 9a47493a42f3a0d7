"""The policy as shoppers read it, page by page of market, tier and language; and as search engines do."""

import json
from datetime import date
from typing import Any

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from api.dependencies import Desk, Reading
from api.errors import NoSuchAddress
from api.routes.policy import PUBLIC, PolicyWords, UnknownMarket, Wording, in_force, kept, promised
from api.schemas.policy import InWords
from domain.market import HoldsMarkets, Market
from domain.policy import ReturnPolicy
from domain.terms import Terms
from domain.tier import Tier
from web.page import Face, render
from web.policy import jsonld, phrases
from web.policy.sentences import offers_function, policy_in_words
from web.words import Words, preferred, words_for, words_of

router = APIRouter(route_class=Face, include_in_schema=False, dependencies=[PUBLIC])

FIRST_MARKET = "GB"
_IN_A_SCRIPT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def policy_words(law: HoldsMarkets) -> PolicyWords:
    """What the API is handed to say the policy with (api/routes/policy.py)."""
    return PolicyWords(law, jsonld.COUNTRIES, in_words)


def in_words(policy: ReturnPolicy, market: Market, terms: Terms, language: str, on: date) -> InWords:
    say = words_for(language)
    sections = [
        {
            "name": section.name,
            "heading": section.heading,
            "sentences": [
                {"text": sentence.text, "basis": sentence.basis.value, "source": sentence.source}
                for sentence in section.sentences
            ],
        }
        for section in policy_in_words(policy, market, terms, say, on=on)
    ]
    return InWords(say.tag, sections)


@router.get("/policy")
def policy_page(request: Request, desk: Desk, wording: Wording, session: Reading) -> Response:
    """`?market=DE&tier=VIP&lang=de`; without them the reader's own country as far as the browser tells, and everybody's tier."""
    say = words_of(request)
    markets = markets_in(wording.law)
    policy, on = in_force(desk, session)
    try:
        tier = Tier(request.query_params.get("tier") or Tier.ENTRY)
        market, terms = promised(policy, wording, _market(request, markets), tier)
    except (ValueError, UnknownMarket) as error:
        raise NoSuchAddress("There is no policy for such a market or tier.") from error
    nodes = list(jsonld.policies(policy, wording.law, (terms.country,), on=on, base=str(request.base_url)))
    page = render(
        request,
        "policy/policy.html",
        sections=policy_in_words(policy, market, terms, say, on=on),
        market=market,
        terms=terms,
        policy=policy,
        tiers=list(Tier),
        markets=_named(say, {*markets, terms.country}),
        place=phrases.place(say, terms.country, market),
        function=offers_function(market, on),
        citation=_citation(market),
        linked_data=_script({"@context": jsonld.SCHEMA.rstrip("/"), "@graph": nodes}) if _is_country(terms) else "",
    )
    page.headers["Link"] = f'</policy.jsonld>; rel="alternate"; type="{jsonld.MEDIA_TYPE}"'
    return kept(request, page)


@router.get("/policy.jsonld")
def linked_data(request: Request, desk: Desk, wording: Wording, session: Reading) -> Response:
    """schema.org MerchantReturnPolicy for every country, and for every tier that is promised something else there."""
    policy, on = in_force(desk, session)
    made = jsonld.document(policy, wording.law, on=on, base=str(request.base_url))
    return kept(request, Response(json.dumps(made, ensure_ascii=False), media_type=jsonld.MEDIA_TYPE))


def markets_in(law: HoldsMarkets) -> frozenset[str]:
    """The codes that can be chosen: those with law on file; the Union by its members."""
    return frozenset({market.iso_code for market in law.markets.values()} | law.eu_members) - {"EU"}


def _market(request: Request, markets: frozenset[str]) -> str:
    """The market that is asked for, or the country of the browser's language ("de-AT"), or the first."""
    if asked := request.query_params.get("market"):
        return asked
    regions = (
        part.upper() for tag in preferred(request.headers.get("accept-language", "")) for part in tag.split("-")[1:]
    )
    return next((region for region in regions if region in markets), FIRST_MARKET)


def _named(say: Words, codes: set[str]) -> list[tuple[str, str]]:
    """Codes with their names in the reader's language, in the order of the names."""
    return sorted(((code, phrases.place(say, code)) for code in codes), key=lambda named: named[1].casefold())


def _citation(market: Market) -> str:
    """The provisions, without those that the row has from memory."""
    return "; ".join(part.strip() for part in market.citation.split(";") if "(memory)" not in part)


def _is_country(terms: Terms) -> bool:
    return terms.country in jsonld.COUNTRIES


def _script(data: dict[str, Any]) -> Markup:
    """JSON for a <script> that is data: no text in it can end the element. Browsers run nothing of it."""
    return Markup(json.dumps(data, ensure_ascii=False).translate(_IN_A_SCRIPT))
