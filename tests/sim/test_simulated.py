"""Whatever a story brings, everything arrives once, soon after faults stop: the even blocks.

The odd ones are in `test_simulated_more`, so that two processors share them.
"""

from __future__ import annotations

import pytest

from tests.sim.story import BLOCKS, stories


@pytest.mark.parametrize("block", range(0, BLOCKS, 2))
def test_everything_arrives_once_whatever_happens(block):
    stories(block)
