"""syncd.log is JSON lines for programs, bounded, private, and no trouble to anybody."""

from __future__ import annotations

import json
import logging
import os
import re
from contextlib import ExitStack

import msgspec
import pytest

from syncd.telemetry import What, Where, logs
from syncd.telemetry.standing import Standing
from syncd.telemetry.telemetry import Telemetry
from tests.fault.small_disk import on_small_disk
from tests.unit.syncd.telemetry.watching import lines
from tracker.settings import Settings
from tracker.store import StoreFolder

LANE = Where("lab", "mlflow", "r1", "digits")
LEVELS = [
    (What.RUN_STARTED, {}, "INFO"),
    (What.METRICS_LOGGED, {"ms": 1.5, "counts": {"points": 3}}, "INFO"),
    (What.ARTIFACT_CACHED, {"type": "file"}, "INFO"),
    (What.ARTIFACT_UPLOADED, {"bytes": 3}, "DEBUG"),
    (What.SYNC_DELAYED, {"error": "away"}, "WARN"),
    (What.DEGRADATION_CHANGED, {"before": 0, "now": 2}, "WARN"),
    (What.DEGRADATION_CHANGED, {"before": 2, "now": 1}, "INFO"),
    (What.AUTH_FAILED, {"error": "401"}, "ERROR"),
    (What.UPLOAD_FAILED, {"what": "net", "error": "400"}, "ERROR"),
    (What.TRACKING_UNAVAILABLE, {"error": "away"}, "ERROR"),
    (What.TRACKING_UNAVAILABLE, {"error": "no remote", "fatal": True}, "FATAL"),
]


@pytest.fixture
def store(tmp_path):
    return StoreFolder.open(tmp_path / "store", create=True)


def settings(**other):
    return msgspec.structs.replace(Settings(), **other)


@pytest.mark.parametrize(("what", "facts", "level"), LEVELS)
def test_what_is_told_is_a_line_with_its_level_and_fields(store, what, facts, level):
    with Telemetry(store, settings(log_level="debug")) as telemetry:
        telemetry.tell(what, LANE, **facts)
    [line] = lines(store)
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["timestamp"])
    assert (line["event"], line["level"]) == (what.value, level)
    assert (line["experiment_id"], line["run_id"]) == ("digits", "r1")
    assert (line["platform"], line["remote"]) == ("mlflow", "lab")
    assert line["degradation_level"] == facts.get("now", 0)
    assert {k: v for k, v in facts.items() if k != "fatal"}.items() <= line.items()


def test_every_name_has_its_row_in_the_table():
    """The levels of the package's docstring are those of the log."""
    import syncd.telemetry  # noqa: PLC0415 - as a module, for its text

    rows = dict(
        re.findall(r"^    (\w+) +(INFO|DEBUG|WARN|ERROR) ", syncd.telemetry.__doc__, re.MULTILINE)
    )
    assert rows.keys() == {what.value for what in What}
    for what, level in logs.LEVELS.items():
        assert rows[what.value] == logs._WORDS[level]


@pytest.mark.parametrize(("least", "kept"), [("info", 3), ("warning", 2), ("error", 1)])
def test_the_least_level_is_a_setting(store, least, kept):
    with Telemetry(store, settings(log_level=least)) as telemetry:
        for what in (What.ARTIFACT_UPLOADED, What.RUN_STARTED, What.SYNC_DELAYED, What.AUTH_FAILED):
            telemetry.tell(what, LANE, bytes=1)
    assert len(lines(store)) == kept


def test_warnings_of_the_program_stand_in_the_file_and_on_standard_error(store, capfd):
    """As they did without a log, but for control characters; at no level are they left out."""
    with Telemetry(store, settings(log_level="error")):
        logging.getLogger("syncd").warning("run %s: \x1b[2J", "r1")
    assert capfd.readouterr().err == "run r1: \\x1b[2J\n"
    assert lines(store) == []
    with Telemetry(store, settings()):
        logging.getLogger("syncd").warning("run %s", "r1", exc_info=ValueError("secret"))
    [line] = lines(store)
    assert (line["event"], line["level"]) == ("run r1", "WARN")
    assert "secret" not in json.dumps(line)
    assert capfd.readouterr().err == "run r1\n"


@pytest.mark.parametrize("serving", [True, False])
def test_errors_are_said_to_a_person_where_nothing_else_says_them(store, capfd, serving):
    with Telemetry(store, settings()) as telemetry, ExitStack() as stack:
        if serving:
            stack.enter_context(telemetry.serving(lambda: Standing([])))
        telemetry.tell(What.SYNC_DELAYED, LANE, error="away")
        telemetry.tell(What.UPLOAD_FAILED, LANE, what="net", error="refused")
    said = "syncd: lab: run r1: upload_failed: net: refused\n"
    assert capfd.readouterr().err == (said if serving else "")


def test_the_file_is_rotated_and_bounded(store, monkeypatch):
    monkeypatch.setattr(logs, "MOST_BYTES", 2000)
    with Telemetry(store, settings()) as telemetry:
        for number in range(100):
            telemetry.tell(What.RUN_STARTED, LANE, number=number)
    files = sorted(path.name for path in store.sync.glob("syncd.log*"))
    assert files == ["syncd.log", "syncd.log.1"]
    assert all((store.sync / name).stat().st_size <= 2000 for name in files)
    found = [line["number"] for name in reversed(files) for line in lines(store, name)]
    assert found == list(range(100 - len(found), 100))


def test_a_thread_that_logs_as_the_file_is_closed_does_not_open_it_again(store):
    """It found the file among the logger's handlers before it was taken from there."""
    with Telemetry(store, settings()) as telemetry:
        telemetry.tell(What.RUN_STARTED, LANE)
        (late,) = (h for h in logging.getLogger("syncd").handlers if isinstance(h, logs._File))
    late.handle(logging.makeLogRecord({"msg": "late", "levelno": logging.ERROR}))
    assert late.stream is None
    assert len(lines(store)) == 1


def test_the_file_is_private_and_no_link_is_followed(store, tmp_path):
    """A store may come from somebody else."""
    (tmp_path / "other").write_text("mine")
    (store.sync / "syncd.log").symlink_to(tmp_path / "other")
    with Telemetry(store, settings()) as telemetry:
        telemetry.tell(What.RUN_STARTED, LANE)
        assert (tmp_path / "other").read_text() == "mine"
        (store.sync / "syncd.log").unlink()
        telemetry.tell(What.RUN_STARTED, LANE)
    assert (store.sync / "syncd.log").stat().st_mode & 0o777 == 0o600
    assert len(lines(store)) == 1


def test_no_pipe_is_written_to(store):
    """It would take so many lines, and then hold up delivery."""
    os.mkfifo(store.sync / "syncd.log")
    with Telemetry(store, settings()) as telemetry:
        for _ in range(1000):
            telemetry.tell(What.RUN_STARTED, LANE, padding="x" * 100)
        (store.sync / "syncd.log").unlink()
        telemetry.tell(What.RUN_STARTED, LANE)
    assert len(lines(store)) == 1


def test_a_line_that_was_cut_spoils_no_other(store):
    (store.sync / "syncd.log").write_text('{"event": "cu')
    with Telemetry(store, settings()) as telemetry:
        telemetry.tell(What.RUN_STARTED, LANE)
    cut, whole = (store.sync / "syncd.log").read_text().splitlines()
    assert cut == '{"event": "cu'
    assert json.loads(whole)["event"] == "run_started"


def test_a_full_disk_costs_lines_and_nothing_else(tmp_path):
    """It is written to again once there is room."""
    found = on_small_disk(tmp_path, """
        import json
        from syncd.telemetry import What
        from syncd.telemetry.telemetry import Telemetry
        from tracker.settings import Settings
        from tracker.store import StoreFolder
        store = StoreFolder.open(disk.store, create=True)
        with Telemetry(store, Settings()) as telemetry:
            for number in range(2000):
                telemetry.tell(What.RUN_STARTED, number=number)
            disk.free()
            (store.sync / "syncd.log").open("r+").truncate(40_000)
            telemetry.tell(What.RUN_STARTED, number=-1)
        text = (store.sync / "syncd.log").read_text().splitlines()
        tell(first=json.loads(text[0])["number"], last=json.loads(text[-1])["number"],
             size=sum(map(len, text)))
    """)  # fmt: skip
    assert (found["first"], found["last"]) == (0, -1)
    assert found["size"] < 64 * 1024
    assert found["said"] == ""


def test_a_listener_that_fails_is_no_trouble(store):
    class Broken:
        def tell(self, *_):
            raise RuntimeError("no")

    with Telemetry(store, settings()) as telemetry:
        telemetry._listeners.insert(0, Broken())
        telemetry.tell(What.RUN_STARTED, LANE)
    assert [line["event"] for line in lines(store)][1:] == ["run_started"]
