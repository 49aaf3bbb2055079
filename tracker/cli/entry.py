"""Credentials as a person gives them: asked for on a terminal, or read from standard input."""

from __future__ import annotations

import sys

import click

from tracker.credentials import MOST_CHARACTERS, Credentials
from tracker.errors import BadInput


def given(username: str | None) -> Credentials:
    """A user with a password, or a token where there is no user.

    Raises:
        BadInput: nothing was given.
    """
    on_terminal = sys.stdin.isatty()
    if username is None and on_terminal:
        username = click.prompt("username (empty for a token)", default="", show_default=False)
    what = "password" if username else "token"
    secret = _asked(what) if on_terminal else _read()
    if not secret:
        raise BadInput(
            f"no {what} was given. Type it when asked, or give it on standard input: "
            "tracker remote login NAME < FILE"
        )
    if username:
        return Credentials(username=username, password=secret)
    return Credentials(token=secret.strip())


def _asked(what: str) -> str:
    return str(
        click.prompt(f"{what} (is not shown)", default="", hide_input=True, show_default=False)
    )


def _read() -> str:
    """One line of standard input, never more than can be used."""
    content = sys.stdin.buffer.read(4 * MOST_CHARACTERS + 2)
    try:
        return content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise BadInput("standard input is no UTF-8 text. Give the secret alone.") from None
