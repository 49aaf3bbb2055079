"""Whatever happens to a blob's bytes: never taken for good, and put right again."""

from __future__ import annotations

import os
import random

import pytest

from tracker.artifacts import BYTES, Blobs, Manifest, keep
from tracker.errors import ArtifactError

MASKS = range(1, 256) if "SOAK" in os.environ else (*(1 << bit for bit in range(8)), 0xFF)
GARBAGE = random.Random(11).randbytes(64)
TAILS = {"nothing": b"", "zeros": bytes(50), "a page of zeros": bytes(4096), "garbage": GARBAGE}


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


@pytest.fixture(params=["blob", "manifest"])
def kept(request, blobs, tmp_path):
    """A blob's digest and content, and how it is put again."""
    source = tmp_path / "weights"
    source.write_bytes(random.Random(5).randbytes(300))
    version = keep(blobs, source, "weights")
    digest = version.manifest
    if request.param == "blob":
        ((_, _, digest),) = [
            (entry.path, entry.size, entry.digest) for entry in Manifest.load(blobs, digest).files
        ]
    return digest, blobs.path(digest).read_bytes(), lambda: keep(blobs, source, "weights")


def refuse(blobs, digest):
    """All ways of reading say that the content is not what its name says, and how to mend it."""
    for look in (
        lambda: blobs.verify(digest),
        lambda: blobs.read(digest, BYTES),
        lambda: Manifest.load(blobs, digest),
    ):
        with pytest.raises(ArtifactError, match=rf"{digest}.*Remove this file"):
            look()


@pytest.mark.parametrize("mask", MASKS)
def test_any_byte_changed_is_refused(blobs, kept, mask):
    digest, whole, _ = kept
    for offset in range(len(whole)):
        bad = bytearray(whole)
        bad[offset] ^= mask
        blobs.path(digest).write_bytes(bad)
        refuse(blobs, digest)


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_cut_anywhere_and_with_any_tail_it_is_refused(blobs, kept, tail):
    digest, whole, _ = kept
    for length in range(len(whole) + bool(tail)):
        bad = whole[:length] + tail
        blobs.path(digest).write_bytes(bad)
        if bad != whole:  # one time in 256 a tail is what was cut off
            refuse(blobs, digest)


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_put_again_what_was_cut_or_grew_is_whole(blobs, kept, tail):
    digest, whole, put_again = kept
    for length in (0, 1, len(whole) // 2, len(whole) - 1, len(whole) + bool(tail)):
        bad = whole[:length] + tail
        if len(bad) == len(whole):
            continue
        blobs.path(digest).write_bytes(bad)
        put_again()
        assert blobs.path(digest).read_bytes() == whole


def test_the_blob_of_another_digest_in_its_place_is_refused(blobs, kept):
    digest, _, _ = kept
    other = blobs.put_bytes(b"other weights").digest
    blobs.path(digest).write_bytes(blobs.path(other).read_bytes())
    refuse(blobs, digest)
