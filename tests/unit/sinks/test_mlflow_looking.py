"""What a check sees of an MLflow server, by how it answers; the real one is asked elsewhere."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import httpx
import pytest

from syncd.sinks import Head, Remote, SinkError, Unauthorized
from syncd.sinks.mlflow import MlflowSink
from syncd.sinks.mlflow.looking import NEWEST, OLDEST, of_version

NAMELESS = (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Missing value"})
WELL = {
    "experiments/search": (200, {"experiments": [
        {"experiment_id": "7", "name": "new", "artifact_location": "mlflow-artifacts:/7"},
    ]}),
    "version": (200, "3.17.2"),
    "experiments/create": NAMELESS,
    "mlflow-artifacts/artifacts": (200, {}),
}  # fmt: skip


def sink_of(**answers):
    """A sink whose server answers as it should, but for what is named by the path's last word."""
    asked = []

    def answer(request):
        asked.append((request.method, request.url.path))
        (found,) = [WELL[path] for path in WELL if request.url.path.endswith(path)]
        status, body = answers.get(request.url.path.rpartition("/")[2], found)
        return httpx.Response(status, text=body if isinstance(body, str) else json.dumps(body))

    remote = Remote("lab", "mlflow", "http://remote.test")
    return MlflowSink(remote, transport=httpx.MockTransport(answer)), asked


def seen(**answers):
    sink, _ = sink_of(**answers)
    return {one.what: one for one in sink.check().seen}


def test_where_all_is_well_each_thing_is_said_and_four_requests_are_enough():
    sink, asked = sink_of()
    found = sink.check()
    assert [one.what for one in found.seen] == ["version", "permission", "files", "names"]
    assert {one.level for one in found.seen} == {"ok"}
    assert found.version == "3.17.2"
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("version", "word"),
    [
        ("2.22.1", "older"), ("3.0.0rc1", "older"), ("3.1.0", None), ("3.9.0", None),
        ("3.17.2", None), ("3.18.0", "newer"), ("4.0", "newer"), ("unknown", None),
    ],
)  # fmt: skip
def test_a_version_outside_those_known_to_work_is_a_note_with_what_to_upgrade(version, word):
    found = of_version(version)
    assert version in found.said
    assert (found.level == "note") == bool(word)
    if word:
        assert word in found.said
        assert "upgrade" in found.next


def test_the_versions_known_to_work_are_those_of_the_extra():
    text = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    first, behind = re.search(r'mlflow = \["mlflow>=([\d.]+),<([\d.]+)"\]', text).groups()
    assert first == "{}.{}".format(*OLDEST)
    assert behind == f"{NEWEST[0]}.{NEWEST[1] + 1}"


@pytest.mark.parametrize(
    ("path", "answer", "what", "level", "words"),
    [
        ("create", (403, "Permission denied"), "permission", "todo", "create experiments, so"),
        ("create", (404, {"error_code": "X"}), "permission", "ok", "at the first delivery"),
        ("create", (404, "?"), "permission", "note", "not how an MLflow server answers"),
        ("create", (500, "?"), "permission", "note", "answered 500"),
        ("artifacts", (503, "with `--no-serve-artifacts`. To"), "files", "todo", "no files"),
        ("artifacts", (500, "NoCredentialsError"), "files", "todo", "NoCredentialsError"),
        ("artifacts", (403, "no"), "files", "ok", "at the first delivery"),
        ("search", (200, {"experiments": [
            {"experiment_id": "7", "name": "new", "artifact_location": "s3://bucket/7"},
        ]}), "files", "note", "'new' keeps files at s3://bucket/7"),
        ("search", (200, {}), "files", "ok", "through the server"),
    ],
)  # fmt: skip
def test_what_would_be_refused_is_said_with_what_follows_and_what_to_do(
    path, answer, what, level, words
):
    found = seen(**{path: answer})[what]
    assert found.level == level
    assert words in found.said
    assert bool(found.next) == (level != "ok")


@pytest.mark.parametrize(("status", "error"), [(401, Unauthorized), (500, SinkError)])
def test_a_remote_that_does_not_answer_or_take_us_is_no_thing_seen(status, error):
    with pytest.raises(error):
        seen(search=(status, "no"))


@pytest.mark.parametrize("version", [(200, "2.9.2"), (500, "no"), (200, "3.17.2")])
def test_another_version_is_said_once_in_the_log_and_delivery_goes_on(version, caplog):
    sink, _ = sink_of(version=version)
    head = Head("0" * 32, "p", "r", 1)
    sink._opening.open = lambda _: "opened"  # what it does is its own tests' matter
    with caplog.at_level(logging.WARNING, "syncd"):
        assert [sink.open(head), sink.open(head)] == ["opened", "opened"]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == (version[1] == "2.9.2")
    assert all("http://remote.test" in text and "older" in text for text in said)
