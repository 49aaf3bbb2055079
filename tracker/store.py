"""The store: one folder with journals, blobs, index and sync state, and its identity.

store.json          format version and the store's id; makes a folder a store
settings.json       settings and remotes of this store (see `tracker.settings`);
                    settings.json.lock is held by who changes it
journals/FOLDER/    one folder a run, one or more journals in it (see `tracker.journal`)
blobs/              artifact content by digest (see `tracker.artifacts`)
index.db            projection of the journals, disposable (see `tracker.index`)
sync/               syncd's own: syncd.db, its lock, lease and log, what it publishes (see `syncd`)
trash/              runs on their way out of the store (see `syncd.trash`)

On a network file system the two databases are somewhere else (see `tracker.databases`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from functools import cached_property
from pathlib import Path

import msgspec

from tracker.errors import BadInput, StoreError
from tracker.journal.files import Files

FORMAT = 1
"""Version of the folder's layout; a newer one is refused and left untouched."""

_FOLDERS = ("journals", "blobs", "sync")

_PASSING = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS))
"""A disk that takes nothing now may take it later."""

_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OWN_ID = re.compile(r"[0-9a-f]{32}")


def check_run_id(run_id: str) -> str:
    """Return `run_id` if it can be one.

    Raises:
        BadInput: it is not 1 to 64 characters of A-Z a-z 0-9 _ -.
    """
    if not isinstance(run_id, str) or not _RUN_ID.fullmatch(run_id):
        raise BadInput(
            f"run id {run_id!r} cannot be used: ids are 1 to 64 characters of A-Z a-z 0-9 _ -. "
            "Pick another, or leave the id out and get a new one."
        )
    return run_id


def run_folder(run_id: str) -> str:
    """Name the folder of a run's journals.

    Ids that we made (32 lowercase hex digits) stand as they are. A user's id never becomes
    a path, where letter case or a reserved name could make two runs one: its folder is "x"
    and the first 32 hex digits of the id's SHA-256.
    """
    if _OWN_ID.fullmatch(run_id):
        return run_id
    import hashlib  # noqa: PLC0415 - ids of our own need none

    return "x" + hashlib.sha256(run_id.encode()).hexdigest()[:32]


def default_root() -> Path:
    """Where the store is if nobody says: `$TRACKER_DIR`, ~ expanded, or the user's data folder."""
    if named := os.environ.get("TRACKER_DIR"):
        return _expanded(named)
    import platformdirs  # noqa: PLC0415 - 10 ms that a program with TRACKER_DIR need not pay

    return Path(platformdirs.user_data_dir("tracker", appauthor=False))


def _expanded(path: str | os.PathLike[str]) -> Path:
    """`path` with a leading ~ or ~user as that home; left as it is where there is no such user."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises RuntimeError then


class _Identity(msgspec.Struct):
    format: int
    id: str


class StoreFolder:
    """Paths and identity of one store. Made by `open`; holds no open files."""

    def __init__(self, root: Path, store_id: str) -> None:
        self.root = root
        self.id = store_id
        self.journals = root / "journals"
        self.blobs = root / "blobs"
        self.settings = root / "settings.json"
        self.sync = root / "sync"
        self.trash = root / "trash"

    def __repr__(self) -> str:
        return f"StoreFolder({str(self.root)!r})"

    @cached_property
    def databases(self) -> Path | None:
        """This machine's folder of the databases; None where they are in the store.

        Raises:
            StoreError: they are to be somewhere else, and no folder can be had.
        """
        from tracker.databases import local_folder  # noqa: PLC0415 - not for those who record

        return local_folder(self)

    @cached_property
    def index(self) -> Path:
        """The file index.db; see `databases`."""
        return (self.databases or self.root) / "index.db"

    @cached_property
    def ledger(self) -> Path:
        """The file syncd.db; see `databases`."""
        return (self.databases or self.sync) / "syncd.db"

    def run(self, run_id: str) -> Path:
        """Folder of a run's journals."""
        return self.journals / run_folder(run_id)

    def free_bytes(self) -> int | None:
        """Bytes that are free to us where the store is; None if the system does not say."""
        return free_bytes(self.root)

    def restore(self) -> None:
        """Make the store again, with its id, where somebody deleted it while a run goes on.

        Raises:
            OSError: it cannot be made.
        """
        if not (self.root / "store.json").exists():
            _make_folder(self.root)
            _furnish(self.root, self.id)

    @classmethod
    def to_be(cls, root: str | os.PathLike[str] | None, trouble: StoreError) -> StoreFolder | None:
        """Name the store that `restore` can make once what `open` met has passed.

        None where that is more than a disk that takes nothing now.
        """
        cause = trouble.__cause__
        if not isinstance(cause, OSError) or cause.errno not in _PASSING:
            return None
        return cls(_path_of(root), os.urandom(16).hex())

    @classmethod
    def open(
        cls, root: str | os.PathLike[str] | None = None, *, create: bool = False
    ) -> StoreFolder:
        """Open the store at `root` (default: `default_root()`).

        With `create`, an absent or empty folder becomes a store.

        Raises:
            StoreError: no store there, a folder of something else, or of a newer format.
        """
        path = _path_of(root)
        try:
            if create:
                _create(path)
            return cls(path, _identity(path).id)
        except OSError as error:
            raise StoreError(
                f"the store {path} cannot be used: {error.strerror or error}. "
                "Name another folder with TRACKER_DIR or dir=."
            ) from error


def _path_of(root: str | os.PathLike[str] | None) -> Path:
    return (default_root() if root is None else _expanded(root)).absolute()


def _create(path: Path) -> None:
    marker = path / "store.json"
    if marker.exists():
        return
    _make_folder(path)
    strangers = [entry.name for entry in path.iterdir() if not _began(entry)]
    if strangers and not marker.exists():
        raise StoreError(
            f"{path} holds other files ({min(strangers)!r}) and is not a store. "
            f"Name an empty or a new folder, such as {path / '.tracker'}."
        )
    _furnish(path, os.urandom(16).hex())


def _began(entry: Path) -> bool:
    """Whether it is what a process leaves that died while it made a store."""
    if entry.name in _FOLDERS:
        return entry.is_dir() and not any(entry.iterdir())
    return entry.name.startswith("store.json.")


def _make_folder(path: Path) -> None:
    """Make a folder and those above it, each after the one that holds it survives power loss.

    Also where it was there: who made it may not have come as far as that.
    """
    if not path.exists():
        _make_folder(path.parent)
        Files.mkdir(path)
    with contextlib.suppress(PermissionError):  # where we may not look nothing can be synced
        Files.sync_folder(path.parent)


def _furnish(path: Path, store_id: str) -> None:
    """Put the folders and then the marker in place, so that a power cut leaves all or no store."""
    for folder in _FOLDERS:
        Files.mkdir(path / folder)
    Files.sync_folder(path)
    fresh = path / f"store.json.{os.urandom(8).hex()}"
    try:
        _write_synced(fresh, msgspec.json.encode(_Identity(FORMAT, store_id)))
        with contextlib.suppress(FileExistsError):  # another process was first: its id holds
            Files.link(fresh, path / "store.json")
    finally:
        with contextlib.suppress(FileNotFoundError):
            Files.unlink(fresh)
    Files.sync_folder(path)


def free_bytes(folder: Path) -> int | None:
    """Bytes that are free to us where a folder is; None if the system does not say."""
    try:
        at = os.statvfs(folder)
    except (OSError, AttributeError):  # it is away; a system without this call
        return None
    return at.f_bavail * at.f_frsize


def nearly_full(free_bytes: int | None, low_bytes: int) -> bool:
    """Whether only what a run cannot do without is still recorded; see `storage_low_bytes`."""
    return free_bytes is not None and free_bytes < low_bytes


def replace_file(path: Path, content: bytes) -> None:
    """Put content at `path`, synced: whoever looks sees all or none of it.

    Once this returned it is there after a power cut too.

    Raises:
        OSError: it could not be written, and what stood there stands; or not be synced.
    """
    fresh = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    try:
        _write_synced(fresh, content)
        Files.replace(fresh, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Files.unlink(fresh)
        raise
    with contextlib.suppress(PermissionError):  # where we may not look nothing can be synced
        Files.sync_folder(path.parent)


def _write_synced(path: Path, content: bytes) -> None:
    fd = Files.create(path)
    try:
        rest = memoryview(content)
        while rest:  # a disk that is nearly full takes a part and calls that well
            rest = rest[Files.write(fd, rest) :]
        Files.sync(fd)
    finally:
        Files.close(fd)


def _identity(path: Path) -> _Identity:
    marker = path / "store.json"
    try:
        content = marker.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(
            f"there is no store at {path}. The first tracker.init() makes one; "
            "to look at another folder set TRACKER_DIR or give --dir."
        ) from None
    try:
        identity = msgspec.json.decode(content, type=_Identity)
    except msgspec.MsgspecError as error:
        raise StoreError(
            f"{marker} does not read as a store's identity ({error}). The journals beside it "
            "are untouched; put the file back from a copy of this store."
        ) from error
    if identity.format > FORMAT:
        raise StoreError(
            f"the store {path} has format {identity.format}; this version reads up to {FORMAT}. "
            "Nothing was changed. Upgrade: pip install --upgrade tracker-syncd"
        )
    return identity
