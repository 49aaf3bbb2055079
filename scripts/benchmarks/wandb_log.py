"""`.wandb` material as the client writes it: a summary and a history for each call."""

from __future__ import annotations

import random
from pathlib import Path

from tracker.integrations.wandb.framing import Writer
from tracker.integrations.wandb.records import Parser

BEGAN_S = 1_790_000_000


def write(folder: Path, run_id: str, rows: int, metrics: int) -> Path:
    """Write a finished run of so many calls and metrics, in the order of a hash table as theirs.

    Returns:
        The `.wandb` file.
    """
    new = Parser().new
    place = folder / f"offline-run-20260921_000000-{run_id}"
    (place / "files").mkdir(parents=True)
    log = place / f"run-{run_id}.wandb"
    rng = random.Random(run_id)
    with log.open("wb") as file:
        writer = Writer(file)
        number = 0

        def put(record: object) -> None:
            nonlocal number
            number += 1
            record.num = number  # type: ignore[attr-defined]
            writer.write(record.SerializeToString())  # type: ignore[attr-defined]

        first = new()
        first.run.run_id, first.run.project = run_id, "bench"
        first.run.start_time.seconds = BEGAN_S
        put(first)
        for step in range(rows):
            values = {f"train/metric_{n}": rng.random() for n in range(metrics)}
            values |= {"_step": step, "_runtime": step / 10, "_timestamp": BEGAN_S + step / 10}
            summary, history = new(), new()
            for record in (summary.summary.update, history.history.item):
                for name in rng.sample(list(values), len(values)):
                    item = record.add()
                    item.nested_key.append(name)
                    item.value_json = repr(values[name])
            history.history.step.num = step
            put(summary)
            put(history)
        last = new()
        last.exit.exit_code = 0
        put(last)
    return log
