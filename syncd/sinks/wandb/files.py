"""Files of a run: to addresses that W&B gives out, streamed both ways and hashed on the way.

Such an address belongs to W&B's storage, at the same or another host, and holds a signature: no
credentials of ours go there (see `syncd.sinks.http`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

import httpx

from syncd.sinks import File, Head, Rejected, RemoteRun
from syncd.sinks.contents import checked
from syncd.sinks.http import HttpClient, Refusal
from syncd.sinks.wandb.api import Api, Upload, gone
from syncd.sinks.wandb.names import OWN_FILES, map_path
from syncd.sinks.wandb.records import missing, place

METADATA = "wandb-metadata.json"

_BYTES_PER_S = 5_000_000
"""A server answers only after it has moved the file to where it keeps files, at about this."""

_SAID_AS = {"user": "username", "platform": "os"}
"""What of our words about a process W&B calls otherwise."""

_GIT = {"git_commit": "commit", "git_remote": "remote"}
"""What stands there under "git"."""

_NS = 1e9


class Files:
    """Files at one server."""

    def __init__(self, http: HttpClient, api: Api) -> None:
        self._http = http
        self._api = api
        self._described: set[bytes] = set()

    def put(self, run: RemoteRun, file: File) -> None:
        """See `syncd.sinks.Sink.put`."""
        try:
            self._put(run, map_path(file.path), checked(file), file.size)
        except Refusal as refusal:
            raise Rejected(f"{file.path} ({file.size} bytes) is refused: {refusal}") from None

    def put_metadata(self, run: RemoteRun, content: bytes) -> None:
        """Put the file that W&B shows as the run's overview, unless that was done just now."""
        done = hashlib.sha256(place(run).path.encode() + content).digest()
        if done not in self._described:
            self._put(run, METADATA, (content,), len(content))
            self._described.add(done)

    def digests(self, run: RemoteRun) -> dict[str, str]:
        """Download each file of the run that is not W&B's own; SHA-256 by name there."""
        found = dict[str, str]()
        for stored in self._api.files(place(run)):
            if stored.name in OWN_FILES:
                continue
            path = f"/files/{place(run).path}/{stored.name}"
            found[stored.name] = self.digest(path, stored.direct_url)
        return found

    def digest(self, path: str, address: str) -> str:
        """Download what is at an address; its SHA-256."""
        digest = hashlib.sha256()
        self._http.request("GET", path, into=digest.update, address=self._whole(address))
        return digest.hexdigest()

    def send(self, path: str, target: Upload, content: Iterable[bytes], size: int) -> None:
        """Put content of `size` bytes to an address."""
        headers = {"Content-Type": "application/octet-stream"}
        headers |= target.headers | {"Content-Length": str(size)}
        self._http.request(
            "PUT", path, content=content, headers=headers, data=True,
            patience_s=size / _BYTES_PER_S, address=self._whole(target.upload_url),
        )  # fmt: skip

    def _put(self, run: RemoteRun, name: str, content: Iterable[bytes], size: int) -> None:
        try:
            target = self._api.upload(place(run), name)
        except Refusal as refusal:
            raise (missing(run) if gone(refusal) else refusal) from None
        self.send(f"/files/{place(run).path}/{name}", target, content, size)

    def _whole(self, address: str) -> str:
        """An address as W&B gave it out; one without a host is at the server itself."""
        return str(httpx.URL(self._http.url + "/").join(address))


def metadata(head: Head) -> bytes:
    """Return the metadata file of a run."""
    about: Mapping[str, Any] = head.about
    started = datetime.fromtimestamp(max(head.started_at / _NS, 0.0), timezone.utc)
    said = {
        "startedAt": started.isoformat().replace("+00:00", "Z"),
        **{_SAID_AS.get(key, key): value for key, value in about.items() if key not in _GIT},
    }
    if git := {_GIT[key]: about[key] for key in _GIT if key in about}:
        said["git"] = git
    return json.dumps(said, indent=1, sort_keys=True, default=str).encode()
