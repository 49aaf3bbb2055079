"""Media as W&B has it: files in the run folder, and a typed value in the history.

A value is a dict with ``_type``. One of a single file says ``path``, ``sha256`` and ``size``; one
of several images lists ``filenames``; others list whole values, each with its file. What belongs
to the whole (captions, sizes, boxes) stands in the same dict: it is the event's `about`. Where
that was taken from W&B it has all of it, and only the places of the files are set anew, found by
their digests.
"""

from __future__ import annotations

import re
from typing import Any

from tracker.events import Media, MediaFile

_FOLDERS = {"image": "images", "video": "videos"}
"""Folders of files under ``media``, where they are not named as the form is."""

_LISTS = {"audio": ("audio", "audio"), "video": ("videos", "videos"), "html": ("html", "html")}
"""Of forms with several files: the type of the whole, and the key of the values in it."""

_ELSEWHERE = ("artifact_path", "_latest_artifact_path")
"""Name artifacts by what only the client that made them knew; the file itself is here."""


def place(event: Media, file: MediaFile) -> str:
    """Path of a file below the run's ``files``: by form, key, step and content, as wandb has it."""
    form = _safe(event.form)
    suffix = "".join(f".{_safe(part)}" for part in file.name.split(".")[1:][-2:])
    name = f"{_safe(event.key)[:100]}_{event.step}_{file.digest[:20]}{suffix}"
    return f"media/{_FOLDERS.get(form, form)}/{name}"


def value(event: Media, places: dict[str, str]) -> dict[str, Any]:
    """The typed value of an event, with the places of its files by digest.

    A file without a place is one that could not be had: nothing but its digest and size is said.
    """
    files = [_whole(file, places) for file in event.files]
    if "_type" in event.about:
        return _found(event, files)
    if len(files) == 1 and "count" not in event.about:
        return {"_type": f"{event.form}-file", **event.about, **files[0]}
    if not files:
        return {"_type": event.form, **event.about}
    if event.form in _LISTS:
        kind, key = _LISTS[event.form]
        each = [{"_type": f"{event.form}-file", **file} for file in files]
        return {"_type": kind, **event.about, "count": len(files), key: each}
    kind = "images/separated" if event.form == "image" else event.form
    names = [file["path"] for file in files if "path" in file]
    return {"_type": kind, **event.about, "count": len(files), "filenames": names}


def _found(event: Media, files: list[dict[str, Any]]) -> dict[str, Any]:
    """The value that the event was taken from, with the places of its files."""
    by_digest = {file["sha256"]: file for file in files}
    whole: dict[str, Any] = _placed(event.about, by_digest)
    if whole["_type"] == "images/separated":
        named = _named_elsewhere(event.about)
        own = (file for file in files if file["sha256"] not in named)
        whole["filenames"] = [file["path"] for file in own if "path" in file]
    elif "path" not in whole and len(files) == 1:
        whole |= files[0]
    return whole


def _placed(told: Any, by_digest: dict[str, dict[str, Any]]) -> Any:
    if isinstance(told, list):
        return [_placed(item, by_digest) for item in told]
    if not isinstance(told, dict):
        return told
    kept = {key: _placed(item, by_digest) for key, item in told.items() if key not in _ELSEWHERE}
    return kept | by_digest.get(str(told.get("sha256")), {})


def _named_elsewhere(told: Any) -> set[str]:
    """Digests of files that values within a value name: masks and boxes of images."""
    if isinstance(told, list):
        return set().union(*map(_named_elsewhere, told))
    if not isinstance(told, dict):
        return set()
    own = {told["sha256"]} if isinstance(told.get("sha256"), str) else set()
    return own.union(*map(_named_elsewhere, told.values()))


def _whole(file: MediaFile, places: dict[str, str]) -> dict[str, Any]:
    told = {"sha256": file.digest, "size": file.size}
    return told | {"path": places[file.digest]} if file.digest in places else told


def _safe(text: str) -> str:
    """Text as part of a file name."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text) or "_"
