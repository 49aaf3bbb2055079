"""The MLflow sink against a real server; results are read with MLflow's own client."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncd.sinks import Cursors, Head, Item, Point, Rejected, Remote, RemoteRun, Retryable, Sink
from syncd.sinks.mlflow import MlflowSink
from syncd.sinks.mlflow.opening import DUPLICATE_TAG, RUN_TAG
from tests.contract.contract import SinkContract
from tests.contract.platform import MS, T0, WRITER, Lane, Platform, head, rows
from tests.servers import MlflowServer
from tracker.errors import BadInput
from tracker.events import Config, Start, Summary, Tags

with warnings.catch_warnings():
    # What mlflow's own imports warn of is not ours to mend.
    warnings.simplefilter("ignore")
    import mlflow.artifacts
    from mlflow import MlflowClient
    from mlflow.entities import ViewType


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked up when they are needed first, by the sink that `Mlflow.unauthorized` makes."""
    monkeypatch.setenv("TRACKER_REMOTE_REFUSED_TOKEN", "s3cret")


class Mlflow(Platform):
    """A real server, seen through `MlflowClient`."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.client = MlflowClient(url)

    def make(self, url: str, options: Mapping[str, Any]) -> MlflowSink:
        return MlflowSink(Remote("lab", "mlflow", url, options))

    def unauthorized(self) -> MlflowSink:
        transport = httpx.MockTransport(
            lambda request: httpx.Response(401, text=f"no: {request.headers['authorization']}")
        )
        return MlflowSink(Remote("refused", "mlflow", self.url), transport=transport)

    def runs(self, head: Head) -> list[str]:
        found = self.client.search_runs(
            [self.experiment_id(head)], f"tags.`{RUN_TAG}` = '{head.run_id}'"
        )
        return [run.info.run_id for run in found]

    def experiment_id(self, head: Head) -> str:
        """Id of a run's experiment."""
        return str(self.client.get_experiment_by_name(head.project).experiment_id)

    def points(self, run: RemoteRun) -> list[Point]:
        return [
            Point(m.key, m.step, m.timestamp, m.value)
            for key in self.client.get_run(run.id).data.metrics
            for m in self.client.get_metric_history(run.id, key)
        ]

    def params(self, run: RemoteRun) -> Mapping[str, str]:
        return dict(self.client.get_run(run.id).data.params)

    def tags(self, run: RemoteRun) -> Mapping[str, str]:
        return dict(self.client.get_run(run.id).data.tags)

    def files(self, run: RemoteRun, folder: Path) -> Mapping[str, str]:
        mlflow.artifacts.download_artifacts(
            run_id=run.id, dst_path=str(folder), tracking_uri=self.url
        )
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }

    def outcome(self, run: RemoteRun) -> tuple[str, int | None]:
        info = self.client.get_run(run.id).info
        return info.status, info.end_time

    def word(self, status: str) -> str:
        return "KILLED" if status == "crashed" else status.upper()


@pytest.fixture
def platform(mlflow_server: MlflowServer) -> Iterator[Mlflow]:
    made = Mlflow(mlflow_server.url)
    yield made
    made.close()


class TestMlflow(SinkContract):
    """The contract, at MLflow."""


@pytest.fixture
def sink(platform: Mlflow) -> Sink:
    return platform.sink()


@pytest.fixture
def lane(sink: MlflowSink) -> Lane:
    return Lane(sink, sink.open(head()))


def test_the_head_is_all_there(platform, sink):
    """Name, real start, user, program, notes, group and job type are where MLflow shows them."""
    about = {"user": "ada", "program": "train.py", "host": "h", "git_commit": "c" * 40,
             "git_remote": "https://host/a.git"}  # fmt: skip
    wanted = head(group="g1", job_type="eval", notes="n" * 9000, about=about)
    run = sink.open(wanted)
    held = platform.client.get_run(run.id)
    assert held.info.run_name == "a run"
    assert held.info.start_time == T0 // MS
    assert held.data.tags["mlflow.user"] == "ada"
    assert held.data.tags["mlflow.source.name"] == "train.py"
    assert held.data.tags["mlflow.source.git.commit"] == "c" * 40
    assert held.data.tags["mlflow.source.git.repoURL"] == "https://host/a.git"
    assert held.data.tags["tracker.group"] == "g1"
    assert held.data.tags["tracker.job_type"] == "eval"
    assert len(held.data.tags["mlflow.note.content"]) == 8000
    assert "[cut: 9000 characters" in held.data.tags["mlflow.note.content"]
    assert run.url == f"{platform.url}/#/experiments/{platform.experiment_id(wanted)}/runs/{run.id}"


@pytest.mark.parametrize(
    "project", ["sp ace/[x] 'q' \"#%?&é🎉", "a//b/../", "p" * 700, "-", "日本\n\t"]
)
def test_odd_project_names(sink, project):
    """Any project name has its experiment, and finds it again."""
    wanted = head(project=project)
    assert sink.open(wanted).id == sink.open(wanted).id


def test_nested_groups(platform):
    """With the option, runs of a group share one finished parent run per project."""
    sink = platform.sink(nested_groups=True)
    first = head(group="it's a `group`")
    second = head(group=first.group, project=first.project)
    parents = {platform.tags(sink.open(h))["mlflow.parentRunId"] for h in (first, second, first)}
    assert len(parents) == 1
    parent = platform.client.get_run(parents.pop())
    assert parent.info.run_name == first.group
    assert parent.info.status == "FINISHED"
    assert "mlflow.parentRunId" not in parent.data.tags


def test_a_duplicate_is_removed_and_never_the_run_with_data(platform, sink):
    """A second run of the same tag, as a killed client leaves it, goes; the one with data stays."""
    wanted = head()
    lane = Lane(sink, sink.open(wanted))
    lane.send(lane.log({"a": 1.0}))
    experiment = platform.experiment_id(wanted)
    for _ in range(4):  # of four random ids one is smaller, but for a chance of 1 in 5
        platform.client.create_run(experiment, tags={RUN_TAG: wanted.run_id})
    assert sink.open(wanted).id == lane.run.id
    assert platform.runs(wanted) == [lane.run.id]
    gone = platform.client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY)
    assert {run.data.tags[DUPLICATE_TAG] for run in gone} == {lane.run.id}


def test_a_run_that_a_person_deleted(platform, sink):
    """It is not made anew behind their back, and the text says what to do; an option allows it."""
    wanted = head()
    lane = Lane(sink, sink.open(wanted))
    platform.client.delete_run(lane.run.id)
    with pytest.raises(Rejected, match="Restore it"):
        lane.send(lane.log({"a": 1.0}))
    with pytest.raises(Rejected, match="recreate_deleted"):
        sink.open(wanted)
    assert platform.sink(recreate_deleted=True).open(wanted).id != lane.run.id


def test_a_run_that_lost_against_its_twin_is_to_be_opened_again(platform, lane):
    """Data for a run that was removed as a duplicate is neither lost nor parked."""
    platform.client.set_tag(lane.run.id, DUPLICATE_TAG, "another")
    platform.client.delete_run(lane.run.id)
    with pytest.raises(Retryable, match="another is kept"):
        lane.send(lane.log({"a": 1.0}))


def test_a_run_that_is_gone_for_good(sink):
    """A run that the server does not know is to be opened again."""
    lane = Lane(sink, RemoteRun("0" * 32, ""))
    with pytest.raises(Retryable, match="open it again"):
        lane.send(lane.log({"a": 1.0}))


def test_long_histories_are_read_in_pages(platform, lane, monkeypatch):
    """Every point is read, whatever the page holds."""
    monkeypatch.setattr("syncd.sinks.mlflow.rest.HISTORY_PAGE", 7)
    lane.send(*(lane.log({"a": i, "b": float("nan")}, time=T0 + i * MS) for i in range(40)))
    assert rows(list(lane.sink.read_back(lane.run).points)) == rows(platform.points(lane.run))
    assert len(platform.points(lane.run)) == 80


def test_a_deleted_experiment(platform, sink):
    """It is said, with what to do."""
    wanted = head()
    sink.open(wanted)
    platform.client.delete_experiment(platform.experiment_id(wanted))
    with pytest.raises(Rejected, match="Restore it"):
        sink.open(wanted)


def test_a_changed_config_value_is_a_tag(platform, lane):
    """A param keeps its first value; the tag has the last one, even if it is the first again."""
    lane.send(lane.make(Config, {"lr": 0.1, "same": 1}))
    lane.send(lane.make(Config, {"lr": 0.1}))
    assert "config.lr" not in platform.tags(lane.run)
    entries, _ = lane.sink.translate(lane.state, Item(WRITER, lane.make(Config, {"lr": 0.2})))
    assert [(note.what, note.key) for note in entries.notes] == [("changed", "lr")]
    lane.send(lane.make(Config, {"lr": 0.2, "same": 1}))
    assert platform.tags(lane.run)["config.lr"] == "0.2"
    lane.send(lane.make(Config, {"lr": 0.1}))
    assert platform.tags(lane.run)["config.lr"] == "0.1"
    assert platform.params(lane.run) == {"lr": "0.1", "same": "1"}


def test_a_param_that_changed_unseen_is_a_tag_too(platform, lane):
    """With the state lost, what the server refuses to change becomes the tag, at once."""
    first = {f"p{i}": i for i in range(250)}
    lane.send(lane.make(Config, first))
    lane.state = {}
    changed = {key: value + 1000 for key, value in first.items()}
    batch = lane.batch(lane.log({"a": 1.0}), lane.make(Config, {**changed, "new": 1}))
    ack = lane.sink.send(lane.run, batch)
    assert sum(note.what == "changed" for note in ack.notes) == 250
    assert lane.sink.send(lane.run, batch).state == ack.state
    tags, params = platform.tags(lane.run), platform.params(lane.run)
    assert {key: tags[f"config.{key}"] for key in first} == {k: str(v) for k, v in changed.items()}
    assert params == {**{k: str(v) for k, v in first.items()}, "new": "1"}
    assert len(platform.points(lane.run)) == 1


def test_long_values_are_cut_and_said(platform, lane):
    """Params are cut to 6,000 and tags to 8,000 characters, with a digest of the whole."""
    event = lane.make(Config, {"long": "é" * 7000, "fits": "x" * 6000, "nul": "a\0b"})
    entries, _ = lane.sink.translate({}, Item(WRITER, event))
    assert [(n.what, n.key) for n in entries.notes] == [("cut", "long"), ("mapped", "nul")]
    lane.send(event, lane.make(Tags, {"t": "y" * 9000}, []))
    params = platform.params(lane.run)
    digest = hashlib.sha256(("é" * 7000).encode()).hexdigest()[:16]
    assert len(params["long"]) == 6000
    assert digest in params["long"]
    assert params["fits"] == "x" * 6000
    assert params["nul"] == "a\\x00b"
    assert len(platform.tags(lane.run)["t"]) == 8000


def test_summary(platform, lane):
    """Numbers are metrics below summary/, the rest tags; a user's own summary/ stays apart."""
    lane.send(
        lane.log({"summary/best": 9.0}, step=4),
        lane.make(Summary, {"best": 0.5, "n": 3, "ok": True, "text": "good", "l": [1, 2]}),
    )
    held = {(p.key, p.step): p.value for p in platform.points(lane.run)}
    assert held == {("summary/best", 0): 0.5, ("summary/n", 0): 3.0, ("_x73_ummary/best", 4): 9.0}
    tags = platform.tags(lane.run)
    assert (tags["summary.ok"], tags["summary.text"]) == ("true", "good")
    assert tags["summary.l"] == "[1,2]"


def test_infinities_leave_a_tag(platform, lane):
    """Where an infinity became the largest number, a tag says so."""
    lane.send(lane.log({"a@b": float("inf")}))
    assert platform.points(lane.run)[0].value == 1.7976931348623157e308
    assert platform.tags(lane.run)["tracker.infinite.a_x40_b"] == "true"


def test_user_tags_never_touch_ours(platform, lane):
    """Tags named like ours are kept beside them, and MLflow's own can be set."""
    ours = platform.tags(lane.run)[RUN_TAG]
    tags = {
        RUN_TAG: "mine",
        f"tracker.cursor.{WRITER}": "99",
        "config.lr": "u",
        "mlflow.user": "me",
    }
    lane.send(lane.make(Start, "p", "n", None, None, None, tags), lane.make(Tags, {}, [RUN_TAG]))
    held = platform.tags(lane.run)
    assert held[RUN_TAG] == ours
    assert lane.sink.position(lane.run) == Cursors({WRITER: 2})
    assert held["_x63_onfig.lr"] == "u"
    assert held["mlflow.user"] == "me"
    assert "_x74_racker.run_id" not in held


def test_tags_that_a_late_request_set_back_are_put_right_at_the_end(platform, lane):
    """A killed sender's request, worked off behind later ones, does not have the last word."""
    first = {"removed": "raw", "changed": "one", "again": "one"}
    lane.send(lane.make(Tags, first, []))
    lane.send(lane.make(Tags, {"changed": "two"}, ["removed", "again"]))
    lane.send(lane.make(Tags, {"again": "two", "edited": "one"}, []))
    lane.send(lane.make(Tags, {"edited": "two"}, []))
    for key, value in first.items():
        platform.client.set_tag(lane.run.id, key, value)
    platform.client.set_tag(lane.run.id, "edited", "by a person")
    lane.sink.finish(lane.run, "finished", T0, lane.state)
    held = platform.tags(lane.run)
    assert "removed" not in held
    assert (held["changed"], held["again"], held["edited"]) == ("two", "two", "by a person")


def test_a_batch_beyond_every_limit(platform, lane):
    """More params, tags, points and bytes than a request takes go in several requests."""
    batch = lane.send(
        lane.make(Config, {f"p{i}": "x" * 5000 for i in range(230)}),
        lane.make(Tags, {f"t{i}": "y" * 7000 for i in range(230)}, []),
        *(lane.log({f"m{i}": float(i) for i in range(100)}, step=step) for step in range(23)),
    )
    assert len(platform.params(lane.run)) == 230
    assert sum(key.startswith("t") for key in platform.tags(lane.run)) >= 230
    assert len(list(lane.sink.read_back(lane.run).points)) == 2300
    assert lane.sink.position(lane.run) == batch.cursors


def test_many_writers(platform, lane):
    """The cursors of hundreds of writers are kept too."""
    cursors = Cursors({f"w{i}": i for i in range(250)}, {f"w{i}": 1 for i in range(10)})
    lane.sink.keep(lane.run, cursors)
    assert lane.sink.position(lane.run) == cursors
    batch = lane.batch(lane.log({"a": 1.0}))
    lane.sink.send(lane.run, type(batch)(1, batch.items, {}, Cursors(cursors.events)))
    assert len(platform.points(lane.run)) == 1


def test_the_server_restarts_in_between(start_mlflow):
    """What was acknowledged is there after a crash of the server, and the rest is sent again."""
    server = start_mlflow()
    platform = Mlflow(server.url)
    sink = platform.sink()
    lane = Lane(sink, sink.open(head()))
    lane.send(lane.log({"a": 1.0}))
    server.kill()
    batch = lane.batch(lane.log({"a": 2.0}))
    with pytest.raises(Retryable):
        sink.send(lane.run, batch)
    server.start()
    assert sink.position(lane.run) == Cursors({WRITER: 1})
    sink.send(lane.run, batch)
    assert sorted(p.value for p in platform.points(lane.run)) == [1.0, 2.0]
    platform.close()


def test_repeats_are_found_without_sending_data(platform, sink):
    """Opening a run that is there and asking its position carries no data.

    The first time a sink opens a run it asks for the version too.
    """
    wanted = head()
    Lane(sink, sink.open(wanted))
    again = platform.sink()
    again.position(again.open(wanted))
    assert again.traffic.data_requests == 0
    assert again.traffic.requests_total == 4
    again.open(wanted)
    assert again.traffic.requests_total == 6


@pytest.mark.parametrize("options", [{"nested": True}, {"nested_groups": "yes"}])
def test_options_that_are_none(platform, options):
    """An unknown option or a value of the wrong kind is named."""
    with pytest.raises(BadInput, match="nested"):
        platform.sink(**options)


def test_an_address_of_something_else(platform):
    """A web server that is no MLflow is worth another try and a look at the address."""
    sink = platform.sink(platform.url + "/ajax")
    with pytest.raises(Retryable, match="address"):
        sink.open(head())
