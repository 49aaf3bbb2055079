"""Logins and addresses that cannot be: one clear line, and nothing is kept."""

from __future__ import annotations

import io
import sys

import pytest

from tests.fault.delivering import make_store
from tracker.cli.program import run
from tracker.credentials import kept, ring
from tracker.settings import load
from tracker.store import StoreFolder

SECRET = "wr0ng-pa55word"  # noqa: S105 - made up


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TRACKER_DIR", str(tmp_path / "store"))
    monkeypatch.setattr(ring, "ask", lambda _: ring.Answer(why="is not here"))


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [("lib", b"t", "Did you mean 'lab'?"), ("lab", b"", "no token was given"),
     ("lab", b"wr0ng\nlines", "line break"), ("lab", "wr0ng-ö".encode(), "ASCII"),
     ("lab", b"wr0ng" * 10**5, "8,192"), ("lab", b"wr0ng\xff", "UTF-8")],
    ids=range(6),
)  # fmt: skip
def test_a_login_that_cannot_be_is_refused(tmp_path, monkeypatch, capsys, *, name, typed, said):
    make_store(tmp_path / "store", "http://lab.test")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed)))
    assert run(["remote", "login", name]) in (1, 2)
    text = capsys.readouterr().err
    assert said in text
    assert len(text.splitlines()) == 1
    assert "wr0ng" not in text
    assert not kept.path().exists()


def test_a_password_in_an_address_that_cannot_be_kept_leaves_no_remote_behind(tmp_path, capsys):
    kept.path().parent.mkdir(parents=True)
    kept.path().write_text("{}")
    kept.path().chmod(0o644)
    assert run(["remote", "add", "lab", "mlflow", f"http://ada:{SECRET}@h"]) == 1
    said = capsys.readouterr()
    assert f"chmod 600 '{kept.path()}'" in said.err
    assert SECRET not in said.out + said.err
    assert load(StoreFolder.open(tmp_path / "store")).remotes == {}


def test_authorities_are_kept_with_their_whole_path(tmp_path, monkeypatch):
    """Syncd may be started in another folder."""
    monkeypatch.chdir(tmp_path)
    assert run(["remote", "add", "a", "mlflow", "https://h", "--option", "ca=x.pem"]) == 0
    assert run(["remote", "add", "b", "mlflow", "https://h", "--option", "ca=~/x.pem"]) == 0
    remotes = load(StoreFolder.open(tmp_path / "store")).remotes
    assert remotes["a"].options["ca"] == str(tmp_path / "x.pem")
    assert remotes["b"].options["ca"] == "~/x.pem"
