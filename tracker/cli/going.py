"""What goes to a remote, and when: the options that say so, and saying it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import click
import msgspec

from tracker import hours
from tracker.errors import BadInput
from tracker.moments import moment
from tracker.settings import RemoteSettings

NONE: dict[str, Any] = {
    "since": None, "project": [], "tag": [], "include": [], "exclude": [],
    "hours": [], "file_hours": [], "bytes_per_s": None,
}  # fmt: skip
"""The settings of a remote that say what goes there and when, each as it is where it is not set.

Their options have the same names.
"""

OPTIONS = tuple(name.replace("_", "-") for name in NONE)

_SEVERAL = ("project", "tag", "include", "exclude", "hours", "file_hours")

KINDS = ("metric", "config", "summary", "artifact")
"""What stands before a pattern; see `syncd.policy`."""

_LIKE_A_KIND = 0.75
_RATE = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)\s*([KMG]?)B?(?:/s)?", re.IGNORECASE)
_FACTORS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3}
_LEAST_RATE = 1000


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options; what they are given is for `chosen`."""
    several = [
        ("--project", "PROJECT", "Only runs of this project; repeated: of one of them."),
        ("--tag", "TAG", "Only runs with this tag, NAME or NAME=VALUE; repeated: with all."),
        ("--include", "PATTERN", "Only what matches, of a run; repeated: one of them."),
        ("--exclude", "PATTERN", "All but what matches, of a run; may be repeated."),
        ("--hours", "HH:MM-HH:MM", "Only at these hours, as 22:00-06:00; may be repeated."),
        ("--file-hours", "HH:MM-HH:MM", "Files of artifacts only at these hours."),
    ]
    for name, metavar, text in reversed(several):
        command = click.option(name, multiple=True, metavar=metavar, help=text)(command)
    command = click.option(
        "--bytes-per-s", metavar="BYTES", help="No more than so many, as 500K or 2M."
    )(command)
    command = click.option("--no-backfill", is_flag=True, help="The same as --since 0m.")(command)
    return click.option(
        "--since", metavar="TIME", help="Only runs that started at a date, or so long ago: 7d, 24h."
    )(command)


def chosen(given: dict[str, Any]) -> dict[str, Any]:
    """What the options say, as settings; only those that were given.

    Raises:
        BadInput: one cannot be used.
    """
    found: dict[str, Any] = {name: list(given[name]) for name in _SEVERAL if given[name]}
    hours.Hours((*given["hours"], *given["file_hours"]))
    if given["bytes_per_s"]:
        found["bytes_per_s"] = rate(given["bytes_per_s"])
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


def rate(text: str) -> int:
    """The bytes a second that a person means.

    Raises:
        BadInput: it cannot be read as such, or is less than 1000.
    """
    found = _RATE.fullmatch(text.strip())
    meant = int(float(found[1]) * _FACTORS[found[2].upper()]) if found else 0
    if meant < _LEAST_RATE:
        raise BadInput(f"{text!r} is no rate; give bytes a second, 1000 or more: 500K, 2M, 1.5G.")
    return meant


def fields(remote: RemoteSettings) -> dict[str, Any]:
    """The settings that say what goes there and when, those that are set, as JSON can say them."""
    found: dict[str, Any] = msgspec.to_builtins(remote)
    return {name: found[name] for name in NONE if name in found}


def said(remote: RemoteSettings) -> str:
    """What goes there and when, in words."""
    return "; ".join((*_what(remote), *_when(remote)))


def _what(remote: RemoteSettings) -> list[str]:
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
    return parts


def _when(remote: RemoteSettings) -> list[str]:
    parts = []
    if remote.hours:
        parts.append(f"at {', '.join(remote.hours)}")
    if remote.file_hours:
        parts.append(f"files at {', '.join(remote.file_hours)}")
    if remote.bytes_per_s:
        parts.append(f"at most {remote.bytes_per_s:,} bytes a second")
    return parts


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
