"""`import tracker`: milliseconds over a bare Python, and what it loads."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from scripts.benchmarks.process import environment, interleaved
from scripts.benchmarks.table import show

CHECKOUT = str(Path(__file__).parents[2])
PROGRAMS = {
    "bare Python": "pass",
    "import tracker": "import tracker",
    "import tracker, init, log, finish":
        "import tracker; r = tracker.init('b', dir='store'); r.log({'a': 1.0}); r.finish()",
}  # fmt: skip
LOADED = """
import json, sys
before = set(sys.modules)
import tracker
if sys.argv[1] == "init":
    run = tracker.init("bench", dir=sys.argv[2]); run.log({"a": 1.0}); run.finish()
names = {name.split(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(names - sys.stdlib_module_names)))
"""
TIMES_MORE = 8
"""Rounds here for each round asked for: a start takes tens of ms and varies by as much."""


def measure(rounds: int, **_: Any) -> dict[str, Any]:
    """Take the figures and print them."""
    interleaved(PROGRAMS, 1, _start)  # the first start of all compiles
    taken = interleaved(PROGRAMS, rounds * TIMES_MORE, _start)
    bare = taken["bare Python"]["ms"]
    loaded = {
        "import tracker": _loaded("import"), "import tracker, init, log, finish": _loaded("init"),
    }  # fmt: skip
    rows = [
        (name, figures["ms"], figures["ms"] - bare, ", ".join(loaded.get(name, [])) or "-")
        for name, figures in taken.items()
    ]
    show(
        f"import, medians of {rounds * TIMES_MORE} alternating starts",
        ("program", "ms", "ms over bare Python", "third-party modules loaded"), rows,
        "msgspec loads typing_extensions where that is installed",
    )  # fmt: skip
    return {name: {**figures, "loaded": loaded.get(name, [])} for name, figures in taken.items()}


def _start(name: str, folder: Path) -> dict[str, float]:
    before = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", PROGRAMS[name]],
        env=environment(PYTHONPATH=CHECKOUT),
        cwd=folder,
        check=True,
    )
    return {"ms": (time.perf_counter() - before) * 1e3}


def _loaded(how: str) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as folder:
        done = subprocess.run(
            [sys.executable, "-c", LOADED, how, str(Path(folder, "store"))],
            env=environment(PYTHONPATH=CHECKOUT), check=True, capture_output=True, text=True,
        )  # fmt: skip
    return [name for name in json.loads(done.stdout) if name != "tracker"]
