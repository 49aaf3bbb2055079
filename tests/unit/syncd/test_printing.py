"""What a person reads: numbers with their nouns, the first of many, nothing that is not so."""

from __future__ import annotations

import time

from syncd.cli.printing import show_check, show_remote
from syncd.status import LaneStatus

REFUSED = [{"what": f"point {n}", "reason": "no"} for n in range(5)]
NOTE = {"what": "mapped", "key": "a@b", "done": "a_x40_b"}


def lane(run="r1", **known):
    nothing = {
        "pending": 0, "bytes": 0, "parked": 0, "refused": [], "notes": [], "more_notes": 0,
        "left_out": 0, "masked": 0, "elsewhere": 0,
        "error": None, "next_try_s": 0.0, "told": "running", "url": None,
    }  # fmt: skip
    return LaneStatus("lab", run, **(nothing | known))


def printed(capsys, *lanes, broken=None):
    show_remote("lab", list(lanes), broken)
    return capsys.readouterr().out.splitlines()


def test_nothing_pending(capsys):
    assert printed(capsys, lane()) == ["lab: 1 run up to date, 0 events of 0 runs pending"]


def test_small_sizes_are_sizes(capsys):
    assert printed(capsys, lane(pending=1, bytes=57)) == [
        "lab: 0 runs up to date, 1 event of 1 run pending",
        "  r1  1 event, 57 B",
    ]


def test_what_is_parked_has_its_reason(capsys):
    assert printed(capsys, lane(parked=5, refused=REFUSED)) == [
        "lab: 0 runs up to date, 0 events of 0 runs pending",
        "  r1  5 parked (syncd retry)",
        "    parked: point 0: no",
        "    parked: point 1: no",
        "    parked: point 2: no",
        "    ... and 2 more: syncd status --json",
    ]


def test_notes_of_runs_that_are_there_too(capsys):
    found = printed(capsys, *(lane(str(n), notes=[NOTE], more_notes=7) for n in range(12)))
    assert found[1:3] == ["  0  notes: 1 mapped, 7 more, not kept", "    mapped: a@b: a_x40_b"]
    assert found[-1] == "  notes on 2 more runs: syncd status --json"


def test_a_remote_that_is_not_served(capsys):
    assert printed(capsys, broken="unknown kind")[1] == "  error: not served: unknown kind"


def test_a_remote_that_does_not_answer(capsys):
    about = {"ok": False, "kind": "k", "url": "u", "version": None, "error": "refused)"}
    about["seen"] = []
    about["next"] = "tracker remote ls"
    show_check("lab", about)
    assert capsys.readouterr().out == (
        "lab: k at u: refused). Next: tracker remote ls; then again: syncd check\n"
    )


def test_what_is_not_well_with_a_remote_has_a_line_of_its_own_and_what_is_next(capsys):
    seen = [
        {"what": "version", "said": "version 9", "level": "ok", "next": None},
        {"what": "permission", "said": "may not", "level": "todo", "next": "ask"},
        {"what": "names", "said": "any", "level": "ok", "next": None},
    ]
    show_check("lab", {"ok": True, "kind": "k", "url": "u", "version": "9", "seen": seen})
    assert capsys.readouterr().out == ("lab: k at u: version 9; any\n  todo: may not. Next: ask\n")


def test_how_long_the_oldest_event_waits_is_told(capsys):
    (_, line) = printed(capsys, lane(pending=2, bytes=57, since=time.time() - 3600))
    assert line == "  r1  2 events, 57 B, the oldest 1h00m old"


def test_runs_that_went_on_in_two_copies_are_told_with_what_to_do(capsys):
    found = printed(capsys, lane("r1", elsewhere=3), lane("r2"))
    assert "  r1  another copy of this store delivered 3 events that are not here" in found
    assert "1 run went on in two copies" in "".join(found)
    assert "rsync" in "".join(found)
    assert not any("r2" in line for line in found)
