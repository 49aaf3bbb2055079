"""Queries are read as the grammar says; what cannot be read is refused with a caret below it."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone

import pytest

from tracker.errors import BadInput
from tracker.query.language import Field, Figure, parse
from tracker.query.language.tree import Among, Both, Compare, IsNull, Like, Not

NOW = datetime(2026, 11, 26, 12, tzinfo=timezone.utc)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
LOSS = Field("metrics", "loss")
START = Field("attributes", "start_time")


def test_the_filter_that_the_documentation_shows_is_read():
    """MLflow's grammar: kinds, quoted keys, an order."""
    query = parse(
        "metrics.\"val/acc\" > 0.9 and params.lr < 1e-3 and tags.team = 'vision' and "
        "attributes.status = 'FINISHED' and start_time > '2026-11-01T00:00Z' "
        "order by metrics.loss asc, params.lr DESC",
        NOW,
    )
    assert query.filter == Both(
        "and",
        (
            Compare(Field("metrics", "val/acc"), ">", 0.9),
            Compare(Field("params", "lr"), "<", 0.001),
            Compare(Field("tags", "team"), "=", "vision"),
            Compare(Field("attributes", "status"), "=", "finished"),
            Compare(START, ">", datetime(2026, 11, 1, tzinfo=timezone.utc)),
        ),
    )
    assert [(order.by, order.descending) for order in query.order] == [
        (LOSS, False),
        (Field("params", "lr"), True),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metric.`a b`.min <= -1", Compare(Field("metrics", "a b", "min"), "<=", -1.0)),
        ("metrics.a.b.max<>.5", Compare(Field("metrics", "a.b", "max"), "!=", 0.5)),
        ('metrics."x.min" == inf', Compare(Field("metrics", "x.min"), "=", float("inf"))),
        ('params."say ""hi""" = "a\'b"', Compare(Field("params", 'say "hi"'), "=", "a'b")),
        ("run.`Run Name` = 'it''s'", Compare(Field("attributes", "name"), "=", "it's")),
        ("config.optim/lr = true", Compare(Field("config", "optim/lr"), "=", True)),
        ("status IN ('Crashed')", Among(Field("attributes", "status"), ("crashed",), False)),
        ("tags.a NOT LIKE 'x%'", Like(Field("tags", "a"), "x%", False, True)),
        ("tags.a ilike '%X'", Like(Field("tags", "a"), "%X", True, False)),
        ("summary.best is NOT null", IsNull(Field("summary", "best"), True)),
        ("not (exit_code = 1)", Not(Compare(Field("attributes", "exit_code"), "=", 1.0))),
        ("start_time > 7d", Compare(START, ">", NOW - timedelta(days=7))),
        ("created < '2h ago'", Compare(START, "<", NOW - timedelta(hours=2))),
        ("start_time < 1000", Compare(START, "<", EPOCH + timedelta(seconds=1))),
        ("duration > 2h", Compare(Field("attributes", "duration"), ">", 7200.0)),
        ("git.commit = 'abc'", Compare(Field("git", "commit"), "=", "abc")),
    ],
)  # fmt: skip
def test_conditions_are_read(text, expected):
    assert parse(text, NOW).filter == expected


def test_and_binds_closer_than_or():
    a, b, c = (Compare(Field("tags", name), "=", "1") for name in "abc")
    query = parse("tags.a = '1' or tags.b = '1' and tags.c = '1'")
    assert query.filter == Both("or", (a, Both("and", (b, c))))


def test_groups_have_figures_and_a_figure_without_a_field_is_of_the_one_before():
    query = parse(
        "group by config.lr, status aggregate mean(metrics.loss), std, count order by count"
    )
    assert query.filter is None
    assert query.groups == (Field("config", "lr"), Field("attributes", "status"))
    assert query.figures == (Figure("mean", LOSS), Figure("std", LOSS), Figure("count"))
    assert query.order[0].by == Figure("count")


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("metrics.loss <", 15, ("a value", "the end")),
        ("metrics.loss < 'a'", 16, ("is a number",)),
        ("metrics.loss ! 3", 14, ("'!' has no meaning",)),
        ("metrics.loss < 3 adn tags.x = 'a'", 18, ("and, or", "'adn'")),
        ("metrix.loss < 3", 1, ("no kind of field 'metrix'", "did you mean metric")),
        ("statsu = 'running'", 1, ("did you mean status",)),
        ("status = 'runing'", 10, ("did you mean 'running'", "crashed")),
        ("(metrics.loss < 3", 18, ("')'", "the end")),
        ("tags.x = 'abc", 10, ("has no end",)),
        ("tags.x = abc", 10, ("put a text in quotes: 'abc'",)),
        ("metrics.x < 12abc", 13, ("is no number",)),
        ("metrics.x like 'a'", 16, ("no text",)),
        ("metrics.x < nan", 13, ("= alone",)),
        ("metrics.x is nul", 14, ("null",)),
        ("start_time > 'soon'", 14, ("2026-11-24",)),
        ("metrics.x > 7d", 13, ("no time",)),
        ('params."x".min = 3', 12, ("no parts",)),
        ("params. = 3", 9, ("in quotes",)),
        ("artifact_uri = 'x'", 1, ("artifacts",)),
        ("tags.x = 'a' group by tags.x order by metrics.y", 39, ("grouped by",)),
        ("group by tags.x aggregate mean(status)", 32, ("is no number",)),
        ("group by tags.x aggregate average(metrics.y)", 27, ("mean, std",)),
        ("tags.x = '1'\n  and tags.y ? '2'", 27, ("'?'",)),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_a_caret_below_it(text, column, words):
    with pytest.raises(BadInput) as caught:
        parse(text, NOW)
    head, line, caret = str(caught.value).split("\n")
    assert f"column {column}:" in head
    for word in words:
        assert word in head
    at = caret.index("^") - 2
    assert line[2:] in text
    assert text.index(line[2:]) + at == column - 1


def test_of_a_long_query_what_stands_around_the_column_is_shown():
    text = " and ".join(f"metrics.m{number} < {number}" for number in range(50)) + " andd"
    with pytest.raises(BadInput) as caught:
        parse(text)
    _, line, caret = str(caught.value).split("\n")
    assert len(line) < 140
    assert line[caret.index("^") :].startswith("andd")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "tags.a = '1'" + ")" * 5000,
        "not " * 5000 + "tags.a = '1'",
        " and ".join(["tags.a = '1'"] * 1000),
        f"metrics.a in ({', '.join(['1'] * 2000)})",
        f"tags.a like '{'%a' * 1000}'",
        "order by " + ", ".join(["metrics.a"] * 50),
        "tags.a = '\udc80'",
        "x" * 200_000,
        "start_time > 99999999999999999999999",
        "host.`a\"b` = 'x'",
    ],
)
def test_what_is_too_much_for_sqlite_or_python_is_refused(text):
    with pytest.raises(BadInput):
        parse(text)


@pytest.mark.parametrize("seed", range(3))
def test_any_heap_of_tokens_is_read_or_refused(seed):
    """Nothing but BadInput comes out of a query, whatever stands in it."""
    print("seed", seed)  # noqa: T201 - shown when it fails
    dice = random.Random(seed)
    pieces = (
        "metrics.a", "params.", "tags", ".", '"b"', "`c`", "'d'", "1", "-2e3", "7d", "nan", "(",
        ")", ",", "<", "=", "!=", "and", "or", "not", "in", "like", "is", "null", "order", "by",
        "group", "aggregate", "mean", "count", "desc", "status", "start_time", "true", "é", "\x00",
    )  # fmt: skip
    text = "metrics.a < 1 and tags.b in ( 'x' , 'y' ) or not ( status is null ) order by id"
    whole = text.split()
    read = refused = 0
    for _ in range(3000):
        words = list(whole)
        for _ in range(dice.randint(0, 2)):
            words[dice.randrange(len(words))] = dice.choice(pieces)
        try:
            parse(" ".join(words[: dice.randint(3, 30)]))
            read += 1
        except BadInput as error:
            assert "^" in str(error)  # noqa: PT017 - a third is refused
            refused += 1
    assert read > 300
    assert refused > 300


@pytest.mark.parametrize("text", ["metrics.loss", 'metrics."a b".min', "config.optim/lr", "status"])
def test_a_field_is_named_as_a_query_names_it(text):
    (order,) = parse(f"order by {text}").order
    assert str(order.by) == text
