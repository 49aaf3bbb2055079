"""Take the figures that the README states; see scripts/bench."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys

from scripts.benchmarks.machine import facts

FIGURES = {
    "log": "log",
    "calls": "calls",
    "training": "training",
    "import": "imports",
    "bytes": "size",
    "deliver": "deliver",
    "memory": "memory",
    "long": "long",
    "load": "load",
    "crowd": "crowd",
    "fleet": "fleet",
    "service": "service",
    "import-wandb": "taking",
    "media": "media",
    "exchange": "exchange",
    "sync": "sync",
    "compare": "comparing",
    "query": "finding",
    "history": "history",
    "top": "top",
}
ON_REQUEST = (
    "long", "load", "crowd", "fleet", "service", "import-wandb", "media", "exchange", "sync",
    "query", "history", "top",
)  # fmt: skip
"""They take minutes, some gigabytes: measured only where they are named."""


def main() -> None:
    """Run the figures named, or all."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME",
        help=f"of {', '.join(FIGURES)}; all but {', '.join(ON_REQUEST)}",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (3)")
    parser.add_argument("--points", type=int, default=100_000_000, help="long: how many (1e8)")
    parser.add_argument(
        "--runs",
        type=int,
        help="that wait: load (1,000), sync (100); crowd: at once (200); query (20,000)",
    )
    parser.add_argument("--each", type=int, help="load, sync: points of each run (10,000)")
    parser.add_argument(
        "--rows",
        type=int,
        default=100_000,
        help="import-wandb, media: calls; exchange: points",
    )
    parser.add_argument("--seconds", type=float, default=300.0, help="crowd: how long (300)")
    parser.add_argument("--rate", type=float, default=2.0, help="crowd: calls a second of each (2)")
    parser.add_argument("--daemons", type=int, default=10_000, help="fleet: how many (10,000)")
    parser.add_argument("--real", action="store_true", help="memory: a real MLflow server")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON alone")
    given = parser.parse_args()
    if unknown := set(given.names) - set(FIGURES):
        parser.error(f"there is no figure {unknown.pop()!r}; there are {', '.join(FIGURES)}")
    out = sys.stdout
    if given.json:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - the tables
    told = facts()
    print("\n".join(f"{name}: {value}" for name, value in told.items()))
    figures = {"machine": told}
    for name in given.names or [name for name in FIGURES if name not in ON_REQUEST]:
        module = importlib.import_module(f"scripts.benchmarks.{FIGURES[name]}")
        figures[name] = module.measure(**vars(given))
    if given.json:
        json.dump(figures, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
