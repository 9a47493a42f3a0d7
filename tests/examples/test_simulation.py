"""A stricter and a more generous draft over the example's cancellations, against a second, naive implementation.

The naive one reads the files of the data and of the policies with the standard library, and follows the words of
examples/online_retail/README.md: oldest purchase first, in time order, each unit once. It knows nothing of domain/.
"""

import csv
import gzip
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import pytest

from commands.cancellations import groups_of_cancellations
from commands.demo import SAMPLE, WHOLE_YEAR
from domain.comparison import Comparison
from domain.course import Pace, assumed_course
from domain.simulation import Group
from domain.tier import Tier
from policies.book import load_policy_book
from policies.drafts import read_draft
from policies.trial import Trial, try_out

POLICIES = Path(__file__).resolve().parents[2] / "policies"
LONDON = ZoneInfo("Europe/London")

STRICTER = (
    ('version = "1"', 'version = "2"'),
    ("days = 400 ", "days = 30 "),
    ("[refer]\n", "[refer]\nabove_minor = { GBP = 50000 }\n"),
    (
        "[tiers.requests_per_item]",
        '[tiers.store_credit_after_window]\nall = 0\nwhy = "Money, or nothing."\nsource = "the draft"\n\n'
        "[tiers.requests_per_item]",
    ),
)
# Carriage, corrections and samples come back too, and the money is there at the first scan.
GENEROUS = (
    ('version = "1"', 'version = "3"'),
    ('categories = ["GOODS", "VOUCHER"]', "categories = []"),
    ('all = "inspection_passed"', 'all = "first_scan"'),
)


def draft(changes: tuple[tuple[str, str], ...]) -> str:
    text = (POLICIES / "programmes" / "online_retail.toml").read_text()
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    if changes is GENEROUS:
        first, last = text.index("not_goods_skus = ["), text.index("]\ncategories")
        text = f"{text[:first]}not_goods_skus = [{text[last:]}"
    return text


# --- the naive implementation


@dataclass
class Bought:
    """One order line of the files: pence and units."""

    at: datetime
    invoice: str
    line: str
    pence: int
    left: int
    item_class: str


@dataclass
class Naive:
    """What one policy makes of the cancellations: the verdict and the pence of each."""

    verdicts: dict[str, str] = field(default_factory=dict)
    pence: dict[str, int] = field(default_factory=dict)


class Files:
    """The folder, read once: purchases by customer and item, the country of each customer, the cancellations in time order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with (folder / "country_map.csv").open(encoding="utf-8", newline="") as file:
            names = {row["country"]: row["iso_alpha2"] for row in csv.DictReader(file)}
        self.cancelled = sorted(rows(folder / "cancellation_lines.csv.gz"), key=lambda row: row["return_date"])
        wanted = {(row["customer_id"], row["stock_code"]) for row in self.cancelled}
        stamps: dict[str, str] = {}
        lines = []
        self.country: dict[str, str] = {row["customer_id"]: names[row["country"]] for row in self.cancelled}
        for row in rows(folder / "order_lines.csv.gz"):
            invoice = row["invoice_no"]
            stamps[invoice] = min(stamps.get(invoice, row["invoice_date"]), row["invoice_date"])
            if row["customer_id"]:
                self.country[row["customer_id"]] = names[row["country"]]
            if (row["customer_id"], row["stock_code"]) in wanted:
                lines.append(row)
        self.sold = lines
        self.stamps = stamps

    def purchases(self) -> dict[tuple[str, str], list[Bought]]:
        found: dict[tuple[str, str], list[Bought]] = defaultdict(list)
        for row in self.sold:
            pence = int(Decimal(row["unit_price"]) * 100)
            if pence:
                at = in_london(self.stamps[row["invoice_no"]])
                bought = Bought(at, row["invoice_no"], row["line_id"], pence, int(row["quantity"]), row["item_class"])
                found[row["customer_id"], row["stock_code"]].append(bought)
        for many in found.values():
            many.sort(key=lambda bought: (bought.at, bought.invoice, bought.line))
        return found

    def run(self, text: str) -> Naive:
        """The cancellations under a programme's text: its window, its goods, and its limit for single lines."""
        policy = tomllib.loads(text)
        days, limit = policy["window"]["days"], policy["refer"].get("above_minor", {}).get("GBP")
        no_goods, classes = set(policy["goods"]["not_goods_skus"]), set(policy["goods"]["categories"])
        purchases, found = self.purchases(), Naive()
        for row in self.cancelled:
            customer, item, name = row["customer_id"], row["stock_code"], row["return_id"]
            at, wanted = in_london(row["return_date"]), int(row["quantity"])
            said, pence = [], 0
            for bought in purchases[customer, item] if customer and item not in no_goods else ():
                units = min(wanted, bought.left)
                if bought.at > at or not units:
                    continue
                wanted -= units
                worth = units * bought.pence
                answer = self.answer(bought, at, days, self.country[customer])
                if classes and bought.item_class not in classes:
                    answer = "refused"
                if answer == "authorized" and limit is not None and worth > limit:
                    answer = "referred"
                if answer != "refused":  # nobody says no to what is referred, so it comes back as well
                    bought.left -= units
                    pence += worth
                said.append(answer)
            found.verdicts[name] = next((word for word in ("referred", "authorized") if word in said), "refused")
            found.pence[name] = pence
        return found

    def answer(self, bought: Bought, at: datetime, days: int, country: str) -> str:
        place = Place.of(country)
        if at < place.end_of(place.day(bought.at) + timedelta(days=days)):
            return "authorized"
        # No delivery is on record. Goods may arrive 30 days after the order, and the law's days count from then on.
        right = right_of(country)
        last = place.day(bought.at + timedelta(days=30)) + timedelta(days=right)
        return "referred" if right and at < place.end_of(place.working(last)) else "refused"


@dataclass(frozen=True)
class Place:
    """A country's clock, its days off, and whether a last day on one of them moves."""

    zone: ZoneInfo
    off: Any
    moves: bool

    @classmethod
    def of(cls, country: str) -> "Place":
        if country not in PLACES:
            days = tomllib.loads((POLICIES / "calendars.toml").read_text())
            known = country in days["time_zones"]
            zone = ZoneInfo(days["time_zones"][country]) if known else ZoneInfo("UTC")
            whose = days["holidays"].get(country, country) if known else "none"
            categories = tuple(days["categories"].get(country, ["public"]))
            nation, _, part = whose.partition("-")
            off = (
                holidays.country_holidays(nation, subdiv=part or None, categories=categories)
                if nation != "none"
                else None
            )
            PLACES[country] = cls(zone, off, law_of(country).get("last_day_on_holiday") != "stays")
        return PLACES[country]

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def end_of(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC) + self.length(day)

    def length(self, day: date) -> timedelta:
        first, following = (
            datetime(one.year, one.month, one.day, tzinfo=self.zone) for one in (day, day + timedelta(1))
        )
        return following.astimezone(UTC) - first.astimezone(UTC)

    def working(self, day: date) -> date:
        while self.moves and (not self.off.is_working_day(day) if self.off is not None else day.weekday() > 4):
            day += timedelta(days=1)
        return day


PLACES: dict[str, Place] = {}
LAW: dict[str, Any] = tomllib.loads((POLICIES / "markets.toml").read_text())


def law_of(country: str) -> dict[str, Any]:
    own = next((row for name, row in LAW["markets"].items() if country in (name, row["iso_code"])), None)
    found: dict[str, Any] = own or (LAW["markets"]["EU"] if country in LAW["eu_members"] else {})
    return found


def right_of(country: str) -> int:
    """Days in which goods may come back by law, without a reason and without conditions."""
    law = law_of(country)
    return law["withdrawal_days"] if law.get("withdrawal_right") == "yes" else 0


def rows(file: Path) -> Iterator[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        yield from csv.DictReader(text)


def in_london(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp).replace(tzinfo=LONDON).astimezone(UTC)


# --- both, side by side


@dataclass(frozen=True)
class Data:
    files: Files
    groups: list[Group]
    simulated: dict[str, Comparison] = field(default_factory=dict)

    def simulate(self, text: str) -> Comparison:
        """The text beside the programme of the release; once for each text."""
        if text not in self.simulated:
            self.simulated[text] = self._simulate(text)
        return self.simulated[text]

    def _simulate(self, text: str) -> Comparison:
        book = load_policy_book()
        course = assumed_course(Pace())
        before, after = book.programme("online_retail"), read_draft(text, "draft", book)
        trial = Trial(book, before, after, dict.fromkeys(Tier, course))
        return try_out(trial, self.groups, processes=1)


@pytest.fixture(scope="module", params=[SAMPLE, WHOLE_YEAR], ids=["sample", "year"])
def data(request: pytest.FixtureRequest) -> Data:
    if not request.param.is_dir():
        pytest.skip(f"the whole public year is not at hand: there is no folder {request.param}")
    return Data(Files(request.param), list(groups_of_cancellations(request.param)))


@pytest.mark.parametrize("changes", [STRICTER, GENEROUS], ids=["stricter", "more generous"])
def test_a_naive_implementation_finds_the_same_difference(data: Data, changes: tuple[tuple[str, str], ...]) -> None:
    found = data.simulate(draft(changes))
    before, after = data.files.run(draft(())), data.files.run(draft(changes))
    words = {"eligible": "authorized", "referred": "referred", "refused": "refused"}

    for side, naive in ((found.before, before), (found.after, after)):
        assert {words[verdict]: count for verdict, count in side.verdicts.items() if count} == Counter(
            naive.verdicts.values()
        )
        assert side.refunds["GBP"] == sum(naive.pence.values())
        assert side.refunded == sum(pence > 0 for pence in naive.pence.values())
    assert {(words[one], words[other]): count for (one, other), count in found.moves.items()} == Counter(
        (before.verdicts[name], after.verdicts[name]) for name in before.verdicts
    )
    of_note = {
        one.id: (words[one.before.verdict], words[one.after.verdict], one.before.refund_minor, one.after.refund_minor)
        for one in found.changes
        if one.moved or one.gained_minor
    }
    assert of_note == {
        name: (before.verdicts[name], after.verdicts[name], before.pence[name], after.pence[name])
        for name in before.verdicts
        if (before.verdicts[name], before.pence[name]) != (after.verdicts[name], after.pence[name])
    }
    assert of_note, "a draft that changes nothing shows nothing"


def test_the_stricter_draft_costs_shoppers_money_and_the_generous_one_saves_them_days(data: Data) -> None:
    stricter, generous = data.simulate(draft(STRICTER)), data.simulate(draft(GENEROUS))
    assert stricter.after.refunds["GBP"] < stricter.before.refunds["GBP"] < generous.after.refunds["GBP"]
    assert stricter.days_gained[0] < 0 < generous.days_gained[0]
    assert stricter.window_days == -370 * stricter.cases


def test_the_programme_of_the_example_refunds_what_the_published_matches_say(data: Data) -> None:
    found = data.simulate(draft(()))
    paid = sum(Decimal(row["original_value"]) * 100 for row in rows(data.files.folder / "returns_matched.csv.gz"))
    assert found.before.refunds["GBP"] == paid
    assert not found.changes
