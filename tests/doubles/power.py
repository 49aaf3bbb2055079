"""A disk whose power can be cut at any system call: a model of what POSIX allows to be left.

`Disk` stands behind the two seams by which the product changes a disk, really makes each call
in a folder, and keeps beside it what the device is sure to hold. `cut` lays out another folder
as the device could be found afterwards. The rules:

Files
    A sync of the file itself makes all that was written to it before sure, and its size.
    Nothing else does: neither a rename, nor a sync of its folder or of another file.
    Each write since is on its own, whatever became of those before and behind it: kept;
    dropped (where later ones are there, zeros stand in its place); torn at a border of 512
    bytes, its beginning or its end there; all zeros (the file has grown, the data did not
    come); or garbage (what lay in those blocks before).
    Bytes that are sure stay so when more is appended behind them: a device writes a sector
    whole or leaves it.
    After a sync that failed the kernel may have forgotten the pages and call them clean: what
    had not been synced by then is never made sure by a later sync (fsyncgate, 2018).

Folders
    A sync of the folder makes its own entries sure: not the content of the files, not what is
    in folders below, not its own entry in the folder above.
    Each entry made or removed since is there or not, later ones also without earlier ones. A
    rename is two such changes, the removal never without the new name: the old name is there,
    the new one, or both; none only if the old one was never sure. A rename into another folder
    is sure for both when one of them is synced.
    A file system that cannot write entries goes read-only and does not forget them: a failed
    sync of a folder changes nothing, and the next may make them sure.

All names of a file show the same content. Every write appends: nothing else is in the product.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from tests.doubles.failing_files import LIE, SHORT
from tracker.artifacts.files import Files as BlobFiles
from tracker.journal import Files

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - tempfile makes its own in it
"""Where folders are in memory, if anywhere: a model needs no device."""

SECTOR = 512
KEPT, DROPPED, TORN, ZEROED, GARBAGE = FATES = ("kept", "dropped", "torn", "zeroed", "garbage")
CALLS = {
    Files: (
        "create", "write", "sync", "rename", "replace", "link", "unlink", "mkdir", "sync_folder",
    ),
    BlobFiles: (
        "open_new", "write", "fsync", "rename", "link", "unlink", "mkdir", "sync_folder",
    ),
}  # fmt: skip
"""Per seam, the calls that go through the model; a `close` changes nothing on a disk."""


class PowerCut(BaseException):  # not an Exception: no code may take it for trouble of its own
    """The power is off: no call is made any more."""


class _Write:
    """Bytes on their way to a file; `forgotten` once a sync that failed had them to write."""

    def __init__(self, offset, data):
        self.offset, self.data = offset, data
        self.forgotten = False


class _File:
    """A file: what of it is sure, and the writes that are not."""

    def __init__(self, content=b""):
        self.sure = bytearray(content)
        self.writes = []

    def sync(self):
        for write in self.writes:
            if not write.forgotten:
                _put(self.sure, write.offset, write.data)
        self.writes = [write for write in self.writes if write.forgotten]

    def forget(self):
        for write in self.writes:
            write.forgotten = True


class _Change:
    """An entry made (`node`) or removed (None), only together with the change `needs`."""

    def __init__(self, folder, name, node, needs=None):
        self.folder, self.name, self.node, self.needs = folder, name, node, needs
        folder.changes.append(self)
        _enter(folder.names, name, node)

    def make_sure(self):
        if self in self.folder.changes:
            if self.needs is not None:
                self.needs.make_sure()
            self.folder.changes.remove(self)
            _enter(self.folder.sure, self.name, self.node)


class _Folder:
    """A folder: its entries, those of them that are sure, and the changes that are not."""

    def __init__(self):
        self.names, self.sure, self.changes = {}, {}, []

    def sync(self):
        for change in list(self.changes):
            change.make_sure()


class Disk:
    """A folder that is the disk; what is there when it is made is sure.

    Attributes:
        calls: how many were made.
        last: number of the last call that is made before the power goes; None if it stays.
        failures: how many calls failed.
    """

    def __init__(self, root):
        self.root = Path(root)
        self.calls = self.failures = 0
        self.last = None
        self._failing = {}
        self._files = {}  # by inode
        self._folders = {}  # by path
        self._top = self._load(self.root)

    @contextlib.contextmanager
    def installed(self):
        """While this lasts, the product's calls are made on this disk."""
        before = [(seam, name, vars(seam)[name]) for seam, names in CALLS.items() for name in names]
        try:
            for seam, name, _ in before:  # of an object: what is a method there is bound to it
                setattr(seam, name, staticmethod(self._call(name, getattr(seam(), name))))
            yield self
        finally:
            for seam, name, real in before:
                setattr(seam, name, real)

    def fail(self, name, error):
        """Let the next call of this name fail with an errno, or a write be SHORT or a LIE."""
        self._failing[name] = error

    def heal(self):
        """The power is on, and no call is to fail."""
        self._failing, self.last = {}, None

    def appear(self, path):
        """A folder was brought here, and all of it is sure."""
        parent = self._folders[path.parent]
        parent.names[path.name] = parent.sure[path.name] = self._load(path)

    def cut(self, dice, target):
        """Lay out in the new folder `target` what could be found after a power cut now."""
        _Remains(dice).lay(self._top, Path(target))

    # -- calls -----------------------------------------------------------------------------

    def _call(self, name, real):
        note = getattr(self, f"_{name}")

        def call(*args):
            if self.calls == self.last:
                raise PowerCut
            self.calls += 1
            error = self._failing.pop(name, None)
            self.failures += error is not None
            if error == SHORT:
                args = (args[0], args[1][: len(args[1]) // 2])
            elif error == LIE:
                note(real(*args), *args)
                raise OSError(errno.EIO, LIE)
            elif error is not None:
                if name in ("sync", "fsync"):
                    self._at(args[0]).forget()
                raise OSError(error, os.strerror(error))
            result = real(*args)
            note(result, *args)
            return result

        return call

    def _create(self, fd, path):
        file = self._files[os.fstat(fd).st_ino] = _File()
        _Change(self._folders[path.parent], path.name, file)

    _open_new = _create

    def _write(self, count, fd, data):
        offset = os.fstat(fd).st_size - count
        self._at(fd).writes.append(_Write(offset, bytes(data[:count])))

    def _sync(self, _, fd):
        self._at(fd).sync()

    _fsync = _sync

    def _link(self, _, source, target):
        file = self._folders[source.parent].names[source.name]
        return _Change(self._folders[target.parent], target.name, file)

    def _rename(self, _, source, target):
        made = self._link(_, source, target)
        _Change(self._folders[source.parent], source.name, None, needs=made)

    _replace = _rename

    def _unlink(self, _, path):
        _Change(self._folders[path.parent], path.name, None)

    def _mkdir(self, _, path):
        if path not in self._folders:  # nothing in the product removes a folder
            self._mkdir(_, path.parent)
            self._folders[path] = _Folder()
            _Change(self._folders[path.parent], path.name, self._folders[path])

    def _sync_folder(self, _, path):
        if path in self._folders:  # what is above is no part of this disk
            self._folders[path].sync()

    # -- finding ---------------------------------------------------------------------------

    def _at(self, fd):
        return self._files[os.fstat(fd).st_ino]

    def _load(self, path):
        folder = self._folders[path] = _Folder()
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            if entry.is_dir():
                folder.names[entry.name] = self._load(path / entry.name)
            else:
                file = _File(Path(entry.path).read_bytes())
                folder.names[entry.name] = self._files[entry.inode()] = file
        folder.sure = dict(folder.names)
        return folder


class _Remains:
    """One way in which a disk could be found: each unsure write and entry has its fate."""

    def __init__(self, dice):
        self._dice = dice
        # Some cuts keep nearly all, some nearly nothing, so that both alone are seen too.
        self._keep = dice.choice((0.0, 0.2, 0.5, 0.8, 1.0))
        self._keep_entry = dice.choice((0.0, 0.2, 0.5, 0.8, 1.0))
        self._entries, self._contents = {}, {}

    def lay(self, folder, target):
        target.mkdir()
        names = dict(folder.sure)
        for change in folder.changes:
            if self._there(change):
                _enter(names, change.name, change.node)
        for name, node in names.items():
            if isinstance(node, _Folder):
                self.lay(node, target / name)
            else:
                (target / name).write_bytes(self._content(node))

    def _there(self, change):
        if change not in self._entries:
            needed = change.needs is None or self._is_sure(change.needs)
            self._entries[change] = needed and self._dice.random() < self._keep_entry
        return self._entries[change]

    def _is_sure(self, change):
        return change not in change.folder.changes or self._there(change)

    def _content(self, file):
        if file not in self._contents:
            content = bytearray(file.sure)
            for write in file.writes:
                self._apply(write, content)
            self._contents[file] = content
        return self._contents[file]

    def _apply(self, write, content):
        kept = self._dice.random() < self._keep
        fate = KEPT if kept else self._dice.choice(FATES[1:])
        offset, data = write.offset, write.data
        if fate == TORN:
            borders = range(SECTOR - offset % SECTOR, len(data), SECTOR)
            at = self._dice.choice(borders) if borders else self._dice.choice((0, len(data)))
            offset, data = self._dice.choice(((offset, data[:at]), (offset + at, data[at:])))
        elif fate == ZEROED:
            data = bytes(len(data))
        elif fate == GARBAGE:
            data = self._dice.randbytes(len(data))
        if fate != DROPPED and data:
            _put(content, offset, data)


def _put(content, offset, data):
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


def _enter(names, name, node):
    names.pop(name, None)  # a name made again stands behind those made before
    if node is not None:
        names[name] = node
