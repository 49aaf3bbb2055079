"""Whatever a story brings, everything arrives once, soon after faults stop: the odd blocks."""

from __future__ import annotations

import pytest

from tests.sim.story import BLOCKS, stories


@pytest.mark.parametrize("block", range(1, BLOCKS, 2))
def test_everything_arrives_once_whatever_happens(block):
    stories(block)
