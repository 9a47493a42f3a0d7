"""Changed copies of frozen values: the same as `dataclasses.replace` makes, whatever is changed."""

import dataclasses
import pickle
from datetime import UTC, datetime, timedelta

import pytest

from domain.calendar import Calendar
from domain.eligibility import Judged
from domain.frozen import quickly_made, replace
from domain.limits import Limits
from domain.opening import JudgedLine
from domain.order import SoldLine
from domain.stages import Stage
from domain.state import Fact, Method, State
from tests.builders import an_order_line

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
LIMITS = Limits("24h", "1h", "7d", "72h", 2, "14d", "72h", "72h", "24h")
STATE = State(Stage.BOOKED, AT, Method.LABEL, LIMITS, due=AT + timedelta(days=7))


def test_it_changes_what_is_named_and_nothing_else() -> None:
    changed = replace(STATE, stage=Stage.IN_TRANSIT, due=None)
    assert changed == dataclasses.replace(STATE, stage=Stage.IN_TRANSIT, due=None)
    assert hash(changed.limits) == hash(LIMITS)
    assert (STATE.stage, changed.since) == (Stage.BOOKED, AT)


def test_a_field_that_is_not_there_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="State has no stages"):
        replace(STATE, stages=Stage.CLOSED)


@pytest.mark.parametrize("kind", [State, Fact, Limits, SoldLine, JudgedLine, Judged])
def test_the_values_that_are_copied_are_nothing_but_their_fields(kind: type) -> None:
    assert not hasattr(kind, "__post_init__")
    assert not hasattr(kind, "__slots__")
    assert all(field.init for field in dataclasses.fields(kind))


def test_the_copy_is_a_value_of_its_own() -> None:
    line = an_order_line()
    copy = replace(line, quantity=7)
    assert (line.quantity, copy.quantity, copy.paid_minor) == (1, 7, 84000)


@quickly_made
@dataclasses.dataclass(frozen=True)
class Parcel:
    sku: str
    units: int = 1
    serials: tuple[str, ...] = ()


def test_a_value_made_quickly_takes_what_it_took_and_stays_as_it_is() -> None:
    parcel = Parcel("22960", serials=("a",))
    assert (parcel.sku, parcel.units, parcel.serials) == ("22960", 1, ("a",))
    assert parcel == Parcel("22960", 1, ("a",)) != Parcel("22960")
    assert hash(parcel) == hash(Parcel("22960", 1, ("a",)))
    assert dataclasses.replace(parcel, units=2) == replace(parcel, units=2) == Parcel("22960", 2, ("a",))
    assert pickle.loads(pickle.dumps(parcel)) == parcel
    with pytest.raises(dataclasses.FrozenInstanceError):
        parcel.units = 3  # type: ignore[misc]
    with pytest.raises(TypeError, match="sku"):
        Parcel()  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", [Fact, Calendar])
def test_what_is_more_than_its_fields_is_not_made_quickly(kind: type) -> None:
    with pytest.raises(TypeError, match=f"{kind.__name__} is more than its fields"):
        quickly_made(kind)
