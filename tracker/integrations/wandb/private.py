"""What W&B's config has under `_wandb` that a script said: `define_metric`, and its charts.

Here both stand in a run's config:

    _wandb/metrics             what was said of each metric, or of all that begin so ("val/*"):
                               [{"name", "step_metric", "step_sync", "hidden", "summary": [...],
                               "goal"}], each only where it was said; without `step_sync` those
                               with a `step_metric` have it
    _wandb/visualize/KEY/...   how the chart KEY is drawn: panel_type and panel_config, flat keys

W&B has charts nested by key under `visualize`, and metrics under `m`, by the numbers of the fields
in `MetricRecord` (wandb_internal.proto; `5` is the place of the step metric in the list, from 1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tracker.events import Json

PRIVATE = "_wandb"
METRICS = "_wandb/metrics"

_VISUALIZE = "_wandb/visualize"
_CHART = re.compile(rf"{_VISUALIZE}/(.+?)/(panel_type|panel_config)(?:/(.+))?", re.DOTALL)

_EMPTY: dict[str, Any] = {"fieldSettings": {}, "stringSettings": {}}
"""What charts have, though flat keys have no word for it."""

_STEP_SYNC, _HIDDEN, _DEFINED = 1, 2, 3
_SUMMARIES = ("min", "max", "mean", "best", "last", "none", "copy", "first")
_GOALS = ("minimize", "maximize")
"""Words by the numbers of their fields and values, from 1."""


def is_private(key: str) -> bool:
    """Whether a config key of ours is one of these."""
    return key.startswith(PRIVATE) and (key == METRICS or _CHART.fullmatch(key) is not None)


def charts(config: Mapping[str, Json]) -> dict[str, Any]:
    """How charts are drawn, nested, by their keys."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        match = _CHART.fullmatch(key) if key.startswith(_VISUALIZE) else None
        if match is None:
            continue
        place = found.setdefault(match[1], {"panel_config": dict(_EMPTY)})
        path = match[2] if match[3] is None else f"{match[2]}/{match[3]}"
        *above, name = path.split("/")
        for part in above:
            below = place.get(part)
            place[part] = below = dict(below) if isinstance(below, dict) else {}
            place = below
        place[name] = value
    return found


def drawn(theirs: Any) -> dict[str, Any]:
    """Charts of W&B's, its dict `_wandb` as it is given, under one key to be made flat."""
    told = theirs.get("visualize") if isinstance(theirs, dict) else None
    return {_VISUALIZE: told} if isinstance(told, dict) and told else {}


def metrics(config: Mapping[str, Json]) -> list[dict[str, Any]]:
    """What was said of metrics, as far as it can be that."""
    told = config.get(METRICS)
    listed = [said for said in told if isinstance(said, dict)] if isinstance(told, list) else []
    return [said for said in listed if isinstance(said.get("name"), str) and said["name"]]


def folded(config: Mapping[str, Json]) -> dict[str, Json]:
    """A config with our keys of this kind put where W&B's pages look for them."""
    found = {key: value for key, value in config.items() if not is_private(key)}
    held = found.get(PRIVATE)
    under: dict[str, Any] = dict(held) if isinstance(held, dict) else {}
    if said := metrics(config):
        under["m"] = _numbered(said)
    if shown := charts(config):
        before = under.get("visualize")
        under["visualize"] = (before if isinstance(before, dict) else {}) | shown
    return found | ({PRIVATE: under} if under else {})


def said_of(record: Any) -> dict[str, Any]:
    """What a `MetricRecord` says; the name may be empty."""
    options, over = record.options, record.step_metric
    said: dict[str, Any] = {"name": record.name or record.glob_name, "step_metric": over}
    if bool(over) != options.step_sync:
        said["step_sync"] = options.step_sync
    said["hidden"] = options.hidden
    said["summary"] = [field.name for field, _ in record.summary.ListFields()]
    said["goal"] = dict(enumerate(_GOALS, 1)).get(record.goal)
    return {word: what for word, what in said.items() if what or word in ("name", "step_sync")}


def fill(record: Any, said: Mapping[str, Any]) -> None:
    """Fill a `MetricRecord` with what was said of a metric."""
    name = said["name"]
    setattr(record, "glob_name" if name.endswith("*") else "name", name)
    record.step_metric = str(said.get("step_metric") or "")
    record.options.defined = True
    record.options.step_sync = _synced(said)
    record.options.hidden = bool(said.get("hidden"))
    for word in _words(said):
        setattr(record.summary, word, True)
    if said.get("goal") in _GOALS:
        record.goal = _GOALS.index(said["goal"]) + 1


def _numbered(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """W&B's list of metrics; step metrics of which nothing was said come behind the others."""
    names = [metric["name"] for metric in said]
    steps = [str(metric["step_metric"]) for metric in said if metric.get("step_metric")]
    names += dict.fromkeys(step for step in steps if step not in names)
    found: list[dict[str, Any]] = []
    for metric in said:
        entry: dict[str, Any] = {"2" if metric["name"].endswith("*") else "1": metric["name"]}
        if metric.get("step_metric"):
            entry["5"] = names.index(str(metric["step_metric"])) + 1
        options = {_STEP_SYNC: _synced(metric), _HIDDEN: metric.get("hidden"), _DEFINED: True}
        entry["6"] = [number for number, holds in options.items() if holds]
        entry["7"] = [_SUMMARIES.index(word) + 1 for word in _words(metric)]
        if metric.get("goal") in _GOALS:
            entry["8"] = _GOALS.index(metric["goal"]) + 1
        found.append(entry)
    return found + [{"1": name, "6": [], "7": []} for name in names[len(said) :]]


def _synced(said: Mapping[str, Any]) -> bool:
    return bool(said.get("step_sync", said.get("step_metric")))


def _words(said: Mapping[str, Any]) -> list[str]:
    told = said.get("summary")
    return [word for word in told if word in _SUMMARIES] if isinstance(told, list) else []
