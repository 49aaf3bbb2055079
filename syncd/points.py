"""Many points as a multiset in little memory: compared by digest, looked into only where apart.

The digest of a row is the first 128 bits of BLAKE2b over ``KEY NUL STEP NUL TIME_MS NUL VALUE`` in
UTF-8, with the value as Python writes a float (``nan`` for every NaN, ``0.0`` for minus zero). That
of a multiset is the sum of its rows' digests modulo 2^128, so that it depends on no order and
counts what is there twice. The sum is kept in shares, one for every value of a row's last bits:
where two multisets differ, only the rows of shares that differ have to be looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from hashlib import blake2b

from syncd.sinks import Point

SHARES = 4096

_BYTES = 16
_ALL = 1 << 8 * _BYTES

Row = tuple[str, int, int, float | str]
"""Key, step, time (ms), value; NaN as text, as it equals nothing."""


class Points:
    """A multiset of points.

    Args:
        wanted: shares whose rows are kept too.

    Attributes:
        count: how many there are, each as often as it was added.
        rows: those in the shares wanted.
    """

    def __init__(self, wanted: Collection[int] = ()) -> None:
        self.count = 0
        self.rows: Counter[Row] = Counter()
        self._wanted = frozenset(wanted)
        self._sums = [0] * SHARES

    def add(self, points: Iterable[Point]) -> None:
        """Take points in."""
        sums, wanted = self._sums, self._wanted
        for key, step, time_ms, number in ((p.key, p.step, p.time_ms, p.value) for p in points):
            value = float(number) + 0.0
            row = f"{key}\0{step}\0{time_ms}\0{value!r}"
            digest = int.from_bytes(
                blake2b(row.encode(errors="surrogatepass"), digest_size=_BYTES).digest(), "big"
            )
            share = digest % SHARES
            sums[share] += digest
            self.count += 1
            if share in wanted:
                self.rows[key, step, time_ms, value if value == value else "NaN"] += 1  # noqa: PLR0124 - what tells NaN

    @property
    def digest(self) -> int:
        """The digest of all."""
        return sum(self._sums) % _ALL

    def apart(self, other: Points, also: Points) -> list[int]:
        """Shares that differ from those of `other`, with and without what is in `also`."""
        three = zip(self._sums, other._sums, also._sums, strict=True)
        return [
            share for share, (mine, theirs, more) in enumerate(three)
            if mine not in (theirs, theirs + more)
        ]  # fmt: skip


def hexadecimal(digest: int) -> str:
    """A digest as it is written down."""
    return f"{digest % _ALL:0{2 * _BYTES}x}"
