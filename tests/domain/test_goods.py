"""Natures and conditions of goods: small words with consequences."""

from domain.goods import SEALED, GoodsCondition, Nature


def test_a_seal_is_broken_by_whoever_opens_uses_or_damages() -> None:
    broken = {condition for condition in GoodsCondition if condition.seal_broken}

    assert broken == {GoodsCondition.OPENED, GoodsCondition.USED, GoodsCondition.DAMAGED}


def test_to_open_is_to_try_and_no_more_than_that() -> None:
    assert not GoodsCondition.OPENED.beyond_trying
    assert GoodsCondition.USED.beyond_trying
    assert not GoodsCondition.NOT_SAID.beyond_trying, "what is not said is taken for as sold"


def test_only_what_can_be_sealed_is_sealed() -> None:
    assert {Nature.SEALED_HYGIENE, Nature.SEALED_MEDIA} == SEALED
