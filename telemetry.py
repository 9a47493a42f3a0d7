"""Logs: one line per record on standard error, with the case and the request it belongs to, and no personal data.

Only the extras named in CARRIED reach the line, so a stray `extra={"email": …}` stays out of it. Loggers of libraries
that write addresses with their query strings (uvicorn's access log, HTTP clients) speak from WARNING on.

    logging.getLogger(__name__).info("refund sent", extra={"case_id": "ret_…", "request_id": "req_…"})
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

CARRIED = ("case_id", "request_id", "workflow_id", "activity", "attempt", "stage", "partner", "code")
TALKATIVE = ("uvicorn.access", "httpx2", "httpcore2", "asyncio", "sqlalchemy.engine")

LogForm = Literal["short", "json"]


class ShortLine(logging.Formatter):
    """2026-11-20T09:30:00.123Z worker INFO refund sent case_id=ret_01 request_id=req_02"""

    def __init__(self, process: str) -> None:
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        carried = [f"{name}={value}" for name, value in carried_by(record).items()]
        line = " ".join([moment(record), self.process, record.levelname, one_line(record.getMessage()), *carried])
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonLine(logging.Formatter):
    """One JSON object per record: at, process, level, logger, message, what CARRIED names, and error (a traceback)."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": moment(record),
            "process": self.process,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **carried_by(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def carried_by(record: logging.LogRecord) -> dict[str, object]:
    """The extras of a record that may be written, in the order of CARRIED."""
    return {name: getattr(record, name) for name in CARRIED if getattr(record, name, None) is not None}


def moment(record: logging.LogRecord) -> str:
    """The record's instant in RFC 3339, UTC, milliseconds."""
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def one_line(message: str) -> str:
    """The message with line breaks made visible: one record stays one line, whatever a partner sent."""
    return message.replace("\r", "\\r").replace("\n", "\\n")


def set_up_logs(process: str, level: str = "INFO", *, form: LogForm = "short", stream: TextIO | None = None) -> None:
    """Send every record from `level` on to standard error (or `stream`). A second call replaces the first."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLine(process) if form == "json" else ShortLine(process))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    for name in ("uvicorn", "uvicorn.error"):  # uvicorn brings handlers of its own; one line per record is enough
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
