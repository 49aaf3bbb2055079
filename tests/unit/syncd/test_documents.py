"""A run as a whole comes out the same, byte for byte, from any copy of the store."""

from __future__ import annotations

import json
import math
import shutil

import pytest

from syncd import documents
from syncd.policy import Policy
from tests.unit.syncd.platform import CONFIG, LOG, Place, finish
from tracker.events import MEDIA, OF_ARTIFACT


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.ledger.close()


def written(folder, run_id):
    with documents.written(folder, run_id, str.upper, Policy()) as files:
        return {file.path: (file.source.read_bytes(), file.size, file.digest) for file in files}


def test_the_same_from_any_copy(place, tmp_path):
    for step in range(3):
        writer = place.writer()
        writer.append(LOG, step, {"loss": 0.5, "note": "gr\u00fc\u00df dich\n" * 1000})
        writer.append(CONFIG, {"lr": math.inf, "seeds": [1, math.nan], "n": step})
        finish(writer, "failed" if step == 1 else "finished")
    first = written(place.folder, place.run_id)
    copy = tmp_path / "elsewhere" / place.folder.name
    copy.parent.mkdir()
    shutil.copytree(place.folder, copy)
    assert written(copy, place.run_id) == first == written(place.folder, place.run_id)
    told = json.loads(first["tracker/run.json"][0])
    assert told["config"] == {"lr": "Infinity", "seeds": [1, "NaN"], "n": 2}
    assert told["keys"] == {"loss": "LOSS", "note": "NOTE"}
    assert (told["status"], len(told["writers"]), told["gaps"]) == ("finished", 3, [])
    lines = first["tracker/texts.jsonl"][0].decode().splitlines()
    assert [json.loads(line)[3:] for line in lines] == [
        [step, "note", "gr\u00fc\u00df dich\n" * 1000] for step in range(3)
    ]


def test_what_is_said_of_artifacts_stands_in_the_run_s_document_and_is_no_media(place):
    writer = place.writer()
    writer.append(MEDIA, 3, "model", OF_ARTIFACT, [], {"aliases": ["best"]})
    finish(writer)
    documents = written(place.folder, place.run_id)
    assert list(documents) == ["tracker/run.json"]
    (note,) = json.loads(documents["tracker/run.json"][0])["artifact_notes"]
    assert (note["name"], note["aliases"]) == ("model", ["best"])


def test_no_texts_no_file_and_nothing_left_behind(place, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    finish(place.writer())
    assert list(written(place.folder, place.run_id)) == ["tracker/run.json"]
    assert list((tmp_path / "temporary").iterdir()) == []


def test_damage_is_told(place):
    writer = place.writer()
    for step in range(9):
        writer.append(LOG, step, {"loss": 0.5})
    finish(writer)
    [segment] = place.folder.glob("*.seg")
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    segment.write_bytes(content)
    told = json.loads(written(place.folder, place.run_id)["tracker/run.json"][0])
    assert len(told["gaps"]) == 1
    assert "corruption" in told["gaps"][0]
