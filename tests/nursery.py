"""A process that has imported what takes MLflow's server four seconds, and forks one for each line.

It looks at no environment that is a server's own, and starts no thread. A line is a JSON object;
the answer is the process id of the server, which is waited for by nobody and leaves no zombie.
"""

from __future__ import annotations

import json
import os
import signal
import sys

# ruff: noqa: F401 - for the servers
import aiohttp
import fastapi
import flask
import mlflow.gateway.budget
import mlflow.genai
import mlflow.store.model_registry.sqlalchemy_store
import mlflow.store.tracking.sqlalchemy_store
import prometheus_client
from uvicorn.main import main


def serve(folder: str, log: str, environment: dict[str, str], command: list[str]) -> None:
    """Be a server: a process group of its own, in its folder, which writes to its log."""
    os.setsid()
    os.chdir(folder)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(written, stream)
    os.environ.clear()
    os.environ.update(environment)
    main(command)


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            serve(**json.loads(line))
        print(pid, flush=True)  # noqa: T201 - the answer
