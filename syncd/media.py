"""Media on their way to a remote: the files of a share of a run's events, put together.

A file is put as `media/KEY/STEP-PLACE-DIGEST-NAME`: PLACE is that in its event, from 0, DIGEST the
first 8 hex digits of its own, so that whatever is logged under a key again stands beside it, and
the same again is the same file. The sink's `path` makes names of it that the platform takes.

The media events of a batch that one writer logged wait as one `Pending`, named by the first of
them: many small files cost one note in syncd.db. Where one is damaged here, it alone is parked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from syncd.receipts import Pending
from syncd.sinks import File, Item, Refused
from tracker.artifacts import Blobs, is_digest
from tracker.errors import ArtifactError
from tracker.events import Event, Media, MediaFile
from tracker.journal import Journal, Position, pack_name
from tracker.media import MediaFiles

SHARE_EVENTS = 1000
SHARE_BYTES = 64 * 1024 * 1024
"""What waits as one is no more than this, an event that alone is more left aside."""

_NONE = "0" * 64
"""The digest of nothing: there is no such blob."""

_SHARE = re.compile(r"media (\d+) (\d+) (\d+) (\d+)")
_WHAT = re.compile(r"artifact media, (\d+) events up to (\d+)")


def path(event: Media, place: int) -> str:
    """Where a file of an event goes; see above."""
    file = event.files[place]
    return f"media/{event.key}/{event.step}-{place}-{file.digest[:8]}-{file.name}"


def waiting(item: Item, hint: Position) -> list[Pending]:
    """What is to be put of one event, which stands behind `hint` in its journal."""
    event = item.event
    if not isinstance(event, Media) or not event.files:
        return []
    size = sum(file.size for file in event.files)
    share = f"media {event.seq} 1 {hint.segment} {hint.offset}"
    return [Pending(item.writer_id, event.seq, "media", share, size, 0)]


def joined(found: Iterable[Pending]) -> list[Pending]:
    """Put media together that one writer logged, as far as they are no more than a share."""
    shares: list[Pending] = []
    for one in found:
        last = shares[-1] if shares else None
        if last and is_share(last) and is_share(one) and last.writer_id == one.writer_id:
            _, count, segment, offset = _parts(last)
            end, more, *_ = _parts(one)
            size = last.size + one.size
            if count + more <= SHARE_EVENTS and size <= SHARE_BYTES:
                share = f"media {end} {count + more} {segment} {offset}"
                shares[-1] = replace(last, manifest=share, size=size)
                continue
        shares.append(one)
    return shares


def is_share(pending: Pending) -> bool:
    """Whether it is media, and no artifact."""
    return _SHARE.fullmatch(pending.manifest) is not None


def what(share: Pending) -> str:
    """What a share is called where it is parked as a whole."""
    last, count, *_ = _parts(share)
    return f"artifact media, {count} events up to {last}"


def again(item: Item, parked: Iterable[str]) -> list[Pending]:
    """What is to be put once more of an event, and of those that were parked with it as such."""
    assert isinstance(item.event, Media)  # noqa: S101 - callers look before
    last, count = max(_last(said, item.event.seq) for said in parked)
    share = f"media {last} {count} 1 0"
    return [replace(one, manifest=share) for one in waiting(item, Position())]


class Among:
    """Events, by writer id and seq, of which something waits or is parked.

    Args:
        pending: artifacts and shares.
        parked: rows of the table `parked`.
    """

    def __init__(
        self, pending: Iterable[Pending] = (), parked: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        spans = [
            (one.writer_id, one.seq, _parts(one)[0] if is_share(one) else one.seq)
            for one in pending
        ]
        spans += [
            (row["writer_id"], row["seq"], _last(row["what"], row["seq"])[0]) for row in parked
        ]
        self._single = {(writer, first) for writer, first, last in spans if first == last}
        self._wide = [span for span in spans if span[1] != span[2]]

    def __contains__(self, event: object) -> bool:
        if event in self._single or not isinstance(event, tuple):
            return event in self._single
        writer, seq = event
        return any(w == writer and first <= seq <= last for w, first, last in self._wide)


class Shares:
    """The files of a run's shares, found in its journals in `folder`."""

    def __init__(self, folder: Path, blobs: Blobs) -> None:
        self._folder = folder
        self._blobs = blobs
        self._contents = MediaFiles(blobs)

    def files(self, share: Pending, cut: Callable[[Item], Event | None]) -> list[File]:
        """Files of a share as far as they go to the remote, the first one last."""
        found = [file for _, _, file in self._found(share, cut)]
        return found[::-1]

    def damaged(self, share: Pending, cut: Callable[[Item], Event | None]) -> dict[str, Refused]:
        """Those that are not here as they were recorded, by path, with the reason."""
        bad = dict[str, Refused]()
        for seq, file, sent in self._found(share, cut):
            try:
                self._contents.open(self._folder, share.writer_id, file).close()
            except ArtifactError as error:  # noqa: PERF203 - the others are looked at too
                said = f"artifact {sent.path}"
                bad[sent.path] = Refused(share.writer_id, seq, said, str(error))
        return bad

    def _found(
        self, share: Pending, cut: Callable[[Item], Event | None]
    ) -> Iterator[tuple[int, MediaFile, File]]:
        last, _, segment, offset = _parts(share)
        start = Position(segment, offset, share.seq - 1)
        for block in Journal(self._folder, share.writer_id).blocks(start):
            for whole in block.events:
                if whole.seq > last:
                    return
                event = cut(Item(share.writer_id, whole))
                if isinstance(event, Media):
                    for place, file in enumerate(event.files):
                        yield event.seq, file, self._file(share.writer_id, event, place)

    def _file(self, writer_id: str, event: Media, place: int) -> File:
        file = event.files[place]
        if file.pack:
            source = self._folder / pack_name(writer_id, file.pack)
            return File(path(event, place), source, file.size, file.digest, file.offset)
        source = self._blobs.path(file.digest if is_digest(file.digest) else _NONE)
        return File(path(event, place), source, file.size, file.digest)


def _parts(share: Pending) -> tuple[int, int, int, int]:
    """Last event of a share, how many it has, and segment and offset where reading begins."""
    match = _SHARE.fullmatch(share.manifest)
    assert match is not None  # noqa: S101 - callers look before
    last, count, segment, offset = map(int, match.groups())
    return last, count, segment, offset


def _last(said: str, seq: int) -> tuple[int, int]:
    """Seq of the last event that was parked as `said` with the one of `seq`, and how many were."""
    match = _WHAT.fullmatch(said)
    return (int(match[2]), int(match[1])) if match else (seq, 1)
