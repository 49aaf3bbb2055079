"""The lease: one holder at a time, whoever stops, dies or sleeps; clocks are never compared."""

from __future__ import annotations

import os
import random
import threading

import msgspec
import pytest

from syncd.lease import HOLD_S, LEASE_S, RENEW_S, Holder, Lease

SEEDS = int(os.environ.get("SOAK_ROUNDS", "30"))


class Clock:
    """Moves when told."""

    def __init__(self, ahead_s=0.0):
        self.now = ahead_s

    def time(self):
        return 1e9 + self.now

    def monotonic(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def left(folder, **about):
    """A lease that somebody left behind."""
    usual = {"host": "h", "kernel": "k", "pid": os.getpid(), "since": 0.0, "locked": False}
    (folder / "syncd.lease.7").write_bytes(msgspec.json.encode(Holder(**{**usual, **about})))


def test_the_first_takes_it_and_keeps_it_by_renewing(tmp_path, clock):
    """A second one waits however long; it sees that the first lives."""
    first, second = Lease(tmp_path, clock), Lease(tmp_path, Clock(ahead_s=1e6))
    assert first.take(locked=False)
    for _ in range(20):
        assert not second.take(locked=False)
        clock.now += RENEW_S
        second._clock.now += RENEW_S
        assert first.renew()
    assert second.alive
    assert second.holder().pid == os.getpid()


def test_one_that_does_not_change_is_taken_over_on_the_clock_of_the_other(tmp_path, clock):
    """Not sooner than it may be used, not later than 5 s; that its process id lives is nothing."""
    left(tmp_path)
    other = Lease(tmp_path, clock)
    while not other.take(locked=True):
        clock.now += 0.2
    assert HOLD_S < LEASE_S <= clock.now < 5
    assert (other.number, other.forced) == (8, True)


@pytest.mark.parametrize(
    ("about", "at_once"),
    [
        ({"let_go": True}, True),
        ({"locked": True, "kernel": "this"}, True),
        ({"locked": False, "kernel": "this"}, False),
        ({"locked": True, "kernel": "another"}, False),
    ],
)
def test_what_is_let_go_or_known_to_be_dead_is_free_at_once(
    tmp_path, clock, about, at_once, monkeypatch
):
    """A lock that is free says that its holder died only in the kernel that had it."""
    monkeypatch.setattr("syncd.lease.kernel", lambda: "this")
    left(tmp_path, **about)
    lease = Lease(tmp_path, clock)
    assert lease.take(locked=True) is at_once
    assert not lease.forced


def test_who_is_late_goes_on_under_a_new_number_or_has_lost(tmp_path, clock):
    first, second = Lease(tmp_path, clock), Lease(tmp_path, clock)
    assert first.take(locked=False)
    clock.now += 60
    assert first.renew()
    assert first.number == 2
    assert not second.take(locked=False)
    clock.now += LEASE_S
    assert second.take(locked=False)
    assert not first.renew()
    assert not first.renew()
    assert second.renew()


def test_what_one_lets_go_the_next_has_at_once(tmp_path, clock):
    first, second = Lease(tmp_path, clock), Lease(tmp_path, clock)
    assert first.take(locked=False)
    first.let_go()
    assert second.take(locked=False)
    assert (second.number, second.forced) == (2, False)


def test_few_files_stay(tmp_path, clock):
    for _ in range(30):
        lease = Lease(tmp_path, clock)
        assert lease.take(locked=False)
        lease.let_go()
    assert len(list(tmp_path.iterdir())) < 10


def test_of_many_that_come_at_once_one_has_it(tmp_path):
    left(tmp_path, let_go=True)
    won, start = [], threading.Barrier(16)

    def come():
        lease = Lease(tmp_path)
        start.wait()
        if lease.take(locked=False):
            won.append(lease.number)

    threads = [threading.Thread(target=come) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


@pytest.mark.parametrize("seed", range(SEEDS))
def test_never_two_and_never_long_none(tmp_path, seed):
    """Three that are stopped at random for any time: one may send, and soon one does."""
    chance = random.Random(seed)
    clock = Clock()
    leases = [Lease(tmp_path, clock) for _ in range(3)]
    owning, wakes, free_since = [False] * 3, [0.0] * 3, 0.0
    for _ in range(400):
        clock.now += chance.choice((0.05, 0.1, 0.2))
        for n, lease in enumerate(leases):
            if clock.now < wakes[n]:
                continue
            if chance.random() < 0.01:
                wakes[n] = clock.now + chance.choice((0.5, HOLD_S, LEASE_S, 10))
            elif not owning[n]:
                owning[n] = lease.take(locked=False)
            elif clock.now - lease.renewed >= RENEW_S:
                owning[n] = lease.renew()
        may = [n for n in range(3) if owning[n] and clock.now - leases[n].renewed < HOLD_S]
        assert len(may) <= 1, f"seed {seed}: {may} at {clock.now:.2f} s"
        if may or all(clock.now < at for at in wakes):
            free_since = clock.now
        awake = [n for n in range(3) if clock.now >= wakes[n] + LEASE_S + 1]
        assert clock.now - free_since < LEASE_S + 1 or not awake, f"seed {seed}"
