"""A stand-in for the Weights & Biases service on loopback.

The unchanged wandb client works against it: runs online and from offline folders, resuming,
artifacts, and reading back through its public API. It is stricter than the service: what a client
does wrong is refused or noted, so that a test can look.

with WandbServer() as server:
    ...  # a client with WANDB_BASE_URL=server.url and WANDB_API_KEY=server.key
    assert server.run("tester", "project", "id").rows == [...]
    assert not server.complaints

To lose, cut or slow what goes over the wire, put a FaultProxy in front.
"""

from tests.doubles.wandb_server.door import Limit, Request
from tests.doubles.wandb_server.run import Run
from tests.doubles.wandb_server.server import KEY, WandbServer

__all__ = ["KEY", "Limit", "Request", "Run", "WandbServer"]
