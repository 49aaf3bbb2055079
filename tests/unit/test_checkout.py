"""The commit that a program runs from is told from git's own files, whatever state they are in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

import tracker
from tracker.checkout import checkout

FIRST, SECOND = "a" * 40, "b" * 40


def put(folder, name, text):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


@pytest.fixture
def git(tmp_path, monkeypatch):
    """The .git of a checkout, of which the script lies two folders below."""
    put(tmp_path, "work/src/deep/train.py", "")
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "work/src/deep/train.py")])
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "work/.git/HEAD", "ref: refs/heads/main\n")
    put(tmp_path, "work/.git/refs/heads/main", f"{FIRST}\n")
    return tmp_path / "work/.git"


def test_the_branch_s_commit(git):
    assert checkout() == {"git_commit": FIRST}
    put(git, "HEAD", SECOND)
    assert checkout() == {"git_commit": SECOND}  # detached


def test_packed_references(git):
    """A loose one is newer."""
    put(git, "packed-refs", f"# pack-refs with: peeled\n{SECOND} refs/heads/main\n^{'c' * 40}\n")
    assert checkout() == {"git_commit": FIRST}
    (git / "refs/heads/main").unlink()
    assert checkout() == {"git_commit": SECOND}
    put(git, "HEAD", "ref: refs/heads/mai.\n")
    assert checkout() == {}


def test_the_remote_is_origin_or_the_first_and_no_password_is_told(git):
    put(git, "config", '[core]\n\turl = x\n[remote "up"]\n\turl = https://me:s3cret@host/a.git\n')
    assert checkout()["git_remote"] == "https://host/a.git"
    put(git, "config", (git / "config").read_text() + '[remote "origin"]\n  url = git@host:b.git\n')
    assert checkout()["git_remote"] == "git@host:b.git"


def test_a_worktree_says_where_the_rest_is(git, tmp_path, monkeypatch):
    put(tmp_path, "other/.git", f"gitdir: {git}/worktrees/other\n")
    put(tmp_path, "other/train.py", "")
    put(git, "worktrees/other/HEAD", "ref: refs/heads/topic\n")
    put(git, "worktrees/other/commondir", "../..\n")
    put(git, "refs/heads/topic", SECOND)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "other/train.py")])
    assert checkout() == {"git_commit": SECOND}


def test_without_a_script_it_is_the_current_folder_s(git, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["-c"])
    assert checkout() == {}
    monkeypatch.chdir(git.parent / "src")
    assert checkout() == {"git_commit": FIRST}


def spoil(git, how):
    """Make a checkout that tells nothing."""
    head = git / "HEAD"
    head.unlink()
    if how == "pipe":
        os.mkfifo(head)
    elif how == "loop":
        head.symlink_to("HEAD")
    elif how == "folder":
        head.mkdir()
    elif how == "bytes":
        head.write_bytes(b"ref: refs/\xff\0\n")
    elif how == "large":
        head.write_bytes(b"a" * 5_000_000)
    elif how == "away":
        put(git, "HEAD", "ref: refs/../../../../etc/passwd")


@pytest.mark.parametrize("how", ["none", "pipe", "loop", "folder", "bytes", "large", "away"])
def test_what_is_damaged_tells_nothing_and_holds_nobody_up(git, how):
    spoil(git, how)
    assert checkout() == {}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_run_has_the_commit_that_git_itself_tells(tmp_path, monkeypatch):
    """And `tracker query` finds it by that."""
    ask = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run([*ask, *words], check=True)
    said = subprocess.run([*ask, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    monkeypatch.setattr(sys, "argv", [""])
    monkeypatch.chdir(tmp_path)
    with tracker.init(name="r", dir=tmp_path / "store"):
        pass
    commit = said.stdout.strip()
    store = tracker.open(tmp_path / "store")
    assert [run.name for run in store.runs(filter=f"git.commit = '{commit}'")] == ["r"]
    store.close()
