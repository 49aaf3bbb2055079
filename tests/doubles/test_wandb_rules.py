"""What the stand-in for Weights & Biases refuses or notes, one rule at a time."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.doubles.wandb_server import Limit, WandbServer
from tests.doubles.wandb_server.document import GraphqlError, read
from tests.doubles.wandb_server.graphql import Json, answer

UPSERT = """
mutation Make($name: String!, $entity: String, $config: JSONString) {
  upsertBucket(input: {name: $name, modelName: "p", entityName: $entity, config: $config}) {
    bucket { id historyLineCount project { name entity { name } } }
    inserted
  }
}
"""

STREAM = "/files/tester/p/r/file_stream"


@pytest.fixture
def server() -> Iterator[WandbServer]:
    with WandbServer() as server:
        yield server


@pytest.fixture
def http(server: WandbServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, auth=("api", server.key)) as http:
        yield http


def ask(http: httpx.Client, query: str, **variables: Any) -> Any:
    return http.post("/graphql", json={"query": query, "variables": variables}).json()


def history(offset: int, *rows: dict[str, Any]) -> dict[str, Any]:
    content = [json.dumps(row) for row in rows]
    return {"files": {"wandb-history.jsonl": {"offset": offset, "content": content}}}


def order(http: httpx.Client, mutation: str, fields: str, /, **given: Any) -> Any:
    """Give the one field of a mutation's answer, or its errors."""
    document = f"mutation O($input: I!) {{ {mutation}(input: $input) {{ {fields} }} }}"
    said = ask(http, document, input=given)
    return next(iter(said["data"][mutation].values())) if said["data"] else said["errors"]


def create_version(http: httpx.Client, digest: str, client_id: str) -> Any:
    return order(
        http,
        "createArtifact",
        "artifact { id state }",
        entityName="tester",
        projectName="p",
        runName="r",
        artifactTypeName="t",
        artifactCollectionName="c",
        digest=digest,
        clientID=client_id,
        enableDigestDeduplication=True,
        aliases=[{"artifactCollectionName": "c", "alias": "best"}],
    )


def put_manifest(http: httpx.Client, artifact_id: str, **entry: Any) -> None:
    made = order(
        http,
        "createArtifactManifest",
        "artifactManifest { file { uploadUrl } }",
        artifactID=artifact_id,
        entityName="tester",
        projectName="p",
        runName="r",
        name="wandb_manifest.json",
        type="FULL",
        digest="",
    )
    content = json.dumps({"contents": {"a": entry}}).encode()
    httpx.put(made["file"]["uploadUrl"], content=content).raise_for_status()


def commit(http: httpx.Client, artifact_id: str) -> Any:
    return order(http, "commitArtifact", "artifact { state }", artifactID=artifact_id)


def test_a_wrong_or_missing_key_is_refused(server: WandbServer):
    """Every address but those for files wants the key, as user "api"."""
    for auth in (None, ("api", "x" * 40), ("user", server.key)):
        assert httpx.post(f"{server.url}/graphql", json={}, auth=auth).status_code == 401
        assert httpx.post(f"{server.url}{STREAM}", json={}, auth=auth).status_code == 401
    assert len(server.complaints["unauthorized"]) == 6


def test_an_unknown_operation_is_named_and_noted(server: WandbServer, http: httpx.Client):
    """Neither an unknown field nor an unknown argument is passed over."""
    ask(http, UPSERT, name="r")
    for query in (
        "mutation Unheard { frobnicate(input: {x: 1}) { y } }",
        "query Unheard { viewer { shoeSize } }",
        'query Unheard { project(name: "p", colour: "red") { id } }',
        'mutation Unheard { upsertBucket(input: {name: "r", mood: "x"}) { inserted } }',
    ):
        (error,) = ask(http, query)["errors"]
        assert error["message"].startswith("Unheard: ")
    assert len(server.complaints["unknown"]) == 4
    assert len(server.requests["Unheard"]) == 4
    assert http.post("/nowhere", json={}).status_code == 404


def test_a_body_that_cannot_be_read_is_refused(server: WandbServer, http: httpx.Client):
    """Broken JSON, NaN as JSON, no query, rows that are no objects, unknown keys."""
    ask(http, UPSERT, name="r")
    row = {"wandb-history.jsonl": {"offset": 0, "content": ["[1]"]}}
    for path, body in (
        (STREAM, b'{"files": '),
        (STREAM, b'{"complete": NaN}'),
        (STREAM, b'{"surprise": 1}'),
        (STREAM, b'{"files": {"other.jsonl": {"offset": 0, "content": []}}}'),
        (STREAM, b'{"files": {"wandb-history.jsonl": {"content": ["{}"]}}}'),
        (STREAM, json.dumps({"files": row}).encode()),
        (STREAM, b'{"files": {"wandb-history.jsonl": {"offset": 0, "content": ["{"]}}}'),
        (STREAM, b'{"files": {"wandb-summary.json": {"offset": 0, "content": []}}}'),
        (STREAM, b'{"files": {"output.log": {"offset": 0, "content": [7]}}}'),
        (STREAM, b'{"files": []}'),
        (STREAM, b'{"complete": true}'),
        ("/graphql", b"[]"),
        ("/graphql", b'{"query": "query Q { viewer { id } }", "variables": 7}'),
    ):
        assert http.post(path, content=body).status_code == 400, body
    assert server.run("tester", "p", "r").rows == []
    assert len(server.complaints["unreadable"]) + len(server.complaints["refused"]) == 13


def test_a_body_of_unsaid_length_is_refused(server: WandbServer, http: httpx.Client):
    """As by the storage behind the service, which takes no chunks."""
    assert http.put("/storage/x/y", content=iter([b"x"])).status_code == 411
    assert len(server.complaints["unreadable"]) == 1


def test_rows_replace_those_at_their_lines(server: WandbServer, http: httpx.Client):
    """The rows behind the replaced ones stay."""
    ask(http, UPSERT, name="r")
    http.post(STREAM, json=history(0, *({"_step": i, "x": i} for i in range(5))))
    packed = gzip.compress(json.dumps(history(1, {"_step": 1, "x": "new"})).encode())
    http.post(STREAM, content=packed, headers={"Content-Encoding": "gzip"}).raise_for_status()
    assert [row["x"] for row in server.run("tester", "p", "r").rows] == [0, "new", 2, 3, 4]
    counted = ask(http, UPSERT, name="r")["data"]["upsertBucket"]
    assert (counted["bucket"]["historyLineCount"], counted["inserted"]) == (5, False)
    server.stale_rows = 2
    counted = ask(http, UPSERT, name="r")["data"]["upsertBucket"]
    assert counted["bucket"]["historyLineCount"] == 3
    assert not server.complaints


def test_a_hole_is_refused_and_noted(server: WandbServer, http: httpx.Client):
    """No line may start behind the first free one; nothing of such a request is kept."""
    ask(http, UPSERT, name="r")
    body = history(1, {"_step": 0})
    body["files"]["output.log"] = {"offset": 0, "content": ["x"]}
    assert http.post(STREAM, json=body).status_code == 400
    assert server.run("tester", "p", "r").console == []
    assert len(server.complaints["hole"]) == 1


def test_a_step_that_goes_back_or_is_missing_is_noted(server: WandbServer, http: httpx.Client):
    """Also where a replaced row meets the one before or behind it."""
    ask(http, UPSERT, name="r")
    http.post(STREAM, json=history(0, {"_step": 1}, {"_step": 1}, {"_step": 4}))
    assert not server.complaints
    http.post(STREAM, json=history(1, {"_step": 5}))
    assert "row 2: 5 to 4" in server.complaints["step"][0]
    http.post(STREAM, json=history(3, {"x": 1}))
    assert "no whole _step" in server.complaints["step"][1]


def test_a_deleted_run_is_refused_everywhere(server: WandbServer, http: httpx.Client):
    """Its id answers 409 for ever, one that never was 404."""
    ask(http, UPSERT, name="r")
    server.delete("tester", "p", "r")
    query = {"query": UPSERT, "variables": {"name": "r"}}
    assert http.post("/graphql", json=query).status_code == 409
    assert http.post(STREAM, json={}).status_code == 409
    assert http.post("/files/tester/p/other/file_stream", json={}).status_code == 404


def test_files_go_only_where_the_server_said(server: WandbServer, http: httpx.Client):
    """An address is good for one file and one method, and checks the MD5 that it is told."""
    ask(http, UPSERT, name="r")
    made = ask(
        http,
        """mutation Files($files: [String!]!) {
          createRunFiles(input: {
            entityName: "tester", projectName: "p", runName: "r", files: $files
          }) { files { name uploadUrl } }
        }""",
        files=["a/b c.txt"],
    )
    (target,) = made["data"]["createRunFiles"]["files"]
    url = target["uploadUrl"]
    wrong = {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert httpx.put(url, content=b"x", headers=wrong).status_code == 400
    assert httpx.get(url).status_code == 403
    assert httpx.put(f"{server.url}/storage/guessed/a", content=b"x").status_code == 403
    assert httpx.put(url, content=b"x").status_code == 200
    assert server.run("tester", "p", "r").files == {"a/b c.txt": b"x"}


def test_a_version_is_whole_and_made_once(server: WandbServer, http: httpx.Client):
    """A commit wants every file; an order that comes again makes nothing new."""
    ask(http, UPSERT, name="r")
    first = create_version(http, "d1", "x1")
    assert create_version(http, "d1", "x1") == first == {"id": "artifact-0", "state": "PENDING"}
    assert "without a manifest" in commit(http, "artifact-0")[0]["message"]
    put_manifest(http, "artifact-0", digest="AAAA", size=1)
    assert "a was not put" in commit(http, "artifact-0")[0]["message"]
    put_manifest(http, "artifact-0", digest="AAAA", size=1, ref="s3://b/a")
    assert commit(http, "artifact-0") == {"state": "COMMITTED"}
    assert create_version(http, "d1", "x2") == {"id": "artifact-0", "state": "COMMITTED"}
    second = create_version(http, "d2", "x3")["id"]
    put_manifest(http, second, digest="AAAA", size=1, ref="s3://b/b")
    commit(http, second)
    commit(http, "artifact-0")
    versions = server.collections["tester", "p", "c"].versions
    assert [held.aliases for held in versions] == [[], ["best", "latest"]]


def test_impatience_is_noted(server: WandbServer, http: httpx.Client):
    """A client that comes again before Retry-After is over, is; one that waits is not."""
    server.limits["graphql"] = Limit(1, window_s=1.0)
    query = {"query": "query Who { viewer { id } }"}
    assert http.post("/graphql", json=query).status_code == 200
    refused = http.post("/graphql", json=query)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert not server.complaints
    time.sleep(float(refused.headers["Retry-After"]))
    assert http.post("/graphql", json=query).status_code == 200
    assert not server.complaints
    assert http.post("/graphql", json=query).status_code == 429
    other = {"query": "query Other { viewer { id } }"}
    assert http.post("/graphql", json=other).status_code == 429
    assert not server.complaints
    http.post("/graphql", json=query)
    assert len(server.complaints["impatient"]) == 1


def test_the_script_decides_what_becomes_of_a_kind(server: WandbServer, http: httpx.Client):
    """What is lost or reset was carried out, what is refused or answered by a status was not."""
    server.script["Make"] = ["refuse", "503", "lost", "reset"]
    with pytest.raises(httpx.TransportError):
        ask(http, UPSERT, name="refused")
    assert ask(http, UPSERT, name="answered")["errors"]
    for name in ("lost", "reset"):
        with pytest.raises(httpx.TransportError):
            ask(http, UPSERT, name=name)
    assert ask(http, UPSERT, name="after")["data"]["upsertBucket"]["inserted"]
    assert [run for _, _, run in server.runs] == ["lost", "reset", "after"]
    assert [request.status for request in server.requests["Make"]] == [503, 0, 0, 200]


def test_an_error_of_its_own_is_noted(server: WandbServer, http: httpx.Client):
    """A defect here, or a fault that there is not, must not pass for one of the network."""
    server.script["Make"] = ["bogus"]
    with pytest.raises(httpx.TransportError):
        ask(http, UPSERT, name="r")
    assert "no such fault: bogus" in server.complaints["failed"][0]


def test_an_answer_has_what_is_asked_and_no_more():
    """Aliases, arguments, fragments, directives, defaults, lists and nulls."""
    root = {
        "animal": lambda id_, size=1: {
            "__typename": "ArtifactSequence",
            "name": f"{id_} {size}",
            "secret": 1,
            "kin": [{"__typename": "Kin", "age": 3, "name": "x"}, None],
        },
        "raw": Json({"any": ["thing"]}),
    }
    document = """
    # a comment
    query Q($id: ID!, $size: Int = 7, $deep: Boolean!) {
      one: animal(id: $id, size: $size) { ...Named kin @include(if: $deep) { name } }
      two: animal(id: "b\\u00e9", size: -2) { ... on Other { secret } kin @skip(if: $deep) { age } }
      raw
    }
    fragment Named on ArtifactCollection { __typename name kin { age } }
    """
    assert answer(read(document), {"id": "a", "deep": True}, root) == {
        "one": {
            "__typename": "ArtifactSequence",
            "name": "a 7",
            "kin": [{"age": 3, "name": "x"}, None],
        },
        "two": {},
        "raw": {"any": ["thing"]},
    }


@pytest.mark.parametrize(
    "document",
    [
        "",
        "query {",
        "query Q { a } query R { a }",
        "query Q { ...Missing }",
        "query Q($x: ID!) { f(x: $x) { a } }",
        "query Q { f(x: $undeclared) { a } }",
        "query Q { f { a } }",
        "query Q { f(x: 1) }",
        "query Q { a { b } }",
        "subscription S { a }",
        "query Q { a ? }",
    ],
)
def test_a_document_that_is_wrong_is_refused(document: str):
    """Whatever cannot be read or answered is an error, never half an answer."""
    root = {"a": 1, "f": lambda x: {"a": x}}
    with pytest.raises(GraphqlError):
        answer(read(document), {}, root)
