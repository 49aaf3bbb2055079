"""What a check finds out about an MLflow server. Nothing is made there.

What was measured, on MLflow 3.1.4 and 3.17.2:

- A create of an experiment without its name is refused by 400 where the user may create, and
  by 403 where not: authorization comes before the parameters.
- Listing a folder of the artifact proxy that is not there answers 200 and an empty list, from
  the place where the server keeps files; 503 where it runs with ``--no-serve-artifacts``.
- Where a run's files go is fixed in its experiment's `artifact_location`, when that is made.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping

from syncd.sinks import Seen, SinkError, Unauthorized
from syncd.sinks.http import HttpClient, Refusal
from syncd.sinks.mlflow.files import PROXY
from syncd.sinks.mlflow.names import MAX_KEY
from syncd.sinks.mlflow.rest import Api, Experiment

OLDEST, NEWEST = (3, 1), (3, 17)
"""Versions known to work: at 3.1.4 and 3.17.2 runs were delivered, read back and found equal.

The extra `mlflow` in pyproject.toml has the same range; a test holds that.
"""

UNKNOWN = "unknown"

_BAD_REQUEST = 400
_FIXED = (
    "MLflow fixes it when an experiment is made, so those that are there stay as they are (mlflow "
    "gc removes one for good)"
)
_log = logging.getLogger("syncd")

_RANGE = "{}.{} to {}.{}".format(*OLDEST, *NEWEST)
_NO_FOLDER = "tracker-looks-whether-files-are-served"


class Looking:
    """Questions to one server."""

    def __init__(self, http: HttpClient, api: Api) -> None:
        self._http = http
        self._api = api
        self._asking = threading.Lock()
        self._asked_version = False

    def version(self) -> tuple[str, Mapping[str, str]]:
        """The server's version, "unknown" where it does not tell, and the answer's headers.

        Raises:
            SinkError: it cannot be reached.
        """
        try:
            answer = self._http.request("GET", "/version")
        except Refusal:  # servers before 2.0 and hosted ones do not tell
            return UNKNOWN, {}
        said = answer.body.decode(errors="replace").strip()
        known = re.fullmatch(r"[0-9][\w.+-]{0,40}", said)
        return (said if known else UNKNOWN), answer.headers

    def warn_once(self) -> None:
        """Say in the log, once, if the version is not known to work; never fails."""
        with self._asking:
            asked, self._asked_version = self._asked_version, True
        if asked:
            return
        with contextlib.suppress(SinkError):
            seen = of_version(self.version()[0])
            if seen.level != "ok":
                _log.warning("%s: MLflow %s. Next: %s", self._http.url, seen.said, seen.next)

    def all(self, version: str, newest: Experiment | None) -> Iterator[Seen]:
        """Everything that there is to see; `newest` is an experiment of the server."""
        yield of_version(version)
        yield self._asked("permission", self._permission)
        yield self._asked("files", lambda: self._files(newest))
        yield Seen("names", f"names of up to {MAX_KEY} characters; others are mapped, reversibly")

    def _asked(self, what: str, ask: Callable[[], Seen]) -> Seen:
        try:
            return ask()
        except SinkError as error:
            return Seen(what, f"{what}: not found out: {error}", "note", "syncd check")

    def _permission(self) -> Seen:
        try:
            self._api.create_nothing()
        except Unauthorized:
            return Seen(
                "permission",
                "it does not let this user create experiments, so runs of a project that has none "
                "there cannot be delivered",
                "todo", "ask who runs the server for it, or be another user: tracker remote login",
            )  # fmt: skip
        except Refusal as refusal:
            if refusal.status == _BAD_REQUEST:
                return Seen("permission", "may create experiments")
        return Seen("permission", "whether experiments may be created shows at the first delivery")

    def _files(self, newest: Experiment | None) -> Seen:
        try:
            self._http.request("GET", PROXY.rstrip("/"), params={"path": _NO_FOLDER})
        except (Refusal, Unauthorized):
            return Seen("files", "whether it takes files shows at the first delivery")
        except SinkError as error:
            return _no_files(str(error))
        location = newest.artifact_location if newest else ""
        if newest is None or location.startswith("mlflow-artifacts:"):
            return Seen("files", "files go through the server")
        return Seen(
            "files",
            f"its newest experiment {newest.name!r} keeps files at {location}, not through the "
            "server; files of our runs in such experiments are parked, all else is delivered",
            "note", f"start the server without --default-artifact-root; {_FIXED}",
        )  # fmt: skip


def _no_files(error: str) -> Seen:
    if "serve-artifacts" in error:
        return Seen(
            "files",
            "it takes no files (--no-serve-artifacts): artifacts and documents of runs are parked, "
            "all else is delivered",
            "todo", f"start it with --serve-artifacts and --artifacts-destination; {_FIXED}",
        )  # fmt: skip
    return Seen(
        "files",
        f"it cannot get at the place where it keeps files, so these wait: {error}",
        "todo", "look into the server's log, and at its --artifacts-destination",
    )  # fmt: skip


def of_version(version: str) -> Seen:
    """Whether a version is known to work, in words; delivery goes on with any."""
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None:
        return Seen("version", f"version {version}")
    number = (int(found[1]), int(found[2]))
    if OLDEST <= number <= NEWEST:
        return Seen("version", f"version {version}")
    older = number < OLDEST
    return Seen(
        "version",
        f"version {version} is {'older' if older else 'newer'} than those known to work "
        f"({_RANGE}); delivery goes on, compare what arrives: syncd verify",
        "note",
        f"upgrade the server to MLflow {NEWEST[0]}.{NEWEST[1]}" if older
        else "pip install --upgrade tracker-syncd",
    )  # fmt: skip
