"""A file or a folder that appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tracker.errors import BadInput, TrackerError

_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0)


@contextlib.contextmanager
def replacing(path: Path, *, force: bool) -> Iterator[Path]:
    """Give a temporary file beside `path` to fill; it gets its name when all went well.

    Raises:
        BadInput: `path` is there and `force` is not given, or can be no file.
        TrackerError: it cannot be written.
    """
    _check(path, force=force)
    fresh = path.with_name(f".tracker-{os.urandom(8).hex()}.tmp")
    try:
        os.close(os.open(fresh, _NEW, 0o666))
        yield fresh
        _sync(fresh)
        _put_in_place(fresh, path, force=force)
    except OSError as error:
        raise TrackerError(
            f"{path} cannot be written: {error.strerror or error}. Name another file."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()


@contextlib.contextmanager
def replacing_folder(path: Path, *, force: bool) -> Iterator[Path]:
    """Give a temporary folder beside `path` to fill; it gets its name when all went well.

    The folder around `path` is made if it is not there.

    Raises:
        BadInput: `path` is there and `force` is not given, or is no folder.
        TrackerError: it cannot be written.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise BadInput(f"{path} is no folder; name another place with --output.")
    if path.exists() and not force:
        raise _taken(path)
    fresh, old = (path.with_name(f".tracker-{os.urandom(8).hex()}.tmp") for _ in range(2))
    try:
        path.parent.mkdir(exist_ok=True)
        fresh.mkdir()
        yield fresh
        _put_folder_in_place(fresh, path, old if force and path.exists() else None)
    except OSError as error:
        if path.exists() and not force:  # it came in the meantime
            raise _taken(path) from None
        raise TrackerError(
            f"{path} cannot be written: {error.strerror or error}. Name another place with "
            "--output."
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _put_folder_in_place(fresh: Path, path: Path, old: Path | None) -> None:
    """Give `fresh` the name `path`; what is there becomes `old` and is removed, or comes back."""
    if old is None:
        fresh.rename(path)
        return
    path.rename(old)
    try:
        fresh.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _check(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise BadInput(f"there is no folder {path.parent}; make it, or name another.")
    if path.exists() and not force:
        raise _taken(path)


def _taken(path: Path) -> BadInput:
    return BadInput(f"{path} is there already; replace it with --force, or name another.")


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDWR)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _put_in_place(fresh: Path, path: Path, *, force: bool) -> None:
    if force:
        fresh.replace(path)
        return
    try:
        os.link(fresh, path)  # refuses in one step a file that came in the meantime
    except FileExistsError:
        raise _taken(path) from None
    except OSError:  # no hard links on this file system
        _check(path, force=False)
        fresh.rename(path)
