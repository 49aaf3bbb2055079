"""Whatever is killed and whatever the network does, each run arrives once, whole and unchanged.

The odd rounds; the even ones are in test_delivery.py, as a file runs in one process.
"""

from __future__ import annotations

import pytest

from tests.fault.delivering import Clock
from tests.fault.killing import ROUNDS, killed_round


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setenv("TRACKER_SILENT", "1")
    return Clock(monkeypatch)


@pytest.mark.parametrize("number", range(1, ROUNDS, 2))
def test_killed_again_and_again_behind_a_bad_network(number, mlflow_server, clock, tmp_path):
    """SIGKILLs of syncd and every fault of the proxy lose nothing and double nothing."""
    killed_round(number, mlflow_server, clock, tmp_path)
