"""What nobody thought of, in one line for a person."""

from __future__ import annotations

import os
import traceback


def unexpected(error: BaseException) -> str:
    """Say an unexpected error in one line; with TRACKER_DEBUG its trace is printed before."""
    if os.environ.get("TRACKER_DEBUG", "") not in ("", "0"):
        traceback.print_exception(error)
    text = " ".join(str(error).split())
    return f"unexpected {type(error).__name__}: {text}; set TRACKER_DEBUG=1 for the trace."
