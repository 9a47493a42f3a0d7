"""What may be written down as a destination: store credit, or a provider's token; never a number of a card or an account."""

import pytest

from domain.destination import (
    DestinationKind,
    NumberNotTaken,
    TokenMissing,
    TokenNotAsked,
    TokenUnreadable,
    destination_of,
)
from domain.errors import Invalid

BANK, CREDIT = DestinationKind.BANK, DestinationKind.STORE_CREDIT


def test_a_destination_is_written_down_in_one_word() -> None:
    assert str(destination_of(CREDIT)) == "store_credit"
    assert str(destination_of(BANK, "ba_1NxYz2AbC")) == "bank:ba_1NxYz2AbC"


@pytest.mark.parametrize(
    ("kind", "token", "error"),
    [
        pytest.param(CREDIT, "ba_1", TokenNotAsked, id="store credit with a token"),
        pytest.param(BANK, None, TokenMissing, id="bank without one"),
        pytest.param(BANK, "", TokenMissing, id="an empty one"),
        pytest.param(BANK, "4242424242424242", NumberNotTaken, id="a card"),
        pytest.param(BANK, "4242 4242 4242 4242", NumberNotTaken, id="a card, in fours"),
        pytest.param(BANK, "card:4242-4242-4242-4242", NumberNotTaken, id="a card within words"),
        pytest.param(BANK, "tok_378282246310005", NumberNotTaken, id="fifteen digits that pass Luhn"),
        pytest.param(BANK, "GB82WEST12345698765432", NumberNotTaken, id="an IBAN"),
        pytest.param(BANK, "gb82 west 1234 5698 7654 32", NumberNotTaken, id="an IBAN as people write it"),
        pytest.param(BANK, "20-00-00 55779911", NumberNotTaken, id="sort code and account"),
        pytest.param(BANK, "ba 1", TokenUnreadable, id="a space"),
        pytest.param(BANK, "ba_\u0661", TokenUnreadable, id="a sign of another alphabet"),
        pytest.param(BANK, "x" * 121, TokenUnreadable, id="too long"),
    ],
)
def test_what_is_no_destination_is_refused_and_not_repeated(
    kind: DestinationKind, token: str | None, error: type[Invalid]
) -> None:
    with pytest.raises(error) as refused:
        destination_of(kind, token)
    assert refused.value.pointer == "/token"
    assert not token or len(token) < 4 or token not in refused.value.detail


@pytest.mark.parametrize("token", ["ba_1NxYz2", "btok_1234567890", "a", "4f2c-9bd1:v2", "src_18eYalAHEMiOZZp1l9ZTjSU0"])
def test_tokens_of_providers_are_taken(token: str) -> None:
    assert destination_of(BANK, token).token == token
