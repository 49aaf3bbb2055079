"""A batch that was sent is sent again byte for byte; what is refused parks itself alone."""

from __future__ import annotations

import pytest

from syncd import documents
from syncd.policy import Policy
from syncd.sinks import (
    Cursors,
    OutcomeUnknown,
    Refused,
    Rejected,
    Retryable,
    Unauthorized,
)
from tests.unit.syncd.platform import CONFIG, LOG, Memory, Place, finish, sealed
from tracker import events


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.ledger.close()


def logged(place, count=25, **options):
    writer = place.writer(**options)
    for step in range(count):
        writer.append(LOG, step, {"a": float(step)})
    return writer


def delivered(sink):
    """Sequence numbers of the batches that were acknowledged, in order."""
    return [item.event.seq for batch in sink.sent for item in batch.items]


class Crash(BaseException):
    """syncd dies here."""


@pytest.mark.parametrize("crash_at", ["send", "acknowledge"])
def test_a_frozen_batch_is_the_same_after_a_crash(place, monkeypatch, crash_at):
    """Whatever was written meanwhile: number, items, order, state and cursors do not change."""
    first = logged(place, 8)
    second = logged(place, 8)
    for writer in (first, second):
        writer.sync()
    if crash_at == "send":
        place.sink.answers = [Crash()]
    else:
        monkeypatch.setattr(place.ledger, "acknowledge", lambda *_: (_ for _ in ()).throw(Crash()))
    with pytest.raises(Crash):
        place.visit()
    for writer in (first, second):
        writer.append(LOG, 99, {"a": 99.0})
        finish(writer)
    place.reopen()
    place.visit()
    before, again, *_ = place.sink.sent
    assert sealed(before) == sealed(again)
    assert before.number == 1
    assert place.sink.sent[2].number == 2
    assert place.record.pending == 0


def test_a_frozen_batch_that_a_copy_of_the_store_delivered_hides_nothing_behind_it(place):
    """It went on with that journal, and what is here alone is sent all the same."""
    finish(logged(place, 3))
    place.sink.answers = [OutcomeUnknown("cut")] * place.settings.quick_attempts
    place.visit()
    [(writer, _, last)] = place.record.frozen
    here = place.writer()
    here.append(LOG, 7, {"only": 7.0})
    finish(here)
    place.sink.cursors = Cursors({writer: last + 2, "another": 4})
    place.visit()
    assert [(item.writer_id == writer, item.event.seq) for item in place.sink.acknowledged] == [
        (False, 1), (False, 2), (False, 3),
    ]  # fmt: skip
    assert (place.record.pending, place.record.frozen) == (0, None)


def test_the_first_points_of_a_run_go_at_once_and_later_ones_in_company(place):
    """Its first visit often finds its start alone; somebody waits to see that it learns."""
    writer = place.writer()
    pending = []
    for step in range(3):
        writer.sync()
        pending.append(place.visit(hurry=False, waited_s=0.1).waiting)
        writer.append(LOG, step, {"a": float(step)})
    assert (pending, delivered(place.sink)) == ([0, 0, 1], [1, 2])
    finish(writer)


def test_an_unknown_outcome_is_resolved_by_the_same_batch(place):
    place.sink.answers = [OutcomeUnknown("cut"), OutcomeUnknown("cut"), None]
    finish(logged(place, 5))
    place.visit()
    assert len({sealed(batch) for batch in place.sink.sent[:3]}) == 1
    assert place.sink.status == "finished"


def test_a_failed_visit_waits_and_hurry_does_not(place):
    place.settings.slow_retry_s = 300.0
    place.settings.retry_most_s = 100.0
    place.settings.retry_first_s = 0.001
    place.sink.answers = [Retryable("down")] * 3
    finish(logged(place, 5))
    failed = place.visit()
    assert (failed.error, failed.reached) == ("down", False)
    assert failed.next_try_s > 40
    calls = len(place.sink.calls)
    again = place.visit(hurry=False)
    assert (again.error, again.reached) == ("down", None)
    assert len(place.sink.calls) == calls
    assert place.visit(hurry=True).error is None
    assert place.record.failures == 0


def test_who_tries_a_silent_remote_makes_one_request(place):
    """Three attempts of each of ten thousand daemons would be what keeps it down."""
    finish(logged(place, 5))
    place.sink.open_error = Retryable("down")
    assert place.visit(probing=True).error == "down"
    assert place.sink.calls == ["open"]
    place.sink.open_error = None
    place.sink.answers = [Retryable("a hiccup")]
    assert place.visit(probing=True).error is None, "it answered: there are quick attempts again"


def test_refused_entries_are_parked_and_all_else_goes_on(place):
    writer = logged(place, 30)
    finish(writer)
    refused = Refused(writer.id, 3, "point 'a' at step 1", "no")
    place.sink.answers = [Rejected("some", [refused])]
    outcome = place.visit()
    assert (outcome.error, place.sink.status) == (None, "finished")
    assert delivered(place.sink) == list(range(1, 33))
    [row] = place.ledger.parked()
    assert (row["seq"], row["what"], row["reason"]) == (3, "point 'a' at step 1", "no")


def test_parked_events_are_sent_again_in_the_state_they_had(place):
    writer = logged(place, 30)
    finish(writer)
    place.sink.answers = [Rejected("some", [Refused(writer.id, 5, "point", "no")])]
    place.visit()
    place.sink.answers = [Rejected("still", [Refused(writer.id, 5, "point", "not yet")])]
    place.delivery.retry_parked(place.run_id, place.folder)
    assert [row["reason"] for row in place.ledger.parked()] == ["not yet"]
    place.delivery.retry_parked(place.run_id, place.folder)
    again = place.sink.sent[-1]
    assert [item.event.seq for item in again.items] == [5]
    assert again.state == {"ordinal": 3}
    assert place.ledger.parked() == []


def test_a_run_that_is_not_there_any_more_is_looked_up_anew_at_once(place):
    """It is made again, and gets everything: the old cursors and files are forgotten."""
    early = logged(place, 12)
    early.append(CONFIG, {"lr": 1})
    finish(early)
    place.visit()
    late = logged(place, 3)
    finish(late)
    place.sink.id, place.sink.cursors = "r2", type(place.sink.cursors)()
    place.sink.files.clear()
    place.sink.answers = [Rejected("deleted")]
    sent = len(place.sink.sent)
    assert place.visit().error is None
    events = [(i.writer_id, i.event.seq) for b in place.sink.sent[sent + 1 :] for i in b.items]
    everything = [(early.id, n) for n in range(1, 16)] + [(late.id, n) for n in range(1, 6)]
    assert sorted(events) == sorted(everything)
    assert place.record.remote_run.id == "r2"
    assert "tracker/run.json" in place.sink.files


def test_a_run_refused_as_a_whole_parks_nothing_and_waits(place):
    finish(logged(place, 12))
    place.sink.answers = [Rejected("deleted: restore it")]
    outcome = place.visit()
    assert (outcome.error, outcome.reached) == ("deleted: restore it", True)
    assert outcome.settled is None
    assert place.ledger.parked() == []
    assert place.record.pending == 14
    assert place.visit().error is None
    assert delivered(place.sink)[-1] == 14


def test_wrong_credentials_stop_the_remote_and_leave_the_lane_as_it_was(place):
    finish(logged(place, 5))
    place.sink.answers = [Unauthorized("401")]
    with pytest.raises(Unauthorized):
        place.visit()
    assert (place.record.failures, place.record.error) == (0, None)
    assert place.visit().error is None


def test_a_lost_ledger_sends_nothing_again(place):
    finish(logged(place, 25))
    place.visit()
    sent = len(place.sink.sent)
    place.reopen(lose=True)
    place.visit()
    assert len(place.sink.sent) == sent
    assert place.sink.status == "finished"
    assert place.record.state == {"ordinal": 25}


def test_time_given_is_kept_to(place):
    finish(logged(place, 100))
    turns = iter([True, True, False])
    outcome = place.visit(go_on=lambda: next(turns))
    assert outcome.more
    assert place.sink.calls.count("send") == 1
    assert place.visit().more is False
    assert delivered(place.sink) == list(range(1, 103))


def test_nothing_is_asked_of_the_remote_when_there_is_nothing_to_do(place):
    writer = logged(place, 5)
    writer.sync()
    place.visit()
    calls = len(place.sink.calls)
    changes = place.ledger.changes
    outcome = place.visit()
    assert (outcome.reached, outcome.ended, outcome.settled) == (None, False, None)
    assert (len(place.sink.calls), place.ledger.changes) == (calls, changes)
    writer.close()


def test_damage_costs_the_damaged_events_only(place):
    """Bad bytes in the middle: the rest is delivered, the run ends, nothing waits for ever."""
    writer = logged(place, 40)
    finish(writer)
    [segment] = place.folder.glob("*.seg")
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    segment.write_bytes(content)
    outcome = place.visit()
    assert (outcome.error, outcome.more, place.sink.status) == (None, False, "finished")
    missing = set(range(1, 43)) - set(delivered(place.sink))
    assert len(missing) == 1
    assert place.record.pending == 0


def test_unknown_kinds_are_parked_until_a_version_knows_them(place):
    writer = logged(place, 3)
    writer.append(77, "something new")
    finish(writer)
    place.visit()
    [row] = place.ledger.parked()
    assert (row["seq"], row["what"]) == (5, "event of kind 77")
    place.delivery.retry_parked(place.run_id, place.folder)
    assert len(place.ledger.parked()) == 1


def test_memory_is_the_contract(place):
    """The double answers as the contract asks, so that what it proves holds for sinks."""
    assert isinstance(place.sink, Memory)
    assert place.sink.position(None) == place.sink.cursors


def told_by_the_journals(place):
    """The run's documents as the journals alone have them."""
    with documents.written(place.folder, place.run_id, str.upper, Policy()) as files:
        return {file.path: file.source.read_bytes() for file in files}


def full_of_all(place, monkeypatch):
    """Two writers one after the other: texts, a config that changes, the console, damage."""
    for number in range(2):
        writer = logged(place, 100)
        writer.append(CONFIG, {"lr": number, "seed": 7})
        writer.append(LOG, 100, {"note": "gr\u00fc\u00df dich", "b": 1.0})
        writer.append(events.CONSOLE, "stdout", "a line\n")
        finish(writer)
    first = min(place.folder.glob("*.seg"))
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 0xFF
    first.write_bytes(content)
    decoded = []
    decode = events.decode
    monkeypatch.setattr(events, "decode", lambda p: decoded.append(p) or decode(p))
    return decoded


def test_a_run_that_is_sent_whole_is_read_once(place, monkeypatch):
    """Its documents are told while its events are sent, and are those of the journals."""
    decoded = full_of_all(place, monkeypatch)
    place.visit()
    sent = len(delivered(place.sink))
    assert sent == 209, "one event is damaged"
    assert len(decoded) < sent * 1.7, "all once, and the beginning once more"
    assert place.sink.files == told_by_the_journals(place)
    assert set(place.sink.files) == {f"tracker/{n}" for n in (
        "run.json", "texts.jsonl", "console.jsonl"
    )}  # fmt: skip


@pytest.mark.parametrize("stops", [5, 12, 19])
def test_a_run_that_is_sent_in_several_visits_has_the_same_documents(place, monkeypatch, stops):
    full_of_all(place, monkeypatch)
    steps = iter(range(stops))
    assert place.visit(go_on=lambda: next(steps, None) is not None).more
    place.reopen()
    place.visit()
    assert place.sink.files == told_by_the_journals(place)


def test_documents_that_are_refused_are_parked_and_the_run_still_ends(place):
    """As at a server that serves no files; retry puts them once the cause is gone."""
    finish(logged(place, 5))
    place.sink.put_error = Rejected("no artifact proxy")
    outcome = place.visit()
    assert (outcome.error, place.sink.status, place.sink.files) == (None, "finished", {})
    [row] = place.ledger.parked()
    assert (row["what"], row["reason"]) == ("documents", "no artifact proxy")
    place.delivery.retry_parked(place.run_id, place.folder)
    assert len(place.ledger.parked()) == 1, "they are not there yet"
    place.sink.put_error = None
    place.visit()
    assert (list(place.sink.files), place.ledger.parked()) == (["tracker/run.json"], [])


def test_a_run_that_was_resumed_and_ended_between_two_visits_gets_its_new_end(place):
    """As on a laptop that is offline: the status is the same word as before, the time is not."""
    finish(place.writer())
    place.visit()
    before = place.sink.ended_at
    finish(place.writer())
    place.visit()
    assert place.sink.ended_at > before
    assert place.sink.calls.count("finish finished") == 2
