"""What syncd needs, imported once, and a process that is forked from there and becomes syncd."""

from __future__ import annotations

import os
import random
import sys

# ruff: noqa: F401 - for those who are forked
import syncd.daemon
import syncd.sinks.mlflow
import syncd.sinks.wandb
import syncd.telemetry.telemetry
from syncd.cli import main


def be_syncd(output, arguments, env, folder):
    """Be `python -m syncd` with these arguments, this environment, and one pipe for all it says."""
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    output.close()
    # Those that are there may stand on a file, which this is not.
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, closefd=False)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    random.seed()  # else each of them would wait as long as the others
    sys.argv = ["syncd", *arguments]
    main()
