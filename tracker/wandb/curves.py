"""ROC and precision-recall curves of `wandb.plot`, from labels and probabilities.

Points are taken at every distinct probability (Fawcett, "An introduction to ROC analysis",
2006); of runs of points on one straight line only the ends stay. Numbers have three decimals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tracker.wandb.chart import CustomChart, plot_table
from tracker.wandb.table import Table


def roc_curve(
    y_true: Any, y_probas: Any, labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None, title: str = "ROC Curve",
    split_table: bool = False,
) -> CustomChart:  # fmt: skip
    """Draw the true over the false positive rate of each class.

    Args:
        y_true: the class of each sample.
        y_probas: samples x classes, in the order of the sorted classes.
        labels: names of the classes.
        classes_to_plot: only these.
        title: stands above it.
        split_table: whether W&B puts the table into a section of its own.
    """
    import numpy as np  # noqa: PLC0415 - not for who draws nothing

    rows = []
    for label, true, score in _classes(y_true, y_probas, labels, classes_to_plot):
        hits, falls = _counted(true, score)
        kept = _corners(hits, falls)
        rates = (falls[kept] / max(falls[-1], 1), hits[kept] / max(hits[-1], 1))
        points = np.round(np.column_stack(rates), 3).tolist()
        rows += [[label, fall, hit] for fall, hit in [[0.0, 0.0], *points]]
    return _curve(rows, ("fpr", "tpr"), ("False positive rate", "True positive rate"), title,
                  split=split_table)  # fmt: skip


def pr_curve(
    y_true: Any = None, y_probas: Any = None, labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None, interp_size: int = 21,
    title: str = "Precision-Recall Curve", split_table: bool = False,
) -> CustomChart:  # fmt: skip
    """Draw the best precision that each class has at a recall or a higher one.

    Args:
        y_true: the class of each sample.
        y_probas: samples x classes, in the order of the sorted classes.
        labels: names of the classes.
        classes_to_plot: only these.
        interp_size: at how many recalls between 1 and 0.
        title: stands above it.
        split_table: whether W&B puts the table into a section of its own.
    """
    import numpy as np  # noqa: PLC0415 - not for who draws nothing

    rows = []
    asked = np.linspace(0, 1, interp_size)[::-1]
    for label, true, score in _classes(y_true, y_probas, labels, classes_to_plot):
        hits, falls = _counted(true, score)
        recall = np.append(hits / max(hits[-1], 1), np.inf)
        precision = np.append(hits / (hits + falls), 0.0)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        found = best[np.searchsorted(recall, asked, side="left")]
        rows += [[label, *pair] for pair in np.round(np.column_stack((found, asked)), 3).tolist()]
    columns = ("precision", "recall")
    return _curve(rows, columns, ("Recall", "Precision"), title, split=split_table)


def _classes(
    y_true: Any, y_probas: Any, labels: Sequence[str] | None, wanted: Sequence[Any] | None
) -> Iterator[tuple[Any, Any, Any]]:
    """Yield each class to draw: its label, whether each sample is of it, its probability."""
    import numpy as np  # noqa: PLC0415 - as above

    true, scores = np.asarray(y_true), np.asarray(y_probas)
    for at, each in enumerate(np.unique(true)):
        if wanted is None or each in wanted:
            whole = labels is not None and isinstance(each, np.integer)
            label = labels[each] if labels is not None and whole else each.item()
            yield label, true == each, scores[:, at]


def _counted(true: Any, score: Any) -> tuple[Any, Any]:
    """Samples of the class, and others, at or above each distinct probability, falling."""
    import numpy as np  # noqa: PLC0415 - as above

    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    hits = np.cumsum(true[order])[last]
    return hits, last + 1 - hits


def _corners(hits: Any, falls: Any) -> Any:
    """Which points are no mere step further on a straight line; the ends always are."""
    import numpy as np  # noqa: PLC0415 - as above

    turns = (np.diff(hits, 2) != 0) | (np.diff(falls, 2) != 0)
    return np.concatenate(([True], turns, [True]))[-len(hits) :]


def _curve(
    rows: list[list[Any]], columns: tuple[str, str], names: tuple[str, str], title: str, *,
    split: bool,
) -> CustomChart:  # fmt: skip
    x, y = columns if columns[0] == "fpr" else columns[::-1]
    return plot_table(
        "wandb/area-under-curve/v0", Table(["class", *columns], rows),
        {"x": x, "y": y, "class": "class"},
        {"title": title, "x-axis-title": names[0], "y-axis-title": names[1]}, split,
    )  # fmt: skip
