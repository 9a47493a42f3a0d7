"""The desk for policies: drafts are written, looked through, compared and published; openings are told which version counts.

A published version is a row that never changes. Each server asks for the version of the moment at every opening, so a new one
counts everywhere from its moment on, and nobody starts anything again.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session
from ulid import ULID

from database import keys, policies
from database.engine import Clock, Sessions
from database.policies import Draft, UnknownPolicy, checksum
from desk.words import Caller, IdempotencyKey, KeyUsedForAnotherRequest, spoken
from domain.contradictions import Against, Contradiction, Severity, refused
from domain.errors import Conflict, Invalid, Stale, Unavailable
from domain.policy import PolicyBook, ReturnPolicy
from domain.publishing import Change, Effect, changes, effects
from domain.tier import TierThresholds
from policies.book import read_tier_table
from policies.drafts import TIERS, look_through, read_draft, read_over
from policies.page import BadPolicyFile, lines_of

log = logging.getLogger("boomerang.policies")

FILE = "file:"  # before a programme's name: the version that came with the release, as an id
LIVE = "live"
TEXT = "text"  # what a draft's own text is called in faults


class PolicyIsPublished(Conflict):
    code = "policy_published"
    title = "The policy is published"
    next_action = "Published versions never change. Send a draft with another version, and publish that."


class PolicyChanged(Stale):
    code = "policy_changed"
    next_action = "Read the policy again; send the request with the new ETag if it is still right."


class WarningsNotAccepted(Conflict):
    """There are warnings, and nobody said that they were seen; `found` holds them."""

    code = "warnings_not_accepted"
    title = "The policy has warnings"
    next_action = "Change the policy, or publish it with accept_warnings: it is written down who did."

    def __init__(self, found: Sequence[Contradiction]) -> None:
        super().__init__(f"{found[0].says}{_more(found)}", warnings=len(found))
        self.found = found


class PolicyContradictsItself(Invalid):
    """The policy can never be what it says; `found` holds the errors."""

    code = "policy_contradicts_itself"
    title = "The policy cannot be what it says"
    next_action = "Change what `errors` names, in the draft."

    def __init__(self, found: Sequence[Contradiction]) -> None:
        super().__init__(f"{found[0].says}{_more(found)}")
        self.found = found


class EffectiveInThePast(Invalid):
    code = "effective_in_the_past"
    next_action = "Name a moment to come, or none: then it counts from now on."


class MomentTaken(Conflict):
    code = "moment_taken"
    title = "Another version begins at that moment"
    next_action = "Name another moment."


class PolicyUnreadable(Unavailable):
    """No returns are opened rather than under a promise that was not made."""

    code = "policy_unreadable"
    title = "The published policy cannot be read by this release"
    next_action = "Publish the promise anew under this release, or run the release that published it."


class PolicyStatus(StrEnum):
    """draft, or published: to come, counting now, or followed by another."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    LIVE = "live"
    PAST = "past"


@dataclass(frozen=True)
class PolicyVersion:
    """A policy as it is shown: a draft, a published version, or the one of the release's own file (id `file:<programme>`).

    text     of the programme, and `tiers` the table it was published over; None where only the heading is asked
    law      SHA-256 of the law it was checked against; `law_of_release` tells whether this is the law of this release
    """

    id: str
    programme: str
    version: str
    title: str
    status: PolicyStatus
    checksum: str
    note: str = ""
    created_by: str | None = None
    created_at: datetime | None = None
    published_by: str | None = None
    published_at: datetime | None = None
    effective_from: datetime | None = None
    accepted: tuple[dict[str, Any], ...] = ()
    law: str | None = None
    law_of_release: bool | None = None
    text: str | None = None
    tiers: str | None = None


@dataclass(frozen=True)
class Comparison:
    """What a policy says otherwise than another one, and in whose terms it shows among so many pairs of market and tier."""

    before: PolicyVersion
    after: PolicyVersion
    changes: tuple[Change, ...]
    effects: tuple[Effect, ...]
    pairs: int


@dataclass(frozen=True)
class Answered:
    """How a request about a policy is answered, and whether it had been carried out before."""

    body: dict[str, Any]
    replayed: bool = False


Present = Callable[[PolicyVersion], dict[str, Any]]


class PolicyShelf:
    """The version of one programme that counts at a moment: published in the database, or else the release's own file."""

    def __init__(self, book: PolicyBook, programme: str) -> None:
        self._standing = book.programme(programme)
        self._read: dict[str, ReturnPolicy] = {}  # what was published never changes

    def __call__(self, session: Session, at: datetime) -> ReturnPolicy:
        policy_id = policies.id_at(session, self._standing.programme, at)
        return self._standing if policy_id is None else self.version(session, policy_id)

    def thresholds(self, session: Session, at: datetime) -> TierThresholds:
        """What customers' tiers are measured by at a moment."""
        return self(session, at).tier_table.thresholds

    def version(self, session: Session, policy_id: str) -> ReturnPolicy:
        """A published version, read over the tier table that it was published with."""
        if policy_id not in self._read:
            self._read[policy_id] = read_published(policies.get(session, policy_id))
        return self._read[policy_id]


def read_published(row: Row[Any]) -> ReturnPolicy:
    """The policy of a published row. Raises PolicyUnreadable where this release cannot read it any more."""
    try:
        return read_over(row.text, f"policy {row.id}", read_tier_table(row.tiers, TIERS), policy_id=row.id)
    except BadPolicyFile as bad:
        log.error("policy %s cannot be read by this release: %s", row.id, bad.detail)
        raise PolicyUnreadable(f"Policy {row.id} was published by another release: {bad.detail}") from bad


class PoliciesDesk:
    """`shelf` is what openings ask; everything else is for those who write policies."""

    def __init__(self, sessions: Sessions, book: PolicyBook, programme: str, clock: Clock) -> None:
        self._sessions = sessions
        self._book = book
        self._clock = clock
        self.shelf = PolicyShelf(book, programme)

    @property
    def sessions(self) -> Sessions:
        return self._sessions

    @property
    def book(self) -> PolicyBook:
        return self._book

    # --- reading ---

    def every(self, programme: str | None = None) -> list[PolicyVersion]:
        """All drafts and versions without their texts, the newest first; then those of the release's files."""
        with self._sessions() as session:
            at = self._clock(session)
            rows = policies.every(session, programme)
            names = {row.programme for row in rows} | set(self._book.programmes)
            live = {name: policies.id_at(session, name, at) for name in names}
        shown = [self._shown(row, live[row.programme], at, whole=False) for row in rows]
        files = [name for name in sorted(self._book.programmes) if programme in (None, name)]
        return [*shown, *(self._file(name, live[name], whole=False) for name in files)]

    def one(self, policy_id: str) -> PolicyVersion:
        with self._sessions() as session:
            return self._one(session, policy_id)

    def look_through(self, policy_id: str) -> tuple[Contradiction, ...]:
        """What the policy contradicts. Raises BadPolicyFile where its text cannot be read."""
        with self._sessions() as session:
            policy, text = self._policy(session, policy_id)
            return self._contradictions(session, policy, text)

    def compare(self, policy_id: str, against: str = LIVE) -> Comparison:
        """What the policy says otherwise than the live one of its programme, or than the one named."""
        with self._sessions() as session:
            after = self._one(session, policy_id)
            if against == LIVE:
                found = policies.id_at(session, after.programme, self._clock(session))
                against = found or f"{FILE}{after.programme}"
            before = self._one(session, against)
            old, new = self._policy(session, before.id)[0], self._policy(session, after.id)[0]
        markets = self._book.markets.values()
        in_terms = effects(old, new, markets)
        return Comparison(
            before, after, changes(old, new), in_terms, len(markets) * len(old.tier_table.row("approval").values)
        )

    # --- writing ---

    def draft(self, text: str, note: str, caller: Caller, key: IdempotencyKey | None, present: Present) -> Answered:
        """Write a draft down. Raises BadPolicyFile with every fault, and nothing is written."""
        draft = self._drafted(text, note)
        with self._sessions.begin() as session:
            if before := _answered_before(session, caller, key):
                return before
            policy_id = f"pol_{ULID()}"
            policies.add(session, policy_id, draft, by=caller.name, at=self._clock(session))
            return _answer(session, caller, key, present(self._one(session, policy_id)), status=201)

    def replace(self, policy_id: str, text: str, note: str, tags: Sequence[str]) -> PolicyVersion:
        """Another text for a draft; `tags` are the checksums of which one must still be its own, none = any."""
        draft = self._drafted(text, note)
        with self._sessions.begin() as session:
            self._drafted_row(session, policy_id, tags)
            policies.replace(session, policy_id, draft)
            return self._one(session, policy_id)

    def remove(self, policy_id: str, tags: Sequence[str]) -> None:
        with self._sessions.begin() as session:
            self._drafted_row(session, policy_id, tags)
            policies.remove(session, policy_id)

    def publish(
        self,
        policy_id: str,
        caller: Caller,
        key: IdempotencyKey | None,
        present: Present,
        *,
        effective_from: datetime | None = None,
        accept_warnings: bool = False,
        tags: Sequence[str] = (),
    ) -> Answered:
        """Make a draft a version that counts from a moment on (now, where none is named) and never changes."""
        with self._sessions.begin() as session:
            if before := _answered_before(session, caller, key):
                return before
            row = self._drafted_row(session, policy_id, tags)
            policies.hold(session, row.programme)
            at = self._clock(session)
            begins = effective_from or at
            if begins < at:
                raise EffectiveInThePast(f"{spoken(begins)} is over.", pointer="/effective_from")
            if any(one.effective_from == begins for one in policies.published(session, row.programme)):
                raise MomentTaken(f"Another version of {row.programme} begins on {spoken(begins)}.")
            policy = read_draft(row.text, TEXT, self._book)
            found = self._contradictions(session, policy, row.text)
            if refused(found):
                raise PolicyContradictsItself([one for one in found if one.severity is Severity.ERROR])
            if found and not accept_warnings:
                raise WarningsNotAccepted(found)
            policies.publish(
                session,
                policy_id,
                tiers=self._book.texts["tiers.toml"],
                law=self._law,
                accepted=[{"code": one.code, "key": one.key, "says": one.says} for one in found],
                by=caller.name,
                at=at,
                effective_from=begins,
            )
            return _answer(session, caller, key, present(self._one(session, policy_id)), status=200)

    # --- how it is done ---

    @property
    def _law(self) -> str:
        return checksum(self._book.texts.get("markets.toml", ""))

    def _drafted(self, text: str, note: str) -> Draft:
        policy = read_draft(text, TEXT, self._book)
        return Draft(policy.programme, policy.version, policy.title, text, note)

    def _drafted_row(self, session: Session, policy_id: str, tags: Sequence[str]) -> Row[Any]:
        """A draft's row, locked; refused where it is published, or no more what the caller saw."""
        row = policies.get(session, policy_id, lock=True)
        if row.published_at is not None:
            raise PolicyIsPublished(
                f"Policy {policy_id} was published by {row.published_by} on {spoken(row.published_at)}.",
                by=row.published_by,
                at=row.published_at,
            )
        if tags and row.checksum not in tags:
            raise PolicyChanged(f"The text of policy {policy_id} is another one by now.", checksum=row.checksum)
        return row

    def _contradictions(self, session: Session, policy: ReturnPolicy, text: str) -> tuple[Contradiction, ...]:
        """The policy's own, and a version that would be another one's: cases name their version."""
        taken = [
            Against(None, None, policy.version, one.id, f"published, from {spoken(one.effective_from)}")
            for one in policies.published(session, policy.programme)
            if one.version == policy.version and one.id != policy.policy_id
        ]
        own = self._book.programmes.get(policy.programme)
        if own and own.version == policy.version and not policy.policy_id:
            taken.append(Against(None, None, policy.version, f"{FILE}{policy.programme}", "the release's own file"))
        found = look_through(policy, text, TEXT, self._book)
        if not taken:
            return found
        says = f"There is a version {policy.version!r} of {policy.programme} already; returns name the version they were opened under."
        line = lines_of(text).get("version")
        return (Contradiction("version_taken", Severity.ERROR, "version", says, tuple(taken), TEXT, line), *found)

    def _policy(self, session: Session, policy_id: str) -> tuple[ReturnPolicy, str]:
        if policy_id.startswith(FILE):
            programme = self._named(policy_id)
            return self._book.programmes[programme], self._text_of(programme)
        row = policies.get(session, policy_id)
        if row.published_at is None:
            return read_draft(row.text, TEXT, self._book), row.text
        return self.shelf.version(session, policy_id), row.text

    def _one(self, session: Session, policy_id: str) -> PolicyVersion:
        at = self._clock(session)
        if policy_id.startswith(FILE):
            programme = self._named(policy_id)
            return self._file(programme, policies.id_at(session, programme, at), whole=True)
        row = policies.get(session, policy_id)
        return self._shown(row, policies.id_at(session, row.programme, at), at, whole=True)

    def _named(self, policy_id: str) -> str:
        programme = policy_id.removeprefix(FILE)
        if programme not in self._book.programmes:
            raise UnknownPolicy(f"There is no policy {policy_id!r}.")
        return programme

    def _text_of(self, programme: str) -> str:
        return self._book.texts.get(f"programmes/{programme}.toml", "")

    def _shown(self, row: Row[Any], live: str | None, at: datetime, *, whole: bool) -> PolicyVersion:
        if row.published_at is None:
            status = PolicyStatus.DRAFT
        elif row.effective_from > at:
            status = PolicyStatus.SCHEDULED
        else:
            status = PolicyStatus.LIVE if row.id == live else PolicyStatus.PAST
        return PolicyVersion(
            id=row.id,
            programme=row.programme,
            version=row.version,
            title=row.title,
            status=status,
            checksum=row.checksum,
            note=row.note,
            created_by=row.created_by,
            created_at=row.created_at,
            published_by=row.published_by,
            published_at=row.published_at,
            effective_from=row.effective_from,
            accepted=tuple(row.accepted or ()),
            law=row.law,
            law_of_release=row.law and row.law == self._law,
            text=row.text if whole else None,
            tiers=row.tiers if whole else None,
        )

    def _file(self, programme: str, live: str | None, *, whole: bool) -> PolicyVersion:
        policy, text = self._book.programmes[programme], self._text_of(programme)
        return PolicyVersion(
            id=f"{FILE}{programme}",
            programme=programme,
            version=policy.version,
            title=policy.title,
            status=PolicyStatus.PAST if live else PolicyStatus.LIVE,
            checksum=checksum(text),
            law=self._law,
            law_of_release=True,
            text=text if whole else None,
            tiers=self._book.texts.get("tiers.toml") if whole else None,
        )


def _answered_before(session: Session, caller: Caller, key: IdempotencyKey | None) -> Answered | None:
    if key is None or (row := keys.claim(session, caller.id, key.route, key.value, key.body_hash)) is None:
        return None
    if row.body_hash != key.body_hash:
        raise KeyUsedForAnotherRequest(
            "The Idempotency-Key stands for another request that was carried out.", key=key.value
        )
    return Answered(row.response, replayed=True)


def _answer(
    session: Session, caller: Caller, key: IdempotencyKey | None, body: dict[str, Any], *, status: int
) -> Answered:
    if key:
        keys.answer(session, caller.id, key.route, key.value, status=status, response=body, case_id=None, fact_id=None)
    return Answered(body)


def _more(found: Iterable[Contradiction]) -> str:
    others = len(list(found)) - 1
    return f" And {others} more." if others else ""
