"""API keys: shown once, kept as a hash, told from a typing mistake without asking the database, dead when revoked."""

from database import keys
from database.engine import Sessions
from database.tables import api_keys


def test_a_key_finds_its_caller(made_sessions: Sessions) -> None:
    with made_sessions.begin() as session:
        key_id, secret = keys.create(session, "shop", ["returns:read"])
        assert keys.find(session, secret) == keys.Caller(key_id, "shop", frozenset({"returns:read"}))


def test_the_secret_itself_is_kept_nowhere(made_sessions: Sessions) -> None:
    with made_sessions.begin() as session:
        _, secret = keys.create(session, "shop", [])
        rows = session.execute(api_keys.select()).all()
    assert all(secret not in str(row) for row in rows)


def test_a_mistyped_key_is_told_by_its_check_digits(made_sessions: Sessions) -> None:
    with made_sessions.begin() as session:
        _, secret = keys.create(session, "shop", [])
    swapped = secret[:20] + secret[21] + secret[20] + secret[22:]
    assert keys.well_formed(secret)
    assert swapped == secret or not keys.well_formed(swapped)
    assert not keys.well_formed("rk_live_")
    assert not keys.well_formed("ключ")


def test_a_revoked_key_is_dead(made_sessions: Sessions) -> None:
    with made_sessions.begin() as session:
        key_id, secret = keys.create(session, "shop", [])
        assert keys.revoke(session, key_id)
        assert keys.find(session, secret) is None
        assert not keys.revoke(session, key_id)
