"""A training on a disk of its own that is really small: a tmpfs that only its process sees.

`on_small_disk` runs a program in a child with a private mount namespace. The program finds a
`Disk` there and says what it found in `tell`; the names below are there for it to use.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

import tracker
from tracker.events import Artifact, Config, Event, Finish, Log, Start, Summary, Tags
from tracker.journal import journals
from tracker.journal.reserve import RESERVE_BYTES

ROOT = Path(__file__).parents[2]
RESUMES_WITHIN_S = 1.0

_HEAD = "from tests.fault.small_disk import *\ndisk = Disk(sys.argv[1])\n"
__all__ = [
    "RESUMES_WITHIN_S", "Counter", "Disk", "Path", "Story", "contextlib", "os", "shutil", "sys",
    "tell", "time", "tracker",
]  # fmt: skip


@functools.cache
def _private() -> list[str]:
    """How to start a program that may mount: as root, else in a user namespace of its own."""
    for flags in ("-m", "-Urm"):
        command = ["unshare", flags]
        probe = 'mount -t tmpfs -o size=64k tmpfs "$0"'
        with contextlib.suppress(OSError):
            asked = [*command, "sh", "-c", probe, str(ROOT)]
            if subprocess.run(asked, capture_output=True, check=False).returncode == 0:
                return command
    pytest.skip("no file system can be mounted here, neither as root nor in a user namespace")


def on_small_disk(folder: Path, program: str, options: str = "size=64k", **environ: str) -> dict:
    """Run a training on a tmpfs; what it told, and as "said" what it wrote to standard error."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TRACKER_")}
    (folder / "disk").mkdir()
    env = clean | {"TRACKER_DIR": str(folder / "disk/store"), "DISK_OPTIONS": options}
    env |= {"XDG_CONFIG_HOME": str(folder / "config"), "TRACKER_STORAGE_LOW_BYTES": "0", **environ}
    command = [*_private(), sys.executable, "-c", _HEAD + textwrap.dedent(program)]
    done = subprocess.run(
        [*command, str(folder / "disk")], env=env, cwd=ROOT, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout) | {"said": done.stderr}


def tell(**found) -> None:
    """Hand what was found to the test."""
    print(json.dumps(found))  # noqa: T201 - it is how the child speaks to the test


class Disk:
    """The small disk, mounted; full from `fill` to `free`."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.store = self.path / "store"
        self._fillers = 0
        self.mount()

    def mount(self) -> None:
        options = os.environ["DISK_OPTIONS"]
        _command("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.path))

    def remount(self, how: str) -> None:
        _command("mount", "-o", f"remount,{how}", str(self.path))

    def cover_read_only(self) -> None:
        """What is opened from now on is read-only; files that are open stay as they are."""
        _command("mount", "--bind", str(self.path), str(self.path))
        _command("mount", "-o", "remount,ro,bind", str(self.path))

    def detach(self) -> None:
        """Take the topmost mount away, whoever uses it."""
        _command("umount", "-l", str(self.path))

    def put(self, size: int) -> None:
        """A file of somebody else's."""
        self._fillers += 1
        (self.path / f"filler{self._fillers}").write_bytes(b"x" * size)

    def fill(self) -> None:
        """Leave not one page."""
        with contextlib.suppress(OSError):
            while True:
                self.put(4096)

    def take_inodes(self) -> None:
        """Leave no room for one more file."""
        with contextlib.suppress(OSError):
            while True:
                self.put(0)

    def free(self) -> None:
        for path in self.path.glob("filler*"):
            path.unlink()


def _command(*words: str) -> None:
    subprocess.run(words, check=True)


class Story:
    """One run that logs a new number each call, and knows from its counts which were kept."""

    def __init__(self, **arguments) -> None:
        self.run = tracker.init("p", id="run", name="training", **arguments)
        self.kept: list[int] = []
        self.calls = 0

    def log(self, calls: int = 1) -> bool:
        """Log so many times; whether the last one was kept."""
        before = 0
        for _ in range(calls):
            before = self.lost
            self.run.log({"v": self.calls})
            if self.lost == before:
                self.kept.append(self.calls)
            self.calls += 1
        return self.lost == before

    @property
    def lost(self) -> int:
        return self.run._recording.dropped.get("log calls", 0)

    def resumed_after(self) -> float:
        """Seconds until a call is kept again; what the machine took for others is left out."""
        waited, now = 0.0, time.monotonic()
        while not self.log():
            assert waited < 10, "it never went on"
            time.sleep(0.005)
            before, now = now, time.monotonic()
            waited += min(now - before, 0.05)
        return waited

    def log_until_full(self) -> None:
        """Fill the disk by the run's own hand."""
        while self.log():
            assert self.calls < 100_000

    def reserves(self) -> list[str]:
        """Names of the run's reserves that hold what they should."""
        folder = self.run.store.run("run")
        whole = []
        for path in folder.glob("*.reserve"):
            with contextlib.suppress(FileNotFoundError):  # one that found no room
                if path.stat().st_blocks * 512 >= RESERVE_BYTES:
                    whole.append(path.name)
        return whole

    def told(self) -> dict:
        """What stands in the run's journals; numbers have no holes and nothing is damaged."""
        events: list[Event] = []
        folder = self.run.store.run("run")
        for journal in journals(folder):
            blocks = list(journal.blocks())
            assert not [gap for block in blocks for gap in block.gaps if not gap.harmless]
            found = [event for block in blocks for event in block.events]
            assert [event.seq for event in found] == list(range(1, len(found) + 1))
            events += found

        logs = [event for event in events if isinstance(event, Log)]

        def merged(kind: type) -> dict:
            return {k: v for e in events if isinstance(e, kind) for k, v in e.values.items()}

        return {
            "values": [value for log in logs if (value := log.values.get("v")) is not None],
            "others": sum("v" not in log.values for log in logs),
            "kept": self.kept,
            "lost": self.calls - len(self.kept),
            "config": merged(Config),
            "summary": merged(Summary),
            "starts": sum(isinstance(event, Start) for event in events),
            "tags": [event.set for event in events if isinstance(event, Tags)],
            "artifacts": [event.name for event in events if isinstance(event, Artifact)],
            "finish": [[e.status, e.dropped] for e in events if isinstance(e, Finish)],
            "dropped": self.run._recording.dropped,
            "reserves": [path.name for path in folder.glob("*.reserve")],
            "leftovers": [path.name for path in self.run.store.root.rglob("*.tmp")],
        }  # fmt: skip
