"""syncd.db: one acknowledgement is one transaction; damage, copies and newer versions are told."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from syncd.cursors import Cursor, LaneRecord
from syncd.database import FORMAT
from syncd.ledger import Ledger
from syncd.receipts import MAX_NOTES, Pending
from syncd.sinks import File, Note, Refused, RemoteRun
from tracker.errors import StoreError
from tracker.journal import Position
from tracker.settings import RemoteSettings

RANGES = [("w" * 16, 1, 5), ("v" * 16, 1, 2)]


def file(path):
    return File(path, Path("source"), 1, "digest")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sync" / "syncd.db"


@pytest.fixture
def ledger(path):
    opened = Ledger(path)
    yield opened
    opened.close()


def lane():
    record = LaneRecord("lab", "run", RemoteRun("r1", "http://r1", {"files": "1/r1"}), 12.5)
    record.cursors["w" * 16] = Cursor(5, 2, Position(3, 400, 4))
    record.state = {"params": {"lr": "abc"}}
    return record


def test_a_lane_comes_back_as_it_was_saved(ledger, path):
    record = lane()
    ledger.freeze(record, RANGES)
    ledger.close()
    again = Ledger(path)
    assert again.lane("lab", "run") == record
    assert again.lane("lab", "run").frozen == RANGES
    again.close()


@pytest.mark.parametrize(
    "table", ["lanes", "cursors", "batches", "artifacts", "parked", "receipts"]
)
def test_an_acknowledgement_is_all_or_nothing(ledger, path, table):
    """Whichever of its rows cannot be written, the batch stays frozen and no cursor moves."""
    record = lane()
    record.cursors["w" * 16].seq = 0
    ledger.freeze(record, RANGES)
    with closing(sqlite3.connect(path)) as db:
        moment = "DELETE" if table == "batches" else "INSERT"
        db.execute(
            f"CREATE TRIGGER full BEFORE {moment} ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
        db.commit()
    before = ledger.lane("lab", "run")
    record.cursors["w" * 16].seq = 5
    artifact = Pending("w" * 16, 4, "model", "d" * 64, 10)
    refused = Refused("w" * 16, 3, "point", "no")
    with pytest.raises(sqlite3.DatabaseError, match="disk full"):
        ledger.acknowledge(record, {"points": 5}, [Note("cut", "k", "x")], [artifact], [refused])
    assert ledger.lane("lab", "run") == before
    assert ledger.artifacts(before) == []
    assert ledger.parked() == []
    assert ledger.receipt("lab", "run")["counts"] == {}


def test_an_acknowledgement_keeps_everything(ledger):
    record = lane()
    ledger.freeze(record, RANGES)
    artifact = Pending("w" * 16, 4, "model", "d" * 64, 10)
    note = Note("cut", "k", "x")
    ledger.acknowledge(
        record, {"points": 5}, [note, note], [artifact], [Refused("w" * 16, 3, "p", "no")]
    )
    ledger.acknowledge(record, {"points": 2}, [note], [], [])
    assert ledger.lane("lab", "run").frozen is None
    assert ledger.artifacts(record) == [artifact]
    assert ledger.file_bytes() == {("lab", "run"): 10}
    assert [row["reason"] for row in ledger.parked("lab", "run")] == ["no"]
    receipt = ledger.receipt("lab", "run")
    assert (receipt["counts"], receipt["notes"]) == ({"points": 7}, [["cut", "k", "x"]])
    assert ledger.delivered["lab"] == {"points": 7}


def test_notes_have_a_limit_and_the_rest_is_counted(ledger):
    notes = [Note("mapped", f"k{n}", "x") for n in range(MAX_NOTES + 7)]
    ledger.acknowledge(lane(), {}, notes, [], [])
    receipt = ledger.receipt("lab", "run")
    assert len(receipt["notes"]) == MAX_NOTES
    assert receipt["counts"] == {"more notes": 7}


def test_the_files_cursor_stays_before_a_parked_artifact(ledger):
    """Who learns the cursor from the remote puts that artifact too."""
    record = lane()
    record.cursors["w" * 16] = Cursor(9, 0)
    first, second = (Pending("w" * 16, seq, "model", "d" * 64, 1) for seq in (3, 6))
    ledger.acknowledge(record, {}, [], [first, second], [])
    ledger.done(record, first, [Refused("w" * 16, 3, first.what, "gone")])
    ledger.done(record, second)
    assert ledger.lane("lab", "run").cursors["w" * 16].files == 2
    ledger.replace_parked(record, "w" * 16, 3, [], [first])
    ledger.done(record, first)
    assert ledger.lane("lab", "run").cursors["w" * 16].files == 9


def test_the_files_cursor_stays_before_an_artifact_that_others_went_before(ledger):
    """Media is put first; who learns the cursor from the remote puts what was not there yet."""
    record = lane()
    record.cursors["w" * 16] = Cursor(9, 0)
    model = Pending("w" * 16, 3, "net", "d" * 64, 1, 1)
    image = Pending("w" * 16, 6, "picture", "d" * 64, 1, 0)
    ledger.acknowledge(record, {}, [], [model, image], [])
    assert ledger.artifacts(record) == [image, model]
    ledger.done(record, image)
    assert ledger.lane("lab", "run").cursors["w" * 16].files == 2
    ledger.done(record, model)
    assert ledger.lane("lab", "run").cursors["w" * 16].files == 9


def test_a_lane_learned_anew_forgets_what_the_old_remote_run_held(ledger):
    """But for what was parked of events that the remote says it has passed."""
    record = lane()
    record.cursors["v" * 16] = Cursor(2)
    ledger.freeze(record, RANGES)
    refused = [Refused("w" * 16, seq, "point", "no") for seq in (2, 4)]
    ledger.acknowledge(record, {"points": 5}, [], [Pending("w" * 16, 4, "m", "d", 1)], refused)
    ledger.put(record, [file("m/a")])
    record.cursors = {"w" * 16: Cursor(3)}
    ledger.relearn(record, [])
    again = ledger.lane("lab", "run")
    assert again.cursors == {"w" * 16: Cursor(3)}
    assert ledger.files("lab", "run") == {}
    assert ledger.artifacts(again) == []
    assert [row["seq"] for row in ledger.parked()] == [2]


def test_a_remote_that_moved_is_asked_anew(ledger):
    ledger.meet({"lab": RemoteSettings("mlflow", "http://a")})
    ledger.save(lane())
    ledger.meet({"lab": RemoteSettings("mlflow", "http://a")})
    assert ledger.known("lab") == {"run"}
    ledger.meet({"lab": RemoteSettings("mlflow", "http://b")})
    assert ledger.known("lab") == set()
    assert ledger.lane("lab", "run").cursors == {}


A, B, C = (RemoteSettings("mlflow", f"http://{name}") for name in "abc")


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ({"x": A}, {"y": A}, {"y": "x"}),
        ({"x": A, "y": B}, {"x": B, "y": A}, {"x": "y", "y": "x"}),
        ({"x": A, "y": B}, {"y": A, "z": B}, {"y": "x", "z": "y"}),
        ({"x": A, "y": B}, {"x": C, "y": B, "z": A}, {"y": "y", "z": "x"}),
        ({"x": A}, {"x": A, "y": A}, {"x": "x"}),
        ({"x": A, "y": A}, {"y": A}, {"y": "y"}),
        ({"x": A}, {"y": B}, {}),
    ],
    ids=["renamed", "swapped", "moved on", "its name taken by another", "twice", "once", "another"],
)
def test_a_remote_is_known_again_by_where_it_is(ledger, path, before, after, kept):
    """Under its new name it has its cursors, batch, receipts and parked, and nobody else's."""
    ledger.meet(before)
    for name in before:
        record = LaneRecord(name, "run", RemoteRun(name, "url"))
        ledger.freeze(record, RANGES)
        ledger.put(record, [file(f"file of {name}")])
        parked = [Refused("w" * 16, 1, f"of {name}", "no")]
        ledger.replace_parked(record, "w" * 16, 1, parked)
    looked = Ledger(path, look=True)
    told = looked.known_as(after)
    looked.close()
    ledger.meet(after)
    ledger.meet(after)
    for name in after:
        was = kept.get(name)
        assert told.get(name, name if name == was else None) == was
        record = ledger.lane(name, "run")
        assert record.remote_run == (RemoteRun(was, "url") if was else None)
        assert record.frozen == (RANGES if was else None)
        assert ledger.files(name, "run") == ({f"file of {was}": "digest"} if was else {})
        assert [row["what"] for row in ledger.parked(name)] == ([f"of {was}"] if was else [])


def test_a_file_of_the_first_format_is_gone_on_with(ledger, path):
    ledger.save(lane())
    ledger.put(lane(), [file("path")])
    ledger.close()
    with closing(sqlite3.connect(path)) as db:
        for name in ("policies", "taken", "oldest"):
            db.execute(f"ALTER TABLE lanes DROP COLUMN {name}")
        db.execute("ALTER TABLE receipts DROP COLUMN first")
        db.execute("ALTER TABLE artifacts DROP COLUMN rank")
        db.execute("PRAGMA user_version=1")
    for look in (True, False):
        opened = Ledger(path, look=look)
        assert opened.lane("lab", "run") == lane()
        assert opened.receipt("lab", "run")["first"] is None
        opened.close()
    opened = Ledger(path)
    opened.take("lab", "run", "[]")
    assert opened.taken("lab") == {"run": "[]"}
    opened.put(lane(), [file("another")])
    assert opened.receipt("lab", "run")["counts"]["files"] == 2
    opened.close()


def test_a_receipt_keeps_its_first_and_its_last_time(ledger):
    for path in ("a", "b"):
        ledger.put(lane(), [file(path)])
    receipt = ledger.receipt("lab", "run")
    [first, last] = ledger.file_receipts("lab", "run")
    assert (receipt["first"], receipt["at"]) == (first["at"], last["at"])
    assert first["at"] < last["at"]


def test_a_copy_looks_its_runs_up_anew_and_the_original_does_not(ledger, path, tmp_path):
    ledger.save(lane())
    ledger.close()
    copy = tmp_path / "copy" / "syncd.db"
    copy.parent.mkdir()
    shutil.copy2(path, copy)
    for place, known in ((copy, False), (copy, False), (path, True)):
        opened = Ledger(place)
        record = opened.lane("lab", "run")
        assert (record.remote_run is not None) == known
        assert record.cursors["w" * 16].seq == 5
        opened.close()


def test_who_had_no_turn_for_a_while_looks_its_runs_up_anew(path):
    """On a disk of its own, while another host delivered; not where its turns follow each other."""
    for turn, known in ((4, True), (5, True), (7, False), (8, False)):
        owner = SimpleNamespace(turn=turn, forced=False, confirm=lambda: None)
        opened = Ledger(path, owner=owner)
        if turn == 4:
            opened.save(lane())
        assert (opened.lane("lab", "run").remote_run is not None) == known, turn
        opened.close()


def test_what_is_kept_after_the_store_was_lost_is_not_kept(path):
    """Asked when all is written, before it counts: this process may have slept in between."""
    lost = []

    def confirm():
        if lost:
            raise StoreError("lost")

    opened = Ledger(path, owner=SimpleNamespace(turn=1, forced=False, confirm=confirm))
    opened.save(lane())
    lost.append(True)
    later = lane()
    later.cursors["w" * 16].seq = 9
    with pytest.raises(StoreError, match="lost"):
        opened.save(later)
    assert opened.lane("lab", "run").cursors["w" * 16].seq == 5
    opened.close()


@pytest.mark.parametrize("look", [False, True])
def test_a_newer_version_is_refused_and_left_as_it_is(ledger, path, look):
    ledger.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={FORMAT + 1}")
    content = path.read_bytes()
    with pytest.raises(StoreError, match=rf"has format {FORMAT + 1}.*Nothing was changed"):
        Ledger(path, look=look)
    assert path.read_bytes() == content


def test_what_it_cannot_write_is_its_trouble_until_it_can(ledger):
    """By a file that may not grow, as on a full disk."""
    ledger.save(lane())
    assert ledger.trouble is None
    pages = ledger._db.rows("PRAGMA page_count")[0][0]
    ledger._db.rows(f"PRAGMA max_page_count={pages}")
    large = lane()
    large.error = "x" * 100_000
    with pytest.raises(sqlite3.OperationalError):
        ledger.save(large)
    assert "full" in ledger.trouble
    ledger._db.rows(f"PRAGMA max_page_count={pages + 1000}")
    ledger.save(large)
    assert ledger.trouble is None


@pytest.mark.parametrize("where", ["head", "page"])
def test_a_damaged_file_is_set_aside_and_begun_anew(ledger, path, where):
    """The new one holds what it is given, and nothing of the old."""
    for number in range(300):
        ledger.save(LaneRecord("lab", f"run{number}", state={"x": "y" * 500}))
    ledger.close()
    content = bytearray(path.read_bytes())
    at = 0 if where == "head" else 4096 * 8
    content[at : at + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    path.with_name("syncd.db-wal").write_bytes(b"an old log" * 5000)
    opened = Ledger(path)
    assert opened.known("lab") == set()
    assert opened.set_aside.read_bytes() == content
    opened.save(lane())
    opened.close()
    again = Ledger(path)
    assert (again.set_aside, again.known("lab")) == (None, {"run"})
    again.close()


def test_looking_makes_and_changes_nothing(path, tmp_path):
    looked = Ledger(path, look=True)
    assert looked.known("lab") == set()
    looked.close()
    assert list(tmp_path.iterdir()) == []


def test_looking_sees_what_the_owner_writes_meanwhile(ledger, path):
    ledger.save(lane())
    looked = Ledger(path, look=True)
    assert looked.known("lab") == {"run"}
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        looked.save(lane())
    looked.close()


@pytest.mark.parametrize("where", ["head", "page"])
def test_looking_at_a_damaged_file_says_so_with_the_next_step_and_leaves_it(ledger, path, where):
    for number in range(300):
        ledger.save(LaneRecord("lab", f"run{number}", state={"x": "y" * 500}))
    ledger.close()
    content = bytearray(path.read_bytes())
    at = slice(0, 4096) if where == "head" else slice(4096, len(content))
    content[at] = b"\xa5" * len(content[at])
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"is damaged.*syncd once.*nothing is doubled"):
        Ledger(path, look=True).known("lab")
    assert path.read_bytes() == content
