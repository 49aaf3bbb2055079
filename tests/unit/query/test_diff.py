"""Everything that differs between two runs, and nothing that does not."""

from __future__ import annotations

import json

import pytest

from tests.unit.query.trained import trained
from tracker.artifacts import Blobs, Entry, Manifest
from tracker.errors import BadInput


def version(folder, **files):
    """Keep a version of some files; returns the digest of its manifest."""
    blobs = Blobs(folder.blobs)
    kept = {name.replace("__", "."): blobs.put_bytes(text.encode()) for name, text in files.items()}
    entries = [Entry(path, blob.size, blob.digest) for path, blob in kept.items()]
    return Manifest.of(entries).put(blobs).digest


def told(found):
    return {(pair.kind, pair.key): (pair.a, pair.b) for pair in found.pairs}


def test_config_tags_and_metrics(folder, store):
    a = trained(folder, "a", [0.1], config={"lr": 1, "same": 2}, tags={"x": "", "team": "red"})
    trained(folder, "b", [0.3], config={"lr": 2, "same": 2.0}, tags={"team": "blue"})
    found = store.diff(a, "b")
    assert told(found) == {
        ("run", "name"): ("a", "b"), ("config", "lr"): (1, 2), ("tags", "x"): ("", None),
        ("tags", "team"): ("red", "blue"), ("metrics", "loss"): (0.1, 0.3),
    }  # fmt: skip
    assert found.same >= 4
    document = found.to_dict()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["a"] == {"id": a, "name": "a"}


def test_versions_of_data_are_compared_file_by_file(folder, store):
    first = version(folder, train="one", test="same")
    second = version(folder, train="two", test="same", more="new")
    a = trained(folder, "a", [0.1], used={"set": first})
    b = trained(folder, "b", [0.1], logged={"set": ("dataset", second)})
    found = told(store.diff(a, b))
    assert found["data", "set"] == (first, second)
    assert found["data", "set/more"][0] is None
    assert ("data", "set/train") in found
    assert ("data", "set/test") not in found


def test_versions_whose_files_are_gone_differ_by_their_digests(folder, store):
    a, b = (trained(folder, name, [0.1], used={"set": name * 64}) for name in "ab")
    assert told(store.diff(a, b)) == {
        ("run", "name"): ("a", "b"), ("data", "set"): ("a" * 64, "b" * 64)
    }  # fmt: skip


def test_recorded_packages_are_compared_by_version(folder, store):
    lists = "torch==2.1\nNumPy==1.26\n# no\n", "torch==2.2\nnumpy==1.26\nnew @ file:///x\n"
    a, b = (
        trained(
            folder, name, [0.1],
            logged={"requirements.txt": ("run-file", version(folder, requirements__txt=text))},
        )
        for name, text in zip("ab", lists, strict=True)
    )  # fmt: skip
    found = told(store.diff(a, b))
    assert found["packages", "torch"] == ("2.1", "2.2")
    assert found["packages", "new"] == (None, "file:///x")
    assert ("packages", "numpy") not in found


def test_a_run_does_not_differ_from_itself(folder, store):
    a = trained(folder, "a", [0.1])
    with pytest.raises(BadInput, match="both are the same run"):
        store.diff(a, "a")
