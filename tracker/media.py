"""Media of a store being read: the bytes of a file that an event names, checked by its digest."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import BinaryIO

from tracker.artifacts import Blobs
from tracker.errors import ArtifactError, BadInput
from tracker.events import MediaFile
from tracker.journal import content_at, pack_name
from tracker.store import StoreFolder


class MediaFiles:
    """Opens the files of one store's `Media` events. Holds no open files; safe to share."""

    def __init__(self, store: StoreFolder | Blobs) -> None:
        self._blobs = store if isinstance(store, Blobs) else Blobs(store.blobs)

    def open(self, folder: Path, writer_id: str, file: MediaFile) -> BinaryIO:
        """Open a file for reading, after its content was checked.

        `folder` is that of the run's journals (`StoreFolder.run`), `writer_id` whose event
        names the file.

        Raises:
            ArtifactError: it is not there, cannot be read, or is damaged; says which.
        """
        if file.pack:
            return io.BytesIO(self._packed(folder, writer_id, file))
        try:
            self._blobs.verify(file.digest)
            return self._blobs.open(file.digest)
        except BadInput as error:  # in the journal of somebody else
            raise ArtifactError(f"the media file {file.name!r} cannot be had: {error}") from error

    def read(self, folder: Path, writer_id: str, file: MediaFile) -> bytes:
        """Content of a file; see `open`."""
        if file.pack:
            return self._packed(folder, writer_id, file)
        with self.open(folder, writer_id, file) as content:
            return content.read(max(file.size, 0))

    def _packed(self, folder: Path, writer_id: str, file: MediaFile) -> bytes:
        path = folder / pack_name(writer_id, file.pack)
        try:
            content = content_at(folder, writer_id, file.pack, file.offset, file.size)
        except OSError as error:
            content, problem = None, error.strerror or str(error)
        else:
            problem = "there is no such file" if content is None else "its bytes are damaged"
        if content is None or hashlib.sha256(content).hexdigest() != file.digest:
            raise ArtifactError(
                f"the media file {file.name!r} cannot be read from {path}, offset {file.offset}: "
                f"{problem}. Copy the pack file from another copy of this store."
            )
        return content
