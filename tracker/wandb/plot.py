"""`wandb.plot`: charts of tables and series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tracker.errors import BadInput
from tracker.wandb.chart import CustomChart, plot_table
from tracker.wandb.curves import pr_curve, roc_curve
from tracker.wandb.table import Table

__all__ = [
    "CustomChart",
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "roc_curve",
    "scatter",
]


def line(
    table: Table, x: str, y: str, stroke: str | None = None, title: str = "",
    split_table: bool = False,
) -> CustomChart:  # fmt: skip
    """Draw column `y` over column `x`, a line for each value of column `stroke`."""
    fields = {"x": x, "y": y, "stroke": stroke}
    return plot_table("wandb/line/v0", table, fields, {"title": title}, split_table)


def scatter(
    table: Table, x: str, y: str, title: str = "", split_table: bool = False
) -> CustomChart:
    """Draw a point for each row, column `y` over column `x`."""
    return plot_table("wandb/scatter/v0", table, {"x": x, "y": y}, {"title": title}, split_table)


def bar(
    table: Table, label: str, value: str, title: str = "", split_table: bool = False
) -> CustomChart:
    """Draw a bar for each row, as long as column `value`, named by column `label`."""
    fields = {"label": label, "value": value}
    return plot_table("wandb/bar/v0", table, fields, {"title": title}, split_table)


def histogram(table: Table, value: str, title: str = "", split_table: bool = False) -> CustomChart:
    """Draw how often the values of a column are there."""
    return plot_table("wandb/histogram/v0", table, {"value": value}, {"title": title}, split_table)


def line_series(
    xs: Sequence[Any], ys: Sequence[Sequence[Any]], keys: Sequence[Any] | None = None,
    title: str = "", xname: str = "x", split_table: bool = False,
) -> CustomChart:  # fmt: skip
    """Draw a line for each of `ys` over its own of `xs`, or over `xs` where that is one row.

    Raises:
        BadInput: there are not as many of each.
    """
    own = isinstance(xs[0], Iterable) and not isinstance(xs[0], (str, bytes))
    places = list(xs) if own else [xs] * len(ys)
    names = list(keys) if keys is not None else [f"line_{i}" for i in range(len(ys))]
    if not len(places) == len(ys) == len(names):
        raise BadInput(f"{len(ys)} lines need as many xs and keys: {len(places)}, {len(names)}.")
    rows = [
        [x, name, y]
        for each, name, values in zip(places, names, ys, strict=True)
        for x, y in zip(each, values, strict=False)
    ]
    columns = ["step", "lineKey", "lineVal"]
    return plot_table(
        "wandb/lineseries/v0", Table(columns, rows), {name: name for name in columns},
        {"title": title, "xname": xname}, split_table,
    )  # fmt: skip


def confusion_matrix(
    probs: Any = None, y_true: Any = None, preds: Any = None,
    class_names: Sequence[str] | None = None, title: str = "Confusion Matrix Curve",
    split_table: bool = False,
) -> CustomChart:  # fmt: skip
    """Count what was predicted (`preds`, or the highest of `probs`) for each true class.

    Raises:
        BadInput: not exactly one of them is given, or there are not as many as true ones.
    """
    import numpy as np  # noqa: PLC0415 - not for who draws nothing

    if (probs is None) == (preds is None) or y_true is None:
        raise BadInput("confusion_matrix needs y_true= and one of probs= and preds=.")
    found = np.argmax(np.asarray(probs), axis=1) if preds is None else np.asarray(preds)
    true = np.asarray(y_true)
    if len(found) != len(true):
        raise BadInput(f"{len(found)} predictions for {len(true)} true values.")
    seen = sorted({*found.tolist(), *true.tolist()})
    classes = seen if class_names is None else list(range(len(class_names)))
    names = list(class_names) if class_names is not None else [
        f"Class_{i + 1}" for i in range(len(seen))
    ]  # fmt: skip
    pairs = list(zip(true.tolist(), found.tolist(), strict=True))
    rows = [
        [names[i], names[j], float(pairs.count((actual, predicted)))]
        for i, actual in enumerate(classes)
        for j, predicted in enumerate(classes)
    ]
    columns = ["Actual", "Predicted", "nPredictions"]
    return plot_table(
        "wandb/confusion_matrix/v1", Table(columns, rows), {name: name for name in columns},
        {"title": title}, split_table,
    )  # fmt: skip
