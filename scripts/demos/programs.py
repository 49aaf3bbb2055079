"""Programs of ours, run as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class Tracker:
    """Our two programs on one store, run as a person runs them."""

    def __init__(self, store: Path) -> None:
        self.store = store
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TRACKER_", "MLFLOW_"))}
        self.environment = {**kept, "TRACKER_DIR": str(store)}

    def say(self, *command: str) -> None:
        """Run a command in sight of the person; ends the demo if it fails."""
        print(f"$ {' '.join(command)}", flush=True)
        done = subprocess.run(self._resolved(command), env=self.environment, check=False)
        if done.returncode:
            raise SystemExit(f"FAILED: {' '.join(command)} ended with {done.returncode}")

    def ask(self, *command: str, codes: tuple[int, ...] = (0,)) -> Any:
        """Run a command with --json and return what it printed."""
        print(f"$ {' '.join(command)} --json", flush=True)
        done = subprocess.run(
            [*self._resolved(command), "--json"],
            env=self.environment, check=False, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode not in codes:
            raise SystemExit(
                f"FAILED: {' '.join(command)} ended with {done.returncode}\n{done.stderr[-3000:]}"
            )
        return json.loads(done.stdout)

    @staticmethod
    def _resolved(command: tuple[str, ...]) -> list[str]:
        program, *rest = command
        return [str(Path(sys.executable).parent / program), *rest]
