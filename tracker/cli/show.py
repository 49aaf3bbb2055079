"""`tracker show`: everything about a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from tracker import pending
from tracker.cli import document, terminal, wording
from tracker.cli.drawing import metric_lines, rooms_for
from tracker.cli.program import chosen_store, json_option, store_option
from tracker.errors import SettingsError
from tracker.notice import shown
from tracker.query import RunView, Store
from tracker.settings import load

_METRICS = 40
_LABEL = 12
_KEY_MOST = 30
_REWINDS = 4


@click.command()
@click.argument("run")
@click.option("--all", "everything", is_flag=True, help=f"All metrics, not only {_METRICS}.")
@json_option
@store_option
def show(run: str, everything: bool, as_json: bool) -> None:
    """Show everything about RUN: an id, the beginning of one, or a name.

    A metric is drawn over its steps, each column from the smallest to the largest value that
    falls into it, so that no spike is hidden. NaN and infinities are not drawn but counted.
    Times are local. With --json: all fields of the run, its metrics' figures, the last text
    under each key, artifacts, counts of media, console lines and measures of the machine
    ("system"), damage ("gaps"), and what syncd last said of each remote ("delivery": events and
    runs pending over the whole store; null if it never ran).
    """
    store = Store(chosen_store())
    view = store.run(run)
    if as_json:
        document.print_document(_document(store, view))
        return
    for line in _lines(store, view, None if everything else _METRICS):
        click.echo(line)


def _document(store: Store, run: RunView) -> dict[str, Any]:
    known = pending.published(store.folder)
    delivery = None
    if known is not None:
        remotes = {
            name: {"events": at.events, "runs": at.runs, "error": at.error}
            for name, at in known.remotes.items()
        }
        delivery = {"at_ns": known.at, "remotes": remotes}
    texts = {key: run.texts(key)[-1]._asdict() for key in run.text_keys()}
    return {
        **run.to_dict(), "store": str(store.folder.root), "texts": texts, "delivery": delivery
    }  # fmt: skip


def _lines(store: Store, run: RunView, most: int | None) -> Iterator[str]:
    width = terminal.width()
    yield f"{terminal.styled(shown(run.name) or '?', bold=True)}  {_how_it_stands(run)}"
    yield from _head(run)
    yield from _pairs("config", run.config)
    yield from _pairs("summary", run.summary)
    yield from _metrics(run, most, width)
    yield from _texts(run, width)
    yield from _beside(run)
    yield from _artifacts(run)
    yield from _not_kept(run)
    yield from _damage(run)
    yield from _section("delivery")
    yield from terminal.wrapped("  ", shown(_delivery(store)))


def _delivery(store: Store) -> str:
    try:
        return pending.line(store.folder, load(store.folder))
    except SettingsError as error:  # the run itself reads well, whatever the settings are
        return str(error)


def _how_it_stands(run: RunView) -> str:
    took = wording.duration(run.duration.total_seconds())
    text = terminal.status(run.status) + (" for " if run.status == "running" else " after ") + took
    if run.exit_code:
        text += f", exit code {run.exit_code}"
    if run.status == "crashed":
        text += "; its process is gone and left no word"
    return text


def _head(run: RunView) -> Iterator[str]:
    about = run.about
    place = [f"{word} {about[word]}" for word in ("host", "user", "pid") if word in about]
    tags = [f"{name}={value}" if value else name for name, value in run.tags.items()]
    ended = "-" if run.ended_at is None else wording.day_and_time(run.ended_at)
    fields = {
        "id": run.id,
        "project": run.project,
        "group": run.group,
        "job type": run.job_type,
        "tags": ", ".join(tags),
        "started": f"{wording.day_and_time(run.started_at)} ({wording.ago(run.started_at)})",
        "last event" if run.status == "crashed" else "ended": ended,
        "error": run.error,
        "program": about.get("program"),
        "where": ", ".join(place),
        "with": ", ".join(
            text for text in (_python(about), str(about.get("platform", ""))) if text
        ),
        "events": f"{run.events:,}",
        "unknown": wording.unknown_events(run.unknown) if run.unknown else "",
        "taken from": ", ".join(f"{source.tool}: {source.name}" for source in run.sources()),
        "ranks": wording.spans(run.ranks),
        "went back": _rewinds(run),
    }
    for label, value in fields.items():
        if value:
            yield from terminal.wrapped(f"  {label.ljust(_LABEL)}", shown(str(value)))
    for number, line in enumerate((run.notes or "").splitlines()):
        yield f"  {('' if number else 'notes').ljust(_LABEL)}{shown(line)}"


def _rewinds(run: RunView) -> str:
    """Where attempts began again before what was reached; the last ones where there are many."""
    told = [f"to step {r.step} at {wording.day_and_time(r.time)}" for r in run.rewinds]
    more = f" and {len(told) - _REWINDS} more" if len(told) > _REWINDS else ""
    return ", ".join(reversed(told[-_REWINDS:])) + more


def _python(about: Mapping[str, Any]) -> str:
    return f"Python {about['python']}" if "python" in about else ""


def _section(title: str) -> Iterator[str]:
    yield ""
    yield terminal.styled(title, bold=True)


def _pairs(title: str, values: Mapping[str, Any]) -> Iterator[str]:
    if not values:
        return
    yield from _section(title)
    names = [shown(key) for key in values]
    room = min(_KEY_MOST, max(map(terminal.columns, names)))
    for name, value in zip(names, values.values(), strict=True):
        pad = " " * (room - terminal.columns(name))
        yield f"  {name}{pad}  {wording.value_text(value)}"


def _metrics(run: RunView, most: int | None, width: int) -> Iterator[str]:
    figures = run.metrics
    if not figures:
        return
    yield from _section("metrics")
    names = sorted(figures, key=lambda key: (key.startswith("system/"), key))
    drawn = names[:most]
    rooms = rooms_for(drawn, width)
    for key in drawn:
        history = run.history(key)
        yield from metric_lines(key, figures[key], history, rooms)
    if len(names) > len(drawn):
        more = wording.counted(len(names) - len(drawn), "more metric")
        yield f"  and {more}: tracker show {run.id} --all"


def _texts(run: RunView, width: int) -> Iterator[str]:
    keys = run.text_keys()
    if not keys:
        return
    yield from _section("texts (the last of each)")
    for key in keys:
        texts = run.texts(key)
        last = texts[-1]
        line = f"  {shown(key)}  {shown(last.value)}"
        end = f"  (step {last.step}, of {len(texts):,})"
        yield terminal.cut(line, max(width - len(end), 20)) + end


def _beside(run: RunView) -> Iterator[str]:
    """Media, console lines and measures of the machine, counted."""
    media, lines, measures = run.media_kept(), run.console_lines(), run.measures
    if media:
        yield from _section("media")
    for kept in media:
        yield (
            f"  {shown(kept.key)}  {shown(kept.form)}, logged {kept.times:,} times, "
            f"{wording.counted(kept.files, 'file')}, {wording.size(kept.bytes)}"
        )
    if lines:
        yield from _section("console")
        for stream, count in lines.items():
            yield f"  {shown(stream)}  {wording.counted(count, 'line')}"
    if measures:
        yield from _section("system (last, and the most)")
    for key, figures in measures.items():
        last, most = wording.number(figures.last), wording.number(figures.max)
        yield f"  {shown(key)}  {last}, {most}"


def _artifacts(run: RunView) -> Iterator[str]:
    versions = run.artifacts()
    if not versions:
        return
    yield from _section("artifacts")
    for version in versions:
        files = wording.counted(version.files, "file")
        yield (
            f"  {shown(version.name)}:{version.version}  {shown(version.type)}, {files}, "
            f"{wording.size(version.size)}, {version.manifest[:12]}"
        )


def _not_kept(run: RunView) -> Iterator[str]:
    """What never reached a journal: it could not be recorded, or the store took no more."""
    if run.dropped:
        yield from _section("not kept")
        for kind, count in run.dropped.items():
            yield from terminal.wrapped("  ", shown(f"{count:,} {kind}"))


def _damage(run: RunView) -> Iterator[str]:
    """What is lost of the run's journals."""
    lost = []
    for gap in run.gaps:
        events = ""
        if gap.first_seq is not None:
            events = f", events {gap.first_seq} to {gap.last_seq} lost"
        promised = " (never said to be safe from power loss)" if gap.harmless else ""
        where = f"{gap.file} at byte {gap.offset}, {gap.length} bytes"
        later = "; made by a later version: pip install --upgrade tracker-syncd"
        newer = later if gap.kind.startswith("newer format") else ""
        lost.append(f"{gap.kind} in {where}{events}{promised}{newer}")
    if lost:
        yield from _section("damage")
        for text in lost:
            yield from terminal.wrapped("  ", shown(text))
