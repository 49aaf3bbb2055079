"""Runs as a training leaves them, made in a moment by the real writer."""

from __future__ import annotations

from itertools import count

from tests.unit.index.stories import ARTIFACT, CONFIG, FINISH, LOG, MEDIA, START, TAGS
from tracker.events import OF_ARTIFACT
from tracker.journal import Writer

_numbers = count(1)


def trained(
    folder, name, values, *, metric="loss", config=None, about=None, status="finished", tags=None,
    used=None, logged=None, project="p", more=None, dropped=None,
):  # fmt: skip
    """Record a run that logs `values` of a metric, one a step; returns its id.

    `used` and `logged` map names of artifacts to manifests; a `status` of None leaves it without
    an end, which is crashed as soon as this process closed it.
    """
    number = next(_numbers)
    run_id = f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}{number:016x}"
    writer = Writer(folder.run(run_id), run_id)
    facts = {"host": "here", "python": "3.11.2", **(about or {})}
    writer.append(START, project, name, None, None, None, tags or {}, facts, False, None, None)
    if config:
        writer.append(CONFIG, config)
    for step, value in enumerate(values):
        writer.append(LOG, step, {metric: value, **(more or {})})
    for artifact, manifest in (used or {}).items():
        said = {"used": f"{artifact}:v0", "manifest": manifest}
        writer.append(MEDIA, 0, artifact, OF_ARTIFACT, [], said)
    for artifact, (kind, manifest) in (logged or {}).items():
        writer.append(ARTIFACT, artifact, kind, manifest, 1, 10)
    if tags is not None:
        writer.append(TAGS, tags, [])
    if status is not None:
        writer.append(FINISH, status, 0, None, dropped or {})
    writer.close()
    return run_id
