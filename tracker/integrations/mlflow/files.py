"""A run's files: its artifacts and logged models, where they lie on this machine.

Each entry of a run's artifact folder is an artifact of ours with that name, and each logged model
is one; what changed is a new version of it. A database may name any folder, and would get at any
file of who imports it: so only a folder is looked at that has MLflow's own form, with the run's id
or `models` and an id in it, and nothing that is a link.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from tracker.artifacts import Blobs, keep
from tracker.errors import ArtifactError, BadInput
from tracker.events import ARTIFACT
from tracker.integrations.appending import Happened
from tracker.integrations.mlflow.described import Described, Model

_ROOTS = ("mlartifacts", "mlruns", "")
"""Where files are beside the store: of a server that serves them, of clients that write them."""

_FOLDER = "artifacts"
_OF_MODEL = re.compile(r"m-[0-9a-f]{32}")


class State(NamedTuple):
    """How an artifact was: its files, their bytes together, when the newest was written (ns)."""

    files: int
    size: int
    time: int


class Files:
    """The files of one run; `base` is the folder of MLflow's store."""

    def __init__(self, blobs: Blobs, base: Path, run: Described) -> None:
        self._blobs = blobs
        self._base = base
        self._run = run
        self.trouble: list[str] = []

    def events(self, models: list[Model], known: dict[str, State]) -> Iterator[Happened]:
        """A version of each artifact that is not as it is known; `known` is brought up to date.

        Raises:
            ArtifactError: the store cannot be written now.
        """
        self.trouble = []
        folder = self._found(self._run.artifacts, lambda path: path.parent.name == self._run.run_id)
        for path in sorted(folder.iterdir()) if folder is not None else []:
            yield from self._kept(path, path.name, "mlflow-artifact", known)
        for model in models:
            place = self._found(
                model.place, lambda path: bool(_OF_MODEL.fullmatch(path.parent.name))
            )
            if place is not None and any(place.iterdir()):
                name = re.sub(r"[^\w.-]", "_", model.name) or "model"
                yield from self._kept(place, name, "model", known)

    def _found(self, where: str, sound: Callable[[Path], bool]) -> Path | None:
        """The folder on this machine that an address means, if it has MLflow's form."""
        try:
            return self._looked_for(where, sound)
        except ValueError:  # a NUL in it, or brackets that do not match
            self.trouble.append(f"the place of its files is no address: {where[:200]!r}")
            return None

    def _looked_for(self, where: str, sound: Callable[[Path], bool]) -> Path | None:
        address = urlsplit(where)
        parts = unquote(address.path).strip("/").split("/")
        if not where:
            return None
        places = [self._base.joinpath(root, *parts[-n:]) for root in _ROOTS for n in (3, 4)]
        if address.scheme in ("", "file"):
            places.insert(0, self._base / unquote(address.path if address.scheme else where))
        elif address.scheme != "mlflow-artifacts":
            self.trouble.append(f"files at {address.scheme}://{address.netloc} are not taken")
            return None
        for place in places:
            real = place.resolve()
            if real.is_dir() and real.name == _FOLDER and sound(real):
                return real
        if not any(place.parents[1].is_dir() for place in places[:1]):
            self.trouble.append(
                f"no files are taken: {unquote(address.path)} is not there. If the run kept some, "
                "put that folder back, or beside the store as mlruns or mlartifacts, and import "
                "again"
            )
        return None

    def _kept(
        self, path: Path, name: str, kind: str, known: dict[str, State]
    ) -> Iterator[Happened]:
        try:
            now = _state(path)
            if now is None or known.get(name) == now:
                return
            kept = keep(self._blobs, path, name)
        except (BadInput, ArtifactError, OSError) as error:
            self.trouble.append(f"artifact {name}: {error}")
            return
        known[name] = now
        yield ARTIFACT, now.time, kept.name, kind, kept.manifest, kept.files, kept.size


def _state(path: Path) -> State | None:
    """How an artifact is now; None if it has no file.

    Raises:
        BadInput: it is a link.
        OSError: it cannot be looked at.
    """
    if path.is_symlink():
        raise BadInput("it is a link; what links lead to is not taken.")
    paths = [path] if path.is_file() else [
        Path(place, name) for place, _, names in os.walk(path) for name in names
    ]  # fmt: skip
    looks = [each.stat() for each in paths]
    if not looks:
        return None
    newest = max(look.st_mtime_ns for look in looks)
    return State(len(looks), sum(look.st_size for look in looks), newest)
