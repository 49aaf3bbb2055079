"""MLflow's folder `mlruns` (mlflow/store/tracking/file_store.py): a file a metric, param and tag.

    EXPERIMENT/meta.yaml                 its name
    EXPERIMENT/RUN/meta.yaml             the run's own entry
    EXPERIMENT/RUN/metrics/KEY           a line a point: time in ms, value, step
    EXPERIMENT/RUN/params/KEY, tags/KEY  the value
    EXPERIMENT/RUN/inputs/, EXPERIMENT/datasets/, EXPERIMENT/models/
    .trash/                              deleted experiments

A key with "/" in it is a path. What cannot be read costs what it held, and is told.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from contextlib import ExitStack
from operator import attrgetter
from pathlib import Path

from tracker.integrations.mlflow.database import dataset
from tracker.integrations.mlflow.described import Described, Details, Model, Point
from tracker.integrations.mlflow.yaml import NoMapping, mapping
from tracker.integrations.taken import Lost

_META = "meta.yaml"
_STATUS = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}
_FILES = 200
"""Files of metrics that are open at the same time."""

_MOST_META = 1 << 24
_PARTS = (2, 3, 5, 6)
"""Words of a line: without step; with it; with a dataset's name and digest; with a model's id."""


class Folder:
    """A folder `mlruns`, or what lies in one: an experiment or a run.

    Attributes:
        base: its path.
        lost: entries of experiments and runs that could not be read at the last `runs`.
    """

    def __init__(self, path: Path) -> None:
        self.base = path
        self.lost: list[Lost] = []
        self._path = path
        self._at: dict[str, Path] = {}
        self._read: dict[str, tuple[int, int]] = {}  # of a file: points, and bytes that gave them

    def changed(self) -> bool:
        """Nothing tells without a look at every file."""
        return True

    def runs(self) -> list[Described]:
        """Every run, those that began earlier first."""
        self.lost = []
        found = [run for folder in _experiments(self._path) for run in self._runs(folder)]
        return sorted(found, key=lambda run: (run.began, run.run_id))

    def details(self, run: Described) -> Details:
        """What else there is of a run but its points."""
        folder, lost = self._at[run.run_id], list[Lost]()
        values = [_values(folder / name, folder, lost) for name in ("params", "tags")]
        datasets, models = dict[str, str](), []
        for place in sorted(folder.glob(f"inputs/*/{_META}")):
            datasets |= _dataset(place, folder, lost)
        for place in sorted(folder.parent.glob(f"models/*/{_META}")):
            meta = _meta(place, lost, folder.parent)
            if meta.get("source_run_id") == run.run_id:
                where = meta.get("artifact_location", "")
                changed = _number(meta.get("last_updated_timestamp", ""))
                models.append(Model(meta.get("name", ""), where, changed))
        return Details(values[0], values[1], datasets, models, lost)

    def points(self, run: Described, known: dict[str, int], lost: list[Lost]) -> Iterator[Point]:
        """A run's points but for the first of each key, as many as are known; by time, nearly."""
        folder = self._at[run.run_id]
        names = sorted(_walk(folder / "metrics"))
        for at in range(0, len(names), _FILES):
            with ExitStack() as stack:
                series = [
                    self._points(stack, folder, key, known.get(key, 0), lost)
                    for key in names[at : at + _FILES]
                ]
                yield from heapq.merge(*series, key=attrgetter("time", "step"))

    def _points(
        self, stack: ExitStack, folder: Path, key: str, known: int, lost: list[Lost]
    ) -> Iterator[Point]:
        """A metric's points behind those that are known; lines that are none are told."""
        path = folder / "metrics" / key
        name = f"metrics/{key}"
        points, at = self._read.get(str(path), (0, 0))
        if points != known:
            points = at = 0
        try:
            file = stack.enter_context(path.open("rb"))
            file.seek(at)
        except OSError as error:
            lost.append(Lost(0, 0, f"it cannot be read: {error}", file=name))
            return
        for line in file:
            start, at = at, at + len(line)
            if not line.endswith(b"\n"):
                lost.append(Lost(start, at, "the last line is not complete", torn=True, file=name))
                return
            point = _point(key, line)
            if point is None:
                lost.append(Lost(start, at, "a line is no point", file=name))
                continue
            points += 1
            self._read[str(path)] = points, at
            if points > known:
                yield point

    def place(self, run: Described) -> str:
        """The run's folder."""
        return str(self._at[run.run_id])

    def _runs(self, experiment: Path) -> Iterator[Described]:
        about = _meta(experiment / _META, self.lost, self._path)
        gone = about.get("lifecycle_stage") == "deleted" or experiment.parent.name == ".trash"
        only = self._path if self._path.parent == experiment else None
        for folder in [only] if only else sorted(experiment.iterdir()):
            if not (folder / _META).exists() or not (folder / "metrics").parent.is_dir():
                continue
            meta = _meta(folder / _META, self.lost, self._path)
            run_id = meta.get("run_id") or meta.get("run_uuid")
            if not run_id or run_id != folder.name:
                continue
            self._at[run_id] = folder
            status = _STATUS.get(meta.get("status", ""), "RUNNING")
            yield Described(
                run_id, about.get("name") or experiment.name, meta.get("run_name", ""),
                meta.get("user_id", ""), meta.get("source_name", ""), status,
                _number(meta.get("start_time", "")), _number(meta.get("end_time", "")),
                gone or meta.get("lifecycle_stage") == "deleted",
                str(folder / "artifacts"), _ours(folder),
            )  # fmt: skip


def _ours(folder: Path) -> str:
    try:
        return (folder / "tags" / "tracker.run_id").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def is_folder(path: Path) -> bool:
    """Whether there is a run of MLflow in a folder, or an experiment."""
    return path.is_dir() and any((place / _META).exists() for place in _experiments(path))


def _experiments(path: Path) -> list[Path]:
    """Folders of experiments that a path means."""
    if (path / _META).exists():  # a run's or an experiment's own
        above = path.parent
        return [above if (above / _META).exists() else path]
    places = [*_folders(path), *_folders(path / ".trash")]
    return [place for place in places if (place / _META).exists()]


def _folders(path: Path) -> list[Path]:
    return sorted(place for place in path.iterdir() if place.is_dir()) if path.is_dir() else []


def _meta(path: Path, lost: list[Lost], top: Path) -> dict[str, str]:
    """What a meta file says; nothing where it cannot be read, which is told."""
    try:
        with path.open(encoding="utf-8") as file:
            return mapping(file.read(_MOST_META))
    except (OSError, UnicodeDecodeError, NoMapping) as error:
        size = path.stat().st_size if path.exists() else 0
        lost.append(Lost(0, size, f"it cannot be read: {error}", file=_below(path, top)))
        return {}


def _values(folder: Path, top: Path, lost: list[Lost]) -> dict[str, str]:
    found = {}
    for key in _walk(folder):
        path = folder / key
        try:
            found[key] = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            size = path.stat().st_size
            lost.append(Lost(0, size, f"it cannot be read: {error}", file=_below(path, top)))
    return found


def _dataset(place: Path, folder: Path, lost: list[Lost]) -> dict[str, str]:
    """A dataset's entry, by that of the run's use of it."""
    used = _meta(place, lost, folder)
    path = folder.parent / "datasets" / Path(used.get("source_id", "-")).name / _META
    said = _meta(path, lost, folder.parent)
    name, digest, kind, source = (
        said.get(word, "") for word in ("name", "digest", "source_type", "source")
    )
    return dataset(name, digest, kind, source, "") if said else {}


def _point(key: str, line: bytes) -> Point | None:
    words = line.split()
    try:
        time, value = int(words[0]), float(words[1])
        step = int(words[2]) if len(words) > 2 else 0  # noqa: PLR2004 - the step
    except (ValueError, IndexError):
        return None
    sound = len(words) in _PARTS and abs(time) < 2**43 and abs(step) < 2**63
    return Point(key, value, time, step) if sound else None


def _walk(folder: Path) -> Iterator[str]:
    """Keys in a folder: the paths of its files. Links are not followed."""
    for place, below, names in os.walk(folder):
        below.sort()
        for name in sorted(names):
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix()


def _below(path: Path, top: Path) -> str:
    return path.relative_to(top).as_posix() if path.is_relative_to(top) else str(path)


def _number(text: str) -> int:
    return int(text) if text.lstrip("-").isdigit() else 0
