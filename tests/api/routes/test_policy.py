"""What is promised now, as data and in words, for everybody to read."""

import pytest

from domain.tier import Tier
from tests.api.doors import Doors, is_problem


def test_terms_and_sentences_come_together(doors: Doors) -> None:
    answer = doors.get("/v1/policy?market=DE&tier=VIP&lang=de", role=None)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["market"]["code"], body["tier"], body["language"]) == ("DE", "VIP", "de")
    assert body["policy"]["programme"] == "standard"
    assert body["terms"]["return_window"] == {"duration": "P60D", "starts": "delivered"}
    assert body["terms"]["limits"]["approval"] == {"duration": "PT1H", "business_days": False}
    assert body["terms"]["refund_clock"] == "notice 14d sent"
    window = body["sections"][0]
    assert (window["name"], window["heading"]) == ("window", "Wie viel Zeit Sie haben")
    assert window["sentences"][0] == {
        "text": "Sie können Waren innerhalb von 60 Tagen nach der Lieferung zurückgeben, gleich aus welchem Grund.",
        "basis": "promise",
        "source": "tier table v1, VIP",
    }


def test_business_days_are_said_beside_the_duration(doors: Doors) -> None:
    body = doors.get("/v1/policy?market=DE", role=None).json()
    assert body["tier"] == Tier.ENTRY
    assert body["terms"]["limits"]["inspection"] == {"duration": "P2D", "business_days": True}


@pytest.mark.parametrize(
    ("market", "code", "law"),
    [("AT", "AT", "EU"), ("uk", "GB", "UK"), ("GB", "GB", "UK"), ("US-CA", "US-CA", "US-CA"), ("CH", "CH", "CH")],
)
def test_a_market_is_a_country_a_part_of_one_or_a_row(doors: Doors, market: str, code: str, law: str) -> None:
    found = doors.get(f"/v1/policy?market={market}", role=None).json()["market"]
    assert (found["code"], found["law"]) == (code, law)


def test_no_such_market_is_a_problem_of_its_own(doors: Doors) -> None:
    assert is_problem(doors.get("/v1/policy?market=XX", role=None), 404, "unknown_market")


@pytest.mark.parametrize("question", ["", "?market=", "?market=D", "?market=DE&tier=GOLD", "?market=DE&colour=red"])
def test_a_question_that_makes_no_sense_is_refused(doors: Doors, question: str) -> None:
    assert doors.get(f"/v1/policy{question}", role=None).status_code == 422


def test_an_unknown_language_is_answered_in_english(doors: Doors) -> None:
    answer = doors.get("/v1/policy?market=DE&lang=tlh", role=None)
    assert answer.json()["language"] == answer.headers["content-language"] == "en"


def test_a_conditional_right_and_a_right_in_business_days_are_data_too(doors: Doors) -> None:
    japan = doors.get("/v1/policy?market=JP", role=None).json()["terms"]["withdrawal_right"]
    assert japan == {"duration": None, "business_days": False, "further": None, "under_conditions": "P8D"}
