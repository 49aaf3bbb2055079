"""Read a run back with MLflow's own client and compare it with what the training noted.

None of our code takes part: the client is MLflow's, the expectation is the training's note.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Run
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

OWN = ("tracker.", "mlflow.")
"""What tags begin with that are not the user's."""

OWN_FILES = "tracker/"
"""Folder of the documents that syncd adds to a run's files."""


@dataclass
class Compared:
    """One run: how much was noted, how much the remote holds, and all that differs."""

    name: str
    points: tuple[int, int] = (0, 0)
    params: tuple[int, int] = (0, 0)
    tags: tuple[int, int] = (0, 0)
    files: dict[str, str] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)


def compare(url: str, noted: dict[str, Any]) -> Compared:
    """Compare one run of the training's note with the remote."""
    client = MlflowClient(url)
    result = Compared(noted["name"])
    experiment = client.get_experiment_by_name("digits")
    found = client.search_runs(
        [experiment.experiment_id] if experiment else [],
        f"tags.`tracker.run_id` = '{noted['run']}'",
    )
    if len(found) != 1:
        result.differences.append(f"{len(found)} runs at the remote, there should be 1")
        return result
    run = found[0]
    _compare_points(client, run, noted["points"], result)
    _compare_words(run, noted, result)
    _compare_files(client, run, noted, result)
    if run.info.status != "FINISHED":
        result.differences.append(f"status {run.info.status}")
    return result


def _compare_points(client: MlflowClient, run: Run, noted: dict[str, Any], out: Compared) -> None:
    remote = 0
    for key in sorted({*noted, *run.data.metrics}):
        held = Counter(
            (point.step, point.value, point.timestamp)
            for point in client.get_metric_history(run.info.run_id, key)
        )
        remote += sum(held.values())
        # The note knows between which two milliseconds a call was made, the remote which one.
        expected = [
            (int(step), value, before, after) for step, value, before, after in noted.get(key, [])
        ]
        missing = [point for point in expected if not _take(held, point)]
        if missing:
            out.differences.append(f"{key}: {len(missing)} points missing, first {missing[0]}")
        if left := sum(held.values()):
            out.differences.append(f"{key}: {left} points that were never logged")
    out.points = (sum(map(len, noted.values())), remote)


def _take(held: Counter[tuple[int, float, int]], point: tuple[int, float, int, int]) -> bool:
    step, value, before, after = point
    for other in held:
        same = other[1] == value or (math.isnan(other[1]) and math.isnan(value))
        if other[0] == step and same and before <= other[2] <= after:
            held[other] -= 1
            if not held[other]:
                del held[other]
            return True
    return False


def _compare_words(run: Run, noted: dict[str, Any], out: Compared) -> None:
    params = dict(run.data.params)
    tags = {key: value for key, value in run.data.tags.items() if not key.startswith(OWN)}
    out.params = (len(noted["params"]), len(params))
    out.tags = (len(noted["tags"]), len(tags))
    for what, wanted, there in (("param", noted["params"], params), ("tag", noted["tags"], tags)):
        for key in sorted({*wanted, *there}):
            if wanted.get(key) != there.get(key):
                out.differences.append(
                    f"{what} {key}: logged {wanted.get(key)!r}, remote {there.get(key)!r}"
                )


def _compare_files(client: MlflowClient, run: Run, noted: dict[str, Any], out: Compared) -> None:
    with TemporaryDirectory(prefix="tracker-demo-") as place:
        root = Path(client.download_artifacts(run.info.run_id, "", place))
        there = {
            str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(root.rglob("*")) if file.is_file()
        }  # fmt: skip
        out.files = {path: there[path] for path in there if not path.startswith(OWN_FILES)}
        for path in sorted({*noted["files"], *out.files}):
            if noted["files"].get(path) != there.get(path):
                out.differences.append(f"file {path} is not the one that was logged")
        accuracy = _accuracy(root / "model")
    if accuracy != noted["accuracy"]:
        out.differences.append(
            f"the model from the remote has accuracy {accuracy}, trained was {noted['accuracy']}"
        )


def _accuracy(folder: Path) -> float:
    """Classify the test digits with nothing but the arrays that came back from the remote."""
    digits = load_digits()
    parts = train_test_split(
        digits.data / 16.0, digits.target, test_size=0.25, random_state=0, stratify=digits.target
    )
    values = parts[1]
    count = json.loads((folder / "about.json").read_text())["layers"]
    with np.load(folder / "layers.npz", allow_pickle=False) as layers:
        for number in range(count):
            values = values @ layers[f"weights_{number}"] + layers[f"biases_{number}"]
            values = values if number == count - 1 else np.maximum(values, 0)
    return float(accuracy_score(parts[3], values.argmax(axis=1)))
