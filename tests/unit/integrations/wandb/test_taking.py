"""Taking `.wandb` files: each record once, whatever the file and the store are like."""

import base64
import hashlib
import json
import random

import pytest

from tests.doubles.failing_files import FailingFiles
from tests.wandb_material import BEGAN_S, Made
from tracker.artifacts import Blobs
from tracker.errors import ArtifactError
from tracker.events import Artifact, Config, Console, Finish, Log, Media, Start, Summary, Tags
from tracker.integrations import appending
from tracker.integrations.wandb import translation
from tracker.integrations.wandb.imports import Import
from tracker.journal import Writer
from tracker.query import Store
from tracker.settings import Settings


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def test_a_run_is_taken_whole(importing):
    """Head, config, rows with their times, console and the end are those of the records."""
    made = Made(
        "whole", project="p", display_name="a name", run_group="g", job_type="j", notes="n",
        tags=["t", "u"], host="h",
    )  # fmt: skip
    made.config(lr=0.5, optim={"name": "sgd", "betas": [1, 2]}, _wandb={"x": 1})
    for step in range(5):
        made.row(step, loss=step / 2, text="x")
    made.console("hello\n")
    made.exit(7)
    made.put(importing.folder)
    taken = importing.one()
    assert (taken.error, taken.lost, taken.left_out) == ("", [], {})
    assert (taken.records, taken.known, taken.points, taken.status) == (9, 0, 10, "failed")
    (journal,) = importing.journals("whole")
    start = next(journal.events())
    assert isinstance(start, Start)
    assert start.time == BEGAN_S * 10**9
    assert (start.project, start.name, start.group, start.job_type, start.notes) == (
        "p", "a name", "g", "j", "n",
    )  # fmt: skip
    assert start.tags == {"t": "", "u": ""}
    assert start.about == {"host": "h", "source": "wandb"}
    events = importing.events("whole")
    (config,) = of(Config, events)
    assert config.values == {"lr": 0.5, "optim/name": "sgd", "optim/betas": [1, 2]}
    assert [(e.step, e.time, e.values) for e in of(Log, events)] == [
        (step, BEGAN_S * 10**9 + step * 10**9 // 4, {"loss": step / 2, "text": "x"})
        for step in range(5)
    ]
    assert [(e.stream, e.text) for e in of(Console, events)] == [("stdout", "hello\n")]
    assert [(e.status, e.exit_code) for e in of(Finish, events)] == [("failed", 7)]


def test_importing_again_adds_nothing(importing):
    """Not even a journal."""
    made = Made()
    made.row(0, loss=1.0)
    made.exit()
    log = made.put(importing.folder)
    importing.one()
    before = importing.events("made")
    log.rename(importing.folder / "elsewhere.wandb")  # a source is known by what it says
    again = importing.one(importing.folder / "elsewhere.wandb")
    assert (again.records, again.known, again.events, again.status) == (0, 3, {}, "finished")
    assert importing.events("made") == before
    assert len(importing.journals("made")) == 1


def test_records_without_events_are_marked_too(importing):
    """What says nothing to be taken is known the next time, also at the end of an open run."""
    made = Made("quiet")
    made.row(0, loss=1.0)
    record = made.new()
    record.telemetry.python_version = "3"
    made.add(record)
    made.put(importing.folder)
    assert importing.one().records == 3
    again = importing.one()
    assert (again.records, again.known) == (0, 3)


@pytest.mark.parametrize("seed", range(5))
def test_a_file_that_grows_is_taken_on(importing, seed):
    """Cut anywhere and taken again as it grows, by one import or several, it is taken once."""
    rng = random.Random(seed)
    made = Made("grows")
    for step in range(60):
        made.row(step, loss=step * 1.5, text="t" * rng.choice((1, 3_000)))
    made.exit()
    content = made.content
    cuts = sorted(rng.randrange(made.ends[0], len(content)) for _ in range(4))
    with Import(importing.store, Settings(), [importing.folder]) as runs:
        for cut in (*cuts, len(content)):
            made.put(importing.folder, content[:cut])
            if rng.random() < 0.5:
                (found,) = runs.once(lambda _: None)
                if "meanwhile" in found.taken.error:  # it noticed the other; once more, then
                    (found,) = runs.once(lambda _: None)
                assert not found.taken.error
                found.close()
            else:
                assert not importing.one().error
    assert not importing.one().error
    steps = [event.step for event in of(Log, importing.events("grows"))]
    assert steps == list(range(60)), seed
    assert len(of(Finish, importing.events("grows"))) == 1


@pytest.mark.parametrize("seed", range(6))
def test_a_death_in_the_middle_doubles_and_loses_nothing(importing, seed, monkeypatch):
    """A journal that ends anywhere, as SIGKILL leaves it, is gone on with behind that."""
    rng = random.Random(seed)
    monkeypatch.setattr(appending, "BATCH_EVENTS", 7)
    monkeypatch.setattr(translation, "MOST_AT_ONCE", 7)
    made = Made("dies")
    for step in range(40):
        made.row(step, loss=float(step), text="x")
        if step % 9 == 0:
            made.console(f"line {step}\n")
    made.exit()
    made.put(importing.folder)
    whole_store = importing.store.run("dies")
    assert not importing.one().error
    wanted = [event_of(e) for e in importing.events("dies")]
    for _ in range(4):  # cut the newest journal at a random byte behind its header
        journal = importing.journals("dies")[-1]
        path = journal.path(1)
        content = path.read_bytes()
        path.write_bytes(content[: rng.randrange(200, len(content))])
        assert not importing.one().error
        assert [event_of(e) for e in importing.events("dies")] == wanted, seed
    assert whole_store.exists()


def event_of(event):
    """An event without its sequence number."""
    return [type(event).__name__] + [getattr(event, f) for f in event.__struct_fields__[1:]]


@pytest.mark.parametrize("seed", range(8))
def test_what_is_undamaged_arrives(importing, seed):
    """Rows outside the damage arrive, and the numbers of those lost are told."""
    rng = random.Random(seed)
    made = Made("hurt")
    for step in range(200):
        made.row(step, loss=float(step), text="y" * rng.choice((5, 700)))
    made.exit()
    content = bytearray(made.content)
    spoiled = set()
    for _ in range(3):
        at = rng.randrange(made.ends[0], len(content))
        for place in range(at, min(at + rng.choice((1, 50, 3_000)), len(content))):
            content[place] ^= rng.randrange(1, 256)
            spoiled.add(place)
    made.put(importing.folder, bytes(content))
    taken = importing.one()
    assert not taken.error
    bounds = list(zip(made.ends[:-1], made.ends[1:], strict=True))[:200]
    sound = {n for n, (start, end) in enumerate(bounds) if spoiled.isdisjoint(range(start, end))}
    steps = [event.step for event in of(Log, importing.events("hurt"))]
    assert set(steps) >= sound, seed
    assert len(steps) == len(set(steps))
    lost = set()
    for damage in taken.lost:
        assert damage.start < damage.end
        lost |= set(range(damage.first, damage.last + 1)) - {0}
    told_to_the_end = any(not damage.last for damage in taken.lost)
    missing = {step + 2 for step in set(range(200)) - set(steps)}  # the run's record is 1
    assert missing <= lost or (told_to_the_end and max(missing) >= max(lost, default=0)), seed
    assert not lost & {step + 2 for step in steps}


def test_a_run_whose_own_record_is_damaged(importing):
    """Its id is that of the file's name; where that run is there already nothing is touched."""
    made = Made("headless", project="p")
    record = made.new()
    record.environment.started_at.seconds, record.environment.os = BEGAN_S, "Linux"
    made.add(record)
    made.row(0, loss=1.0)
    made.exit()
    content = bytearray(made.content)
    content[20] ^= 1
    made.put(importing.folder, bytes(content))
    taken = importing.one()
    assert (taken.run, taken.project, taken.status) == ("headless", "uncategorized", "finished")
    assert (taken.lost[0].first, taken.lost[0].last) == (1, 1)
    assert importing.one().known == 3
    made.put(importing.folder)
    importing.one()
    before = importing.events("headless")
    content[made.ends[1] + 10] ^= 1  # another file, also without its record
    made.put(importing.folder, bytes(content))
    assert importing.events("headless") == before


def test_a_run_from_elsewhere_is_not_touched(importing):
    """A run of that id that was recorded here is no reason to write into it."""
    writer = Writer(importing.store.run("mine"), "mine")
    writer.append(16, "p", "n", None, None, None, {}, {"host": "h"})
    writer.close()
    made = Made("mine")
    made.exit()
    made.put(importing.folder)
    files = {p: p.read_bytes() for p in importing.store.run("mine").iterdir()}
    taken = importing.one()
    assert "was not taken from wandb" in taken.error
    assert {p: p.read_bytes() for p in importing.store.run("mine").iterdir()} == files


def test_an_id_that_cannot_be_one(importing):
    """It is refused by name, and the other runs are taken."""
    Made("good").put(importing.folder)
    bad = Made("b/../ad").content
    (importing.folder / "offline-run-1-x").mkdir()
    (importing.folder / "offline-run-1-x" / "run-x.wandb").write_bytes(bad)
    taken = {t.run: t for t in importing.all()}
    assert "b/../ad" in taken[""].error
    assert not taken["good"].error


def test_an_import_that_another_one_holds_up(importing):
    """While a journal of the run is open elsewhere, nothing is written."""
    made = Made("busy")
    made.row(0, loss=1.0)
    made.put(importing.folder)
    with Import(importing.store, Settings(), [importing.folder]) as runs:
        list(runs.once(lambda _: None))
        assert "recorded now" in importing.one().error
    assert importing.one().known == 2


def test_runs_without_a_start_are_told_apart(importing):
    """Where a record has no time, two files of one id are two sources by their folders' names."""
    for number in (0, 1):
        made = Made("timeless", began_s=0)
        made.row(number, loss=1.0)
        made.put(importing.folder, stamp=f"20260921_00000{number}")
    assert not any(taken.error for taken in importing.all())
    assert [e.step for e in of(Log, importing.events("timeless"))] == [0, 1]
    assert sum(taken.records for taken in importing.all()) == 0


def test_runs_that_were_resumed_are_taken_in_order(importing):
    """Several files of one run id make one run: a journal each, in the order of their folders."""
    for number in (2, 0, 1):
        made = Made("again", began_s=BEGAN_S + number * 100, tags=[f"tag{number}"])
        for step in range(3):
            made.row(number * 3 + step, loss=1.0)
        made.exit(number)
        made.put(importing.folder, stamp=f"20260921_00000{number}")
    assert [t.error for t in importing.all()] == ["", "", ""]
    events = importing.events("again")
    assert [e.step for e in of(Log, events)] == list(range(9))
    assert [e.exit_code for e in of(Finish, events)] == [0, 1, 2]
    assert sum(t.records for t in importing.all()) == 0


def test_media_in_the_folder_only(importing):
    """Files that a row names are blobs; what lies outside the folder is not taken, but told."""
    secret = importing.folder / "secret.png"
    secret.write_bytes(b"secret")
    made = Made("media")
    image = {"_type": "image-file", "width": 4, "caption": "c"}
    made.row(0, img=image | {"path": "media/images/a b.png"})
    made.row(1, img=image | {"path": "../../secret.png"})
    made.row(2, img=image | {"path": str(secret)})
    made.row(3, img=image | {"path": "media/images/link.png"})
    made.row(4, many={"_type": "images/separated", "filenames": ["media/images/a b.png"] * 1})
    made.row(5, hist={"_type": "histogram", "values": [1, 2], "bins": [0, 1, 2]}, loss=0.5)
    made.exit()
    files = made.put(importing.folder).parent / "files" / "media" / "images"
    files.mkdir(parents=True)
    (files / "a b.png").write_bytes(b"picture")
    (files / "link.png").symlink_to(secret)
    taken = importing.one()
    assert taken.left_out == {"media files that are not there": 3}
    media = of(Media, importing.events("media"))
    digest = hashlib.sha256(b"picture").hexdigest()
    assert [[(f.name, f.digest, f.size, f.pack) for f in m.files] for m in media] == [
        [("a b.png", digest, 7, 0)], [], [], [], [("a b.png", digest, 7, 0)], [],
    ]  # fmt: skip
    assert [m.form for m in media] == ["image"] * 5 + ["histogram"]
    assert media[0].about == {"width": 4, "caption": "c"}
    assert media[1].about["path"] == "../../secret.png"
    assert media[5].about == {"values": [1, 2], "bins": [0, 1, 2]}
    assert [e.step for e in of(Log, importing.events("media"))] == [5]
    assert {path.name for path in importing.store.blobs.glob("??/*")} == {digest}


def artifact(made, path, content, size=None):
    record = made.new()
    record.artifact.name, record.artifact.type = "data", "dataset"
    record.artifact.aliases.append("best")
    record.artifact.metadata = '{"k": 1}'
    digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    record.artifact.manifest.contents.add(
        path="in/file.bin", digest=digest, size=len(content) if size is None else size,
        local_path=str(path),
    )  # fmt: skip
    record.artifact.manifest.contents.add(path="ref", ref="s3://bucket/x", digest="e")
    made.add(record)


def test_artifacts_staged_elsewhere(importing, tmp_path):
    """A file counts as the artifact's where its size and MD5 are those of the record."""
    staged = tmp_path / "staged"
    staged.write_bytes(b"content")
    made = Made("artifacts")
    artifact(made, staged, b"content")
    artifact(made, staged, b"changed")
    artifact(made, tmp_path / "gone", b"content")
    made.put(importing.folder)
    taken = importing.one()
    (version,) = of(Artifact, importing.events("artifacts"))
    assert (version.name, version.type, version.files, version.size) == ("data", "dataset", 1, 7)
    assert taken.left_out == {"artifact versions": 2}
    assert "in/file.bin" in taken.trouble[0]
    notes = of(Media, importing.events("artifacts"))
    assert {(note.key, note.form, len(note.files)) for note in notes} == {("data", "artifact", 0)}
    assert [note.about.get("manifest") for note in notes] == [version.manifest, None, None]
    about = notes[0].about
    assert about["references"] == {"ref": "s3://bucket/x"}
    assert (about["aliases"], about["metadata"]) == (["best"], {"k": 1})


def test_what_the_run_read_is_said_of_the_artifact(importing):
    """An input is a note of its artifact, by name and version, and no media."""
    made = Made("inputs")
    record = made.new()
    record.use_artifact.name, record.use_artifact.type = "data:v3", "dataset"
    made.add(record)
    made.exit()
    made.put(importing.folder)
    taken = importing.one()
    (note,) = of(Media, importing.events("inputs"))
    assert (note.key, note.form, note.about) == ("data", "artifact", {"used": "data:v3"})
    assert (taken.left_out, "media" in taken.events) == ({}, False)
    run = Store(importing.store.root).run("inputs")
    assert (run.media(), run.media_kept()) == ([], [])
    assert [note.about["used"] for note in run.artifact_notes()] == ["data:v3"]


def test_summaries(importing):
    """Of the summary the script's own keys are taken, and what define_metric has computed."""
    made = Made("sums")

    def summary(path, value, *, script=False):
        record = made.new()
        item = record.summary.update.add(value_json=json.dumps(value))
        if script:
            item.key = path[0]
            record._info.stream_id = "s"
        else:
            item.nested_key.extend(path)
        made.add(record)

    summary(["loss"], 1)  # repeats the history
    summary(["best"], {"at": 3}, script=True)
    record = made.new()
    record.metric.name, record.metric.step_metric = "loss", "epoch"
    record.metric.summary.min = True
    made.add(record)
    for value in (3, 3, 2):
        summary(["loss", "min"], value)
        summary(["loss"], value)
    summary(["acc"], {"min": 1, "max": 4})  # as the client of today writes it
    summary(["img"], {"width": 4})
    made.put(importing.folder)
    importing.one()
    found = [e.values for e in of(Summary, importing.events("sums"))]
    computed = {"acc/min": 1, "acc/max": 4}
    assert found == [{"best/at": 3}, {"loss/min": 3}, {"loss/min": 2}, computed]
    (config,) = of(Config, importing.events("sums"))
    said = {"name": "loss", "step_metric": "epoch", "step_sync": False, "summary": ["min"]}
    assert config.values == {"_wandb/metrics": [said]}


def test_changes_of_the_run_and_unknown_records(importing):
    """Tags that change are Tags; alerts and records of later versions are counted by kind."""
    made = Made("changes", tags=["a", "b"])
    record = made.new()
    record.run.run_id, record.run.project = "changes", "made"
    record.run.tags.extend(["b", "c"])
    record.run.display_name = "later"
    made.add(record)
    record = made.new()
    record.alert.title = "look"
    made.add(record)
    made._writer.write(b"\x08\x04\xfa\x3f\x02ab")  # field 1023
    made._writer.write(b"\xff\xff\xff")  # no protobuf at all
    made.exit()
    made.put(importing.folder)
    taken = importing.one()
    (tags,) = of(Tags, importing.events("changes"))
    assert (tags.set, tags.removed) == ({"c": ""}, ["a"])
    assert taken.left_out == {
        "alert records": 1, "unknown records": 2, "changes of the run's name": 1,
    }  # fmt: skip


def test_the_console_of_older_clients(importing):
    """Where no record holds it, it is read from files/output.log; else it is not taken twice."""
    for run_id, spoken in (("old", False), ("new", True)):
        made = Made(run_id)
        if spoken:
            made.console("from a record\n")
        made.exit()
        log = made.put(importing.folder)
        (log.parent / "files" / "output.log").write_text("from the file\n")
    importing.all()
    assert [e.text for e in of(Console, importing.events("old"))] == ["from the file\n"]
    assert [e.text for e in of(Console, importing.events("new"))] == ["from a record\n"]


def test_a_full_disk_is_said_and_gone_on_from(importing, monkeypatch):
    """What was taken stands, and the next import takes the rest once."""
    monkeypatch.setattr(appending, "BATCH_EVENTS", 5)
    monkeypatch.setattr(translation, "MOST_AT_ONCE", 5)
    made = Made("full")
    for step in range(40):
        made.row(step, loss=1.0)
    made.exit()
    made.put(importing.folder)
    files = FailingFiles()
    monkeypatch.setattr(appending, "Writer", lambda *a, **k: Writer(*a, **k, files=files))
    calls = 0
    write = files.write

    def nearly_full(fd, data):
        nonlocal calls
        calls += 1
        return write(fd, data[: len(data) // 2]) if calls == 5 else write(fd, data)

    files.write = nearly_full
    taken = importing.one()
    assert "takes no more" in taken.error
    monkeypatch.undo()
    assert not importing.one().error
    assert [e.step for e in of(Log, importing.events("full"))] == list(range(40))


def test_a_store_that_takes_no_files_is_no_absent_file(importing, monkeypatch):
    """A full disk ends the import before the file's record, and the next one takes it."""
    made = Made("later")
    made.row(0, loss=1.0)
    made.row(1, img={"_type": "image-file", "path": "a.png"})
    made.exit()
    (made.put(importing.folder).parent / "files" / "a.png").write_bytes(b"picture")

    def full(*_, **__):
        raise ArtifactError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(Blobs, "put_file", full)
        assert "no space" in importing.one().error
    assert not importing.one().error
    (media,) = of(Media, importing.events("later"))
    assert len(media.files) == 1
    assert [e.step for e in of(Log, importing.events("later"))] == [0]


def test_events_beyond_a_record_are_counted(importing):
    """A value larger than a journal's record may be costs itself only."""
    made = Made("large")
    made.row(0, text="x" * 5_000_000)
    made.row(1, loss=1.0)
    made.exit()
    made.put(importing.folder)
    taken = importing.one()
    assert taken.left_out == {"events larger than a record may be": 1}
    assert [e.step for e in of(Log, importing.events("large"))] == [1]
