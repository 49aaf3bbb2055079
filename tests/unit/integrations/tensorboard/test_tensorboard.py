"""TensorBoard's event files, as real writers write them, damaged and growing."""

import json
import os
import random
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from tensorboardX import SummaryWriter
from tensorboardX.crc32c import crc32c

from tracker.events import Config, Finish, Log, Media, Rewind, Source, Start
from tracker.integrations import appending
from tracker.integrations.tensorboard import checksum
from tracker.integrations.tensorboard.imports import Import
from tracker.integrations.tensorboard.taking import QUIET_S
from tracker.journal import journals
from tracker.query import Store
from tracker.settings import Settings
from tracker.store import StoreFolder


class Importing:
    """A store that takes in what lies below the folder `logs`."""

    def __init__(self, place):
        self.store = StoreFolder.open(place / "store", create=True)
        self.folder = place / "logs"

    def writer(self, name="run", **more):
        return SummaryWriter(str(self.folder / name), **more)

    def all(self, **options):
        with Import(self.store, Settings(), [self.folder], **options) as runs:
            return [taking.taken for taking in runs.once(lambda _: None)]

    def one(self):
        (taken,) = self.all()
        return taken

    def events(self, run_id):
        found = [e for j in journals(self.store.run(run_id)) for e in j.events()]
        return [event for event in found if not isinstance(event, (Start, Source))]

    def rows(self, run_id):
        return [(e.step, e.values) for e in self.events(run_id) if isinstance(e, Log)]


@pytest.fixture
def importing(tmp_path):
    return Importing(tmp_path)


def frame(data):
    """A record as TFRecord files have it, by the other one's checksum."""
    head = struct.pack("<Q", len(data))
    return head + mask(head) + data + mask(data)


def mask(data):
    number = crc32c(data)
    return struct.pack("<I", ((number >> 15 | number << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def varint(number):
    found = b""
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def field(number, data):
    """A field with bytes in it."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def event(step, value, wall=100.0):
    """An event with one Value of a summary."""
    body = b"\x09" + struct.pack("<d", wall) + b"\x10" + varint(step & (1 << 64) - 1)
    return body + field(5, field(1, value))


def scalar(tag, number):
    return field(1, tag.encode()) + b"\x15" + struct.pack("<f", number)


def of_plugin(name):
    return field(9, field(1, field(1, name.encode())))


def aged(path):
    """Make a file one to which nothing was written for long."""
    then = time.time() - QUIET_S - 1
    os.utime(path, (then, then))


@pytest.mark.parametrize("length", [0, 1, 2, 7, 50, 4095, 4096, 5000, 9001])
def test_checksums_are_those_of_others(length):
    """Of short data, and of long ones that are reckoned in stretches."""
    data = random.Random(length).randbytes(length)
    assert struct.pack("<I", checksum.masked(data)) == mask(data)


def test_what_a_writer_wrote_is_there(importing):
    """Scalars with steps and times, text, image, histogram and hyperparameters."""
    with importing.writer() as writer:
        for step in range(50):
            writer.add_scalar("loss", 1 / (step + 1), step, walltime=1_700_000_000.25 + step)
        writer.add_scalar("odd", float("nan"), -3)
        writer.add_text("note", "hello\nworld", 7)
        writer.add_image("picture", np.zeros((3, 4, 6), np.uint8), 2)
        writer.add_histogram("weights", np.arange(100.0), 1)
        writer.add_hparams({"lr": 0.1, "n": 3, "name": "x", "flag": True}, {"acc": 0.5}, name="h")
    taken = {one.name: one for one in importing.all()}
    assert not any(one.error or one.lost or one.left_out for one in taken.values())
    assert {one.project for one in taken.values()} == {"logs"}
    found = importing.events(taken["run"].run)
    logs = [e for e in found if isinstance(e, Log)]
    assert [(e.step, e.time, e.values) for e in logs[:50]] == [
        (n, 1_700_000_000_250_000_000 + n * 10**9, {"loss": float(np.float32(1 / (n + 1)))})
        for n in range(50)
    ]
    assert logs[50].step == -3
    assert np.isnan(logs[50].values["odd"])
    assert ("hello\nworld", 7) in [(e.values.get("note/text_summary"), e.step) for e in logs]
    media = {e.key: e for e in found if isinstance(e, Media)}
    picture = media["picture"]
    assert (picture.form, picture.step, picture.about) == ("image", 2, {"height": 4, "width": 6})
    (run,) = [r for r in Store(importing.store.root).runs() if r.name == "run"]
    (shown,) = run.media("picture")
    with run.open_media(shown) as file:
        assert file.read(4) == b"\x89PNG"
    drawn = media["weights"].about
    assert sum(drawn["values"]) == 100
    assert len(drawn["bins"]) == len(drawn["values"]) + 1
    assert (drawn["bins"][0], drawn["bins"][-1]) == (0.0, 99.0)
    (config,) = [e for e in importing.events(taken["run/h"].run) if isinstance(e, Config)]
    assert config.values == {"lr": 0.1, "n": 3, "name": "x", "flag": True}


def test_values_of_the_new_style(importing):
    """Tensors of a plugin: numbers in either form, texts, images; others are counted."""
    tensor = field(4, struct.pack("<d", 2.5))
    values = [
        field(1, b"raw") + of_plugin("scalars") + field(8, b"\x08\x02" + tensor),
        field(1, b"listed") + of_plugin("scalars")
        + field(8, b"\x08\x01" + field(5, b"\0\0\0\x40")),
        field(1, b"whole") + field(8, b"\x08\x09" + field(10, b"\x07")),
        field(1, b"raw") + field(8, b"\x08\x02" + tensor),  # said once, as TensorBoard reads it
        field(1, b"texts") + of_plugin("text")
        + field(8, b"\x08\x07" + field(8, b"a") + field(8, b"b")),
        field(1, b"im") + of_plugin("images")
        + field(8, b"\x08\x07" + field(8, b"2") + field(8, b"1") + field(8, b"\x89PNG..")),
        field(1, b"hist") + of_plugin("histograms") + field(8, b"\x08\x02"
        + field(2, field(2, b"\x08\x02") + field(2, b"\x08\x03"))
        + field(4, struct.pack("<6d", 0, 1, 5, 1, 3, 2))),
        field(1, b"pr") + of_plugin("pr_curves") + field(8, b"\x08\x01" + tensor),
    ]  # fmt: skip
    importing.folder.mkdir()
    content = b"".join(frame(event(n, value)) for n, value in enumerate(values))
    (importing.folder / "events.out.tfevents.1.host").write_bytes(content)
    taken = importing.one()
    assert (taken.error, taken.left_out) == ("", {"pr_curves values": 1})
    assert importing.rows(taken.run) == [
        (0, {"raw": 2.5}), (1, {"listed": 2.0}), (2, {"whole": 7.0}), (3, {"raw": 2.5}),
        (4, {"texts": '["a", "b"]'}),
    ]  # fmt: skip
    media = {e.key: e for e in importing.events(taken.run) if isinstance(e, Media)}
    assert media["im"].about == {"width": 2, "height": 1}
    assert media["hist"].about == {"values": [5.0, 2.0], "bins": [0.0, 1.0, 3.0]}


@pytest.mark.parametrize("seed", range(4))
def test_a_folder_that_grows_is_taken_on(importing, seed):
    """Files cut anywhere, read by one import or several, in turns: each record once."""
    rng = random.Random(seed)
    importing.folder.mkdir()
    whole = [b"".join(frame(event(n + k * 40, scalar("x", n))) for n in range(40)) for k in (0, 1)]
    paths = [importing.folder / f"events.out.tfevents.{k}.host" for k in (0, 1)]
    shown = [0, 0]
    with Import(importing.store, Settings(), [importing.folder]) as runs:
        while shown != [len(content) for content in whole]:
            k = rng.randrange(2)
            shown[k] = min(shown[k] + rng.randrange(400), len(whole[k]))
            paths[k].write_bytes(whole[k][: shown[k]])
            (taking,) = runs.once(lambda _: None)
            assert not taking.taken.error, seed
            if rng.random() < 0.3:
                taking.close()
                assert not importing.one().error, seed
                runs._open.clear()
        (taking,) = runs.once(lambda _: None)
        assert taking.taken.lost == []
    steps = [step for step, _ in importing.rows(taking.taken.run)]
    assert sorted(steps) == list(range(80)), seed


@pytest.mark.parametrize("seed", range(4))
def test_a_death_in_the_middle_doubles_and_loses_nothing(importing, seed, monkeypatch):
    """A journal cut anywhere, as SIGKILL leaves it, is gone on with behind that."""
    rng = random.Random(seed)
    monkeypatch.setattr(appending, "BATCH_EVENTS", 7)
    importing.folder.mkdir()
    for k in (0, 1):
        content = b"".join(frame(event(n + k * 30, scalar("x", n))) for n in range(30))
        (importing.folder / f"events.out.tfevents.{k}.host").write_bytes(content)
    taken = importing.one()
    wanted = importing.rows(taken.run)
    assert len(wanted) == 60
    for _ in range(4):
        path = journals(importing.store.run(taken.run))[-1].path(1)
        content = path.read_bytes()
        path.write_bytes(content[: rng.randrange(200, len(content))])
        assert not importing.one().error
        assert importing.rows(taken.run) == wanted, seed


@pytest.mark.parametrize("seed", range(6))
def test_damage_costs_the_damaged_records_and_is_told(importing, seed):
    """Wrong bytes anywhere: what is whole arrives, the rest is said by file and place."""
    rng = random.Random(seed)
    importing.folder.mkdir()
    frames = [frame(event(n, scalar("x", n))) for n in range(100)]
    content = bytearray(b"".join(frames))
    spoiled = set()
    for _ in range(3):
        at = rng.randrange(len(content) - len(frames[-1]))
        for place in range(at, min(at + rng.choice((1, 60)), len(content) - len(frames[-1]))):
            content[place] ^= rng.randrange(1, 256)
            spoiled.add(place)
    (importing.folder / "events.out.tfevents.1.host").write_bytes(content)
    taken = importing.one()
    ends = np.cumsum([len(each) for each in frames])
    whole = {
        n for n, end in enumerate(ends) if spoiled.isdisjoint(range(end - len(frames[n]), end))
    }
    assert {step for step, _ in importing.rows(taken.run)} == whole, seed
    assert {lost.file for lost in taken.lost} == {"events.out.tfevents.1.host"}
    told = {place for lost in taken.lost for place in range(lost.start, lost.end)}
    assert spoiled <= told, seed
    assert not any(lost.torn for lost in taken.lost)
    assert importing.one().records == 0


@pytest.mark.parametrize("size", [0, 1, 110, 118, 119, 120, 300])
@pytest.mark.parametrize("step", [0, 5, 2**40, -1])
def test_scalars_of_any_form_are_read_alike(importing, size, step):
    """Short and long tags, with all kinds of steps; the next field's bytes are no part of them."""
    tag = "\x15" * size
    importing.folder.mkdir()
    (importing.folder / "events.out.tfevents.1.host").write_bytes(
        frame(event(step, scalar(tag, 1.5)))
        + frame(event(step, scalar(tag, 2) + scalar("", 0)[:2]))
    )
    assert importing.rows(importing.one().run) == [(step, {tag: 1.5}), (step, {"": 2.0})]


def test_an_event_that_cannot_be_read_is_told(importing):
    """A record that checks and is no message costs itself."""
    importing.folder.mkdir()
    content = [frame(event(0, scalar("x", 1))), frame(b"\xff\xff"), frame(event(1, scalar("x", 2)))]
    (importing.folder / "events.out.tfevents.1.host").write_bytes(b"".join(content))
    taken = importing.one()
    assert [step for step, _ in importing.rows(taken.run)] == [0, 1]
    (lost,) = taken.lost
    assert (lost.start, lost.end) == (len(content[0]), len(content[0] + content[1]))


def test_a_restart_that_says_so_is_a_rewind(importing):
    """Steps that a writer with purge_step took back are an older branch."""
    with importing.writer() as writer:
        for step in range(10):
            writer.add_scalar("x", step, step)
    with importing.writer(purge_step=5, filename_suffix=".again") as writer:
        for step in range(5, 8):
            writer.add_scalar("x", 100 + step, step)
    taken = importing.one()
    (rewind,) = [e for e in importing.events(taken.run) if isinstance(e, Rewind)]
    assert rewind.step == 5
    run = Store(importing.store.root).run(taken.run)
    assert run.history("x").values.tolist() == [0, 1, 2, 3, 4, 105, 106, 107]
    assert len(run.history("x", branch="all").steps) == 13


def test_a_quiet_run_counts_as_finished_until_it_goes_on(importing):
    """Once for each time, by the time of its last event."""
    with importing.writer() as writer:
        writer.add_scalar("x", 1.0, 0, walltime=1_700_000_000.0)
    (path,) = (importing.folder / "run").iterdir()
    assert importing.one().status == "open"
    aged(path)
    taken = importing.one()
    assert (taken.status, importing.one().records) == ("finished", 0)
    with path.open("ab") as file:
        file.write(frame(event(1, scalar("x", 2.0), 1_700_000_100.0)))
    assert importing.one().status == "open"
    aged(path)
    assert importing.one().status == "finished"
    ends = [e.time // 10**9 for e in importing.events(taken.run) if isinstance(e, Finish)]
    assert ends == [1_700_000_000, 1_700_000_100]
    assert [step for step, _ in importing.rows(taken.run)] == [0, 1]
    assert Store(importing.store.root).run(taken.run).status == "finished"


def test_a_run_is_known_by_its_folder(importing):
    """From whatever path it is found; and a project can be named."""
    with importing.writer("a/b") as writer:
        writer.add_scalar("x", 1.0, 0)
    (taken,) = importing.all(project="mine")
    assert (taken.project, taken.name) == ("mine", "a/b")
    with Import(importing.store, Settings(), [importing.folder / "a" / "b"]) as runs:
        (again,) = [taking.taken for taking in runs.once(lambda _: None)]
    assert (again.run, again.records, again.name) == (taken.run, 0, "a/b")


def test_torch_writes_the_same(importing):
    """What torch.utils.tensorboard writes, where it is installed."""
    torch = pytest.importorskip("torch.utils.tensorboard")
    with torch.SummaryWriter(str(importing.folder)) as writer:
        writer.add_scalar("x", 0.5, 1)
        writer.add_scalar("new", 0.25, 2, new_style=True)
        writer.add_text("t", "hello", 3)
    taken = importing.one()
    assert not taken.error
    rows = importing.rows(taken.run)
    assert rows == [(1, {"x": 0.5}), (2, {"new": 0.25}), (3, {"t/text_summary": "hello"})]
    assert json.dumps(taken.left_out) == "{}"
    assert Path(taken.file) == importing.folder
