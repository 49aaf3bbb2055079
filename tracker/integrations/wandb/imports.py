"""An import: every `.wandb` file that some paths mean, once or as long as they grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tracker.integrations.wandb.folder import logs
from tracker.integrations.wandb.records import Parser
from tracker.integrations.wandb.taking import Taking
from tracker.settings import Settings
from tracker.store import StoreFolder


class Import:
    """Takes what lies at some paths into a store; a context, as it holds journals open.

    `links` as in `media.Folder`. A file of which `known` is true is in the store to its end and
    is passed over.

    Raises:
        TrackerError: wandb is not installed.
    """

    def __init__(
        self, store: StoreFolder, settings: Settings, paths: Sequence[Path], *, links: bool = False,
        known: Callable[[Path], bool] = lambda _: False,
    ) -> None:  # fmt: skip
        self._store = store
        self._settings = settings
        self._paths = paths
        self._links = links
        self._known = known
        self._parser = Parser()
        self._open: dict[Path, Taking] = {}

    def __enter__(self) -> Import:  # noqa: PYI034 - nobody derives from it
        return self

    def __exit__(self, *_: object) -> None:
        for taking in self._open.values():
            taking.close()

    def once(self, tell: Callable[[Taking], object]) -> Iterator[Taking]:
        """Take what there is, file by file; what a file gets later is for the next call.

        A file that was read before goes on where that stopped. Of one that met an error nothing
        is held on to: the next call looks at the store again. A run's journal is open until its
        exit record, or until another file of the same run is begun, so a growing run is shown as
        running.
        """
        for log in logs(self._paths):
            taking = self._open.get(log)
            if taking is None:
                if self._known(log):
                    continue
                taking = self._new(log)
            self._open[log] = taking
            if taking.grew():
                self._close_others_of(taking.log)
                taking.go_on(tell)
            if taking.taken.error:
                taking.close()
                del self._open[log]
            elif taking.ended:
                taking.close()
            yield taking

    def _new(self, log: Path) -> Taking:
        return Taking(self._store, self._settings, log, self._parser, links=self._links)

    def _close_others_of(self, log: Path) -> None:
        """A run's files are named for it; two journals of one run are never open together."""
        for other, taking in self._open.items():
            if other != log and other.name == log.name:
                taking.close()

    @property
    def ended(self) -> bool:
        """Whether there are files, and each has its run's exit record."""
        return bool(self._open) and all(taking.ended for taking in self._open.values())
