"""The remotes of a store: reached by `syncd check`, a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tracker.cli import address, credentials, wording
from tracker.cli.answers import Answer, Answers, ask
from tracker.cli.doctor.delivery import delivery_findings
from tracker.cli.doctor.finding import Finding
from tracker.errors import SettingsError
from tracker.settings import RemoteSettings, load
from tracker.store import StoreFolder

CLOCK_APART_S = 5.0


def remote_findings(folder: StoreFolder) -> Iterator[Finding]:
    """Yield how each remote answers, what it would refuse, and how delivery stands."""
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
    server = answers.server if isinstance(answers, Answers) else None
    yield from delivery_findings(folder, sorted(settings.remotes), server)


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
        "seen": msgspec.to_builtins(answer.seen) if answer else [],
    }
    if answer is None or not answer.ok:
        error = answer.error if answer and answer.error else "it was not checked"
        step = answer.next if answer and answer.next else "syncd check"
        said = error if origin.error else f"{error}; {origin.said}"
        yield Finding("remotes", "todo", f"{where}: {said}", step, facts)
        return
    parts = [f"{where} answers, version {answer.version}", origin.said]
    parts += [one.said for one in answer.seen if one.level == "ok" and one.what != "version"]
    yield Finding("remotes", "ok", "; ".join(parts), facts=facts)
    for one in answer.seen:
        if one.level != "ok":
            looked = {"remote": name, "what": one.what}
            yield Finding("remotes", one.level, f"{name}: {one.said}", one.next, looked)
    apart = answer.clock_offset_s
    if apart is not None and abs(apart) > CLOCK_APART_S:
        yield Finding(
            "clock", "todo",
            f"the clock of {name} is {wording.duration(abs(apart))} "
            f"{'ahead of' if apart > 0 else 'behind'} ours; times are sent as they were recorded",
            "timedatectl status", {"remote": name, "clock_offset_s": apart},
        )  # fmt: skip
