"""What every bench logs: ten scalars under names that trainings use, from a fixed seed."""

from __future__ import annotations

import random

KEYS = (
    "train/loss", "train/accuracy", "train/grad_norm", "val/loss", "val/accuracy",
    "val/precision", "val/recall", "val/f1", "optim/lr", "time/step_s",
)  # fmt: skip


def rows(count: int) -> list[dict[str, float]]:
    """Return `count` dicts of ten scalars, the same in every process."""
    source = random.Random(20_261)
    return [{key: source.random() for key in KEYS} for _ in range(count)]
