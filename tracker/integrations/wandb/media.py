"""Media: wandb's dicts with a `_type`, and the files in the run's folder that they name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tracker.artifacts import Blobs
from tracker.events import MediaFile
from tracker.integrations.wandb.records import terms
from tracker.values import text_of

_FORMS = {
    "images/separated": "image", "images": "image", "videos": "video", "audio": "audio",
    "htmls": "html", "joined-table": "table", "partitioned-table": "table",
}  # fmt: skip
"""Forms of a `_type` that is not just the form with "-file" behind it."""

_MOST_FILES = 10_000


class Folder:
    """The folder `files` of a run, as far as records may name what lies in it.

    With `links` also what links in it lead to: the client puts such there for `run.save`, but so
    could who made the folder to get at other files of who imports it.
    """

    def __init__(self, folder: Path, blobs: Blobs, *, links: bool) -> None:
        self._folder = folder
        self._blobs = blobs
        self._links = links

    def path(self, name: str) -> Path | None:
        """The file of a name that a record gives; None if it is absent or lies elsewhere."""
        try:
            found = (self._folder / name).resolve(strict=True)
            inside = found.is_relative_to(self._folder.resolve())
            inside |= self._links and ".." not in name.split("/") and name[:1] != "/"
        except (OSError, ValueError, RuntimeError):  # absent, a NUL in it, a circle of links
            return None
        return found if inside and found.is_file() else None

    def keep(self, name: str) -> MediaFile | None:
        """Keep a file as a blob; None if it is not there or cannot be read.

        Raises:
            ArtifactError: the store cannot be written now, or the file changes just then.
        """
        path = self.path(name)
        if path is None or not os.access(path, os.R_OK):
            return None
        blob = self._blobs.put_file(path, follow=False)
        return MediaFile(text_of(os.path.basename(name)), blob.digest, blob.size)  # noqa: PTH119 - no path yet


def media_of(key: str, given: dict[str, Any], folder: Folder) -> tuple[tuple[Any, ...], list[str]]:
    """The body of a Media event behind its step, and the names of files that are not there."""
    about = dict(given)
    theirs = text_of(about.pop("_type"))
    names = [given.get("path"), *(given.get("filenames") or ())]
    named = [name for name in names if isinstance(name, str)][:_MOST_FILES]
    kept = {name: folder.keep(name) for name in named}
    files = [file for file in kept.values() if file is not None]
    absent = [name for name, file in kept.items() if file is None]
    form = _FORMS.get(theirs, theirs.removesuffix("-file"))
    # What the files themselves say need not be said again, but for those that are not there.
    told = {k: v for k, v in about.items() if absent or k not in ("path", "filenames")}
    return (key, form, files, terms(told)), absent
