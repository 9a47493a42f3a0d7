"""Rows that the running case writes about itself: a fact that nobody else recorded, and its own word where the row says otherwise."""

from temporalio import activity

from database import cases, facts
from database.engine import Clock, Sessions
from domain.state import Fact, State


class NoteActivities:
    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    @activity.defn(name="record")
    def record(self, case_id: str, fact: Fact) -> int:
        """Record a deadline that passed or an effect that failed; answers with the digest of the row after it."""
        run_id = activity.info().workflow_run_id
        with self._sessions.begin() as session:
            cases.lock(session, case_id)
            epoch = cases.epoch_of(session, case_id, run_id) if run_id else 0
            # A run that was reset says the same things again: they are its own, and numbered as such.
            return facts.record(session, case_id, fact, epoch=epoch).fact.seen

    @activity.defn(name="write_over")
    def write_over(self, case_id: str, state: State, seq: int) -> int:
        """The case's own state over the row; answers with the row's version after it."""
        run_id = activity.info().workflow_run_id or ""
        with self._sessions.begin() as session:
            return cases.write_over(session, case_id, state, run_id=run_id, seq=seq, at=self._clock(session))
