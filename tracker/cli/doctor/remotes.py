"""The remotes of a store: reached by `syncd check`, a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from tracker import pending
from tracker.cli import address, credentials, wording
from tracker.cli.doctor.finding import Finding
from tracker.errors import SettingsError
from tracker.settings import RemoteSettings, Settings, load
from tracker.store import StoreFolder

CHECK_LIMIT_S = 120.0
CLOCK_APART_S = 5.0


class _Answer(msgspec.Struct):
    ok: bool
    version: str | None = None
    clock_offset_s: float | None = None
    error: str | None = None
    next: str | None = None


class _Answers(msgspec.Struct):
    remotes: dict[str, _Answer]


def remote_findings(folder: StoreFolder) -> Iterator[Finding]:
    """Yield how each remote answers, and what waits for it."""
    try:
        settings = load(folder)
    except SettingsError:
        return  # said where the settings are looked at
    if not settings.remotes:
        yield Finding(
            "remotes", "note", "none; nothing is delivered anywhere",
            "tracker remote add NAME mlflow URL",
        )  # fmt: skip
        return
    answers = _asked(folder)
    if isinstance(answers, str):
        yield Finding(
            "remotes", "todo", f"syncd check failed: {answers}",
            f"syncd check --dir '{folder.root}'",
        )  # fmt: skip
    for name, remote in sorted(settings.remotes.items()):
        if isinstance(answers, _Answers):
            yield from _reached(name, remote, answers.remotes.get(name))
    yield from _pending(folder, settings)


def _asked(folder: StoreFolder) -> _Answers | str:
    """What `syncd check` answers, or why there is no answer."""
    command = [sys.executable, "-m", "syncd", "check", "--dir", str(folder.root), "--json"]
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            command, capture_output=True, timeout=CHECK_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    try:
        return msgspec.json.decode(done.stdout, type=_Answers)
    except msgspec.MsgspecError:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {done.returncode} and no answer"


def _reached(name: str, remote: RemoteSettings, answer: _Answer | None) -> Iterator[Finding]:
    where = f"{name} ({remote.kind} at {address.redacted(remote.url)})"
    facts: dict[str, Any] = {
        "remote": name,
        "kind": remote.kind,
        "url": address.redacted(remote.url),
        "credentials": credentials.present(name, remote.kind),
        "version": answer.version if answer else None,
        "clock_offset_s": answer.clock_offset_s if answer else None,
    }
    with_what = credentials.said(name, remote.kind)
    if answer is None or not answer.ok:
        error = answer.error if answer and answer.error else "it was not checked"
        step = answer.next if answer and answer.next else "syncd check"
        yield Finding("remotes", "todo", f"{where}: {error}; {with_what}", step, facts)
        return
    yield Finding(
        "remotes", "ok", f"{where} answers, version {answer.version}; {with_what}", facts=facts
    )
    apart = answer.clock_offset_s
    if apart is not None and abs(apart) > CLOCK_APART_S:
        yield Finding(
            "clock", "todo",
            f"the clock of {name} is {wording.duration(abs(apart))} "
            f"{'ahead of' if apart > 0 else 'behind'} ours; times are sent as they were recorded",
            "timedatectl status", {"remote": name, "clock_offset_s": apart},
        )  # fmt: skip


def _pending(folder: StoreFolder, settings: Settings) -> Iterator[Finding]:
    known = pending.published(folder)
    if known is None:
        yield Finding("pending", "todo", "syncd never ran for this store", "syncd run")
        return
    age = wording.duration(max(0.0, time.time() - known.at / 1e9))
    for name in sorted(settings.remotes):
        left = known.remotes.get(name)
        if left is None:
            yield Finding("pending", "todo", f"{name}: nothing was delivered yet", "tracker push")
            continue
        facts = {"remote": name, "events": left.events, "runs": left.runs, "error": left.error}
        text = (
            f"{name}: {wording.counted(left.events, 'event')} of "
            f"{wording.counted(left.runs, 'run')} when syncd last looked, {age} ago"
        )
        if left.error:
            yield Finding(
                "pending", "todo", f"{text}; last error: {left.error}", "syncd status", facts
            )
        elif left.events:
            yield Finding("pending", "note", text, "tracker push", facts)
        else:
            yield Finding("pending", "ok", text, facts=facts)
