"""What a run says to the person: short lines on standard error, quiet on request."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

_MOST_ONCE = 10_000
"""Warnings that are remembered as said; beyond these, new ones are no longer printed."""


def shown(text: str) -> str:
    """Text as it may reach a terminal: whatever is not printable stands escaped.

    That covers control characters, ANSI sequences, line breaks, bidirectional overrides and
    lone surrogates. Printable text, of any script, stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


class Notice:
    """Says things once or always; never raises, whatever happened to standard error."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent
        self._said: set[str] = set()

    def say(self, text: str) -> None:
        """Print a line."""
        _to_logger("info", text)
        self._print(text)

    def warn(self, text: str, *, once: str | None = None) -> None:
        """Print a warning; of those with the same `once`, only the first."""
        if once is not None:
            if once in self._said or len(self._said) > _MOST_ONCE:
                return
            self._said.add(once)
        _to_logger("warning", text)
        self._print(f"warning: {text}")

    def _print(self, text: str) -> None:
        if self._silent or sys.stderr is None:
            return
        # Closed, or nobody reads it, or a signal handler says it in the middle of another line.
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            sys.stderr.write(f"tracker: {shown(text)}\n")
            sys.stderr.flush()


def _to_logger(level: str, text: str) -> None:
    """Hand the text to the logger "tracker", if this process uses logging at all."""
    logging: Any = sys.modules.get("logging")
    if logging is None:
        return
    with contextlib.suppress(Exception):  # handlers are strangers
        log = logging.getLogger("tracker")
        if not log.handlers:
            log.addHandler(logging.NullHandler())
        getattr(log, level)(text)
