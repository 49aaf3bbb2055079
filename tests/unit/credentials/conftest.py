"""A person with an empty home, and a keyring of which the test decides what it does."""

from __future__ import annotations

import sys

import pytest

from tracker.credentials import ring as ring_module

ASK = ring_module.ask
RING = """
import json, os, pathlib, time
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

class Ring(KeyringBackend):
    priority = float(os.environ.get("RING_PRIORITY", "5"))
    file = pathlib.Path(os.environ["RING_FILE"])

    def _held(self):
        if os.environ.get("RING_DOES") == "refuse":
            raise KeyringLocked("hush")
        if os.environ.get("RING_DOES") == "hang":
            time.sleep(60)
        return json.loads(self.file.read_text()) if self.file.exists() else {}

    def get_password(self, service, username):
        return self._held().get(f"{service} {username}")

    def set_password(self, service, username, password):
        self.file.write_text(json.dumps({**self._held(), f"{service} {username}": password}))

    def delete_password(self, service, username):
        held = self._held()
        del held[f"{service} {username}"]
        self.file.write_text(json.dumps(held))
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The person's home; where the config folder is follows from it."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name in ("NETRC", "TRACKER_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setattr(ring_module, "ask", lambda _: ring_module.Answer(why="is not here"))
    return home


@pytest.fixture
def ring(tmp_path, monkeypatch):
    """A keyring that works; returns the file with what it holds."""
    (tmp_path / "testring.py").write_text(RING)
    file = tmp_path / "ring.json"
    monkeypatch.setattr(ring_module, "ask", ASK)
    monkeypatch.setenv("PYTHONPATH", ":".join([str(tmp_path), *filter(None, sys.path)]))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "testring.Ring")
    monkeypatch.setenv("RING_FILE", str(file))
    return file
