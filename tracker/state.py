"""The file beside a checkpoint that says which run it belongs to, and how far that was."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from tracker.errors import BadInput
from tracker.store import check_run_id, replace_file

FILE = "tracker.json"


class State(msgspec.Struct):
    """A run and the last step it had logged; -1 if none."""

    run: str
    step: int


def write(folder: str | os.PathLike[str], state: State) -> None:
    """Put the state into `folder`, which is made if absent; all of it or nothing.

    Raises:
        OSError: it could not be written; what stood there stands.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    replace_file(place / FILE, msgspec.json.encode(state) + b"\n")


def read(folder: str | os.PathLike[str]) -> State | None:
    """Read the state in `folder`; None where there is none yet.

    Raises:
        BadInput: there is something else, or it cannot be read.
    """
    file = Path(folder) / FILE
    try:
        found = msgspec.json.decode(file.read_bytes(), type=State)
        check_run_id(found.run)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError, BadInput) as error:
        raise BadInput(
            f"{file} does not say which run to resume: {error}. Put it back from a copy, or remove "
            "it to begin a new run."
        ) from error
    return found
