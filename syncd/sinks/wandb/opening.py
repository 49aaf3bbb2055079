"""Finding or making the one W&B run of a run of ours.

W&B lets us choose the id, so the run's own is asked for first. It is ours if its config holds our
run id under `_tracker`, which it does from the call on that makes it. A run of that id which is
not ours, as one that wandb itself made, is never written to; and an id whose run was deleted is
taken for ever (409). Then the run gets the next id in ``ID``, ``ID-2``, ``ID-3``, ...: which one,
is not kept anywhere, as the same look-up finds it again.
"""

from __future__ import annotations

import logging
import threading
from typing import Any
from urllib.parse import quote

from syncd.sinks import Head, Rejected, RemoteRun, Retryable
from syncd.sinks.http import Refusal
from syncd.sinks.wandb.api import DELETED, Api, Place, Run
from syncd.sinks.wandb.records import Own, Record, config_text, read
from tracker.integrations.wandb.naming import project_name

_MOST_IDS = 20
_MOST_DELETED = 2
"""Ids of a run that were deleted; whoever deletes it again means it."""

_log = logging.getLogger("syncd")


class Opening:
    """Opens runs at one server. `entity` is the option, "" for the one of the key's owner."""

    def __init__(self, api: Api, entity: str) -> None:
        self._api = api
        self._entity = entity
        self._one_at_a_time = threading.Lock()

    def open(self, head: Head) -> tuple[RemoteRun, Record]:
        """See `syncd.sinks.Sink.open`; also what the run holds."""
        with self._one_at_a_time:
            project = project_name(head.project)
            run, why = self._one_run(head, self.entity(), project)
        found = RemoteRun(
            id=run.name,
            url=f"{self._api.http.url}/{quote(self._entity, safe='')}/{quote(project, safe='')}"
            f"/runs/{quote(run.name, safe='')}",
            handle={"entity": self._entity, "project": project, "storage_id": run.id},
        )
        if why:
            _log.warning("%s: run %s is %s there, as %s", found.url, head.run_id, run.name, why)
        return found, read(run)

    def entity(self) -> str:
        """The entity that runs go to.

        Raises:
            Retryable: none was named, and the key's owner has none.
        """
        if not self._entity:
            self._entity = self._api.viewer()[0].entity or ""
        if not self._entity:
            raise Retryable(
                f"{self._api.http.url}: the owner of the key has no entity of its own; name one: "
                "tracker remote set NAME --option entity=TEAM"
            )
        return self._entity

    def _one_run(self, head: Head, entity: str, project: str) -> tuple[Run, str]:
        """The run, and why it has not the id that it has here; "" if it has."""
        deleted, why = 0, ""
        for number in range(1, _MOST_IDS + 1):
            name = head.run_id if number == 1 else f"{head.run_id}-{number}"
            found = self._api.run(Place(entity, project, name))
            if found is not None:
                if read(found).own.run_id == head.run_id:
                    return found, why
                why = why or "its own id belongs to a run that is not ours"
                continue
            try:
                return self._made(head, Place(entity, project, name)), why
            except Refusal as refusal:
                if refusal.status != DELETED:
                    raise
                deleted, why = deleted + 1, "the run of its own id was deleted"
            if deleted == _MOST_DELETED:
                raise Rejected(
                    f"the W&B run of {head.run_id} in {entity}/{project} was deleted there, and so "
                    f"was {name}. It is not made a third time: deliver it to another remote "
                    "(tracker push RUN --to NAME), or leave it out (the remote's filters)."
                )
        raise Rejected(
            f"{entity}/{project}: the ids {head.run_id} to {head.run_id}-{_MOST_IDS} belong to "
            "runs that are not ours; give the remote another `entity`"
        )

    def _made(self, head: Head, place: Place) -> Run:
        """Make the run, with our mark in it.

        Raises:
            Refusal: with the status `DELETED`, where a run of that id was deleted.
        """
        own = Own(run_id=head.run_id)
        return self._api.upsert(_fields(head, place) | {"config": config_text(Record({}, [], own))})


def _fields(head: Head, place: Place) -> dict[str, Any]:
    about = head.about
    return {
        "entity": place.entity, "project": place.project, "name": place.name,
        "displayName": head.name or head.run_id, "groupName": head.group,
        "jobType": head.job_type, "notes": head.notes, "host": _text(about.get("host")),
        "program": _text(about.get("program")), "commit": _text(about.get("git_commit")),
        "repo": _text(about.get("git_remote")),
    }  # fmt: skip


def _text(value: Any) -> str | None:
    return str(value) if value else None
