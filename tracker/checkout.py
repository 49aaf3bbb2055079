"""The git checkout that a program runs from: which commit of it, and where it came from.

Read from its files, without git: nothing is started, and it takes a fraction of a millisecond.
Whether files differ from the commit is not looked at. The layout of these files is git's
(gitrepository-layout, git-worktree and git-config of its manual).
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path

_MOST_BYTES = 4_000_000
"""Of a file that is read; a list of a million references has 60 MB, and is not."""

_REFERENCE = re.compile(r"ref:\s*(refs/[^\0]+)")
_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_USER = re.compile(r"(?<=://)[^/@]*@")
_SECTION = re.compile(r'\s*\[remote "([^"]+)"\]')
_URL = re.compile(r"\s*url\s*=\s*(\S+)")


def checkout() -> dict[str, str]:
    """`git_commit` and `git_remote` of the checkout that the program lies in, as far as known.

    That of the script's folder; of the current folder where there is no script or it lies in
    none. A remote is told without user and password.
    """
    with contextlib.suppress(OSError, ValueError):
        folder = _folder()
        if folder is not None:
            common = _common(folder)
            found = {"git_commit": _commit(folder, common), "git_remote": _remote(common)}
            return {name: text for name, text in found.items() if text}
    return {}


def without_user(address: str) -> str:
    """An address as it may be told: without the user and password that may stand in it."""
    return _USER.sub("", address)


def _folder() -> Path | None:
    script = sys.argv[0] if sys.argv else ""
    begin = [Path(script).resolve().parent] if script and Path(script).is_file() else []
    for start in [*begin, Path.cwd()]:
        for place in (start, *start.parents):
            if (git := place / ".git").is_dir():
                return git
            if git.is_file():  # of a worktree or a submodule: it says where
                said = _read(git).partition("gitdir:")[2].strip()
                return place / said if said else None
    return None


def _common(folder: Path) -> Path:
    """Where a worktree shares references and settings with others; else the folder itself."""
    said = _read(folder / "commondir").strip()
    return folder / said if said else folder


def _commit(folder: Path, common: Path) -> str:
    head = _read(folder / "HEAD").strip()
    named = _REFERENCE.fullmatch(head)
    if named is None:
        return head if _COMMIT.fullmatch(head) else ""
    for place in (folder, common):
        if _COMMIT.fullmatch(commit := _read(place / named[1]).strip()):
            return commit
    packed = re.search(
        rf"^([0-9a-f]+) {re.escape(named[1])}$", _read(common / "packed-refs"), re.MULTILINE
    )
    return packed[1] if packed else ""


def _remote(common: Path) -> str:
    """The address of the remote called origin, else of the first one."""
    found: dict[str, str] = {}
    remote = None
    for line in _read(common / "config").splitlines():
        if line.lstrip().startswith("["):
            section = _SECTION.match(line)
            remote = section[1] if section else None
        elif remote is not None and (url := _URL.match(line)):
            found.setdefault(remote, without_user(url[1])[:1000])
    return found.get("origin") or next(iter(found.values()), "")


def _read(path: Path) -> str:
    """The text of a file; "" where it is none, or not to be read."""
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return ""
        return os.fsdecode(path.read_bytes())
    except OSError:
        return ""
