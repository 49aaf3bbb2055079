"""Real servers that tests talk to, each a process group of its own on a loopback port."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

START_LIMIT_S = 120.0
"""The first start on a machine compiles much and has taken 24 s."""

STOP_LIMIT_S = 15.0

ROOT = Path(__file__).parents[1]


def free_port() -> int:
    """Return a loopback port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class MlflowServer:
    """MLflow's server on SQLite in `folder`; stop and start keep its data and its port.

    Without `serve_artifacts` clients are to write files themselves, to where it says.
    """

    _app = ("mlflow.server.fastapi_app:app",)
    """What `mlflow server` gives to uvicorn, which it starts."""

    def __init__(self, folder: Path, *, serve_artifacts: bool = True) -> None:
        self.serve_artifacts = serve_artifacts
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.pid: int | None = None

    def __enter__(self) -> MlflowServer:  # noqa: PYI034 - Self is not in Python 3.10
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def log(self) -> Path:
        """What the server wrote to stdout and stderr."""
        return self.folder / "server.log"

    def start(self) -> None:
        """Start and wait until /health answers; fails with the end of the server's log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        self.pid = _forked(
            folder=str(self.folder), log=str(self.log), environment=self._environment(),
            command=[*where, *self._app],
        )  # fmt: skip
        with httpx.Client(base_url=self.url, trust_env=False) as client:
            self._wait_until_healthy(self.pid, client)
            # The first question makes the database; two at once would both make it.
            client.get("/api/2.0/mlflow/experiments/get?experiment_id=0", timeout=START_LIMIT_S)

    def stop(self) -> None:
        """End the server's whole process group: asked first, killed after a limit."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def _environment(self) -> dict[str, str]:
        """As `mlflow server` makes it; see `mlflow.server._run_server` and `.constants`."""
        theirs = ("MLFLOW_", "_MLFLOW_")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(theirs)}
        database, files = f"sqlite:///{self.folder / 'mlflow.db'}", str(self.folder / "artifacts")
        told = {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # else a second server process starts
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "_MLFLOW_SGI_NAME": "uvicorn",
            "_MLFLOW_SERVER_FILE_STORE": database,
            "_MLFLOW_SERVER_REGISTRY_STORE": database,
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/" if self.serve_artifacts else files,
        }
        if self.serve_artifacts:
            told["_MLFLOW_SERVER_SERVE_ARTIFACTS"] = "true"
            told["_MLFLOW_SERVER_ARTIFACT_DESTINATION"] = files
        return {**inherited, **told}

    def _wait_until_healthy(self, pid: int, client: httpx.Client) -> None:
        limit = time.monotonic() + START_LIMIT_S
        while time.monotonic() < limit and _runs(pid):
            with contextlib.suppress(httpx.TransportError):
                if client.get("/health", timeout=2.0).is_success:
                    return
            time.sleep(0.1)
        self.kill()
        tail = self.log.read_bytes()[-2000:].decode(errors="replace")
        raise AssertionError(f"mlflow server did not come up:\n{tail}")

    def _end(self, how: signal.Signals) -> None:
        pid, self.pid = self.pid, None
        if pid is None:
            return
        for wish in (how, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, wish)
            limit = time.monotonic() + STOP_LIMIT_S
            while time.monotonic() < limit and _runs(pid):
                time.sleep(0.01)


class GuardedMlflowServer(MlflowServer):
    """The same with MLflow's own basic authentication: it lets in `USERNAME` with `PASSWORD`."""

    USERNAME = "ada"
    PASSWORD = 'correct horse: "battery" staple'  # noqa: S105 - of a server of the test's own
    _app = ("--factory", "mlflow.server.auth:create_app")

    def start(self) -> None:
        """Start as ever, with the one user that there is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = (
            "[mlflow]",
            "default_permission = READ",
            f"database_uri = sqlite:///{self.folder / 'users.db'}",
            f"admin_username = {self.USERNAME}",
            f"admin_password = {self.PASSWORD}",
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth",
        )
        (self.folder / "auth.ini").write_text("\n".join(lines))
        super().start()

    def _environment(self) -> dict[str, str]:
        own = {
            "MLFLOW_AUTH_CONFIG_PATH": str(self.folder / "auth.ini"),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "of a test",
        }
        return {**super()._environment(), **own}


@functools.cache
def _nursery() -> subprocess.Popen[str]:
    """One for all servers of this process, with which it ends."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.nursery"], cwd=ROOT, text=True,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def _forked(**server: object) -> int:
    nursery = _nursery()
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    print(json.dumps(server), file=nursery.stdin, flush=True)
    return int(nursery.stdout.readline())


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
