"""What a call of `wandb.log` holds: numbers and texts, media, charts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from tracker import values
from tracker.events import Value
from tracker.wandb.chart import CustomChart
from tracker.wandb.configs import friendly
from tracker.wandb.documents import Plotly
from tracker.wandb.histogram import Histogram
from tracker.wandb.image import Image, is_plot
from tracker.wandb.media import Media
from tracker.wandb.table import Table

_MOST_LISTED = 32
"""An array of more elements is kept as a histogram of so many bins, as wandb does."""


_PLAIN = frozenset({float, int, bool, str})


class Sorted:
    """A call's values by flat key; `problems` are to be told."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.media: list[tuple[str, Media | list[Media]]] = []
        self.charts: dict[str, CustomChart] = {}
        self.problems: list[str] = []

    def all_media(self) -> Iterator[tuple[str, Media | list[Media]]]:
        """Yield media by key, the tables of charts too."""
        yield from self.media
        for key, chart in self.charts.items():
            yield chart.table_key(key), chart.table


def sorted_out(data: Mapping[Any, Any]) -> Sorted:
    """Sort a call's values; one that cannot be read is told and left out."""
    found = Sorted()
    plain = {k: v for k, v in data.items() if type(v) in _PLAIN and type(k) is str}
    found.values.update(plain)
    if len(plain) == len(data):
        return found  # nearly all calls are
    for key, value, problem in values.flatten({k: v for k, v in data.items() if k not in plain}):
        if problem:
            found.problems.append(f"log: {problem}")
        if value is None or value is values.NOTHING:
            continue
        try:
            _sort(found, key, value)
        except Exception as error:  # noqa: BLE001 - a stranger's figure or array may raise anything
            found.problems.append(f"log: {key[:80]!r} cannot be kept: {values.brief(error)}")
    return found


def _sort(found: Sorted, key: str, value: Any) -> None:
    if isinstance(value, Media):
        found.media.append((key, value))
    elif isinstance(value, CustomChart):
        found.charts[key] = value
    elif isinstance(value, (list, tuple)) and value and all(isinstance(v, Media) for v in value):
        found.media.extend((key, part) for part in _alike(list(value)))
    elif (make := _maker(value)) is not None:
        found.media.append((key, make(value)))
    elif (number := values.logged(value)) is not None:
        found.values[key] = number
    else:
        found.values[key] = msgspec.json.encode(friendly(value)).decode()


def _alike(items: list[Media]) -> Iterator[Media | list[Media]]:
    """Those of one kind that has a form for several together; each alone otherwise."""
    kind = type(items[0])
    if len(items) > 1 and kind.many and all(type(item) is kind for item in items):
        yield items
    else:
        yield from items


def _maker(value: Any) -> Callable[[Any], Media] | None:
    """What makes media of a thing that is none yet, None where it is no such thing."""
    if is_plot(value):
        return Image
    if callable(getattr(value, "to_plotly_json", None)):
        return Plotly
    if hasattr(value, "iloc") and hasattr(value, "columns"):
        return lambda frame: Table(dataframe=frame)
    if hasattr(value, "tolist") and _elements(value) > _MOST_LISTED:
        return lambda array: Histogram(array, num_bins=_MOST_LISTED)
    return None


def _elements(array: Any) -> int:
    number = 1
    for length in getattr(array, "shape", ()):
        number *= int(length)
    return number
