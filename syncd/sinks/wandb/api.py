"""W&B's GraphQL and file stream as far as the sink needs them, each call typed.

There is no published schema; operations and fields are those of the client, wandb 0.31
(core/api/graphql and core/internal/filestream), and a test has the client beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from syncd.sinks import Rejected, Retryable, Unauthorized
from syncd.sinks.http import EXCERPT_CHARS, Answer, HttpClient, Refusal
from syncd.sinks.wandb import queries
from syncd.sinks.wandb.translation import Row

DELETED = 409
"""What the server says of a run id that was deleted: it is taken for ever."""

_FILES_PAGE = 100
_MOST_BYTES = 32 * 2**20
"""Of an answer."""

_NO_RIGHTS = ("permission", "unauthorized", "not authorized", "not logged in", "forbidden")
_UNKNOWN = ("cannot query field", "unknown argument")

T = TypeVar("T")


class TooLongError(Exception):
    """An answer that is longer than what is kept in memory: ask for less."""


class UnknownFieldError(Retryable):
    """The server's GraphQL does not know what was asked for: it is older, or newer."""


class Place(msgspec.Struct, frozen=True):
    """Where a run is: its entity, project and name, which is its id there."""

    entity: str
    project: str
    name: str

    @property
    def path(self) -> str:
        """In an address."""
        return "/".join(quote(part, safe="") for part in (self.entity, self.project, self.name))


class Run(msgspec.Struct):
    """A run as W&B holds it; `id` is the one by which mutations name it, `config` JSON text."""

    id: str
    name: str
    state: str = ""
    config: str | None = None
    tags: list[str] | None = None


class Viewer(msgspec.Struct, rename="camel"):
    """Whose key it is: the entity of runs that name none, and the teams."""

    entity: str | None = None
    username: str | None = None
    teams: Any = None

    @property
    def entities(self) -> set[str]:
        """Where this user may write."""
        edges = (self.teams or {}).get("edges") or []
        teams = {edge["node"]["name"] for edge in edges if (edge or {}).get("node")}
        return teams | {name for name in (self.entity, self.username) if name}


class Upload(msgspec.Struct):
    """An address that takes a file, and the headers that go with it."""

    upload_url: str
    headers: dict[str, str] = {}


class Stored(msgspec.Struct, rename="camel"):
    """A file of a run and an address to read it from."""

    name: str
    direct_url: str = ""


class _Errors(msgspec.Struct):
    message: str = ""


class _Answer(msgspec.Struct):
    data: dict[str, Any] | None = None
    errors: list[_Errors] | None = None


class Api:
    """Calls to one server; raises the four errors, and `Refusal` for refusals of W&B's."""

    def __init__(self, http: HttpClient) -> None:
        self.http = http

    def viewer(self) -> tuple[Viewer, Mapping[str, str]]:
        """Whose key it is, and the answer's headers.

        Raises:
            Unauthorized: nobody's.
        """
        found, headers = self._asked(queries.VIEWER, {}, "viewer")
        if found is None:
            raise Unauthorized(
                f"{self.http.url} does not know the key of this remote: "
                "tracker remote login NAME, with an API key of W&B as the token"
            )
        viewer: Viewer = self._converted(found, Viewer)
        return viewer, headers

    def version(self) -> str:
        """The server's version; "" where it does not tell."""
        found = self.ask(queries.SERVER, {}, "serverInfo", dict[str, Any] | None) or {}
        local = found.get("latestLocalVersionInfo") or {}
        client = found.get("cliVersionInfo") or {}
        return str(local.get("versionOnThisInstanceString") or client.get("max_cli_version") or "")

    def run(self, place: Place) -> Run | None:
        """Find a run; None if there is none, or if it was deleted."""
        return self._of_run(queries.RUN, place, Run)

    def summary(self, place: Place) -> tuple[Row, int]:
        """A run's summary, and the last `_step` of its history, -1 if it has none."""
        found = self._of_run(queries.SUMMARY, place, dict[str, Any]) or {}
        keys = found.get("historyKeys") or {}
        held = msgspec.json.decode(found.get("summaryMetrics") or "{}", type=dict[str, Any])
        return held, int(keys.get("lastStep", -1))

    def history(self, place: Place, low: int, high: int, samples: int) -> list[Row]:
        """Rows with a `_step` from `low` to below `high`, up to `samples` of them.

        Raises:
            TooLongError: they are more than is kept in memory.
        """
        asked = {
            "entity": place.entity, "project": place.project, "run": place.name,
            "minStep": low, "maxStep": high, "pageSize": samples,
        }  # fmt: skip
        found = self._of_project(queries.HISTORY, asked, dict[str, Any]) or {}
        return [msgspec.json.decode(line, type=Row) for line in found.get("history") or ()]

    def events(self, place: Place, samples: int) -> tuple[int, list[Row]]:
        """How many rows of system metrics there are, and up to `samples` of them.

        Raises:
            TooLongError: as `history`.
            UnknownFieldError: this server has no such thing.
        """
        asked = msgspec.structs.asdict(place) | {"samples": samples}
        found = self._of_project(queries.EVENTS, asked, dict[str, Any]) or {}
        rows = [msgspec.json.decode(line, type=Row) for line in found.get("events") or ()]
        return int(found.get("eventsLineCount") or 0), rows

    def lines(self, place: Place, after: str | None, first: int) -> tuple[list[str], str | None]:
        """Up to `first` lines of a run's console behind a cursor, and the next cursor, if any.

        Raises:
            TooLongError, UnknownFieldError: as `events`.
        """
        asked = msgspec.structs.asdict(place) | {"first": first, "after": after}
        found = self._of_project(queries.LINES, asked, dict[str, Any]) or {}
        page = found.get("logLines") or {}
        about = page.get("pageInfo") or {}
        lines = [str(edge["node"]["line"]) for edge in page.get("edges") or ()]
        return lines, about["endCursor"] if about.get("hasNextPage") else None

    def files(self, place: Place) -> Iterator[Stored]:
        """Yield a run's files, page by page."""
        asked: dict[str, Any] = msgspec.structs.asdict(place) | {"first": _FILES_PAGE}
        while True:
            found = self._of_project(queries.FILES, asked, dict[str, Any]) or {}
            page = found.get("files") or {}
            for edge in page.get("edges") or ():
                yield msgspec.convert(edge["node"], Stored)
            about = page.get("pageInfo") or {}
            if not about.get("hasNextPage"):
                return
            asked["after"] = about["endCursor"]

    def upsert(self, fields: Mapping[str, Any]) -> Run:
        """Make a run or change what is given of it.

        Raises:
            Refusal: with the status `DELETED`, where a run of that name was deleted.
        """
        found = self.ask(queries.UPSERT, fields, "upsertBucket", dict[str, Any], data=True)
        return msgspec.convert(found["bucket"], Run)

    def upload(self, place: Place, name: str) -> Upload:
        """Register a file of a run; where to put it."""
        asked = {
            "entity": place.entity, "project": place.project, "run": place.name, "files": [name],
        }  # fmt: skip
        found = self.ask(queries.CREATE_FILES, asked, "createRunFiles", dict[str, Any], data=True)
        return upload(found["files"][0]["uploadUrl"], found.get("uploadHeaders"))

    def stream(self, place: Place, body: bytes) -> None:
        """Send one request of a run's file stream.

        Raises:
            Refusal: 404 or `DELETED` where the run is gone, 413 where it is too large.
        """
        self.http.json(
            "POST", f"/files/{place.path}/file_stream", dict[str, Any], body=body, data=True,
            final=(DELETED,),
        )  # fmt: skip

    def _of_run(self, query: str, place: Place, answer: type[T]) -> T | None:
        return self._of_project(query, msgspec.structs.asdict(place), answer)

    def _of_project(self, query: str, variables: Mapping[str, Any], answer: type[T]) -> T | None:
        found = self.ask(query, variables, "project", dict[str, Any] | None)
        run = (found or {}).get("run")
        return None if run is None else self._converted(run, answer)

    def ask(
        self, query: str, variables: Mapping[str, Any], name: str, answer: Any, *,
        data: bool = False,
    ) -> Any:  # fmt: skip
        """Give the field `name` of the answer to a question, as an `answer`."""
        held, _ = self._asked(query, variables, name, data=data)
        return self._converted(held, answer)

    def _asked(
        self, query: str, variables: Mapping[str, Any], name: str, *, data: bool = False
    ) -> tuple[Any, Mapping[str, str]]:
        """The field `name` of the answer to a question, and the answer's headers."""
        given = {key: value for key, value in variables.items() if value is not None}
        kept = bytearray()

        def keep(piece: bytes) -> None:
            if len(kept) > _MOST_BYTES:
                raise TooLongError
            kept.extend(piece)

        got = self.http.request(
            "POST", "/graphql", content=msgspec.json.encode({"query": query, "variables": given}),
            headers={"Content-Type": "application/json"}, data=data, final=(DELETED,), into=keep,
        )  # fmt: skip
        whole = Answer(got.status, got.headers, bytes(kept))
        found = self.http.decoded(f"POST {self.http.url}/graphql", whole, _Answer)
        if found.errors:
            raise self._error(name, "; ".join(error.message for error in found.errors))
        return (found.data or {}).get(name), got.headers

    def _converted(self, held: Any, answer: Any) -> Any:
        try:
            return msgspec.convert(held, answer, strict=False)
        except msgspec.ValidationError as error:
            raise Retryable(
                f"{self.http.url}/graphql answered with something unexpected ({error}). Is it a "
                "W&B server's address?"
            ) from error

    def _error(self, name: str, said: str) -> Unauthorized | Rejected | Retryable:
        text = f"{self.http.url}/graphql: {name}: {said[:EXCERPT_CHARS]}"
        if any(word in said.lower() for word in _NO_RIGHTS):
            return Unauthorized(f"{text}. Check the credentials and the option `entity`.")
        if any(words in said.lower() for words in _UNKNOWN):
            return UnknownFieldError(text)
        return Retryable(text)


def upload(address: str, headers: Iterable[str] | None) -> Upload:
    """Where a file is to be put, of the lines that W&B gives as headers."""
    pairs = (line.split(":", 1) for line in headers or () if ":" in line)
    return Upload(address, {key.strip(): value.strip() for key, value in pairs})


def gone(refusal: Refusal) -> bool:
    """Whether a refusal says that the run is not there."""
    return refusal.status in (404, 410, DELETED)
