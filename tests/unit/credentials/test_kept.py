# ruff: noqa: S106 - made-up secrets are the subject here
"""What login keeps: where, for whom, with which mode; and what is refused."""

from __future__ import annotations

import os
import stat
import time

import msgspec
import pytest

from tracker.credentials import Credentials, kept
from tracker.credentials import ring as ring_of
from tracker.credentials.ring import Question
from tracker.errors import SettingsError

URL = "http://lab.test"
ADA = Credentials(username="ada", password="hush-hush")


def in_file(remote="lab", url=URL):
    held = kept.in_file(remote, url)
    return held and held.credentials


def test_without_a_keyring_it_is_a_file_that_nobody_else_reads():
    old = os.umask(0)
    try:
        place = kept.keep("lab", URL + "/", ADA)
    finally:
        os.umask(old)
    assert place.startswith(f"{kept.path()}, mode 0600 (the keyring ")
    assert stat.S_IMODE(kept.path().stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.path().parent.stat().st_mode) == 0o700
    assert in_file() == ADA
    assert kept.in_keyring("lab", URL) is None


def test_they_are_for_this_name_at_this_address_only():
    """Another store may call its remote `lab` too, at an address of somebody else."""
    kept.keep("lab", URL, ADA)
    assert in_file(url="http://evil.test") is None
    assert in_file(url="https://lab.test") is None
    assert in_file("other") is None


def test_a_second_login_replaces_and_logout_forgets():
    kept.keep("other", URL, Credentials(token="o"))
    kept.keep("lab", URL, ADA)
    kept.keep("lab", URL, Credentials(token="new"))
    assert in_file() == Credentials(token="new")
    assert kept.forget("lab", URL) == str(kept.path())
    assert in_file() is None
    assert in_file("other") == Credentials(token="o")
    assert kept.forget("lab", URL) is None
    assert b"hush" not in kept.path().read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="modes")
def test_a_file_that_others_may_read_is_refused_with_the_command():
    """For reading and for keeping; what stands in it stands."""
    kept.keep("lab", URL, ADA)
    kept.path().chmod(0o640)
    before = kept.path().read_bytes()
    for call in (
        in_file,
        lambda: kept.in_keyring("lab", URL),
        lambda: kept.keep("lab", URL, ADA),
        lambda: kept.forget("lab", URL),
    ):
        with pytest.raises(SettingsError, match=f"chmod 600 '{kept.path()}'") as caught:
            call()
        assert "hush" not in str(caught.value)
    assert kept.path().read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [b"", b"hush", b'{"lab http://lab.test": "hush"}', b'{"lab http://lab.test": {"token": 5}}',
     b"\xff", b"[" * 10**5, b" " * (2**20 + 1), b'{"lab http://lab.test": {"token": "hu\\nsh"}}'],
    ids=range(8),
)  # fmt: skip
def test_what_is_no_file_of_credentials_is_named_and_not_quoted(content):
    kept.path().parent.mkdir(parents=True)
    kept.path().write_bytes(content)
    kept.path().chmod(0o600)
    with pytest.raises(SettingsError, match=r"credentials\.json") as caught:
        in_file()
    assert "hu" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_what_cannot_be_sent_is_not_kept():
    with pytest.raises(SettingsError, match="line break"):
        kept.keep("lab", URL, Credentials(token="a\nb"))
    assert not kept.path().exists()


def test_a_folder_that_cannot_be_made_is_named(home):
    (home / "config").write_text("")
    with pytest.raises(SettingsError, match=f"{home}/config"):
        kept.keep("lab", URL, ADA)


def test_the_keyring_has_the_secret_and_the_file_a_note(ring):
    assert kept.keep("lab", URL, ADA) == "the system's keyring"
    assert b"hush" not in kept.path().read_bytes()
    assert "hush-hush" in ring.read_text()
    assert kept.in_keyring("lab", URL).credentials == ADA
    assert kept.in_file("lab", URL) is None
    assert kept.forget("lab", URL) == "the system's keyring"
    assert "hush" not in ring.read_text()
    assert kept.in_keyring("lab", URL) is None


@pytest.mark.usefixtures("ring")
def test_a_keyring_that_refuses_later_is_said_with_what_to_do(monkeypatch):
    kept.keep("lab", URL, ADA)
    monkeypatch.setenv("RING_DOES", "refuse")
    with pytest.raises(SettingsError, match=r"KeyringLocked.*tracker remote login lab") as caught:
        kept.in_keyring("lab", URL)
    assert "hush" not in str(caught.value)
    with pytest.raises(SettingsError, match="still there"):
        kept.forget("lab", URL)
    assert kept.keep("lab", URL, ADA).startswith(str(kept.path()))
    assert in_file() == ADA


@pytest.mark.parametrize("content", ["{}", '{"tracker lab http://lab.test": "hu-sh"}'])
def test_a_keyring_that_lost_it_or_holds_something_else_is_said(ring, content):
    kept.keep("lab", URL, ADA)
    ring.write_text(content)
    with pytest.raises(SettingsError, match="tracker remote login lab") as caught:
        kept.in_keyring("lab", URL)
    assert "hu-sh" not in str(caught.value)


@pytest.mark.usefixtures("ring")
def test_a_keyring_that_waits_for_a_person_is_left(monkeypatch):
    """After a limit, and its process is gone."""
    monkeypatch.setattr("tracker.credentials.ring.LIMIT_S", 0.5)
    monkeypatch.setenv("RING_DOES", "hang")
    began = time.monotonic()
    answer = ring_of.ask(Question("get", "lab"))
    assert "no answer" in answer.why
    assert time.monotonic() - began < 5


@pytest.mark.usefixtures("ring")
def test_a_keyring_that_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert "not installed" in ring_of.ask(Question("get", "lab")).why


@pytest.mark.usefixtures("ring")
@pytest.mark.parametrize("priority", ["0", "0.5", "-1"])
def test_a_keyring_that_keeps_secrets_readable_is_not_used(monkeypatch, priority):
    monkeypatch.setenv("RING_PRIORITY", priority)
    assert "no backend" in ring_of.ask(Question("get", "lab")).why


def test_every_change_shows_on_the_stamp(home):
    """The daemon looks at it: a login, a logout, a mended mode, a netrc."""
    seen = [kept.stamp()]

    def differs():
        seen.append(kept.stamp())
        assert seen[-1] != seen[-2]

    kept.keep("lab", URL, ADA)
    differs()
    kept.path().chmod(0o644)
    differs()
    kept.path().chmod(0o600)
    kept.forget("lab", URL)
    differs()
    (home / ".netrc").write_text("")
    differs()
    assert kept.stamp() == seen[-1]


def test_many_logins_at_once_lose_none():
    """One process after the other changes the file."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - here only

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: kept.keep(f"r{n}", URL, Credentials(token=str(n))), range(8)))
    entries = msgspec.json.decode(kept.path().read_bytes())
    assert {key: entry["token"] for key, entry in entries.items()} == {
        f"r{n} {URL}": str(n) for n in range(8)
    }
