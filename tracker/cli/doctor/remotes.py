"""The remotes of a store: reached by `syncd check`, a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from tracker import pending
from tracker.cli import address, credentials, wording
from tracker.cli.answers import Answer, Answers, ask
from tracker.cli.doctor.finding import Finding
from tracker.errors import SettingsError
from tracker.settings import RemoteSettings, Settings, load
from tracker.store import StoreFolder

CLOCK_APART_S = 5.0


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
    answers = ask(folder)
    if isinstance(answers, str):
        yield Finding(
            "remotes", "todo", f"syncd check failed: {answers}",
            f"syncd check --dir '{folder.root}'",
        )  # fmt: skip
    for name, remote in sorted(settings.remotes.items()):
        if isinstance(answers, Answers):
            yield from _reached(name, remote, answers.remotes.get(name))
    yield from _pending(folder, settings)


def _reached(name: str, remote: RemoteSettings, answer: Answer | None) -> Iterator[Finding]:
    where = f"{name} ({remote.kind} at {address.redacted(remote.url)})"
    origin = credentials.origin(name, remote)
    facts: dict[str, Any] = {
        "remote": name,
        "kind": remote.kind,
        "url": address.redacted(remote.url),
        "credentials": origin.place or None,
        "credentials_error": origin.error,
        "version": answer.version if answer else None,
        "clock_offset_s": answer.clock_offset_s if answer else None,
    }
    if answer is None or not answer.ok:
        error = answer.error if answer and answer.error else "it was not checked"
        step = answer.next if answer and answer.next else "syncd check"
        said = error if origin.error else f"{error}; {origin.said}"
        yield Finding("remotes", "todo", f"{where}: {said}", step, facts)
        return
    yield Finding(
        "remotes", "ok", f"{where} answers, version {answer.version}; {origin.said}", facts=facts
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
        if apart := known.elsewhere.get(name):
            yield Finding(
                "pending", "todo",
                f"{name}: of {wording.counted(apart, 'run')} another copy of this store "
                "delivered what is not here: both went on, or this one is the older",
                "syncd status", {"remote": name, "runs": apart},
            )  # fmt: skip
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
