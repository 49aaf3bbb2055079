"""How a run ended is what its newest own writer says; folders of artifacts never collide."""

from __future__ import annotations

import pytest

from syncd.progress import Progress, head
from syncd.sinks import Item
from tracker.events import Artifact, Finish, Log, Start


def progress(*items):
    made = Progress()
    for writer_id, event in items:
        made.observe(Item(writer_id, event))
    assert Progress.load(made.dump()) == made
    return made


def start(time, **more):
    return Start(1, time, "p", "n", **more)


FIRST = [("a", start(10)), ("a", Log(2, 15, 0, {"x": 1.0})), ("a", Finish(3, 20, "failed", 3))]

CASES = [
    ("finished", FIRST, ("failed", 20)),
    ("never finished", FIRST[:2], ("crashed", 15)),
    ("resumed and finished", [*FIRST, ("b", start(30)), ("b", Finish(2, 40, "finished"))],
     ("finished", 40)),
    ("resumed and crashed", [*FIRST, ("b", start(30))], ("crashed", 30)),
    ("resumed by a clock that was set back",
     [*FIRST, ("b", start(3)), ("b", Finish(2, 4, "finished"))], ("finished", 4)),
    ("a fork's copy decides nothing", [*FIRST, ("c", start(18, parent="a"))], ("failed", 20)),
    ("a crash ends with the last that was heard", [*FIRST[:2], ("c", start(18, parent="a"))],
     ("crashed", 18)),
    ("nothing was read", [], ("crashed", None)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("items", "outcome"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_outcome(items, outcome):
    assert progress(*items).outcome() == outcome


def test_what_an_earlier_version_kept_is_read():
    """It kept a third part, which nobody asked for."""
    made = progress(*FIRST)
    old = f"{made.dump()[:-1]}, true]"
    assert Progress.load(old) == made


def test_who_began_last_decides_whoever_was_met_last():
    """Of processes that record at the same time the later one's events may come first."""
    made = progress(*FIRST, ("b", start(3)))
    assert made.outcome(["b", "a"]) == ("failed", 20)
    assert made.outcome(["a", "b"]) == ("crashed", 20)


def test_another_version_of_an_artifact_stands_beside_the_first():
    first, second = (Artifact(1, 1, "model", "file", digest * 64, 1, 1) for digest in "ab")
    made = progress(("a", first), ("a", second))
    assert made.folder(first) == "model"
    assert made.folder(second) == "model.bbbbbbbb"


def test_no_folder_is_that_of_the_documents_or_of_another_artifact():
    """A name that looks like a later version's folder, or like ours, never stands alone."""
    names = ["tracker", "Tracker", "a", "a.bbbbbbbb"]
    events = [Artifact(1, 1, name, "file", digest * 64, 1, 1) for name in names for digest in "ab"]
    made = progress(*(("w", event) for event in events))
    folders = [made.folder(event) for event in events]
    assert folders == [
        "tracker.aaaaaaaa", "tracker.bbbbbbbb", "Tracker.aaaaaaaa", "Tracker.bbbbbbbb",
        "a", "a.bbbbbbbb", "a.bbbbbbbb.aaaaaaaa", "a.bbbbbbbb.bbbbbbbb",
    ]  # fmt: skip


def test_a_run_whose_start_is_damaged_still_has_a_head():
    made = head("run", None, 77)
    assert (made.project, made.name, made.started_at) == ("recovered", "run", 77)
