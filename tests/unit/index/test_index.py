"""What the index says of runs: states, settings, tags, artifacts; and how it keeps its file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from tests.unit.index.stories import (
    ARTIFACT,
    CONFIG,
    FINISH,
    LOG,
    SUMMARY,
    TAGS,
    begin,
    dump,
)
from tracker.errors import StoreError
from tracker.index import Index, catchup, database, folders
from tracker.store import StoreFolder

RUN = "a" * 32


@pytest.fixture
def folder(tmp_path):
    return StoreFolder.open(tmp_path / "store", create=True)


@pytest.fixture
def index(folder):
    opened = Index(folder)
    yield opened
    opened.close()


def one(index, sql, *values):
    index.catch_up()
    rows = index.query(sql, values)
    assert len(rows) == 1
    return rows[0]


def test_an_empty_store_has_an_empty_index(index):
    index.catch_up()
    assert all(not rows for rows in dump(index).values())


def test_a_run_is_running_then_what_its_finish_says(folder, index):
    writer = begin(folder, RUN)
    assert one(index, "SELECT status, ended_at FROM runs") == ("running", None)
    writer.append(FINISH, "failed", 2, "ValueError: x", {"log": 3})
    assert one(index, "SELECT status, exit_code, error, dropped FROM runs") == (
        "failed", 2, "ValueError: x", '{"log": 3}',
    )  # fmt: skip
    writer.close()
    assert one(index, "SELECT state FROM journals") == ("ended",)


def test_a_forked_childs_end_is_not_the_runs(folder, index):
    parent = begin(folder, RUN)
    child = begin(folder, RUN, parent=parent.id)
    child.append(FINISH, "failed", 1, None, {})
    child.close()
    assert one(index, "SELECT status FROM runs") == ("running",)
    parent.append(FINISH, "finished", 0, None, {})
    parent.close()
    assert one(index, "SELECT status FROM runs") == ("finished",)


def test_a_resumed_run_has_the_state_of_its_newest_writer(folder, index):
    begin(folder, RUN, name="first").abandon()
    assert one(index, "SELECT status FROM runs") == ("crashed",)
    writer = begin(folder, RUN, name="second")
    assert one(index, "SELECT status, name FROM runs") == ("running", "second")
    writer.append(FINISH, "finished", 0, None, {})
    writer.close()
    assert one(index, "SELECT status FROM runs") == ("finished",)


def test_the_later_setting_wins_and_a_removed_tag_stays_removed(folder, index):
    first = begin(folder, RUN)
    first.append(TAGS, {"a": "1", "b": "2"}, [])
    second = begin(folder, RUN)
    second.append(CONFIG, {"lr": 2})
    second.append(TAGS, {}, ["a"])
    index.catch_up()
    first.append(CONFIG, {"lr": 1, "n": None})  # of the earlier journal, though read later
    first.append(TAGS, {"a": "3"}, [])
    first.append(SUMMARY, {"best": float("nan"), "flag": True})
    index.catch_up()
    assert index.query("SELECT key, value, number FROM config ORDER BY key") == [
        ("lr", "2", 2.0),
        ("n", "null", None),
    ]
    assert sorted(index.query("SELECT key, value, number FROM summary")) == [
        ("best", "NaN", None),
        ("flag", "true", 1.0),
    ]
    assert sorted(index.query("SELECT tag, value FROM tags")) == [("b", "2"), ("new", "")]
    first.close()
    second.close()


def test_versions_of_an_artifact_follow_its_distinct_contents(folder, index):
    writer = begin(folder, RUN)
    for name, digest in (("m", "1"), ("m", "2"), ("d", "9"), ("m", "1"), ("m", "3")):
        writer.append(ARTIFACT, name, "model", digest * 64, 1, 5)
        index.catch_up()
    found = index.query("SELECT name, version, substr(manifest, 1, 1) FROM artifacts ORDER BY 1, 2")
    assert found == [("d", "v0", "9"), ("m", "v0", "1"), ("m", "v1", "2"), ("m", "v2", "3")]
    writer.close()


def test_a_users_own_id_is_told_by_the_journal(folder, index):
    begin(folder, "my-run").close()
    assert one(index, "SELECT id FROM runs") == ("my-run",)


def test_a_run_whose_folder_is_deleted_is_gone(folder, index):
    writer = begin(folder, RUN)
    writer.append(LOG, 0, {"loss": 1.0, "said": "so"})
    writer.close()
    begin(folder, "b" * 32).close()
    index.catch_up()
    for file in folder.run(RUN).iterdir():
        file.unlink()
    folder.run(RUN).rmdir()
    assert one(index, "SELECT id FROM runs") == ("b" * 32,)
    assert index.query("SELECT count(*) FROM points") == [(0,)]


def test_complete_journals_are_not_opened_again(folder, index, monkeypatch):
    begin(folder, RUN).close()
    monkeypatch.setattr(folders, "RACY_NS", -(10**18))
    index.catch_up()
    monkeypatch.setattr(catchup, "journals", None)
    monkeypatch.setattr(catchup, "Journal", None)
    index.catch_up()
    assert one(index, "SELECT state FROM journals") == ("ended",)


def test_files_that_arrive_later_are_read_though_their_writer_was_held_for_dead(
    folder, index, tmp_path
):
    elsewhere = StoreFolder.open(tmp_path / "elsewhere", create=True)
    writer = begin(elsewhere, RUN, segment_bytes=4096)
    for step in range(300):
        writer.append(LOG, step, {"loss": float(step)})
    writer.close()
    files = sorted(elsewhere.run(RUN).iterdir())
    assert len(files) > 3
    folder.run(RUN).mkdir()
    for file in (files[2], files[0], *files[3:], files[1]):
        (folder.run(RUN) / file.name).write_bytes(file.read_bytes())
        index.catch_up()
    assert one(index, "SELECT count FROM metrics") == (300,)
    assert index.query("SELECT * FROM gaps") == []


def test_a_damaged_record_is_a_gap_and_all_else_is_there(folder, index):
    writer = begin(folder, RUN)
    for step in range(10):
        writer.append(LOG, step, {"loss": float(step)})
    writer.append(FINISH, "finished", 0, None, {})
    writer.close()
    (file,) = folder.run(RUN).iterdir()
    data = bytearray(file.read_bytes())
    data[data.index(b"loss", data.index(b"loss") + 4)] ^= 1
    file.write_bytes(data)
    assert one(index, "SELECT kind, first_seq, last_seq FROM gaps") == ("corruption", 3, 3)
    assert index.history(RUN, "loss").steps.tolist() == [0, *range(2, 10)]
    assert one(index, "SELECT status, events FROM runs") == ("finished", 11)


def test_a_newer_index_is_refused_and_left_as_it_is(folder, index):
    index.catch_up()
    index.close()
    with closing(sqlite3.connect(folder.index, isolation_level=None)) as other:
        other.execute(f"PRAGMA user_version = {database.VERSION + 1}")
    other.close()
    before = folder.index.read_bytes()
    with pytest.raises(StoreError, match=f"version {database.VERSION + 1}.*Upgrade"):
        index.catch_up()
    assert folder.index.read_bytes() == before


def older(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA user_version = 0")
    other.close()


def foreign(path):
    path.unlink()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()


def damaged(path):
    data = bytearray(path.read_bytes())
    data[8192:] = b"\x5a" * len(data[8192:])
    path.write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        older,
        foreign,
        damaged,
        lambda path: path.write_bytes(b"no database at all" * 100),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
    ],
    ids=["older", "foreign", "damaged", "garbage", "empty", "deleted"],
)
def test_an_index_that_is_not_ours_or_damaged_is_made_anew(folder, index, spoil):
    writer = begin(folder, RUN)
    for step in range(500):
        writer.append(LOG, step, {"loss": float(step)})
    writer.close()
    index.catch_up()
    expected = dump(index)
    index.close()
    spoil(folder.index)
    index.catch_up()
    assert dump(index) == expected


def test_another_programs_database_is_kept_beside_it(folder, index):
    sqlite3.connect(folder.index).close()
    folder.index.write_bytes(b"someone's notes")
    index.catch_up()
    assert folder.index.with_name("index.db.aside").read_bytes() == b"someone's notes"


def test_deleted_while_open_it_is_read_on_and_made_anew_at_the_next_catch_up(folder, index):
    begin(folder, RUN).close()
    index.catch_up()
    folder.index.unlink()
    assert index.query("SELECT count(*) FROM runs") == [(1,)]
    begin(folder, "b" * 32).close()
    index.catch_up()
    assert folder.index.exists()
    assert index.query("SELECT count(*) FROM runs") == [(2,)]


def test_deleted_whenever_it_is_opened_three_times_in_a_row_it_is_made_anew(
    folder, index, monkeypatch
):
    begin(folder, RUN).close()
    real, deletions = database.connect, 0

    def connect(path):
        nonlocal deletions
        connection = real(path)
        if deletions < 3:
            path.unlink()
            deletions += 1
        return connection

    monkeypatch.setattr(database, "connect", connect)
    index.catch_up()
    assert index.query("SELECT count(*) FROM runs") == [(1,)]
    assert deletions == 3


def test_never_caught_up_it_is_made_when_read(folder, index):
    begin(folder, RUN).close()
    assert index.query("SELECT count(*) FROM runs") == [(1,)]


def test_damage_found_while_reading_heals(folder, index):
    writer = begin(folder, RUN)
    writer.append(LOG, 0, {"loss": 0.5})
    writer.append(LOG, 1, {"loss": 0.25})
    writer.close()
    index.catch_up()
    with closing(sqlite3.connect(folder.index, isolation_level=None)) as other:
        other.execute("UPDATE points SET data = x'00'")
    other.close()
    assert index.history(RUN, "loss").values.tolist() == [0.5, 0.25]


def test_while_another_process_holds_it_what_is_there_is_read(folder):
    begin(folder, RUN).close()
    index = Index(folder, wait_s=0.05)
    index.catch_up()
    assert not index.behind
    begin(folder, "b" * 32).close()
    with database.lock(folder.index.with_name("index.lock"), 0) as held:
        assert held
        index.catch_up()
        assert index.behind
        assert index.query("SELECT count(*) FROM runs") == [(1,)]
        folder.index.unlink()
        with pytest.raises(StoreError, match="another process"):
            index.catch_up()
    index.catch_up()
    assert not index.behind
    assert index.query("SELECT count(*) FROM runs") == [(2,)]
    index.close()


@pytest.mark.parametrize("mode", ["NORMAL", "EXCLUSIVE"])
def test_locked_by_another_program_it_is_read_as_it_is_or_that_is_said(folder, monkeypatch, mode):
    """Nobody gets to read that a database is locked."""
    monkeypatch.setattr(database, "BUSY_S", 0.1)
    begin(folder, RUN).close()
    index = Index(folder)
    index.catch_up()
    index.close()
    begin(folder, "b" * 32).close()
    other = sqlite3.connect(folder.index, isolation_level=None)
    other.execute(f"PRAGMA locking_mode = {mode}")
    other.execute("BEGIN EXCLUSIVE")
    if mode == "NORMAL":
        index.catch_up()
        assert index.behind
        assert index.query("SELECT count(*) FROM runs") == [(1,)]
    else:
        with pytest.raises(StoreError, match=r"in use by another program.*try again") as caught:
            index.catch_up()
        assert "database is locked" not in str(caught.value)
    other.close()
    index.catch_up()
    assert not index.behind
    assert index.query("SELECT count(*) FROM runs") == [(2,)]
    index.close()


def test_a_folder_that_cannot_be_read_hides_no_other(folder, index, monkeypatch):
    begin(folder, RUN).close()
    begin(folder, "b" * 32).close()
    real = catchup.journals

    def refusing(path):
        if path.name == RUN:
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(catchup, "journals", refusing)
    assert one(index, "SELECT id FROM runs") == ("b" * 32,)
    assert "Permission" in index.unreadable[RUN]
    monkeypatch.undo()
    assert one(index, "SELECT count(*) FROM runs") == (2,)
    assert index.unreadable == {}


def test_numbers_beyond_64_bits_become_the_limit_and_stop_nothing(folder, index):
    writer = begin(folder, RUN)
    writer.append(LOG, 2**64 - 1, {"loss": 1.0, "big": 2**64 - 1, "text": "x"})
    writer.append(LOG, 2**63, {"loss": 2.0})
    writer.append(ARTIFACT, "a", "t", "0" * 64, 2**64 - 1, 2**64 - 1)
    writer.close()
    index.catch_up()
    assert index.history(RUN, "loss").steps.tolist() == [2**63 - 1] * 2
    assert index.query("SELECT size FROM artifacts") == [(2**63 - 1,)]


def test_sqlite_utils_reads_the_views(folder, index):
    begin(folder, RUN).close()
    index.catch_up()
    tables = index.tables()
    assert [row["id"] for row in tables["runs"].rows] == [RUN]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        tables.conn.execute("DELETE FROM run")
    tables.close()


def test_listing_runs_loads_neither_numpy_nor_sqlite_utils(folder):
    writer = begin(folder, RUN)
    writer.append(LOG, 0, {"loss": 0.5})
    writer.close()
    Index(folder).catch_up()
    code = (
        "import sys; from tracker.query import Store; "
        f"assert Store({str(folder.root)!r}).runs()[0].metrics; "
        "print(sorted({'numpy', 'sqlite_utils', 'asyncio', 'syncd'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_wide_sheet_has_shorter_chunks_and_reads_the_same(folder, index):
    writer = begin(folder, RUN)
    for step in range(300):
        writer.append(LOG, step, {f"k{key}": float(step * key) for key in range(2000)})
        if step in (3, 140):
            index.catch_up()
    writer.close()
    index.catch_up()
    assert [rows for (rows,) in index.query("SELECT rows FROM chunk ORDER BY id")] == [131, 131, 38]
    history = index.history(RUN, "k7")
    assert history.values.tolist() == [7.0 * step for step in range(300)]
    assert index.query("SELECT mean FROM metrics WHERE key = 'k7'") == [(7 * 149.5,)]
