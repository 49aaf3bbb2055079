"""The real wandb client in a process of its own, which speaks to a given server only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

LIMIT_S = 280.0
"""For one program; on a crowded machine the client alone takes minutes to start."""


class WandbClient:
    """Runs wandb in `folder`, where everything that it writes stays.

    `settings` are more of its environment variables.
    """

    def __init__(self, folder: Path, url: str, key: str, **settings: str) -> None:
        self.folder = folder
        clean = {name: value for name, value in os.environ.items() if "WANDB" not in name}
        places = ("HOME", "WANDB_DIR", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR")
        own = {
            "WANDB_BASE_URL": url,
            "WANDB_API_KEY": key,
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_SILENT": "true",
        }
        self.environment = {**clean, **dict.fromkeys(places, str(folder)), **own, **settings}

    def run(self, script: str, *arguments: str) -> Any:
        """Run Python in which json, sys and wandb are imported; give what it prints last, as JSON.

        Raises:
            AssertionError: It failed; with its output.
        """
        program = f"import json, sys, wandb\n{script}"
        output = self._run(sys.executable, "-c", program, *arguments)
        lines = output.splitlines()
        return json.loads(lines[-1]) if lines else None

    def command(self, *arguments: str) -> str:
        """Run `wandb` from the command line; give its output.

        Raises:
            AssertionError: It failed; with its output.
        """
        return self._run(sys.executable, "-m", "wandb", *arguments)

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, f"wandb failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout
