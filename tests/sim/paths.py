"""Paths that remember those below them: a story asks for the same few of them all the time."""

from __future__ import annotations

from pathlib import Path


class Remembered(type(Path())):
    """A path, but that it makes each path below it, and its own text, only once."""

    __slots__ = ("_below", "_text")

    def __truediv__(self, name):
        try:
            return self._below[name]
        except AttributeError:
            self._below = {}
        except KeyError:
            pass
        below = self._below[name] = super().__truediv__(name)
        return below

    def __fspath__(self):
        try:
            return self._text
        except AttributeError:
            self._text = str(self)
            return self._text
