"""What the commands of syncd print for a person."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from syncd.status import LaneStatus
from syncd.verify import Report
from tracker.cli.wording import counted, size
from tracker.notice import shown

_FIRST = 3
"""Of many parked entries or notes of a run, so many are printed; --json has all."""

_ELSEWHERE = "another copy of this store delivered {} that are not here"

_MOST_NOTED = 10
"""Of so many runs the notes are printed."""


def say(text: str, *, err: bool = False) -> None:
    """Print a line; names and answers of remotes are strangers and reach the terminal escaped."""
    click.echo(shown(text), err=err)


def say_delivered(name: str, done: dict[str, Any]) -> None:
    """Print what one pass delivered to a remote, and what it could not."""
    if done["closed"]:
        say(f"{name}: nothing was sent: {done['closed']}; at once: syncd once --run ID")
        return
    say(
        f"{name}: {counted(done['events'], 'event')} and {counted(done['files'], 'file')} "
        f"delivered in {counted(done['requests'], 'request')}, {done['data_requests']:,} of them "
        "with data"
    )
    if done["parked"]:
        say(
            f"{name}: error: {counted(done['parked'], 'entry', 'entries')} refused for good and "
            "kept: syncd status, syncd retry", err=True,
        )  # fmt: skip
    if done["elsewhere"]:
        say(f"{name}: {_ELSEWHERE.format(counted(done['elsewhere'], 'event'))}: syncd status")
    for error in done["errors"]:
        say(f"{name}: error: {error}", err=True)


def show_remote(remote: str, found: list[LaneStatus], broken: str | None) -> None:
    """Print a remote, its runs with something left to do, and the notes of all."""
    left = [lane for lane in found if lane.open]
    done = counted(len(found) - len(left), "run")
    behind = [lane for lane in found if lane.pending]
    events = counted(sum(lane.pending for lane in found), "event")
    say(f"{remote}: {done} up to date, {events} of {counted(len(behind), 'run')} pending")
    if broken:
        say(f"  error: not served: {broken}")
    _show_kept_back(found)
    for lane in left:
        _show_lane(lane)
    apart = [lane for lane in found if lane.elsewhere]
    for lane in apart[:_MOST_NOTED]:
        say(f"  {lane.run}  {_ELSEWHERE.format(counted(lane.elsewhere, 'event'))}")
    if apart:
        say(
            f"  {counted(len(apart), 'run')} went on in two copies. Bring both copies' journals "
            "together, then deliver: rsync -a --update OTHER/journals/ STORE/journals/"
        )
    noted = [lane for lane in found if lane.notes]
    for lane in noted[:_MOST_NOTED]:
        _show_notes(lane)
    if len(noted) > _MOST_NOTED:
        say(f"  notes on {counted(len(noted) - _MOST_NOTED, 'more run')}: syncd status --json")


def _show_kept_back(found: list[LaneStatus]) -> None:
    left_out, masked = sum(lane.left_out for lane in found), sum(lane.masked for lane in found)
    parts = [f"{left_out:,} left out by its policy"] if left_out else []
    if masked:
        parts.append(f"{counted(masked, 'secret')} masked")
    if parts:
        say(f"  {', '.join(parts)}")


def _show_lane(lane: LaneStatus) -> None:
    parts = []
    if lane.pending or lane.bytes:
        parts += [counted(lane.pending, "event"), size(lane.bytes)]
    if lane.parked:
        parts.append(f"{lane.parked:,} parked (syncd retry)")
    if lane.error:
        parts.append(f"next try in {lane.next_try_s:.0f} s after: {lane.error}")
    say(f"  {lane.run}  {', '.join(parts)}")
    _show_first([f"parked: {entry['what']}: {entry['reason']}" for entry in lane.refused])


def _show_notes(lane: LaneStatus) -> None:
    kinds = Counter(note["what"] for note in lane.notes)
    parts = [f"{number:,} {kind}" for kind, number in sorted(kinds.items())]
    if lane.more_notes:
        parts.append(f"{lane.more_notes:,} more, not kept")
    say(f"  {lane.run}  notes: {', '.join(parts)}")
    _show_first([f"{note['what']}: {note['key']}: {note['done']}" for note in lane.notes])


def _show_first(lines: list[str]) -> None:
    for line in lines[:_FIRST]:
        say(f"    {line}")
    if len(lines) > _FIRST:
        say(f"    ... and {len(lines) - _FIRST:,} more: syncd status --json")


def show_reports(reports: list[Report], failures: list[str]) -> None:
    """Print a table of runs compared, with what differs below each."""
    row = "{:<22} {:<10} {:>15} {:>9} {:>9} {:>9}  {}"
    say(row.format("run", "remote", "points", "params", "tags", "files", "equal"))
    for r in reports:
        good = sum(check.equal for check in r.artifacts)
        say(
            row.format(
                r.name[:22],
                r.remote[:10],
                f"{r.points_remote:,}/{r.points_local:,}",
                f"{r.params_remote}/{r.params_local}",
                f"{r.tags_remote}/{r.tags_local}",
                f"{good}/{len(r.artifacts)}",
                "yes" if r.equal else "NO",
            )
        )
        for difference in r.differences:
            say(f"    {difference}")
    for failure in failures:
        say(f"error: {failure}", err=True)


def show_check(name: str, about: dict[str, Any]) -> None:
    """Print what was found of a remote."""
    text = f"version {about['version']}"
    if not about["ok"]:
        error = about["error"].rstrip(".")
        text = f"{error}. Next: {about['next']}; then again: syncd check"
    say(f"{name}: {about['kind']} at {about['url']}: {text}")
