"""Everything that differs between two runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tracker.artifacts import Blobs, Manifest
from tracker.errors import ArtifactError, BadInput
from tracker.index import Index
from tracker.query.compared import Compared, canonical, compared
from tracker.query.plain import plain
from tracker.query.runview import RunView

_ABOUT_RUN = (
    "project", "name", "group", "job_type", "notes", "status", "exit_code", "error", "events",
)  # fmt: skip
_ORDER = (
    "run", "config", "code", "environment", "packages", "data", "output", "host", "tags", "summary",
    "metrics",
)  # fmt: skip
_LISTED = 1 << 20
"""Longest list of packages that is read, in bytes."""

_PACKAGE = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:==|@)\s*(\S+)")


class Pair(NamedTuple):
    """One thing that differs: what it is in each run, None where it is not recorded.

    `kind` is "run", "config", "code", "environment", "packages", "data", "output", "host",
    "tags", "summary" or "metrics" (last values).
    """

    kind: str
    key: str
    a: Any
    b: Any


class Diff(NamedTuple):
    """Two runs and what differs between them, by kind and key; `same` counts what does not."""

    a: RunView
    b: RunView
    pairs: list[Pair]
    same: int

    def to_dict(self) -> dict[str, Any]:
        """As strict JSON can say it."""
        fields = {
            "a": {"id": self.a.id, "name": self.a.name},
            "b": {"id": self.b.id, "name": self.b.name},
            "differences": [pair._asdict() for pair in self.pairs],
            "same": self.same,
        }
        result: dict[str, Any] = plain(fields)
        return result


def diff(index: Index, a: RunView, b: RunView) -> Diff:
    """Compare two runs in everything; see `Store.diff`."""
    if a.id == b.id:
        raise BadInput(f"both are the same run, {a.name or a.id}; give two.")
    one, other = compared(index, [a, b])
    blobs = Blobs(index.folder.blobs)
    known = [_told(each, blobs) for each in (one, other)]
    _open_versions(known, blobs)
    pairs, same = [], 0
    for kind, key in sorted({*known[0], *known[1]}, key=lambda at: (_ORDER.index(at[0]), at[1])):
        values = [told.get((kind, key)) for told in known]
        if canonical(values[0]) == canonical(values[1]):
            same += 1
        else:
            pairs.append(Pair(kind, key, *values))
    return Diff(a, b, pairs, same)


def _told(one: Compared, blobs: Blobs) -> dict[tuple[str, str], Any]:
    """All that is recorded of a run, by kind and key."""
    run = one.run
    found: dict[tuple[str, str], Any] = {("run", name): getattr(run, name) for name in _ABOUT_RUN}
    found |= {("config", key): value for key, value in one.config.items()}
    found |= one.facts
    found |= {("tags", tag): value for tag, value in run.tags.items()}
    found |= {("summary", key): value for key, value in run.summary.items()}
    found |= {("metrics", key): value for key, value in one.values.items()}
    listed = one.facts.get(("environment", "requirements.txt"))
    found |= {("packages", name): version for name, version in _packages(blobs, listed)}
    return {at: value for at, value in found.items() if value is not None}


def _packages(blobs: Blobs, manifest: str | None) -> Iterator[tuple[str, str]]:
    """Names and versions in a recorded list of packages; nothing where it cannot be read."""
    if manifest is None:
        return
    try:
        entry = Manifest.load(blobs, manifest).files[0]
        content = blobs.read(entry.digest, _LISTED)
    except (ArtifactError, BadInput):
        return
    for line in content.decode("utf-8", "replace").splitlines():
        if (package := _PACKAGE.match(line)) is not None:
            yield package[1].lower().replace("_", "-"), package[2]


def _open_versions(known: list[dict[tuple[str, str], Any]], blobs: Blobs) -> None:
    """Put files in the place of artifacts that both runs have in different versions."""
    one, other = known
    for kind, name in [at for at in one if at[0] in ("data", "output")]:
        if (kind, name) not in other or one[kind, name] == other[kind, name]:
            continue
        files = [_files(blobs, told[kind, name]) for told in known]
        if None in files:
            continue
        for told, listed in zip(known, files, strict=True):
            told |= {(kind, f"{name}/{path}"): digest for path, digest in (listed or {}).items()}


def _files(blobs: Blobs, manifest: str) -> Mapping[str, str] | None:
    """Digests of a version's files by path; None where its manifest is not here."""
    try:
        return {entry.path: entry.digest for entry in Manifest.load(blobs, manifest).files}
    except (ArtifactError, BadInput):
        return None
