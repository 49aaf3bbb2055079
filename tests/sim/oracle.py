"""What every platform must hold in the end, told from what the trainings were told.

Per run: the journals hold each event that was acknowledged to a training, unless the power went
before it was synced, as it was logged; and each platform holds what is in the journals: nothing
lost, nothing that nobody logged, nothing twice. The oracle shares no code with the engine but
the reading of journals.

Where the nature of a platform or of a fault leaves no right answer none is asked for: tags that
a request set back so late that the end was told, and, where copies of a store deliver in turn,
tags and status. What one copy lost in a power cut, before it was synced, and another one holds may
be there or not: a cursor that passed the damage of the one passes the events of the other.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec

from tests.sim.artifacts import contents
from tests.sim.platforms import BAD, Rows, is_refused, row
from tracker import events
from tracker.events import Artifact, Config, Finish, Log, Tags
from tracker.journal import journals

_MS = 1_000_000


def check(world):
    """AssertionError where something is lost, unexpected, doubled or otherwise."""
    for run in world.runs:
        there = _journals(world, run)
        _check_kept(run, there)
        for platform in world.platforms:
            _check_platform(world, run, platform, there)
            _check_ledgers(world, run, platform, there)


def _journals(world, run):
    """Events of a run in all copies of the store by writer and number, in the journals' order."""
    found = {}
    for place in world.places:
        for journal in journals(place.store.run(run.id)):
            for event in journal.events():
                same = found.setdefault((journal.writer_id, event.seq), event)
                assert same == event, "two copies tell otherwise"
    return found


def _check_kept(run, there):
    for (writer, seq), told in run.told.items():
        if (writer, seq) not in there:
            assert told.doubtful, f"{writer} {seq} was acknowledged and is lost: {told}"
            continue
        kind, *body = told.body
        wanted = events.decode(msgspec.msgpack.encode((kind, seq, told.time, *body)))
        assert there[writer, seq] == wanted, f"{there[writer, seq]} was logged as {wanted}"
    unknown = there.keys() - run.told.keys()
    assert not unknown, f"nobody logged {unknown}"


def _check_platform(world, run, platform, there):
    kept = platform.search(run.id)
    if kept is None or not there:  # of one that the power took back nothing was sent
        assert not there, f"{platform.name} knows nothing of {run.id}"
        assert kept is None or not (kept.points or kept.rows), f"{run.id} is not here any more"
        return
    lost = _lost_in_a_copy(world, run, there)
    if platform.is_a(Rows):
        _check_points(there, kept, lost)
        _same(_params(there, lost), _without(kept.params, _params(lost)), "params")
        if not world.copied:
            _check_tags(there, kept)
    else:
        assert sorted(kept.rows) == list(range(len(there))), f"rows at {sorted(kept.rows)}"
        _same(Counter(map(row, there.values())), Counter(kept.rows.values()), "rows")
    _check_files(kept, there, lost)
    if not world.copied:
        _check_status(world, run, kept, there)
    empty = [other for other in platform.made if other.run_id == run.id and other is not kept]
    assert not any(other.points or other.rows for other in empty), "a second run has data"


def _lost_in_a_copy(world, run, there):
    """Events of `there` that one copy of the store does not hold, though it holds later ones."""
    lost = {}
    for place in world.places:
        for journal in journals(place.store.run(run.id)):
            here = {event.seq for event in journal.events()}
            lost |= {
                (writer, seq): event for (writer, seq), event in there.items()
                if writer == journal.writer_id and seq not in here and seq < max(here, default=0)
            }  # fmt: skip
    return lost


def _check_points(there, kept, lost):
    doubtful = {point[:2] + point[3:] for point in _points(lost)}

    def sure(points):
        rows = Counter(points).items()
        return {point: n for point, n in rows if point[:2] + point[3:] not in doubtful}

    _same(sure(_points(there)), sure(kept.points), "points")


def _without(held, doubtful):
    return {name: value for name, value in held.items() if name not in doubtful}


def _points(there):
    """Points in the order of time; a twin takes the next millisecond that is free."""
    times = defaultdict(list)
    for event in there.values():
        if isinstance(event, Log):
            for key, value in event.values.items():
                if not key.startswith(BAD):
                    times[key, event.step, value].append(event.time // _MS)
    placed = Counter()
    for (key, step, value), wanted in times.items():
        taken = set()
        for ms in sorted(wanted):
            at = ms
            while at in taken:
                at += 1
            taken.add(at)
        placed.update((key, step, at, value) for at in taken)
    return placed


def _params(there, lost=()):
    configs = (e for at, e in there.items() if isinstance(e, Config) and at not in lost)
    return {key: str(value) for event in configs for key, value in event.values.items()}


def _check_tags(there, kept):
    wanted = {}
    for event in there.values():
        if isinstance(event, Tags):
            wanted |= event.set
    for name in kept.spoiled:
        wanted.pop(name, None)
    held = {name: value for name, value in kept.tags.items() if name not in kept.spoiled}
    _same(wanted, held, "tags")


def _check_files(kept, there, lost):
    held = {path: text for path, text in kept.files.items() if not path.startswith("tracker/")}
    doubtful = _files(lost)
    _same(_without(_files(there), doubtful), _without(held, doubtful), "files")


def _files(there):
    artifacts = (event for event in there.values() if isinstance(event, Artifact))
    return {f"{event.name}/file": contents()[event.manifest] for event in artifacts}


def _check_status(world, run, kept, there):
    """How the writer ended that began last, of those that left anything; running if one lives."""
    live = {training.writer_id for training in world.trainings if training.run is run}
    newest, _ = list(there)[-1]
    ends = [e.status for (w, _), e in there.items() if w == newest and isinstance(e, Finish)]
    right = {"running", None} if live else {ends[0] if ends else "crashed"}
    if live >= {writer for writer, _ in there}:  # of one that left nothing it may have been told
        right.add("crashed")
    assert kept.status in right, f"status {kept.status} of {run.id}"
    assert live or "tracker/run.json" in kept.files


def _check_ledgers(world, run, platform, there):
    for place in world.places:
        ledger = place.process.ledger
        refused = {key for key, event in there.items() if is_refused(event)}
        parked = {(r["writer_id"], r["seq"]) for r in ledger.parked(platform.name, run.id)}
        assert parked <= refused, f"parked without reason: {parked - refused}"
        if not (world.relearned or world.copied):
            assert parked == refused, f"refused and not parked: {refused - parked}"
        said = ledger.receipt(platform.name, run.id)["counts"].get("events", 0)
        assert said <= len(there), f"the receipt counts {said} of {len(there)} events"


def _same(wanted, held, what):
    if wanted != held:
        lost = {k: v for k, v in wanted.items() if held.get(k) != v}
        more = {k: v for k, v in held.items() if wanted.get(k) != v}
        raise AssertionError(f"{what}: not there as logged {lost}; there and not logged {more}")
