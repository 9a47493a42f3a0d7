"""A text that somebody means to publish: every fault with its line, and every contradiction where it is written."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.contradictions import Severity
from domain.fees import Bearer, FeeKind
from domain.handling import AboveRefund, Charge, FeePolicy, Price
from policies.book import load_policy_book
from policies.drafts import look_through, read_draft
from policies.page import BadPolicyFile, Fault
from tests.policies.standing import BASE, a_text

BOOK = load_policy_book()
RULE = '\n[[window.when]]\nname = "Phones"\ndays = 14\ncategories = ["phones"]\n'
ROW = '\n[tiers.inspection]\nVIP = "6h"\nwhy = "Faster."\nsource = "ours"\n'
AFTER = BASE.count("\n")  # the lines before what is added


def faults(text: str) -> list[Fault]:
    with pytest.raises(BadPolicyFile) as found:
        read_draft(text, "draft.toml", BOOK)
    return list(found.value.facts["faults"])


def test_a_good_text_is_a_policy() -> None:
    policy = read_draft(a_text(more=RULE + ROW), "draft.toml", BOOK)
    assert (policy.version, policy.windows[0].name) == ("draft-1", "Phones")


@pytest.mark.parametrize(
    ("text", "line", "key", "expected"),
    [
        pytest.param(a_text(('"delivered"', "delivered")), 6, "(file)", "a TOML file", id="not TOML"),
        pytest.param(
            a_text(('"delivered"', '"shipped"')), 6, "window.starts", "one of delivered, placed", id="no event"
        ),
        pytest.param(a_text(("starts", "days = -1\nstarts")), 6, "window.days", "from 0 to 3650", id="negative days"),
        pytest.param(a_text(("starts", "days = 3651\nstarts")), 6, "window.days", "from 0 to 3650", id="ten years"),
        pytest.param(
            a_text(("starts", 'days = "30"\nstarts')), 6, "window.days", "a whole number", id="days as a text"
        ),
        pytest.param(
            a_text(("starts", "begins = 1\nstarts")), 6, "window.begins", "no such key", id="a slip of the pen"
        ),
        pytest.param(a_text(('starts = "delivered"\n', "")), 5, "window.starts", "one of", id="a key left out"),
        pytest.param(a_text(("[fees]", "[fee]")), 8, "fee", "no such key", id="an unknown table"),
        pytest.param(
            a_text(("law_and_fault", "shopper")), 9, "fees.borne_by", "law_and_fault, merchant", id="who pays"
        ),
        pytest.param(
            a_text(("law_and_fault", "merchant"), ("[goods]", "shopper_informed = 1\n[goods]")),
            11,
            "fees.shopper_informed",
            "true or false",
            id="no flag",
        ),
        pytest.param(
            a_text(("[goods]", 'waterfall = ["luck"]\n\n[goods]')),
            11,
            "fees.waterfall",
            "insurance, benefit",
            id="no waterfall",
        ),
        pytest.param(
            a_text(more="\n[fees.restocking]\npercent = 110\n"),
            AFTER + 3,
            "fees.restocking.percent",
            "a whole number from 0 to 100",
            id="more than the goods",
        ),
        pytest.param(
            a_text(more="\n[fees.restocking]\npercent = 10\nper_unit_minor = { EUR = 5 }\n"),
            AFTER + 3,
            "fees.restocking.percent",
            "either percent or per_unit_minor",
            id="two prices",
        ),
        pytest.param(
            a_text(more='\n[fees.restocking]\ngrades = ["B"]\n'),
            AFTER + 2,
            "fees.restocking.percent",
            "a price",
            id="no price",
        ),
        pytest.param(
            a_text(more="\n[fees.repackaging]\npercent = 5\n[fees.repackaging.categories]\nshoes = -1\n"),
            AFTER + 5,
            "fees.repackaging.categories.shoes",
            "a whole number from 0 to 100",
            id="a negative price",
        ),
        pytest.param(
            a_text(more="\n[fees.inspection.cost_minor]\nEuro = 150\n"),
            AFTER + 3,
            "fees.inspection.cost_minor.Euro",
            "ISO 4217",
            id="a cost in no currency",
        ),
        pytest.param(
            a_text(more='\n[fees.repackaging]\npercent = 5\ngrades = ["E"]\n'),
            AFTER + 4,
            "fees.repackaging.grades",
            "A, B, C, D",
            id="no grade",
        ),
        pytest.param(
            a_text(("[goods]", 'shopper_bears = ["goodwill"]\n\n[goods]')),
            11,
            "fees.shopper_bears",
            "duty",
            id="what is never the shopper's",
        ),
        pytest.param(
            a_text(("[goods]", 'when_above_refund = "forget"\n\n[goods]')),
            11,
            "fees.when_above_refund",
            "waive, invoice",
            id="above the refund",
        ),
        pytest.param(
            a_text(("[goods]", 'payment_cost = "shopper"\n\n[goods]')),
            11,
            "fees.payment_cost",
            "merchant, platform",
            id="a payment at the shopper's cost",
        ),
        pytest.param(
            a_text(("not_goods_skus = []", "not_goods_skus = [1]")),
            12,
            "goods.not_goods_skus",
            "a list of texts",
            id="numbers for texts",
        ),
        pytest.param(
            a_text(("categories = []", 'categories = []\nexcluded = ["swimwear"]')),
            14,
            "goods.excluded",
            "custom_made",
            id="no nature",
        ),
        pytest.param(
            a_text(("categories = []", 'categories = []\naccepts = ["clean"]')),
            14,
            "goods.accepts",
            "as_sold",
            id="no condition",
        ),
        pytest.param(
            a_text(("unmatched = []", 'unmatched = ["NOBODY"]')),
            16,
            "refer.unmatched",
            "NO_CUSTOMER_ID",
            id="no reason",
        ),
        pytest.param(
            a_text(more="\n[refer.above_minor]\nEuro = 5\n"),
            AFTER + 3,
            "refer.above_minor.Euro",
            "ISO 4217",
            id="no currency",
        ),
        pytest.param(
            a_text(more='\n[requests]\nreasons = ["whim"]\n'),
            AFTER + 3,
            "requests.reasons",
            "no_reason",
            id="no return reason",
        ),
        pytest.param(
            a_text(more='\n[returnless]\nrefund_only = "always"\n'),
            AFTER + 3,
            "returnless.refund_only",
            "not_offered",
            id="who decides",
        ),
        pytest.param(
            a_text(more=RULE.replace("days = 14", 'until = "31 January"')),
            AFTER + 4,
            "window.when[0].until",
            "a day of the year",
            id="no day",
        ),
        pytest.param(
            a_text(more=RULE.replace("days = 14", 'days = 14\nuntil = "01-31"')),
            AFTER + 4,
            "window.when[0].days",
            "either days or until",
            id="both",
        ),
        pytest.param(
            a_text(more=RULE + RULE.replace("days = 14", "day = 14")),
            AFTER + 9,
            "window.when[1].day",
            "no such key",
            id="in the second rule",
        ),
        pytest.param(
            a_text(more=ROW.replace('"6h"', '"6 hours"')), AFTER + 3, "tiers.inspection.VIP", "a span", id="no span"
        ),
        pytest.param(
            a_text(more=ROW.replace("inspection", "inspektion")),
            AFTER + 4,
            "tiers.inspektion.why",
            "a row of the tier table",
            id="no row",
        ),
        pytest.param(
            a_text(more=ROW.replace('why = "Faster."\n', "")),
            AFTER + 2,
            "tiers.inspection.why",
            "a text",
            id="a row without its why",
        ),
        pytest.param(a_text(('"standard"', '"dreams"')), 1, "programme", "one of", id="a programme that nobody runs"),
        pytest.param(a_text(("draft-1", "1" * 41)), 3, "version", "at most 40", id="a version too long"),
        pytest.param(
            a_text(("A draft", "A\\u0000draft")), 2, "title", "that can be seen", id="a title that cannot be seen"
        ),
        pytest.param("", None, "version", "a text", id="nothing at all"),
        pytest.param("x = " + "[" * 5000, None, "(file)", "a TOML file", id="nested too deep"),
        pytest.param("x = " + "9" * 5000, None, "(file)", "a TOML file", id="a number without end"),
    ],
)
def test_a_fault_has_its_line(text: str, line: int | None, key: str, expected: str) -> None:
    named = {fault.key: fault for fault in faults(text)}
    assert key in named
    assert named[key].line == line
    assert expected in named[key].expected
    assert named[key].file == "draft.toml"


def test_all_faults_are_found_in_one_reading() -> None:
    text = a_text(
        ('"delivered"', '"shipped"'),
        ("law_and_fault", "me"),
        ("categories", "kategories"),
        more=ROW.replace('"6h"', "6"),
    )
    assert [(fault.line, fault.key) for fault in sorted(faults(text), key=lambda fault: fault.line or 0)] == [
        (6, "window.starts"),
        (9, "fees.borne_by"),
        (11, "goods.categories"),
        (13, "goods.kategories"),
        (AFTER + 3, "tiers.inspection.VIP"),
    ]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_to_a_text_is_a_fault_or_none(data: st.DataObject) -> None:
    text = a_text(more=RULE + ROW)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    scrap = st.text(max_size=12) | st.sampled_from(
        ["[", "]]", "{}", "= 1", '"""', "\n[x]\n", "1979-05-27", "inf", "\\ud800", "[[tiers]]"]
    )
    damaged = text[:start] + data.draw(scrap) + text[end:]
    with suppress(BadPolicyFile):
        look_through(read_draft(damaged, "draft.toml", BOOK), damaged, "draft.toml", BOOK)


def test_a_contradiction_is_found_in_the_text_or_in_the_common_table() -> None:
    text = a_text(("starts", "days = 7\nstarts"), more=ROW.replace('"6h"', '"3bd"'))
    found = {one.code: one for one in look_through(read_draft(text, "draft.toml", BOOK), text, "draft.toml", BOOK)}

    below, slower, ship_back = (
        found[code] for code in ("window_below_law", "tier_worse_than_lower", "ship_back_below_law")
    )
    assert (below.file, below.line) == ("draft.toml", 6)
    assert (slower.file, slower.line, slower.key) == ("draft.toml", AFTER + 4, "tiers.inspection.VIP")
    table = BOOK.texts["tiers.toml"].splitlines()
    assert ship_back.file == "policies/tiers.toml"
    assert ship_back.line is not None
    assert table[ship_back.line - 1] == 'ENTRY = "7d"'
    assert {one.severity for one in found.values()} == {Severity.WARNING}


def test_a_draft_prices_the_merchants_own_work() -> None:
    more = """
[fees.restocking]
percent = 10

[fees.restocking.categories]
phones = { EUR = 490 }
shoes = 0

[fees.inspection]
per_unit_minor = { EUR = 200 }
cost_minor = { EUR = 150 }

[fees.repackaging]
percent = 5
grades = ["C", "B"]
"""
    text = a_text(
        ("[goods]", 'shopper_bears = ["duty"]\nwhen_above_refund = "invoice"\npayment_cost = "platform"\n\n[goods]'),
        more=more,
    )
    assert read_draft(text, "draft.toml", BOOK).fees == FeePolicy(
        restocking=Charge(Price(percent=10), {"phones": Price(per_unit_minor={"EUR": 490}), "shoes": Price()}),
        inspection=Charge(Price(per_unit_minor={"EUR": 200})),
        repackaging=Charge(Price(percent=5), grades=("B", "C")),
        inspection_cost_minor={"EUR": 150},
        shopper_bears=(FeeKind.DUTY,),
        when_above_refund=AboveRefund.INVOICE,
        payment_cost=Bearer.PLATFORM,
    )
    found = look_through(read_draft(text, "draft.toml", BOOK), text, "draft.toml", BOOK)
    lines = {one.key: one.line for one in found if one.code == "fee_forbidden_by_law"}
    start = text.splitlines().index("[fees.restocking]") + 1
    assert lines == {"fees.restocking": start, "fees.inspection": start + 7, "fees.repackaging": start + 11}
