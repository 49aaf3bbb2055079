"""Curves as SVG, to stand inside an HTML page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from tracker.cli.curve import Series
from tracker.cli.wording import number
from tracker.notice import shown

WIDTH, HEIGHT = 860, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 90, 12, 40
_TICKS = 6
_MARK = 9
"""Room of a letter."""

_DASHES = ("", "7 4", "2 4", "10 4 2 4")
"""Patterns that tell lines apart without colour; with the eight colours, by number."""

COLOURS = 8
"""How many classes s0, s1, ... the page has to give a colour."""


def curves(series: Sequence[Series], axis: str, metric: str) -> str:
    """An SVG element with all series over one pair of axes, each in the order of its x.

    Each line has the class of its number ("s0", ...), and that number's mark at its end. Every
    text is escaped.
    """
    finite = [np.isfinite(one.ys) for one in series]
    xs = [x for one, mask in zip(series, finite, strict=True) for x in one.xs[mask].tolist()]
    ys = [y for one, mask in zip(series, finite, strict=True) for y in one.ys[mask].tolist()]
    if not xs:
        return "<p>nothing to draw: there is no finite value</p>"
    across = _Axis(min(xs), max(xs), _LEFT, WIDTH - _RIGHT)
    up = _Axis(min(ys), max(ys), HEIGHT - _BOTTOM, _TOP)
    title = escape(shown(metric))
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="curves of {title}">',
        *_frame(across, up, escape(shown(axis))),
    ]
    ends = list[tuple[float, float]]()
    for place, one in enumerate(series):
        parts += _line(place, one, across, up, ends)
    return "\n".join([*parts, "</svg>"])


class _Axis:
    """Places of values along an axis of the picture."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high, self.start, self.end = low, high, start, end
        self._span = high / 2 - low / 2  # the difference itself may be more than a float holds

    def at(self, value: float) -> float:
        """Where a value is."""
        share = (value / 2 - self.low / 2) / self._span if self._span else 0.5
        return self.start + share * (self.end - self.start)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Places and texts of marks: round values where the range has any, else its ends."""
        rough = 2 * self._span / _TICKS
        if not self._span or not math.isfinite(rough) or rough < 1e-300:  # noqa: PLR2004 - no power of ten below
            yield from ((self.at(value), number(value)) for value in {self.low, self.high})
            return
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.8)
        first = math.ceil(self.low / step)
        for n in range(first, first + 2 * _TICKS + 2):
            if n * step <= self.high + step * 1e-9:
                yield self.at(n * step), f"{n * step:.10g}"


def _frame(across: _Axis, up: _Axis, axis: str) -> Iterator[str]:
    for y, text in up.ticks():
        yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    for x, text in across.ticks():
        yield f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 18}" text-anchor="middle">{text}</text>'
    yield (
        f'<line class="axis" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{HEIGHT - _BOTTOM}" '
        f'y2="{HEIGHT - _BOTTOM}"/>'
    )
    yield f'<text x="{WIDTH / 2:.0f}" y="{HEIGHT - 4}" text-anchor="middle">{axis}</text>'


def _line(
    place: int, one: Series, across: _Axis, up: _Axis, ends: list[tuple[float, float]]
) -> Iterator[str]:
    """A series as lines, one for each stretch of finite values, and its mark at its end.

    `ends` has where marks stand already; this one goes beside them, and in there.
    """
    kind = f"s{place % COLOURS}"
    dash = _DASHES[place % len(_DASHES)]
    stretches = list(_stretches(one))
    yield f'<g class="{kind}"><title>{escape(shown(one.name))}</title>'
    for points in stretches:
        at = [(across.at(x), up.at(y)) for x, y in points]
        if len(at) == 1:
            yield f'<circle cx="{at[0][0]:.1f}" cy="{at[0][1]:.1f}" r="2.5"/>'
            continue
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        yield f'<polyline points="{path}" stroke-dasharray="{dash}"/>'
    if stretches:
        x, y = stretches[-1][-1]
        at_x, at_y = across.at(x) + 5, up.at(y) + 4
        while any(abs(at_x - x) < _MARK and abs(at_y - y) < _MARK for x, y in ends):
            at_x += _MARK
        ends.append((at_x, at_y))
        yield f'<text x="{at_x:.1f}" y="{at_y:.1f}">{mark(place)}</text>'
    yield "</g>"


def mark(place: int) -> str:
    """The letter of a series by its number."""
    return chr(ord("a") + place % 26)


def sample(place: int) -> str:
    """A short piece of a series' line, for a legend."""
    dash = _DASHES[place % len(_DASHES)]
    return (
        f'<svg class="sample s{place % COLOURS}" viewBox="0 0 36 10" aria-hidden="true">'
        f'<polyline points="0,5 36,5" stroke-dasharray="{dash}"/></svg>'
    )


def _stretches(one: Series) -> Iterator[list[tuple[float, float]]]:
    points = list[tuple[float, float]]()
    for x, y in zip(one.xs.tolist(), one.ys.tolist(), strict=True):
        if math.isfinite(y):
            points.append((float(x), y))
        elif points:
            yield points
            points = []
    if points:
        yield points
