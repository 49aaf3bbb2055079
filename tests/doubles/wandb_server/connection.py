"""GraphQL's way to give a list in pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.doubles.wandb_server.graphql import Node


def connection(nodes: Iterable[Node], first: int | None = None, after: str | None = None) -> Node:
    """Give the `first` nodes behind the cursor `after`; a cursor is a count of nodes."""
    held = list(nodes)
    start = int(after or 0)
    end = len(held) if first is None else min(start + first, len(held))
    edges: list[Any] = [
        {"cursor": str(at + 1), "node": held[at], **held[at].get("edge", {})}
        for at in range(start, end)
    ]
    page = {
        "__typename": "PageInfo",
        "endCursor": str(end) if edges else None,
        "hasNextPage": end < len(held),
    }
    return {"edges": edges, "pageInfo": page, "totalCount": len(held)}
