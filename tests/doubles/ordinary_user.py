"""Doing something as a user to whom the system refuses what it refuses nobody else: not root."""

from __future__ import annotations

import os
import traceback
import warnings

NOBODY = 65534


def as_ordinary_user(act):
    """Do `act` in a forked child that is not root; fails with its traceback.

    What it needs is to be imported before: that user may not look into root's folders.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: the child asks for none
        pid = os.fork()
    if pid == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            act()
        except BaseException:  # noqa: BLE001 - whatever it is, the parent is to say it
            os.write(writing, traceback.format_exc().encode()[-20_000:])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        trouble = pipe.read().decode()
    _, status = os.waitpid(pid, 0)
    assert (status, trouble) == (0, ""), trouble
