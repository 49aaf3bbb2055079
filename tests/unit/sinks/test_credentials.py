# ruff: noqa: S105, S106 - made-up secrets are the subject here
"""Where credentials come from, and that they stay unseen."""

from __future__ import annotations

import pytest

from syncd.credentials import Credentials, credentials
from tracker.errors import SettingsError


def test_the_remotes_own_variables_come_first():
    """A token for this remote wins over one for the platform, and that over nothing."""
    env = {"MLFLOW_TRACKING_TOKEN": "general"}
    assert credentials("my-lab", "MLFLOW_TRACKING", env).token == "general"
    env["TRACKER_REMOTE_MY_LAB_USERNAME"] = "ada"
    env["TRACKER_REMOTE_MY_LAB_PASSWORD"] = "pw"
    assert credentials("my-lab", "MLFLOW_TRACKING", env) == Credentials(
        username="ada", password="pw"
    )
    env["TRACKER_REMOTE_MY_LAB_TOKEN"] = "own\n"
    assert credentials("my-lab", "MLFLOW_TRACKING", env).token == "own"
    assert credentials("my-lab", "MLFLOW_TRACKING", {}) == Credentials()


def test_headers():
    """A token is a bearer, a user with a password is basic, nothing sends nothing."""
    assert Credentials(token="t").headers == {"Authorization": "Bearer t"}
    assert Credentials(username="é", password="b").headers == {"Authorization": "Basic w6k6Yg=="}
    assert Credentials().headers == {}


def test_secrets_are_named_to_be_hidden_and_not_shown():
    """Each form that travels is known, and none is in the object's text."""
    held = Credentials(username="ada", password="hidden")
    assert set(held.secrets) == {"hidden", "YWRhOmhpZGRlbg=="}
    assert "hidden" not in repr(held)
    assert "hidden" not in repr(Credentials(token="hidden"))


@pytest.mark.parametrize("token", ["two\nlines", "t\u00f6ken", "a\x00b"])
def test_a_token_that_cannot_travel_is_named_by_its_variable(token):
    """The text names the variable and not the value."""
    with pytest.raises(SettingsError, match="MLFLOW_TRACKING_TOKEN") as caught:
        credentials("r", "MLFLOW_TRACKING", {"MLFLOW_TRACKING_TOKEN": token})
    assert token not in str(caught.value)
