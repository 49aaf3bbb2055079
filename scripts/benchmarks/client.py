"""The same points straight to MLflow: client HOW URL POINTS, HOW is mlflow or httpx.

`mlflow` calls the client's log_batch. `httpx` posts bodies that were encoded beforehand: the
most that this server takes from one connection.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator

from scripts.benchmarks.workload import KEYS, rows

BATCH = 1_000
JSON = {"Content-Type": "application/json"}
Batch = list[tuple[str, float, int, int]]


def batches(points: int) -> Iterator[Batch]:
    """Yield key, value, time in ms and step of the points, a thousand at a time."""
    now = time.time_ns() // 1_000_000
    data = rows(points // len(KEYS))
    steps = BATCH // len(KEYS)
    for start in range(0, len(data), steps):
        yield [
            (key, value, now + step // 300, step)
            for step, values in enumerate(data[start : start + steps], start)
            for key, value in values.items()
        ]


def with_mlflow(url: str, points: int) -> tuple[list[Callable[[], object]], Callable[[], None]]:
    """Make a run; return the calls to time, and what ends it."""
    from mlflow import MlflowClient  # noqa: PLC0415 - only one of these is loaded in a process
    from mlflow.entities import Metric  # noqa: PLC0415

    client = MlflowClient(url)
    run = client.create_run(client.create_experiment(f"bench {time.time_ns()}")).info.run_id

    def send(batch: Batch) -> None:
        client.log_batch(run, metrics=[Metric(*point) for point in batch])

    calls = [lambda batch=batch: send(batch) for batch in batches(points)]
    return calls, lambda: client.set_terminated(run)


def with_httpx(url: str, points: int) -> tuple[list[Callable[[], object]], Callable[[], None]]:
    """Make a run; return the calls to time, and what ends it."""
    import httpx  # noqa: PLC0415

    http = httpx.Client(base_url=f"{url}/api/2.0/mlflow/", timeout=60, trust_env=False)
    new = {"name": f"bench {time.time_ns()}"}
    experiment = http.post("experiments/create", json=new).json()["experiment_id"]
    run = http.post("runs/create", json={"experiment_id": experiment}).json()["run"]["info"]
    names = ("key", "value", "timestamp", "step")

    def send(body: bytes) -> None:
        http.post("runs/log-batch", content=body, headers=JSON).raise_for_status()

    bodies = [
        json.dumps({
            "run_id": run["run_id"],
            "metrics": [dict(zip(names, point, strict=True)) for point in batch],
        }).encode()
        for batch in batches(points)
    ]  # fmt: skip
    return [lambda body=body: send(body) for body in bodies], http.close


def main() -> None:
    """Send, and print the figures."""
    how, url, points = sys.argv[1], sys.argv[2], int(sys.argv[3])
    calls, end = {"mlflow": with_mlflow, "httpx": with_httpx}[how](url, points)
    used = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    for call in calls:
        call()
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    end()
    print(json.dumps({
        "seconds": seconds, "points_per_s": points / seconds, "requests": len(calls),
        "cpu_s": after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
