"""A partner's books: one SQLite file, written before any answer is given, and a clock that can be moved forward.

One event loop owns the books: every question and every write runs on it, so there is one writer and no lock. The file
is in WAL mode with `synchronous=NORMAL`: what was answered survives the death of the program (`kill -9`); after a power
cut the last answers may be missing, which a real partner would not allow itself.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SETTINGS_TABLE = "CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value REAL NOT NULL) STRICT"


class Books:
    """One file of rows. `now()` is the partner's moment: the machine's clock plus what was added through `advance`."""

    def __init__(self, file: Path, tables: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=5.0)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(SETTINGS_TABLE + ";" + tables)
        kept = self.one("SELECT value FROM settings WHERE name = 'advanced_seconds'")
        self._advanced_seconds = 0.0 if kept is None else float(kept["value"])

    def now(self) -> float:
        """The partner's moment, in seconds since 1970 UTC."""
        return time.time() + self._advanced_seconds

    def advance(self, seconds: float) -> float:
        """Move the clock forward for good, and say what it shows."""
        self.write(
            "INSERT INTO settings (name, value) VALUES ('advanced_seconds', ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            self._advanced_seconds + seconds,
        )
        self._advanced_seconds += seconds
        return self.now()

    def one(self, question: str, *values: Any) -> sqlite3.Row | None:
        """The first row that answers, or None."""
        row: sqlite3.Row | None = self._connection.execute(question, values).fetchone()
        return row

    def all(self, question: str, *values: Any) -> list[sqlite3.Row]:
        """Every row that answers."""
        return self._connection.execute(question, values).fetchall()

    def write(self, statement: str, *values: Any) -> int:
        """Write, at once or with the transaction around it; says the row number that an insert got."""
        return self._connection.execute(statement, values).lastrowid or 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes within, or none of them; they are on file when it ends."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


def moment_text(seconds: float) -> str:
    """RFC 3339 in UTC: `2026-03-01T09:00:00.250Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
