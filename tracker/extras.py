"""What a run records beside values: measures of the machine, console text, media.

Loaded by the first call that records some, as it takes hashlib and the blobs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tracker import values
from tracker.artifacts import Blobs, check_file
from tracker.artifacts.steady import read_small
from tracker.errors import ArtifactError, BadInput
from tracker.events import CONSOLE, MEDIA, SYSTEM, Json, MediaFile
from tracker.journal import PACKED_BYTES, Writer
from tracker.recording import KINDS, Recording
from tracker.settings import Settings
from tracker.store import StoreFolder, free_bytes, nearly_full

CONSOLE_CHARS = 256 * 1024
"""Console text of one event; a longer one is recorded in parts."""

_STREAMS = ("stdout", "stderr")

Content = bytes | bytearray | memoryview | str | os.PathLike[str]
"""Bytes, or the path of a regular file."""


class _Small(NamedTuple):
    """Content that goes into a pack file of the writer that takes the event."""

    name: str
    content: bytes

    def put(self, writer: Writer, blobs: Blobs) -> MediaFile:
        digest, size = hashlib.sha256(self.content).hexdigest(), len(self.content)
        place = writer.place(self.content)
        if place is None:  # a signal handler interrupted this very writer
            blobs.put_bytes(self.content)
        return MediaFile(self.name, digest, size, *(place or ()))


class Extras:
    """Records these for one run. Each call returns what is to be told of its input.

    Each raises what the person's own objects raise, ArtifactError for a file that cannot be
    kept, and StoreError, only if strict.
    """

    def __init__(self, store: StoreFolder, recording: Recording, settings: Settings) -> None:
        self._recording = recording
        self._blobs = Blobs(store.blobs)
        self._spare_bytes = settings.storage_low_bytes

    def system(self, data: Any) -> list[str]:
        """Record measures; what is no number is left out."""
        if not isinstance(data, Mapping):
            return [f"log_system takes a dict of names to numbers, not {type(data).__name__}"]
        problems, measures = list[str](), dict[str, float]()
        for key, value, problem in values.flatten(data):
            number = None if value is values.NOTHING else values.logged(value)
            if problem:
                problems.append(f"log_system: {problem}")
            if isinstance(number, (bool, int, float)):
                measures[key] = float(number)
                continue
            self._recording.count_dropped("values")
            if value is not values.NOTHING:
                kind = type(value).__name__
                problems.append(f"log_system: {key[:80]!r} is {kind}, no number, and was left out")
        if measures:
            self._recording.record(SYSTEM, measures)
        return problems

    def console(self, text: str, stream: str) -> list[str]:
        """Record what was written to a stream, in parts if it is long."""
        problems = []
        if stream not in _STREAMS:
            problems.append(
                f"log_console: stream {values.brief(stream)} is recorded as stdout; it is one of "
                f"{', '.join(_STREAMS)}"
            )
            stream = _STREAMS[0]
        whole = values.text_of(text)
        for at in range(0, len(whole), CONSOLE_CHARS):
            self._recording.record(CONSOLE, stream, whole[at : at + CONSOLE_CHARS])
        return problems

    def media(
        self,
        step: int,
        key: str,
        form: str,
        files: Sequence[tuple[str, Content]],
        about: Mapping[str, Any] | None,
    ) -> list[str]:
        """Record files under a key at a step; one that cannot be kept is left out."""
        problems = list[str]()
        kept = list[MediaFile | _Small]()
        for name, content in files:
            try:
                kept.append(self._taken(name, content))
            except (ArtifactError, BadInput) as error:  # noqa: PERF203 - the others are kept
                self._recording.count_dropped("media files")
                problems.append(f"log_media {key[:80]!r}: {error}")
        if files and not kept:
            return problems
        told = self._told(key, about, problems)

        def body(writer: Writer) -> tuple[Any, ...]:
            put = [f.put(writer, self._blobs) if isinstance(f, _Small) else f for f in kept]
            return step, values.text_of(key), values.text_of(form), put, told

        try:
            self._recording.record_with(MEDIA, body)
        except ValueError as error:
            self._recording.count_dropped(KINDS[MEDIA])
            problems.append(f"log_media {key[:80]!r}: {error}; log it in several calls")
        return problems

    def _taken(self, name: str, content: Content) -> MediaFile | _Small:
        """A file's content: in memory if it is small, in the store if it is not."""
        check_file(name)
        if isinstance(content, (bytes, bytearray, memoryview)):
            data = bytes(content)
            if len(data) <= PACKED_BYTES:
                return _Small(name, data)
            self._check_room(name, len(data))
            return MediaFile(name, *self._blobs.put_bytes(data))
        path = Path(content)
        small = read_small(path, PACKED_BYTES)
        if small is not None:
            return _Small(name, small)
        self._check_room(name, path.stat().st_size)
        return MediaFile(name, *self._blobs.put_file(path))

    def _check_room(self, name: str, size: int) -> None:
        if nearly_full(free_bytes(self._blobs.folder.parent), self._spare_bytes + size):
            raise ArtifactError(
                f"the {size:,} bytes of {name} were not kept, as the store's disk is nearly full "
                "(setting storage_low_bytes). Free space there, then log it again."
            )

    def _told(self, key: str, about: Any, problems: list[str]) -> dict[str, Json]:
        if about is None:
            return {}
        if not isinstance(about, Mapping):
            problems.append(f"log_media {key[:80]!r}: about is a dict, not {type(about).__name__}")
            return {}
        odd = list[str]()
        found = values.configured([about], odd)
        problems += [f"log_media {key[:80]!r}: about {problem}" for problem in odd]
        return {} if found is values.NOTHING else found[0]
