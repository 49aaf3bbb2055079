"""What a check finds out about a W&B server. Nothing is made there."""

from __future__ import annotations

from syncd.sinks import Seen, SinkError
from syncd.sinks.wandb.api import Api, Viewer
from tracker.integrations.wandb.naming import MAX_NAME

UNKNOWN = "unknown"


def version(api: Api) -> str:
    """The server's version, "unknown" where it does not tell."""
    try:
        return api.version() or UNKNOWN
    except SinkError:
        return UNKNOWN


def seen(found: str, viewer: Viewer, entity: str) -> tuple[Seen, ...]:
    """What there is to see of a server of version `found`, for the option `entity`."""
    return (
        Seen("version", f"version {found}"),
        _permission(viewer, entity),
        Seen("files", "files and artifacts go to the addresses that the server gives out"),
        Seen("names", f"projects of up to {MAX_NAME} characters; others are mapped"),
    )


def _permission(viewer: Viewer, entity: str) -> Seen:
    if entity and entity not in viewer.entities:
        return Seen(
            "permission",
            f"this user, {viewer.username}, is in no team {entity}, so runs can hardly be "
            "delivered there",
            "todo", "name another team: tracker remote set NAME --option entity=TEAM; or be "
            "another user: tracker remote login",
        )  # fmt: skip
    if not (entity or viewer.entity):
        return Seen(
            "permission", "this user has no entity of its own that runs could go to",
            "todo", "name a team: tracker remote set NAME --option entity=TEAM",
        )  # fmt: skip
    return Seen("permission", f"runs go to the entity {entity or viewer.entity}")
