"""How many bytes a second may be sent. No I/O, no clock.

A bucket that fills with `bytes_per_s`, up to a second's worth, and may be overdrawn by one
piece at a time: who comes next waits until the debt is paid. Files stop at half of the bucket,
so that there is always something left for events, which then seldom wait at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class Budget:
    """What may be sent; times are monotonic seconds."""

    bytes_per_s: float
    left: float = 0.0
    """Bytes; below 0 while there is a debt."""
    at: float | None = None

    def pieces(self, content: bytes) -> Iterator[bytes]:
        """Cut what stands in a file into pieces of a quarter of a second at most."""
        most = max(1, int(self.bytes_per_s / 4))
        for start in range(0, len(content), most):
            yield content[start : start + most]

    def take(self, size: int, now: float, *, file: bool) -> float:
        """Take `size` bytes and tell how many seconds to wait before they are sent."""
        if self.at is None:
            self.left = self.bytes_per_s
        else:
            self.left += (now - self.at) * self.bytes_per_s
        self.left = min(self.left, self.bytes_per_s)
        self.at = now
        kept = self.bytes_per_s / 2 if file else 0.0
        wait_s = max(0.0, kept - self.left) / self.bytes_per_s
        self.left -= size
        return wait_s
