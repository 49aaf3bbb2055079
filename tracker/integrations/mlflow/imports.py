"""An import: every run in some stores of MLflow, once or as long as they grow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tracker.errors import BadInput
from tracker.integrations import imports
from tracker.integrations.mlflow.described import Described, Stored
from tracker.integrations.mlflow.stores import opened
from tracker.integrations.mlflow.taking import Taking
from tracker.integrations.taken import Taken
from tracker.settings import Settings
from tracker.store import StoreFolder, check_run_id

_DELETED = "deleted there (--deleted takes them too)"
_OURS = "that this store delivered there"


class Import(imports.Import):
    """Takes the runs of MLflow's stores; those deleted there only with `deleted`."""

    def __init__(
        self, store: StoreFolder, settings: Settings, paths: Sequence[Path],
        *, deleted: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(store, settings, paths)
        self._deleted = deleted
        self._stores: dict[Path, Stored] = {}
        self._runs: dict[str, tuple[Stored, Described]] = {}
        self._keys: dict[Path, list[str]] = {}

    def find(self) -> Iterable[str]:
        """Ids of the runs; a store that did not change has the ones that it had."""
        left_out: Counter[str] = Counter()
        self.lost = []
        for path in self._paths:
            stored = self._stores.get(path) or opened(path)
            if stored is None:
                continue
            if path not in self._stores or stored.changed():
                self._keys[path] = self._look(stored, left_out)
                self.left_out = dict(left_out)
            self._stores[path] = stored
            if stored.lost:
                self.lost.append(Taken(str(path), lost=list(stored.lost)))
        return list(dict.fromkeys(key for keys in self._keys.values() for key in keys))

    def new(self, key: str) -> Taking:
        """Begin with a run."""
        stored, run = self._runs[key]
        return Taking(self._store, self._settings, stored, run, self._name_of)

    def _look(self, stored: Stored, left_out: Counter[str]) -> list[str]:
        keys = []
        for run in stored.runs():
            if run.deleted and not self._deleted:
                left_out[_DELETED] += 1
            elif run.ours and self._has(run.ours):
                left_out[_OURS] += 1
            else:
                self._runs[run.run_id] = stored, run
                keys.append(run.run_id)
                if run.run_id in self._open:
                    self._open[run.run_id].run = run
        return keys

    def _has(self, run_id: str) -> bool:
        try:
            return self._store.run(check_run_id(run_id)).exists()
        except BadInput:
            return False

    def _name_of(self, run_id: str) -> str:
        return self._runs[run_id][1].name if run_id in self._runs else ""
