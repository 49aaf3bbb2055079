"""A disk that is really full, read-only or gone: training goes on, and the count is exact."""

from __future__ import annotations

import errno

import pytest

import tracker
from tests.doubles.failing_files import FailingFiles
from tests.fault.small_disk import RESUMES_WITHIN_S, on_small_disk
from tracker import recording
from tracker.events import Finish, Summary
from tracker.journal import Reserve, Writer, journals


def check(found):
    """What stands there is what was kept, and what was not is counted at the end."""
    assert found["values"] == found["kept"]
    assert found["finish"] == [["finished", found["dropped"]]]
    assert found["dropped"].get("log calls", 0) == found["lost"]
    assert found["reserves"] == found["leftovers"] == []


def said_once(found):
    """One warning names run, store, cause and what to do."""
    warnings = [line for line in found["said"].splitlines() if "takes no more" in line]
    assert len(warnings) == 1
    for words in ("run training", "disk/store", "Training goes on", "Free some space"):
        assert words in warnings[0]
    return warnings[0]


def test_a_disk_filled_by_the_run_itself_costs_what_did_not_fit_and_no_more(tmp_path):
    found = on_small_disk(tmp_path, """
        disk.put(24 * 1024)
        story = Story()
        story.log_until_full()
        story.log(1000)
        disk.free()
        waited = story.resumed_after()
        story.log(100)
        story.run.summary["best"] = 1
        story.run.finish()
        tell(waited=waited, **story.told())
    """)  # fmt: skip
    check(found)
    assert found["waited"] < RESUMES_WITHIN_S
    assert found["dropped"] == {"log calls": found["lost"]}
    assert found["lost"] >= 1000
    assert found["kept"][-100:] == list(range(found["kept"][-1] - 99, found["kept"][-1] + 1))
    assert found["summary"] == {"best": 1}
    assert "No space left" in said_once(found)
    assert f"not kept: {found['lost']:,} log calls\n" in found["said"]


def test_a_disk_filled_by_others_is_gone_on_with_as_soon_as_there_is_space(tmp_path):
    found = on_small_disk(tmp_path, """
        story = Story()
        waited = []
        for turn in range(3):
            story.log(50)
            disk.fill()
            story.log_until_full()
            story.run.summary["turn"] = turn
            disk.free()
            waited.append(story.resumed_after())
        story.run.finish()
        tell(waited=waited, **story.told())
    """)  # fmt: skip
    check(found)
    assert max(found["waited"]) < RESUMES_WITHIN_S
    assert found["summary"] == {"turn": 2}
    assert found["dropped"] == {"log calls": found["lost"]}
    said_once(found)


@pytest.mark.parametrize("by", ["the run", "others"])
def test_on_a_disk_that_stays_full_the_last_summary_and_the_end_are_kept(tmp_path, by):
    found = on_small_disk(tmp_path, f"""
        story = Story(config={{"lr": 0.1}})
        story.log(10)
        story.run.summary.update(loss=9.0, note="first")
        if {by!r} == "others":
            disk.fill()
        story.log_until_full()
        story.log(100)
        (disk.path.parent / "model.bin").write_bytes(b"m" * 20_000)
        for turn in range(3):
            story.run.summary["loss"] = float(turn)
            story.run.summary[f"only/{{turn}}"] = turn
            story.run.config["late"] = turn
            story.run.tags.add(f"tag {{turn}}")
            assert story.run.log_artifact(disk.path.parent / "model.bin") is None
        story.run.finish()
        blobs = [p.name for p in (disk.store / "blobs").rglob("*") if p.is_file()]
        tell(blobs=blobs, **story.told())
    """)  # fmt: skip
    check(found)
    assert found["dropped"] == {"log calls": found["lost"], "tags": 3, "artifacts": 3}
    assert found["summary"] == {
        "loss": 2.0, "note": "first", "only/0": 0, "only/1": 1, "only/2": 2,
    }  # fmt: skip
    assert found["config"] == {"lr": 0.1, "late": 2}
    assert found["tags"] == found["artifacts"] == found["blobs"] == []
    said_once(found)
    assert "artifact 'model.bin': " in found["said"]
    assert "Free space there, then log it again" in found["said"]
    assert f"not kept: 3 artifacts, {found['lost']:,} log calls, 3 tags\n" in found["said"]


def test_log_calls_of_other_threads_never_take_the_room_that_is_kept_for_the_end(tmp_path):
    found = on_small_disk(tmp_path, """
        import threading
        story = Story()
        disk.fill()
        story.log_until_full()
        stop = threading.Event()

        def log():
            while not stop.is_set():
                story.run.log({"other" * 40: 1.0})

        threads = [threading.Thread(target=log) for _ in range(4)]
        for thread in threads:
            thread.start()
        story.run.summary["best"] = 7
        story.run.finish()
        stop.set()
        for thread in threads:
            thread.join()
        tell(**story.told())
    """)  # fmt: skip
    assert found["others"] <= 4, "more than were under way"
    assert found["summary"] == {"best": 7}
    assert [status for status, _ in found["finish"]] == ["finished"]


def test_a_summary_larger_than_the_reserve_loses_what_does_not_fit_and_counts_it(tmp_path):
    found = on_small_disk(tmp_path, """
        story = Story()
        disk.fill()
        story.log_until_full()
        for number in range(40):
            story.run.summary[f"text {number}"] = "x" * 500
        story.run.summary["huge"] = "x" * 10_000
        story.run.finish(3, error="e" * 4000)
        tell(**story.told())
    """)  # fmt: skip
    (status, dropped), = found["finish"]  # fmt: skip
    assert status == "failed"
    lost = 41 - len(found["summary"])
    assert len(found["summary"]) >= 5
    assert dropped == found["dropped"] == {"log calls": found["lost"], "summary values": lost}
    assert set(found["summary"].values()) == {"x" * 500}


def test_a_crash_on_a_full_disk_leaves_one_reserve_that_the_next_writer_removes(tmp_path):
    found = on_small_disk(tmp_path, """
        for turn in range(4):
            if os.fork() == 0:
                run = tracker.init("p", id="run")
                run.log({"v": turn})
                os._exit(0)
            os.wait()
        left = len(list(disk.store.rglob("*.reserve")))
        story = Story()
        mine, me = story.reserves(), story.run._recording._writer.id
        story.run.finish()
        tell(left=left, mine=mine, me=me, after=story.reserves())
    """)  # fmt: skip
    assert found["left"] == 1
    assert found["mine"] == [f"{found['me']}.reserve"]
    assert found["after"] == []


def test_a_reserve_for_which_there_was_no_room_is_made_once_there_is(tmp_path):
    found = on_small_disk(tmp_path, """
        story = Story()
        story.run.finish()
        disk.fill()
        (disk.path / "filler1").unlink()
        story = Story()
        before = len(story.reserves())
        story.log(3)
        disk.free()
        began = time.monotonic()
        while not story.reserves():
            assert time.monotonic() - began < 30
            time.sleep(0.01)
        disk.fill()
        story.log_until_full()
        story.run.summary["best"] = 1
        story.run.finish()
        tell(before=before, **story.told())
    """)  # fmt: skip
    assert found["before"] == 0
    assert found["summary"] == {"best": 1}
    assert found["finish"][-1] == ["finished", found["dropped"]]


def test_without_inodes_a_run_goes_on_in_the_segment_that_it_has(tmp_path):
    found = on_small_disk(tmp_path, """
        story = Story()
        disk.take_inodes()
        story.log(500)
        (disk.path.parent / "model.bin").write_bytes(b"m")
        story.run.log_artifact(disk.path.parent / "model.bin")
        story.run.finish()
        tell(**story.told())
    """, "size=256k,nr_inodes=40", TRACKER_SEGMENT_BYTES="4096")  # fmt: skip
    check(found)
    assert found["lost"] == 0
    assert found["dropped"] == {"artifacts": 1}


def test_without_inodes_at_the_beginning_recording_waits_for_one(tmp_path):
    found = on_small_disk(tmp_path, """
        Story().run.finish()
        shutil.rmtree(disk.store / "journals")
        (disk.store / "journals").mkdir()
        disk.take_inodes()
        story = Story(config={"lr": 1})
        story.log(20)
        disk.free()
        waited = story.resumed_after()
        story.run.finish()
        tell(waited=waited, **story.told())
    """, "size=256k,nr_inodes=40")  # fmt: skip
    check(found)
    assert found["lost"] >= 20
    assert found["waited"] < RESUMES_WITHIN_S
    assert found["config"] == {"lr": 1}
    said_once(found)


@pytest.mark.parametrize("store", ["new", "old"])
@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_store_that_takes_nothing_at_init_is_recorded_to_once_it_does(tmp_path, store, trouble):
    found = on_small_disk(tmp_path, f"""
        if {store!r} == "old":
            tracker.init("p", id="earlier").finish()
        disk.fill() if {trouble!r} == "full" else disk.remount("ro")
        story = Story(config={{"lr": 1}}, tags=["t"])
        story.run.summary["early"] = 2
        story.log(200)
        time.sleep(0.6)
        story.log(200)
        left = sorted(p.name for p in disk.store.glob("*")) if disk.store.exists() else []
        disk.free() if {trouble!r} == "full" else disk.remount("rw")
        waited = story.resumed_after()
        story.run.finish()
        tell(waited=waited, left=left, **story.told())
    """)  # fmt: skip
    check(found)
    assert found["waited"] < RESUMES_WITHIN_S
    assert found["dropped"] == {"log calls": found["lost"]}
    assert found["lost"] >= 400
    assert found["config"] == {"lr": 1}
    assert found["summary"] == {"early": 2}
    assert not [name for name in found["left"] if name.startswith("store.json.")]
    cause = "No space left" if trouble == "full" else "Read-only file system"
    assert cause in said_once(found)


def test_a_run_that_never_got_a_disk_ends_without_a_word_too_many(tmp_path):
    found = on_small_disk(tmp_path, """
        disk.remount("ro")
        story = Story(config={"lr": 1})
        story.log(7)
        story.run.summary["best"] = 1
        story.run.finish()
        tell(dropped=story.run._recording.dropped)
    """)  # fmt: skip
    assert found["dropped"] == {
        "log calls": 7, "config values": 1, "summary values": 1, "finish": 1
    }  # fmt: skip
    assert "not kept: 1 config values, 1 finish, 7 log calls, 1 summary values" in found["said"]
    said_once(found)


def test_a_disk_that_turns_read_only_in_mid_run_costs_nothing_that_still_has_a_place(tmp_path):
    found = on_small_disk(tmp_path, """
        story = Story()
        story.log(50)
        disk.cover_read_only()
        story.log(300)
        segments = len(list(disk.store.rglob("*.seg")))
        disk.detach()
        story.log(300)
        more = len(list(disk.store.rglob("*.seg")))
        story.run.finish()
        tell(segments=segments, more=more, **story.told())
    """, "size=1m", TRACKER_SEGMENT_BYTES="4096")  # fmt: skip
    check(found)
    assert found["lost"] == 0
    assert found["more"] > found["segments"]


def test_a_file_system_that_is_taken_away_in_mid_run_costs_what_went_with_it(tmp_path):
    found = on_small_disk(tmp_path, """
        story = Story()
        story.log(50)
        disk.detach()
        story.log(50)
        assert not story.run.flush()
        here = story.calls
        story.log(50)
        assert not story.run.flush()  # never again: what went with it is not safe
        below = story.told()["values"]
        disk.mount()
        while not story.run._recording._writer.broken:
            story.log()
            story.run.flush()
        back = story.calls
        story.log(50)
        story.run.finish()
        told = story.told()
        tell(here=here, below=below, back=back, values=told["values"], finish=told["finish"])
    """)  # fmt: skip
    assert found["below"] == list(range(found["here"], found["here"] + 50))
    assert found["values"] == list(range(found["back"], found["back"] + 50))
    assert [status for status, _ in found["finish"]] == ["finished"]
    assert "goes on in a new journal" in found["said"]


def test_a_quota_is_a_full_disk(tmp_path, monkeypatch):
    """The end that `EDQUOT` refuses is kept once the reserve is given up; log calls are not."""
    files = FailingFiles()

    class Quota(Reserve):
        def give_up(self):
            files.heal()
            run._recording._writer.retry_now()
            for _ in range(100):
                run.log({"v": -1})
            return super().give_up()

    def writer(*args, **options):
        return Writer(*args, **(options | {"files": files, "sync_interval_s": 3600}))

    monkeypatch.setattr(recording, "Writer", writer)
    monkeypatch.setattr(recording, "Reserve", Quota)
    run = tracker.init("p", dir=tmp_path / "store")
    files.fail("write", errno.EDQUOT)
    for value in range(10):
        run.log({"v": value})
    run.summary["best"] = 1
    run.finish()
    events = [e for journal in journals(run.store.run(run.id)) for e in journal.events()]
    assert [event.values for event in events if isinstance(event, Summary)] == [{"best": 1}]
    (finish,) = [event for event in events if isinstance(event, Finish)]
    assert finish.dropped == {"log calls": 110}
