"""The W&B sink against a stand-in server; what arrived is read by the real client."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator

import pytest

from syncd.media import path
from syncd.sinks import Batch, Cursors, Item, Rejected, Retryable, Sink
from tests.contract.contract import SinkContract
from tests.contract.platform import MS, T0, WRITER, Lane, file_of, head
from tests.contract.wandb_platform import Wandb
from tests.doubles.wandb_server import KEY, Limit, WandbServer
from tracker.errors import BadInput
from tracker.events import Config, Console, Log, Media, MediaFile, Summary, System, Tags, Unknown


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """Credentials for the sink, and folders of their own for the client."""
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("TRACKER_REMOTE_REFUSED_TOKEN", "s3cret")
    for name in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path))


@pytest.fixture(scope="module")
def server() -> Iterator[WandbServer]:
    with WandbServer() as started:
        yield started


@pytest.fixture
def platform(server: WandbServer) -> Iterator[Wandb]:
    server.complaints.clear()
    made = Wandb(server)
    yield made
    made.close()
    assert server.complaints.keys() <= {"unauthorized"}, server.complaints


class TestWandb(SinkContract):
    """The contract, at W&B."""


@pytest.fixture
def sink(platform: Wandb) -> Sink:
    return platform.sink()


@pytest.fixture
def lane(sink: Sink) -> Lane:
    return Lane(sink, sink.open(head()))


def test_the_head_is_all_there(platform, sink):
    """Name, group, job type, notes, host and the metadata file are where W&B shows them."""
    about = {"user": "ada", "program": "train.py", "host": "h", "platform": "Linux 6", "pid": 7,
             "git_commit": "c" * 40, "git_remote": "https://host/a.git"}  # fmt: skip
    wanted = head(group="g1", job_type="eval", notes="some notes", about=about)
    run = sink.open(wanted)
    held = platform.run(run)
    assert (held.id, held.name) == (wanted.run_id, "a run")
    assert (held.group, held.job_type, held.notes) == ("g1", "eval", "some notes")
    assert run.url == f"{platform.url}/tester/{wanted.project}/runs/{wanted.run_id}"
    metadata = held.metadata
    assert (metadata["username"], metadata["os"], metadata["pid"]) == ("ada", "Linux 6", 7)
    assert metadata["startedAt"].startswith("2026-09-21T")
    assert metadata["git"] == {"commit": "c" * 40, "remote": "https://host/a.git"}
    assert held.commit == "c" * 40
    lane = Lane(sink, run)
    lane.send(lane.log({"a": 1.0}))
    puts = len(platform.server.requests["PUT file"])
    platform.sink().open(wanted)
    assert len(platform.server.requests["PUT file"]) == puts


def test_media_stand_in_rows_and_name_their_files(platform, lane, tmp_path):
    """Of media a row has the value that W&B's pages show; its path is where the file is put."""
    content = b"a picture"
    digest = hashlib.sha256(content).hexdigest()
    picture = lane.make(
        Media, 3, "eval/img", "image", [MediaFile("a b.png", digest, len(content))],
        {"caption": "c"},
    )  # fmt: skip
    bars = lane.make(Media, 3, "bars", "histogram", [], {"values": [1, 2], "bins": [0, 1, 2]})
    note = lane.make(Media, 4, "model", "artifact", [], {"aliases": ["best"]})
    large = lane.make(Media, 5, "large", "plotly", [], {"text": "x" * 70_000})
    lane.send(lane.log({"loss": 0.5}, step=3), picture, bars, note)
    lane.send(lane.log({"loss": 0.25}, step=4), large)
    lane.sink.put(lane.run, file_of(tmp_path, path(picture, 0), content))
    first, second = platform.rows(lane.run)
    assert (first["_step"], first["loss"]) == (3, 0.5)
    assert first["bars"] == {"_type": "histogram", "values": [1, 2], "bins": [0, 1, 2]}
    assert (second["_step"], second.keys() & {"model", "large"}) == (4, set())
    shown = first["eval/img"]
    assert (shown["_type"], shown["caption"], shown["sha256"]) == ("image-file", "c", digest)
    assert platform.files(lane.run, tmp_path)[shown["path"]] == digest
    assert platform.run(lane.run).summary["eval/img"]["path"] == shown["path"]


def test_metrics_and_charts_stand_where_the_pages_look_for_them(platform, lane):
    """What `define_metric` said, and how a chart is drawn, is in the config's `_wandb`."""
    chart = {"panel_type": "Vega2", "panel_config/panelDefId": "wandb/line/v0"}
    lane.send(lane.make(Config, {"lr": 0.1, "_wandb/metrics": [{"name": "epoch"}]}))
    lane.send(lane.make(Config, {f"_wandb/visualize/a/b/{key}": v for key, v in chart.items()}))
    assert platform.params(lane.run) == {"lr": "0.1"}
    held = platform.server.run("tester", lane.run.handle["project"], lane.run.id).config["_wandb"]
    assert held["m"] == [{"1": "epoch", "6": [3], "7": []}]
    assert held["visualize"]["a/b"]["panel_config"]["panelDefId"] == "wandb/line/v0"


def test_config_and_summary_keep_their_types(platform, lane):
    """Numbers are numbers there; a summary value that was set wins over the last one logged."""
    config = {"lr": 0.1, "n": 3, "on": True, "deep": {"a": [1, None]}, "inf": math.inf}
    lane.send(
        lane.make(Config, config), lane.log({"loss": 0.5, "acc": 0.9}, step=1),
        lane.make(Summary, {"acc": 0.95, "words": ["a"]}), lane.log({"acc": 0.1}, step=2),
    )  # fmt: skip
    held = platform.run(lane.run)
    own = {key: value for key, value in held.config.items() if key != "_tracker"}
    assert own == {**config, "inf": "Infinity"}
    assert (held.summary["loss"], held.summary["acc"], held.summary["_step"]) == (0.5, 0.95, 2)
    assert list(held.summary["words"]) == ["a"]
    lane.send(lane.make(Config, {"lr": 0.2}))
    assert platform.run(lane.run).config["lr"] == 0.2


def test_tags_with_values(platform, lane):
    """They are shown as name:value up to 64 characters; tags that a person set there stay."""
    lane.send(lane.make(Tags, {"plain": "", "stage": "one", "long": "v" * 100}, []))
    held = platform.run(lane.run)
    shown = {"plain", "stage:one", next(tag for tag in held.tags if tag.startswith("long"))}
    assert set(held.tags) == shown
    assert max(map(len, held.tags)) == 64
    held.tags = [*held.tags, "by hand"]
    held.update()
    other = Lane(platform.sink(), lane.run)
    other.seq = lane.seq
    other.send(lane.make(Tags, {"stage": "two"}, ["long"]))
    assert set(platform.run(lane.run).tags) == {"plain", "stage:two", "by hand"}
    assert lane.sink.read_back(lane.run).tags == {"plain": "", "stage": "two"}


def test_calls_at_one_step_are_one_row(platform, lane):
    """As with W&B's own client; the times of later calls are kept, also across batches."""
    lane.send(lane.log({"a": 1.0}, step=7), lane.log({"b": 2.0}, step=7, time=T0 + 3 * MS))
    lane.send(lane.log({"c": 3.0, "text": "t"}, step=7, time=T0 + 5 * MS))
    [row] = platform.rows(lane.run)
    assert (row["_step"], row["a"], row["b"], row["c"], row["text"]) == (7, 1.0, 2.0, 3.0, "t")
    held = sorted(platform.points(lane.run), key=lambda point: point.key)
    assert [point.time_ms - T0 // MS for point in held] == [0, 3, 5]


def test_late_steps_stand_in_order_with_the_true_one(platform, lane):
    """W&B's steps only grow, each row has its own; the receipt says once that some are moved."""
    steps = [5, 1, 5, -3, 6, 100, 6, 2**60]
    batch = lane.batch(*(lane.log({"v": float(i)}, step=s) for i, s in enumerate(steps)))
    ack = lane.sink.send(lane.run, batch)
    held = platform.rows(lane.run)
    assert [row["_step"] for row in held] == [5, 6, 7, 8, 9, 100, 101, 102]
    assert [row.get("_tracker_step", row["_step"]) for row in held] == steps
    assert {note.what for note in ack.notes} == {"moved"}
    assert len(set(ack.notes)) == 1


def test_texts_that_read_as_numbers(platform, lane):
    """A text "NaN" is told apart from the number."""
    lane.send(lane.log({"text": "NaN", "number": math.nan, "long": "x" * 100_000}))
    [row] = platform.rows(lane.run)
    assert (row["text"], row["number"]) == ('"NaN"', "NaN")
    assert len(row["long"]) == 65_536
    assert "cut: 100000 characters" in row["long"]
    assert [point.key for point in lane.sink.read_back(lane.run).points] == ["number"]


def test_system_metrics_and_console(platform, lane):
    """Measures are W&B's system metrics; lines are the log, with what a terminal would show."""
    lane.send(
        lane.make(System, {"cpu": 12.5, "gpu.0.memory": 3.0}),
        lane.make(Console, "stdout", "first\nsec"),
        lane.make(Console, "stderr", "oh\n"),
    )
    lane.send(
        lane.make(Console, "stdout", "ond\n10%\r20%\r"),
        lane.make(Console, "stdout", "30%\rdone\n"),
        lane.make(System, {"cpu": 14.0}),
    )  # fmt: skip
    held = platform.run(lane.run)
    measures = held.history(stream="system", pandas=False)
    assert [row["system.cpu"] for row in measures] == [12.5, 14.0]
    assert measures[0]["system.gpu.0.memory"] == 3.0
    console = platform.server.run("tester", lane.run.handle["project"], lane.run.id).console
    assert [line.split(" ", 1)[1] for line in console if not line.startswith("ERROR ")] == [
        "first", "second", "done",
    ]  # fmt: skip
    assert console[2].startswith("ERROR 2026-")
    assert console[2].endswith(" oh")


def test_a_deleted_run_is_delivered_anew_under_the_next_id(platform, sink, caplog):
    """Once; whoever looks for it finds it again, without syncd.db, and the receipt says so."""
    wanted = head()
    other = head(project=wanted.project, run_id=f"{wanted.run_id}-2")
    sink.open(other)  # somebody's run has the id that would be next
    lane = Lane(sink, sink.open(wanted))
    first = lane.log({"a": 1.0})
    lane.send(first)
    platform.server.delete("tester", wanted.project, wanted.run_id)
    with pytest.raises(Rejected, match="deleted") as caught:
        lane.send(lane.log({"a": 2.0}))
    assert caught.value.refused == ()
    again = Lane(sink, sink.open(wanted))
    assert again.run.id == platform.sink().open(wanted).id == f"{wanted.run_id}-3"
    assert "was deleted" in caplog.text
    assert sink.position(again.run) == Cursors()
    ack = sink.send(again.run, again.batch(first))
    assert [(note.what, note.key) for note in ack.notes] == [("mapped", wanted.run_id)]
    assert [point.value for point in platform.points(again.run)] == [1.0]
    platform.server.delete("tester", wanted.project, again.run.id)
    with pytest.raises(Rejected, match="third time"):
        sink.open(wanted)
    assert platform.points(sink.open(other)) == []
    platform.server.complaints.clear()  # it notes each refusal


def test_a_run_of_somebody_else_is_never_written_to(platform, sink):
    """A run of our id that wandb itself made keeps its rows; ours goes beside it."""
    wanted = head()
    theirs = platform.api.create_run(
        run_id=wanted.run_id, project=wanted.project, entity="tester"
    )  # fmt: skip
    assert sink.open(wanted).id == f"{wanted.run_id}-2"
    assert "_tracker" not in platform.api.run(f"tester/{wanted.project}/{theirs.id}").config


def test_stale_counts_change_nothing(platform, sink):
    """What the server counts of its rows is not what offsets come from."""
    wanted = head()
    lane = Lane(sink, sink.open(wanted))
    platform.server.stale_rows = 5
    try:
        for i in range(4):
            lane.send(*(lane.log({"v": float(4 * i + j)}, step=4 * i + j) for j in range(4)))
            lane.run = platform.sink().open(wanted)
    finally:
        platform.server.stale_rows = 0
    assert [row["v"] for row in platform.rows(lane.run)] == list(range(16))


def test_a_resend_overwrites_where_the_cursor_was_lost(platform, lane):
    """Rows arrived, the cursor did not: the same batch goes to the same offsets."""
    batch = lane.batch(*(lane.log({"v": float(i)}, step=i) for i in range(30)))
    for _ in range(3):
        platform.server.script["UpsertBucket"] = ["503"]
        with pytest.raises(Retryable):
            lane.sink.send(lane.run, batch)
    assert lane.sink.position(lane.run) == Cursors()
    lane.sink.send(lane.run, batch)
    held = platform.server.run("tester", lane.run.handle["project"], lane.run.id)
    assert [row["v"] for row in held.rows] == list(range(30))
    streams = len(platform.server.requests["file_stream"])
    for _ in range(3):
        platform.sink().send(lane.run, batch)
    assert len(platform.server.requests["file_stream"]) == streams


def test_a_lost_state_with_several_writers(platform, lane):
    """A state that was rebuilt in another order goes on behind what is there."""
    ranks = [Item(f"rank{i % 2}", Log(i // 2 + 1, T0, i // 2, {f"v{i % 2}": float(i)}))
             for i in range(12)]  # fmt: skip
    lane.sink.send(lane.run, Batch(1, ranks, {}, Cursors({"rank0": 6, "rank1": 6})))
    state: dict = {}
    for item in sorted(ranks, key=lambda item: item.writer_id):
        _, state = lane.sink.translate(state, item)
    rest = [
        Item("rank0", Log(7, T0, 5, {"joins": 12.0})),
        Item("rank1", Log(7, T0, 6, {"v1": 13.0})),
    ]
    batch = Batch(2, rest, state, Cursors({"rank0": 7, "rank1": 7}))
    for _ in range(2):
        platform.sink().send(lane.run, batch)
    assert sorted(point.value for point in platform.points(lane.run)) == list(range(14))
    assert len(platform.rows(lane.run)) == 14


def test_what_was_refused_goes_to_its_own_place_later(platform, lane, monkeypatch):
    """An empty row keeps it; and what an older version did not know goes behind all others."""
    state = lane.state
    long = lane.log({"wide": 1.0, "text": "x" * 300}, step=2)
    batch = lane.batch(
        lane.log({"v": 1.0}, step=1), long, Unknown(3, T0, 99, []), lane.log({"v": 3.0}, step=3)
    )  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr("syncd.sinks.wandb.sending.MAX_LINE", 200)
        with pytest.raises(Rejected, match="row 1 at step 2"):
            lane.sink.send(lane.run, batch)
    known = Log(3, T0, 3, {"known": 4.0})
    sink = platform.sink()
    for event in (long, known, long, known):  # as `syncd retry` does, and again
        sink.send(lane.run, Batch(2, [Item(WRITER, event)], state, batch.cursors))
    held = platform.rows(lane.run)
    assert [row["_step"] for row in held] == [1, 2, 3, 4]
    assert [point.value for point in platform.points(lane.run)] == [1.0, 1.0, 3.0, 4.0]


def test_sparse_steps_are_read_in_few_pages(platform, lane):
    """A range grows where few rows are."""
    steps = [*range(40), *range(10**6, 10**6 + 40), 2**40]
    lane.send(*(lane.log({"v": float(s)}, step=s) for s in steps))
    sink = platform.sink()
    assert [point.step for point in sink.read_back(lane.run).points] == steps
    assert sink.traffic.requests_total < 60


def test_a_limit_of_requests_is_respected(platform, lane):
    """A 429 says for how long, and nothing comes before."""
    platform.server.limits["file_stream"] = Limit(requests=1, window_s=1.0)
    try:
        lane.send(lane.log({"v": 1.0}, step=1))
        batch = lane.batch(lane.log({"v": 2.0}, step=2))
        with pytest.raises(Retryable) as caught:
            lane.sink.send(lane.run, batch)
        assert caught.value.retry_after
        time.sleep(caught.value.retry_after)
        lane.sink.send(lane.run, batch)
    finally:
        platform.server.limits.clear()
    assert [point.value for point in platform.points(lane.run)] == [1.0, 2.0]
    assert "impatient" not in platform.server.complaints


def test_a_gateway_that_takes_less(platform, lane, monkeypatch):
    """What is too large for it goes in halves."""
    batch = lane.batch(*(lane.log({"v": "x" * 1000, "n": float(i)}, step=i) for i in range(40)))
    monkeypatch.setattr("tests.doubles.wandb_server.door.MOST_STREAM_BYTES", 9_000)
    lane.sink.send(lane.run, batch)
    assert platform.server.complaints.pop("refused")
    assert [point.value for point in platform.points(lane.run)] == list(range(40))


def test_a_batch_is_two_requests(sink, monkeypatch):
    """The stream and the record, which is read again only when seconds have passed."""
    monkeypatch.setattr("syncd.sinks.wandb.records._FOR_S", 300.0)
    lane = Lane(sink, sink.open(head()))
    before = sink.traffic.requests_total
    for i in range(5):
        lane.send(lane.log({"v": float(i)}, step=i), lane.make(Config, {"i": i}))
    assert sink.traffic.requests_total - before == 10
    assert sink.traffic.data_requests >= 10


@pytest.mark.parametrize("project", ["a/b#?%:c", "p" * 300, "", "日本"])
def test_odd_project_names(sink, project):
    """Any project name has its project, and finds its run again."""
    wanted = head(project=project)
    assert sink.open(wanted).id == sink.open(wanted).id


def test_names_of_w_and_b(platform, lane, tmp_path):
    """Keys and files that W&B has names for are kept beside them."""
    lane.send(lane.log({"_step": 5.0, "_tracker": 6.0, "_x5f_step": 7.0}, step=1))
    assert sorted(point.value for point in platform.points(lane.run)) == [5.0, 6.0, 7.0]
    lane.sink.put(lane.run, file_of(tmp_path, "output.log", b"mine"))
    assert lane.sink.path("output.log") in lane.sink.read_back(lane.run).files


def test_another_entity(platform):
    """Runs go to the entity that the option names; the check tells whether one is in it."""
    sink = platform.sink(entity="team")
    assert sink.open(head()).handle["entity"] == "team"
    [permission] = [seen for seen in sink.check().seen if seen.what == "permission"]
    assert permission.level == "todo"
    assert all(seen.level == "ok" for seen in platform.sink().check().seen)


@pytest.mark.parametrize("options", [{"entitty": "x"}, {"entity": True}])
def test_options_that_are_none(platform, options):
    """An unknown option or a value of the wrong kind is named."""
    with pytest.raises(BadInput, match="entit"):
        platform.sink(**options)
