"""What an artifact holds: files, and references to what lies elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tracker.wandb.errors import CommError

if TYPE_CHECKING:
    from tracker.wandb.artifact import Artifact


class Reference(msgspec.Struct, frozen=True):
    """Something that lies elsewhere: its path in the version, its address."""

    path: str
    ref: str


class Entry:
    """One file of an artifact: its path in the version, and where it is on this machine.

    It keeps its artifact `of`, whose files are gone with it.
    """

    def __init__(
        self, path: str, local: Path | None, ref: str | None = None, *, of: Artifact
    ) -> None:
        self.path = path
        self._of = of
        self.name = path
        self.ref = ref
        self._local = local

    @property
    def size(self) -> int | None:
        """Bytes, None of a reference."""
        return None if self._local is None else self._local.stat().st_size

    def download(self, root: str | None = None, **more: Any) -> str:
        """Write its content below `root`, by default ./artifacts/NAME:VERSION; give its path.

        Raises:
            CommError: it is a reference, whose content is not here.
        """
        del more
        if self._local is None:
            raise CommError(f"{self.path} is a reference to {self.ref}; its content is not here.")
        target = Path(root or Path("artifacts", self._of.name), self.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        return str(shutil.copyfile(self._local, target))
