"""Records, and the classes that they need."""

import sys

import pytest

from tracker.errors import TrackerError
from tracker.integrations.wandb.records import Parser, flat, nested, number_of


def test_without_wandb_it_is_said_what_to_install(monkeypatch):
    """The extra is named where its classes cannot be imported."""
    monkeypatch.setitem(sys.modules, "wandb.proto.wandb_internal_pb2", None)
    with pytest.raises(TrackerError, match=r"pip install 'tracker-syncd\[wandb\]'"):
        Parser()


@pytest.mark.parametrize("number", [1, 127, 128, 300, 2**40])
def test_the_number_of_an_entry_is_that_of_its_record(number):
    """Also where it takes several bytes, and without parsing the rest."""
    record = Parser().new()
    record.num = number
    record.history.step.num = 5
    assert number_of(record.SerializeToString()) == number


@pytest.mark.parametrize("data", [b"", b"\x12\x00", b"\x08", b"\x08" + b"\xff" * 12])
def test_an_entry_without_a_number(data):
    """Has none, or one that no client reaches, which is none too."""
    assert number_of(data) in (0, *range(128))


def test_values_by_their_paths():
    """Nested and flat; a value in the way of a longer path gives way, wandb's own keys go."""
    given = [(("a",), 1), (("a", "b"), 2), (("c",), {"d": [1]}), (("_wandb", "x"), 3)]
    assert nested(given) == {"a": {"b": 2}, "c": {"d": [1]}, "_wandb": {"x": 3}}
    assert flat(given) == {"a/b": 2, "c/d": [1]}
