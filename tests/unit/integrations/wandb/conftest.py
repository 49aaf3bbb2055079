"""A store, and taking into it."""

import pytest

from tracker.events import Source, Start
from tracker.integrations.wandb.imports import Import
from tracker.journal import journals
from tracker.settings import Settings
from tracker.store import StoreFolder


class Importing:
    """A store that takes in what lies below a folder."""

    def __init__(self, place):
        self.store = StoreFolder.open(place / "store", create=True)
        self.folder = place / "wandb"
        self.folder.mkdir()

    def all(self, *paths):
        with Import(self.store, Settings(), paths or [self.folder]) as runs:
            return [taking.taken for taking in runs.once(lambda _: None)]

    def one(self, *paths):
        (taken,) = self.all(*paths)
        return taken

    def journals(self, run_id):
        return journals(self.store.run(run_id))

    def events(self, run_id):
        """What was taken: all events but those that only a journal needs."""
        found = [event for journal in self.journals(run_id) for event in journal.events()]
        return [event for event in found if not isinstance(event, (Start, Source))]


@pytest.fixture
def importing(tmp_path):
    return Importing(tmp_path)
