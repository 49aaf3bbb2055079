"""Every kind of answer at every kind of request: the right class, and in the end all is there.

A proxy before a real server answers each request of the MLflow sink in each of the ways that
servers, gateways and networks have. Where each answer is tested:

    answer                                   its class        a real syncd, with the oracle
    400 413 422                              at each request  parked, then `syncd retry`
    401 403                                  at each          the remote stops, and goes on
    404 405, not in MLflow's words           at each          tried again
    408 409 425 429 500 502 503 504          at each          tried again
    a redirect elsewhere                     at each          not followed, tried again
    a web page, broken JSON                  at each          tried again
    a gzip bomb, 16 MB of values, 100 MB     at each          tried again in bounded memory
    refused, reset, lost, cut, wrong length  at each          tried again
    cut at every byte                        at three         in the middle
    silence, a byte a second, never whole    at two           tried again in bounded time
    a gateway's small limit                  log-batch        -
    no such name, nobody there, TLS          test_http.py     `syncd once` says it, and again

Retry-After in all its forms is in tests/unit/sinks/test_http.py. A real syncd gets most answers at
three kinds of request, by the seed; in soak at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from syncd import status
from syncd.retry import quickly
from syncd.sinks import Batch, Cursors, OutcomeUnknown, Rejected, Remote, Retryable, Unauthorized
from syncd.sinks.mlflow import MlflowSink
from tests.contract.platform import WRITER, Lane, file_of, head
from tests.doubles.doorman import certificate
from tests.doubles.fault_proxy import FaultProxy
from tests.doubles.faults import BODIES
from tests.fault.delivering import (
    Clock,
    Oracle,
    Syncd,
    Training,
    make_store,
    syncd,
    wait_for,
)
from tests.servers import free_port
from tracker import settings
from tracker.events import Tags
from tracker.settings import Settings, changing

SEED = int(os.environ.get("ANSWERS_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
"""Replay: ANSWERS_SEED with the seed printed."""

SOAK = "SOAK" in os.environ
MOST_MB = 150
LIMIT_S = 240.0
KEY = "s3cret"

REFUSED = ("400", "413", "422")
STOPS = ("401", "403")
HEALS = ("404", "405", "408", "409", "425", "429", "500", "502", "503", "504", "redirect")
LOST = ("refuse", "lost", "reset", "cut")
SLOW = ("silent", "dribble", "longer")
FORWARDED = {"lost", "reset", "cut", "shorter", "twice", *SLOW}
CLASSES = {
    **dict.fromkeys(REFUSED, Rejected),
    **dict.fromkeys(STOPS, Unauthorized),
    **dict.fromkeys((*HEALS, *BODIES, "shorter"), Retryable),
    **dict.fromkeys(LOST, OutcomeUnknown),
}

CALLS = {
    "GET experiments/get-by-name": lambda sink, lane: sink.open(lane.head),
    "POST experiments/create": lambda sink, _: sink.open(head()),
    "POST runs/search": lambda sink, lane: sink.open(head(project=lane.head.project)),
    "POST runs/create": lambda sink, lane: sink.open(head(project=lane.head.project)),
    "GET runs/get": lambda sink, lane: sink.position(lane.run),
    "POST runs/log-batch": lambda sink, lane: sink.keep(lane.run, Cursors({WRITER: 1})),
    "POST runs/delete-tag": lambda sink, lane: sink.send(lane.run, lane.untag),
    "PUT artifact": lambda sink, lane: sink.put(lane.run, lane.file),
    "POST runs/update": lambda sink, lane: sink.finish(lane.run, "finished", None, {}),
}
"""Each kind of request that a delivery makes, and a call of the sink that makes one."""


@pytest.fixture
def proxy(mlflow_server):
    """Before the real server; what is redirected elsewhere is seen by `proxy.other`."""
    with (
        FaultProxy(mlflow_server.url, SEED) as other,
        FaultProxy(mlflow_server.url, SEED, elsewhere=other.url) as made,
    ):
        made.other = other
        yield made


@pytest.fixture
def lane(proxy, tmp_path):
    """A run at the server, and what the calls need of it."""
    sink = MlflowSink(Remote("lab", "mlflow", proxy.url, timeout_s=20.0))
    wanted = head()
    made = Lane(sink, sink.open(wanted))
    made.head = wanted
    made.send(made.make(Tags, {"a": "1"}, []))
    made.untag = made.batch(made.make(Tags, {}, ["a"]))
    made.file = file_of(tmp_path, "a/file", b"content")
    yield made
    sink.close()


@pytest.mark.parametrize("answer", CLASSES)
def test_an_answer_is_of_its_class_whatever_was_asked(answer, proxy, lane):
    """The sink gives up at the first such answer, and asks nothing more after it."""
    wanted = CLASSES[answer]
    for kind, call in CALLS.items():
        if (kind, answer) == ("PUT artifact", "shorter"):  # its answer is empty
            continue
        proxy.script = {kind: [answer] * 2}
        with pytest.raises(wanted) as caught:
            call(lane.sink, lane)
        assert wanted is Rejected or type(caught.value) is wanted, (kind, repr(caught.value))
        # An entry alone that is refused is parked, and the cursors go on without it.
        assert len(proxy.script[kind]) == 1, kind
    assert not proxy.other.faults, "a redirect was followed"


@pytest.mark.parametrize("answer", SLOW)
def test_an_answer_that_does_not_end_is_left_at_the_limit(answer, proxy, lane):
    """Whatever drops in meanwhile."""
    hurried = MlflowSink(Remote("lab", "mlflow", proxy.url, timeout_s=0.5))
    for kind in ("POST runs/log-batch", "GET runs/get"):
        proxy.script = {kind: [answer]}
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            CALLS[kind](hurried, lane)
        assert time.monotonic() - began < 5
    hurried.close()


def test_an_answer_cut_at_any_byte_is_none(proxy, lane):
    """Of each byte of the real answers to three calls; the whole answer is one."""
    project = lane.sink.open(lane.head).handle["experiment_id"]
    calls = {
        "POST runs/search": lambda api: api.runs_tagged(project, "tracker.run_id", "x"),
        "POST runs/create": lambda api: api.create_run(project, "cut", 1, {"a": "b"}),
        "POST runs/log-batch": lambda api: api.set_tags(lane.run.id, {"a": "b"}),
    }
    for kind, call in calls.items():
        quickly(partial(call, lane.sink._api), Settings(), threading.Event())
        whole = len(proxy.answers[kind])
        proxy.script = {kind: ["cut again"] * (whole + 1)}
        for proxy.cut_at in range(whole):
            with pytest.raises(Retryable):
                call(lane.sink._api)
        proxy.cut_at = whole
        quickly(partial(call, lane.sink._api), Settings(), threading.Event())
        assert not proxy.script[kind]


def test_a_gateway_that_takes_less_than_the_server_gets_smaller_requests(proxy, lane):
    """Halves until they go through; the next batch begins with what went through before."""
    proxy.most_bytes = 20_000
    proxy.faults.clear()
    events = [lane.log({"loss": float(step)}, step=step) for step in range(980)]
    ack = lane.sink.send(lane.run, lane.batch(*events))
    assert ack.counts["points"] == 980
    assert 1 <= proxy.faults["413"] <= 4
    proxy.faults.clear()
    lane.send(*[lane.log({"loss": float(step)}, step=step) for step in range(1000, 1980)])
    assert proxy.faults["413"] == 0
    assert proxy.faults["forwarded"] < 20
    held = list(lane.sink.read_back(lane.run).points)
    assert sorted(point.step for point in held) == [*range(980), *range(1000, 1980)]


def test_an_entry_that_is_too_much_by_itself_is_refused_alone(proxy, lane):
    """With the gateway's word for it; all else is there, the cursor too."""
    proxy.most_bytes = 4_000
    large = lane.make(Tags, {"large": "x" * 7_000, "small": "y"}, [])
    batch = lane.batch(lane.log({"a": 1.0}), large, lane.log({"a": 2.0}))
    with pytest.raises(Rejected) as caught:
        lane.sink.send(lane.run, batch)
    [refused] = caught.value.refused
    assert (refused.seq, refused.what) == (large.seq, "tag 'large'")
    assert "answered 413" in refused.reason
    held = lane.sink.read_back(lane.run)
    assert len(list(held.points)) == 2
    assert held.tags["small"] == "y"
    assert lane.sink.position(lane.run) == batch.cursors


def test_an_entry_that_is_too_much_with_the_cursors_goes_before_them(proxy, lane):
    """Hundreds of writers have long cursors."""
    proxy.most_bytes = 8_000
    batch = lane.batch(lane.make(Tags, {"large": "x" * 7_000}, []))
    cursors = Cursors({f"writer-{number}": number for number in range(60)})
    lane.sink.send(lane.run, Batch(1, batch.items, {}, cursors))
    assert lane.sink.read_back(lane.run).tags["large"] == "x" * 7_000
    assert cursors.events.items() <= lane.sink.position(lane.run).events.items()


GROUPS = {
    "refused": ((*REFUSED, *STOPS), len(CALLS), 30.0),
    "healing": ((*HEALS, *LOST, "shorter", "twice"), 3, 30.0),
    "bodies": (tuple(BODIES), 3, 30.0),
    "slow": (SLOW, 1, 3.0),
}
"""Answers, at how many kinds of request a syncd gets each (all in soak), and its limit on one."""

QUICK = {
    "TRACKER_RETRY_MOST_S": "0.02", "TRACKER_SLOW_RETRY_S": "0.1",
    "TRACKER_POLL_INTERVAL_S": "0.05", "TRACKER_BREAKER_PAUSE_S": "0.05",
    "TRACKER_REMOTE_LAB_TOKEN": KEY,
}  # fmt: skip


class Case:
    """A run on its way to the server, with a group of answers before it."""

    def __init__(self, group, proxy, clock, folder, context):
        self.proxy = proxy
        answers, kinds, timeout_s = GROUPS[group]
        self.environment = {**QUICK, "TRACKER_REQUEST_TIMEOUT_S": str(timeout_s)}
        dice = random.Random(f"{SEED} {group}")
        proxy.script = {kind: [] for kind in CALLS}
        for answer in dice.sample(answers, len(answers)):
            for kind in dice.sample([*CALLS], len(CALLS) if SOAK else kinds):
                proxy.script[kind].append(answer)
        for script in proxy.script.values():
            # "twice" is an answer after all: behind it there is nothing more to ask.
            script.sort(key=lambda answer: (answer in FORWARDED, answer == "twice"))
        self.store = make_store(folder / group, proxy.url)
        self.settings = settings.load(self.store, {})
        self.training = Training(self.store, f"{group}-{SEED}-{os.getpid()}", SEED, clock)
        self.training.configure(lr=0.1)
        self.training.tag(team="vision", state="raw")
        self.training.log(120)
        self.training.untag("state")
        self.training.keep(folder / f"{group}-files", "model")
        self.training.finish()
        self.syncd = context.enter_context(Syncd(self.store, "run", **self.environment))

    @property
    def lane(self):
        with status.ledger(self.store) as ledger:
            [lane] = status.lanes(self.store, self.settings, ledger)
        return lane

    @property
    def delivered(self):
        """Whether nothing is left to do but what is parked."""
        lane = self.lane
        return not lane.pending and not lane.bytes and lane.told == "finished"

    @property
    def left(self):
        """Answers that were not given; what was done, its answer lost, may not be done again.

        That no tag is there to delete is known from the first words of an answer that does not end.
        """
        done = ("create", "delete-tag")
        return {
            kind: left for kind, script in self.proxy.script.items()
            if (left := [a for a in script if not (kind.endswith(done) and a in FORWARDED)])
        }  # fmt: skip

    def peak_mb(self):
        """The most memory that the running syncd has had."""
        words = Path(f"/proc/{self.syncd.process.pid}/status").read_text().split()
        return int(words[words.index("VmHWM:") + 1]) / 1024

    def retry(self):
        """Send again what is parked, until the script has nothing more to refuse it with."""
        for _ in range(3 * len(REFUSED)):
            if syncd(self.store, "retry", **self.environment)[0] == 0:
                return
        raise AssertionError(f"still parked: {self.lane.refused}")


@pytest.mark.parametrize("number", range(20 if SOAK else 1))
def test_whatever_is_answered_all_arrives_once(number, mlflow_server, monkeypatch, tmp_path):
    """Each answer at each kind of request to a real syncd: oracle, memory and time."""
    monkeypatch.setenv("TRACKER_SILENT", "1")
    monkeypatch.setattr(f"{__name__}.SEED", SEED + number)
    print(f"seed {SEED}")  # noqa: T201 - to replay
    clock, oracle = Clock(monkeypatch), Oracle(mlflow_server.url)
    with contextlib.ExitStack() as context:
        other = context.enter_context(FaultProxy(mlflow_server.url, SEED))
        cases = {}
        for group in GROUPS:
            proxy = FaultProxy(mlflow_server.url, SEED, elsewhere=other.url)
            context.enter_context(proxy)
            cases[group] = Case(group, proxy, clock, tmp_path, context)
        for group, case in cases.items():
            wait_for(f"all of {group} delivered", lambda case=case: case.delivered, LIMIT_S)
            assert case.peak_mb() < MOST_MB, group
            assert bool(case.lane.parked) == (group == "refused"), case.lane
            for parked in case.lane.refused:
                assert any(f"answered {status}" in parked["reason"] for status in REFUSED)
            code, out = case.syncd.stop()
            assert code == 0, out
            if group == "refused":
                case.retry()
            assert not case.left, group
            assert not case.lane.parked
            oracle.check(case.training.told, tmp_path / "there")
    assert not other.faults, "a redirect was followed"


NO_NAME = """
import socket, sys
def unknown(*_, **__):
    raise socket.gaierror(-3, "Temporary failure in name resolution")
socket.getaddrinfo = unknown
from syncd.cli import main
main()
"""


def test_a_remote_that_cannot_be_reached_is_said_and_reached_later(
    mlflow_server, monkeypatch, tmp_path
):
    """No such name, nobody there, a certificate that nobody vouches for; then all arrives."""
    monkeypatch.setenv("TRACKER_SILENT", "1")
    nobody = f"http://127.0.0.1:{free_port()}"
    store = make_store(tmp_path / "store", nobody)
    training = Training(store, f"unreached-{SEED}-{os.getpid()}", SEED, Clock(monkeypatch))
    training.log(50)
    training.finish()

    def once(program=("-m", "syncd"), **env):
        with Syncd(store, "once", "--json", program=program, **env) as process:
            code, out = process.end()
        return code, json.loads(out)["remotes"]["lab"]

    both, ca = certificate(tmp_path)
    with FaultProxy(mlflow_server.url, SEED, tls=both) as proxy:
        for said, program in (("name resolution", ("-c", NO_NAME)), ("refused", ("-m", "syncd"))):
            code, done = once(program)
            assert code == 1
            assert said in str(done["errors"])
        with changing(store.settings) as content:
            content["remotes"]["lab"]["url"] = proxy.url
        code, done = once(TRACKER_REMOTE_LAB_TOKEN=KEY)
        assert code == 1
        assert "CERTIFICATE_VERIFY_FAILED" in str(done["errors"])
        assert not proxy.faults
        code, done = once(TRACKER_CA=str(ca))
        assert (code, done["errors"]) == (0, [])
    Oracle(mlflow_server.url).check(training.told, tmp_path / "there")
