"""Manifests: the list of paths and digests that makes an artifact version.

The bytes are specified in the package's docstring.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

import msgspec

from tracker.artifacts.blobs import Blob, Blobs, check_digest
from tracker.artifacts.names import check_distinct, check_path, shown
from tracker.errors import ArtifactError, BadInput

FORMAT = 1
"""Version of the manifest's bytes."""

FILES = 100_000
"""Most files in one manifest."""

BYTES = 64 << 20
"""Longest manifest, in bytes."""

_SIZE = 1 << 63


class Entry(msgspec.Struct, frozen=True):
    """One file of a version: its path ("/" between parts), size in bytes and digest."""

    path: str
    size: int
    digest: str


class _Form(msgspec.Struct):
    format: int
    files: tuple[Entry, ...]


class _Version(msgspec.Struct):
    format: int


class Manifest(msgspec.Struct, frozen=True):
    """The files of one artifact version, in order. Made by `of`, `parse` and `load`."""

    files: tuple[Entry, ...]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Manifest:
        """Make a manifest of files in any order.

        Raises:
            BadInput: there are none or too many, a path, size or digest is none, or two
                paths collide.
        """
        files = tuple(sorted(entries, key=attrgetter("path")))
        if not files:
            raise BadInput("a manifest needs at least one file; this one lists none.")
        check_count(len(files))
        for entry in files:
            check_path(entry.path)
            check_digest(entry.digest)
            if not 0 <= entry.size < _SIZE:
                raise BadInput(f"{shown(entry.path)} cannot have the size {entry.size}.")
        check_distinct(entry.path for entry in files)
        return cls(files)

    @property
    def size(self) -> int:
        """Bytes of all files together, each counted as often as it is listed."""
        return sum(entry.size for entry in self.files)

    def encode(self) -> bytes:
        """Give the manifest's bytes: the same for the same files, for ever.

        Raises:
            BadInput: they would be more than `BYTES`.
        """
        # Paths hold nothing that JSON escapes, and the encoder writes fields in their order
        # without white space, so these are the bytes of the specification.
        content = msgspec.json.encode(_Form(FORMAT, self.files))
        if len(content) > BYTES:
            raise BadInput(
                f"the manifest would be {len(content)} bytes, the limit is {BYTES}. "
                "Log the folder in several artifacts, or pack it into one file first."
            )
        return content

    @classmethod
    def parse(cls, content: bytes) -> Manifest:
        """Read a manifest's bytes; every rule of the specification is checked.

        Raises:
            ArtifactError: they are no manifest, or one of a newer format.
        """
        if len(content) > BYTES:
            raise ArtifactError(f"this is no manifest: it is longer than {BYTES} bytes.")
        try:
            version = msgspec.json.decode(content, type=_Version).format
            if version > FORMAT:
                raise ArtifactError(
                    f"the manifest has format {version}; this version reads up to {FORMAT}. "
                    "Upgrade: pip install --upgrade tracker-syncd"
                )
            manifest = cls.of(msgspec.json.decode(content, type=_Form).files)
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            raise ArtifactError(f"this is no manifest: {error}") from error
        if manifest.encode() != content:
            raise ArtifactError(
                "this is no manifest: its bytes differ from those that its files must have."
            )
        return manifest

    def put(self, blobs: Blobs) -> Blob:
        """Keep the manifest as a blob; its digest names the version.

        Raises:
            ArtifactError: the store cannot be written.
            BadInput: the manifest is longer than `BYTES`.
        """
        return blobs.put_bytes(self.encode())

    @classmethod
    def load(cls, blobs: Blobs, digest: str) -> Manifest:
        """Read the manifest `digest` from the store.

        Raises:
            BadInput: `digest` is none.
            ArtifactError: it is not there, is damaged, or is no manifest. Names the digest.
        """
        content = blobs.read(digest, BYTES)
        try:
            return cls.parse(content)
        except ArtifactError as error:
            raise ArtifactError(f"{blobs.path(digest)} cannot be read: {error}") from error


def check_count(files: int) -> None:
    """Refuse more files than a manifest may list.

    Raises:
        BadInput: there are more than `FILES`.
    """
    if files > FILES:
        raise BadInput(
            f"there are more than {FILES} files, the most that one artifact may have. "
            "Log the folder in several artifacts, or pack it into one file first."
        )
