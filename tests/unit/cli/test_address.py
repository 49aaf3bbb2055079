"""Addresses of remotes: what is taken, and that no secret is ever shown."""

from __future__ import annotations

import pytest

from tracker.cli import address, credentials
from tracker.errors import BadInput


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://localhost:5000", "http://localhost:5000"),
        ("https://h/base/", "https://h/base"),
        ("HTTPS://Example.org", "HTTPS://Example.org"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("http://bücher.example", "http://bücher.example"),
    ],
)
def test_addresses_are_taken_without_the_last_slash(given, kept):
    assert address.checked(given, "lab", "mlflow") == kept


@pytest.mark.parametrize(
    "url", ["http://u:hush@h", "http://hush@h/p", "http://h/p?k=hush", "http://h#hush"]
)
def test_secrets_are_refused_unsaid_and_redacted_where_they_stand(url):
    with pytest.raises(BadInput) as refused:
        address.checked(url, "lab", "mlflow")
    assert "hush" not in str(refused.value)
    assert "hush" not in address.redacted(url)


def test_an_unreadable_address_is_not_shown_at_all():
    assert address.redacted("http://[hush") == "(no readable address)"


def test_variables_of_a_remote_are_those_that_syncd_reads():
    """As tracker may not import syncd, the two are compared here."""
    from syncd.credentials import credentials as of_syncd  # noqa: PLC0415 - tests may import both

    for variable in credentials.variables("my-lab.1", "mlflow"):
        if variable.endswith("TOKEN"):
            assert of_syncd("my-lab.1", "MLFLOW_TRACKING", {variable: "t"}).token == "t"  # noqa: S105
        if variable.endswith("USERNAME"):
            found = of_syncd("my-lab.1", "MLFLOW_TRACKING", {variable: "u"})
            assert found.username == "u"


def test_only_set_variables_are_present(monkeypatch):
    for name in credentials.variables("lab", "mlflow"):
        monkeypatch.delenv(name, raising=False)
    assert credentials.present("lab", "mlflow") == []
    monkeypatch.setenv("TRACKER_REMOTE_LAB_TOKEN", "hush")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", " ")
    assert credentials.present("lab", "mlflow") == ["TRACKER_REMOTE_LAB_TOKEN"]
    assert "hush" not in credentials.said("lab", "mlflow")
