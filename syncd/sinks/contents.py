"""The content of a file on its way to a remote: only what was recorded arrives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from syncd.sinks import File, Rejected

_PIECE = 1 << 20


def checked(file: File) -> Iterator[bytes]:
    """Yield the file; the last piece only if the whole is what it must be.

    A request that stops before its last piece is incomplete, and the server keeps what it had.

    Raises:
        Rejected: the content here cannot be read, or is not what was recorded.
    """
    digest = hashlib.sha256()
    held = b""
    size = 0
    try:
        for piece in file.pieces(_PIECE):
            digest.update(piece)
            size += len(piece)
            if held and size <= file.size:
                yield held
            held = piece
    except OSError as error:
        raise Rejected(f"{file.path}: its content cannot be read: {error}") from error
    if size != file.size or digest.hexdigest() != file.digest:
        raise Rejected(
            f"{file.path}: its content here is not what was recorded ({size} bytes, SHA-256 "
            f"{digest.hexdigest()}; recorded: {file.size} bytes, {file.digest}). "
            "Deliver from a copy of the store that has it."
        )
    if held:
        yield held
