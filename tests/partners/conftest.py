"""One payment provider, one carrier and one ear for all tests of the partners; every knob off before each test."""

from collections.abc import Iterator

import pytest

from tests.partners.programs import Ear, Program, running


@pytest.fixture(scope="session")
def ear() -> Iterator[Ear]:
    with Ear() as ear:
        yield ear


@pytest.fixture(scope="session")
def one_payments(tmp_path_factory: pytest.TempPathFactory, ear: Ear) -> Iterator[Program]:
    with running(Program("payments", tmp_path_factory.mktemp("payments"), ear.url)) as program:
        yield program


@pytest.fixture(scope="session")
def one_carrier(tmp_path_factory: pytest.TempPathFactory, ear: Ear) -> Iterator[Program]:
    with running(Program("carriers", tmp_path_factory.mktemp("carriers"), ear.url)) as program:
        yield program


@pytest.fixture
def payments(one_payments: Program) -> Program:
    one_payments.calm()
    return one_payments


@pytest.fixture
def carrier(one_carrier: Program) -> Program:
    one_carrier.calm()
    return one_carrier
