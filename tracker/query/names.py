"""Keys that a query names and no run has: said with the answer, with the nearest there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracker.index import Index
from tracker.query.conditions import KIND_NUMBERS, WORD
from tracker.query.language.tree import Both, Condition, Field, Not, Query
from tracker.query.nearest import nearest

_WORDS = {"metrics": "metric", "params": "param", "config": "config key", "summary": "summary key",
          "tags": "tag"}  # fmt: skip


def fields(query: Query) -> list[Field]:
    """Every field that a query names, once, in its order."""
    found = [*_of(query.filter), *query.groups]
    found += [figure.field for figure in query.figures if figure.field is not None]
    found += [order.by for order in query.order if isinstance(order.by, Field)]
    return list(dict.fromkeys(found))


def _of(tree: Condition | None) -> Iterator[Field]:
    if isinstance(tree, Both):
        for condition in tree.conditions:
            yield from _of(condition)
    elif isinstance(tree, Not):
        yield from _of(tree.condition)
    elif tree is not None:
        yield tree.field


def hints(index: Index, named: Sequence[Field]) -> list[str]:
    """A sentence for each key that no run of the store has, with the nearest names."""
    missing = [field for field in named if field.kind in _WORDS and not _is_there(index, field)]
    return [
        _sentence(_WORDS[field.kind], field.key, nearest(field.key, _all(index, field)))
        for field in dict.fromkeys(Field(one.kind, one.key) for one in missing)
    ]


def _sentence(what: str, key: str, near: list[str]) -> str:
    hint = f"nearest: {', '.join(map(repr, near))}" if near else "and none like it"
    return f"no run has a {what} {key!r}; {hint}"


def _source(field: Field, key: str) -> tuple[str, tuple[int, ...]]:
    if field.kind == "metrics":
        return f"SELECT 1 FROM metric WHERE key = {key}", ()  # noqa: S608 - ours
    there = f"kind = ? AND key = {key} AND value IS NOT NULL"
    return f"SELECT 1 FROM setting WHERE {there}", (KIND_NUMBERS[field.kind],)  # noqa: S608 - ours


def _is_there(index: Index, field: Field) -> bool:
    sql, kind = _source(field, WORD)
    return bool(index.query(f"{sql} LIMIT 1", (*kind, field.key)))


def _all(index: Index, field: Field) -> list[str]:
    sql, kind = _source(field, "word.id")
    rows = index.query(f"SELECT text FROM word WHERE EXISTS ({sql}) ORDER BY text", kind)  # noqa: S608 - ours
    return [text for (text,) in rows]
