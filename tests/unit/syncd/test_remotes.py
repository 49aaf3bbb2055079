"""Remotes are made from the settings of their store."""

from __future__ import annotations

from syncd import remotes
from syncd.sinks import Remote
from tracker.settings import RemoteSettings, Settings


def test_a_remote_has_what_holds_for_all_and_its_own_before_it():
    """The limit on a request is for all; the authorities are an option too."""
    own = RemoteSettings("mlflow", "http://b", {"ca": "/own.pem", "nested_groups": True})
    known = {"b": own, "a": RemoteSettings("mlflow", "http://a")}
    assert remotes.of(Settings(request_timeout_s=3.0, ca="/all.pem", remotes=known)) == [
        Remote("a", "mlflow", "http://a", {}, "/all.pem", timeout_s=3.0),
        Remote("b", "mlflow", "http://b", {"nested_groups": True}, "/own.pem", timeout_s=3.0),
    ]
    assert remotes.of(Settings(remotes=known), "a")[0].timeout_s == 120.0
