"""`wandb.Histogram`: how many values lie between which edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracker.errors import BadInput
from tracker.events import Json
from tracker.wandb.media import Media

MOST_BINS = 512


class Histogram(Media):
    """Counts and edges, of any values or as `numpy.histogram` gives them.

    Values that are not finite are left out.

    Args:
        sequence: the values, of any shape.
        np_histogram: counts and edges.
        num_bins: how many bins of equal width, 64 by default, 512 at most.

    Raises:
        BadInput: there are too many bins, or not one edge more than counts.
    """

    form = "histogram"
    type = "histogram"

    def __init__(
        self, sequence: Any = None, np_histogram: Sequence[Any] | None = None, num_bins: int = 64
    ) -> None:
        super().__init__()
        if np_histogram is not None:
            counts, edges = (_list(part) for part in np_histogram[:2])
        else:
            counts, edges = _counted(sequence, min(num_bins, MOST_BINS))
        if len(counts) > MOST_BINS or len(edges) != len(counts) + 1:
            raise BadInput(
                f"{len(counts)} counts and {len(edges)} edges are no histogram: at most "
                f"{MOST_BINS} counts, and one edge more than counts."
            )
        self.histogram = counts
        self.bins = edges

    def about(self) -> dict[str, Json]:
        """Give wandb's typed JSON, which is all of it."""
        return {"_type": self.type, "values": self.histogram, "bins": self.bins}


def _list(values: Any) -> list[Any]:
    return list(values.tolist() if hasattr(values, "tolist") else values)


def _counted(values: Any, bins: int) -> tuple[list[int], list[float]]:
    import numpy as np  # noqa: PLC0415 - not for who logs no histograms

    if hasattr(values, "detach"):  # a torch tensor, maybe on a device, maybe bfloat16
        values = values.detach().cpu().float().numpy()
    array = np.asarray(values, dtype=float).ravel()
    counts, edges = np.histogram(array[np.isfinite(array)], bins=bins)
    return counts.tolist(), edges.tolist()
