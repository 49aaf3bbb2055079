"""Versions of artifacts at a W&B stand-in: made once, and read by the real client."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from syncd.sinks import Note, Rejected, Retryable, Version
from tests.contract.platform import Lane, file_of, head
from tests.contract.wandb_platform import MANIFEST, Wandb, wandb
from tests.doubles.wandb_server import KEY, WandbServer
from tracker.artifacts import Entry, Manifest
from tracker.errors import BadInput
from tracker.events import Artifact, Config

CALLS = (
    "Version", "CreateArtifact", "CreateArtifactManifest", "CreateArtifactFiles", "PUT file",
    "CommitArtifact",
)  # fmt: skip
"""The requests that a version is made with, by their kind."""


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials for the sink, and folders of their own for the client."""
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    for name in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "wandb"))


@pytest.fixture(scope="module")
def server() -> Iterator[WandbServer]:
    with WandbServer() as started:
        yield started


@pytest.fixture
def platform(server: WandbServer) -> Iterator[Wandb]:
    server.complaints.clear()
    made = Wandb(server)
    yield made
    made.close()
    # The client's own measures come without a key.
    assert server.complaints.keys() <= {"unauthorized"}, server.complaints


@pytest.fixture
def lane(platform: Wandb) -> Lane:
    sink = platform.sink()
    return Lane(sink, sink.open(head()))


def version(folder: Path, contents: dict[str, bytes], name: str = "net", **said) -> Version:
    """A version of these contents by path."""
    entries = [Entry(path, len(data), hashlib.sha256(data).hexdigest())
               for path, data in contents.items()]  # fmt: skip
    manifest = hashlib.sha256(Manifest.of(entries).encode()).hexdigest()
    files = tuple(file_of(folder, f"{name}/{path}", contents[path]) for path in sorted(contents))
    return Version(name, "model", manifest, name, files, **said)


def versions(platform: Wandb, lane: Lane, name: str = "net") -> list:
    """All versions of a name in the lane's project, the oldest first, as the client has them."""
    where = f"tester/{lane.run.handle['project']}/{name}"
    return list(platform.api.artifacts("model", where))[::-1]


def test_a_version_is_all_there(platform, lane, tmp_path):
    """Type, content, digest, metadata and run are what the client would have made of it."""
    contents = {"weights": b"1" * 100, "sub/ü b.json": b"{}", "empty": b""}
    given = version(
        tmp_path, contents, aliases=("best", "latest", "v7"), metadata={"f1": 0.5},
        description="the one",
    )  # fmt: skip
    notes = lane.sink.version(lane.run, given)
    assert notes == [Note("mapped", "artifact net", "net:v0, best")]
    [held] = platform.run(lane.run).logged_artifacts()
    assert (held.type, held.version, held.description) == ("model", "v0", "the one")
    assert set(held.aliases) == {"best", "latest", f"tracker-{given.manifest[:16]}"}
    assert held.metadata == {"f1": 0.5, MANIFEST: given.manifest}
    mine = wandb.Artifact("net", "model")
    for path, data in contents.items():
        with mine.new_file(path, "wb") as file:
            file.write(data)
    assert held.digest == mine.digest
    held.download(str(tmp_path / "down"))
    assert {path: (tmp_path / "down" / path).read_bytes() for path in contents} == contents


def test_the_run_is_left_as_it_is(platform, lane, tmp_path):
    """Rows, config and state do not change, and the version can be read back through the run."""
    given = version(tmp_path, {"weights": b"w"})
    lane.send(
        lane.log({"loss": 1.0}, step=3), lane.make(Config, {"lr": 0.1}),
        lane.make(Artifact, "net", "model", given.manifest, 1, 1),
    )  # fmt: skip
    lane.sink.finish(lane.run, "finished", 1, lane.state)
    held = platform.server.run("tester", lane.run.handle["project"], lane.run.id)
    before = [*held.rows], platform.run(lane.run).config, platform.outcome(lane.run)
    lane.sink.version(lane.run, given)
    assert before == ([*held.rows], platform.run(lane.run).config, platform.outcome(lane.run))
    read = lane.sink.read_back(lane.run).files
    assert read["net/weights"] == given.files[0].digest
    assert read[f"net.{given.manifest[:8]}/weights"] == given.files[0].digest


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", ["lost", "refuse", "503"])
def test_an_answer_that_was_lost(platform, lane, tmp_path, call, fault):
    """Whichever it is: the version is made by the next try, once, and its files are put once."""
    given = version(tmp_path, {"a": b"a", "b": b"b"}, aliases=("best",))
    platform.server.requests.clear()
    platform.server.script[call] = [fault]
    with pytest.raises(Retryable):
        lane.sink.version(lane.run, given)
    made = lane.sink.version(lane.run, given)
    assert made == platform.sink().version(lane.run, given) == [
        Note("mapped", "artifact net", "net:v0, best")
    ]  # fmt: skip
    [held] = versions(platform, lane)
    assert "best" in held.aliases
    taken = [request.path for request in platform.server.requests["PUT file"]
             if request.status != 503 and "manifest" not in request.path]  # fmt: skip
    assert len(taken) == len(set(taken)) == 2


def test_versions_of_one_name(platform, lane, tmp_path):
    """Another content is the next one; an alias goes with the version that was named last."""
    first, second = (version(tmp_path, {"w": data}) for data in (b"1", b"2"))
    again = platform.sink()
    for given in (first, second, first, replace(second, aliases=("best",)), first):
        assert again.version(lane.run, given)
    assert [held.version for held in versions(platform, lane)] == ["v0", "v1"]
    assert "best" in versions(platform, lane)[1].aliases
    moved = replace(first, aliases=("best",), metadata={"f1": 0.9})
    assert lane.sink.version(lane.run, moved)[0].done == "net:v0, best"
    one, two = versions(platform, lane)
    assert "best" in one.aliases
    assert "best" not in two.aliases
    assert one.metadata == {"f1": 0.9, MANIFEST: first.manifest}


def test_the_same_content_in_another_run(platform, lane, tmp_path):
    """It is the version that is there, and both runs read it back."""
    given = version(tmp_path, {"w": b"same"})
    other = Lane(lane.sink, lane.sink.open(head(project=lane.run.handle["project"])))
    for each in (lane, other):
        each.send(each.make(Artifact, "net", "model", given.manifest, 1, 4))
        assert each.sink.version(each.run, given)
        assert each.sink.read_back(each.run).files["net/w"] == given.files[0].digest
    assert len(versions(platform, lane)) == 1


def test_what_the_server_knows_without_our_alias(platform, lane, tmp_path):
    """Content that wandb logged itself, or whose alias somebody took away, is not made again."""
    given = version(tmp_path, {"w": b"known"})
    lane.sink.version(lane.run, given)
    [held] = versions(platform, lane)
    held.aliases.remove(f"tracker-{given.manifest[:16]}")
    held.save()
    puts = len(platform.server.requests["PUT file"])
    assert lane.sink.version(lane.run, given)[0].done == "net:v0"
    [held] = versions(platform, lane)
    assert f"tracker-{given.manifest[:16]}" in held.aliases
    assert len(platform.server.requests["PUT file"]) == puts


def test_large_and_many(platform, lane, tmp_path, monkeypatch):
    """Files are streamed, and addresses asked for in shares."""
    monkeypatch.setattr("syncd.sinks.wandb.artifacts._AT_ONCE", 3)
    contents = {f"part-{i}": f"{i}".encode() for i in range(7)} | {"big": bytes(range(256)) * 32768}
    platform.server.requests.clear()
    lane.sink.version(lane.run, version(tmp_path, contents))
    assert len(platform.server.requests["CreateArtifactFiles"]) == 3
    [held] = versions(platform, lane)
    assert {p: entry.size for p, entry in held.manifest.entries.items()} == {
        path: len(data) for path, data in contents.items()
    }


def test_damaged_content_is_never_a_version(platform, lane, tmp_path):
    """It is refused before anything is made."""
    given = version(tmp_path, {"w": b"right"})
    given.files[0].source.write_bytes(b"wrong")
    platform.server.requests.clear()
    with pytest.raises(Rejected, match="net/w"):
        lane.sink.version(lane.run, given)
    assert not platform.server.requests["CreateArtifact"]


def test_what_goes_as_files_of_the_run(platform, lane, tmp_path):
    """What W&B keeps to itself, another type under a name, and all if the option says so."""
    given = version(tmp_path, {"w": b"w"})
    assert lane.sink.version(lane.run, replace(given, type="wandb-files")) is None
    assert lane.sink.version(lane.run, replace(given, type="job")) is None
    assert platform.sink(artifacts="files").version(lane.run, given) is None
    assert lane.sink.version(lane.run, given)
    assert lane.sink.version(lane.run, replace(given, type="dataset")) is None
    with pytest.raises(BadInput, match="artifacts"):
        platform.sink(artifacts="both")


def test_hard_names(lane, tmp_path):
    """Names, types and aliases that W&B does not take are escaped, and found again."""
    given = version(tmp_path, {"w": b"w"}, name="a:b", aliases=("x/y", "é"))
    given = replace(given, type="k/d")
    for _ in range(2):
        assert lane.sink.version(lane.run, given)[0].done == "a_x3a_b:v0, x_x2f_y, é"
