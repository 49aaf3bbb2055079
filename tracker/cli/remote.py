"""`tracker remote`: destinations of a store, kept in its settings without secrets."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from tracker import pending, remotes
from tracker.cli import address, credentials, document, entry, going, table, terminal
from tracker.cli.answers import Answers, ask
from tracker.cli.program import chosen_store, json_option, store_option
from tracker.credentials import Credentials, kept
from tracker.credentials.variables import own_prefix
from tracker.errors import BadInput, TrackerError
from tracker.notice import shown
from tracker.settings import (
    RemoteSettings,
    add_remote,
    check_known,
    did_you_mean,
    load,
    remove_remote,
)
from tracker.store import StoreFolder

GROUP = "syncd.sinks"
"""Entry points of the kinds of remotes; only their names are read here."""

_SECRET = re.compile(r"token|password|passwd|secret|api_?key|credential", re.IGNORECASE)


_option = click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of this kind of remote; may be repeated. true, false and numbers are such.",
)


@click.group(no_args_is_help=True)
@store_option
def remote() -> None:
    """Add, list, change, rename and remove remotes, the destinations of syncd; log in to them."""


@remote.command()
@click.argument("name")
@click.argument("kind")
@click.argument("url")
@_option
@going.options
@store_option
def add(name: str, kind: str, url: str, options: tuple[str, ...], **given: Any) -> None:
    """Add a remote: NAME is yours to choose, KIND such as mlflow, URL its address.

    Everything in the store goes there, also what was recorded before; --since, --project, --tag
    and --no-backfill choose runs. Of a run, --include and --exclude choose by patterns such as
    "system/*": of metrics and texts, or config:PATTERN, summary:PATTERN, artifact:PATTERN,
    media:PATTERN, system:PATTERN (measures of the machine), console:PATTERN (streams).
    Config values under keys such as password or api_key go nowhere, "***" goes for them.

    Credentials never stand in the store: see tracker remote login. A user and password in URL
    are taken out of it and kept as login keeps them. The store is made if there is none yet.
    """
    _check_kind(kind)
    bare, held = address.checked(url)
    settings = RemoteSettings(kind, bare, _options(options), **going.chosen(given))
    store = StoreFolder.open(chosen_store(), create=True)
    add_remote(store, name, settings)
    moved = None if held is None else _moved(store, name, settings, held)
    click.echo(f"remote {name}: {kind} at {shown(settings.url)}, in {shown(str(store.settings))}")
    click.echo(shown(f"goes there: {going.said(settings)}"))
    if moved:
        click.echo(
            f"the user and password in the URL are taken out of it and kept in {shown(moved)}. "
            "Your shell may have kept this line: see its history"
        )
    said = credentials.origin(name, settings).said
    click.echo(f"{shown(said)}; can it be reached: tracker doctor")
    click.echo("deliver once: tracker push   deliver from now on: syncd run")


@remote.command("ls")
@json_option
@store_option
def list_(as_json: bool) -> None:
    """List the remotes of the store.

    With --json: {"remotes": {name: {"kind", "url", "options", "since", "project", "tag",
    "include", "exclude", "credentials": where they come from or null, "credentials_error",
    "pending": {"events", "runs", "error"} or null}}}. Pending is what syncd last said.
    """
    store = StoreFolder.open(chosen_store())
    there = load(store).remotes
    known = pending.published(store)
    if as_json:
        found = {name: _fields(name, there[name], known) for name in sorted(there)}
        document.print_document({"remotes": found})
    elif not there:
        click.echo("no remotes; add one: tracker remote add NAME mlflow URL")
    else:
        for line in _table(there, known):
            click.echo(line)
        for name in sorted(there):
            if going.fields(there[name]):
                click.echo(shown(f"goes to {name}: {going.said(there[name])}"))


@remote.command("set")
@click.argument("name")
@_option
@going.options
@click.option(
    "--clear",
    multiple=True,
    type=click.Choice(("option", *going.OPTIONS)),
    help="Take these options, this filter or policy away; may be repeated.",
)
@store_option
def set_(name: str, options: tuple[str, ...], clear: tuple[str, ...], **given: Any) -> None:
    """Change which runs go to the remote NAME, what of them and when; or the options of its kind.

    What is given takes the place of all that stood under the same option. Runs that go there
    now are delivered from their beginning; of those that do not any more nothing else goes, and
    what is there stays. Patterns hold for what is sent from now on.
    """
    changes: dict[str, Any] = {"options": _options(options)} if options or "option" in clear else {}
    cleared = (each.replace("-", "_") for each in clear if each != "option")
    changes |= {each: going.NONE[each] for each in cleared}
    changes |= going.chosen(given)
    if not changes:
        raise BadInput("nothing to change was given; see: tracker remote set --help")
    after = remotes.change(StoreFolder.open(chosen_store()), name, changes)
    click.echo(shown(f"goes to {name}: {going.said(after)}"))


@remote.command()
@click.argument("old")
@click.argument("new")
@store_option
def rename(old: str, new: str) -> None:
    """Give the remote OLD the name NEW. Nothing is sent again."""
    store = StoreFolder.open(chosen_store())
    at = _known(store, old)
    remotes.rename(store, old, new)
    click.echo(f"remote {old} is now {new}; nothing is sent again")
    if place := kept.rename(old, new, at.url):
        click.echo(f"its credentials go along, in {shown(place)}")
    if (was := own_prefix(old)) in credentials.origin(old, at).place:
        click.echo(f"its credentials were in {was}_...: set them as {own_prefix(new)}_...")


@remote.command("rm")
@click.argument("name")
@store_option
def remove(name: str) -> None:
    """Remove the remote NAME from the store. What was delivered to it stays there.

    What login kept for it is forgotten.
    """
    store = StoreFolder.open(chosen_store())
    at = load(store).remotes.get(name)
    remove_remote(store, name)
    click.echo(f"remote {name} is removed; what was delivered to it stays there")
    if at is not None and (place := kept.forget(name, at.url)):
        click.echo(f"its credentials are forgotten, they were in {shown(place)}")


@remote.command()
@click.argument("name")
@click.option("--username", metavar="USER", help="Log in with a password, not with a token.")
@store_option
def login(name: str, username: str | None) -> None:
    """Keep the credentials of the remote NAME, in the system's keyring or a file of your own.

    On a terminal the password or token is asked for; else it is read from standard input. Then
    the remote is asked whether it takes them. Nothing of it goes into the store.
    """
    store = StoreFolder.open(chosen_store())
    at = _known(store, name)
    place = kept.keep(name, at.url, entry.given(username))
    click.echo(f"credentials of remote {name} are kept in {shown(place)}")
    origin = credentials.origin(name, at)
    if origin.error or origin.place not in place:
        click.echo(f"but another place comes first: {shown(origin.said)}", err=True)
    answers = ask(store, name)
    answer = answers.remotes.get(name) if isinstance(answers, Answers) else None
    if answer is None or not answer.ok:
        why = answers if isinstance(answers, str) else answer and answer.error
        raise TrackerError(f"they are kept, but {name} took no request with them: {why}")
    click.echo(f"{name} answers and takes them, version {shown(answer.version or 'unknown')}")


@remote.command()
@click.argument("name")
@store_option
def logout(name: str) -> None:
    """Forget what login kept for the remote NAME."""
    at = _known(StoreFolder.open(chosen_store()), name)
    place = kept.forget(name, at.url)
    if place:
        click.echo(f"credentials of remote {name} are forgotten, they were in {shown(place)}")
    else:
        click.echo(f"no credentials of remote {name} were kept by tracker remote login")
    origin = credentials.origin(name, at)
    if origin.place or origin.error:
        click.echo(f"others are still there: {shown(origin.said)}")


def _known(store: StoreFolder, name: str) -> RemoteSettings:
    there = load(store).remotes
    check_known(name, there)
    return there[name]


def _moved(store: StoreFolder, name: str, at: RemoteSettings, held: Credentials) -> str:
    """Keep what stood in an address; where that fails, the remote is not added either."""
    try:
        return kept.keep(name, at.url, held)
    except TrackerError:
        remove_remote(store, name)
        raise


def _check_kind(kind: str) -> None:
    from importlib.metadata import entry_points  # noqa: PLC0415 - 15 ms, for a new remote only

    known = sorted({point.name for point in entry_points(group=GROUP)})
    if kind not in known:
        hint = did_you_mean(kind, known)
        raise BadInput(f"there is no kind of remote {kind!r}.{hint} Known: {', '.join(known)}.")


def _options(given: tuple[str, ...]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise BadInput("an --option is KEY=VALUE, such as --option nested_groups=true")
        if _SECRET.search(key):
            raise BadInput(
                f"the option {key!r} looks like a secret, and settings never hold one. Set it in "
                "the environment where syncd runs, as TRACKER_REMOTE_<NAME>_TOKEN, or give it to: "
                "tracker remote login NAME"
            )
        options[key] = _option_value(value)
    if "ca" in options and not str(options["ca"]).startswith("~"):
        options["ca"] = str(Path(str(options["ca"])).absolute())  # syncd may run elsewhere
    return options


def _option_value(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, (bool, int, float)) else text


def _fields(name: str, at: RemoteSettings, known: pending.Published | None) -> dict[str, Any]:
    left = known.remotes.get(name) if known else None
    origin = credentials.origin(name, at)
    return {
        "kind": at.kind,
        "url": address.redacted(at.url),
        "options": at.options,
        **going.NONE,
        **going.fields(at),
        "credentials": origin.place or None,
        "credentials_error": origin.error,
        "pending": left and {"events": left.events, "runs": left.runs, "error": left.error},
    }


def _table(remotes: dict[str, RemoteSettings], known: pending.Published | None) -> list[str]:
    names = sorted(remotes)
    column = table.Column
    columns = [
        column("NAME", [shown(name) for name in names], least=8),
        column("KIND", [shown(remotes[name].kind) for name in names], least=6),
        column("URL", [shown(address.redacted(remotes[name].url)) for name in names], least=20),
        column("PENDING", [_pending(name, known) for name in names], least=14),
        column("CREDENTIALS", [_credentials(name, remotes[name]) for name in names], least=11),
    ]
    return table.lines(columns, terminal.width())


def _pending(name: str, known: pending.Published | None) -> str:
    left = known.remotes.get(name) if known else None
    return "everything" if left is None else f"{left.events:,} in {left.runs:,} runs"


def _credentials(name: str, at: RemoteSettings) -> str:
    origin = credentials.origin(name, at)
    return shown(origin.error or origin.place or "none set")
