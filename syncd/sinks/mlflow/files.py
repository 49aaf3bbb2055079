"""Files of a run through the server's artifact proxy, streamed both ways and hashed on the way."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from syncd.sinks import File, Rejected, RemoteRun
from syncd.sinks.contents import checked
from syncd.sinks.escapes import map_file
from syncd.sinks.http import HttpClient, Refusal
from syncd.sinks.mlflow.rest import Api, Done, heard

PROXY = "/api/2.0/mlflow-artifacts/artifacts/"

_BYTES_PER_S = 5_000_000
"""A server answers only after it has moved the file to where it keeps files, at about this."""


class Files:
    """Files at one server."""

    def __init__(self, http: HttpClient, api: Api) -> None:
        self._http = http
        self._api = api

    def put(self, run: RemoteRun, file: File) -> None:
        """See `syncd.sinks.Sink.put`."""
        root = run.handle.get("files")
        if not root:
            raise Rejected(
                f"{file.path}: the MLflow server does not serve the files of run {run.id} itself "
                "(its artifact location is no mlflow-artifacts: address). MLflow fixes that when "
                "an experiment is made: start the server with --serve-artifacts and "
                "--artifacts-destination, and remove the experiment for good (mlflow gc) or "
                "deliver to another remote; then `syncd retry`."
            )
        path = PROXY + quote(f"{root}/{map_file(file.path)}")
        headers = {
            "Content-Length": str(file.size),
            "Content-Type": "application/octet-stream",
        }
        try:
            answer = self._http.request(
                "PUT",
                path,
                content=checked(file),
                headers=headers,
                data=True,
                patience_s=file.size / _BYTES_PER_S,
            )
        except Refusal as refusal:
            said = heard(refusal)
            if said is not refusal:
                raise said from None
            raise Rejected(f"{file.path} ({file.size} bytes) is refused: {refusal}") from None
        if answer.body:  # MLflow's are empty or JSON, by its version
            self._http.decoded(f"PUT {self._http.url}{path}", answer, Done)

    def digests(self, run: RemoteRun) -> dict[str, str]:
        """Download each file of the run and return SHA-256 by path there (see `map_file`)."""
        found = dict[str, str]()
        root = run.handle.get("files")
        if not root:  # nothing of ours is there: see `put`
            return found
        for info in self._api.files(run.id):
            digest = hashlib.sha256()
            path = PROXY + quote(f"{root}/{info.path}")
            self._http.request("GET", path, into=digest.update)
            found[info.path] = digest.hexdigest()
        return found
