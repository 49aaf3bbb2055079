"""A real training loop with and without `tracker`, epoch about: trainer FOLDER BATCH.

scikit-learn's MLP learns its digits by partial_fit; each step is one batch, and ten scalars of it
are logged. Epochs with and without take turns in one process on the same model shape and data,
so that a machine that slows down does so for both.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

import tracker
from scripts.benchmarks.workload import KEYS

STEPS = 500

Log = Callable[[dict[str, float], int], object]


def epoch(model: MLPClassifier, x: np.ndarray, y: np.ndarray, batch: int, log: Log) -> float:
    """Train one epoch; seconds that it took."""
    before = time.perf_counter()
    for at in range(0, len(x), batch):
        model.partial_fit(x[at : at + batch], y[at : at + batch], classes=range(10))
        log(dict.fromkeys(KEYS, float(model.loss_)), model.t_)
    return time.perf_counter() - before


def main() -> None:
    """Train, and print the overhead of an epoch in percent."""
    x, y = load_digits(return_X_y=True)
    batch = int(sys.argv[2])
    per_epoch = -(-len(x) // batch)
    epochs = max(20, STEPS // per_epoch)
    spent = [0.0]
    with tracker.init("bench", dir=Path(sys.argv[1]) / "store") as run:

        def logged(values: dict[str, float], step: int) -> None:
            before = time.perf_counter()
            run.log(values, step)
            spent[0] += time.perf_counter() - before

        logs: tuple[Log, Log] = (lambda _, __: None, logged)
        models = [MLPClassifier((100,), random_state=1) for _ in logs]
        times: list[list[float]] = [[], []]
        for number in range(epochs):
            for which in (0, 1) if number % 2 else (1, 0):
                times[which].append(epoch(models[which], x / 16, y, batch, logs[which]))
    ratios = [with_it / without for without, with_it in zip(*times, strict=True)]
    steps = epochs * per_epoch
    print(json.dumps({
        "step_ms": sum(times[0]) / steps * 1e3, "log_us": spent[0] / steps * 1e6,
        "in_log_percent": spent[0] / sum(times[1]) * 100,
        "paired_percent": (statistics.median(ratios) - 1) * 100,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
