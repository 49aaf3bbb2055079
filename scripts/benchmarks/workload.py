"""What benches log: scalars under names that trainings use, from a fixed seed."""

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


def wide(count: int, scalars: int) -> list[dict[str, float]]:
    """Return `count` dicts of so many scalars, the same in every process."""
    source = random.Random(20_262)
    names = KEYS[:scalars] if scalars <= len(KEYS) else [f"layer/{n:04}" for n in range(scalars)]
    return [{name: source.random() for name in names} for _ in range(count)]
