"""The index as another thread keeps it, so that looking never waits for catching up."""

from __future__ import annotations

import os

from tracker.index import Index
from tracker.query import Store


class Still(Index):
    """An index that is read as it stands; a `Keeper` brings it up to date meanwhile."""

    def catch_up(self) -> None:
        """Go on with the file that stands there now.

        Raises:
            StoreError: there is none that can be read, yet or any more.
        """
        self._open_as_it_is()


def still(dir: str | os.PathLike[str]) -> Store:  # noqa: A002 - as Store calls it
    """A store whose calls read what the index holds, at once.

    Raises:
        StoreError: there is no store, or it cannot be used.
    """
    store = Store(dir)
    store.index = Still(store.folder, wait_s=0.0)
    return store
