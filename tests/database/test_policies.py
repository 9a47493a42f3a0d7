"""Policies as rows: what was published never changes, whoever asks, and the version of a moment is found."""

from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from database import policies
from database.engine import Sessions, connect
from database.migrate import config
from embedded import PostgresCluster

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)


def draft(made: Sessions, policy_id: str, *, programme: str = "standard", version: str | None = None) -> str:
    with made.begin() as session:
        what = policies.Draft(programme, version or policy_id, "A draft", f"text of {policy_id}", "")
        policies.add(session, policy_id, what, by="Olga", at=AT)
    return policy_id


def publish(made: Sessions, policy_id: str, effective_from: datetime) -> None:
    with made.begin() as session:
        policies.publish(
            session,
            policy_id,
            tiers="the table",
            law="the law",
            accepted=[],
            by="Olga",
            at=AT,
            effective_from=effective_from,
        )


def run(made: Sessions, statement: str) -> int:
    with made.begin() as session:
        return session.execute(text(statement)).rowcount  # type: ignore[attr-defined,no-any-return]


def test_a_draft_is_replaced_and_removed(made_sessions: Sessions) -> None:
    policy_id = draft(made_sessions, "pol_draft")
    with made_sessions.begin() as session:
        policies.replace(session, policy_id, policies.Draft("standard", "2", "Other", "other text", "why"))
        row = policies.get(session, policy_id)
        assert (row.version, row.text, row.checksum) == ("2", "other text", policies.checksum("other text"))
        policies.remove(session, policy_id)
        with pytest.raises(policies.UnknownPolicy):
            policies.get(session, policy_id)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE policies SET text = 'other' WHERE id = 'pol_kept'",
        "UPDATE policies SET note = 'other' WHERE id = 'pol_kept'",
        "UPDATE policies SET effective_from = effective_from + interval '1 day' WHERE id = 'pol_kept'",
        "UPDATE policies SET published_at = NULL, published_by = NULL, effective_from = NULL, tiers = NULL, law = NULL,"
        " accepted = NULL WHERE id = 'pol_kept'",
        "DELETE FROM policies WHERE id = 'pol_kept'",
        "TRUNCATE policies",
    ],
)
def test_what_was_published_never_changes(made_sessions: Sessions, statement: str) -> None:
    with made_sessions() as session:
        known = session.execute(text("SELECT count(*) FROM policies WHERE id = 'pol_kept'")).scalar_one()
    if not known:
        publish(made_sessions, draft(made_sessions, "pol_kept", programme="kept"), AT)

    with pytest.raises(IntegrityError) as found:
        run(made_sessions, statement)

    assert found.value.orig is not None
    assert found.value.orig.pgcode == "23001"  # type: ignore[attr-defined]
    with made_sessions() as session:
        row = policies.get(session, "pol_kept")
    assert (row.text, row.note, row.effective_from) == ("text of pol_kept", "", AT)


def test_a_draft_is_published_as_a_whole_or_not_at_all(made_sessions: Sessions) -> None:
    draft(made_sessions, "pol_half")
    with pytest.raises(IntegrityError, match="published_as_a_whole"):
        run(made_sessions, "UPDATE policies SET published_at = now(), published_by = 'Olga' WHERE id = 'pol_half'")
    with pytest.raises(IntegrityError, match="effective_not_before_published"):
        publish(made_sessions, "pol_half", AT - timedelta(seconds=1))


def test_two_versions_share_neither_name_nor_moment(made_sessions: Sessions) -> None:
    first, same_name, same_moment = (
        draft(made_sessions, f"pol_two_{number}", programme="two", version=version)
        for number, version in enumerate(("1", "1", "2"))
    )
    publish(made_sessions, first, AT)
    with pytest.raises(IntegrityError, match="uq_policies_published_version"):
        publish(made_sessions, same_name, AT + timedelta(days=1))
    with pytest.raises(IntegrityError, match="uq_policies_programme_effective_from"):
        publish(made_sessions, same_moment, AT)
    publish(made_sessions, draft(made_sessions, "pol_else", programme="elsewhere", version="1"), AT)


def test_the_version_of_a_moment_is_the_last_that_had_begun(made_sessions: Sessions) -> None:
    for number, days in enumerate((10, 0, 20)):
        policy_id = draft(made_sessions, f"pol_at_{days}", programme="at", version=str(number))
        publish(made_sessions, policy_id, AT + timedelta(days=days))
    draft(made_sessions, "pol_at_draft", programme="at")

    with made_sessions() as session:
        found = {
            days: policies.id_at(session, "at", AT + timedelta(days=days)) for days in (-1, 0, 9.999, 10, 19, 20, 900)
        }
        assert policies.id_at(session, "unheard", AT) is None
    assert found == {
        -1: None,
        0: "pol_at_0",
        9.999: "pol_at_0",
        10: "pol_at_10",
        19: "pol_at_10",
        20: "pol_at_20",
        900: "pol_at_20",
    }


def test_the_question_of_every_opening_looks_into_one_index(made_sessions: Sessions) -> None:
    with made_sessions() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = session.scalars(
            text(
                "EXPLAIN SELECT id FROM policies WHERE programme = 'at' AND effective_from <= now()"
                " ORDER BY effective_from DESC LIMIT 1"
            )
        ).all()
    assert any("Index Scan Backward using uq_policies_programme_effective_from" in line for line in plan)


def test_keys_of_before_may_what_their_role_may_now(postgres: PostgresCluster) -> None:
    url = postgres.create_database("keys_of_before")
    command.upgrade(config(url), "0003")
    scopes = {
        "storefront": '["orders:read", "orders:write", "returns:read"]',
        "operator": '["orders:read", "returns:decide", "ops:read", "ops:write"]',
        "admin": '["orders:write", "returns:decide", "ops:read", "ops:write", "parcels:write"]',
    }
    engine = connect(url)
    with engine.begin() as connection:
        for name, has in scopes.items():
            connection.execute(
                text("INSERT INTO api_keys (id, name, prefix, last4, hash, scopes) VALUES (:n, :n, '', '', :n, :s)"),
                {"n": name, "s": has},
            )

    command.upgrade(config(url), "head")

    with engine.connect() as connection:
        found = connection.execute(text("SELECT name, scopes FROM api_keys")).all()
    engine.dispose()
    assert {row.name: {scope for scope in row.scopes if scope.startswith("policies:")} for row in found} == {
        "storefront": set(),
        "operator": {"policies:read"},
        "admin": {"policies:read", "policies:write"},
    }
