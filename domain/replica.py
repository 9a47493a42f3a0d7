"""The second copy of a running case's state: how it is written down, and how two copies compare notes.

The workflow decides the order of facts. Whoever records a fact (the desk, an activity) applies the same pure step to the case's row in
the same transaction, so that a reader sees it at once and no history event is spent on copying. Each side then says by `digest` what
state it came to; where they differ (facts crossed, a run was reset) the workflow writes its own state over the row. What was recorded
before the workflow last did so was overwritten with it, whatever its digest says: the row's version tells.
"""

import json
from dataclasses import MISSING, asdict, fields
from datetime import datetime
from typing import Any
from zlib import crc32

from domain.limits import Limits
from domain.stages import Stage
from domain.state import Effect, EffectKind, Fact, FactKind, Method, State, Verdict

# For ever what a case means whose limits do not say: another default would change cases that are under way.
_UNSET = {limit.name: limit.default for limit in fields(Limits) if limit.default is not MISSING}


def to_json(state: State) -> dict[str, Any]:
    """Plain JSON values, without what is empty, and without limits that are as they always were.

    What is left out came later than the first cases: they are written down, and digested, as they were then.
    """
    written = {key: value for key, value in _plain(asdict(state)).items() if value not in (None, [], "", False)}
    limits = {name: value for name, value in written["limits"].items() if value != _UNSET.get(name)}
    return {**written, "limits": limits}


def from_json(row: dict[str, Any]) -> State:
    """The state that `to_json` wrote down."""
    return State(
        stage=Stage(row["stage"]),
        since=datetime.fromisoformat(row["since"]),
        method=Method(row["method"]),
        limits=Limits(**row["limits"]),
        due=_moment(row.get("due")),
        warn_at=_moment(row.get("warn_at")),
        early=tuple(_fact(fact) for fact in row.get("early", ())),
        goods=_stage(row.get("goods")),
        delivered=row.get("delivered", False),
        bookings=row.get("bookings", 0),
        ending=_stage(row.get("ending")),
        verdict=Verdict(row.get("verdict", "")),
        resume=_stage(row.get("resume")),
        failed=_effect(row.get("failed")),
        reason=row.get("reason", ""),
        settlements=row.get("settlements", 0),
        asked=row.get("asked", 0),
        escalated=row.get("escalated", False),
        appealed=row.get("appealed", False),
        paid=_moment(row.get("paid")),
        destination=row.get("destination", ""),
        notice=_moment(row.get("notice")),
        sent=_moment(row.get("sent")),
        received=_moment(row.get("received")),
        advance=row.get("advance", ""),
        recharges=row.get("recharges", 0),
        reminded=row.get("reminded", 0),
    )


def digest(state: State) -> int:
    """A number that two equal states share; never 0, which stands for "not recorded"."""
    return crc32(json.dumps(to_json(state), sort_keys=True).encode()) or 1


def _fact(row: dict[str, Any]) -> Fact:
    return Fact(FactKind(row["kind"]), datetime.fromisoformat(row["at"]), row["id"], row["by"], row["data"])


def _effect(row: dict[str, Any] | None) -> Effect | None:
    return Effect(EffectKind(row["kind"]), row["key"], row["round"]) if row else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _stage(text: str | None) -> Stage | None:
    return Stage(text) if text else None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
