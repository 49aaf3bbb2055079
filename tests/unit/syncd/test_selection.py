"""Which runs go to a remote: by their beginning, which stays, and by their tags as they are."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from syncd.catalog import Catalog
from syncd.daemon import Daemon
from syncd.selection import Selection, of
from syncd.status import lanes
from tests.unit.syncd.platform import LOG, Memory, finish
from tracker.journal import Writer, journals
from tracker.settings import RemoteSettings, add_remote, load
from tracker.store import StoreFolder

TAGS = 20


@pytest.fixture
def store(tmp_path):
    return StoreFolder.open(tmp_path / "store", create=True)


@pytest.fixture
def platform(monkeypatch):
    made = Memory()
    monkeypatch.setattr("syncd.remotes.make", lambda _remote: made)
    return made


def begin(store, run_id, project="p", tags=()):
    writer = Writer(store.run(run_id), run_id)
    writer.append(16, project, run_id, None, None, None, dict(tags))
    return writer


def going(store, **filters):
    """Runs that go to a remote with these filters, as somebody sees it who only looks."""
    goes = of(RemoteSettings("memory", "m", **filters), {})
    return [run_id for run_id, entry in Catalog(store).runs().items() if goes.takes(entry)]


def test_a_project_is_one_of_those_named(store):
    for run_id, project in (("r1", "a"), ("r2", "b"), ("r3", "c")):
        finish(begin(store, run_id, project))
    assert sorted(going(store)) == ["r1", "r2", "r3"]
    assert sorted(going(store, project=["a", "c"])) == ["r1", "r3"]
    assert going(store, project=["A"]) == []


def test_since_looks_at_the_start_to_the_moment(store):
    finish(begin(store, "r1"))
    [journal] = journals(store.run("r1"))
    began = datetime.fromtimestamp(next(iter(journal.events())).time / 1e9, timezone.utc)
    assert going(store, since=began - timedelta(milliseconds=1)) == ["r1"]
    assert going(store, since=began + timedelta(milliseconds=1)) == []


@pytest.mark.parametrize(
    ("wanted", "runs"),
    [
        (["good"], ["r1", "r2"]),
        (["team=vision"], ["r2"]),
        (["team"], ["r2", "r3"]),
        (["good", "team"], ["r2"]),
        (["good=yes"], []),
        (["team="], []),
    ],
)
def test_all_tags_must_be_there(store, wanted, runs):
    for run_id, tags in (
        ("r1", {"good": ""}), ("r2", {"good": "", "team": "vision"}), ("r3", {"team": "x"}),
    ):  # fmt: skip
        finish(begin(store, run_id, tags=tags))
    assert sorted(going(store, tag=wanted)) == runs


def test_tags_are_those_of_now(store):
    """Looked at again and again while the run goes on, each look reads only what is new."""
    writer = begin(store, "r1", tags={"bad": ""})
    [entry] = Catalog(store).runs().values()
    good, both = (of(RemoteSettings("m", "m", tag=tags), {}) for tags in (["good"], ["good", "x"]))
    assert not good.takes(entry)
    for step in range(10):
        writer.append(LOG, step, {"a": 1.0})
    assert not good.takes(entry)
    writer.append(TAGS, {"good": ""}, ["bad"])
    assert good.takes(entry)
    assert not both.takes(entry)
    writer.append(TAGS, {"x": ""}, ["good"])
    assert not both.takes(entry)
    assert good.takes(entry), "it has begun to go there"
    writer.close()


def test_what_met_the_tags_stays_until_others_are_asked_for(store):
    writer = begin(store, "r1", tags={"good": ""})
    taken = {}
    [entry] = Catalog(store).runs().values()
    first = Selection(RemoteSettings("m", "m", tag=["good"]), taken, taken.__setitem__)
    assert first.takes(entry)
    writer.append(TAGS, {}, ["good"])
    finish(writer)
    for tags, project, goes in (
        (["good"], [], True), (["good", "good"], [], True), (["other"], [], False),
        (["good"], ["q"], False), ([], [], True),
    ):  # fmt: skip
        remote = RemoteSettings("m", "m", tag=tags, project=project)
        assert of(remote, dict(taken)).takes(entry) is goes, (tags, project)


def deliver(store, runs=None):
    with Daemon(store, load(store)) as daemon:
        results = daemon.once(runs)
        seen = {lane.run: lane.pending for lane in lanes(store, load(store), daemon.ledger)}
        return results["lab"].errors, daemon.backlog()["lab"], seen


def change(store, **filters):
    store.settings.unlink(missing_ok=True)
    add_remote(store, "lab", RemoteSettings("memory", "m", **filters))


def test_a_run_that_begins_to_match_is_back_filled_and_one_that_does_not_gets_no_more(
    store, platform
):
    """What does not go is not pending, and status does not know it."""
    first, second = begin(store, "r1", "a"), begin(store, "r2", "b")
    for writer in (first, second):
        writer.append(LOG, 0, {"x": 1.0})
        writer.sync()
    change(store, project=["a"])
    assert deliver(store)[2] == {"r1": 0}
    first.append(LOG, 1, {"x": 1.0})
    first.sync()
    assert deliver(store, set())[1].events == 1
    change(store, project=["b"])
    _, pending, seen = deliver(store)
    assert (pending.events, seen) == (0, {"r2": 0})
    sent = [(item.writer_id, item.event.seq) for item in platform.acknowledged]
    assert sent == [(w.id, seq) for w in (first, second) for seq in (1, 2)]
    change(store)
    assert deliver(store)[2] == {"r1": 0, "r2": 0}
    sent = [(item.writer_id, item.event.seq) for item in platform.acknowledged]
    assert sent[4:] == [(first.id, 3)]
    for writer in (first, second):
        writer.close()


def test_a_run_that_is_named_goes_whatever_the_filters_say(store, platform):
    for run_id in ("r1", "r2"):
        finish(begin(store, run_id))
    change(store, project=["other"])
    errors, pending, _ = deliver(store)
    assert (errors, pending.events) == ({}, 0)
    assert platform.calls == []
    errors, pending, seen = deliver(store, {"r1"})
    assert (errors, pending.events, seen) == ({}, 0, {})
    assert platform.calls.count("finish finished") == 1
    calls = len(platform.calls)
    deliver(store)
    assert len(platform.calls) == calls


def test_a_tag_taken_off_in_mid_run_does_not_cut_it_in_half(store, platform):
    """Also for a syncd that was started anew in between."""
    change(store, tag=["good"])
    writer = begin(store, "r1", tags={"good": ""})
    writer.sync()
    deliver(store)
    writer.append(TAGS, {}, ["good"])
    writer.append(LOG, 0, {"x": 1.0})
    finish(writer)
    assert deliver(store)[2] == {"r1": 0}
    assert platform.status == "finished"
