"""Weights & Biases as tests see it: the stand-in server, read by the real client."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from syncd.sinks import Head, Point, Remote, RemoteRun
from syncd.sinks.wandb import WandbSink
from tests.contract.platform import Lane, Platform
from tests.doubles.wandb_server import WandbServer
from tracker.events import Log

with warnings.catch_warnings():
    # What the client's own imports warn of is not ours to mend.
    warnings.simplefilter("ignore")
    import wandb

NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}

MANIFEST = "tracker_manifest"
"""Where the digest of a version's manifest stands in its metadata."""

OURS = ("_step", "_timestamp", "_runtime", "_tracker_step", "_tracker_times")


class Wandb(Platform):
    """A stand-in server, seen through `wandb.Api`."""

    rows_by_time = False

    def __init__(self, server: WandbServer) -> None:
        super().__init__()
        self.server = server
        self.url = server.url
        self._api: Any = None

    @property
    def api(self) -> Any:
        """The real client, with nothing remembered of what it read."""
        if self._api is None:
            self._api = wandb.Api(overrides={"base_url": self.url}, api_key=self.server.key)
        self._api.flush()
        return self._api

    def make(self, url: str, options: Mapping[str, Any]) -> WandbSink:
        return WandbSink(Remote("lab", "wandb", url, options))

    def unauthorized(self) -> WandbSink:
        transport = httpx.MockTransport(
            lambda request: httpx.Response(401, text=f"no: {request.headers['authorization']}")
        )
        return WandbSink(Remote("refused", "wandb", self.url), transport=transport)

    def hopeless(self, lane: Lane) -> Log:
        """Make a row that is longer than a request may be."""
        return lane.log({"before": 1.0} | {f"t{i}": "long " * 13_000 for i in range(70)})

    def run(self, run: RemoteRun) -> Any:
        """The run as the client has it."""
        return self.api.run(f"tester/{run.handle['project']}/{run.id}")

    def runs(self, head: Head) -> list[str]:
        return [
            run.id
            for run in self.api.runs(f"tester/{head.project}")
            if run.config.get("_tracker", {}).get("run_id") == head.run_id
        ]

    def rows(self, run: RemoteRun) -> list[dict[str, Any]]:
        """All rows of the history."""
        return list(self.run(run).scan_history())

    def points(self, run: RemoteRun) -> list[Point]:
        return [point for row in self.rows(run) for point in points_of(row)]

    def params(self, run: RemoteRun) -> Mapping[str, str]:
        config = self.run(run).config
        return {key: _told(value) for key, value in config.items() if key != "_tracker"}

    def tags(self, run: RemoteRun) -> Mapping[str, str]:
        held = (tag.partition(":") for tag in self.run(run).tags)
        return {name: value for name, _, value in held}

    def files(self, run: RemoteRun, folder: Path) -> Mapping[str, str]:
        found = {}
        for file in self.run(run).files():
            if file.name != "wandb-metadata.json":
                file.download(str(folder)).close()
                content = (folder / file.name).read_bytes()
                found[file.name] = hashlib.sha256(content).hexdigest()
        for version in self.run(run).logged_artifacts():
            name, _, number = version.name.partition(":")
            below = name if number == "v0" else f"{name}.{version.metadata[MANIFEST][:8]}"
            version.download(str(folder / below))
            for path in version.manifest.entries:
                content = (folder / below / path).read_bytes()
                found[f"{below}/{path}"] = hashlib.sha256(content).hexdigest()
        return found

    def outcome(self, run: RemoteRun) -> tuple[str, int | None]:
        held = self.run(run)
        return held.state, held.config["_tracker"].get("ended_at_ms")

    def word(self, status: str) -> str:
        return status


def points_of(row: Mapping[str, Any]) -> Iterator[Point]:
    """Yield the points of a row by the rules of the README."""
    step = row.get("_tracker_step", row["_step"])
    times = json.loads(row.get("_tracker_times", "{}"))
    for key, value in row.items():
        if key not in OURS and (not isinstance(value, str) or value in NUMBERS):
            time_ms = times.get(key, round(row["_timestamp"] * 1e6) // 1000)
            yield Point(key, step, time_ms, float(NUMBERS.get(value, value)))


def _told(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
