"""`boomerang policy`: what is promised, and what the law demands, by market and tier."""

from dataclasses import asdict
from typing import Annotated

import typer

from commands.house import this_house
from commands.returns import AsJson
from commands.words import in_plain_words, say, say_json, show_fields
from domain.market import market_of
from domain.terms import terms_for
from domain.tier import Tier
from policies.book import load_policy_book

app = typer.Typer(no_args_is_help=True, help="Promises and law.")


@app.command()
def show(
    market: Annotated[str, typer.Option(help="The market, such as DE.")] = "GB",
    tier: Annotated[Tier, typer.Option(help="The customer's tier.")] = Tier.ENTRY,
    programme: Annotated[str, typer.Option(envvar="BOOMERANG_PROGRAMME", help="The merchant's policy.")] = "standard",
    as_json: AsJson = False,
) -> None:
    """The terms of a return that would be opened now: the promise, raised to what the law of the market demands."""
    with in_plain_words():
        book = load_policy_book(this_house().policies)
        law = market_of(book, market)
        terms = terms_for(book.programme(programme), law, tier)
        if as_json:
            say_json(asdict(terms))
            return
        show_fields(
            [
                ("programme", f"{terms.programme}, version {terms.policy_version}"),
                ("market", f"{terms.market}: {law.citation}"),
                ("tier", terms.tier),
                ("return window", f"{terms.return_window_days} days from {terms.starts}"),
                ("fees", "the merchant bears all" if terms.merchant_bears_all else "by law and fault"),
                *((name.replace("_", " "), str(value)) for name, value in asdict(terms.limits).items()),
            ]
        )
        say()
        show_fields([(aspect.replace("_", " "), f"from {source}") for aspect, source in terms.sources])
