"""The netrc: found by host, refused where others read it, and never quoted."""

from __future__ import annotations

import os

import pytest

from tracker.credentials import netrcs
from tracker.errors import SettingsError

URL = "https://Lab.Test:8443/base"


@pytest.fixture
def write(home):
    def write(text, mode=0o600):
        file = home / ".netrc"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        file.chmod(mode)

    return write


def found(url=URL, **env):
    held = netrcs.find(url, env)
    return held and (held.credentials.username, held.credentials.password)


def test_the_entry_of_the_host_is_taken(write):
    write("machine other.test login o password p\nmachine lab.test login ada password hush\n")
    assert found() == ("ada", "hush")
    assert found("http://nobody.test") is None


def test_no_netrc_is_no_trouble(home):
    assert found() is None
    assert found(NETRC=str(home)) is None
    assert found(NETRC="/dev/zero") is None


def test_the_default_entry_is_for_nobody(write):
    """A store that somebody else made must not have it sent to any host it likes."""
    write("machine lab.test login ada password hush\ndefault login d password everywhere\n")
    assert found("http://evil.test") is None
    assert found("http://default") is None


@pytest.mark.skipif(os.name != "posix", reason="modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_one_that_others_may_read_is_refused_with_the_command(write, home, mode):
    write("machine lab.test login ada password hush", mode)
    with pytest.raises(SettingsError, match=f"chmod 600 '{home}/.netrc'") as caught:
        found()
    assert "hush" not in str(caught.value)
    assert found("http://nobody.test") is None


@pytest.mark.parametrize(
    "text",
    ["machine lab.test login ada password hush hush2\n", "machine lab.test hush login ada\n"],
)
def test_one_that_does_not_parse_is_named_and_not_quoted(write, home, text):
    """For its host; other hosts have nothing to do with it."""
    write(text)
    with pytest.raises(SettingsError, match=f"{home}/.netrc") as caught:
        found()
    assert "hush" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert found("http://nobody.test") is None


def test_a_huge_one_is_passed_over(write):
    write(b"machine lab.test login a password b\n" + b"#" * 2**20)
    assert found() is None
