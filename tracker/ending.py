"""How a process ends, seen from its open runs: exit, exception, signal, fork."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, NoReturn, Protocol

from tracker.values import whole


class Ends(Protocol):
    """An open run, as the end of its process sees it."""

    def finish(
        self, exit_code: int = 0, *, status: str | None = None, error: str | None = None
    ) -> None:
        """End the run."""

    def end_by_signal(self, number: int) -> None:
        """End the run, now or as soon as what the signal interrupted is whole."""

    def after_fork(self) -> None:
        """In a forked child: this is a copy."""


_open: dict[Ends, None] = {}
_installing = threading.Lock()
_how: dict[str, Any] = {}


def watch(run: Ends, *, sigterm: bool) -> None:
    """Have `run` finished however this process ends, as far as a process can know."""
    _open[run] = None
    with _installing:
        if "hooks" not in _how:
            _how["hooks"] = True
            atexit.register(_at_exit)
            sys.excepthook = _chain(sys.excepthook)
            sys.exit = _noting_exit(sys.exit)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_after_fork)
    if sigterm and threading.current_thread() is threading.main_thread():
        _take_sigterm()


def forget(run: Ends) -> None:
    """The run has ended; with the last one the process ends too, if a signal wants it."""
    _open.pop(run, None)
    if "signal" in _how and not _open:
        _die()


def outcome(kind: type[BaseException], error: BaseException | None) -> tuple[str, int, str]:
    """Status, exit code and text that an exception gives to the run it ends."""
    try:
        text = f"{kind.__name__}: {error}" if str(error) else kind.__name__
    except Exception:  # noqa: BLE001 - a stranger's __str__ may raise anything
        text = kind.__name__
    if issubclass(kind, KeyboardInterrupt):
        return "killed", 130, text
    if isinstance(error, SystemExit):
        code = 0 if error.code is None else whole(error.code)
        code = 1 if code is None else code  # a text: printed, and the code is 1
        return ("failed" if code else "finished"), code, text
    return "failed", 1, text


def _at_exit() -> None:
    status, code, error = _how.get("outcome", ("finished", 0, None))
    for run in list(_open):
        try:
            run.finish(code, status=status, error=error)
        except Exception as trouble:  # noqa: BLE001, PERF203 - the other runs have to end too
            sys.excepthook(type(trouble), trouble, trouble.__traceback__)


def _chain(previous: Any) -> Any:
    def excepthook(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not hasattr(sys, "ps1"):  # at a prompt the process goes on
            _how["outcome"] = outcome(kind, error)
        previous(kind, error, trace)

    return excepthook


class _Leaving:
    """Rides on a SystemExit: if it goes while code still runs, somebody caught the exit."""

    def __del__(self) -> None:
        try:
            sys._getframe(1)  # noqa: SLF001 - public in all but name
        except ValueError:  # nobody below: the interpreter took it and ends
            return
        _how.pop("outcome", None)


def _noting_exit(previous: Any) -> Any:
    """Keep the code of sys.exit: at exit there is no other way to learn it."""

    def exit(status: Any = None, /) -> NoReturn:  # noqa: A001 - it is sys.exit
        try:
            previous(status)
        except SystemExit as leaving:
            if threading.current_thread() is threading.main_thread():
                state, code, _ = outcome(SystemExit, leaving)
                leaving.__dict__["_tracker"] = _Leaving()
                _how["outcome"] = (state, code, f"exit code {code}" if code else None)
            raise
        raise AssertionError("sys.exit returned")

    return exit


def _take_sigterm() -> None:
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_sigterm)


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    del frame
    _how["signal"] = number
    for run in list(_open):
        run.end_by_signal(number)
    if not _open:
        _die()


def _die() -> None:
    """End this process as the signal would have, had nobody handled it."""
    number = _how["signal"]
    if threading.current_thread() is threading.main_thread():
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)  # from another thread: the handler above comes here again


def _after_fork() -> None:
    for run in list(_open):
        run.after_fork()
