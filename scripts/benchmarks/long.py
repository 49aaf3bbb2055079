"""One very long run: what it costs its process as it goes on, and its bytes raw and packed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.benchmarks.process import fresh, interleaved
from scripts.benchmarks.table import show


def measure(points: int, **_: Any) -> dict[str, Any]:
    """Take the figures, once, and print them."""
    name = f"{points:,} points"
    taken = interleaved([name], 1, lambda _, folder: _lived(folder / "store", points))
    found = taken[name]
    show(
        f"one run of {name}, ten random scalars a call, one round",
        ("log", "p50 us", "p99 us", "max ms"),
        [(part, found[f"{part}_p50_us"], found[f"{part}_p99_us"], found[f"{part}_max_ms"])
         for part in ("first", "last")],
        "first and last million points (a tenth of the run where that is less), "
        f"last to first: p50 {found['p50_ratio']:.2f}, p99 {found['p99_ratio']:.2f}",
    )  # fmt: skip
    show(
        "the same run", ("", "figure"),
        [("calls per second", int(found["calls_per_s"])),
         ("resident MB at 1 %", found["rss_1_mb"]),
         ("resident MB at 50 %", found["rss_50_mb"]),
         ("resident MB at 100 %", found["rss_100_mb"]),
         ("finish, ms", found["finish_ms"]),
         ("bytes per point, raw", found["raw_bytes"]),
         ("bytes per point, packed", found["packed_bytes"]),
         ("seconds to pack", found["pack_s"]),
         ("MB per second packed", found["pack_mb_per_s"])],
        "finish includes the sync of what the last half second wrote",
    )  # fmt: skip
    return taken


def _lived(store: Path, points: int) -> dict[str, Any]:
    lived = fresh("living", store, points)
    raw = _size(store)
    packed = fresh("packed", store, points)
    return lived | packed | {
        "raw_bytes": raw / points,
        "packed_bytes": _size(store) / points,
        "pack_mb_per_s": raw / 1e6 / packed["pack_s"],
        "p50_ratio": lived["last_p50_us"] / lived["first_p50_us"],
        "p99_ratio": lived["last_p99_us"] / lived["first_p99_us"],
    }  # fmt: skip


def _size(store: Path) -> int:
    return sum(file.stat().st_size for file in store.glob("journals/*/*.seg"))
