"""An import: every run that some paths of a tool mean, once or as long as they grow."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from tracker.integrations.taken import Taken
from tracker.settings import Settings
from tracker.store import StoreFolder

TOOLS = ("wandb", "mlflow", "tensorboard")
"""What can be taken from; a source without such a name and "=" before it is of the first."""


class Taking(Protocol):
    """A run on its way into the store."""

    taken: Taken

    @property
    def ended(self) -> bool:
        """Whether the tool says that the run ended."""

    @property
    def share(self) -> float:
        """How much of what was there is taken, from 0 to 1."""

    def grew(self) -> bool:
        """Whether there is something to be taken."""

    def go_on(self, tell: Callable[[Any], object]) -> None:
        """Take what there is; `tell` hears of each batch. Errors stand in `taken.error`."""

    def close(self) -> None:
        """Let go of the journal."""


class Import:
    """Takes what lies at some paths into a store; a context, as it holds journals open.

    Attributes:
        left_out: runs that were not taken at the last look, counted by why.
        lost: places where runs may have been and could not be read at the last look.
    """

    def __init__(self, store: StoreFolder, settings: Settings, paths: Sequence[Path]) -> None:
        self._store = store
        self._settings = settings
        self._paths = paths
        self.left_out: dict[str, int] = {}
        self.lost: list[Taken] = []
        self._open: dict[Hashable, Any] = {}

    def __enter__(self) -> Import:  # noqa: PYI034 - Self is not in Python 3.10
        return self

    def __exit__(self, *_: object) -> None:
        for taking in self._open.values():
            taking.close()

    def find(self) -> Iterable[Hashable]:
        """What there is to be taken now, in order."""
        raise NotImplementedError

    def new(self, key: Any) -> Taking:
        """Begin with one of these."""
        raise NotImplementedError

    def before(self, key: Any) -> None:
        """Do what has to be done before one of these is gone on with."""

    def once(self, tell: Callable[[Any], object]) -> Iterator[Any]:
        """Take what there is, one after the other; what comes later is for the next call.

        What was read before goes on where that stopped. Of what met an error nothing is held on
        to: the next call looks at the store again. A run's journal is open until the run's end, so
        a growing run is shown as running.
        """
        for key in self.find():
            taking = self._open.get(key) or self.new(key)
            self._open[key] = taking
            if taking.grew():
                self.before(key)
                taking.go_on(tell)
            if taking.taken.error:
                taking.close()
                del self._open[key]
            elif taking.ended:
                taking.close()
            yield taking

    @property
    def ended(self) -> bool:
        """Whether there are runs, and each has ended."""
        return bool(self._open) and all(taking.ended for taking in self._open.values())


def of_tool(
    tool: str, store: StoreFolder, settings: Settings, paths: Sequence[Path], **options: Any
) -> Import:
    """Begin an import of one of `TOOLS`; `options` are those of its own `Import`.

    Raises:
        TrackerError: what it needs is not installed.
    """
    import importlib  # noqa: PLC0415 - each tool's code is for those who use it

    module = importlib.import_module(f"tracker.integrations.{tool}.imports")
    found: Import = module.Import(store, settings, paths, **options)
    return found


def named(sources: Iterable[str]) -> dict[str, list[Path]]:
    """Paths of the setting `sources` by their tool: "TOOL=PATH", or a path of W&B runs alone."""
    found: dict[str, list[Path]] = {}
    for source in sources:
        tool, equals, path = source.partition("=")
        known = equals and tool in TOOLS
        found.setdefault(tool if known else TOOLS[0], []).append(Path(path if known else source))
    return found
