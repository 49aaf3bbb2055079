"""Remotes that get nothing for a while, as a person wants it: sync/paused.json.

The file is read where settings are, and changed without the store's lock, so a pause holds for
a daemon that runs and for all that come after it. A remote is known by its kind and URL, as in
syncd.db: its name may change.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from tracker.cli.wording import day_and_time
from tracker.errors import StoreError
from tracker.settings import RemoteSettings, locked
from tracker.store import StoreFolder, replace_file

EVERY = ""
"""Stands in the file for all remotes, those added later too."""


class Pause(msgspec.Struct, frozen=True):
    """Nothing is sent from `since` until `until`, or until somebody resumes it; s since 1970."""

    since: float
    until: float | None = None

    def said(self) -> str:
        """For a person."""
        until = f", until {_day(self.until)}" if self.until is not None else ""
        return f"paused since {_day(self.since)}{until}; go on: syncd resume"


def of(store: StoreFolder, remotes: Mapping[str, RemoteSettings]) -> dict[str, Pause]:
    """The pauses that hold now, by the name of the remote.

    Raises:
        StoreError: the file cannot be read.
    """
    now = time.time()
    found = {
        key: pause for key, pause in _read(_file(store)).items()
        if pause.until is None or pause.until > now
    }  # fmt: skip
    holding = {name: found.get(_key(remote), found.get(EVERY)) for name, remote in remotes.items()}
    return {name: pause for name, pause in holding.items() if pause is not None}


def pause(store: StoreFolder, remote: RemoteSettings | None, for_s: float | None) -> Pause:
    """Pause a remote, or all, for so many seconds or until `resume`.

    Raises:
        SettingsError, StoreError: the file cannot be changed, or read.
    """
    now = time.time()
    wanted = Pause(now, None if for_s is None else now + for_s)
    with locked(_file(store)):
        known = _read(_file(store))
        _write(store, known | {_key(remote): wanted})
    return wanted


def resume(store: StoreFolder, remote: RemoteSettings | None) -> None:
    """End the pause of a remote, or all pauses there are.

    Raises:
        SettingsError, StoreError: the file cannot be changed, or read.
    """
    with locked(_file(store)):
        known = _read(_file(store))
        left = {key: pause for key, pause in known.items() if remote and key != _key(remote)}
        if left != known:
            _write(store, left)


def _file(store: StoreFolder) -> Path:
    return store.sync / "paused.json"


def _key(remote: RemoteSettings | None) -> str:
    return EVERY if remote is None else f"{remote.kind} {remote.url.rstrip('/')}"


def _day(at: float) -> str:
    return day_and_time(datetime.fromtimestamp(at, timezone.utc))


def _read(path: Path) -> dict[str, Pause]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Pause])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreError(
            f"{path} cannot be read ({error}), so nobody knows what is paused. Remove it to have "
            "all remotes served, then pause again: syncd pause"
        ) from error


def _write(store: StoreFolder, known: Mapping[str, Pause]) -> None:
    replace_file(_file(store), msgspec.json.format(msgspec.json.encode(known)) + b"\n")
