"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("msgspec", "numpy", "mlflow", "wandb", "trackio", "tensorboardX")


def facts() -> dict[str, str]:
    """Return cores, processor, memory, system, file system of the temporary folder, versions."""
    told = {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _line("/proc/cpuinfo", "model name") or platform.machine(),
        "memory": _line("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.release()}",
        "file system": _file_system(),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
    return told | {package: _version(package) for package in PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _line(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def _file_system() -> str:
    asked = ["stat", "--file-system", "--format", "%T", tempfile.gettempdir()]
    told = subprocess.run(asked, check=False, capture_output=True, text=True)
    return told.stdout.strip() or "unknown"
