"""One remote that cannot be served stops no other; remotes come and go while it runs."""

from __future__ import annotations

import json
import threading
from datetime import datetime

import pytest

from syncd import status
from syncd.catalog import Catalog
from syncd.daemon import Daemon
from syncd.outlet import Outlet
from syncd.owner import Owned
from syncd.removal import Removal
from syncd.sinks import Rejected, Retryable, Unauthorized
from tests.fault.delivering import wait_for
from tests.unit.syncd.platform import LOG, Memory, finish
from tests.unit.syncd.telemetry.watching import Remembering
from tracker.credentials import Credentials, kept, ring
from tracker.errors import BadInput
from tracker.journal import Writer
from tracker.settings import RemoteSettings, add_remote, load, remove_remote


def add(store, *names, kind="memory"):
    for name in names:
        add_remote(store, name, RemoteSettings(kind, f"memory:{name}"))


def record(store, run_id):
    writer = Writer(store.run(run_id), run_id)
    writer.append(16, "project", "name")
    writer.append(LOG, 0, {"a": 1.0})
    finish(writer)


def published(store):
    """What syncd last said of each remote; nothing where it has not spoken yet."""
    try:
        return json.loads((store.sync / "status.json").read_bytes())["remotes"]
    except FileNotFoundError:
        return {}


def test_a_remote_that_cannot_be_used_does_not_stop_the_others(store, platforms):
    add(store, "good")
    add(store, "bad", kind="mlflw")
    record(store, "r1")
    with Daemon(store, load(store)) as daemon:
        results = daemon.once()
    assert results["good"].errors == {}
    assert platforms["good"].status == "finished"
    assert "unknown kind 'mlflw'" in results["bad"].errors[""]
    assert "unknown kind 'mlflw'" in published(store)["bad"]["error"]


def test_of_two_remotes_that_are_one_the_first_is_served(store, platforms):
    """As somebody wrote them into the file: sending all twice to one place helps nobody."""
    add(store, "a")
    content = json.loads(store.settings.read_bytes())
    content["remotes"] |= {"b": content["remotes"]["a"], "c": {"kind": "memory", "url": "c"}}
    store.settings.write_text(json.dumps(content))
    record(store, "r1")
    settings = load(store)
    with Daemon(store, settings) as daemon:
        results = daemon.once()
    assert "'a' is the same one" in results["b"].errors[""]
    assert "tracker remote rm b" in status.unusable(settings)["b"]
    assert (results["a"].errors, results["c"].errors) == ({}, {})
    assert sorted(platforms) == ["a", "c"]


@pytest.mark.parametrize("others", [[], ["good"]])
def test_the_only_one_or_the_one_named_is_a_plain_error(store, platforms, others):
    add(store, *others)
    add(store, "bad", kind="mlflw")
    with pytest.raises(BadInput, match="unknown kind"), Daemon(store, load(store), "bad"):
        pass
    assert platforms == {}


def test_what_was_left_out_is_counted_as_pending(store, platforms):
    """Though no visit ever looked at it."""
    add(store, "lab")
    record(store, "r1")
    record(store, "r2")
    with Daemon(store, load(store)) as daemon:
        daemon.once({"r1"})
        assert daemon.backlog()["lab"].events == 3
    assert published(store)["lab"]["runs"] == 1
    assert platforms["lab"].status == "finished"


def test_what_nobody_thought_of_becomes_an_error_of_its_remote(
    store, platforms, monkeypatch, capsys
):
    add(store, "lab", "other")
    whole = Outlet.once

    def once(self, only):
        if self.remote.name == "lab":
            raise ValueError("two\nlines")
        return whole(self, only)

    monkeypatch.setattr(Outlet, "once", once)
    record(store, "r1")
    with Daemon(store, load(store)) as daemon:
        results = daemon.once()
    assert results["lab"].errors[""] == (
        "unexpected ValueError: two lines; set TRACKER_DEBUG=1 for the trace."
    )
    assert (results["other"].errors, platforms["other"].status) == ({}, "finished")
    assert "Traceback" not in capsys.readouterr().err


def test_outside_its_hours_nothing_goes_but_what_a_person_named(store, platforms):
    """It is said, is no failure, and all is counted as pending."""
    hour = datetime.now().astimezone().hour
    night = f"{(hour + 2) % 24:02}:00-{(hour + 3) % 24:02}:00"
    add_remote(store, "lab", RemoteSettings("memory", "memory:lab", hours=[night]))
    record(store, "r1")
    record(store, "r2")
    with Daemon(store, load(store)) as daemon:
        results = daemon.once()
        assert (results["lab"].errors, platforms["lab"].calls) == ({}, [])
        assert results["lab"].closed.startswith(f"outside its hours ({night})")
        assert daemon.backlog()["lab"].events == 6
    with Daemon(store, load(store)) as daemon:
        assert daemon.once({"r1"})["lab"].errors == {}
    assert platforms["lab"].calls.count("finish finished") == 1


def test_a_pause_that_the_remote_asks_for_holds_for_all_runs(store, platforms):
    """One request is refused with it, and no other run asks."""
    add(store, "lab")
    for name in ("r1", "r2", "r3"):
        record(store, name)
    platforms["lab"] = Memory([Retryable("slow down", 3600.0)] * 9)
    settings = load(store)
    settings.workers = 1
    with Daemon(store, settings) as daemon:
        errors = daemon.once()["lab"].errors
    assert platforms["lab"].calls.count("send") == 1
    assert sorted(errors.values()) == [
        "not tried, as the remote asked for a pause of 3,600 s",
        "not tried, as the remote asked for a pause of 3,600 s",
        "slow down",
    ]


def test_a_short_pause_is_waited_for(store, platforms):
    """As by one pass, which nobody comes back to."""
    add(store, "lab")
    for name in ("r1", "r2", "r3"):
        record(store, name)
    platforms["lab"] = Memory([Retryable("slow down", 0.05)] * 2)
    with Daemon(store, load(store)) as daemon:
        assert daemon.once()["lab"].errors == {}
    assert len(platforms["lab"].acknowledged) == 9


def test_a_refused_remote_counts_what_waits_and_goes_on_when_credentials_change(
    store, platforms, monkeypatch, tmp_path
):
    """Its next try is due in five minutes; a login of any remote has it tried at once."""
    monkeypatch.setattr("syncd.daemon._PUBLISH_S", 0.02)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(ring, "ask", lambda _: ring.Answer(why="is not here"))
    add(store, "lab")
    record(store, "r1")
    platforms["lab"] = Memory()
    platforms["lab"].open_error = Unauthorized("401")
    with Daemon(store, load(store)) as daemon:
        serving = threading.Thread(target=daemon.run)
        serving.start()
        try:
            seen = {"events": 3, "runs": 1, "error": "401"}
            wait_for("the refusal", lambda: published(store).get("lab") == seen, 10)
            asked = len(platforms["lab"].calls)
            platforms["lab"].open_error = None
            kept.keep("other", "http://other.test", Credentials("t"))
            wait_for("the delivery", lambda: platforms["lab"].status == "finished", 10)
            assert asked == 1
        finally:
            daemon.stop()
            serving.join(10)
    assert published(store)["lab"] == {"events": 0, "runs": 0, "error": None}


def test_what_is_logged_while_a_remote_is_away_is_counted_within_a_look(
    store, platforms, monkeypatch
):
    """No visit looks at the run meanwhile, neither at one that failed nor at a new one."""
    monkeypatch.setattr("syncd.daemon._PUBLISH_S", 0.02)
    add(store, "lab")
    record(store, "r1")
    platforms["lab"] = Memory()
    platforms["lab"].open_error = Retryable("away")
    for name in ("BREAKER_PAUSE_S", "SLOW_RETRY_S"):
        monkeypatch.setenv(f"TRACKER_{name}", "3600")
    monkeypatch.setenv("TRACKER_POLL_INTERVAL_S", "0.2")
    monkeypatch.setenv("TRACKER_RETRY_MOST_S", "0.1")
    monkeypatch.setenv("TRACKER_BREAKER_FAILURES", "1")

    def pending(events):
        wait_for(f"{events} events", lambda: daemon.backlog()["lab"].events == events, 10)

    with Daemon(store, load(store)) as daemon:
        serving = threading.Thread(target=daemon.run)
        serving.start()
        try:
            pending(3)
            for run_id, before in (("r1", 3), ("r2", 5)):
                writer = Writer(store.run(run_id), run_id)
                writer.append(16, "project", "name")
                writer.sync()
                pending(before + 1)
                writer.append(LOG, 0, {"a": 1.0})
                writer.sync()
                pending(before + 2)
                writer.close()
        finally:
            daemon.stop()
            serving.join(10)
    assert platforms["lab"].sent == []


@pytest.mark.usefixtures("platforms")
def test_a_syncd_db_that_takes_nothing_is_fatal_and_told_once(store):
    add(store, "lab")
    record(store, "r1")
    observer = Remembering()
    with Daemon(store, load(store), observer=observer) as daemon:
        daemon.ledger._db.trouble = "database or disk is full"
        for _ in range(3):
            daemon._publish_changes()
        assert daemon.once()["lab"].errors == {}
        daemon._publish_changes()
        daemon.ledger._db.trouble = "disk I/O error"
        daemon._publish_changes()
    fatal = [facts for name, _, facts in observer.told if name == "tracking_unavailable"]
    assert fatal == [
        {"fatal": True, "error": f"syncd.db cannot be written: {why}"}
        for why in ("database or disk is full", "disk I/O error")
    ]


@pytest.mark.usefixtures("platforms")
def test_another_syncd_is_no_outage(store):
    add(store, "lab")
    observer = Remembering()
    with Daemon(store, load(store)), pytest.raises(Owned):
        Daemon(store, load(store), observer=observer).__enter__()
    assert observer.told == []


def test_remotes_added_and_removed_are_noticed_while_it_runs(store, platforms, monkeypatch):
    """Also one that cannot be used, and settings that cannot be read for a while."""
    monkeypatch.setattr("syncd.daemon._PUBLISH_S", 0.02)
    add(store, "first")
    record(store, "r1")
    names = []
    with Daemon(store, load(store)) as daemon:
        serving = threading.Thread(
            target=daemon.run, args=(lambda: names.append(sorted(daemon.sinks)),)
        )
        serving.start()
        try:
            wait_for("the first", lambda: platforms["first"].status == "finished", 10)
            add(store, "second")
            wait_for("the second", lambda: "second" in platforms, 10)
            wait_for("its run", lambda: platforms["second"].status == "finished", 10)
            good = store.settings.read_bytes()
            store.settings.write_text("{")
            add_broken = json.loads(good)
            add_broken["remotes"]["bad"] = {"kind": "mlflw", "url": "x"}
            store.settings.write_text(json.dumps(add_broken))
            wait_for("the bad one", lambda: published(store).get("bad", {}).get("error"), 10)
            remove_remote(store, "first")
            wait_for("the first to go", lambda: names[-1] == ["second"], 10)
            record(store, "r2")
            sent = len(platforms["first"].sent)
            wait_for("r2", lambda: len(platforms["second"].acknowledged) == 6, 10)
            assert len(platforms["first"].sent) == sent
        finally:
            daemon.stop()
            serving.join(10)
    assert not serving.is_alive()
    assert names[0] == ["first", "second"]


def test_a_run_that_was_removed_by_force_is_pending_no_more(store, platforms):
    """Whether it was removed before this daemon began or while it runs; others stay pending."""
    add(store, "lab")
    for run_id in ("r1", "r2", "r3"):
        record(store, run_id)
    with Daemon(store, load(store)) as daemon:
        platforms["lab"].open_error = Rejected("closed for repairs")
        daemon.once()
        assert daemon.backlog()["lab"].runs == 3
        remove(store, "r1")
    with Daemon(store, load(store)) as daemon:
        assert daemon.backlog()["lab"].runs == 2
        remove(store, "r2")
        thread = threading.Thread(target=daemon.run)
        thread.start()
        try:
            wait_for("it to see that", lambda: daemon.backlog()["lab"].runs == 1)
        finally:
            daemon.stop()
            thread.join(10)


def remove(store, run_id):
    settings = load(store)
    with status.ledger(store) as ledger:
        removing = Removal(store, settings, ledger, force=True)
        entry = Catalog(store).runs()[run_id]
        assert removing.carry_out(removing.plan([entry])).runs == [run_id]
