"""Modules of wandb in which scripts and integrations look for names, made of what is here."""

from __future__ import annotations

import contextlib
import enum
import functools
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from tracker.wandb import artifact, audio, chart, configs, documents, errors, said, summaries
from tracker.wandb.histogram import Histogram
from tracker.wandb.image import Classes, Image
from tracker.wandb.media import Media
from tracker.wandb.runs import Run
from tracker.wandb.settings import Settings
from tracker.wandb.table import Table


class AlertLevel(enum.Enum):
    """How much an alert matters."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class RunDisabled:
    """No run is of this class: a disabled one is a Run, too. Integrations ask for it."""


@contextlib.contextmanager
def _telemetry(run: Any = None, obj: Any = None) -> Iterator[SimpleNamespace]:
    """Take what an integration notes about its use; it goes nowhere."""
    del run, obj
    yield SimpleNamespace(feature=SimpleNamespace(), env=SimpleNamespace())


def _module(name: str, required: str | None = None, lazy: bool = True) -> Any:
    """Give a module, None where it is not there and not required."""
    del lazy
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if required:
            raise errors.CommError(required) from error
        return None


_TYPES: dict[str, Any] = {
    "Audio": audio.Audio, "Classes": Classes, "Histogram": Histogram, "Html": documents.Html,
    "Image": Image, "Molecule": documents.Molecule, "Object3D": documents.Object3D,
    "Plotly": documents.Plotly, "Table": Table, "Video": audio.Video, "WBValue": Media,
    "Media": Media,
}  # fmt: skip
_ERRORS: dict[str, Any] = {
    "Error": errors.Error, "UsageError": errors.UsageError, "CommError": errors.CommError,
}  # fmt: skip
_TERM: dict[str, Any] = {
    "termlog": said.termlog, "termwarn": said.termwarn, "termerror": said.termwarn,
}  # fmt: skip

_NAMES: dict[str, dict[str, Any]] = {
    "data_types": _TYPES,
    "env": {"WANDB_PROJECT": "WANDB_PROJECT", "PROJECT": "WANDB_PROJECT"},
    "errors": _ERRORS,
    "errors.errors": _ERRORS,
    "errors.term": _TERM,
    "sdk": {"Settings": Settings, "Artifact": artifact.Artifact},
    "sdk.artifacts": {},
    "sdk.artifacts.artifact": {"Artifact": artifact.Artifact},
    "sdk.data_types": _TYPES,
    "sdk.data_types.base_types": {},
    "sdk.data_types.base_types.media": {"Media": Media, "BatchableMedia": Media},
    "sdk.data_types.base_types.wb_value": {"WBValue": Media},
    "sdk.lib": {"RunDisabled": RunDisabled},
    "sdk.lib.config_util": {"ConfigError": errors.ConfigError},
    "sdk.lib.disabled": {"RunDisabled": RunDisabled},
    "sdk.lib.paths": {"StrPath": str | Path},
    "sdk.lib.telemetry": {"context": _telemetry},
    "sdk.wandb_alerts": {"AlertLevel": AlertLevel},
    "sdk.wandb_config": {"Config": configs.Config},
    "sdk.wandb_run": {"Run": Run},
    "sdk.wandb_settings": {"Settings": Settings},
    "sdk.wandb_summary": {"Summary": summaries.Summary},
    "util": {"get_module": _module, "add_import_hook": lambda *_: None},
    "viz": {"CustomChart": chart.CustomChart},
    "wandb_run": {"Run": Run},
}
"""Names by module, without "wandb." before it. A module also has those below it."""


@functools.cache
def place(name: str) -> ModuleType | None:
    """Give the module of this name, "sdk.lib" and the like; None if there is none."""
    if name not in _NAMES:
        return None
    module = ModuleType(f"wandb.{name}", "Stands for the module of wandb of this name.")
    module.__path__ = []
    module.__dict__.update(_NAMES[name])
    for below in _NAMES:
        above, _, last = below.rpartition(".")
        if above == name:
            setattr(module, last, place(below))
    return module
