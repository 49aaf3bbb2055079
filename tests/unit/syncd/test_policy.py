"""What of a run goes to a remote, whatever its kind; and the same when it is sent again."""

from __future__ import annotations

import json

import msgspec
import pytest

from syncd.policy import Cut, Policies, Policy
from syncd.sinks import Item
from tests.unit.syncd.platform import ARTIFACT, CONFIG, LOG, Place, finish, sealed
from tests.unit.syncd.test_verify import keep, report
from tracker.events import Artifact, Config, Log, Start, Summary, Tags
from tracker.settings import RemoteSettings

VALUES = {"loss": 1, "system/cpu": 2, "system/gpu/0": 3}


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.ledger.close()


def govern(place, *, include=(), exclude=()):
    """Give the remote a policy, as a daemon that reads its settings again."""
    remote = RemoteSettings("memory", "m", include=list(include), exclude=list(exclude))
    place.settings.remotes = {"lab": remote}
    place.reopen()


@pytest.mark.parametrize(
    ("include", "exclude", "left"),
    [
        ([], [], ["loss", "system/cpu", "system/gpu/0"]),
        ([], ["system/*"], ["loss"]),
        ([], ["metric:system/*"], ["loss"]),
        ([], ["system"], ["loss", "system/cpu", "system/gpu/0"]),
        ([], ["config:*", "summary:*", "artifact:*"], ["loss", "system/cpu", "system/gpu/0"]),
        (["system/*"], ["*/gpu/?"], ["system/cpu"]),
        (["[kl]oss", "*cpu"], [], ["loss", "system/cpu"]),
        (["LOSS"], [], []),
    ],
)
def test_patterns_choose_keys(include, exclude, left):
    cut = Policy(include, exclude).cut(Log(1, 2, 3, VALUES))
    assert list(cut.event.values if cut.event else {}) == left
    assert cut.left_out == len(VALUES) - len(left)


def test_each_kind_has_its_own_patterns():
    events = [
        Config(1, 0, {"a": 1, "b": 2}), Summary(2, 0, {"a": 1, "b": 2}),
        Artifact(3, 0, "a", "model", "m", 1, 1), Log(4, 0, 0, {"a": 1, "b": 2}),
        Tags(5, 0, {"a": ""}), Start(6, 0, "p", "a"),
    ]  # fmt: skip
    for kind, event in zip(("config", "summary", "artifact", "metric"), events, strict=False):
        policy = Policy(exclude=[f"{kind}:a"])
        assert [policy.cut(e).left_out for e in events] == [int(e is event) for e in events]
    assert Policy(["config:a"]).cut(events[0]) == Cut(Config(1, 0, {"a": 1}), 1)
    assert Policy(["config:a"]).cut(events[1]) == Cut(events[1])
    assert Policy(exclude=["artifact:*"]).cut(events[2]) == Cut(None, 1)


def test_a_lane_remembers_what_held_when():
    policies = Policies()
    policies.go_on(Policy(), {"w": 3})
    assert policies.dump() is None
    policies.go_on(Policy(exclude=["a"]), {"w": 5})
    policies.go_on(Policy(exclude=["a"]), {"w": 6})
    policies.go_on(Policy(), {"w": 9, "v": 2})
    again = Policies.load(policies.dump())
    assert again == policies
    assert len(again.spans) == 2

    def there(writer, seq):
        return again.cut(Item(writer, Log(seq, 0, 0, {"a": 1}))).event is not None

    assert [there("w", seq) for seq in (1, 5, 6, 9, 10)] == [True, True, False, False, True]
    assert [there("v", seq) for seq in (1, 2, 3)] == [False, False, True]


def test_what_does_not_go_is_counted_and_what_goes_is_equal(place, tmp_path):
    """Also in the documents; the journal has it all, and the cursor is at its end."""
    govern(place, exclude=["system/*", "config:db/*", "artifact:n*", "only", "note"])
    writer = place.writer()
    writer.append(CONFIG, {"lr": 1, "db/host": "h", "api_key": "k3y"})
    for step in range(20):
        writer.append(LOG, step, {"loss": float(step), "system/cpu": 1.0})
        writer.append(LOG, step, {"only": 1.0})
    writer.append(LOG, 0, {"note": "hidden", "text": "seen"})
    keep(place, tmp_path, writer)
    finish(writer)
    assert place.visit().error is None
    assert place.record.pending == 0
    assert place.ledger.receipt("lab", place.run_id)["counts"] | {"points": 0} == {
        "points": 0, "events": 45, "left out": 43, "masked": 1, "files": 2,
        "bytes": sum(map(len, place.sink.files.values())),
    }  # fmt: skip
    sent = msgspec.json.encode(place.sink.acknowledged)
    everything = sent + b"".join(place.sink.files.values())
    for hidden in (b"system", b"db/host", b"only", b"hidden", b"k3y", b"weights"):
        assert hidden not in everything
    assert sorted(place.sink.files) == ["tracker/run.json", "tracker/texts.jsonl"]
    told = json.loads(place.sink.files["tracker/run.json"])
    assert (told["config"], told["artifacts"]) == ({"lr": 1, "api_key": "***"}, [])
    found = report(place)
    assert found.equal, found.differences
    assert (found.points_local, found.params_local) == (20, 2)


class Crash(BaseException):
    """syncd dies here."""


def test_a_batch_is_the_same_again_though_the_policy_changed(place):
    """What held when it was frozen holds for its repeat; what follows goes by the new one."""
    writer = place.writer()
    for step in range(5):
        writer.append(LOG, step, {"a": 1.0, "b": 2.0})
    writer.sync()
    govern(place, exclude=["a"])
    place.sink.answers = [Crash()]
    with pytest.raises(Crash):
        place.visit()
    writer.append(LOG, 5, {"a": 1.0, "b": 2.0})
    finish(writer)
    govern(place, exclude=["b"])
    place.visit()
    first, again, after = place.sink.sent
    assert sealed(first) == sealed(again)
    logged = [list(i.event.values) for i in (*again.items, *after.items) if type(i.event) is Log]
    assert logged == [["b"]] * 5 + [["a"]]
    assert report(place).equal


def test_a_changed_policy_holds_for_what_is_sent_from_then_on(place, tmp_path):
    writer = place.writer()
    writer.append(LOG, 0, {"a": 1.0, "b": 2.0})
    keep(place, tmp_path, writer)
    writer.sync()
    place.visit()
    govern(place, exclude=["b", "artifact:*"])
    writer.append(LOG, 1, {"a": 1.0, "b": 2.0})
    writer.append(ARTIFACT, "other", "file", "0" * 64, 1, 1)
    finish(writer)
    assert report(place).points_local == 3
    place.visit()
    found = report(place)
    assert found.equal, found.differences
    assert (found.points_local, found.points_remote) == (3, 3)
    assert "net/a_b.bin" in place.sink.files


def test_a_lost_ledger_sends_nothing_again_and_nothing_that_was_left_out(place, tmp_path):
    govern(place, exclude=["b", "artifact:*"])
    writer = place.writer()
    for step in range(15):
        writer.append(LOG, step, {"a": 1.0, "b": 2.0})
    keep(place, tmp_path, writer)
    finish(writer)
    place.visit()
    sent, files = len(place.sink.sent), dict(place.sink.files)
    place.reopen(lose=True)
    place.visit()
    assert (len(place.sink.sent), place.sink.files) == (sent, files)
    assert report(place).equal


def test_a_copy_of_the_store_knows_what_went_under_which_policy(place):
    """It asks the remote how far it is, and forgets nothing else."""
    writer = place.writer()
    writer.append(LOG, 0, {"a": 1.0, "b": 2.0})
    writer.sync()
    place.visit()
    govern(place, exclude=["b"])
    for _ in range(2):
        record = place.record
        record.remote_run = None
        place.ledger.save(record)
        writer.append(LOG, 1, {"a": 1.0, "b": 2.0})
        writer.sync()
        place.visit()
    found = report(place)
    assert found.equal, found.differences
    assert found.points_remote == 4
    writer.close()


def test_a_run_that_is_made_anew_gets_what_goes_there_now(place):
    """All is sent again from the beginning, so the policy of now is the one of all of it."""
    writer = place.writer()
    writer.append(LOG, 0, {"a": 1.0, "b": 2.0})
    writer.sync()
    place.visit()
    govern(place, exclude=["b"])
    writer.append(LOG, 1, {"a": 1.0, "b": 2.0})
    writer.sync()
    place.visit()
    place.sink.id, place.sink.cursors = "r2", type(place.sink.cursors)()
    place.sink.acknowledged.clear()
    record = place.record
    record.looked_up_at = None
    place.ledger.save(record)
    place.visit()
    found = report(place)
    assert (found.equal, found.points_remote) == (True, 2), found.differences
    writer.close()
