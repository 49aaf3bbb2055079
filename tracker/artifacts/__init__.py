"""Artifacts: files kept by their content, and the lists that make versions of them.

This text is the specification of what lies on disk.

Layout, below the store's ``blobs`` folder::

    aa/DIGEST       a blob: the bytes of one file. DIGEST is the SHA-256 of these bytes in
                    64 lowercase hex digits, aa its first two. Mode 0600, never changed
    tmp/RANDOM      a blob while it is written (16 lowercase hex digits), under an exclusive
                    flock of the process that writes it. Never part of the store's content

Anything else there is not ours: it is neither read nor removed. A folder aa that was made
stays, empty or not.

An artifact version is named by the digest of its manifest, which is itself a blob. A
manifest is these bytes, with no white space and no line end::

    {"format":1,"files":[FILE,FILE,...]}

where FILE is, for each file of the version::

    {"path":"PATH","size":SIZE,"digest":"DIGEST"}

PATH is UTF-8, parts separated by "/", and keeps the rules of `check_path`; these leave out
every character that JSON would escape, so a path stands as it is. SIZE is the file's bytes,
in decimal. The files stand in the order of the bytes of their paths, at least one and at
most `FILES`; the whole is at most `BYTES` long. No two paths, nor two of their folders,
differ by letter case or Unicode composition only, and none is both a file and a folder. The
same files therefore always give the same bytes and the same digest. Modes, owners, times
and empty folders are not kept: a version is content. Bytes that differ from this in
anything are refused, never guessed at; a higher format is refused with advice to upgrade.

Guarantees:

- A blob's name appears only after all its bytes were written and fsynced, by a hard link
  (by a rename where the file system has no links). A process killed at any point leaves
  at most a file in ``tmp``.
- What `Blobs.put_file`, `Blobs.put_bytes` and `keep` returned survives loss of power: the
  entries of the folders are fsynced too.
- The same content is stored once, whoever puts it, also at the same time. A blob that is
  there with the right size is kept and not read again (`Blobs.verify` does that); one of
  another size is damaged, and is replaced by the new copy in one step.
- A file is read once, from one open file, after the writes to it that had begun are through. If
  its size or times are not the same after as before, nothing of it is kept. Two things cannot be
  seen: stores through a memory map that had the page writable already, and a change that keeps
  the size on a file system whose times are coarser than 20 ms.
- Each file is as it stood while it was read; a folder is not frozen as a whole.
- `keep` returns a version that is whole, or raises and there is no version. Blobs of a
  version that failed stay, unreferenced, until they are collected or put again.
- A put of content that is there makes the blob's times those of now. A blob that nobody refers
  to is removed by `Blobs.remove` alone, under the lock of its folder, and only where its time is
  older than asked for: so who put it again, and refers to it a moment later, finds it.
- A leftover in ``tmp`` is removed when nothing was written to it for a day and no process
  holds its lock; where the file system has no locks it is left.
- Nothing is unpickled, evaluated or unpacked.
"""

from tracker.artifacts.blobs import Blob, Blobs, check_digest, is_digest
from tracker.artifacts.kept import Kept, keep
from tracker.artifacts.manifest import BYTES, FILES, Entry, Manifest
from tracker.artifacts.names import check_distinct, check_file, check_name, check_path

__all__ = [
    "BYTES",
    "FILES",
    "Blob",
    "Blobs",
    "Entry",
    "Kept",
    "Manifest",
    "check_digest",
    "check_distinct",
    "check_file",
    "check_name",
    "check_path",
    "is_digest",
    "keep",
]
