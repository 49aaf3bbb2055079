"""What people log becomes what they meant, and nothing they give makes it raise."""

from __future__ import annotations

import argparse
import decimal
import enum
import fractions
import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from tracker.errors import BadInput
from tracker.values import NOTHING, brief, configured, flatten, logged, mapping_of, text_of, whole


class Tensor:
    """As torch's: `size` is a method, one element has `item`, several raise."""

    def __init__(self, value, count=1):
        self.value, self.count = value, count

    def size(self):
        return self.count

    def item(self):
        if self.count != 1:
            raise RuntimeError("a Tensor with 2 elements cannot be converted to Scalar")
        return self.value

    def __float__(self):
        return float(self.item())


class Raises:
    def __float__(self):
        raise RuntimeError("device lost")

    def __repr__(self):
        raise RuntimeError("no words")


class Number(enum.IntEnum):
    SEVEN = 7


class Name(str, enum.Enum):
    ADAM = "adam"


class HalfText(str):
    __slots__ = ()


LOGGED = [
    (1, 1), (True, True), (0.5, 0.5), (2**63 - 1, 2**63 - 1), (-(2**63), -(2**63)),
    (2**63, 2**63), (2**64 - 1, 2**64 - 1), (2**64, 2.0**64), (10**400, None), (Number.SEVEN, 7),
    (np.float64(0.1), 0.1), (np.float32(0.5), 0.5), (np.float16(2), 2.0), (np.int64(-3), -3),
    (np.uint64(2**64 - 1), 2**64 - 1), (np.bool_(True), True), (np.array(1.5), 1.5),
    (np.array([[2]]), 2), (np.array([1, 2]), None), (np.array([]), None), (np.str_("a"), "a"),
    (np.longdouble(0.5), 0.5), (np.complex64(1j), None), (np.datetime64("2020"), None),
    (decimal.Decimal("0.25"), 0.25), (fractions.Fraction(1, 4), 0.25),
    (Tensor(0.5), 0.5), (Tensor(3), 3), (Tensor(True), True), (Tensor(1.0, 2), None),
    (Raises(), None), (None, None), ([1], None), (b"1", None), (bytearray(b"1"), None),
    (1j, None), (object(), None), ("text", "text"), ("a\ud800b", "a\\ud800b"),
    (Name.ADAM, "adam"), (HalfText("x"), "x"), (float, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "kept"), LOGGED, ids=[brief(v).partition(" at 0x")[0][:30] for v, _ in LOGGED]
)
def test_a_value_is_kept_as_the_number_or_text_it_is(value, kept):
    got = logged(value)
    assert got == kept
    assert type(got) is type(kept)


def test_nan_and_the_infinities_stay_what_they_are():
    for value in (math.nan, np.float32("nan"), decimal.Decimal("NaN"), Tensor(math.nan)):
        assert math.isnan(logged(value))
    for value in (math.inf, np.float64("inf"), decimal.Decimal("Infinity")):
        assert logged(value) == math.inf
    assert logged(-np.inf) == -math.inf


STEPS = [
    (3, 3), (True, 1), (np.int64(2**53 + 1), 2**53 + 1), (np.array(4), 4), (2.0, 2),
    (np.float32(5), 5), (Tensor(6), 6), (Tensor(6.0), 6), (2.5, None), (math.nan, None),
    (math.inf, None), (1e30, None), (2**63 - 1, 2**63 - 1), (-(2**63), -(2**63)), (2**63, None),
    ("3", None), (None, None), ([], None), (Raises(), None), (Number.SEVEN, 7),
]  # fmt: skip


@pytest.mark.parametrize(
    ("step", "number"), STEPS, ids=[brief(s).partition(" at 0x")[0][:30] for s, _ in STEPS]
)
def test_a_step_is_a_whole_number_of_64_bits_or_none(step, number):
    assert whole(step) == number
    assert type(whole(step)) in (int, type(None))


def test_nested_mappings_become_keys_with_slashes():
    nested = {"a": {"b": 1, "c": {"d": 2}}, "e": 3, "f": {}}
    assert [(k, v) for k, v, _ in flatten(nested)] == [("a/b", 1), ("a/c/d", 2), ("e", 3)]


def test_odd_keys_become_text_and_are_named():
    (found,) = flatten({3: 1})
    assert found == ("3", 1, "key 3 is recorded as '3'")
    assert [k for k, _, _ in flatten({"a\udfff": 1})] == ["a\\udfff"]


def test_what_contains_itself_or_is_too_deep_ends_and_is_named():
    loop = {"x": 1}
    loop["again"] = loop
    found = list(flatten(loop))
    assert sum(problem is None for _, _, problem in found) == 32
    assert ["32 levels" in problem for _, _, problem in found if problem] == [True]
    deep = {"x": 1}
    for _ in range(10_000):
        deep = {"d": deep}
    ((_, _, problem),) = flatten(deep)
    assert "32 levels" in problem
    wide = {}
    wide["a"] = wide["b"] = wide
    found = list(flatten(wide))
    assert len(found) <= 100_001
    assert "more than 100,000 keys" in found[-1][2]


def test_of_too_many_keys_the_first_are_kept_and_it_is_said():
    found = list(flatten({str(n): n for n in range(100_001)}))
    assert sum(problem is None for _, _, problem in found) == 100_000
    assert found[-1][1:] == (NOTHING, "more than 100,000 keys in one call; the rest is left out")


def test_settings_become_json_and_what_has_no_form_its_text():
    itself = []
    itself.append(itself)
    assert configured((1, "a", None, {"x": {2}}), []) == [1, "a", None, {"x": [2]}]
    assert configured(np.arange(3), []) == [0, 1, 2]
    assert configured(np.array([5]), []) == [5]
    assert configured(range(2), []) == [0, 1]
    assert configured(Tensor(0.5), []) == 0.5
    assert configured(float, []) == "<class 'float'>"
    assert configured(Raises(), []) == "<Raises>"
    assert configured(10**30, []) == str(10**30)
    assert isinstance(configured(itself, []), list)


def test_a_config_may_be_a_namespace_or_a_dataclass_with_more_inside():
    @dataclass
    class Optimizer:
        lr: float = 0.1

    @dataclass
    class Settings:
        name: str = "a"
        optim: Optimizer = field(default_factory=Optimizer)

    assert mapping_of(Settings()) == {"name": "a", "optim": {"lr": 0.1}}
    assert mapping_of(argparse.Namespace(x=1, o=Optimizer())) == {"x": 1, "o": {"lr": 0.1}}
    for bad in (3, "text", [1], Settings, None):
        with pytest.raises(BadInput, match="give a dict"):
            mapping_of(bad)


def test_a_brief_text_is_brief_and_never_raises():
    assert brief("x" * 1_000_000).endswith("...")
    assert len(brief("x" * 1_000_000)) < 100
    assert brief(Raises()) == "<Raises>"
    assert text_of(3) == "3"
