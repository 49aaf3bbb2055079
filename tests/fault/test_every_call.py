"""At every system call that writes the process dies, or the call fails: what returned stays.

The calls are those that libc is really asked for (tests/doubles/calls.c); tests/fault/calling.py
plays the stories and looks at the disk afterwards. SOAK=1 makes each of them fail in each way.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import random
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.doubles import calls
from tests.doubles.calls import FAIL, KILL_AFTER, KILL_BEFORE, LIE, SEAM_KINDS, SHORT
from tests.doubles.failing_files import ERRORS
from tests.doubles.failing_files import LIE as SEAM_LIE
from tests.doubles.failing_files import SHORT as SEAM_SHORT

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="each case is a forked child")

SOAK = "SOAK" in os.environ
SEED = int(os.environ.get("SOAK_SEED", "2026"))
SAMPLE = 20
"""Failures of each story in CI, of the thousands that there are."""

AT_ONCE = 2
ROOT = Path(__file__).parents[2]
RECORDING = ("init", "log", "rotation", "artifact_of_a_file", "artifact_of_a_folder", "finish")
READING = ("projection", "projection_of_what_is_new")


class Caller:
    """A process of tests/fault/calling.py, which is asked for one case after the other."""

    def __init__(self, way, library, folder):
        self.folder = folder
        self.errors = (folder / "stderr").open("wb+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fault.calling", way, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, cwd=ROOT,
            env=calls.environment(library),
        )  # fmt: skip

    def ask(self, **case):
        self.process.stdin.write(json.dumps(case).encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, (self.folder / "stderr").read_text()
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


class Callers:
    """As many at once as a small machine has processors."""

    def __init__(self, way, library, folder):
        self.library = library
        self.all = []
        self.free = queue.SimpleQueue()
        for number in range(AT_ONCE):
            (folder / str(number)).mkdir()
            self.all.append(Caller(way, library, folder / str(number)))
            self.free.put(self.all[-1])

    def calls_of(self, story):
        """Which calls a story makes, in order; the same ones each time.

        A look at what is 3 seconds old is another one: a story that was held up is told again.
        """
        for _ in range(5):
            answers = [caller.ask(story=story) for caller in self.all]
            assert not [answer["trouble"] for answer in answers if answer["trouble"]]
            told = {tuple(answer["seen"]) for answer in answers}
            if len(told) == 1:
                break
        (seen,) = told
        assert seen
        return seen

    def trouble_in(self, cases):
        """What went wrong in the first few cases in which something did."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(self._ask, cases))
        wrong = [
            f"{case}: {answer['trouble']}"
            for case, answer in zip(cases, answers, strict=True)
            if answer["trouble"]
        ]
        return "\n".join([f"{len(wrong)} of {len(cases)} cases", *wrong[:3]] if wrong else [])

    def _ask(self, case):
        caller = self.free.get()
        try:
            return caller.ask(**case)
        finally:
            self.free.put(caller)

    def close(self):
        for caller in self.all:
            caller.close()


@contextlib.contextmanager
def started(way, library):
    # A disk in memory where there is one: what is tried is the calls, not how fast they are.
    memory = "/dev/shm"  # noqa: S108 - a folder of our own is made in it
    place = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        callers = Callers(way, library, Path(folder).resolve())
        try:
            yield callers
        finally:
            callers.close()


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return calls.build(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def callers(library):
    with started("preloaded" if library else "seams", library) as made:
        yield made


def looked_at(story, number):
    """What a fresh look is about besides the events: all of it where the story is about that."""
    also = {"index": story in READING, "artifacts": story.startswith("artifact")}
    return [what for what, wanted in also.items() if wanted or SOAK or number % 4 == 0]


def kills(story, seen):
    """Death before and after each call.

    What lies on the disk after a call is what lies there before the next one, so for SQLite's
    hundreds of page writes "after" is left to a soak, but for the last; and so is "before" for
    four of five.
    """
    for at in range(1, len(seen) + 1, 1 if SOAK or story not in READING else 5):
        case = {"story": story, "at": at, "also": looked_at(story, at)}
        yield case | {"act": KILL_BEFORE}
        if SOAK or story not in READING or at + 5 > len(seen):
            yield case | {"act": KILL_AFTER}


def failures(story, seen):
    """Each call failing in each way, once and from then on."""
    ways = [*((FAIL, error) for error in ERRORS), (SHORT, 0), (LIE, ERRORS[1])]
    for at, (act, error), onward in itertools.product(range(1, len(seen) + 1), ways, (False, True)):
        if act != SHORT or seen[at - 1] == "write":
            case = {"story": story, "at": at, "also": looked_at(story, at)}
            yield case | {"act": act, "error": error, "onward": onward}


def made_or_skipped(callers, story):
    if callers.library is None and story in READING:
        pytest.skip("no compiler, and SQLite's calls go through no seam of ours")
    return callers.calls_of(story)


@pytest.mark.parametrize("story", [*RECORDING, *READING])
def test_killed_before_or_after_any_call_all_that_returned_is_there_once(callers, story):
    cases = list(kills(story, made_or_skipped(callers, story)))
    trouble = callers.trouble_in(cases)
    assert not trouble, trouble


@pytest.mark.parametrize("story", [*RECORDING, *READING])
def test_whichever_call_fails_in_whichever_way_nothing_is_raised_and_the_count_is_exact(
    callers, story
):
    print("seed", SEED)  # noqa: T201 - shown when it fails
    cases = list(failures(story, made_or_skipped(callers, story)))
    if not SOAK:
        cases = random.Random(SEED).sample(cases, min(SAMPLE, len(cases)))
    trouble = callers.trouble_in(cases)
    assert not trouble, trouble


@pytest.mark.parametrize("name", SEAM_KINDS)
def test_what_fails_at_the_seam_ends_as_what_fails_for_real(callers, name):
    if callers.library is None:
        pytest.skip("no compiler: nothing stands before libc")
    ways = (*ERRORS, *((SEAM_SHORT, SEAM_LIE) if name == "write" else ()))
    trouble = callers.trouble_in([{"name": name, "error": error} for error in ways])
    assert not trouble, trouble


@pytest.mark.parametrize("story", ["rotation", "artifact_of_a_file"])
def test_without_a_compiler_the_seams_stand_in(story):
    with started("seams", None) as callers:
        seen = callers.calls_of(story)
        cases = [case for case in kills(story, seen) if case["act"] == KILL_BEFORE]
        trouble = callers.trouble_in(cases)
    assert len(seen) > 15
    assert not trouble, trouble
