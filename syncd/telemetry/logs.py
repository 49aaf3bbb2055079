"""JSON lines in sync/syncd.log, for programs; warnings on standard error, for people.

A line is an object with `timestamp` (ISO 8601, UTC), `level` (DEBUG, INFO, WARN, ERROR, FATAL),
`event`, and the fields of the package's table. At 5 MB the file becomes syncd.log.1, in place
of the one before. A disk that takes no line costs this line.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import stat
import sys
from collections.abc import MutableMapping
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter

from syncd.telemetry.observer import What, Where
from tracker.notice import shown

MOST_BYTES = 5_000_000
"""Of syncd.log, and of syncd.log.1."""

LEVELS = {
    What.RUN_STARTED: logging.INFO, What.METRICS_LOGGED: logging.INFO,
    What.ARTIFACT_CACHED: logging.INFO, What.ARTIFACT_UPLOADED: logging.DEBUG,
    What.SYNC_DELAYED: logging.WARNING, What.AUTH_FAILED: logging.ERROR,
    What.UPLOAD_FAILED: logging.ERROR, What.TRACKING_UNAVAILABLE: logging.ERROR,
}  # fmt: skip

_WORDS = {
    logging.DEBUG: "DEBUG", logging.INFO: "INFO", logging.WARNING: "WARN",
    logging.ERROR: "ERROR", logging.CRITICAL: "FATAL",
}  # fmt: skip
_LOGGERS = ("syncd", "opentelemetry")
"""Whose records stand in the file. The second says what it could not export."""


class Logs:
    """The log of a process, from `open` to `close`.

    Attributes:
        console: standard error.
        degradation_level: stands in each line.
    """

    def __init__(self, path: Path, least: str) -> None:
        self.degradation_level = 0
        self._least = logging.getLevelName(least.upper())
        self._file = _File(path, self._as_json())
        self.console = Console()
        self._log = structlog.wrap_logger(
            logging.getLogger("syncd.telemetry"),
            processors=[ProcessorFormatter.wrap_for_formatter],
            wrapper_class=structlog.stdlib.BoundLogger,
        )

    def open(self) -> None:
        """Take up what is logged from now on."""
        self._file.setLevel(self._least)
        for name in _LOGGERS:
            logging.getLogger(name).addHandler(self._file)
        logging.getLogger("syncd").addHandler(self.console)
        logging.getLogger("syncd").setLevel(min(self._least, logging.WARNING))

    def close(self) -> None:
        """Let go of the file."""
        for name in _LOGGERS:
            logging.getLogger(name).removeHandler(self._file)
        logging.getLogger("syncd").removeHandler(self.console)
        logging.getLogger("syncd").setLevel(logging.NOTSET)
        self._file.close()

    def tell(self, what: What, where: Where | None, facts: dict[str, Any]) -> None:
        """Write one line."""
        fields = dict(facts)
        level = _level(what, fields)
        if where is not None:
            fields |= {
                "experiment_id": where.project, "run_id": where.run_id,
                "platform": where.platform, "remote": where.remote,
            }  # fmt: skip
        told = {name: value for name, value in fields.items() if value is not None}
        self._log.log(level, what.value, **told)

    def _as_json(self) -> ProcessorFormatter:
        return ProcessorFormatter(
            processors=[
                structlog.processors.TimeStamper("iso", utc=True),
                self._finish,
                ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ]
        )

    def _finish(self, _: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line.pop("exc_info", None)  # a trace may hold what no message does
        level = _WORDS.get(line["_record"].levelno, "INFO")
        first = {"timestamp": line.pop("timestamp"), "level": level, "event": line.pop("event")}
        return {**first, **line, "degradation_level": self.degradation_level}


def _level(what: What, facts: dict[str, Any]) -> int:
    if what is What.DEGRADATION_CHANGED:
        return logging.WARNING if facts["now"] > facts["before"] else logging.INFO
    return logging.CRITICAL if facts.pop("fatal", False) else LEVELS[what]


class _File(logging.handlers.RotatingFileHandler):
    """The file: private, never through a link or into a pipe, each line on a line of its own."""

    def __init__(self, path: Path, formatter: logging.Formatter) -> None:
        super().__init__(path, maxBytes=MOST_BYTES, backupCount=1, encoding="ascii", delay=True)
        self.setFormatter(formatter)
        self._ended = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; none of a thread that comes after `close`, which would open it again."""
        if not self._ended:
            super().emit(record)

    def close(self) -> None:
        """Let go of the file for good."""
        self.acquire()  # `emit` is called under it
        self._ended = True
        self.release()
        super().close()

    def _open(self) -> TextIOWrapper:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self.baseFilename, flags, 0o600)
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):  # it would take so many lines, and then block
            os.close(fd)
            raise OSError(f"{self.baseFilename} is no file")
        size = found.st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":  # a full disk took a part of the last one
            os.write(fd, b"\n")
        return open(fd, "a", encoding="ascii")  # noqa: PTH123 - opened with care above

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's name
        """Let the line go, and open the file anew for the next one."""
        stream, self.stream = self.stream, None
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:
                stream.close()


class Console(logging.Handler):
    """Warnings of the program as they are.

    Attributes:
        errors: say those among what was told too.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.errors = False

    def emit(self, record: logging.LogRecord) -> None:
        """Say it in one line."""
        told = record.msg if isinstance(record.msg, dict) else None
        if told is not None and (not self.errors or record.levelno < logging.ERROR):
            return
        text = record.getMessage() if told is None else _sentence(told)
        with contextlib.suppress(OSError, ValueError, AttributeError):  # nobody reads it
            sys.stderr.write(f"{shown(text)}\n")
            sys.stderr.flush()


def _sentence(told: dict[str, Any]) -> str:
    about = [told.get("remote"), told["event"], told.get("what"), told.get("error")]
    if "run_id" in told:
        about.insert(1, f"run {told['run_id']}")
    return ": ".join(["syncd", *(str(part) for part in about if part)])
