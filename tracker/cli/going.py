"""What goes to a remote: the options that say so, and saying it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import click
import msgspec

from tracker.errors import BadInput
from tracker.settings import RemoteSettings

NAMES = ("since", "project", "tag", "include", "exclude")
"""The settings of a remote that say what goes there; their options have the same names."""

NONE: dict[str, Any] = {"since": None, "project": [], "tag": [], "include": [], "exclude": []}

KINDS = ("metric", "config", "summary", "artifact")
"""What stands before a pattern; see `syncd.policy`."""

_LENGTH = re.compile(r"(\d{1,6})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LIKE_A_KIND = 0.75


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options; what they are given is for `chosen`."""
    several = [
        ("--project", "PROJECT", "Only runs of this project; repeated: of one of them."),
        ("--tag", "TAG", "Only runs with this tag, NAME or NAME=VALUE; repeated: with all."),
        ("--include", "PATTERN", "Only what matches, of a run; repeated: one of them."),
        ("--exclude", "PATTERN", "All but what matches, of a run; may be repeated."),
    ]
    for name, metavar, text in reversed(several):
        command = click.option(name, multiple=True, metavar=metavar, help=text)(command)
    command = click.option("--no-backfill", is_flag=True, help="The same as --since 0m.")(command)
    return click.option(
        "--since", metavar="TIME", help="Only runs that started at a date, or so long ago: 7d, 24h."
    )(command)


def chosen(given: dict[str, Any]) -> dict[str, Any]:
    """What the options say, as settings; only those that were given.

    Raises:
        BadInput: one cannot be used.
    """
    found: dict[str, Any] = {name: list(given[name]) for name in NAMES[1:] if given[name]}
    if given["no_backfill"] and given["since"]:
        raise BadInput("--no-backfill says from when on: give it or --since, not both.")
    if given["no_backfill"] or given["since"]:
        found["since"] = moment(given["since"] or "0m", datetime.now(timezone.utc))
    for pattern in (*given["include"], *given["exclude"]):
        _check_pattern(pattern)
    for name in ("project", "tag"):
        if "" in given[name]:
            raise BadInput(f"--{name} is empty; leave it out for all runs.")
    return found


def length(text: str) -> timedelta | None:
    """The length of time that a person means by 30m, 24h, 7d or 2w; None if it is none."""
    found = _LENGTH.fullmatch(text.strip())
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def moment(text: str, now: datetime) -> datetime:
    """The time that a person means, in UTC.

    Raises:
        BadInput: it cannot be read as one.
    """
    wanted = text.strip()
    try:
        if (ago := length(wanted.removesuffix("ago"))) is not None:
            return now - ago
        return datetime.fromisoformat(wanted.replace("Z", "+00:00")).astimezone(timezone.utc)
    except (ValueError, OverflowError, OSError):
        raise BadInput(
            f"{text!r} is no time; give a date (2026-11-24, 2026-11-24T18:30) or how long ago "
            "(30m, 24h, 7d, 2w)."
        ) from None


def fields(remote: RemoteSettings) -> dict[str, Any]:
    """The settings that say what goes there, those that are set, as JSON can say them."""
    found: dict[str, Any] = msgspec.to_builtins(remote)
    return {name: found[name] for name in NAMES if name in found}


def said(remote: RemoteSettings) -> str:
    """What goes there, in words."""
    runs = []
    if remote.since is not None:
        began = remote.since.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        runs.append(f"that started {began} or later")
    if remote.project:
        runs.append(f"of the project {' or '.join(remote.project)}")
    if remote.tag:
        runs.append(f"tagged {' and '.join(remote.tag)}")
    parts = [f"runs {', '.join(runs)}" if runs else "all runs"]
    if remote.include:
        parts.append(f"of these only {', '.join(remote.include)}")
    if remote.exclude:
        parts.append(f"without {', '.join(remote.exclude)}")
    return "; ".join(parts)


def _check_pattern(pattern: str) -> None:
    kind, colon, rest = pattern.partition(":")
    if not pattern or (kind in KINDS and colon and not rest):
        raise BadInput(f"the pattern {pattern!r} is empty; all is {kind or 'metric'}:*")
    if colon and kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, 1, _LIKE_A_KIND)
        if near:
            raise BadInput(
                f"{pattern!r}: did you mean {near[0]}:{rest}? "
                f"For a metric of that name: metric:{pattern}"
            )
