"""The system's keyring, asked in a process of its own: no prompt, and a limit in time.

A keyring may hang on a bus that is not there, or open a window and wait for a person. So the
package `keyring` is called by a child without a terminal, which is killed after `LIMIT_S`; one
that is locked, or that could only be used by asking, is not used. The question and the secret go
through pipes, never through arguments.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Literal

import msgspec

LIMIT_S = 5.0

SERVICE = "tracker"
"""Under this name the keyring shows what is ours; the account is the remote's name and address."""

_ASKING = frozenset({"keyring.backends.kwallet", "keyring.backends.libsecret"})
"""Backends that open a window where they are locked, and cannot be asked whether they are."""

_SAFE_PRIORITY = 1
"""What keyring itself recommends; below are those that keep secrets readable or ask for a key."""


class Question(msgspec.Struct):
    """What the child is to do with an account."""

    do: Literal["get", "set", "delete"]
    account: str
    secret: str = ""


class Answer(msgspec.Struct):
    """What came of it; `why` says in words why the keyring cannot be used, if so."""

    secret: str | None = None
    why: str = ""


def ask(question: Question) -> Answer:
    """Ask the keyring; never raises and never takes longer than `LIMIT_S`."""
    if importlib.util.find_spec("keyring") is None:
        return Answer(why="is not installed (the package keyring)")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tracker.credentials.ring"],
            input=msgspec.json.encode(question), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=LIMIT_S, start_new_session=True, check=False,
        )  # fmt: skip
        return msgspec.json.decode(done.stdout, type=Answer)
    except subprocess.TimeoutExpired:
        return Answer(why=f"gave no answer within {LIMIT_S:.0f} s")
    except (OSError, msgspec.MsgspecError):
        return Answer(why="does not work here")


def _answer(question: Question) -> Answer:
    import keyring  # noqa: PLC0415 - in the child only, where it is known to be there
    import keyring.errors  # noqa: PLC0415

    try:
        ring = _usable(keyring.get_keyring())
        if isinstance(ring, str):
            return Answer(why=ring)
        return _done(ring, question)
    except keyring.errors.KeyringError as error:
        return Answer(why=f"refused ({type(error).__name__})")


def _usable(found: Any) -> Any:
    """A backend that needs nobody's help, or why there is none."""
    for ring in getattr(found, "backends", [found]):  # several stand in a chain
        module = type(ring).__module__
        if ring.priority < _SAFE_PRIORITY or module in _ASKING:
            continue
        if module == "keyring.backends.SecretService" and _locked():
            return "is locked"
        return ring
    return "has no backend that works here without asking"


def _locked() -> bool:
    import secretstorage  # noqa: PLC0415 - there wherever that backend is

    bus = secretstorage.dbus_init()
    try:
        return bool(secretstorage.collection.get_collection_by_alias(bus, "default").is_locked())
    except secretstorage.SecretStorageException:
        return True  # one that does not exist yet would ask for a password of its own
    finally:
        bus.close()


def _done(ring: Any, question: Question) -> Answer:
    def delete() -> None:
        if ring.get_password(SERVICE, question.account) is not None:
            ring.delete_password(SERVICE, question.account)

    calls: dict[str, Callable[[], str | None]] = {
        "get": lambda: ring.get_password(SERVICE, question.account),
        "set": lambda: ring.set_password(SERVICE, question.account, question.secret),
        "delete": delete,
    }
    return Answer(secret=calls[question.do]())


if __name__ == "__main__":
    _QUESTION = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    sys.stdout.buffer.write(msgspec.json.encode(_answer(_QUESTION)))
