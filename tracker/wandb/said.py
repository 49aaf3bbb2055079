"""What this face says to the person; what is not supported is said by name, once a process."""

from __future__ import annotations

import os
from typing import Any

from tracker.notice import Notice

_TRUE = ("1", "true", "yes", "on")


def _silent() -> bool:
    """Whether TRACKER_SILENT, or else WANDB_SILENT, asks for silence."""
    asked = os.environ.get("TRACKER_SILENT") or os.environ.get("WANDB_SILENT") or ""
    return asked.lower() in _TRUE


notice = Notice(silent=_silent())


def hush() -> None:
    """Have runs of this process heed WANDB_SILENT, where TRACKER_SILENT says nothing."""
    if _silent():
        os.environ.setdefault("TRACKER_SILENT", "true")


def unsupported(what: str, instead: str = "") -> None:
    """Say that `what` does nothing here, and what does it instead; only the first time."""
    advice = f" {instead}" if instead else ""
    notice.warn(
        f"wandb.{what} is not supported on tracker and does nothing.{advice} Training goes on.",
        once=f"unsupported {what}",
    )


def termlog(text: str = "", newline: bool = True, repeat: bool = True) -> None:
    """Print a line."""
    del newline, repeat
    notice.say(text)


def termwarn(text: str, newline: bool = True, repeat: bool = True) -> None:
    """Print a warning, with `repeat` off only once."""
    del newline
    notice.warn(text, once=None if repeat else text)


class Absent:
    """Stands for a name of wandb that does nothing here: takes any call, is empty and false."""

    def __init__(self, what: str, instead: str = "") -> None:
        self._what = what
        self._instead = instead

    def __repr__(self) -> str:
        return f"<wandb.{self._what}, not supported on tracker>"

    def __call__(self, *args: Any, **kwargs: Any) -> Absent:
        """Say so, and give itself."""
        del args, kwargs
        unsupported(self._what, self._instead)
        return self

    def __getattr__(self, name: str) -> Absent:
        if name.startswith("_"):
            raise AttributeError(name)
        return Absent(f"{self._what}.{name}", self._instead)

    def __bool__(self) -> bool:
        return False

    def __iter__(self) -> Any:
        return iter(())

    def __enter__(self) -> Absent:  # noqa: PYI034 - nobody derives from Absent
        """Use it as a context, which does nothing."""
        return self

    def __exit__(self, *ended: object) -> None:
        """Let what was raised go on."""
