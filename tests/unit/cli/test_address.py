"""Addresses of remotes: what is taken, and that no secret is ever shown."""

from __future__ import annotations

import pytest

from tracker.cli import address
from tracker.credentials import Credentials
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
    assert address.checked(given) == (kept, None)


@pytest.mark.parametrize(
    "url", ["http://hush@h/p", "http://:hush@h", "http://h/p?k=hush", "http://h#hush",
            "ftp://u:hush@h", "http://u:hush@h:port", "http://u:hush@h/?k=hush"],
)  # fmt: skip
def test_secrets_are_refused_unsaid_and_redacted_where_they_stand(url):
    with pytest.raises(BadInput) as refused:
        address.checked(url)
    assert "hush" not in str(refused.value)
    assert "hush" not in address.redacted(url)


@pytest.mark.parametrize(
    ("url", "bare", "username", "password"),
    [
        ("http://u:hush@h:5000/base/", "http://h:5000/base", "u", "hush"),
        ("https://a%40b:h%2Fu%3Ash@[::1]:1", "https://[::1]:1", "a@b", "h/u:sh"),
    ],
)
def test_a_user_with_a_password_is_taken_out(url, bare, username, password):
    """As they are meant, not as an address has to write them."""
    found, held = address.checked(url)
    assert found == bare
    assert held == Credentials(username=username, password=password)


def test_an_unreadable_address_is_not_shown_at_all():
    assert address.redacted("http://[hush") == "(no readable address)"
