"""The power goes, the process dies: media that were called synced are whole, and others tell."""

from __future__ import annotations

import contextlib
import hashlib
import random
import tempfile
from pathlib import Path
from unittest import mock

import pytest

from tests.doubles.failing_files import SHORT
from tests.doubles.power import MEMORY, Disk, PowerCut
from tracker.errors import ArtifactError
from tracker.events import Media
from tracker.journal import Writer, WriterBroken, journals, packs
from tracker.media import MediaFiles
from tracker.store import StoreFolder

RUN = "0" * 31 + "f"
SEEDS = 150


def content_of(number):
    """From nothing to more than a sector of the disk."""
    return bytes([number % 256]) * (number * 97 % 1500)


def record(disk, dice, synced):
    """Log media and sync now and then until the power goes; notes what was called synced."""
    store = StoreFolder.open(disk.root / "store", create=True)
    writer, kept = Writer(store.run(RUN), RUN, segment_bytes=2000), set()
    try:
        for number in range(40):
            if dice.random() < 0.1:
                disk.fail("write", SHORT)
            content = content_of(number)
            digest = hashlib.sha256(content).hexdigest()
            with contextlib.suppress(OSError, WriterBroken):
                file = (f"{number}", digest, len(content), *writer.place(content))
                if writer.append(26, number, "k", "file", [file], {}):
                    kept.add(number)
            if dice.random() < 0.2 and writer.sync():
                synced |= kept
    finally:
        writer.abandon()  # as the system does when a process dies


def read(root, *, syncing):
    """Steps whose file is whole, and those whose file is not."""
    store = StoreFolder.open(root / "store")
    files, whole, lost = MediaFiles(store), set(), set()
    for journal in journals(store.run(RUN)):
        if syncing:
            journal.make_durable()
        for event in journal.events():
            if isinstance(event, Media):
                try:
                    found = files.read(journal.folder, journal.writer_id, event.files[0])
                    assert found == content_of(event.step)
                    whole.add(event.step)
                except ArtifactError:
                    lost.add(event.step)
    return whole, lost


@pytest.mark.parametrize("cut", [True, False], ids=["power cut", "killed"])
def test_what_was_called_synced_is_whole_and_what_is_not_is_named(cut, monkeypatch):
    """After a mere death every event that is there has its file."""
    monkeypatch.setattr(packs, "PACK_FILE_BYTES", 4000)
    seen = 0
    for seed in range(SEEDS):
        print("seed", seed)  # noqa: T201 - shown when it fails
        dice, synced = random.Random(seed), set()
        with (
            tempfile.TemporaryDirectory(dir=MEMORY) as folder,
            mock.patch.object(Writer, "_start_thread"),
        ):
            root = Path(folder, "0")
            root.mkdir()
            disk = Disk(root)
            disk.last = dice.randrange(30, 200)
            with disk.installed(), contextlib.suppress(PowerCut):
                record(disk, dice, synced)
            if not synced:
                continue
            if cut:
                disk.cut(dice, Path(folder, "1"))
                root = Path(folder, "1")
            whole, lost = read(root, syncing=not cut)
            assert synced <= whole
            assert cut or not lost
            seen += len(synced)
    assert seen > SEEDS
