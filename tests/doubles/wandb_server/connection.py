"""GraphQL's way to give a list: in pages, as edges around nodes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.doubles.wandb_server.document import GraphqlError
from tests.doubles.wandb_server.graphql import Node


def connection(
    nodes: Sequence[Node],
    first: int | None = None,
    after: str | None = None,
    order: str | None = None,
    filters: str | None = None,
) -> Node:
    """Give the `first` nodes behind the cursor `after`; a cursor is a count of nodes.

    `filters` are fields with the value they must have, as JSON; `nodes` are oldest first.

    Raises:
        GraphqlError: It is another order than by age, or another filter than by a field's value.
    """
    equal = json.loads(filters or "{}")
    if order not in {None, "+created_at", "-created_at"}:
        raise GraphqlError(f"ordered by age or not at all, not by {order}")
    for key, value in equal.items():
        if isinstance(value, (dict, list)) or any(key not in node for node in nodes):
            raise GraphqlError(f"filtered by a field's value only, not by {filters}")
    held = [node for node in nodes if all(node[key] == value for key, value in equal.items())]
    if order == "-created_at":
        held.reverse()
    start = int(after or 0)
    end = len(held) if first is None else min(start + first, len(held))
    page = {
        "__typename": "PageInfo",
        "endCursor": str(end) if end > start else None,
        "hasNextPage": end < len(held),
    }
    edges = [
        {"cursor": str(at + 1), "node": held[at], "version": held[at].get("version")}
        for at in range(start, end)
    ]
    return {"edges": edges, "pageInfo": page, "totalCount": len(held)}
