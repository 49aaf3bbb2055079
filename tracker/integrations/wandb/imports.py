"""An import: every `.wandb` file that some paths mean, once or as long as they grow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tracker.integrations import imports
from tracker.integrations.wandb.folder import logs
from tracker.integrations.wandb.records import Parser
from tracker.integrations.wandb.taking import Taking
from tracker.settings import Settings
from tracker.store import StoreFolder


class Import(imports.Import):
    """Takes the runs of `.wandb` files; an exit record ends a run, until another file begins it.

    `links` as in `media.Folder`. A file of which `known` is true is in the store to its end and
    is passed over.

    Raises:
        TrackerError: wandb is not installed.
    """

    def __init__(
        self, store: StoreFolder, settings: Settings, paths: Sequence[Path], *, links: bool = False,
        known: Callable[[Path], bool] = lambda _: False,
    ) -> None:  # fmt: skip
        super().__init__(store, settings, paths)
        self._links = links
        self._known = known
        self._parser = Parser()

    def find(self) -> Iterable[Path]:
        """The files, those of earlier runs first."""
        return [log for log in logs(self._paths) if log in self._open or not self._known(log)]

    def new(self, key: Path) -> Taking:
        """Begin with a file."""
        return Taking(self._store, self._settings, key, self._parser, links=self._links)

    def before(self, key: Path) -> None:
        """A run's files are named for it; two journals of one run are never open together."""
        for other, taking in self._open.items():
            if other != key and taking.log.name == key.name:
                taking.close()
