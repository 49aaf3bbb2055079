"""How remotes answer: asked by `syncd check`, a process of its own."""

from __future__ import annotations

import subprocess
import sys

import msgspec

from tracker.store import StoreFolder

LIMIT_S = 120.0


class Answer(msgspec.Struct):
    """What one remote said, or the error and the next command."""

    ok: bool
    version: str | None = None
    clock_offset_s: float | None = None
    error: str | None = None
    next: str | None = None


class Answers(msgspec.Struct):
    """What each of them said."""

    remotes: dict[str, Answer]


def ask(folder: StoreFolder, remote: str | None = None) -> Answers | str:
    """Ask all remotes of a store, or one: the answers, or why there are none."""
    command = [sys.executable, "-m", "syncd", "check", "--dir", str(folder.root), "--json"]
    if remote is not None:
        command.append(f"--remote={remote}")
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            command, capture_output=True, timeout=LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    try:
        return msgspec.json.decode(done.stdout, type=Answers)
    except msgspec.MsgspecError:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {done.returncode} and no answer"
