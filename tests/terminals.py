"""A program in a real terminal of a given size: keys go in, the screen is read."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence

import pyte
from typing_extensions import Self

LIMIT_S = 30.0

KEYS = {
    "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "home": "\x1b[H",
    "end": "\x1b[F", "pgup": "\x1b[5~", "pgdn": "\x1b[6~", "enter": "\r", "esc": "\x1b",
    "tab": "\t", "ctrl-c": "\x03", "backspace": "\x7f",
}  # fmt: skip


class Terminal:
    """A pseudo-terminal with a program on it; leaves no process behind.

    Attributes:
        process: the program.
        screen: what stands on the terminal, as pyte understands it.
    """

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], columns: int = 80, lines: int = 24
    ) -> None:
        self._size = columns, lines
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._ours, theirs = pty.openpty()
        self._theirs = theirs
        self.before = termios.tcgetattr(theirs)
        self.written = bytearray()
        self._set_size()
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LIMIT_S)
        os.close(self._ours)
        os.close(self._theirs)

    def _set_size(self) -> None:
        columns, lines = self._size
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size, as dragging a window's corner does."""
        self._size = columns, lines
        self.screen.resize(lines, columns)
        self._set_size()
        os.kill(self.process.pid, signal.SIGWINCH)

    def press(self, *keys: str) -> None:
        """Press keys, by name where they have one in `KEYS`."""
        for key in keys:
            os.write(self._ours, KEYS.get(key, key).encode())

    def look(self, seconds: float = 0.05) -> None:
        """Take in what the program wrote, waiting so long for it."""
        if select.select([self._ours], [], [], seconds)[0]:
            try:
                content = os.read(self._ours, 1 << 16)
            except OSError:  # nobody has it open any more
                return
            self.written += content
            self._stream.feed(content)

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, without spaces at the ends of lines."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines)

    def wait(self, holds: Callable[[], object] | str, limit_s: float = LIMIT_S) -> None:
        """Return as soon as a text is on the screen or something holds.

        Raises:
            AssertionError: it is not within `limit_s`; shows the screen.
        """
        limit = time.monotonic() + limit_s
        while not (holds in self.text if isinstance(holds, str) else holds()):
            assert time.monotonic() < limit, f"waited in vain for {holds!r}:\n{self.text}"
            self.look()

    def ended(self, limit_s: float = LIMIT_S) -> int:
        """The exit code, once the program has ended."""
        self.wait(lambda: self.process.poll() is not None, limit_s)
        while select.select([self._ours], [], [], 0)[0]:
            self.look()
        return self.process.returncode

    @property
    def as_before(self) -> bool:
        """Whether the terminal is set as it was before the program."""
        return termios.tcgetattr(self._theirs) == self.before
