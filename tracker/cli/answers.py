"""What syncd says of the remotes and of what is delivered, asked in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Literal, TypeVar

import msgspec

from tracker.store import StoreFolder

LIMIT_S = 120.0

T = TypeVar("T")


class Seen(msgspec.Struct):
    """One thing that was looked at; see `syncd.sinks.Seen`."""

    what: str
    said: str
    level: Literal["ok", "note", "todo"]
    next: str | None = None


class Answer(msgspec.Struct):
    """What one remote said, or the error and the next command."""

    ok: bool
    version: str | None = None
    clock_offset_s: float | None = None
    seen: list[Seen] = []
    error: str | None = None
    next: str | None = None


class Answers(msgspec.Struct):
    """What each of them said, and who delivers from the store now, in words."""

    remotes: dict[str, Answer]
    server: str | None = None


class Refused(msgspec.Struct):
    """What a remote refused for good."""

    what: str
    reason: str


class Lane(msgspec.Struct):
    """One run on its way to one remote; see `syncd.status.LaneStatus`."""

    remote: str
    run: str
    pending: int
    since: float | None = None
    refused: list[Refused] = []
    error: str | None = None
    next_try_s: float = 0.0
    url: str | None = None


class Server(msgspec.Struct):
    """The syncd that delivers from a store; see `syncd.lease.Holder`."""

    host: str
    pid: int


class Status(msgspec.Struct):
    """How delivery stands, as far as it is looked at here; see `syncd.status.Overview`."""

    lanes: list[Lane]
    daemon: Server | None = None
    paused: dict[str, object] = {}
    stopped: dict[str, str] = {}


def ask(folder: StoreFolder, remote: str | None = None) -> Answers | str:
    """Ask all remotes of a store, or one: the answers, or why there are none."""
    return _said(folder, "check", *([] if remote is None else [f"--remote={remote}"]), as_=Answers)


def ask_lanes(folder: StoreFolder) -> list[Lane] | str:
    """Ask what is pending, parked and failing in a store; or why that cannot be told."""
    said = ask_status(folder)
    return said if isinstance(said, str) else said.lanes


def ask_status(folder: StoreFolder) -> Status | str:
    """Ask how delivery from a store stands, which takes a second or more; or why it is not told."""
    return _said(folder, "status", as_=Status)


def _said(folder: StoreFolder, command: str, *options: str, as_: type[T]) -> T | str:
    place = ["--dir", str(folder.root), "--json"]
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "syncd", command, *place, *options],
            capture_output=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    try:
        return msgspec.json.decode(done.stdout, type=as_)
    except msgspec.MsgspecError:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {done.returncode} and no answer"
