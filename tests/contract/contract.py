"""What every sink must do, written once against the contract of `syncd.sinks`.

A platform's test module makes a class of `SinkContract` and gives it a `platform` fixture:
how to make a sink, and how to look at the remote with the platform's own client.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import random
import threading
from typing import Any

import pytest

from syncd.sinks import (
    Batch,
    Cursors,
    Head,
    Item,
    OutcomeUnknown,
    Point,
    Rejected,
    Retryable,
    Sink,
    Unauthorized,
)
from tests.contract.platform import MS, T0, WRITER, Lane, Platform, file_of, head, rows
from tests.doubles.fault_proxy import FaultProxy
from tracker.events import Config, Event, Finish, Start, Summary, Tags


class SinkContract:
    """Tests of one sink; subclass with a `platform` fixture."""

    @pytest.fixture
    def sink(self, platform: Platform):
        return platform.sink()

    @pytest.fixture
    def lane(self, sink: Sink):
        return Lane(sink, sink.open(head()))

    def test_opening_twice_gives_one_run(self, platform, sink):
        """A run is found again, by the same and by another instance."""
        wanted = head()
        found = [sink.open(wanted), sink.open(wanted), platform.sink().open(wanted)]
        assert {run.id for run in found} == set(platform.runs(wanted))
        assert len(platform.runs(wanted)) == 1

    def test_opening_at_once_gives_one_run(self, platform, sink):
        """Threads that open the same run together all get the one that stays."""
        wanted = head()
        together = threading.Barrier(6)
        found: list[str] = []

        def opens() -> None:
            together.wait(30)
            found.append(sink.open(wanted).id)

        threads = [threading.Thread(target=opens) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(found) == 6
        assert platform.runs(wanted) == [found[0]] == list(set(found))

    def test_sending_twice_gives_the_same_rows(self, platform, lane):
        """A batch that is sent three times is there once, with its own times and steps."""
        events = [
            lane.log({f"m/{k}": i * k / 7 for k in range(5)}, step=i, time=T0 + i * 3 * MS)
            for i in range(40)
        ]
        batch = lane.send(*events)
        lane.sink.send(lane.run, batch)
        lane.sink.send(lane.run, batch)
        expected = [
            Point(f"m/{k}", i, (T0 + i * 3 * MS) // MS, i * k / 7)
            for i in range(40)
            for k in range(5)
        ]
        assert rows(platform.points(lane.run)) == rows(expected)

    def test_twins_stay_apart(self, platform, lane):
        """Equal points of one millisecond are as many points there, and again after a repeat.

        Where a platform tells rows by their time, they stand at milliseconds of their own.
        """
        events = [lane.log({"loss": 1.0}, step=3) for _ in range(4)]
        first, second = lane.batch(*events[:2]), lane.batch(*events[2:])
        for batch in (first, second, first, second):
            lane.sink.send(lane.run, batch)
        held = platform.points(lane.run)
        assert [(p.key, p.step, p.value) for p in held] == [("loss", 3, 1.0)] * 4
        assert len({p.time_ms for p in held}) == (4 if platform.rows_by_time else 1)

    def test_late_and_repeated_steps_are_kept(self, platform, lane):
        """A step that goes back, comes again or is negative is a point like any other."""
        steps = [5, 1, 5, -3, 0, 5]
        lane.send(*(lane.log({"v": i}, step=s, time=T0 + i * MS) for i, s in enumerate(steps)))
        held = sorted(platform.points(lane.run), key=lambda p: p.value)
        assert [p.step for p in held] == steps

    def test_nan_and_infinities(self, platform, lane):
        """NaN is NaN there; infinities are what `translate` said they would be."""
        event = lane.log({"nan": math.nan, "up": math.inf, "down": -math.inf})
        entries, _ = lane.sink.translate({}, Item(WRITER, event))
        lane.send(event)
        assert rows(platform.points(lane.run)) == rows(entries.points)
        assert math.isnan(next(p.value for p in entries.points if p.key == "nan"))

    def test_numbers_of_all_kinds_are_exact(self, platform, lane):
        """Floats come back to the last bit; booleans are 0 and 1; texts are no points."""
        chance = random.Random(11)
        values = {
            f"f{i}": chance.uniform(-1, 1) * 10 ** chance.randint(-300, 300) for i in range(50)
        }
        odd = {"yes": True, "no": False, "int": 2**53, "tiny": 5e-324, "zero": -0.0}
        lane.send(lane.log({**values, **odd, "text": "no point"}))
        held = {p.key: p.value for p in platform.points(lane.run)}
        assert held == {**values, **odd}

    def test_config_is_there(self, platform, lane):
        """Config values are readable there: texts as they are, the rest as JSON."""
        config = {"lr": 0.1, "name": "adam", "deep": [1, "two", None], "none": None, "empty": ""}
        lane.send(lane.make(Config, {**config, "flag": True}))
        held = platform.params(lane.run)
        told = {"lr": "0.1", "name": "adam", "deep": '[1,"two",null]', "none": "null", "empty": ""}
        assert {**told, "flag": "true"}.items() <= held.items()

    def test_tags_set_and_removed(self, platform, lane):
        """The last word on a tag holds, within a batch and across batches."""
        lane.send(
            lane.make(Start, "p", "n", None, None, None, {"plain": "", "stage": "one"}),
            lane.make(Tags, {"gone": "x", "back": "x"}, []),
            lane.make(Tags, {}, ["gone", "back"]),
            lane.make(Tags, {"back": "again"}, []),
        )
        batch = lane.send(lane.make(Tags, {"stage": "two"}, ["plain", "never there"]))
        lane.sink.send(lane.run, batch)
        held = platform.tags(lane.run)
        assert held["stage"] == "two"
        assert held["back"] == "again"
        assert not {"plain", "gone", "never there"} & set(held)

    def test_hard_names(self, platform, lane):
        """Any name reaches the platform as `key` says, and two names never become one."""
        names = [
            "loss@5", "a[0](b)%#=,\\", "a//b", "/a", "a/", "..", ".", "../up", "a/../b", "..a",
            "emoji 🎉", "héé/日本", "_x40_", "_x_", "tab\tand\nline", "quote'\"`", "n" * 400,
            "n" * 401, " lead", "summary/loss", "tracker.run_id",
        ]  # fmt: skip
        lane.send(lane.log({name: float(i) for i, name in enumerate(names)}))
        held = {p.key: p.value for p in platform.points(lane.run)}
        assert held == {lane.sink.key(name): float(i) for i, name in enumerate(names)}
        assert len(held) == len(names)

    def test_position_follows_what_was_sent(self, platform, lane):
        """The remote itself tells how far it is, so losing our own state costs nothing."""
        before = lane.sink.position(lane.run)
        if before is None:
            pytest.skip("this platform cannot say")
        assert before == Cursors()
        lane.send(lane.log({"a": 1}), lane.log({"a": 2}))
        assert platform.sink().position(lane.run) == Cursors({WRITER: 2})
        lane.sink.keep(lane.run, Cursors({WRITER: 2}, {WRITER: 1}))
        lane.send(lane.log({"a": 3}))
        assert platform.sink().position(lane.run) == Cursors({WRITER: 3}, {WRITER: 1})

    def test_a_batch_that_nothing_is_left_of_moves_the_cursor(self, platform, lane):
        """As where the policy of the remote leaves out all that it held."""
        lane.sink.send(lane.run, Batch(1, [], {}, Cursors({WRITER: 7})))
        if lane.sink.position(lane.run) is None:
            pytest.skip("this platform cannot say")
        assert platform.sink().position(lane.run) == Cursors({WRITER: 7})
        assert platform.points(lane.run) == []

    def test_files(self, platform, lane, tmp_path):
        """Large, empty and oddly named files arrive whole, and a repeat changes nothing."""
        chance = random.Random(12)
        wanted = [
            file_of(tmp_path, "model/v1/weights.bin", chance.randbytes(40 * 2**20)),
            file_of(tmp_path, "model/v1/empty", b""),
            file_of(tmp_path, "odd/50% #1?;x:é & 日本.txt", b"odd"),
            file_of(tmp_path, "odd/%41 _x25_", b"odder"),
            file_of(tmp_path, "odd/" + "#" * 80, b"long where it is escaped"),
        ]
        for file in [*wanted, wanted[0]]:
            lane.sink.put(lane.run, file)
        (tmp_path / "down").mkdir()
        held = platform.files(lane.run, tmp_path / "down")
        assert sorted(held.values()) == sorted(file.digest for file in wanted)
        read_back = lane.sink.read_back(lane.run).files
        assert read_back == {lane.sink.path(f.path): f.digest for f in wanted}

    def test_a_file_is_replaced_whole(self, platform, lane, tmp_path):
        """What is put at a path replaces what was there, shorter content too."""
        lane.sink.put(lane.run, file_of(tmp_path, "run.json", b"first and longer"))
        lane.sink.put(lane.run, file_of(tmp_path, "run.json", b"second"))
        (tmp_path / "down").mkdir()
        expected = {"run.json": hashlib.sha256(b"second").hexdigest()}
        assert platform.files(lane.run, tmp_path / "down") == expected

    def test_a_file_that_changed_here_is_refused(self, platform, lane, tmp_path):
        """Content that is not what was recorded is named and never replaces good content."""
        good = file_of(tmp_path, "m.bin", bytes(3 * 2**20))
        lane.sink.put(lane.run, good)
        good.source.write_bytes(b"x" * good.size)
        with pytest.raises(Rejected, match=r"m\.bin"):
            lane.sink.put(lane.run, good)
        (tmp_path / "down").mkdir()
        assert platform.files(lane.run, tmp_path / "down") == {"m.bin": good.digest}

    @pytest.mark.parametrize("status", ["finished", "failed", "killed", "crashed"])
    def test_finish(self, platform, lane, status):
        """Status and end are what they were, however late and often they are told."""
        lane.sink.finish(lane.run, "running", None, lane.state)
        assert platform.outcome(lane.run) == (platform.word("running"), None)
        for _ in range(2):
            lane.sink.finish(lane.run, status, T0 + 5_000 * MS, lane.state)
        ended = (T0 + 5_000 * MS) // MS
        assert platform.outcome(lane.run) == (platform.word(status), ended)
        held = lane.sink.read_back(lane.run)
        assert (held.status, held.ended_at_ms) == (status, ended)

    def test_points_are_taken_after_finish(self, platform, lane):
        """A run that ended takes what a late journal still brings."""
        lane.sink.finish(lane.run, "finished", T0, lane.state)
        lane.send(lane.log({"late": 1.0}))
        assert [p.key for p in platform.points(lane.run)] == ["late"]

    def test_what_is_refused_is_named_and_all_else_arrives(self, platform, lane):
        """One entry that no server takes parks itself only, and the cursor goes on."""
        good = [lane.log({"a": i}, step=i, time=T0 + i * MS) for i in range(30)]
        bad = platform.hopeless(lane)
        more = [lane.log({"b": i}, step=i, time=T0 + i * MS) for i in range(30)]
        batch = lane.batch(*good, bad, lane.make(Config, {"c": 1}), *more)
        with pytest.raises(Rejected) as caught:
            lane.sink.send(lane.run, batch)
        assert [(r.writer_id, r.seq) for r in caught.value.refused] == [(WRITER, bad.seq)]
        assert caught.value.refused[0].reason
        assert len(platform.points(lane.run)) == 60
        assert platform.params(lane.run)["c"] == "1"
        assert lane.sink.position(lane.run) in (None, batch.cursors)

    def test_credentials_that_are_refused(self, platform):
        """Refused credentials are `Unauthorized`, whatever is asked, and are not in the text."""
        sink = platform.unauthorized()
        for call in (sink.check, lambda: sink.open(head())):
            with pytest.raises(Unauthorized) as caught:
                call()
            assert "s3cret" not in str(caught.value)

    def test_check(self, sink):
        """The remote tells its version, and its clock is ours here."""
        check = sink.check()
        assert check.version
        assert check.clock_offset_s is None or abs(check.clock_offset_s) < 5

    def test_a_remote_that_is_not_there(self, platform):
        """An address where nobody listens is worth another try, and is named."""
        sink = platform.sink("http://127.0.0.1:9")
        with pytest.raises(Retryable, match=r"127\.0\.0\.1:9") as caught:
            sink.open(head())
        assert not isinstance(caught.value, OutcomeUnknown)

    def test_lost_answers(self, platform, tmp_path):
        """With a third of all requests broken in every way, repeats make it exact."""
        seed = 20_261
        print(f"seed {seed}")  # noqa: T201 - pytest shows it where the test fails
        rates = dict.fromkeys(
            ["lost", "cut", "reset", "refuse", "500", "503", "429", "delay"], 0.04
        )
        wanted = head()
        with FaultProxy(platform.url, seed, rates) as proxy:
            lane = self._lane_through(platform, proxy, wanted)
            expected = self._deliver_all(lane)
            file = file_of(tmp_path, "a/b.bin", random.Random(seed).randbytes(2**20))
            self._until(lambda: lane.sink.put(lane.run, file))
            self._until(lambda: lane.sink.finish(lane.run, "finished", T0, lane.state))
            assert sum(proxy.faults[fault] for fault in rates) > 10
            assert proxy.faults["lost"] + proxy.faults["cut"] + proxy.faults["reset"] > 3
        assert len(platform.runs(wanted)) == 1
        assert rows(platform.points(lane.run)) == rows(expected)
        assert platform.params(lane.run)["p9"] == "9"
        (tmp_path / "down").mkdir()
        assert platform.files(lane.run, tmp_path / "down") == {"a/b.bin": file.digest}

    def test_read_back_equals_what_was_translated(self, platform, lane):
        """What is read back is, point for point, what `translate` said."""
        chance = random.Random(13)
        events: list[Event] = [
            lane.log(
                {"x": chance.random(), "y@": chance.choice([1, math.nan, math.inf])}, step=i // 2
            )
            for i in range(60)
        ]
        events.append(lane.make(Summary, {"best": 0.5, "word": "good", "list": [1]}))
        events.append(lane.make(Finish, "finished"))
        batch = lane.send(*events)
        state, expected, tags = batch.state, [], {}
        for item in batch.items:
            entries, state = lane.sink.translate(state, item)
            expected += entries.points
            tags.update(entries.tags)
        held = lane.sink.read_back(lane.run)
        assert rows(list(held.points)) == rows(expected) == rows(platform.points(lane.run))
        assert tags.items() <= held.tags.items()
        assert held.params == platform.params(lane.run)

    def _lane_through(self, platform: Platform, proxy: FaultProxy, wanted: Head) -> Lane:
        sink = platform.sink(proxy.url)
        return Lane(sink, self._until(lambda: sink.open(wanted)))

    def _deliver_all(self, lane: Lane) -> list[Point]:
        expected: list[Point] = []
        for part in range(25):
            events: list[Event] = [
                lane.log({"a": float(part), "b": float(i)}, step=i, time=T0 + part * MS)
                for i in range(20)
            ]
            batch = lane.batch(*events, lane.make(Config, {f"p{part}": part}))
            self._until(lambda sent=batch: lane.sink.send(lane.run, sent))
            expected += [Point("a", i, T0 // MS + part, float(part)) for i in range(20)]
            expected += [Point("b", i, T0 // MS + part, float(i)) for i in range(20)]
        return expected

    @staticmethod
    def _until(call: Any) -> Any:
        """Call again for as long as the contract says that it may heal, up to a limit."""
        for attempt in itertools.count(1):
            try:
                return call()
            except Retryable:  # noqa: PERF203 - the loop is there for it
                assert attempt < 50
        raise AssertionError
