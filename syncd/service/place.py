"""What is installed for a store: its name, the command it runs, its mark."""

from __future__ import annotations

import hashlib
import re
import shlex
import sys
from pathlib import Path
from urllib.parse import quote, unquote

from tracker.errors import BadInput, StoreError
from tracker.store import StoreFolder, replace_file

_MARK = re.compile(r"made by syncd install for (syncd-[0-9a-f]{12}) at ([\w/.~%-]+)", re.ASCII)


def name(store: StoreFolder) -> str:
    """Name of a store's service. A store that is moved keeps it, as it keeps its id."""
    return f"syncd-{hashlib.sha256(store.id.encode()).hexdigest()[:12]}"


def command(store: StoreFolder, word: str) -> list[str]:
    """The command line of `syncd WORD` for a store, from wherever it is run."""
    return [sys.executable, "-m", "syncd", word, "--dir", str(store.root)]


def mark(store: StoreFolder) -> str:
    """Say in one line, without spaces in the path or "--", which store a text is for."""
    place = quote(str(store.root)).replace("--", "-%2D")
    return f"made by syncd install for {name(store)} at {place}"


def check_mine(store: StoreFolder, place: object, text: str | None) -> None:
    """Raise BadInput unless there is no text at `place`, or one that this store may replace."""
    if text is None:
        return
    root = served(store, text)
    if root is None:
        raise BadInput(
            f"{place} was not made by syncd and is left as it is. Rename it, then again: "
            "syncd install"
        )
    if is_copy(store, root):
        raise BadInput(
            f"a copy of this store, {root}, has the service {name(store)}. To have it serve "
            f"{store.root} instead, first: syncd uninstall --dir {shlex.quote(str(root))}"
        )


def is_copy(store: StoreFolder, root: Path) -> bool:
    """Whether another folder is this store too; False where it was moved away from there."""
    try:
        return root != store.root and StoreFolder.open(root).id == store.id
    except StoreError:
        return False


def served(store: StoreFolder, text: str) -> Path | None:
    """The folder that a marked text serves; None if it is not marked for this store."""
    found = _MARK.search(text)
    return Path(unquote(found[2])) if found is not None and found[1] == name(store) else None


def is_mine(store: StoreFolder, text: str | None) -> bool:
    """Whether a text was installed for this store, here or where it was before."""
    root = served(store, text) if text is not None else None
    return root is not None and not is_copy(store, root)


def content(path: Path) -> str | None:
    """What stands in a file; None if it is not there."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def put(store: StoreFolder, path: Path, text: str) -> bool:
    """Put a marked text in its place; False if it stood there already.

    Raises:
        BadInput: what stands there is not ours.
    """
    before = content(path)
    check_mine(store, path, before)
    if before == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, text.encode())
    return True


def remove(store: StoreFolder, path: Path) -> bool:
    """Remove a marked text; False if there is none, or it is not ours."""
    if not is_mine(store, content(path)):
        return False
    path.unlink()
    return True
