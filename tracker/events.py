"""What a run's records mean.

An event is a msgpack array ``[kind, seq, time, ...]``. `kind` is a small integer from
16 up (0 to 15 belong to the journal itself), `seq` the position in its journal from 1,
`time` the wall clock in nanoseconds since 1970-01-01 UTC, taken once, when the event was
made, and never changed. What follows depends on the kind:

    16 Start     every journal begins with one: project, name and circumstances
    17 Log       one `run.log` call: a step and its values
    18 Config    settings of the run, flat keys ("optim/lr")
    19 Summary   final or best values, flat keys
    20 Tags      tags set and tags removed
    21 Artifact  a version of an artifact: its name and the digest of its manifest
    22 Finish    the run ended: status, exit code, error
    23 Rewind    the run went back to a step: what came after it is an older branch
    24 System    measures of the machine, by time and without a step
    25 Console   what the process wrote to its streams
    26 Media     files logged under a key at a step: images, audio, tables and the like
    27 Source    the journal is taken from a foreign record, and up to where

Fields are only ever added, at the end and with a default, so an older reader reads newer
records. A kind that this version does not know becomes `Unknown`: kept and carried along.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec

Value = bool | int | float | str
"""A logged value: numbers are metric points, strings are text values."""

Json = Any
"""A config or summary value: None, bool, int, float, str, or a list of these, lists and dicts."""


class Recorded(msgspec.Struct, frozen=True, array_like=True, tag_field="kind"):
    """What every event has: its place in its journal and its wall time in nanoseconds."""

    seq: int
    time: int


class Start(Recorded, frozen=True, tag=16):
    """First event of every journal; what `tracker.init` was told and where it ran.

    `tags` maps a tag to its value, "" for a plain tag. `about` holds host, user, pid, python,
    platform, program and, where there are any, git_commit and git_remote, world_size,
    local_rank and what a scheduler says of the job. `resumed` is true where the run already
    had a journal. `parent` is the writer id of the process this one was forked from: such a
    writer's end is not the end of the run. `rank` is the place of the process among those
    that record the run together.
    """

    project: str
    name: str
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    tags: dict[str, str] = {}
    about: dict[str, Json] = {}
    resumed: bool = False
    parent: str | None = None
    rank: int | None = None


class Log(Recorded, frozen=True, tag=17):
    """One call of `run.log`: `values` at `step` (64-bit signed)."""

    step: int
    values: dict[str, Value]


class Config(Recorded, frozen=True, tag=18):
    """Config keys set by one call. A later event wins."""

    values: dict[str, Json]


class Summary(Recorded, frozen=True, tag=19):
    """Summary keys set by one call. A later event wins."""

    values: dict[str, Json]


class Tags(Recorded, frozen=True, tag=20):
    """Tags set (name to value) and tags removed by one call."""

    set: dict[str, str] = {}
    removed: list[str] = []


class Artifact(Recorded, frozen=True, tag=21):
    """A version of the artifact `name`: `manifest` is the digest of its manifest's blob.

    `files` and `size` (bytes) count what the manifest lists.
    """

    name: str
    type: str
    manifest: str
    files: int
    size: int


class Finish(Recorded, frozen=True, tag=22):
    """The run ended. `status` is "finished", "failed" or "killed".

    `error` is the exception's type and text where one ended the run. `dropped` counts,
    by kind, what could not be kept (see `tracker.journal`).
    """

    status: str
    exit_code: int = 0
    error: str | None = None
    dropped: dict[str, int] = {}


class Rewind(Recorded, frozen=True, tag=23):
    """The run goes on from `step`, from a checkpoint as a rule.

    What the journals `writers`, and this one before this event, hold at `step` and later is an
    older branch of every metric that is logged again afterwards. It is kept and delivered;
    reading passes over it unless asked.
    """

    step: int
    writers: list[str] = []


class System(Recorded, frozen=True, tag=24):
    """Measures of the machine at `time`, such as "cpu" or "gpu.0.memory"; numbers only."""

    values: dict[str, float]


class Console(Recorded, frozen=True, tag=25):
    """What the process wrote to `stream` ("stdout" or "stderr"); `text` with its line ends."""

    stream: str
    text: str


class MediaFile(msgspec.Struct, frozen=True, array_like=True):
    """One file of a `Media` event: `name` without folders, SHA-256 `digest`, `size` in bytes.

    With `pack` 0 it is a blob; else its bytes stand in the writer's pack of that number, from
    `offset` on.
    """

    name: str
    digest: str
    size: int
    pack: int = 0
    offset: int = 0


class Media(Recorded, frozen=True, tag=26):
    """Files logged under `key` at `step`, in the order in which they were given.

    `form` is "image", "audio", "video", "table", "histogram", "html", "object3D", "plotly" or
    another one of its source. `about` is what belongs to the whole and to each file (captions,
    sizes, boxes); some forms, such as histograms, are all `about` and have no file.

    One form is no media: `OF_ARTIFACT` has no file and says of a version of the artifact `key` what
    `Artifact` has no word for. Its `about`, where there is something to say: `manifest` (which
    version), `type`, `aliases`, `tags`, `description`, `metadata`; or, of one that the run read,
    `used` (its name and version) and `manifest`. Its step is when, and no row has it.
    """

    step: int
    key: str
    form: str
    files: list[MediaFile]
    about: dict[str, Json] = {}


class Source(Recorded, frozen=True, tag=27):
    """What stands before it in this journal was taken from a record of another tool.

    `tool` is its name ("wandb"), `name` that of the record there (a run's path or file), `at` the
    number of its entries that were taken so far: going on begins behind them.
    """

    tool: str
    name: str
    at: int


class Unknown(msgspec.Struct, frozen=True):
    """An event of a kind that this version does not know. `body` is what follows `time`."""

    seq: int
    time: int
    kind: int
    body: list[Any]


OF_ARTIFACT = "artifact"
"""The form of a `Media` event that tells of an artifact, see there."""

START, LOG, CONFIG, SUMMARY, TAGS, ARTIFACT, FINISH, REWIND = range(16, 24)
SYSTEM, CONSOLE, MEDIA, SOURCE = range(24, 28)

_Known = (
    Start
    | Log
    | Config
    | Summary
    | Tags
    | Artifact
    | Finish
    | Rewind
    | System
    | Console
    | Media
    | Source
)

Event = _Known | Unknown

FIRST_KIND = 16
"""Kinds below this one are the journal's own records."""

KINDS = frozenset(event.__struct_config__.tag for event in get_args(_Known))
"""Kinds that this version knows."""

_known = msgspec.msgpack.Decoder(_Known)
_any = msgspec.msgpack.Decoder(list[Any])


def decode(payload: bytes | memoryview) -> Event:
    """Turn a record's payload, whose checksum was found right, into its event.

    Raises:
        msgspec.MsgspecError: the payload is no event in any version of the format.
    """
    try:
        event: Event = _known.decode(payload)
    except msgspec.ValidationError:
        kind, seq, time, *body = _any.decode(payload)
        if not (isinstance(kind, int) and isinstance(seq, int) and isinstance(time, int)):
            raise
        return Unknown(seq, time, kind, body)
    return event
