"""`tracker doctor`: is all well, and if not, what to type next."""

from __future__ import annotations

from collections.abc import Iterator

import click

from tracker.cli import document, terminal
from tracker.cli.doctor.artifacts import artifact_findings
from tracker.cli.doctor.disk import disk_findings
from tracker.cli.doctor.finding import EXIT_CODES, Finding
from tracker.cli.doctor.media import media_findings
from tracker.cli.doctor.remotes import remote_findings
from tracker.cli.doctor.reread import reread_findings
from tracker.cli.doctor.runs import run_findings
from tracker.cli.doctor.store import settings_findings, store_findings
from tracker.cli.program import chosen_store, json_option, store_option
from tracker.notice import shown
from tracker.query import Store

_COLOURS = {"ok": "green", "note": "cyan", "todo": "yellow", "damage": "red"}
_INDENT = 18


@click.command()
@click.option(
    "--deep", is_flag=True, help="Read all journals and blobs anew; takes as long as that takes."
)
@json_option
@store_option
def doctor(deep: bool, as_json: bool) -> None:
    """Check store, disk, clock, settings, runs, remotes and delivery; say what to type next.

    \b
    ok      as it should be
    note    worth knowing, nothing to do
    todo    something to do; exit code 1
    damage  recorded data is damaged; exit code 3

    Damage is what was found when a journal was first read; --deep reads all of them again, and
    the content of every artifact and media file. Its places are file, offset and sequence numbers
    of lost events. Nothing is changed: a file that tries locks and notices is removed again. With
    --json: {"exit_code", "findings": [{"area", "level", "text", "next", "facts": {...}}]}.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not wrapped
    chosen = chosen_store()
    store = Store(chosen)
    store.index.catch_up()
    findings = []
    for finding in _findings(store, chosen=chosen is not None, deep=deep):
        findings.append(finding)
        if not as_json:
            _print(finding)
    code = max(EXIT_CODES[finding.level] for finding in findings)
    if as_json:
        listed = [finding.to_dict() for finding in findings]
        document.print_document({"exit_code": code, "findings": listed})
    else:
        click.echo(_verdict(findings))
    click.get_current_context().exit(code)


def _findings(store: Store, *, chosen: bool, deep: bool) -> Iterator[Finding]:
    yield from store_findings(store, chosen=chosen)
    yield from disk_findings(store.folder)
    yield from settings_findings(store.folder)
    yield from run_findings(store)
    if deep:
        yield from reread_findings(store)
        yield from artifact_findings(store)
        yield from media_findings(store)
    yield from remote_findings(store.folder)


def _print(finding: Finding) -> None:
    mark = terminal.styled(finding.level.ljust(8), fg=_COLOURS[finding.level])
    first, *others = terminal.wrapped(" " * _INDENT, shown(finding.text))
    click.echo(f"{finding.area.ljust(10)}{mark}{first[_INDENT:]}")
    for line in others:
        click.echo(line)
    if finding.next and finding.level != "ok":
        click.echo(f"{' ' * _INDENT}-> {shown(finding.next)}")


def _verdict(findings: list[Finding]) -> str:
    damaged = sum(finding.level == "damage" for finding in findings)
    todo = sum(finding.level == "todo" for finding in findings)
    parts = [f"{damaged} damaged"] * bool(damaged) + [f"{todo} to do"] * bool(todo)
    return ", ".join(parts) if parts else "all well"
