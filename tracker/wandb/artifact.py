"""`wandb.Artifact`: files under names of their own, kept together as a version.

What is added is copied at once, as wandb does, so that a file may be overwritten between two
calls of `add_file`. References stand in the file `tracker.references.json` of the version. Aliases,
description and metadata are a media event of the form `OF_ARTIFACT` behind that of the version.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import unquote, urlparse

import msgspec

from tracker.artifacts import check_path
from tracker.errors import BadInput
from tracker.events import Json
from tracker.wandb import said
from tracker.wandb.configs import friendly
from tracker.wandb.entries import Entry, Reference
from tracker.wandb.errors import CommError
from tracker.wandb.media import Media, logged

REFERENCES = "tracker.references.json"
"""The file of a version that lists what lies elsewhere: [{"path", "ref"}, ...]."""

_NOT_HERE = {
    "commit_hash": "", "created_at": "", "delete": "Use tracker gc.", "digest_algorithm": "",
    "distributed_id": "", "entity": "", "get": "Read its files with file() or download().",
    "get_added_local_path_name": "", "history_step": "", "id": "Use digest.", "incremental": "",
    "is_link": "", "json_encode": "", "link": "", "linked_artifacts": "", "linked_at": "",
    "logged_by": "", "project": "", "qualified_name": "Use name.",
    "save": "Use run.log_artifact.", "source_artifact": "", "source_collection": "",
    "source_entity": "", "source_name": "", "source_project": "", "source_qualified_name": "",
    "source_version": "", "state": "", "ttl": "", "unlink": "", "updated_at": "", "url": "",
    "use_as": "", "used_by": "", "verify": "Files are checked as they are read.",
}  # fmt: skip
"""Names of wandb's artifacts that do nothing here, and what does it instead."""


class Artifact:
    """A version to be, or one that was logged.

    Args:
        name: its name; every content logged under it is a version: v0, v1, ...
        type: "model", "dataset", or what you like.
        description: a text.
        metadata: a dict in terms of JSON.

    Attributes:
        digest: of its manifest, None until it is logged.
        aliases: names of this version, such as "best".
    """

    def __init__(
        self, name: str, type: str,  # noqa: A002 - the field's word
        description: str | None = None, metadata: Mapping[str, Any] | None = None, **more: Any,
    ) -> None:  # fmt: skip
        del more
        self._name = name
        self.type = type
        self.description = description
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.aliases: list[str] = []
        self.tags: list[str] = []
        self.digest: str | None = None
        self._version: str | None = None
        self._references: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Artifact {self.name} ({self.type})>"

    @cached_property
    def folder(self) -> Path:
        """Where its files are, under their paths in the version; gone with this object.

        That is, once nobody holds it or an `Entry` of it any more.
        """
        made = tempfile.mkdtemp(prefix="tracker-artifact-")
        weakref.finalize(self, shutil.rmtree, made, ignore_errors=True)
        return Path(made)

    # -- adding ----------------------------------------------------------------------------

    def add_file(
        self, local_path: str | Path, name: str | None = None, is_tmp: bool | None = False,
        **more: Any,
    ) -> Entry:  # fmt: skip
        """Add a copy of a file, under its own name or `name`.

        Raises:
            BadInput: it is no file, the name cannot be one, or the artifact was logged.
        """
        del is_tmp, more
        source = Path(local_path)
        if not source.is_file():
            raise BadInput(f"{source} cannot be added to artifact {self._name}: it is no file.")
        path = name or source.name
        shutil.copyfile(source, self._place(path))
        return Entry(path, self.folder / path, of=self)

    def add_dir(self, local_path: str | Path, name: str | None = None, **more: Any) -> None:
        """Add copies of all files below a folder, under their paths in it, or below `name`.

        Raises:
            BadInput: as `add_file`.
        """
        del more
        top = Path(local_path)
        if not top.is_dir():
            raise BadInput(f"{top} cannot be added to artifact {self._name}: it is no folder.")
        for file in sorted(top.rglob("*")):
            if file.is_file():
                self.add_file(file, str(PurePosixPath(name or ".", file.relative_to(top))))

    def add_reference(self, uri: Any, name: str | None = None, **more: Any) -> list[Entry]:
        """Add the address of something that lies elsewhere; its content is not looked at.

        Raises:
            BadInput: it is no address ("s3://bucket/key", "file:///data").
        """
        del more
        address = str(getattr(uri, "ref", None) or uri)
        parts = urlparse(address)
        if not parts.scheme:
            raise BadInput(f"{address!r} is no address such as s3://bucket/key or file:///data.")
        path = name or unquote(PurePosixPath(parts.path).name) or parts.netloc
        self._check_open()
        self._references[check_path(path)] = address
        return [Entry(path, None, address, of=self)]

    def add(self, obj: Media, name: str, **more: Any) -> Entry:
        """Add media, such as a table: its file as `name`, what it refers to below `name`.files.

        Raises:
            BadInput: it has no file, such as a histogram.
        """
        del more
        found = logged(obj)
        if not found.files:
            raise BadInput(f"a {found.form} has no file to add to artifact {self._name}; log it.")
        first, *rest = found.files
        suffix = "".join(PurePosixPath(first.name).suffixes)
        path = name if name.endswith(suffix) else f"{name}{suffix}"
        self._write(path, first.content)
        for file in rest:
            self._write(f"{name}.files/{file.name}", file.content)
        return Entry(path, self.folder / path, of=self)

    @contextlib.contextmanager
    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None
    ) -> Iterator[IO[Any]]:
        """Open a file of this name in the artifact, to be written.

        Raises:
            BadInput: as `add_file`.
        """
        how = mode.replace("x", "w") if "b" in mode else "w"
        with self._place(name).open(how, encoding=None if "b" in how else encoding) as file:
            yield file

    def remove(self, item: str | Path | Entry) -> None:
        """Take a file or reference out again.

        Raises:
            BadInput: the artifact was logged.
        """
        self._check_open()
        path = item.path if isinstance(item, Entry) else str(item)
        self._references.pop(path, None)
        (self.folder / check_path(path)).unlink(missing_ok=True)

    def _place(self, name: str) -> Path:
        """Where a file of this name goes; its folders are made."""
        self._check_open()
        target = self.folder / check_path(str(PurePosixPath(name)))
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _write(self, name: str, content: bytes | Path) -> None:
        target = self._place(name)
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            shutil.copyfile(content, target)

    def _check_open(self) -> None:
        if self.digest is not None:
            raise BadInput(
                f"artifact {self.name} was logged and stays as it is. Make a new version: "
                "artifact.new_draft(), or wandb.Artifact of the same name."
            )

    # -- being logged ----------------------------------------------------------------------

    def ready(self) -> Path:
        """Give the folder to keep: its files, and the list of its references."""
        if self._references:
            listed = [Reference(path, ref) for path, ref in sorted(self._references.items())]
            (self.folder / REFERENCES).write_bytes(msgspec.json.encode(listed))
        return self.folder

    def told(self) -> dict[str, Json]:
        """What the media event says of it, by wandb's words; see `tracker.events.Media`."""
        said = {
            "manifest": self.digest, "type": self.type, "aliases": self.aliases, "tags": self.tags,
            "description": self.description, "metadata": friendly(self.metadata),
        }  # fmt: skip
        return {word: what for word, what in said.items() if what}

    def keep_as(self, digest: str | None, version: str | None = None) -> None:
        """Take it for logged: nothing is added any more."""
        self.digest, self._version = digest, version

    def new_draft(self) -> Artifact:
        """Give a new version to be, with the same files."""
        made = Artifact(self._name, self.type, self.description, self.metadata)
        shutil.copytree(self.folder, made.folder, dirs_exist_ok=True)
        made._references = dict(self._references)
        return made

    # -- looking ---------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Its name, with the version where that is known."""
        return f"{self._name}:{self._version}" if self._version else self._name

    @property
    def collection(self) -> str:
        """Its name without a version."""
        return self._name

    @property
    def version(self) -> str | None:
        """Its number, such as "v0", once it was taken from the store."""
        return self._version

    @property
    def manifest(self) -> Mapping[str, Entry]:
        """Its files and references by path."""
        return {entry.path: entry for entry in self.files()}

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(entry.size or 0 for entry in self.files())

    @property
    def file_count(self) -> int:
        """How many files and references there are."""
        return len(self.files())

    def files(self, names: Sequence[str] | None = None, **more: Any) -> list[Entry]:
        """Its files and references, in the order of their paths."""
        del more
        top = self.folder
        here = {p.relative_to(top).as_posix(): p for p in top.rglob("*") if p.is_file()}
        here.pop(REFERENCES if self._references else "", None)
        found = [Entry(path, local, of=self) for path, local in here.items()]
        found += [Entry(path, None, ref, of=self) for path, ref in self._references.items()]
        return sorted(
            (entry for entry in found if names is None or entry.path in names),
            key=lambda entry: entry.path,
        )

    def get_entry(self, name: str | Path) -> Entry:
        """Give one of them.

        Raises:
            CommError: there is no such path.
        """
        found = self.manifest.get(str(name))
        if found is None:
            raise CommError(f"artifact {self.name} has no {str(name)!r}: {sorted(self.manifest)}")
        return found

    get_path = get_entry

    def download(self, root: str | None = None, **more: Any) -> str:
        """Write its files below `root`, by default ./artifacts/NAME:VERSION; give that folder."""
        del more
        target = Path(root or Path("artifacts", self.name))
        target.mkdir(parents=True, exist_ok=True)
        shutil.copytree(
            self.folder, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(REFERENCES)
        )
        return str(target)

    checkout = download

    def file(self, root: str | None = None) -> str:
        """Write its only file as `download` does; give its path.

        Raises:
            BadInput: it has several.
        """
        found = self.files()
        if len(found) != 1:
            raise BadInput(f"artifact {self.name} has {len(found)} files; use download().")
        return found[0].download(root)

    def wait(self, timeout: float | None = None) -> Artifact:
        """Give itself: what was logged is in the store already."""
        del timeout
        return self

    def is_draft(self) -> bool:
        """Whether it has not been logged."""
        return self.digest is None

    def finalize(self) -> None:
        """Do nothing: logging ends it."""

    def __getattr__(self, name: str) -> Any:
        if name in _NOT_HERE:
            return said.Absent(f"Artifact.{name}", _NOT_HERE[name])
        raise AttributeError(f"an artifact has no {name!r} on tracker")
