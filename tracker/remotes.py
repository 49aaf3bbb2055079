"""Remotes that are there: another name, other runs, other fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tracker.errors import BadInput
from tracker.settings import RemoteSettings, changing, check_known, check_remote_name
from tracker.store import StoreFolder


def change(store: StoreFolder, name: str, changes: Mapping[str, Any]) -> RemoteSettings:
    """Put `changes` in place of what the remote had under these names; returns it as it is now.

    Raises:
        BadInput: there is no such remote.
        SettingsError: the file cannot be read or changed.
    """
    with changing(store.settings) as content:
        remotes = content.get("remotes", {})
        check_known(name, remotes)
        before = msgspec.convert(remotes[name], RemoteSettings)
        after = msgspec.structs.replace(before, **changes)
        remotes[name] = msgspec.to_builtins(after)
    return after


def rename(store: StoreFolder, old: str, new: str) -> None:
    """Give a remote another name. syncd knows it again by its kind and address.

    Raises:
        BadInput: there is no remote `old`, there is one `new`, or `new` cannot be a name.
        SettingsError: the file cannot be read or changed.
    """
    check_remote_name(new)
    with changing(store.settings) as content:
        remotes = content.get("remotes", {})
        check_known(old, remotes)
        if new in remotes:
            raise BadInput(f"there is a remote {new!r} already; pick another name.")
        remotes[new] = remotes.pop(old)
