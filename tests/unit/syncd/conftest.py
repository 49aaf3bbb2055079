"""A store, platforms in memory for its remotes, and a machine with services of its own."""

from __future__ import annotations

import pytest

from syncd import remotes
from tests.unit.syncd.platform import Memory
from tracker.errors import BadInput
from tracker.store import StoreFolder

SYSTEMCTL = """
echo "$@" >> "$CALLED"
case "$*" in *fail*) echo "no bus" >&2; exit 1;; esac
"""
CRONTAB = """
echo "$@" >> "$CALLED"
if [ "$1" = - ]; then cat > "$CALLED.tab"; exit; fi
cat "$CALLED.tab" 2>/dev/null || { echo "no crontab for me" >&2; exit 1; }
"""


@pytest.fixture
def platforms(monkeypatch):
    """Remotes of kind memory by name; those of another kind cannot be made."""
    made = {}

    def make(remote):
        if remote.kind != "memory":
            raise BadInput(f"remote {remote.name!r} is of the unknown kind {remote.kind!r}")
        return made.setdefault(remote.name, Memory())

    monkeypatch.setattr(remotes, "make", make)
    return made


@pytest.fixture
def store(tmp_path):
    return StoreFolder.open(tmp_path / "store", create=True)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with these programs; what they are called with stands in the file it gives."""
    called, folder = tmp_path / "called", tmp_path / "bin"
    folder.mkdir()
    called.touch()
    monkeypatch.setenv("CALLED", str(called))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    for name, body in (("systemctl", SYSTEMCTL), ("launchctl", SYSTEMCTL), ("crontab", CRONTAB)):
        (folder / name).write_text(f"#!/bin/sh\n{body}")
        (folder / name).chmod(0o700)
    return called
