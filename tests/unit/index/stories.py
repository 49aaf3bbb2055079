"""Journals written at random, and everything that an index says of them."""

from __future__ import annotations

import hashlib
import json
import random

from tracker.journal import Writer
from tracker.query import curves

RUNS = ("0" * 31 + "1", "0" * 31 + "2", "my-run")
KEYS = ("loss", "acc", "lr", "val/loss", "epoch", "état")
NUMBERS = (
    0, 1, -1, 2**53 + 1, 2**63 - 1, True, False, 0.0, -0.0, 0.1, 1e308, -1e308, 1e-320,
    float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
START, LOG, CONFIG, SUMMARY, TAGS, ARTIFACT, FINISH, REWIND = range(16, 24)
SYSTEM, CONSOLE, MEDIA, SOURCE = range(24, 28)
TABLE = json.dumps({"columns": ["a", "b"], "data": [[n, "x" * n] for n in range(9)]}).encode()
VIEWS = (
    "runs", "config", "summary", "tags", "metrics", "texts", "artifacts", "gaps", "journals",
    "rewinds", "system", "console", "media", "sources",
)  # fmt: skip


def begin(folder, run_id, *, name="a-name", parent=None, project="p", rank=None, **options):
    """Open a writer and write its Start."""
    writer = Writer(folder.run(run_id), run_id, **options)
    about = {"host": "here"}
    writer.append(
        START, project, name, None, None, None, {"new": ""}, about, parent is not None, parent,
        rank,
    )  # fmt: skip
    return writer


class Story:
    """Random writers on a few runs; `step` does one thing to one of them."""

    def __init__(self, folder, seed):
        self.folder = folder
        self.random = random.Random(seed)
        self.writers = []

    def step(self):
        dice = self.random
        if not self.writers or dice.random() < 0.02:
            run_id = dice.choice(RUNS)
            parent, rank = dice.choice((None, None, "f" * 16)), dice.choice((None, 0, 1))
            name, size = dice.choice(("one", "two")), dice.choice((2_000, 8_000, 200_000))
            self.writers.append(
                begin(
                    self.folder,
                    run_id,
                    name=name,
                    parent=parent,
                    rank=rank,
                    segment_bytes=size,
                    sync_interval_s=3600,  # no marks between two dumps
                )
            )
        writer = dice.choice(self.writers)
        act = dice.choices(
            (
                self.log,
                self.set,
                self.tag,
                self.artifact,
                self.end,
                self.rewind,
                self.system,
                self.console,
                self.media,
                self.source,
            ),
            (80, 6, 3, 2, 1, 0.5, 6, 4, 4, 1),
        )[0]
        act(writer)

    def log(self, writer):
        dice = self.random
        same = dice.random() < 0.7
        keys = list(KEYS[:3]) if same else dice.sample(KEYS, dice.randint(0, len(KEYS)))
        dice.shuffle(keys)
        values = {key: self.value() for key in keys}
        writer.append(LOG, dice.randint(-5, 1000), values)

    def value(self):
        dice = self.random
        kind = dice.random()
        if kind < 0.1:
            return dice.choice(NUMBERS)
        return "text" if kind < 0.13 else dice.gauss(0, 1)

    def set(self, writer):
        dice = self.random
        values = {dice.choice(KEYS): dice.choice((*NUMBERS, None, "a", [1, "b"]))}
        writer.append(dice.choice((CONFIG, SUMMARY)), values)

    def tag(self, writer):
        names = self.random.sample(("a", "b", "c"), 2)
        writer.append(TAGS, {names[0]: self.random.choice(("", "v"))}, names[1:])

    def artifact(self, writer):
        digest = self.random.choice("abc") * 64
        writer.append(ARTIFACT, self.random.choice(("model", "data")), "file", digest, 1, 10)

    def system(self, writer):
        keys = self.random.sample(("cpu", "gpu/0", "loss"), self.random.randint(1, 3))
        writer.append(SYSTEM, {key: self.random.gauss(50, 9) for key in keys})

    def console(self, writer):
        dice = self.random
        writer.append(CONSOLE, dice.choice(("stdout", "stderr")), dice.choice(("a", "b\n", "c\nd")))

    def media(self, writer):
        dice = self.random
        form, content = dice.choice((("table", TABLE), ("table", b"{"), ("file", b"text")))
        files = []
        for number in range(dice.randint(0, 2)):
            digest = hashlib.sha256(content).hexdigest()
            files.append((f"{number}.x", digest, len(content), *writer.place(content)))
        about = {"caption": "c" * dice.choice((1, 5000))}
        writer.append(MEDIA, dice.randint(-5, 1000), dice.choice(KEYS), form, files, about)

    def source(self, writer):
        writer.append(SOURCE, "wandb", self.random.choice("ab"), self.random.randint(1, 1000))

    def rewind(self, writer):
        """Leave behind some of what this run's other writers logged."""
        folder = self.folder.run(writer.run_id)
        others = sorted({file.name[:16] for file in folder.glob("*.seg")} - {writer.id})
        left = [other for other in others if self.random.random() < 0.7]
        writer.append(REWIND, self.random.randint(-5, 1000), left)

    def end(self, writer):
        self.writers.remove(writer)
        if self.random.random() < 0.5:
            writer.append(FINISH, "failed", 3, "ValueError: no", {"log": 2})
            writer.close()
        else:
            writer.abandon()  # lets go of its files and lock as a dying process does

    def close(self):
        for writer in self.writers:
            writer.close()


def dump(index):
    """Everything that an index says, in an order of its own."""
    said = {}
    for view in VIEWS:
        said[view] = sorted(index.query("SELECT * FROM " + view), key=repr)  # noqa: S608 - ours
    said["points"] = {}
    for run, key in index.query("SELECT run, key FROM metrics"):
        for branch in ("newest", "old", "all"):
            points = index.history(run, key, branch=branch)
            columns = [column.tobytes() for column in points[:4]]
            said["points"][run, key, branch] = (columns, points.writer_ids)
            few = curves.one(index, (run, key), curves.wanted(None, 8, "all", branch, None))
            said["points"][run, key, branch, 8] = [column.tobytes() for column in few[:4]]
    return said
