"""Entries read together: what each for itself gives, on sound, odd, crafted and damaged files."""

import io
import json
import random

import pytest

from tests.wandb_material import Made
from tracker.artifacts import Blobs
from tracker.integrations.wandb import translation
from tracker.integrations.wandb.beginning import begun
from tracker.integrations.wandb.framing import Damage, Writer, read
from tracker.integrations.wandb.records import Parser, number_of
from tracker.integrations.wandb.rows import Rows
from tracker.integrations.wandb.source import Source
from tracker.integrations.wandb.translation import Translation

PARSER = Parser()
NAMES = ("loss", "acc", "val/loss", "é", 'quo"te', "k" * 130, "_wandb", "\n\x12", "\\", "a", "x")
ODD = (
    "NaN", "null", '"text"', "[1,2]", "1,2", "", "01", "1e999", str(2**70), " 7", "true",
    '1,"a":2', '1},{"a":2', "1},{", '"', '{"c":1}', "\x12\x00\x82\x82", "1\x12\x02\x08\x01",
)  # fmt: skip
STEPS = (0, 10, 18, 127, 128, 130, 16_384, 2**40)


def row(rng, step):
    """A history as the client writes it, now and then with something odd in it."""
    record = PARSER.new()
    texts = {name: repr(rng.random()) for name in rng.sample(NAMES[:4], rng.randrange(1, 4))}
    texts |= {"_step": str(step), "_timestamp": repr(1.79e9 + step % 999 / 7), "_runtime": "1.5"}
    if rng.random() < 0.05:
        texts[rng.choice(NAMES)] = rng.choice(ODD)
    if rng.random() < 0.03:
        texts.pop(rng.choice(list(texts)))
    for name in rng.sample(list(texts), len(texts)):
        for _ in range(1 + (rng.random() < 0.005)):
            item = record.history.item.add(value_json=texts[name])
            item.nested_key.extend(["n", name] if rng.random() < 0.005 else [name])
    record.history.step.num = step
    return record


def summary(rng):
    """As the client computes it or, rarely, as the script sets it."""
    record = PARSER.new()
    item = record.summary.update.add(value_json=repr(rng.random()))
    item.nested_key.append("loss")
    if rng.random() < 0.05:
        record._info.stream_id = "s"
    return record


def others(rng, step):
    """Something that is no row."""
    record = PARSER.new()
    kind = rng.randrange(4)
    if kind == 0:
        record.output_raw.line = f"line {step}\n"
    elif kind == 1:
        record.stats.item.add(key="cpu", value_json="3.5")
        record.stats.timestamp.seconds = 1_790_000_000 + step % 999
    elif kind == 2 and rng.random() < 0.1:
        record.metric.name, record.metric.summary.min = "loss", True
    else:
        record.telemetry.python_version = "3"
    return record


def entries(rng, count):
    """Serialised records of a run, numbered as the client does, but for a few."""
    made = [bytes(item.data) for item in read(io.BytesIO(Made("r").content))]
    jumps = rng.random() < 0.5
    number = 1
    for at in range(count):
        step = rng.choice(STEPS) if rng.random() < 0.1 else at
        chance = rng.random()
        record = row(rng, step) if chance < 0.5 else summary(rng)
        if chance > 0.97:
            record = others(rng, step)
        number += 1 + (jumps and rng.random() < 0.02) * rng.randrange(300)
        record.num = number if not jumps or rng.random() > 0.01 else 0
        made.append(record.SerializeToString())
    return made


def framed(contents):
    file = io.BytesIO()
    writer = Writer(file)
    for content in contents:
        writer.write(content)
    return file.getvalue()


def crafted(rng, contents):
    """Entries with bytes changed in them, whose checksums are right all the same."""
    for at in range(1, len(contents)):
        if rng.random() < 0.1 and contents[at]:
            content = bytearray(contents[at])
            for _ in range(rng.randrange(1, 4)):
                content[rng.randrange(len(content))] = rng.choice((*b'\x82\x12\x0a\x08,{}"1', 0))
            contents[at] = bytes(content)
    return contents


def damaged(rng, content):
    """A file with bytes changed in it, then cut short, or not."""
    content = bytearray(content)
    for _ in range(rng.randrange(6)):
        at = rng.randrange(2_000, len(content))
        content[at : at + rng.choice((1, 40, 5_000))] = rng.randbytes(rng.choice((1, 40)))
    return bytes(content[: rng.choice((len(content), rng.randrange(2_000, len(content))))])


def alone(log):
    """The entries of a file by their numbers, as they are read one by one."""
    found, last = [], 0
    with log.open("rb") as file:
        for item in read(file):
            if not isinstance(item, Damage):
                last = max(number_of(item.data), last + 1)
                found.append((last, item.data))
    return found


def told(log, groups, known, tmp_path):
    """All that a translation says of entries, those before `known` only learnt."""
    blobs = Blobs(tmp_path / "blobs")
    there = Translation(log, begun(log, PARSER), PARSER, blobs, links=False)
    events = []
    for first, content in groups:
        before = min(max(known - first + 1, 0), len(content))
        there.learn(content[:before])
        for number, made in there.events(content[before:]):
            events += made
            assert number
    return events, there.time, there.left_out, there.exit_code, there._summary, there._computes


@pytest.mark.parametrize("seed", range(12))
def test_together_is_as_alone(seed, tmp_path, monkeypatch):
    """Numbers, events, times and what is left out are the same, whatever is in the file."""
    rng = random.Random(seed)
    contents = entries(rng, rng.choice((300, 900)))
    if seed % 3 == 1:
        contents = crafted(rng, contents)
    content = framed(contents)
    (tmp_path / "files").mkdir()
    log = tmp_path / "run-r.wandb"
    log.write_bytes(damaged(rng, content) if seed % 3 == 2 else content)
    source = Source(log)
    groups = list(source.more())
    each = [(at + n, one) for at, many in groups for n, one in enumerate(many)]
    assert each == alone(log), seed
    known = rng.choice((0, rng.randrange(1, each[-1][0])))
    together = told(log, groups, known, tmp_path)
    monkeypatch.setattr(translation, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(Rows, "many", lambda *_: None)
    singly = told(log, [(at, [one]) for at, one in each], known, tmp_path)
    assert repr(together) == repr(singly), seed  # types, the order of keys and NaN too
    if seed % 3 != 1:  # protobuf refuses what is crafted and the short way need not
        monkeypatch.setattr(Rows, "plain", lambda *_: None)
        assert repr(together) == repr(told(log, [(at, [one]) for at, one in each], known, tmp_path))


def test_large_entries_are_handed_out_a_few_at_a_time(tmp_path):
    """Else a file of large ones would be in memory whole."""
    log = tmp_path / "run-r.wandb"
    log.write_bytes(framed([bytes(300_000)] * 20 + [b"small"] * 1_000))
    handed = [many for _, many in Source(log).more()]
    assert sum(map(len, handed)) == 1_020
    assert max(sum(map(len, many)) for many in handed) < 1_500_000
    assert max(map(len, handed)) < 5_000


def test_plain_rows_are_read_together():
    """Else the quick way is not taken and nobody sees it."""
    rng = random.Random(3)
    contents = []
    for step in range(100):
        record = PARSER.new()
        names = rng.sample(["a", "b", "_step", "_timestamp", "_runtime"], 5)
        for name in names:
            text = str(step) if name == "_step" else "1.5"
            record.history.item.add(value_json=text).nested_key.append(name)
        record.history.step.num, record.num = step, step + 1
        contents.append(record.SerializeToString())
    rows = Rows()
    found = rows.many(contents)
    assert found == [(step, 1_500_000_000, {"a": 1.5, "b": 1.5}) for step in range(100)]
    singly = [rows.plain(content) for content in contents]
    assert json.dumps([[*r[:2], r[2]] for r in found]) == json.dumps(
        [[r.step, r.time, r.values[0]] for r in singly]
    )


@pytest.mark.parametrize("text", ['1,"b":2', '1},{"b":2', "1},{", "1,2", '"b":1', "", "[1]", "1]"])
def test_no_text_gets_a_value_into_another_place(text):
    """JSON that would be sound in its surroundings only is left to the long way."""
    contents = []
    for step in range(4):
        record = PARSER.new()
        given = {"a": text if step == 2 else "1", "b": "3", "_step": str(step)}
        for name, value in given.items():
            record.history.item.add(value_json=value).nested_key.append(name)
        record.history.step.num, record.num = step, step + 1
        contents.append(record.SerializeToString())
    rows = Rows()
    assert rows.many(contents[:2]) is not None
    assert rows.many(contents) is None
