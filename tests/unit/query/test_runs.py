"""Runs are found, ordered, paged and grouped as a query says: the index says what Python says."""

from __future__ import annotations

import math
import random
import sqlite3
import time

import pytest

from tests.unit.index.stories import CONFIG, FINISH, LOG, SUMMARY, TAGS, begin
from tracker.errors import BadInput, StoreError
from tracker.query import Store, search
from tracker.store import StoreFolder

LOSSES = (1.0, math.nan, math.inf, -math.inf, 0.5, None, 3.0, 2.0)
NAMES = [f"r{number}" for number in range(len(LOSSES))]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Eight runs; r5 has no loss, r1's is NaN."""
    folder = StoreFolder.open(tmp_path_factory.mktemp("query") / "store", create=True)
    for number, loss in enumerate(LOSSES):
        writer = begin(folder, f"{number}" * 32, name=f"r{number}", project="pq"[number // 4])
        odd = number % 2 == 1
        writer.append(CONFIG, {
            "lr": 10.0**-number, "opt": "adam" if odd else "sgd", "flag": odd,
            "text": str(number), "sizes": [1, number], "gone": None if odd else number,
            "mixed": number if odd else f"t{number}",
        })  # fmt: skip
        writer.append(SUMMARY, {"best": math.nan if odd else number})
        writer.append(TAGS, {"team": "Vision" if number < 4 else "text", "fold": str(number)}, [])
        if loss is not None:
            writer.append(LOG, 0, {"loss": 9.0, "val/acc": number / 10})
            writer.append(LOG, number, {"loss": loss})
        writer.append(FINISH, "failed" if number == 6 else "finished", int(number == 6), None, {})
        writer.close()
    opened = Store(folder.root)
    yield opened
    opened.close()


def found(store, filter_, **more):
    return " ".join(run.name for run in store.runs(filter=filter_, **more))


@pytest.mark.parametrize(
    ("filter_", "names"),
    [
        ('metrics."val/acc" > 0.2 and params.lr < 1e-3', "r7 r6 r4"),
        ("metrics.loss > 0", "r7 r6 r4 r2 r0"),
        ("metrics.loss = inf", "r2"),
        ("metrics.loss = nan", "r1"),
        ("metrics.loss != 1", "r7 r6 r4 r3 r2"),
        ("metrics.loss is null", "r5"),
        ("metrics.loss is not null and not metrics.loss >= 1", "r4 r3"),
        ("metrics.loss in (1, 2)", "r7 r0"),
        ("metrics.loss.min < 1 and metrics.loss.max = 9", "r4 r3"),
        ("metrics.loss.step >= 6 and metrics.loss.first = 9 and metrics.loss.count = 2", "r7 r6"),
        ("metrics.loss.mean > 5.5", "r6 r2 r1"),
        ("params.text < 2", "r1 r0"),
        ("config.text < 2", ""),
        ("config.text < '2'", "r1 r0"),
        ("params.text = '3'", "r3"),
        ("config.text = 3", ""),
        ("params.flag = 'True'", "r7 r5 r3 r1"),
        ("params.flag = 'true'", "r7 r5 r3 r1"),
        ("config.flag = true", "r7 r5 r3 r1"),
        ("config.flag != true", "r6 r4 r2 r0"),
        ("config.flag = 1", "r7 r5 r3 r1"),
        ("params.sizes = '[1, 3]'", "r3"),
        ("config.sizes = '[1, 3]'", ""),
        ("params.opt like 'AD%'", ""),
        ("params.opt ilike 'AD%'", "r7 r5 r3 r1"),
        ("config.opt not in ('adam', 'x')", "r6 r4 r2 r0"),
        ("config.opt != 'adam'", "r6 r4 r2 r0"),
        ("config.mixed in (1, 't2')", "r2 r1"),
        ("config.mixed != 'x'", "r6 r4 r2 r0"),
        ("params.mixed != 'x'", "r7 r6 r5 r4 r3 r2 r1 r0"),
        ("config.gone is null and params.gone is null", "r7 r5 r3 r1"),
        ("params.gone = 'null'", ""),
        ("summary.best = nan", "r7 r5 r3 r1"),
        ("summary.best >= 4", "r6 r4"),
        ("tags.team = 'vision'", ""),
        ("tags.team ilike 'vis%' and tags.fold > 1", "r3 r2"),
        ("tags.team not like 'V%'", "r7 r6 r5 r4"),
        ("tags.none is null and tags.new is not null and status = 'FAILED'", "r6"),
        ("project = 'q' and name in ('r4', 'r0') or run_id = '" + "1" * 32 + "'", "r4 r1"),
        ("exit_code = 1 or attributes.events < 7", "r6 r5"),
        ("host.name = 'here' and host.name != 'there' and id like '7%'", "r7"),
        ("host.name > 3 or git.commit is not null or user = 'x'", ""),
        ("start_time > 1h and duration < 1h and created > 0", "r7 r6 r5 r4 r3 r2 r1 r0"),
        ("start_time < 7d or start_time > '2200-01-01'", ""),
        ("params.opt = '" + "a" * 100 + "'", ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("few", [0, search.FEW])
def test_a_filter_finds_the_runs_that_fulfil_it(store, monkeypatch, filter_, names, few):
    """Whether the index is entered by the comparison that the fewest fulfil, or not."""
    monkeypatch.setattr(search, "FEW", few)
    assert found(store, filter_) == names


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("metrics.loss", "r3 r4 r0 r7 r6 r2 r1 r5"),
        ("metrics.loss desc", "r2 r6 r7 r0 r4 r3 r1 r5"),
        ("config.mixed", "r1 r3 r5 r7 r0 r2 r4 r6"),
        ("config.mixed desc", "r7 r5 r3 r1 r6 r4 r2 r0"),
        ("summary.best desc", "r6 r4 r2 r0 r7 r5 r3 r1"),
        ("params.text desc", "r7 r6 r5 r4 r3 r2 r1 r0"),
        ("params.opt, params.lr", "r7 r5 r3 r1 r6 r4 r2 r0"),
        ("tags.team desc, start_time asc", "r4 r5 r6 r7 r0 r1 r2 r3"),
        ("tags.none", "r7 r6 r5 r4 r3 r2 r1 r0"),
        ("status, end_time", "r6 r0 r1 r2 r3 r4 r5 r7"),
    ],
)  # fmt: skip
def test_numbers_come_first_then_nan_then_texts_then_nothing_in_both_directions(
    store, order, names
):
    assert found(store, f"order by {order}") == names
    assert found(store, None, order_by=order.split(", ")) == names


ORDERS = ("", "order by metrics.loss", "order by metrics.loss desc, name", "order by config.mixed",
          "order by config.mixed desc", "order by summary.best desc, tags.team",
          "order by params.lr", "order by tags.none, git.commit", "order by start_time",
          "status = 'finished' order by metrics.loss.max desc")  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("few", [0, search.FEW])
def test_pages_put_together_are_the_whole(store, monkeypatch, order, few):
    monkeypatch.setattr(search, "FEW", few)
    whole = found(store, order).split()
    for size in (1, 3, 8):
        token, names = None, []
        while True:
            page = store.runs(filter=order, limit=size, token=token)
            names += [run.name for run in page]
            token = page.token
            assert len(page) <= size
            if token is None:
                break
        assert names == whole


def test_a_run_that_begins_between_two_pages_shifts_nothing(tmp_path):
    folder = StoreFolder.open(tmp_path / "store", create=True)
    for number in range(4):
        begin(folder, f"{number}" * 32, name=f"r{number}").close()
    store = Store(folder.root)
    page = store.runs(limit=2)
    begin(folder, "9" * 32, name="new").close()
    following = store.runs(limit=2, token=page.token)
    assert [run.name for run in (*page, *following)] == ["r3", "r2", "r1", "r0"]
    assert following.token is None
    store.close()


def test_a_token_of_another_query_or_of_none_is_refused(store):
    token = store.runs(filter="order by metrics.loss", limit=2).token
    with pytest.raises(BadInput, match="belongs to another query"):
        store.runs(filter="order by metrics.loss desc", limit=2, token=token)
    with pytest.raises(BadInput, match="belongs to another query"):
        store.runs("p", filter="order by metrics.loss", limit=2, token=token)
    for damaged in ("", "x", "é", token[:-3], "W10", "bnVsbA"):
        with pytest.raises(BadInput, match="token"):
            store.runs(filter="order by metrics.loss", limit=2, token=damaged)


def test_relative_times_mean_the_same_on_each_page(store, monkeypatch):
    """The token carries the time of the first page's query."""
    first = store.runs(filter="start_time > 1h", limit=4)
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 48 * 3600 * 10**9)
    assert store.runs(filter="start_time > 1h") == []
    following = store.runs(filter="start_time > 1h", limit=4, token=first.token)
    assert [run.name for run in following] == ["r3", "r2", "r1", "r0"]


def test_keys_that_no_run_has_are_said_with_the_nearest_names(store):
    runs = store.runs(filter="metrics.los < 1 and params.optt = 'x' and tags.zzzzzz = 'a'")
    assert runs == []
    assert runs.hints == [
        "no run has a metric 'los'; nearest: 'loss'",
        "no run has a param 'optt'; nearest: 'opt', 'text'",
        "no run has a tag 'zzzzzz'; and none like it",
    ]
    assert store.runs(filter="not metrics.los < 1 or metrics.loss < 9").hints
    assert store.runs(filter="metrics.loss < -99999").hints == []
    assert str(runs).splitlines()[-1] == runs.hints[-1]


def test_what_cannot_be_asked_is_refused(store):
    for arguments in (
        {"filter": "metrics.loss <"},
        {"order_by": "metrics.loss down"},
        {"filter": "order by name", "order_by": "name"},
        {"filter": "group by config.opt"},
        {"limit": -1},
    ):
        with pytest.raises(BadInput):
            store.runs(**arguments)
    with pytest.raises(BadInput, match="group by"):
        store.groups("metrics.loss < 1")


def test_runs_print_as_a_table_with_what_was_named(store):
    runs = store.runs(filter="metrics.loss >= 1 and config.opt = 'sgd' order by metrics.loss")
    lines = str(runs).splitlines()
    assert lines[0].split() == [
        "name", "id", "project", "status", "started", "metrics.loss", "config.opt",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[1:]] == ["r0", "r6", "r2"]
    assert lines[3].split()[-2:] == ["inf", "sgd"]
    assert repr(runs) == str(runs)


def test_runs_become_data_frames(store):
    """Of one type a column; NaN stays a number, and what a run does not have is missing."""
    runs = store.runs(order_by="name")
    pandas, polars, arrow = runs.to_pandas(), runs.to_polars(), runs.to_arrow()
    assert list(pandas["name"]) == polars["name"].to_list() == arrow["name"].to_pylist() == NAMES
    losses = polars["metrics.loss"].to_list()
    assert losses[5] is None
    assert math.isnan(losses[1])
    assert losses[2:4] == [math.inf, -math.inf]
    assert polars["config.mixed"].to_list()[:2] == ["t0", "1"]
    assert polars["config.sizes"].to_list()[3] == "[1, 3]"
    assert polars["config.flag"].to_list()[:2] == [False, True]
    assert str(pandas["started_at"].dtype).startswith("datetime64")
    assert pandas.shape[0] == arrow.num_rows == len(runs)
    assert store.runs("none").to_polars().shape[0] == 0


def test_a_frame_of_a_package_that_is_absent_says_what_to_install(store, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(BadInput, match="pip install polars"):
        store.runs().to_polars()


def test_groups_have_figures_over_their_runs(store):
    groups = store.groups(
        "metrics.loss < 9 and metrics.loss > 0 group by config.opt "
        "aggregate mean(metrics.loss), std, min, max, sum, median, count"
    )
    assert [group.by for group in groups] == [{"config.opt": "adam"}, {"config.opt": "sgd"}]
    assert groups[0].figures == {
        "mean(metrics.loss)": 2.0, "std(metrics.loss)": None, "min(metrics.loss)": 2.0,
        "max(metrics.loss)": 2.0, "sum(metrics.loss)": 2.0, "median(metrics.loss)": 2.0, "count": 1,
    }  # fmt: skip
    sgd = groups[1].figures
    assert (sgd["mean(metrics.loss)"], sgd["median(metrics.loss)"], sgd["count"]) == (1.5, 1.0, 3)
    assert sgd["std(metrics.loss)"] == pytest.approx(1.3228756555)
    assert str(groups).splitlines()[0].split()[0] == "config.opt"
    assert groups.to_polars().shape == (2, 8)


def test_groups_tell_numbers_from_texts_and_are_ordered(store):
    by = [group.by["config.gone"] for group in store.groups("group by config.gone")]
    assert by == [0, 2, 4, 6, None]
    ordered = store.groups("group by project aggregate max(config.lr) order by max(config.lr)")
    assert [group.by["project"] for group in ordered] == ["q", "p"]
    counted = store.groups("group by status order by count desc")
    assert [(group.by["status"], group.figures["count"]) for group in counted] == [
        ("finished", 7),
        ("failed", 1),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_random_filters_find_what_python_finds(store, monkeypatch, seed):
    """A model in Python, three-valued as SQL is, agrees on and, or, not and every sign."""
    print("seed", seed)  # noqa: T201 - shown when it fails
    monkeypatch.setattr(search, "FEW", seed % 2 * 5)
    dice = random.Random(seed)
    runs = list(reversed(list(enumerate(LOSSES))))
    for _ in range(40):
        text, model = tree(dice, 3)
        names = [f"r{number}" for number, loss in runs if model(number, loss) is True]
        assert found(store, text).split() == names, text


def tree(dice, depth):
    """A filter, and what it says of a run: True, False or None."""
    kind = dice.choice(("loss", "lr", "opt", "and", "or", "not")) if depth else "loss"
    if kind == "not":
        text, inner = tree(dice, depth - 1)
        return f"not ({text})", lambda *run: None if inner(*run) is None else not inner(*run)
    if kind in ("and", "or"):
        parts = [tree(dice, depth - 1) for _ in range(2)]
        stop = kind == "or"

        def joined(*run):
            said = [model(*run) for _, model in parts]
            return stop if stop in said else None if None in said else not stop

        return f"({parts[0][0]}) {kind} ({parts[1][0]})", joined
    sign = dice.choice(("=", "!=", "<", "<=", ">", ">="))
    if kind == "opt":
        return f"config.opt {sign} 'sgd'", lambda n, _: compared(
            "adam" if n % 2 else "sgd", sign, "sgd"
        )
    if kind == "lr":
        number = 10.0 ** -dice.randrange(9)
        return f"params.lr {sign} {number!r}", lambda n, _: compared(10.0**-n, sign, number)
    number = dice.choice((0.0, 0.5, 1.0, 2.5, math.inf))
    return f"metrics.loss {sign} {number}", lambda _, loss: compared(loss, sign, number)


def compared(value, sign, other):
    if value is None or value != value:  # noqa: PLR0124 - NaN fulfils nothing
        return None
    return {"=": value == other, "!=": value != other, "<": value < other, "<=": value <= other,
            ">": value > other, ">=": value >= other}[sign]  # fmt: skip


def test_select_reads_the_views(store):
    names, rows = store.select("SELECT name, status FROM runs ORDER BY name LIMIT 1")
    assert (names, rows) == (["name", "status"], [("r0", "finished")])
    numbers = store.select("SELECT number FROM config WHERE key = 'text' AND number IS NOT NULL")
    assert numbers.rows == []
    assert ("runs", "id, project, name") in [(v, c[:17]) for v, c in store.views().rows]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM run", "UPDATE run SET name = 'x'", "CREATE TABLE t (x)", "DROP VIEW runs",
        "CREATE TEMP TABLE t (x)", "ATTACH 'other.db' AS other", "PRAGMA query_only = OFF",
        "VACUUM INTO 'copy.db'", "INSERT INTO runs (id) VALUES (1)", "BEGIN EXCLUSIVE",
        "SELECT load_extension('x')", "SELECT 1; DELETE FROM run", "SELCT 1", "", "SELECT nothing",
    ],
)  # fmt: skip
def test_select_refuses_all_but_reading(store, tmp_path, monkeypatch, sql):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput):
        store.select(sql)
    assert list(tmp_path.iterdir()) == []
    assert len(store.runs()) == len(LOSSES)


def test_a_connection_of_the_index_cannot_write_even_without_our_checks(store):
    connection = store.index.connection()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM run")
    connection.close()


def test_a_select_that_takes_too_long_is_stopped(store):
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT sum(x) FROM c"
    with pytest.raises(StoreError, match=r"longer than 0\.2 s"):
        store.select(endless, seconds=0.2)


def test_the_index_opens_in_datasette(store):
    """Its views are pages there, served from a file that is not changed."""
    import asyncio  # noqa: PLC0415 - for this test alone

    from datasette.app import Datasette  # noqa: PLC0415 - a second that only this test needs

    store.index.catch_up()
    served = Datasette([str(store.folder.index)])

    async def read():
        await served.invoke_startup()
        answer = await served.client.get("/index/runs.json?_shape=array&_sort=name")
        return answer.status_code, answer.json()

    status, rows = asyncio.run(read())
    assert status == 200
    assert [row["name"] for row in rows] == NAMES
