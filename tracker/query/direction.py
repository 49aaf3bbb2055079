"""Whether a lower or a higher value of a metric is the better one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tracker.errors import BadInput

MODES = ("min", "max")

_LOWER = {
    "bpb", "bpc", "cer", "divergence", "err", "error", "fid", "kid", "latency", "loss", "mae",
    "mape", "mer", "mse", "nll", "perplexity", "ppl", "regret", "rmse", "wer",
}  # fmt: skip
_HIGHER = {
    "acc", "accuracy", "auc", "auprc", "auroc", "bleu", "chrf", "dice", "f1", "iou", "map", "mcc",
    "meteor", "miou", "mrr", "ndcg", "precision", "psnr", "r2", "recall", "return", "reward",
    "rouge", "ssim", "throughput",
}  # fmt: skip
"""Words in names of metrics that everybody reads the same way."""

_DEFINED = "_wandb/metrics"
"""Config key under which `wandb.define_metric` is recorded (see the package of W&B)."""

_GOALS = {"minimize": "min", "maximize": "max"}


class Direction(NamedTuple):
    """`mode`: "min" or "max" is better; `source`: what says so, in words."""

    mode: str
    source: str

    @property
    def better(self) -> str:
        """The word for it."""
        return "lower" if self.mode == "min" else "higher"

    def rank(self, value: float) -> float:
        """A number that is the lower the better the value is."""
        return value if self.mode == "min" else -value


def direction(
    metric: str, mode: str | None, configs: Iterable[Mapping[str, Any]] = ()
) -> Direction:
    """Find out which way is better.

    What counts, in this order: `mode`; what `define_metric` was told in the runs, its goal, or
    else its summary, if that is "min" or "max" alone; the words in the metric's name ("loss",
    "error", "acc" and the like), unless there are such of both kinds.

    Args:
        metric: its name.
        mode: "min", "max" or None.
        configs: those of the runs.

    Raises:
        BadInput: `mode` is something else; the runs say different things; or nothing says it.
    """
    if mode is not None:
        if mode not in MODES:
            raise BadInput(f"mode={mode!r} cannot be used; it is min or max.")
        return Direction(mode, "as asked")
    told = {goal for config in configs if (goal := _defined(metric, config)) is not None}
    if len(told) == 1:
        return Direction(told.pop(), "by define_metric")
    if told:
        raise BadInput(
            f"metric {metric!r}: define_metric says minimize in some of the runs and maximize in "
            "others. Say which: --mode min or --mode max."
        )
    words = set(re.findall("[a-z]+[0-9]*", re.sub("([a-z])([A-Z])", r"\1 \2", metric).lower()))
    named = [mode for mode, known in zip(MODES, (_LOWER, _HIGHER), strict=True) if words & known]
    if len(named) == 1:
        return Direction(named[0], "by its name")
    raise BadInput(
        f"metric {metric!r}: its name does not tell whether a lower or a higher value is better. "
        "Say which: --mode min or --mode max."
    )


def _defined(metric: str, config: Mapping[str, Any]) -> str | None:
    """What define_metric said of a metric; its own definition goes before that of a beginning."""
    said = config.get(_DEFINED)
    fitting = [
        (len(name) + (name == metric), entry)
        for entry in (said if isinstance(said, list) else [])
        if isinstance(entry, dict) and isinstance(name := entry.get("name"), str)
        and (name == metric or (name.endswith("*") and metric.startswith(name[:-1])))
    ]  # fmt: skip
    if not fitting:
        return None
    entry = max(fitting, key=lambda pair: pair[0])[1]
    if (goal := _GOALS.get(str(entry.get("goal")))) is not None:
        return goal
    summary = entry.get("summary")
    return summary[0] if summary in (["min"], ["max"]) else None
