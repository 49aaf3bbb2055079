"""Taking wandb's place: `import wandb` gives this face, for scripts that stay as they are.

`tracker run --as-wandb` puts the folder `shim` first on PYTHONPATH. Its package `wandb` calls
`turn`. Integrations that wandb itself brings (`wandb.integration.xgboost` and others) are taken
from an installed wandb, if there is one, and work on this face.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

from tracker.wandb.places import place

SHIM = Path(__file__).parent / "shim"
"""The folder that holds the package `wandb` and its metadata."""

_OURS = ("plot",)
"""Modules of wandb's that are modules here."""


class Finder(MetaPathFinder):
    """Finds the modules below `wandb`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Give the module's spec; None for what is not below `wandb`.

        Raises:
            ModuleNotFoundError: nothing here stands for that module.
        """
        del path, target
        top, _, name = fullname.partition(".")
        if top != "wandb" or not name or name.startswith("integration."):
            return None
        if name == "integration":
            return _installed(fullname)
        module = importlib.import_module(f"tracker.wandb.{name}") if name in _OURS else place(name)
        if module is None:
            raise ModuleNotFoundError(
                f"{fullname} is not supported on tracker, which stands for wandb here "
                "(tracker run --as-wandb).", name=fullname,
            )  # fmt: skip
        return spec_from_loader(fullname, _Given(module), is_package=hasattr(module, "__path__"))


class _Given(Loader):
    """Gives a module that is there already."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Give it."""
        del spec
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing more."""


def _installed(fullname: str) -> ModuleSpec:
    """Find the integrations of an installed wandb."""
    others = [str(Path(entry, "wandb")) for entry in sys.path if Path(entry) != SHIM]
    found = PathFinder.find_spec(fullname, others)
    if found is None:
        raise ModuleNotFoundError(
            f"{fullname} comes with the package wandb itself. Install it beside tracker, which "
            "goes on standing for it: pip install wandb", name=fullname,
        )  # fmt: skip
    return found


def turned() -> bool:
    """Whether `import wandb` gives this face in this process."""
    return any(isinstance(finder, Finder) for finder in sys.meta_path)


def turn() -> None:
    """Have `import wandb` give this face from now on."""
    if not turned():
        sys.meta_path.insert(0, Finder())
    sys.modules["wandb"] = importlib.import_module("tracker.wandb")
