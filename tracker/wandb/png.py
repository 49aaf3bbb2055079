"""Pictures from arrays of numbers, without a library for pictures.

PNG: https://www.w3.org/TR/png-3/ (signature, IHDR, one IDAT, IEND; no filter, no interlace).
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

from tracker.errors import BadInput

_COLOURS = {1: 0, 3: 2, 4: 6}
"""PNG's colour type for so many channels: grey, RGB, RGBA."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png(pixels: Any) -> bytes:
    """Make a PNG of an array, height x width or height x width x 1, 3 or 4.

    Numbers are 0 to 255; floats that all lie between 0 and 1 are stretched to that.

    Raises:
        BadInput: it has another shape.
    """
    if pixels.ndim > 2:  # noqa: PLR2004 - a plane has two dimensions
        pixels = pixels.squeeze()
    channels = pixels.shape[2] if pixels.ndim == 3 else 1  # noqa: PLR2004 - a plane and channels
    if pixels.ndim not in (2, 3) or channels not in _COLOURS or 0 in pixels.shape:
        raise BadInput(
            f"an array of shape {tuple(pixels.shape)} is no picture: give height x width, or "
            "height x width x 1, 3 or 4."
        )
    if pixels.dtype.kind == "f" and pixels.min() >= 0 and pixels.max() <= 1:
        pixels = pixels * 255
    height, width = pixels.shape[:2]
    row_bytes = width * channels
    data = pixels.astype("uint8").tobytes()
    rows = b"".join(b"\0" + data[at : at + row_bytes] for at in range(0, len(data), row_bytes))
    head = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    parts = (_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(rows)), _chunk(b"IEND", b""))
    return _SIGNATURE + b"".join(parts)


def size_of(content: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, None if it is none."""
    if not content.startswith(_SIGNATURE) or content[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", content, 16)
    return width, height


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
