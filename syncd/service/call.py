"""Calling the machine's own programs: systemctl, launchctl, crontab."""

from __future__ import annotations

import os
import subprocess

Called = subprocess.CompletedProcess[str]
"""What a program said, and its exit code."""


def called(*words: str, limit_s: float, given: str = "") -> Called:
    """Run a program with `given` as its input; one that does not answer in time has failed.

    It says its errors in English, as some are looked at.
    """
    try:
        return subprocess.run(  # noqa: S603 - our own words
            words, input=given, env={**os.environ, "LC_ALL": "C.UTF-8"}, timeout=limit_s,
            check=False, capture_output=True, text=True, errors="surrogateescape",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Called(words, 1, "", f"no answer within {limit_s:.0f} s.")
    except OSError as error:
        return Called(words, 1, "", f"{error}.")
