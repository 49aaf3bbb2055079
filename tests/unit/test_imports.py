"""What `import tracker` and a whole recording load, and what the package shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import tracker

LOADED = """
import json, sys
before = set(sys.modules)
{program}
print(json.dumps(sorted({{name.partition(".")[0] for name in set(sys.modules) - before}})))
"""
RECORDING = """
import tracker
run = tracker.init(project="p", config={"lr": 0.1}, tags=["a"], resume="auto")
for step in range(10):
    run.log({"loss": 1.0, "nested": {"text": "x"}}, step)
run.summary["best"] = 1
run.flush()
run.finish()
"""
# typing_extensions is msgspec's own choice, where it is installed.
ALLOWED = {"msgspec", "platformdirs", "tracker", "typing_extensions"}


@pytest.mark.parametrize("store", ["", "named"], ids=["default store", "TRACKER_DIR"])
@pytest.mark.parametrize("program", ["import tracker", RECORDING], ids=["import", "recording"])
def test_only_msgspec_and_platformdirs_are_loaded(tmp_path, program, store):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRACKER_")}
    environment |= {"TRACKER_SILENT": "1", "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    if store:
        environment["TRACKER_DIR"] = str(tmp_path / "named")
    found = subprocess.run(
        [sys.executable, "-c", LOADED.format(program=program)],
        env=environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    loaded = set(json.loads(found.stdout)) - set(sys.stdlib_module_names)
    assert {name for name in loaded if not name.startswith("_")} <= ALLOWED
    assert "syncd" not in loaded


def test_the_import_loads_nothing_slow_of_the_standard_library():
    program = LOADED.format(program="import tracker")
    found = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}\n" + program],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    slow = {"sqlite3", "logging", "socket", "ssl", "hashlib", "difflib", "dataclasses", "asyncio"}
    assert not set(json.loads(found.stdout)) & slow


def test_the_public_names_are_these():
    assert tracker.__all__ == [
        "ArtifactError", "BadInput", "Run", "RunError", "SettingsError", "StoreError",
        "TrackerError", "finish", "init", "log", "log_artifact", "open",
    ]  # fmt: skip
    assert all(hasattr(tracker, name) for name in tracker.__all__)
    shown = {name for name in vars(tracker) if not name.startswith("_")}
    assert shown - set(tracker.__all__) <= {
        "annotations", "os", "threading", "TYPE_CHECKING", "Any",
    } | {name for name in shown if f"tracker.{name}" in sys.modules}  # fmt: skip
