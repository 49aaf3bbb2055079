"""The commands of the service as a person types them: what they say, and their exit codes."""

from __future__ import annotations

import json
import re

import pytest

from syncd.cli.program import execute
from tracker.settings import RemoteSettings, add_remote
from tracker.store import StoreFolder


@pytest.fixture
def store(tmp_path, monkeypatch):
    store = StoreFolder.open(tmp_path / "store", create=True)
    monkeypatch.setenv("TRACKER_DIR", str(store.root))
    add_remote(store, "lab", RemoteSettings("mlflow", "http://127.0.0.1:9"))
    return store


@pytest.fixture
def typed(capsys):
    """Type a command: its exit code, and all it printed."""

    def typed(*words):
        code = execute(words)
        done = capsys.readouterr()
        return code, done.out + done.err

    return typed


def test_install_and_uninstall(store, typed, machine, monkeypatch, tmp_path):
    """--print does nothing; credentials that only this shell has are said; twice is once."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "geheim")
    code, out = typed("install", "--print")
    assert (code, "[Service]\nType=notify" in out, "geheim" in out) == (0, True, False)
    assert not (tmp_path / "config" / "systemd").exists()
    code, out = typed("install")
    [unit] = (tmp_path / "config" / "systemd" / "user").iterdir()
    assert (code, f"{unit.name} runs" in out) == (0, True), out
    assert "lab: its credentials are in this environment" in out
    for said in (f"removed from {unit}", f"no service is installed for {store.root}"):
        code, out = typed("uninstall")
        assert (code, said in out, unit.exists()) == (0, True, False), out
    assert machine.read_text().count(f"--user enable {unit.name}") == 1


def test_install_says_what_is_missing(store, typed, monkeypatch, tmp_path):
    """No services of a user's own, as in containers and on many clusters; or no remote."""
    monkeypatch.setenv("PATH", str(tmp_path))
    code, out = typed("install")
    assert (code, "syncd install --kind cron; or deliver" in out) == (1, True), out
    code, out = typed("install", "--kind", "cron", "--print")
    assert code == 0
    assert re.search(r"^\*/5 \* \* \* \* cd / && .* once --dir .*", out, re.MULTILINE)
    store.settings.unlink()
    code, out = typed("install")
    assert (code, "this store has no remote; add one" in out) == (2, True), out


@pytest.mark.usefixtures("store")
def test_what_cannot_be_paused_or_resumed_is_said(typed):
    for words, said in (
        (("pause", "--remote", "lib"), "there is no remote 'lib'"),
        (("pause", "--for", "ever"), "--for 'ever' is no length of time; give 30m, 2h, 7d or 2w"),
        (("pause", "--for", "0m"), "--for '0m' is no length of time"),
    ):
        code, out = typed(*words)
        assert (code, said in out) == (2, True), out
    typed("pause")
    code, out = typed("resume", "--remote", "lab")
    assert (code, "all remotes are paused, and lab with them" in out) == (2, True), out
    assert typed("resume")[0] == 0
    assert json.loads(typed("status", "--json")[1])["paused"] == {}


def test_no_logs_yet(store, typed):
    code, out = typed("logs")
    assert (code, f"nothing to show in {store.sync / 'syncd.log'}" in out) == (0, True)


def test_status_says_whether_syncd_runs(store, typed):
    assert "syncd: does not run; deliver: syncd once" in typed("status")[1]
    assert json.loads(typed("status", "--json")[1])["daemon"] is None
    assert list(store.sync.iterdir()) == [], "to look leaves nothing"
