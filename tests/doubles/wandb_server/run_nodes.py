"""What can be asked about runs, as GraphQL nodes."""

from __future__ import annotations

import functools
import json
import math
import mimetypes
import re
from collections.abc import Callable, Iterable
from typing import Any

from tests.doubles.wandb_server.connection import connection
from tests.doubles.wandb_server.document import GraphqlError
from tests.doubles.wandb_server.graphql import Json, Node
from tests.doubles.wandb_server.run import Row, Run
from tests.doubles.wandb_server.storage import Storage, md5

CREATED = "2026-01-01T00:00:00"
"""When everything was made, as it says."""

_CONSOLE_LINE = re.compile(r"(ERROR )?(\d{4}-\d\d-\d\dT[\d:.]+) (.*)", re.DOTALL)

VIEWER = "tester"
"""The name of the one user, and of the entity of runs that name none."""


def user() -> Node:
    """The one user."""
    return {
        "__typename": "User",
        "id": "user-1",
        "name": VIEWER,
        "username": VIEWER,
        "email": f"{VIEWER}@localhost",
        "admin": False,
        "flags": "{}",
        "entity": VIEWER,
        "deletedAt": None,
        "apiKeys": connection([]),
        "teams": connection([{"name": VIEWER}]),
    }


def entity(name: str) -> Node:
    """A user or a team; here they have no organization."""
    return {
        "__typename": "Entity",
        "id": f"entity-{name}",
        "name": name,
        "organization": None,
        "user": None,
        "xxhashDigestsEnabled": False,
    }


def file(owner: str, files: dict[str, bytes], name: str, storage: Storage) -> Node:
    """A file of a run or artifact, with addresses to fetch it from, or to put it at."""

    def url(*, upload: bool = False) -> str:
        give = storage.upload_url if upload else storage.download_url
        return give(files, name)

    return {
        "__typename": "File",
        "id": f"file-{owner}-{name}",
        "name": name,
        "displayName": name,
        "url": url,
        "directUrl": url,
        "sizeBytes": len(files[name]),
        "mimetype": mimetypes.guess_type(name)[0] or "application/octet-stream",
        "updatedAt": CREATED,
        "md5": md5(files[name]),
        "digest": md5(files[name]),
        "storagePath": name,
    }


def project(entity_name: str, name: str, held: list[Run], node: Callable[[Run], Node]) -> Node:
    """A project of these runs; `node` makes theirs."""

    def one(name: str) -> Node | None:
        return next((node(run) for run in held if run.name == name), None)

    def bucket(name: str, *, missing_ok: bool = False) -> Node | None:
        found = one(name)
        if found is None and not missing_ok:
            raise GraphqlError(f"run {name} not found")
        return found

    def runs(**asked: Any) -> Node:
        return connection([node(run) for run in held], **asked)

    return {
        "__typename": "Project",
        "id": f"project-{entity_name}-{name}",
        "internalId": "1",
        "name": name,
        "entityName": entity_name,
        "entity": lambda: entity(entity_name),
        "createdAt": CREATED,
        "isBenchmark": False,
        "readOnly": False,
        "user": user,
        "run": one,
        "bucket": bucket,
        "runs": runs,
        "runCount": lambda filters=None: runs(filters=filters)["totalCount"],
    }


def run(held: Run, stale_rows: int, storage: Storage) -> Node:
    """A run; of the rows it has, the last `stale_rows` are not counted yet."""
    attributes = held.attributes
    last_event = held.events[-1] if held.events else {}
    return {
        "__typename": "Run",
        "id": held.storage_id,
        "name": held.name,
        "displayName": attributes.get("displayName") or held.name,
        "description": attributes.get("description"),
        "notes": attributes.get("notes"),
        "tags": attributes.get("tags") or [],
        "group": attributes.get("groupName"),
        "jobType": attributes.get("jobType"),
        "commit": attributes.get("commit"),
        "host": attributes.get("host"),
        "sweepName": attributes.get("sweep"),
        "state": held.state,
        "config": held.config_json,
        "wandbConfig": functools.partial(_wandb_config, held),
        "summaryMetrics": _line(held.summary),
        "systemMetrics": _line(last_event),
        "readOnly": False,
        "createdAt": CREATED,
        "heartbeatAt": CREATED,
        "user": user,
        "projectId": "1",
        "historyKeys": functools.partial(_history_keys, held.rows),
        "historyLineCount": max(0, len(held.rows) - stale_rows),
        "eventsLineCount": len(held.events),
        "logLineCount": len(held.console),
        "historyTail": json.dumps([_line(row) for row in held.rows[-1:]]),
        "eventsTail": json.dumps([_line(row) for row in held.events[-1:]]),
        "history": functools.partial(_page, held.rows),
        "events": functools.partial(_page, held.events),
        "sampledHistory": functools.partial(_samples, held.rows),
        "parquetHistory": functools.partial(_parquet, held.rows),
        "fileCount": len(held.files),
        "files": functools.partial(_files, held, storage),
        "logLines": functools.partial(_log_lines, held.console),
    }


def _plain(value: Any) -> Any:
    # What JSON has no number for comes back as a word: https://github.com/wandb/sweeps/pull/32
    if isinstance(value, dict):
        return {key: _plain(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_plain(held) for held in value]
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps(value)
    return value


def _line(row: Row) -> str:
    return json.dumps(_plain(row))


def _wandb_config(held: Run, keys: list[str]) -> str:
    private = held.config.get("_wandb", {})
    return json.dumps({key: private[key] for key in keys if key in private})


def _history_keys(rows: list[Row]) -> Json:
    keys: dict[str, Any] = {}
    for row in rows:
        for key, value in row.items():
            kind = "number" if isinstance(value, (int, float)) else type(value).__name__
            known = keys.setdefault(key, {"typeCounts": [{"type": kind, "count": 0}]})
            known["typeCounts"][0]["count"] += 1
            known["previousValue"] = value
    last = max((row.get("_step", -1) for row in rows), default=-1)
    return Json(_plain({"sets": [], "keys": keys, "lastStep": last}))


def _page(
    rows: list[Row],
    samples: int | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
) -> list[str]:
    # A page by steps is whole, however many rows share a step; `samples` thins all rows only.
    if min_step is None and max_step is None:
        return [_line(row) for row in _thin(rows, samples)]
    low, high = min_step or 0, float("inf") if max_step is None else max_step
    return [_line(row) for row in rows if low <= row.get("_step", -1) < high]


def _thin(rows: list[Row], samples: int | None) -> list[Row]:
    if samples is None or len(rows) <= samples:
        return rows
    return [rows[at * len(rows) // samples] for at in range(samples)]


def _samples(rows: list[Row], specs: list[str]) -> Json:
    return Json(_plain([_sampled(rows, json.loads(spec)) for spec in specs]))


def _sampled(rows: list[Row], spec: dict[str, Any]) -> list[Row]:
    unknown = spec.keys() - {"keys", "samples", "minStep", "maxStep"}
    if unknown:
        raise GraphqlError(f"sampledHistory: {sorted(unknown)} are not known")
    low, high = spec.get("minStep", 0), spec.get("maxStep", float("inf"))
    keys = spec["keys"]
    # Here the last step is part of the page, in _page it is not: the client's pages say so.
    whole = [
        {key: row[key] for key in keys}
        for row in rows
        if low <= row.get("_step", -1) <= high and all(key in row for key in keys)
    ]
    return _thin(whole, spec.get("samples"))


def _parquet(rows: list[Row], live_keys: list[str]) -> Node:
    # Nothing was written to Parquet yet: all rows are live.
    live = [row for row in rows if all(key in row for key in live_keys)]
    return {"parquetUrls": [], "liveData": Json(_plain(live))}


def _files(
    held: Run,
    storage: Storage,
    *,
    names: Iterable[str] = (),
    pattern: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Node:
    like = re.escape(pattern or "%").replace("%", ".*").replace("_", ".")
    wanted = [
        name
        for name in sorted(held.files)
        if (not names or name in names) and re.fullmatch(like, name, re.DOTALL)
    ]
    return connection(
        [file(held.storage_id, held.files, name, storage) for name in wanted], first, after
    )


def _log_line(line: str) -> Node:
    found = _CONSOLE_LINE.fullmatch(line)
    error, timestamp, text = found.groups() if found else (None, None, line)
    level = "error" if error else None
    return {"timestamp": timestamp, "level": level, "label": None, "line": text}


def _log_lines(
    console: list[str],
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    use_improved_pagination: bool = True,
) -> Node:
    del use_improved_pagination
    nodes = [{"number": number, **_log_line(line)} for number, line in enumerate(console)]
    return connection(nodes if last is None else nodes[-last:], first, after)
