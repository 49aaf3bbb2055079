"""Keeping a file or a folder as an artifact version: all of it, or none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from tracker.artifacts.blobs import Blobs
from tracker.artifacts.manifest import FILES, Entry, Manifest, check_count
from tracker.artifacts.names import check_distinct, check_name, check_path, shown
from tracker.artifacts.steady import check_kind
from tracker.errors import ArtifactError, BadInput
from tracker.store import free_bytes, nearly_full


class Kept(NamedTuple):
    """An artifact version that is in the store, as the Artifact event tells it.

    `manifest` is the digest of its manifest; `files` and `size` (bytes) count what it lists.
    """

    name: str
    manifest: str
    files: int
    size: int


class _Source(NamedTuple):
    path: str  # in the manifest
    file: Path  # on this machine, no symlink


def keep(blobs: Blobs, path: str | os.PathLike[str], name: str, spare_bytes: int = 0) -> Kept:
    """Keep a file, or a folder with all below it, as a version of the artifact `name`.

    A file becomes a manifest with one path, its own name. A folder's files are kept under
    their paths within it, hidden ones too; folders without files are not. `path` itself may
    be a symlink. Inside a folder a symlink stands for the file that it leads to if this
    lies in the same folder; any other symlink is refused. When this returns, the version
    survives loss of power. No event is written. `spare_bytes` of the disk stay free: what
    would leave less is refused, for the sake of scalars.

    Raises:
        BadInput: `name` or `path` cannot be one.
        ArtifactError: the path is absent, an empty folder, or holds something that cannot
            be read or kept; names it. Or there is too little room. There is no version then.
    """
    check_name(name)
    top = _resolved(path)
    try:
        # All names first: a refusal costs nothing before a byte is copied.
        sources = list(_walk(top, blobs)) if top.is_dir() else [_single(path, top)]
        for source in sources:
            check_path(source.path)
        check_distinct(source.path for source in sources)
        _check_room(blobs.folder.parent, sources, spare_bytes)
        manifest = Manifest.of(_entry(blobs, source) for source in sources)
        return Kept(name, manifest.put(blobs).digest, len(sources), manifest.size)
    except BadInput as error:
        raise ArtifactError(f"{shown(os.fspath(path))} was not kept: {error}") from error
    except OSError as error:  # of looking around; reading and writing have told theirs
        raise ArtifactError(
            f"{shown(error.filename or os.fspath(path))} was not kept: it cannot be read "
            f"({error.strerror or error}). Check its permissions, then log it again."
        ) from error


def _check_room(root: Path, sources: list[_Source], spare_bytes: int) -> None:
    free = free_bytes(root)
    size = sum(source.file.stat().st_size for source in sources) if spare_bytes else 0
    if nearly_full(free, spare_bytes + size):
        raise ArtifactError(
            f"its {size:,} bytes were not kept, as the store's disk is nearly full ({free:,} bytes "
            f"are free, of which {spare_bytes:,} are for scalars: setting storage_low_bytes). Free "
            "space there, then log it again."
        )


def _resolved(path: str | os.PathLike[str]) -> Path:
    given = os.fspath(path)
    if not isinstance(given, str) or not given:
        raise BadInput(f"{shown(given)} cannot be a path: give the path of a file or a folder.")
    try:
        return Path(os.path.realpath(given, strict=True))
    except OSError as error:
        raise ArtifactError(
            f"{shown(given)} was not kept: {error.strerror or error}. Check the path; "
            "a relative one begins at the folder in which the program runs."
        ) from error
    except ValueError as error:  # a NUL in it
        raise BadInput(f"{shown(given)} cannot be a path: {error}. Check the path.") from error


def _single(path: str | os.PathLike[str], top: Path) -> _Source:
    check_kind(top, top.stat().st_mode, "a file or a folder")
    return _Source(Path(path).name, top)


def _entry(blobs: Blobs, source: _Source) -> Entry:
    blob = blobs.put_file(source.file, follow=False)
    return Entry(source.path, blob.size, blob.digest)


def _walk(top: Path, blobs: Blobs) -> Iterator[_Source]:
    """List the files of a folder in sorted order; at least one, at most `FILES`."""
    if Path(os.path.realpath(blobs.folder)).is_relative_to(top):
        raise ArtifactError(
            f"{shown(str(top))} was not kept: it holds the store itself ({blobs.folder.parent}). "
            "Name a folder inside it, or move the store with TRACKER_DIR."
        )
    count = 0
    waiting = _listed(top)
    while waiting:
        found = waiting.pop()
        if found.is_dir(follow_symlinks=False):
            waiting.extend(_listed(Path(found.path)))
            continue
        count += 1
        check_count(count)
        path = Path(found.path)
        yield _Source(path.relative_to(top).as_posix(), _target(path, found, top))
    if not count:
        raise ArtifactError(
            f"{shown(str(top))} was not kept: there are no files in it. "
            "Write the files first, or name another folder."
        )


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    """List a folder, last name first; stops where there are more entries than `FILES`."""
    with os.scandir(folder) as found:
        entries = list(islice(found, FILES + 1))
    check_count(len(entries))
    return sorted(entries, key=attrgetter("name"), reverse=True)


def _target(path: Path, found: os.DirEntry[str], top: Path) -> Path:
    """Give the file that an entry of the folder `top` stands for."""
    if not found.is_symlink():
        if not found.is_file(follow_symlinks=False):
            check_kind(path, found.stat(follow_symlinks=False).st_mode, "a regular file")
        return path
    try:
        target = Path(os.path.realpath(path, strict=True))
        inside = target.is_relative_to(top) and target.is_file()
    except OSError:  # it leads nowhere, in a circle, or where we may not look
        inside = False
    if not inside:
        raise ArtifactError(
            f"{shown(str(path))} was not kept: it is a symlink to {shown(str(path.readlink()))}, "
            f"which is not a file inside {shown(str(top))}. Put a copy of the file in its place, "
            "or remove the link."
        )
    return target
