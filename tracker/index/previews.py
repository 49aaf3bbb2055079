"""Small pictures of media, for lists: a thumbnail of an image, the first rows of a table."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import msgspec

from tracker.errors import TrackerError
from tracker.events import MediaFile
from tracker.media import MediaFiles
from tracker.store import StoreFolder

PREVIEW_BYTES = 4096
"""The longest preview."""

PIXELS = 64
"""Width and height of a thumbnail at most."""

ROWS = 5
"""Of a table, shown first."""

_FILE_BYTES = 4 * 1024 * 1024
_IMAGE_PIXELS = 16_000_000
"""Of larger files and images no preview is made: they may come from anywhere."""

_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")


class _Table(msgspec.Struct):
    columns: list[Any]
    data: list[list[Any]]


class Previews:
    """Makes previews of the files of one run, whose journals are in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._files = MediaFiles(StoreFolder(folder.parents[1], ""))
        self._folder = folder

    def of(self, writer_id: str, form: str, file: MediaFile) -> bytes | None:
        """A picture (PNG, JPEG or the image itself), or JSON `{"columns", "data"}`; or None."""
        make = {"image": _thumbnail, "table": _first_rows}.get(form)
        if make is None or not 0 < file.size <= _FILE_BYTES:
            return None
        try:
            found = make(self._files.read(self._folder, writer_id, file))
        except TrackerError:  # damaged: who opens it is told
            return None
        return found if found is not None and len(found) <= PREVIEW_BYTES else None


def _thumbnail(content: bytes) -> bytes | None:
    """The image at `PIXELS` or less, as PNG; needs Pillow."""
    try:
        from PIL import Image  # noqa: PLC0415 - only for those who have it
    except ImportError:
        return None
    with contextlib.suppress(Exception), warnings.catch_warnings():  # whatever a decoder meets
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if image.width * image.height > _IMAGE_PIXELS:
                return None
            if max(image.size) <= PIXELS and len(content) <= PREVIEW_BYTES:
                return content
            image.thumbnail((PIXELS, PIXELS))
            made = io.BytesIO()
            image.convert("RGBA" if "A" in image.getbands() else "RGB").save(made, "PNG")
        if made.tell() > PREVIEW_BYTES:
            with Image.open(io.BytesIO(made.getvalue())) as image:
                made = io.BytesIO()
                image.convert("RGB").save(made, "JPEG", quality=70)
        return made.getvalue()
    return None


def _first_rows(content: bytes) -> bytes | None:
    """Columns and first rows of a table, as far as they are short enough."""
    try:
        table = msgspec.json.decode(content, type=_Table)
    except (msgspec.MsgspecError, RecursionError):
        return None
    for rows in range(ROWS, -1, -1):
        found = msgspec.json.encode({"columns": table.columns, "data": table.data[:rows]})
        if len(found) <= PREVIEW_BYTES:
            return found
    return None
