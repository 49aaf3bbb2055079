"""What commands have `syncd` do, as a process of its own: this program never imports it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

from tracker.errors import SettingsError
from tracker.query import Store
from tracker.settings import check_known, load
from tracker.store import StoreFolder


def check_remote(folder: StoreFolder, name: str | None) -> None:
    """Refuse a remote that the store has not, or any if it has none.

    Raises:
        SettingsError: there is no remote at all.
        BadInput: there is none of this name.
    """
    remotes = sorted(load(folder).remotes)
    if not remotes:
        raise SettingsError(
            f"the store {folder.root} has no remote to deliver to. "
            "Add one: tracker remote add NAME mlflow URL"
        )
    if name is not None:
        check_known(name, remotes)


def run_ids(folder: StoreFolder, runs: Iterable[str]) -> list[str]:
    """Ids of the runs that a person means, each once.

    Raises:
        RunError: one of them is no run, or could be several.
    """
    store = Store(folder.root)
    try:
        return list(dict.fromkeys(store.run(run).id for run in runs))
    finally:
        store.close()


def syncd(folder: StoreFolder, command: str, *arguments: str) -> int:
    """Run a command of syncd on a store to its end; its exit code."""
    sys.stdout.flush()
    words = [sys.executable, "-m", "syncd", command, "--dir", str(folder.root), *arguments]
    process = subprocess.Popen(words)  # noqa: S603 - our own program
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:  # Ctrl-C reached the child too, which ends in its own way
            continue
        return code if code >= 0 else 128 - code
