"""Made-up `.wandb` files, record by record, for what the real client does not write on demand."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from tracker.integrations.wandb.framing import Writer
from tracker.integrations.wandb.records import Parser

BEGAN_S = 1_790_000_000


class Made:
    """A `.wandb` file in the making; every method adds one record."""

    def __init__(self, run_id: str = "made", *, began_s: int = BEGAN_S, **fields: Any) -> None:
        self._new = Parser().new
        self._file = io.BytesIO()
        self._writer = Writer(self._file)
        self._began_s = began_s
        self.ends: list[int] = []
        self.run_id = run_id
        record = self._new()
        record.run.run_id, record.run.project = run_id, fields.pop("project", "made")
        record.run.start_time.seconds = began_s
        for name, value in fields.items():
            if isinstance(value, list):
                getattr(record.run, name).extend(value)
            else:
                setattr(record.run, name, value)
        self.add(record)

    def add(self, record: Any) -> None:
        record.num = len(self.ends) + 1
        self._writer.write(record.SerializeToString())
        self.ends.append(self._writer.offset)

    def new(self) -> Any:
        return self._new()

    def row(self, step: int, **values: Any) -> None:
        record = self._new()
        timed = values | {"_step": step, "_timestamp": self._began_s + step / 4, "_runtime": 1.5}
        for name, value in timed.items():
            item = record.history.item.add()
            item.nested_key.append(name)
            item.value_json = json.dumps(value)
        record.history.step.num = step
        self.add(record)

    def config(self, **values: Any) -> None:
        record = self._new()
        for name, value in values.items():
            record.config.update.add(key=name, value_json=json.dumps(value))
        self.add(record)

    def console(self, text: str, stream: int = 1) -> None:
        record = self._new()
        record.output_raw.output_type, record.output_raw.line = stream, text
        record.output_raw.timestamp.seconds = self._began_s
        self.add(record)

    def exit(self, code: int = 0) -> None:
        record = self._new()
        record.exit.exit_code = code
        self.add(record)

    @property
    def content(self) -> bytes:
        return self._file.getvalue()

    def put(self, folder: Path, content: bytes | None = None, stamp: str = "20260921_0000") -> Path:
        """Put it (or another content) into a run's folder below `folder`; gives its path."""
        place = folder / f"offline-run-{stamp}-{self.run_id}"
        (place / "files").mkdir(parents=True, exist_ok=True)
        log = place / f"run-{self.run_id}.wandb"
        log.write_bytes(self.content if content is None else content)
        return log
