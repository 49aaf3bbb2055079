"""The rows of a W&B history, and the summary that they leave.

W&B's client reads a history by ranges of `_step`, as many rows as a range has steps: of two rows
with one `_step` it may see one. So every row has a higher `_step` than the one before: its own
where that is higher, else the next number, and then the true step stands in the row as
`_tracker_step`. What a writer logs at one step in several calls is one row, as long as no key
comes twice: keys that were logged at another millisecond than its `_timestamp` have theirs in
`_tracker_times`, a JSON text. Syncd delivers in the same form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracker.integrations.wandb.clock import STEP, TIMES, TRUE_STEP, when
from tracker.integrations.wandb.merge import Reached
from tracker.integrations.wandb.naming import key_name
from tracker.integrations.wandb.transactions import Transactions, in_json

_NS_PER_MS = 1_000_000
_MOST_KEYS = 10_000
"""Of a row that a later call still joins."""


class History:
    """Puts rows, each above the one before it; the last one when `end` is called.

    Args:
        records: where they go.
        start_ns: when the run began; `_runtime` counts seconds from there.

    Attributes:
        rows: how many there are.
        moved: how many of them do not stand at their own step.
    """

    def __init__(self, records: Transactions, start_ns: int) -> None:
        self.rows = self.moved = 0
        self._records = records
        self._start_ns = start_ns
        self._at = -1  # `_step` of the last row
        self._open: Mapping[str, Any] = {}  # its values, and where it came from:
        self._place = self._step = self._time_ns = 0
        self._times: dict[str, int] = {}
        self._last: dict[str, tuple[int, Any]] = {}

    def put(self, reached: Reached, step: int, values: Mapping[str, Any]) -> None:
        """Put what was logged at `step`."""
        time_ns, place = reached.event.time, reached.place
        joins = self._open and (place, step) == (self._place, self._step)
        if joins and len(self._open) < _MOST_KEYS and self._open.keys().isdisjoint(values):
            self._open = {**self._open, **values}
            if time_ns // _NS_PER_MS != self._time_ns // _NS_PER_MS:
                self._times |= dict.fromkeys(map(key_name, values), time_ns // _NS_PER_MS)
        else:
            self.end()
            self._open, self._times = values, {}
            self._place, self._step, self._time_ns = place, step, time_ns

    def end(self) -> None:
        """Write the row that is open."""
        if not self._open:
            return
        moved = self._step <= self._at
        self._at = self._at + 1 if moved else self._step
        record = self._records.record()
        record.history.step.num = self._at
        add = record.history.item.add
        last, place = self._last, self._place
        for key, value in self._open.items():
            name = key_name(key)
            add(key=name, value_json=in_json(value))
            if name not in last or last[name][0] <= place:
                last[name] = place, value
        for key, value in self._where().items():
            add(key=key, value_json=in_json(value))
        if moved:
            add(key=TRUE_STEP, value_json=str(self._step))
        if self._times:
            add(key=TIMES, value_json=in_json(in_json(self._times)))
        self._records.put(record)
        self.rows += 1
        self.moved += moved
        self._open = {}

    def summary(self) -> dict[str, Any]:
        """The last value of each key in the order of logging, and where the last row stands."""
        told = {key: value for key, (_, value) in self._last.items()}
        return told | (self._where() if self.rows else {})

    def _where(self) -> dict[str, Any]:
        return {STEP: self._at, **when(self._time_ns, self._start_ns)}
