"""A sink knows one platform: what two of them need stands beside them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import syncd.sinks

ROOT = Path(syncd.sinks.__file__).parent
SINKS = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))


def imported(path: Path) -> set[str]:
    """Names of all modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("sink", SINKS)
def test_no_sink_imports_another_or_the_platform_itself(sink):
    """Nor anything of its platform's own client."""
    assert len(SINKS) >= 2
    for path in (ROOT / sink).rglob("*.py"):
        for name in imported(path):
            assert name.split(".")[0] not in SINKS
            if name.startswith("syncd.sinks.") and name.split(".")[2] in SINKS:
                assert name.split(".")[2] == sink, f"{path} imports {name}"
