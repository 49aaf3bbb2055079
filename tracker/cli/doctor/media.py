"""Reading every media file anew: finds those that are damaged or gone."""

from __future__ import annotations

from collections.abc import Iterator

from tracker.cli import wording
from tracker.cli.doctor.finding import Finding
from tracker.errors import TrackerError
from tracker.events import MediaFile
from tracker.media import MediaFiles
from tracker.query import Store


def media_findings(store: Store) -> Iterator[Finding]:
    """Yield each media file that is not whole, packed or a blob; or one "ok" if there are any."""
    files = MediaFiles(store.folder)
    rows = store.index.query(
        "SELECT run, key, writer, name, digest, size, pack, offset FROM media WHERE name <> '' "
        "ORDER BY run, writer, pack, offset"
    )
    damaged = False
    for run, key, writer, *described in rows:
        file = MediaFile(*described)
        try:
            files.open(store.folder.run(run), writer, file).close()
        except TrackerError as error:
            damaged = True
            facts = {"run": run, "key": key, "name": file.name, "digest": file.digest}
            text = f"media {key} of run {run} has lost {file.name}: {error}"
            step = "put the file back from a copy of the store"
            yield Finding("media", "damage", text, step, facts)
    if rows and not damaged:
        count = wording.counted(len(rows), "file")
        yield Finding("media", "ok", f"every media file was read: {count}, all whole")
