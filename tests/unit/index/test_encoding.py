"""A column comes back from its encoding to the bit, and common ones take few bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.index.encoding import decode_floats, decode_ints, encode_floats, encode_ints

INT64 = st.integers(-(2**63), 2**63 - 1)
ANY_FLOAT = st.integers(0, 2**64 - 1).map(lambda bits: np.uint64(bits).view(np.float64))
FLOAT32 = st.floats(width=32)
WHOLE = st.integers(-(2**60), 2**60).map(float)


def ints_back(column):
    out = np.empty(len(column), np.int64)
    decode_ints(encode_ints(column), out)
    return out


def floats_back(column):
    out = np.empty(len(column))
    decode_floats(encode_floats(column), out)
    return out


@given(st.lists(INT64, min_size=1) | st.lists(st.integers(0, 300), min_size=1))
def test_any_integers_come_back(numbers):
    column = np.array(numbers, np.int64)
    assert ints_back(column).tolist() == numbers


@given(
    st.lists(ANY_FLOAT, min_size=1)
    | st.lists(FLOAT32, min_size=1)
    | st.lists(WHOLE, min_size=1)
    | st.lists(st.sampled_from([0.0, -0.0, 1.0, float("nan")]), min_size=1)
)
def test_any_floats_come_back_to_the_bit(numbers):
    column = np.array(numbers, np.float64)
    assert floats_back(column).tobytes() == column.tobytes()


@pytest.mark.parametrize(
    ("column", "most"),
    [
        (np.full(4096, 0.1), 9),
        (np.arange(4096.0) * 3, 18),
        (np.random.default_rng(1).random(4096).astype(np.float32).astype(np.float64), 4 * 4096 + 1),
        (np.random.default_rng(1).random(4096), 8 * 4096 + 1),
    ],
    ids=["constant", "counter", "float32", "float64"],
)
def test_common_values_take_few_bytes(column, most):
    assert len(encode_floats(column)) <= most
    assert floats_back(column).tobytes() == column.tobytes()


def test_regular_steps_take_17_bytes_and_wall_times_some_2_a_row():
    assert len(encode_ints(np.arange(0, 40960, 10))) == 17
    dice = np.random.default_rng(2)
    times = np.cumsum(dice.integers(900_000, 960_000, 4096)) + 1_700_000_000_000_000_000
    assert len(encode_ints(times)) < 2.1 * 4096


@pytest.mark.parametrize("blob", [b"", b"?12345678", b"D" + b"\0" * 20, b"F1234567", b"C12"])
def test_a_damaged_blob_is_a_value_error(blob):
    with pytest.raises(ValueError, match=r"."):
        decode_floats(blob, np.empty(9))
    with pytest.raises(ValueError, match=r"."):
        decode_ints(blob, np.empty(9, np.int64))
