"""Reading in Python: `tracker.open()` gives a `Store`, that gives `RunView`s.

    store = tracker.open()
    for run in store.runs("mnist", limit=10):
        print(run, run.metrics["loss"].min)
    best = store.runs(filter="metrics.loss < 0.1 order by metrics.loss", limit=10)
    history = store.run("calm-otter").history("loss")   # numpy columns

Everything is read through the index, which each call of `Store` first brings up to date;
`RunView.rows` goes to the journals themselves, where every value stands exactly as logged.

In JSON (`RunView.to_dict`, `plain`) NaN is "NaN" and the infinities are "Infinity" and
"-Infinity", as strict JSON has no numbers for them; times are ISO 8601 in UTC.
"""

from tracker.query.groups import Group, Groups
from tracker.query.extras import Kept, Line, Media, Source
from tracker.query.plain import plain
from tracker.query.records import Damage, Figures, Rewind, Row, Text, Version, moment
from tracker.query.runs import Runs
from tracker.query.runview import RunView
from tracker.query.store import Project, Store

__all__ = [
    "Damage",
    "Figures",
    "Group",
    "Groups",
    "Kept",
    "Line",
    "Media",
    "Project",
    "Rewind",
    "Row",
    "RunView",
    "Runs",
    "Source",
    "Store",
    "Text",
    "Version",
    "moment",
    "plain",
]
