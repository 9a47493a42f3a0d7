"""The desk for policies: what is drafted is read first, what is published counts from its moment on, in every process."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from database import policies
from database.engine import Sessions, connect, database_time, sessions
from database.policies import UnknownPolicy
from desk.policies import (
    EffectiveInThePast,
    MomentTaken,
    PoliciesDesk,
    PolicyChanged,
    PolicyContradictsItself,
    PolicyIsPublished,
    PolicyShelf,
    PolicyStatus,
    PolicyUnreadable,
    PolicyVersion,
    WarningsNotAccepted,
)
from desk.words import Caller, IdempotencyKey, KeyUsedForAnotherRequest
from domain.policy import ReturnPolicy
from domain.tier import Tier
from policies.book import load_policy_book
from policies.page import HERE, BadPolicyFile
from tests.policies.standing import a_text

OLGA = Caller("key_olga", "Olga")
BOOK = load_policy_book()
_versions = count(1)


def plain(policy: PolicyVersion) -> dict[str, Any]:
    return {"id": policy.id, "status": policy.status, "version": policy.version}


@pytest.fixture
def desk(made_sessions: Sessions) -> PoliciesDesk:
    return PoliciesDesk(made_sessions, BOOK, "standard", database_time)


@pytest.fixture
def elsewhere(database_url: str) -> Iterator[Sessions]:
    """Another process' way to the same database."""
    engine = connect(database_url)
    yield sessions(engine)
    engine.dispose()


def a_draft(desk: PoliciesDesk, *edits: tuple[str, str], more: str = "") -> str:
    text = a_text(("draft-1", f"v{next(_versions)}"), *edits, more=more)
    return str(desk.draft(text, "", OLGA, None, plain).body["id"])


def publish(desk: PoliciesDesk, policy_id: str, **more: Any) -> dict[str, Any]:
    return desk.publish(policy_id, OLGA, None, plain, **{"accept_warnings": True, **more}).body


def now(made: Sessions) -> datetime:
    with made() as session:
        return database_time(session)


def counting(shelf: PolicyShelf, made: Sessions, at: datetime) -> ReturnPolicy:
    with made() as session:
        return shelf(session, at)


def test_a_version_counts_from_its_moment_on_in_every_process(
    desk: PoliciesDesk, made_sessions: Sessions, elsewhere: Sessions
) -> None:
    other = PolicyShelf(load_policy_book(), "standard")
    begins = now(made_sessions) + timedelta(hours=1)
    before = counting(other, elsewhere, begins)
    policy_id = a_draft(desk, ("starts", "days = 77\nstarts"))
    assert counting(other, elsewhere, begins).policy_id == before.policy_id, "a draft counts for nobody"

    assert publish(desk, policy_id, effective_from=begins)["status"] == PolicyStatus.SCHEDULED

    for shelf, made in ((desk.shelf, made_sessions), (other, elsewhere)):
        assert counting(shelf, made, begins - timedelta(microseconds=1)).policy_id == before.policy_id
        counts = counting(shelf, made, begins)
        assert (counts.policy_id, counts.return_window_days) == (policy_id, 77)


def test_without_a_published_version_the_releases_own_file_counts(made_sessions: Sessions) -> None:
    shelf = PolicyShelf(BOOK, "online_retail")
    assert counting(shelf, made_sessions, datetime.now(UTC)) is BOOK.programme("online_retail")


def test_a_published_version_is_read_once(desk: PoliciesDesk, made_sessions: Sessions) -> None:
    publish(desk, a_draft(desk))
    first = counting(desk.shelf, made_sessions, now(made_sessions))
    assert counting(desk.shelf, made_sessions, now(made_sessions)) is first


def test_a_published_version_stands_over_the_tier_table_of_its_release(made_sessions: Sessions, tmp_path: Path) -> None:
    shutil.copytree(HERE, tmp_path / "policies", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    table = tmp_path / "policies" / "tiers.toml"
    table.write_text(table.read_text().replace('ENTRY = "24h"', 'ENTRY = "20h"', 1))
    of_that_release = PoliciesDesk(made_sessions, load_policy_book(tmp_path / "policies"), "standard", database_time)
    policy_id = a_draft(of_that_release)
    publish(of_that_release, policy_id)

    counts = counting(PolicyShelf(BOOK, "standard"), made_sessions, now(made_sessions))

    assert counts.policy_id == policy_id
    assert counts.tier_table.span("approval", Tier.ENTRY) == "20h"
    assert BOOK.tiers.span("approval", Tier.ENTRY) == "24h"


def test_a_version_that_this_release_cannot_read_opens_nothing(made_sessions: Sessions) -> None:
    with made_sessions.begin() as session:
        draft = policies.Draft("timer_sheet", "old", "Old", "no policy of ours", "")
        at = database_time(session)
        policies.add(session, "pol_old", draft, by="Olga", at=at)
        policies.publish(
            session,
            "pol_old",
            tiers=BOOK.texts["tiers.toml"],
            law="",
            accepted=[],
            by="Olga",
            at=at,
            effective_from=at,
        )
    with pytest.raises(PolicyUnreadable, match="pol_old"):
        counting(PolicyShelf(BOOK, "timer_sheet"), made_sessions, now(made_sessions))


def test_two_publish_for_one_moment_and_one_of_them_is_told(desk: PoliciesDesk, made_sessions: Sessions) -> None:
    begins = now(made_sessions) + timedelta(days=2)
    drafts = [a_draft(desk), a_draft(desk)]
    together = Barrier(2)

    def one(policy_id: str) -> str:
        together.wait()
        try:
            return str(publish(desk, policy_id, effective_from=begins)["id"])
        except (MomentTaken, IntegrityError) as error:
            return type(error).__name__

    with ThreadPoolExecutor(2) as people:
        said = sorted(people.map(one, drafts))
    assert said[0] == "MomentTaken"
    assert said[1] in drafts
    assert counting(desk.shelf, made_sessions, begins).policy_id == said[1]


def test_two_publish_the_same_draft_and_one_of_them_is_told(desk: PoliciesDesk) -> None:
    policy_id = a_draft(desk)
    together = Barrier(2)

    def one(_: int) -> str:
        together.wait()
        try:
            return str(publish(desk, policy_id)["status"])
        except PolicyIsPublished as error:
            return error.code

    with ThreadPoolExecutor(2) as people:
        assert sorted(people.map(one, range(2))) == ["live", "policy_published"]


def test_nothing_is_published_for_yesterday(desk: PoliciesDesk, made_sessions: Sessions) -> None:
    policy_id = a_draft(desk)
    with pytest.raises(EffectiveInThePast) as found:
        publish(desk, policy_id, effective_from=now(made_sessions) - timedelta(seconds=1))
    assert found.value.pointer == "/effective_from"
    assert desk.one(policy_id).status is PolicyStatus.DRAFT


def test_warnings_are_accepted_by_name(desk: PoliciesDesk) -> None:
    policy_id = a_draft(desk, ("starts", "days = 7\nstarts"))
    with pytest.raises(WarningsNotAccepted) as found:
        publish(desk, policy_id, accept_warnings=False)
    assert "window_below_law" in {one.code for one in found.value.found}
    assert desk.one(policy_id).status is PolicyStatus.DRAFT

    publish(desk, policy_id)
    published = desk.one(policy_id)
    assert published.published_by == "Olga"
    assert {"window_below_law"} <= {one["code"] for one in published.accepted}
    assert {one["code"] for one in published.accepted} == {one.code for one in desk.look_through(policy_id)}


def test_errors_are_accepted_by_nobody(desk: PoliciesDesk) -> None:
    policy_id = a_draft(desk, more='\n[returnless]\nrefund_only = "rule"\n')
    with pytest.raises(PolicyContradictsItself) as found:
        publish(desk, policy_id)
    assert [one.code for one in found.value.found] == ["refund_only_without_ceiling"]


def test_a_version_name_is_given_once(desk: PoliciesDesk) -> None:
    first = a_draft(desk)
    publish(desk, first)
    taken = desk.one(first).version
    for version in (taken, BOOK.programme("standard").version):
        text = a_text(("draft-1", version))
        second = str(desk.draft(text, "", OLGA, None, plain).body["id"])
        (error,) = (one for one in desk.look_through(second) if one.code == "version_taken")
        assert (error.line, error.key) == (3, "version")
        with pytest.raises(PolicyContradictsItself):
            publish(desk, second)
    assert not [one for one in desk.look_through(first) if one.code == "version_taken"]


def test_what_was_published_is_left_alone(desk: PoliciesDesk) -> None:
    policy_id = a_draft(desk)
    publish(desk, policy_id)
    for refused in (
        lambda: desk.replace(policy_id, a_text(), "", ()),
        lambda: desk.remove(policy_id, ()),
        lambda: publish(desk, policy_id),
    ):
        with pytest.raises(PolicyIsPublished, match="published by Olga"):
            refused()


def test_a_draft_that_somebody_changed_is_not_what_was_seen(desk: PoliciesDesk) -> None:
    policy_id = a_draft(desk)
    seen = desk.one(policy_id).checksum
    changed = desk.replace(policy_id, a_text(("draft-1", "changed")), "why", (seen,))
    assert (changed.version, changed.note) == ("changed", "why")
    for refused in (
        lambda: desk.replace(policy_id, a_text(), "", (seen,)),
        lambda: desk.remove(policy_id, (seen,)),
        lambda: publish(desk, policy_id, tags=(seen,)),
    ):
        with pytest.raises(PolicyChanged):
            refused()
    desk.remove(policy_id, ("of another", changed.checksum))
    with pytest.raises(UnknownPolicy):
        desk.one(policy_id)


def test_a_text_with_faults_is_not_written_down(desk: PoliciesDesk) -> None:
    known = len(desk.every())
    with pytest.raises(BadPolicyFile):
        desk.draft(a_text(("[goods]", "[bads]")), "", OLGA, None, plain)
    assert len(desk.every()) == known


def test_the_same_request_is_carried_out_once(desk: PoliciesDesk) -> None:
    key = IdempotencyKey("k-1", "POST /v1/policies", "hash")
    first = desk.draft(a_text(), "", OLGA, key, plain)
    again = desk.draft(a_text(), "", OLGA, key, plain)
    assert (again.body, first.replayed, again.replayed) == (first.body, False, True)
    with pytest.raises(KeyUsedForAnotherRequest):
        desk.draft(a_text(), "", OLGA, IdempotencyKey("k-1", "POST /v1/policies", "other"), plain)


def test_every_version_says_how_it_stands(desk: PoliciesDesk, made_sessions: Sessions) -> None:
    names = {
        "past": a_draft(desk),
        "live": a_draft(desk),
        "scheduled": a_draft(desk),
        "draft": a_draft(desk),
    }
    publish(desk, names["past"])
    publish(desk, names["live"])
    publish(desk, names["scheduled"], effective_from=now(made_sessions) + timedelta(days=9))

    found = {one.id: one for one in desk.every()}
    assert {name: found[policy_id].status for name, policy_id in names.items()} == {name: name for name in names}
    assert (found["file:standard"].status, found["file:online_retail"].status) == ("past", "live")
    assert all(one.text is None for one in found.values())
    assert [one.id for one in desk.every("online_retail")] == ["file:online_retail"]
    assert desk.one("file:standard").text == BOOK.texts["programmes/standard.toml"]
    assert desk.one(names["live"]).law_of_release is True


def test_a_draft_is_compared_with_what_counts(desk: PoliciesDesk) -> None:
    publish(desk, live := a_draft(desk))
    faster = a_draft(desk, more='\n[tiers.inspection]\nVIP = "6h"\nwhy = "w"\nsource = "s"\n')
    found = desk.compare(faster)
    assert (found.before.id, found.after.id) == (live, faster)
    assert [str(change) for change in found.changes] == ["rows.inspection VIP: 12h -> 6h"]
    assert {(effect.tier, effect.aspects) for effect in found.effects} == {(Tier.VIP, ("limits.inspection",))}
    assert (len(found.effects), found.pairs) == (len(BOOK.markets), len(BOOK.markets) * 4)
    assert desk.compare(live, faster).changes[0].after == "12h"
    with pytest.raises(UnknownPolicy):
        desk.compare(faster, "file:dreams")
