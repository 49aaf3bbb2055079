"""The kind of file system under a path: on one of a network other hosts write too."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
"""What is mounted where, as Linux tells it (proc_pid_mountinfo(5))."""

_NETWORK = (
    "nfs", "cifs", "smb", "9p", "afs", "lustre", "gpfs", "ceph", "gluster", "beegfs", "panfs",
    "pvfs2", "wekafs", "gfs2", "ocfs2", "virtiofs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone",
    "fuse.gluster", "fuse.ceph", "fuse.juicefs", "fuse.gcsfuse", "fuse.dfuse",
)  # fmt: skip
"""How the names of network file systems begin: nfs4, smb3, beegfs_nodev and so on."""


@dataclass(frozen=True)
class FileSystem:
    """Its kind, such as "ext4", and where it is mounted; "unknown" where nobody tells."""

    kind: str = "unknown"
    mount: str = "unknown"

    @property
    def network(self) -> bool:
        """Whether other hosts may see the same files: no notices, and locks that may be local."""
        return self.kind.startswith(_NETWORK)


def of(path: Path) -> FileSystem:
    """The file system that a path lies in, or would."""
    try:
        lines = MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return FileSystem()
    real, best = os.path.realpath(path), FileSystem(mount="")
    for line in lines:
        before, _, after = line.partition(" - ")
        mount = _unescaped(before.split(" ")[4])
        inside = real == mount or real.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best.mount):  # of two at one place the later one is seen
            best = FileSystem(after.split(" ")[0], mount)
    return best


def _unescaped(mount: str) -> str:
    """A mount point as it is; the kernel writes spaces and such in octal."""
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        mount = mount.replace(code, char)
    return mount
