"""The pane of delivery: what is pending at each remote, and how the run at the cursor stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracker.cli import terminal, wording
from tracker.cli.answers import Lane, Status
from tracker.notice import shown
from tracker.pending import Published, RemotePending
from tracker.query import RunView, moment
from tracker.top.colours import bold, dim, warning
from tracker.top.delivery import Delivery

_NAME_MOST = 20
_BETWEEN = "  "


def summary(delivery: Delivery) -> str:
    """What is pending where, in a few words, as a syncd published it."""
    remotes, known = delivery.remotes(), delivery.published()
    if not remotes:
        return "no remote"
    if known is None:
        return "nothing delivered yet"
    parts = []
    for name in remotes:
        events = known.remotes.get(name, RemotePending()).events
        said = "away" if name in known.away else f"{events:,} pending" if events else "all sent"
        parts.append(f"{shown(name)} {said}")
    return ", ".join(parts)


def lines(delivery: Delivery, run: RunView, width: int) -> list[str]:
    """What is said of the syncd, of each remote, and of the run at each."""
    remotes, known = delivery.remotes(), delivery.published()
    if not remotes:
        return ["the store has no remote; add one: tracker remote add NAME mlflow URL"]
    delivery.ask()
    status = delivery.status
    room = min(_NAME_MOST, max(terminal.columns(shown(name)) for name in remotes))
    told: list[str | tuple[str, bool]] = [
        *_server(status, known),
        "",
        bold("all runs"),
        *(_said(name, room, *_at(name, status, known)) for name in remotes),
        "",
        bold(terminal.cut(f"run {shown(run.name) or run.id}", width)),
        *(_said(name, room, *_of_run(name, run, status)) for name in remotes),
    ]
    return [piece for line in told for piece in _pieces(line, width)]


def _pieces(line: str | tuple[str, bool], width: int) -> Iterator[str]:
    text, urgent = (line, False) if isinstance(line, str) else line
    if "\x1b" in text:
        yield text
        return
    for piece in terminal.folded(text, width):
        yield warning(piece) if urgent else piece


def _said(name: str, room: int, text: str, urgent: bool) -> tuple[str, bool]:
    return f"{terminal.fitted(shown(name), room)}{_BETWEEN}{shown(text)}", urgent


def _server(status: Status | str | None, known: Published | None) -> Iterator[str]:
    if status is None:
        yield dim("asking syncd ...")
    elif isinstance(status, str):
        yield shown(f"syncd does not say how it stands: {status}")
    elif status.daemon is None:
        yield "syncd is not running; deliver from now on: syncd run; once: tracker push"
    else:
        yield shown(f"syncd runs, pid {status.daemon.pid} on {status.daemon.host}")
    if known is not None and not isinstance(status, Status):
        yield f"below is what it published {wording.ago(moment(known.at))}"


def _at(name: str, status: Status | str | None, known: Published | None) -> tuple[str, bool]:
    """All runs at a remote: as they are if syncd said it, else as it published it."""
    if not isinstance(status, Status):
        at = known.remotes.get(name) if known is not None else None
        if at is None:
            return "not known yet", False
        said = f"{_events(at.events)} of {wording.counted(at.runs, 'run')}"
        return f"{said}: {at.error}" if at.error else said, bool(at.error)
    lanes = [lane for lane in status.lanes if lane.remote == name]
    waiting = [lane for lane in lanes if lane.pending]
    parts = [f"all of {wording.counted(len(lanes), 'run')} sent"]
    if waiting:
        events = sum(lane.pending for lane in waiting)
        parts = [f"{_events(events)} of {wording.counted(len(waiting), 'run')}"]
    refused = sum(len(lane.refused) for lane in lanes)
    if refused:
        parts.append(f"{wording.counted(refused, 'refusal')} (syncd status says why)")
    if name in status.paused:
        parts.append("paused; go on: syncd resume")
    trouble = status.stopped.get(name) or _trouble(lanes)
    if trouble:
        parts.append(trouble)
    return "; ".join(parts), bool(refused or trouble)


def _trouble(lanes: Sequence[Lane]) -> str | None:
    failing = [lane for lane in lanes if lane.error]
    if not failing:
        return None
    more = f" (and {len(failing) - 1:,} more)" if len(failing) > 1 else ""
    return f"{failing[0].error}{more}"


def _of_run(name: str, run: RunView, status: Status | str | None) -> tuple[str, bool]:
    if not isinstance(status, Status):
        return "...", False
    for lane in status.lanes:
        if lane.remote == name and lane.run == run.id:
            return _lane(lane)
    return "does not go there, or is not read yet", False


def _lane(lane: Lane) -> tuple[str, bool]:
    parts = [_events(lane.pending) if lane.pending else "all sent"]
    parts += [f"refused: {refused.what}: {refused.reason}" for refused in lane.refused]
    if lane.error:
        again = f", next try in {wording.duration(lane.next_try_s)}" if lane.next_try_s else ""
        parts.append(f"{lane.error}{again}")
    if lane.url:
        parts.append(lane.url)
    return "; ".join(parts), bool(lane.refused or lane.error)


def _events(count: int) -> str:
    return f"{wording.counted(count, 'event')} pending"
