"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import MlflowServer


def pytest_collection_finish() -> None:
    """What is there by now stays: garbage is looked for among what tests make."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """One real MLflow server for the whole session: leave it running and use your own project."""
    with MlflowServer(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@pytest.fixture
def start_mlflow(tmp_path: Path) -> Iterator[Callable[[], MlflowServer]]:
    """Start a server of your own, to stop, kill and restart; ended after the test."""
    servers: list[MlflowServer] = []

    def start() -> MlflowServer:
        servers.append(MlflowServer(tmp_path / f"mlflow{len(servers)}"))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
