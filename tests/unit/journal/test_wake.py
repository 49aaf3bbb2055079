"""A thread is woken whatever a signal handler did to an earlier attempt."""

from __future__ import annotations

import sys
import threading

import pytest

from tracker.journal.wake import Wake


def test_it_is_unset_by_who_waited_and_set_twice_is_once():
    wake = Wake()
    assert not wake.wait(0)
    wake.set()
    wake.set()
    assert wake.wait(0)
    assert not wake.wait(0)


def test_another_thread_is_woken():
    wake, woken = Wake(), []
    thread = threading.Thread(target=lambda: woken.append(wake.wait(60)))
    thread.start()
    wake.set()
    thread.join(60)
    assert woken == [True]


@pytest.mark.parametrize("was_set", [False, True])
def test_an_interrupt_at_any_step_of_set_leaves_it_usable(was_set):
    """As by Ctrl-C: what is thrown there must not leave a lock behind (`threading.Event` does)."""
    for at in range(80):
        wake = Wake()
        if was_set:
            wake.set()
        interrupt(wake, at)
        setting = threading.Thread(target=wake.set, daemon=True)
        setting.start()
        setting.join(10)
        assert not setting.is_alive(), f"interrupted at step {at}"
        assert wake.wait(10)


def interrupt(wake, at):
    """Throw at that step of a call of `set`, if it has so many."""
    steps = iter(range(1000))

    def trace(frame, *_):
        frame.f_trace_opcodes = True
        if next(steps) == at:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    try:
        sys.settrace(trace)
        wake.set()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
