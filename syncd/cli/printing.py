"""What the commands of syncd print for a person."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

import click

from syncd.receipt import Receipt
from syncd.removal import Done, Plan
from syncd.status import LaneStatus
from syncd.verify import Report
from tracker.cli.wording import counted, day_and_time, duration, size
from tracker.notice import shown

_FIRST = 3
"""Of many parked entries or notes of a run, so many are printed; --json has all."""

_MOST_OPEN = 20
"""Runs with something left to do that are printed."""

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


def show_remote(
    remote: str, found: list[LaneStatus], broken: str | None, also: Iterable[str] = ()
) -> None:
    """Print a remote, what `also` is to be said of it, its first runs with something left to do.

    Those that failed come first. Then the notes of all runs.
    """
    left = sorted((lane for lane in found if lane.open), key=lambda lane: lane.error is None)
    done = counted(len(found) - len(left), "run")
    behind = [lane for lane in found if lane.pending]
    events = counted(sum(lane.pending for lane in found), "event")
    say(f"{remote}: {done} up to date, {events} of {counted(len(behind), 'run')} pending")
    if broken:
        say(f"  error: not served: {broken}")
    for line in also:
        say(f"  {line}")
    _show_kept_back(found)
    for lane in left[:_MOST_OPEN]:
        _show_lane(lane)
    if len(left) > _MOST_OPEN:
        say(f"  ... and {counted(len(left) - _MOST_OPEN, 'more run')}: syncd status --json")
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
    if lane.since is not None:
        parts.append(f"the oldest {duration(max(0.0, time.time() - lane.since))} old")
    if lane.parked:
        parts.append(f"{lane.parked:,} parked (syncd retry)")
    if lane.error:
        parts.append(f"next try in {lane.next_try_s:.0f} s after: {lane.error}")
    say(f"  {lane.run}  {', '.join(parts)}")
    parked = [f"parked: {entry['what']}: {entry['reason']}" for entry in lane.refused]
    _show_first(parked, "syncd status --json")


def _show_notes(lane: LaneStatus) -> None:
    kinds = Counter(note["what"] for note in lane.notes)
    parts = [f"{number:,} {kind}" for kind, number in sorted(kinds.items())]
    if lane.more_notes:
        parts.append(f"{lane.more_notes:,} more, not kept")
    say(f"  {lane.run}  notes: {', '.join(parts)}")
    notes = [f"{note['what']}: {note['key']}: {note['done']}" for note in lane.notes]
    _show_first(notes, "syncd status --json")


def _show_first(lines: list[str], command: str) -> None:
    for line in lines[:_FIRST]:
        say(f"    {line}")
    if len(lines) > _FIRST:
        say(f"    ... and {len(lines) - _FIRST:,} more: {command}")


_REPORT = "{:<22} {:<10} {:>15} {:>9} {:>9} {:>9}  {}"


def show_report_head() -> None:
    """Print the head of the table of runs compared."""
    say(_REPORT.format("run", "remote", "points", "params", "tags", "files", "equal"))


def show_report(r: Report) -> None:
    """Print a run that was compared, with what differs below it."""
    good = sum(check.equal for check in r.artifacts)
    said = "yes" if r.verified_at is not None else "yes, so far" if r.equal else "NO"
    say(
        _REPORT.format(
            r.name[:22], r.remote[:10], f"{r.points_remote:,}/{r.points_local:,}",
            f"{r.params_remote}/{r.params_local}", f"{r.tags_remote}/{r.tags_local}",
            f"{good}/{len(r.artifacts)}", said,
        )
    )  # fmt: skip
    for line in (*r.differences, *r.incomplete):
        say(f"    {line}")


class Tally:
    """A context that says on a terminal how far long work is; its line is gone at the end."""

    def __init__(self, most: int, noun: str, done: str) -> None:
        self._most, self._noun, self._done = most, noun, done
        self._count = 0
        self._shown = sys.stderr.isatty() and most > 1

    def __enter__(self) -> Tally:  # noqa: PYI034 - Self is not in Python 3.10
        self._show()
        return self

    def __exit__(self, *exception: object) -> None:
        self.clear()

    def step(self, _: object = None) -> None:
        """One more is done."""
        self._count += 1
        self._show()

    def clear(self) -> None:
        """Make room for another line."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)

    def _show(self) -> None:
        if self._shown:
            runs = f"{self._count:,} of {counted(self._most, self._noun)} {self._done}"
            click.echo(f"\r\x1b[K{runs}", err=True, nl=False)


def show_receipt(r: Receipt) -> None:
    """Print what a remote acknowledged of a run, a topic a line."""
    say(f"{r.name} ({r.run}) at {r.remote}: {r.url}")
    got = [f"{r.counts[kind]:,} {kind}" for kind in ("events", "points", "params", "tags")]
    files = f"{counted(r.counts['files'], 'file')} ({size(r.counts['bytes'])})"
    say(f"  acknowledged {', '.join(got)}, {files}; {_at(r.first_at)} to {_at(r.last_at)}")
    kept_back = [
        f"{r.counts[kind]:,} {word}" for kind, word in
        (("left_out", "left out by its policy"), ("masked", "masked"), ("refused", "refused"))
        if r.counts[kind]
    ]  # fmt: skip
    if kept_back:
        say(f"  {', '.join(kept_back)}")
    more = "syncd receipts --json"
    _show_first([f"{note['what']}: {note['key']}: {note['done']}" for note in r.notes], more)
    _show_first([f"parked: {entry['what']}: {entry['reason']}" for entry in r.parked], more)
    if r.verified is None:
        say(f"  not verified: syncd verify {r.run}")
    else:
        since = "" if r.verified["holds"] else "; something was recorded since"
        say(f"  verified {_at(r.verified['at'])}, points {r.verified['digests']['points']}{since}")
    if r.removed is not None:
        how = ", by force" if r.removed["forced"] else ""
        say(f"  removed from this machine {_at(r.removed['at'])}{how}")


def show_plan(plan: Plan) -> None:
    """Print what a removal would do, and why the other runs stay."""
    for candidate in plan.go:
        changed = _at(candidate.changed)
        say(f"remove  {candidate.run}  {candidate.name}, {size(candidate.bytes)}, of {changed}")
        if candidate.verified:
            say(f"    verified at {', '.join(candidate.verified)}")
        for why in candidate.why:
            say(f"    NOT VERIFIED: {why}")
    for candidate in plan.stay:
        say(f"keep    {candidate.run}  {candidate.name}: {'; '.join(candidate.why)}")
    total = sum(candidate.bytes for candidate in plan.go)
    blobs = f"{counted(plan.blobs, 'blob')} ({size(plan.blob_bytes)})"
    say(f"{counted(len(plan.go), 'run')} ({size(total)}) and {blobs} that nobody needs then")
    if plan.left:
        say(f"{counted(plan.left, 'run')} left in the trash by a gc that was cut short")
    for why in plan.blobs_stay:
        say(f"all blobs stay: {why}")


def show_done(done: Done) -> None:
    """Print what a removal did."""
    for error in done.errors:
        say(f"error: {error}", err=True)
    say(f"removed {counted(len(done.runs), 'run')}, {size(done.freed)} freed")


def _at(seconds: float | None) -> str:
    return day_and_time(None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc))


def show_check(name: str, about: dict[str, Any]) -> None:
    """Print what was found of a remote: what is well in one line, the rest in one each."""
    well = [seen["said"] for seen in about["seen"] if seen["level"] == "ok"]
    text = "; ".join(well) or f"version {about['version']}"
    if not about["ok"]:
        error = about["error"].rstrip(".")
        text = f"{error}. Next: {about['next']}; then again: syncd check"
    say(f"{name}: {about['kind']} at {about['url']}: {text}")
    for seen in about["seen"]:
        if seen["level"] != "ok":
            say(f"  {seen['level']}: {seen['said']}. Next: {seen['next']}")
