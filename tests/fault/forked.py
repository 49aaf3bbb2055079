"""syncd as in `delivering`, but that it need not import first, which takes it half a second.

Campaigns start it hundreds of times. The command that a person starts is that of tests/e2e.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import subprocess
import threading

from tests.fault import delivering, preloaded

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([preloaded.__name__])


class Forked:
    """What `subprocess.Popen` is for a program, as far as tests use it.

    Attributes:
        pid: of a process of its own, which any signal reaches.
        stdout: what it writes to both its streams.
    """

    def __init__(self, arguments, env, folder):
        ours, theirs = _forks.Pipe(duplex=False)
        told = (theirs, arguments, env, str(folder))
        self._process = _forks.Process(target=preloaded.be_syncd, args=told, daemon=True)
        self._process.start()
        theirs.close()
        self.pid = self._process.pid
        self.stdout = os.fdopen(os.dup(ours.fileno()), encoding="utf-8")
        ours.close()
        self._rest = []
        self._reader = threading.Thread(target=self._read, daemon=True)

    def _read(self):
        self._rest.append(self.stdout.read())

    @property
    def returncode(self):
        return self._process.exitcode

    def poll(self):
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout=None):
        """The rest of what it writes, and None, once it ended; TimeoutExpired if it does not."""
        if self._reader.ident is None:
            self._reader.start()
        self._reader.join(timeout)
        self._process.join(timeout)
        if self._reader.is_alive() or self.poll() is None:
            raise subprocess.TimeoutExpired("syncd", timeout)
        self.stdout.close()
        return "".join(self._rest), None


class Syncd(delivering.Syncd):
    """A syncd process on a store."""

    def _started(self, arguments, **env):
        return Forked(arguments, delivering.environment(**env), delivering.ROOT)


syncd = functools.partial(delivering.syncd, start=Syncd)
"""Run syncd to its end."""
