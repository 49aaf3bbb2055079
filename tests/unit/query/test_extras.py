"""Media, console lines and measures are read as they were logged."""

from __future__ import annotations

import io
import json

import pytest

import tracker
from tracker.errors import RunError
from tracker.query import Store


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKER_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    made = tracker.init("p", name="one")
    yield made
    made.finish()


def view(run):
    run.flush()
    return Store(run.store.root).run(run.id)


def test_media_by_key_with_their_files_and_what_is_said_of_them(run):
    long = {"bins": list(range(2000))}
    run.log_media("a", "image", [("x.png", b"x"), ("y.png", b"y")], {"caption": "c"}, step=1)
    run.log_media("hist", "histogram", about=long, step=2)
    found = view(run)
    first, second = found.media()
    assert (first.key, first.step, [f.name for f in first.files]) == ("a", 1, ["x.png", "y.png"])
    assert first.about == {"caption": "c"}
    assert (second.files, second.about) == ([], long), "one too long for the index is read back"
    assert [item.key for item in found.media("hist")] == ["hist"]
    with found.open_media(first, 1) as file:
        assert file.read() == b"y"
    assert [(k.key, k.times, k.files, k.bytes) for k in found.media_kept()] == [
        ("a", 1, 2, 2), ("hist", 1, 0, 0),
    ]  # fmt: skip


def test_console_lines_are_whole_however_they_were_written(run):
    for text, stream in (("a", "stdout"), ("x\n", "stderr"), ("b\nc\n", "stdout"), ("d", "stdout")):
        run.log_console(text, stream)
    found = view(run)
    assert [(line.stream, line.text) for line in found.console()] == [
        ("stderr", "x"), ("stdout", "ab"), ("stdout", "c"), ("stdout", "d"),
    ]  # fmt: skip
    assert found.console_lines() == {"stderr": 1, "stdout": 2}


def test_measures_are_series_of_their_own(run):
    run.log({"cpu": 1.0}, step=0)
    for value in (10, 30, 20):
        run.log_system({"cpu": value})
    run.rewind(0)
    run.log({"cpu": 2.0}, step=0)
    found = view(run)
    assert list(found.metrics) == ["cpu"]
    assert found.history("cpu").values.tolist() == [2.0]
    assert found.system("cpu").values.tolist() == [10.0, 30.0, 20.0]
    assert (found.measures["cpu"].max, found.measures["cpu"].last) == (30.0, 20.0)
    with pytest.raises(RunError, match="no measure 'gpu'"):
        found.system("gpu")
    assert [row.values for row in found.rows("system")] == [{"cpu": v} for v in (10.0, 30.0, 20.0)]


def test_the_first_rows_of_a_table_are_its_preview(run):
    table = {"columns": ["n"], "data": [[n] for n in range(1000)]}
    run.log_media("t", "table", [("t.table.json", json.dumps(table).encode())])
    run.log_media("t", "table", [("t.table.json", b"[")])
    first, second = view(run).media()
    assert json.loads(first.previews[0]) == {"columns": ["n"], "data": [[n] for n in range(5)]}
    assert second.previews == [None]


def test_an_image_has_a_thumbnail_where_pillow_is_there(run):
    image_of = pytest.importorskip("PIL.Image")

    def png(size):
        file = io.BytesIO()
        image_of.effect_noise(size, 90).save(file, "PNG")
        return file.getvalue()

    large, small = png((500, 300)), png((20, 20))
    files = [("l.png", large), ("s.png", small), ("bad.png", large[:200])]
    run.log_media("i", "image", files)
    (item,) = view(run).media()
    with image_of.open(io.BytesIO(item.previews[0])) as made:
        assert max(made.size) <= 64
    assert len(item.previews[0]) <= 4096
    assert item.previews[1:] == [small, None]
