"""What is logged beside values is kept as given; bad input is said and costs only itself."""

from __future__ import annotations

import os

import pytest

import tracker
from tracker.errors import BadInput, StoreError
from tracker.events import Console, Media, System
from tracker.extras import CONSOLE_CHARS
from tracker.journal import PACKED_BYTES, journals
from tracker.store import StoreFolder


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKER_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def begin(**settings):
    run = tracker.init("p", **settings)
    run.told = []
    run.notice.warn = lambda text, **_: run.told.append(text)
    return run


def events(run, kind):
    folder = run.store.run(run.id)
    found = [event for journal in journals(folder) for event in journal.events()]
    return [event for event in found if isinstance(event, kind)]


def test_measures_console_and_media_stand_in_the_journal_as_given():
    with begin() as run:
        run.log_system({"cpu": 12, "gpu": {"0": {"memory": 0.5}}})
        run.log_console("one\ntwo\n")
        run.log_console("oh\n", "stderr")
        run.log_media("hist", "histogram", about={"bins": [1, 2]}, step=7)
        run.log_media("img", "image", [("a.png", b"png")], {"caption": "a"})
    assert [e.values for e in events(run, System)] == [{"cpu": 12.0, "gpu/0/memory": 0.5}]
    assert [(e.stream, e.text) for e in events(run, Console)] == [
        ("stdout", "one\ntwo\n"), ("stderr", "oh\n"),
    ]  # fmt: skip
    first, second = events(run, Media)
    assert (first.step, first.key, first.form, first.about, first.files) == (
        7, "hist", "histogram", {"bins": [1, 2]}, [],
    )  # fmt: skip
    assert (second.step, second.files[0].name, second.files[0].size) == (8, "a.png", 3)
    assert run.told == []


def test_long_console_text_is_recorded_in_parts():
    text = "0123456789é" * 60_000
    with begin() as run:
        run.log_console(text)
    parts = [event.text for event in events(run, Console)]
    assert "".join(parts) == text
    assert max(map(len, parts)) == CONSOLE_CHARS


def bad_calls(folder):
    os.mkfifo(folder / "pipe")
    return [
        (lambda run: run.log_system({"cpu": 1, "host": "here"}), "'host' is str, no number"),
        (lambda run: run.log_system([1]), "log_system takes a dict"),
        (lambda run: run.log_console("text", "stdin"), "stdin' is recorded as stdout"),
        (lambda run: run.log_media("k", "image", step="x"), "step 'x' is no whole number"),
        (lambda run: run.log_media("k", "image", [("a/b.png", b"")]), "it holds a '/'"),
        (lambda run: run.log_media("k", "image", [("..", b"")]), "the part '.' or '..'"),
        (lambda run: run.log_media("k", "image", [("a", folder / "none")]), "cannot be read"),
        (lambda run: run.log_media("k", "image", [("a", folder / "pipe")]), "it is a pipe"),
        (lambda run: run.log_media("k", "image", [("a", folder)]), "it is a folder"),
        (lambda run: run.log_media("k", "image", [("a", 5)]), "media was not kept"),
        (lambda run: run.log_media("k", "image", 5), "media was not kept"),
        (lambda run: run.log_media("k", "image", about=5), "about is a dict, not int"),
        (lambda run: run.log_media("k", "t", about={"x": "y" * 5_000_000}), "in several calls"),
    ]


def test_bad_input_is_said_and_never_raised(tmp_path):
    with begin() as run:
        for call, said in bad_calls(tmp_path):
            call(run)
            assert said in run.told.pop(), said
            assert not run.told
    assert [event.values for event in events(run, System)] == [{"cpu": 1.0}]


def test_strict_raises_what_else_is_said(tmp_path):
    with begin(strict=True) as run:
        for call, _ in bad_calls(tmp_path):
            with pytest.raises(BadInput):
                call(run)


def test_one_bad_file_of_a_call_leaves_the_others(tmp_path):
    with begin() as run:
        run.log_media("k", "image", [("a", b"a"), ("b", tmp_path / "none"), ("c", b"c")])
    (event,) = events(run, Media)
    assert [file.name for file in event.files] == ["a", "c"]
    assert run._recording.dropped == {"media files": 1}


def test_a_nearly_full_disk_drops_these_first_and_counts_them_by_kind(monkeypatch):
    """Level 3: values are kept; once there is room again all is."""
    free = [0]
    monkeypatch.setattr(StoreFolder, "free_bytes", lambda _: free[0])
    monkeypatch.setattr("tracker.recording._LOOK_INTERVAL_S", 0.0)
    monkeypatch.setenv("TRACKER_STORAGE_LOW_BYTES", "1000")
    run = begin()

    def log_all():
        run.log({"loss": 1.0})
        run.log_system({"cpu": 1})
        run.log_console("text")
        run.log_media("k", "image", [("a", b"a"), ("b", b"b" * (PACKED_BYTES + 1))])

    monkeypatch.setattr("tracker.extras.free_bytes", lambda _: 10**9)
    log_all()
    assert run._recording.dropped == {"system": 1, "console": 1, "media": 1}
    assert any("nearly full" in text for text in run.told)
    free[0] = 10**9
    log_all()
    run.finish()
    kinds = [len(events(run, kind)) for kind in (System, Console, Media)]
    assert (kinds, run._recording.kept) == ([1, 1, 1], 7)


def test_on_a_nearly_full_disk_strict_raises(monkeypatch):
    monkeypatch.setattr(StoreFolder, "free_bytes", lambda _: 0)
    monkeypatch.setenv("TRACKER_STORAGE_LOW_BYTES", "1000")
    with begin(strict=True) as run, pytest.raises(StoreError, match="full"):
        run.log_system({"cpu": 1})


def test_a_finished_run_and_a_disabled_one_keep_nothing():
    run = begin()
    run.finish()
    run.log_system({"cpu": 1})
    assert "is finished" in run.told[-1]
    assert events(run, System) == []
    with begin(mode="disabled") as none:
        none.log_system({"cpu": 1})
        none.log_console("text")
        none.log_media("k", "image", [("a", b"a")])
