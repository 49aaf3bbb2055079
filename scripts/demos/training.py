"""Train three digit classifiers and record them; opens no network connection, and proves it.

Beside what `tracker` records, each value is noted in a plain JSON file. The demo compares the
remote with this file, so the comparison does not depend on any of our own reading code.
"""

from __future__ import annotations

import hashlib
import json
import math
import socket
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    log_loss,
    precision_recall_fscore_support,
)
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import tracker

EPOCHS = 20
BATCH = 32
SETTINGS: tuple[dict[str, Any], ...] = (
    {"model": {"hidden": [32], "alpha": 0.0001}, "optim": {"lr": 0.002, "decay": "cosine"}},
    {"model": {"hidden": [64, 32], "alpha": 0.001}, "optim": {"lr": 0.001, "decay": "cosine"}},
    {"model": {"hidden": [128], "alpha": 0.0001}, "optim": {"lr": 0.01, "decay": "none"}},
)


class Noted:
    """What was logged, in the words of the one who logged it."""

    def __init__(self, run: tracker.Run) -> None:
        self.run = run
        self.points: dict[str, list[list[float]]] = {}
        self.files: dict[str, str] = {}

    def log(self, values: dict[str, float], step: int) -> None:
        """Log values, and note them with the times between which the call was made."""
        before = time.time_ns() // 1_000_000
        self.run.log(values, step=step)
        after = time.time_ns() // 1_000_000
        for key, value in values.items():
            self.points.setdefault(key, []).append([step, float(value), before, after])

    def keep(self, path: Path, name: str, kind: str) -> None:
        """Keep a file or folder as an artifact, and note the SHA-256 of each file."""
        self.run.log_artifact(path, name=name, type=kind)
        for file in [path] if path.is_file() else sorted(path.iterdir()):
            self.files[f"{name}/{file.name}"] = hashlib.sha256(file.read_bytes()).hexdigest()


def watch_connections() -> list[str]:
    """Refuse every attempt of this process to look up a host or to connect; return the list."""
    attempts: list[str] = []

    def hook(event: str, _: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
            attempts.append(event)
            raise ConnectionRefusedError(f"the training tried {event}")

    sys.addaudithook(hook)
    return attempts


def train(settings: dict[str, Any], number: int, folder: Path) -> dict[str, Any]:
    """Train and record one classifier; return what was noted."""
    digits = load_digits()
    parts = train_test_split(
        digits.data / 16.0, digits.target, test_size=0.25, random_state=0, stratify=digits.target
    )
    name = f"mlp-{'x'.join(map(str, settings['model']['hidden']))}"
    config = {**settings, "data": {"name": "digits", "train": len(parts[0]), "test": len(parts[1])}}
    config["seed"] = number
    tags = {"demo": "", "team": "vision", "size": str(sum(settings["model"]["hidden"]))}
    with tracker.init("digits", name=name, config=config, tags=tags, group="sizes") as run:
        noted = Noted(run)
        model, best = _epochs(settings, number, parts, noted)
        run.summary["best_accuracy"] = best
        run.summary["parameters"] = int(sum(w.size for w in _weights(model)))
        _artifacts(model, parts, folder / name, noted)
    noted.points["summary/best_accuracy"] = [[0, best, 0, 2**62]]
    noted.points["summary/parameters"] = [[0, float(run.summary["parameters"]), 0, 2**62]]
    return {
        "run": run.id, "name": name, "points": noted.points, "files": noted.files, "tags": tags,
        "params": _flat(config), "accuracy": accuracy_score(parts[3], model.predict(parts[1])),
    }  # fmt: skip


def _epochs(
    settings: dict[str, Any], seed: int, parts: list[np.ndarray], noted: Noted
) -> tuple[MLPClassifier, float]:
    data, _, labels, _ = parts
    optim, best = settings["optim"], 0.0
    model = MLPClassifier(
        settings["model"]["hidden"], alpha=settings["model"]["alpha"],
        learning_rate_init=optim["lr"], random_state=seed,
    )  # fmt: skip
    order = np.random.default_rng(seed)
    for epoch in range(EPOCHS):
        began = time.perf_counter()
        rate = optim["lr"]
        if optim["decay"] == "cosine":
            rate *= 0.5 * (1 + math.cos(math.pi * epoch / EPOCHS))
        before = _weights(model) if epoch else None
        batches = np.array_split(order.permutation(len(data)), len(data) // BATCH)
        for number, rows in enumerate(batches):
            model.partial_fit(data[rows], labels[rows], classes=range(10))
            # scikit-learn has no public way to change the rate between two calls.
            model._optimizer.learning_rate_init = rate  # noqa: SLF001
            noted.log({"batch/loss": model.loss_}, step=epoch * len(batches) + number)
        values = _measure(model, parts, before)
        values |= {"optim/lr": rate, "epoch/seconds": time.perf_counter() - began}
        noted.log(values, step=epoch)
        best = max(best, values["val/accuracy"])
    return model, best


def _measure(
    model: MLPClassifier, parts: list[np.ndarray], before: list[np.ndarray] | None
) -> dict[str, float]:
    values: dict[str, float] = {}
    for part, data, labels in (("train", parts[0], parts[2]), ("val", parts[1], parts[3])):
        chances = model.predict_proba(data)
        guesses = chances.argmax(axis=1)
        values[f"{part}/loss"] = log_loss(labels, chances, labels=range(10))
        values[f"{part}/accuracy"] = accuracy_score(labels, guesses)
        if part == "val":
            scores = precision_recall_fscore_support(
                labels, guesses, average="macro", zero_division=0
            )
            values |= dict(zip(("val/precision", "val/recall", "val/f1"), scores, strict=False))
    weights = _weights(model)
    values["weights/norm"] = _norm(weights)
    if before is not None:
        change = [new - old for new, old in zip(weights, before, strict=True)]
        values["weights/change_norm"] = _norm(change)
    return {key: float(value) for key, value in values.items()}


def _weights(model: MLPClassifier) -> list[np.ndarray]:
    return [layer.copy() for layer in (*model.coefs_, *model.intercepts_)]


def _norm(layers: list[np.ndarray]) -> float:
    return math.sqrt(sum(float((layer**2).sum()) for layer in layers))


def _artifacts(model: MLPClassifier, parts: list[np.ndarray], folder: Path, noted: Noted) -> None:
    """Keep the confusion matrix as a picture, and the model as arrays, which need no pickle."""
    (folder / "model").mkdir(parents=True)
    layers = {f"weights_{n}": layer for n, layer in enumerate(model.coefs_)}
    layers |= {f"biases_{n}": layer for n, layer in enumerate(model.intercepts_)}
    np.savez(folder / "model" / "layers.npz", **layers)
    about = {"kind": "mlp", "activation": "relu", "layers": len(model.coefs_)}
    (folder / "model" / "about.json").write_text(json.dumps(about))
    noted.keep(folder / "model", "model", "model")
    picture = folder / "confusion.png"
    _draw(confusion_matrix(parts[3], model.predict(parts[1])), picture)
    noted.keep(picture, "confusion", "picture")


def _draw(matrix: np.ndarray, path: Path) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend without a screen is set

    figure, axes = plt.subplots(figsize=(5, 5))
    axes.imshow(matrix, cmap="Blues")
    for (row, column), number in np.ndenumerate(matrix):
        axes.text(column, row, str(number), ha="center", va="center", fontsize=7)
    axes.set(xlabel="predicted", ylabel="true", xticks=range(10), yticks=range(10))
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}/")
        else:
            said = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            flat[prefix + key] = said
    return flat


def main() -> None:
    """Train all settings; the argument is the folder for files and for the note."""
    folder = Path(sys.argv[1])
    mpl.use("Agg")
    attempts = watch_connections()
    noted = [train(settings, number, folder) for number, settings in enumerate(SETTINGS)]
    (folder / "noted.json").write_text(json.dumps(noted))
    for run in noted:
        points = sum(map(len, run["points"].values()))
        print(f"  {run['name']:<12} accuracy {run['accuracy']:.4f}, {points:,} points logged")
    interfaces = [name for _, name in socket.if_nameindex() if name != "lo"]
    print(f"  connections the training tried to open: {len(attempts)} (each would be refused)")
    print(f"  network interfaces it could see: {', '.join(interfaces) or 'none'}")
    if attempts:
        raise SystemExit(f"FAILED: the training was to be offline and tried {attempts}")


if __name__ == "__main__":
    main()
