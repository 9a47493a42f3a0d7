"""Returns run again: units that a stricter policy leaves, history that a policy makes for itself, and what everybody bears."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.comparison import Comparison, compare
from domain.course import Answer, Course, Heard, Pace, Since, assumed_course
from domain.eligibility import Verdict
from domain.handling import Charge, FeePolicy, Price
from domain.opening import Judgement, RequestedLine, ReturnRequest, judge
from domain.order import SoldLine
from domain.policy import ReturnPolicy
from domain.reasons import ReturnReason
from domain.simulation import Customer, EarlierReturn, Group, PastReturn, Ran, World, run_again
from domain.stages import Stage
from domain.state import EffectKind, FactKind
from domain.tier import PlacedOrder, Tier
from policies.book import load_policy_book
from policies.trial import Trial, days_of, in_batches, try_out
from tests.builders import an_order_line

BOOK = load_policy_book()
LENIENT = replace(BOOK.programme("online_retail"), return_window_days=60)
STRICT = replace(LENIENT, version="2", return_window_days=20)
PLACED = datetime(2026, 1, 10, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LABEL = {"USD": 500}
ASSUMED = dict.fromkeys(Tier, assumed_course(Pace(), LABEL))
NOTHING = Course()


def sold(units: int = 10, *, line: str = "l_1", delivered: datetime | None = None, **vary: Any) -> SoldLine:
    bought = an_order_line(
        id=line, sku="CUP", category="GOODS", quantity=units, unit_price_minor=vary.pop("price", 1000), discount_minor=0
    )
    return SoldLine(bought, "USD", "US", "c_1", PLACED, delivered, claimed=0, refunded=0, refunded_minor=0, **vary)


def asked(number: int, days: float, units: int, course: Course = NOTHING, **vary: Any) -> PastReturn:
    at = PLACED + days * DAY
    line = RequestedLine(units, ReturnReason.CHANGED_MIND, sku="CUP")
    return PastReturn(f"r_{number}", ReturnRequest((line,), customer_id="c_1", declared_at=at, **vary), at, course)


def group(*returns: PastReturn, of: SoldLine | None = None, **vary: Any) -> Group:
    customer = Customer("c_1", "US", (PlacedOrder(PLACED, 10_000, "USD"),))
    return Group(returns, {"c_1": customer}, of_sku={("c_1", "CUP"): (of or sold(),)}, **vary)


def ran(policy: ReturnPolicy, of: Group, assumed: Mapping[Tier, Course] = ASSUMED) -> list[Ran]:
    return run_again(of, policy, World(BOOK, days_of, assumed))


def test_what_a_stricter_policy_refuses_is_left_for_a_later_return() -> None:
    """The law of the market has nothing to say here: the first is out of its shorter window, the second was bought later."""
    late = replace(sold(4, line="l_2"), placed_at=PLACED + 25 * DAY)
    both = replace(group(asked(1, 30, 10), asked(2, 31, 4)), of_sku={("c_1", "CUP"): (sold(10), late)})
    assert [one.refund_minor for one in ran(LENIENT, both)] == [10_000, 4_000]
    strict = ran(STRICT, both)
    assert [one.verdict for one in strict] == [Verdict.REFUSED, Verdict.REFUSED]
    assert [one.grounds for one in strict] == [("outside_window",), ("outside_window",)]


def test_units_are_gone_from_the_moment_they_are_asked_for_until_the_return_gives_them_up() -> None:
    never_sent = Course((), {EffectKind.BOOK: (Answer(HOUR),), EffectKind.VOID: (Answer(HOUR, {"voided": True}),)})
    early, later = ran(LENIENT, group(asked(1, 1, 10, never_sent), asked(2, 2, 6), asked(3, 20, 6)))[1:]
    assert early.grounds == ("EARLIER_PURCHASES_ALREADY_RETURNED",)
    assert (later.verdict, later.refund_minor) == (Verdict.ELIGIBLE, 6_000)


def test_a_person_no_gives_the_units_back_at_once() -> None:
    no = Course((Heard(FactKind.REFUSED, HOUR, Since.OPENING, {"reason": "worn"}),))
    asks = replace(LENIENT, automatic=False)
    first, second = ran(asks, group(asked(1, 1, 10, no), asked(2, 2, 10)))
    assert (first.stage, second.stage, second.refund_minor) == (Stage.REFUSED, Stage.CLOSED, 10_000)


def test_partial_returns_add_up_to_what_was_paid() -> None:
    of = sold(3, price=0)
    line = replace(of.line, unit_price_minor=34, discount_minor=2)  # 100 cents for three cups
    parts = ran(LENIENT, group(asked(1, 1, 1), asked(2, 2, 1), asked(3, 3, 1), of=replace(of, line=line)))
    assert [one.refund_minor for one in parts] == [33, 33, 34]


def test_what_came_back_before_the_stretch_of_time_is_gone() -> None:
    before = EarlierReturn(
        "r_0", "c_1", PLACED + DAY, Stage.CLOSED, "USD", 8_000, False, False, PLACED + 5 * DAY,
        {("o_1", "l_1"): 8}, {("o_1", "l_1"): (8, 8_000)}, frozenset({("o_1", "l_1")}), PLACED + 4 * DAY,
    )  # fmt: skip
    (only,) = ran(LENIENT, group(asked(1, 10, 3), earlier=(before,)))
    assert only.refund_minor == 2_000
    assert only.grounds == ("QUANTITY_EXCEEDS_EARLIER_PURCHASES",)


def test_a_delivery_that_was_reported_later_was_not_known() -> None:
    delivered = sold(delivered=PLACED + 12 * DAY)
    counts_delivery = replace(STRICT, window_starts=BOOK.programme("standard").window_starts)
    early, late = ran(counts_delivery, group(asked(1, 11, 1), asked(2, 31, 1), of=delivered))
    assert early.judgement is not None and late.judgement is not None  # noqa: PT018
    assert early.judgement.lines[0].sold is not None
    assert early.judgement.lines[0].sold.delivered_at is None
    assert late.verdict is Verdict.ELIGIBLE


def test_units_that_the_bench_did_not_accept_are_not_paid() -> None:
    some = Course(
        (Heard(FactKind.INSPECTED, DAY, Since.LABEL, {"accepted": "some"}),),
        {EffectKind.BOOK: (Answer(HOUR),), EffectKind.SETTLE: (Answer(HOUR, {"status": "succeeded"}),)},
        rejected={"CUP": 3},
    )
    (only,) = ran(LENIENT, group(asked(1, 1, 10, some)))
    assert only.refund_minor == 7_000


@pytest.mark.parametrize(
    ("market", "less", "bearer"),
    [("US", 200, "shopper"), ("KR", 0, "merchant")],
    ids=["the policy may charge", "the law forbids it"],
)
def test_a_restocking_fee_shows_in_a_trial_as_a_settlement_would_have_it(market: str, less: int, bearer: str) -> None:
    free = replace(LENIENT, bears_all=False)
    charges = replace(free, fees=FeePolicy(restocking=Charge(Price(percent=10))))
    book = replace(BOOK, markets={**BOOK.markets, "US": BOOK.markets[market]})
    before, after = (run_again(group(asked(1, 1, 2)), one, World(book, days_of, ASSUMED))[0] for one in (free, charges))
    assert before.refund_minor - after.refund_minor == less
    more = {key: minor - before.fees.get(key, 0) for key, minor in after.fees.items()}
    assert {key: minor for key, minor in more.items() if minor} == {(bearer, "USD"): 200}


@pytest.mark.parametrize(
    ("borne", "refund", "fees"),
    [
        ({"bears_all": True}, 1_000, {("merchant", "USD"): 500}),
        ({"bears_all": False, "shopper_informed": True}, 500, {("shopper", "USD"): 500}),
    ],
    ids=["the merchant bears it", "the shopper bears it"],
)
def test_the_label_is_borne_by_whom_the_policy_says(
    borne: dict[str, Any], refund: int, fees: dict[tuple[str, str], int]
) -> None:
    by_law = replace(BOOK.markets["DE"], return_shipping_no_fault="consumer")
    book = replace(BOOK, markets={**BOOK.markets, "DE": by_law})
    customer = Customer("c_1", "DE")
    asks = replace(group(asked(1, 1, 1)), customers={"c_1": customer})
    (only,) = run_again(asks, replace(LENIENT, **borne), World(book, days_of, ASSUMED))
    assert (only.refund_minor, only.fees) == (refund, fees)


def test_fair_use_looks_at_what_the_policy_itself_let_in() -> None:
    watched = replace(LENIENT, fair_use=True)
    most = watched.tier_table.number("abuse_returns_90_days", Tier.ENTRY)
    often = group(*(asked(number, number, 1) for number in range(1, most + 2)), of=sold(50))
    assert [one.verdict for one in ran(watched, often)] == [Verdict.ELIGIBLE] * most + [Verdict.REFERRED]
    nothing = replace(watched, return_window_days=0)
    assert {one.grounds for one in ran(nothing, often)} == {("outside_window",)}


def test_how_a_request_was_worded_is_not_held_against_it() -> None:
    other_words = replace(LENIENT, reasons=frozenset({"defective"}), methods=frozenset({"pickup"}))
    (only,) = ran(other_words, group(asked(1, 1, 1)))
    assert only.verdict is Verdict.ELIGIBLE


def test_a_request_that_is_impossible_now_is_refused_with_its_code() -> None:
    named = ReturnRequest(
        (RequestedLine(11, ReturnReason.CHANGED_MIND, order_line_id="l_1"),), order_id="o_1", declared_at=PLACED + DAY
    )
    past = PastReturn("r_1", named, PLACED + DAY, NOTHING)
    (only,) = ran(LENIENT, Group((past,), of_order={"o_1": (sold(),)}))
    assert (only.verdict, only.grounds) == (Verdict.REFUSED, ("quantity_above_what_is_left",))


# --- properties


COURSES = st.builds(
    lambda heard, accepted: Course(
        tuple(
            heard_one
            for heard_one, is_heard in zip(
                (
                    Heard(FactKind.SCANNED, 2 * DAY, Since.LABEL, {"status": "in_transit"}),
                    Heard(FactKind.RECEIVED, 5 * DAY, Since.LABEL),
                    Heard(FactKind.INSPECTED, 9 * DAY, Since.LABEL, {"accepted": accepted}),
                ),
                heard,
                strict=True,
            )
            if is_heard
        ),
        {EffectKind.BOOK: (Answer(HOUR),), EffectKind.SETTLE: (Answer(HOUR, {"status": "succeeded"}),)},
    ),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
    st.sampled_from(["all", "none"]),
)
RETURNS = st.lists(
    st.tuples(st.integers(1, 80), st.integers(1, 5), st.one_of(st.just(NOTHING), COURSES)), min_size=1, max_size=6
)


def groups(drawn: list[tuple[int, int, Course]]) -> Group:
    in_order = sorted(drawn, key=lambda one: one[0])
    return group(*(asked(n, days, units, course) for n, (days, units, course) in enumerate(in_order)), of=sold(12))


def side_by_side(before: ReturnPolicy, after: ReturnPolicy, of: Group) -> Comparison:
    return compare(of.returns, ran(before, of), ran(after, of))


@settings(max_examples=40, deadline=None)
@given(RETURNS, st.sampled_from(sorted(BOOK.programmes)))
def test_a_policy_beside_itself_changes_nothing(drawn: list[tuple[int, int, Course]], programme: str) -> None:
    policy = BOOK.programme(programme)
    found = side_by_side(policy, replace(policy), groups(drawn))
    assert not found.changes
    assert (found.moved, found.days_gained, found.window_days) == (0, (0.0, 0.0, 0.0), 0)
    assert found.before == found.after


@settings(max_examples=40, deadline=None)
@given(RETURNS, st.sampled_from(["approval", "ship_back", "transit", "inspection", "booking"]))
def test_a_draft_with_only_longer_deadlines_never_refunds_earlier(
    drawn: list[tuple[int, int, Course]], aspect: str
) -> None:
    table = LENIENT.tier_table
    longer = replace(table.row(aspect), values=dict.fromkeys(Tier, "40d"))
    draft = replace(LENIENT, tier_table=replace(table, rows={**table.rows, aspect: longer}))
    of = groups(drawn)
    for before, after in zip(ran(LENIENT, of), ran(draft, of), strict=True):
        if before.took is not None and after.took is not None:
            assert before.took <= after.took


@settings(max_examples=30, deadline=None)
@given(st.lists(RETURNS, min_size=1, max_size=4))
def test_no_line_is_ever_refunded_beyond_what_was_paid(drawn: list[list[tuple[int, int, Course]]]) -> None:
    for returns in drawn:
        assert sum(one.refund_minor for one in ran(LENIENT, groups(returns))) <= 12_000


def test_the_answer_is_the_same_for_any_number_of_processes() -> None:
    many = [group(*(asked(n, n + 1, 1) for n in range(12))) for _ in range(45)]
    trial = Trial(BOOK, LENIENT, STRICT, ASSUMED)
    alone, shared = (try_out(trial, many, processes=processes) for processes in (1, 2))
    assert alone.cases == sum(len(batch.returns) for batches in in_batches(many) for batch in batches) == 540
    assert (alone.before, alone.after, alone.moves) == (shared.before, shared.after, shared.moves)
    assert len(alone.changes) == len(shared.changes)


def test_what_is_left_untold_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    many = group(*(asked(number, 10 * number, 3) for number in range(1, 6)))
    untold = ran(STRICT, many)

    def telling(*given: Any, **named: Any) -> Judgement:
        return judge(*given, **(named | {"told": True}))

    monkeypatch.setattr("domain.simulation.judge", telling)
    for one, other in zip(untold, ran(STRICT, many), strict=True):
        assert one.judgement is not None
        assert other.judgement is not None
        assert other.judgement.explanation
        assert one.judgement == replace(
            other.judgement, explanation=(), quote=replace(other.judgement.quote, explanation=())
        )
