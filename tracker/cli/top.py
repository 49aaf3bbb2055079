"""`tracker top`: a live view of the runs, for a terminal."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys

import click

from tracker.cli.program import chosen_store, store_option
from tracker.errors import BadInput, TrackerError
from tracker.query import Store


@click.command()
@store_option
def top() -> int:
    """Watch runs live: list, curves, machine, console, delivery.

    The keys are in the last line, all of them behind "?". For other programs there is `tracker
    ls --json`. Needs the extra "top": pip install "tracker-syncd[top]".
    """
    _check_terminal()
    from tracker.top.reader import Reader  # noqa: PLC0415 - for those who use it
    from tracker.top.wish import Wish  # noqa: PLC0415

    store = Store(chosen_store())
    wish = Wish(count=shutil.get_terminal_size().lines)
    reader = Reader(store.folder, wish)
    reader.start()  # it reads while textual is imported
    from tracker.top.app import Top  # noqa: PLC0415 - needs an extra, and takes a while

    app = Top(reader, wish)
    code = app.run()
    reader.stop()
    if app.failure is not None:
        raise app.failure
    if reader.sight.failed:
        raise TrackerError(reader.sight.failed)
    return code or 0


def _check_terminal() -> None:
    if importlib.util.find_spec("textual") is None:
        raise BadInput(
            "tracker top needs textual, which is not installed: pip install 'tracker-syncd[top]'"
        )
    streams = (sys.stdin, sys.stdout, sys.stderr)
    if not all(stream.isatty() for stream in streams) or os.environ.get("TERM") == "dumb":
        raise BadInput(
            "tracker top needs a terminal that can move its cursor. To print runs: tracker ls"
        )
