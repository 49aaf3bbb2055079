"""Settings: one name each, the same in files, environment and arguments.

From, later wins: the defaults below; the user's file (``settings.json`` in the platform's
config folder for "tracker"); the store's ``settings.json``; the environment (``TRACKER_`` and
the name in capitals); arguments of `tracker.init`. Remotes stand in the store's file only, so
that they travel with it, and never hold a secret.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from tracker import hours
from tracker.errors import BadInput, SettingsError
from tracker.journal import liveness
from tracker.store import StoreFolder, replace_file

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_LOCK_WAIT_S = 10.0

_HOUR, _DAY = 3600, 86_400
Period = Annotated[float, msgspec.Meta(ge=0.001, le=_HOUR)]
"""Seconds between two looks or attempts; never 0, which would not let the processor rest."""
Pause = Annotated[float, msgspec.Meta(ge=0.001, le=_DAY)]
Age = Annotated[float, msgspec.Meta(ge=0, le=30 * _DAY)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Attempts = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Threads = Annotated[int, msgspec.Meta(ge=1, le=64)]
Span = Annotated[str, msgspec.Meta(pattern=hours.PATTERN)]
FreeBytes = Annotated[int, msgspec.Meta(ge=0, le=1 << 50)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
SegmentBytes = Annotated[int, msgspec.Meta(ge=256, le=32 * 1024 * 1024)]


class RemoteSettings(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A remote as it stands in the store's file: its kind and address, what goes there."""

    kind: str
    url: str
    options: dict[str, Any] = {}
    """Of its kind; each sink knows its own."""

    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """Runs that started at this time or later go there; none for all."""

    project: list[str] = []
    """Runs of one of these projects go there; empty for all."""

    tag: list[str] = []
    """Runs with all of these tags, each a name or name=value."""

    include: list[str] = []
    """What of a run goes there, as patterns; see `syncd.policy`. Empty for all."""

    exclude: list[str] = []
    """What does not, wherever it is included."""

    hours: list[Span] = []
    """Hours of the day at which anything goes there, as "22:00-06:00"; empty for always."""

    file_hours: list[Span] = []
    """Those at which files of artifacts do."""

    bytes_per_s: Annotated[int, msgspec.Meta(ge=1000)] | None = None
    """Bytes a second that may be sent there; none for as many as go through."""


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """Every setting with its default; the types of numbers tell the least and the most."""

    mode: Literal["offline", "disabled"] = "offline"
    """"offline" records; "disabled" makes every call of a run do nothing."""

    silent: bool = False
    """Print nothing; warnings still go to the logger "tracker"."""

    strict: bool = False
    """Raise on what is otherwise warned of: storage trouble, values that cannot be logged."""

    handle_sigterm: bool = True
    """Record a run as killed when SIGTERM ends the process, if nobody else handles it."""

    sync: Literal["interval", "always"] = "interval"
    """When a journal is synced: in the background, or in each call."""

    sync_interval_s: Period = 0.5
    """Seconds between background syncs."""

    segment_bytes: SegmentBytes = 8 * 1024 * 1024
    """Bytes at which a journal goes on in a new segment."""

    pack: Literal["syncd", "finish", "never"] = "syncd"
    """Who packs the segments that are done with: syncd in the background, the run when it
    finishes, or nobody."""

    databases: Literal["auto", "store", "local"] = "auto"
    """Where index.db and syncd.db are: in the store, or on a local disk of each machine; "auto":
    there if the store is on a network file system. See `tracker.databases`."""

    poll_interval_s: Period = 5.0
    """Seconds between syncd's looks at the store, where no notice of a change arrives."""

    flush_events: Count = 100
    """A running run's events are sent once this many are pending, ..."""

    flush_interval_s: Period = 5.0
    """... or the oldest of them has waited this many seconds. Its first two batches go at once."""

    request_timeout_s: Period = 120.0
    """Longest request to a remote; one that moves much gets a second more per 10 kB."""

    quick_attempts: Attempts = 3
    """Attempts at one request before its lane goes to the slow schedule."""

    retry_first_s: Period = 0.5
    """Upper bound of the first pause between quick attempts; doubles, with full jitter."""

    retry_most_s: Period = 15.0
    """Upper bound of any pause between quick attempts."""

    slow_retry_s: Pause = 300.0
    """Longest pause of the slow schedule; it never gives up."""

    breaker_failures: Attempts = 5
    """Failures in a row after which a remote is left alone ..."""

    breaker_pause_s: Pause = 30.0
    """... for this many seconds, then tried with one request. If that fails they double, with
    jitter, up to `slow_retry_s`."""

    lookup_cache_s: Age = 1800.0
    """Seconds for which a run's id at a remote is trusted without asking again."""

    workers: Threads = 2
    """Runs that are delivered to one remote at the same time."""

    file_workers: Threads = 2
    """Files that are put to one remote at the same time, beside these runs."""

    storage_low_bytes: FreeBytes = 64 * 1024 * 1024
    """Bytes that stay free for scalars where the store is: an artifact that would leave less is not
    kept, which is said. 0: none."""

    backlog_events: Count = 10_000
    """With so many events pending, delivery is said to be queueing (degradation level 2)."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that stands in syncd's log."""

    metrics_port: Port = 0
    """Port of 127.0.0.1 on which `syncd run` answers Prometheus; 0: none."""

    trace_endpoint: str = ""
    """Where syncd sends OpenTelemetry spans: an OTLP/HTTP address; empty: nowhere."""

    trace_share: Share = 0.2
    """Share of the traces that are kept."""

    sources: list[str] = []
    """What syncd takes in as it grows: whole paths, each as for `tracker import wandb`, or with
    `mlflow=` or `tensorboard=` before it as for these. In the environment with the system's
    separator of paths between."""

    ca: str = ""
    """A PEM file: the only authorities trusted to vouch for remotes, instead of the usual ones."""

    remotes: dict[str, RemoteSettings] = {}


def load(
    store: StoreFolder | None,
    environ: Mapping[str, str] | None = None,
    *,
    warn: Callable[[str], None] | None = None,
) -> Settings:
    """Read the settings that hold for a store.

    Args:
        store: whose file is read; none for the other places alone.
        environ: the environment, by default that of this process.
        warn: is told what in a file cannot be used; that is passed over. By default it raises.

    Raises:
        SettingsError: a file or variable cannot be read; names it and what is accepted.
    """
    merged = _usable(user_file(), warn)
    if store is not None:
        merged.update(_usable(store.settings, warn))
    merged.update(_from_environment(os.environ if environ is None else environ))
    return msgspec.convert(merged, Settings)


def user_file() -> Path:
    """Where the user's own settings stand."""
    import platformdirs  # noqa: PLC0415 - its 10 ms are not for `import tracker`

    return Path(platformdirs.user_config_dir("tracker", appauthor=False)) / "settings.json"


def add_remote(store: StoreFolder, name: str, remote: RemoteSettings) -> None:
    """Write a new remote into the store's file.

    Raises:
        BadInput: the name cannot be one, or is taken.
        SettingsError: the file cannot be read or changed.
    """
    check_remote_name(name)
    new = msgspec.to_builtins(remote)
    with changing(store.settings) as content:
        remotes = content.setdefault("remotes", {})
        if name in remotes:
            raise BadInput(
                f"there is a remote {name!r} already ({remotes[name]['url']}). Pick another name, "
                f"change what goes there: tracker remote set {name}, or remove it first: "
                f"tracker remote rm {name}"
            )
        for other, settings in remotes.items():
            if place(settings) == place(new):
                raise BadInput(
                    f"the remote {other!r} is this one already. Change what goes there: "
                    f"tracker remote set {other}, or its name: tracker remote rename {other} {name}"
                )
        remotes[name] = new


def check_remote_name(name: str) -> None:
    """Raise BadInput unless a remote can have this name."""
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"remote name {name!r} cannot be used: 1 to 32 of a-z 0-9 _ -, first a letter or digit."
        )


def place(remote: Mapping[str, Any]) -> object:
    """What makes a remote of the file this one and no other: kind, address and options."""
    return remote["kind"], remote["url"].rstrip("/"), remote.get("options", {})


def remove_remote(store: StoreFolder, name: str) -> None:
    """Take a remote out of the store's file. What it holds stays where it is.

    Raises:
        BadInput: there is no such remote.
        SettingsError: the file cannot be read or changed.
    """
    with changing(store.settings) as content:
        check_known(name, content.get("remotes", {}))
        del content["remotes"][name]


def check_known(name: str, remotes: Iterable[str]) -> None:
    """Raise BadInput unless there is a remote of this name; it names the nearest and all."""
    if name not in remotes:
        known = ", ".join(sorted(remotes)) or "none; add one: tracker remote add NAME mlflow URL"
        hint = did_you_mean(name, remotes)
        raise BadInput(f"there is no remote {name!r} in this store.{hint} Known: {known}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question to put behind a refusal: the known name that is most like `name`, if any is."""
    import difflib  # noqa: PLC0415 - only for whoever mistyped

    found = difflib.get_close_matches(name, known, 1)
    return f" Did you mean {found[0]!r}?" if found else ""


@contextlib.contextmanager
def changing(path: Path) -> Iterator[dict[str, Any]]:
    """Give what stands in a file and write it back changed; one process after the other."""
    with locked(path):
        content = _usable(path, None)
        yield content
        replace_file(path, msgspec.json.format(msgspec.json.encode(content)) + b"\n")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process after the other change a file.

    Raises:
        SettingsError: another one does, for long; or the file cannot be changed.
    """
    try:
        # Not through a link: a store may come from somebody else.
        flags = os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
        lock = os.open(path.with_name(f"{path.name}.lock"), flags, 0o600)
        try:
            if not liveness.wait_for(lock, _LOCK_WAIT_S):
                raise SettingsError(
                    f"{path} is being changed by another process for {_LOCK_WAIT_S:.0f} s now. "
                    "Nothing was changed; end that process or try again."
                )
            yield
        finally:
            os.close(lock)
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be changed: {error}. Free some space or mend its permissions."
        ) from error


def _usable(path: Path, warn: Callable[[str], None] | None) -> dict[str, Any]:
    """Read the settings of a file; what cannot be used raises, or is told to `warn`."""
    usable: dict[str, Any] = {}
    with _warning(warn):
        for name, value in _read(path).items():
            with _warning(warn):
                if name == "remotes" and path == user_file():
                    raise SettingsError(
                        f"{path}: remotes belong to a store; use: tracker remote add"
                    )
                usable[name] = _checked(name, value, str(path))
    return usable


@contextlib.contextmanager
def _warning(warn: Callable[[str], None] | None) -> Iterator[None]:
    """Tell `warn` of a setting that cannot be used; without it, the error goes on."""
    try:
        yield
    except SettingsError as error:
        if warn is None:
            raise
        warn(str(error))


def _read(path: Path) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}. Mend or remove it.") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path} holds no JSON object. Mend or remove it.")
    if "remotes" in content:
        _check_twice(path)
    return content


def _check_twice(path: Path) -> None:
    """Raise where a name stands twice in an object: which of the two holds is anybody's guess."""
    import json  # noqa: PLC0415 - msgspec keeps the last one without a word; only for remotes

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise SettingsError(f"{path}: {twice!r} stands there twice. Rename or remove one.")
        return found

    json.loads(path.read_bytes(), object_pairs_hook=once)


def _checked(name: str, value: Any, place: str) -> Any:
    types = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    _check_name(name, types, f"{place}: there is no setting")
    if name == "remotes" and isinstance(value, dict):
        for remote, found in value.items():
            known = RemoteSettings.__struct_fields__
            for key in found if isinstance(found, dict) else ():
                _check_name(key, known, f"{place}: the remote {remote!r} has no setting")
    try:
        msgspec.convert(value, types[name])
    except msgspec.ValidationError as error:
        if name == "remotes":  # what stands there may be a secret that strayed: it is not shown
            raise SettingsError(f"{place}: {name}: {error}") from error
        text = msgspec.json.encode(value).decode()
        raise SettingsError(_refusal(place, name, text, types[name])) from error
    if name == "sources":
        _check_whole(value, f"{place}: {name}")
    return value


def _check_whole(folders: list[str], setting: str) -> None:
    """Raise unless all are whole paths: syncd looks for them from wherever it was started."""
    from tracker.integrations.imports import TOOLS  # noqa: PLC0415 - for whoever has sources

    for folder in folders:
        tool, equals, path = folder.partition("=")
        if not os.path.isabs(path if equals and tool in TOOLS else folder):  # noqa: PTH117 - a text, and quicker so
            raise SettingsError(
                f"{setting} names the folder {folder!r}, which is not a whole path: what it means "
                "would depend on where syncd is started. Name it from the root on, such as "
                f"{str(Path('/home/me') / folder.lstrip('~/'))!r}."
            )


def _check_name(name: str, known: Iterable[str], refusal: str) -> None:
    if name not in known:
        raise SettingsError(f"{refusal} {name!r}.{did_you_mean(name, known)}")


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        variable = f"TRACKER_{field.name.upper()}"
        text = environ.get(variable, "")
        if not text or field.name == "remotes":
            continue
        try:
            value = text.split(os.pathsep) if field.type == list[str] else text
            found[field.name] = msgspec.convert(value, field.type, strict=False)
            if field.name == "sources":
                _check_whole(found[field.name], f"environment: {variable}")
        except msgspec.ValidationError as error:
            refusal = _refusal("environment", variable, repr(text), field.type)
            raise SettingsError(refusal) from error
    return found


def _refusal(place: str, name: str, value: str, kind: Any) -> str:
    return f"{place}: {name}={value[:80]} cannot be used; it takes {_accepted(kind)}."


def _accepted(kind: Any) -> str:
    """What a setting of this type takes, in words."""
    if kind is bool:
        return "true or false (in the environment 1 or 0 too)"
    if kind is str:
        return "a text"
    if kind == list[str]:
        return "a list of folders"
    first, *rest = get_args(kind)
    if isinstance(first, str):
        return " or ".join((first, *rest))
    (bounds,) = rest
    noun = "a whole number" if first is int else "a number"
    return f"{noun} from {bounds.ge:,} to {bounds.le:,}"
