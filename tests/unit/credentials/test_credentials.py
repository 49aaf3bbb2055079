# ruff: noqa: S105, S106 - made-up secrets are the subject here
"""What credentials are: how they travel, what cannot, and that they stay unseen."""

from __future__ import annotations

import pytest

from tracker.credentials import MOST_CHARACTERS, PLATFORMS, Credentials, find, kept, netrcs
from tracker.credentials.variables import own_prefix
from tracker.errors import SettingsError

URL = "http://lab.test:5000"


def test_how_they_travel():
    """A token is a bearer, a user with a password is basic, nothing sends nothing."""
    assert Credentials(token="t").headers == {"Authorization": "Bearer t"}
    assert Credentials(username="é", password="b").headers == {"Authorization": "Basic w6k6Yg=="}
    assert Credentials().headers == {}


def test_secrets_are_named_to_be_hidden_and_not_shown():
    """Also as a server may repeat them: in base64, in an address, in JSON."""
    held = Credentials(username="ada", password='hid"den/ü')
    assert set(held.secrets) == {
        'hid"den/ü', "YWRhOmhpZCJkZW4vw7w=", "hid%22den%2F%C3%BC", r"hid\"den/\u00fc",
    }  # fmt: skip
    assert "hid" not in repr(held)
    assert "hidden" not in repr(Credentials(token="hidden"))
    assert Credentials().secrets == ()


@pytest.mark.parametrize(
    "held",
    [
        {"token": "two\nlines"}, {"token": "t\u00f6ken"}, {"token": "a\x00b"},
        {"username": "a:b"}, {"username": "a\r\nX: b"}, {"username": "a", "password": "b\nc"},
        {"username": "a", "password": "b\udcff"}, {"token": "x" * (MOST_CHARACTERS + 1)},
        {"username": "a", "password": "ü" * 10**6},
    ],
    ids=range(9),
)  # fmt: skip
def test_what_cannot_be_sent_is_named_by_its_place(held):
    """The text names the place and does not repeat what stands there."""
    with pytest.raises(SettingsError, match="in the place") as caught:
        Credentials(**held).checked("the place")
    secret = list(held.values())[-1]
    assert secret not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_any_script_may_stand_in_a_password():
    held = Credentials(username="Åsa", password="密码 'ü")
    assert held.checked("p") is held


def test_the_own_variables_come_before_those_of_the_platform():
    """A token for this remote wins over one for the platform, and that over nothing."""

    def found(env):
        return find("my-lab", URL, "MLFLOW_TRACKING", env)

    env = {"MLFLOW_TRACKING_TOKEN": "general"}
    assert found(env).credentials.token == "general"
    env |= {"TRACKER_REMOTE_MY_LAB_USERNAME": "ada", "TRACKER_REMOTE_MY_LAB_PASSWORD": "pw"}
    assert found(env).credentials == Credentials(username="ada", password="pw")
    env["TRACKER_REMOTE_MY_LAB_TOKEN"] = "own\n"
    assert found(env).credentials.token == "own"
    assert found(env).place == "TRACKER_REMOTE_MY_LAB_TOKEN"
    assert found({}).credentials == Credentials()
    assert found({"MLFLOW_TRACKING_USERNAME": " "}).place == ""
    assert own_prefix("my-lab.1") == "TRACKER_REMOTE_MY_LAB_1"


def test_a_platform_with_one_variable_has_a_token_in_it():
    """WANDB_API_KEY is all of a name; WANDB_USERNAME, which is no secret there, is not asked."""
    env = {"WANDB_API_KEY": "key", "WANDB_USERNAME": "ada"}
    assert find("r", URL, PLATFORMS["wandb"], env).credentials == Credentials(token="key")
    assert find("r", URL, PLATFORMS["wandb"], {"WANDB_USERNAME": "ada"}).place == ""


def test_a_variable_that_cannot_be_sent_is_named():
    with pytest.raises(SettingsError, match="MLFLOW_TRACKING_TOKEN") as caught:
        find("r", URL, "MLFLOW_TRACKING", {"MLFLOW_TRACKING_TOKEN": "hu\nsh"})
    assert "hu" not in str(caught.value)


def test_the_first_place_that_has_some_wins(home, ring, monkeypatch):
    """Environment, keyring, netrc, file."""
    (home / ".netrc").write_text("machine lab.test login net password n")
    (home / ".netrc").chmod(0o600)
    env = {"TRACKER_REMOTE_LAB_TOKEN": "t"}

    def place(environ):
        return find("lab", URL, "", environ).place

    monkeypatch.setenv("RING_PRIORITY", "0.5")
    assert kept.keep("lab", URL, Credentials(token="f")).startswith(str(kept.path()))
    assert place({}) == str(netrcs.path())
    (home / ".netrc").rename(home / "else")
    assert place({}) == str(kept.path())
    assert place({"NETRC": str(home / "else")}) == str(home / "else")
    monkeypatch.setenv("RING_PRIORITY", "5")
    assert kept.keep("lab", URL, Credentials(token="k")) == "the system's keyring"
    assert place({"NETRC": str(home / "else")}) == "the system's keyring"
    assert find("lab", URL, "", {}).credentials.token == "k"
    assert ring.exists()
    assert place(env) == "TRACKER_REMOTE_LAB_TOKEN"
