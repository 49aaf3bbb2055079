"""wandb's calls, recorded by tracker: `import tracker.wandb as wandb` is all that changes.

    import tracker.wandb as wandb

    run = wandb.init(project="digits", config={"lr": 0.1})
    wandb.log({"loss": 0.5, "sample": wandb.Image("sample.png")})
    wandb.finish()

What is recorded is in the store, as with `tracker.init`; nothing goes over a network, and nobody
logs in. What wandb has and this face has not says so by its name, once, and does nothing.
`tracker run --as-wandb -- python train.py` does it without a change to the script.

Modules, each one noun: opening (init), runs, configs, summaries, sorting (what a log call
holds), media and its kinds (image, audio, table, histogram, documents), chart, plot and curves,
artifact and collection, watching, sweeps, settings; switch and places stand for wandb itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from tracker.wandb import current, errors, plot, switch
from tracker.wandb.artifact import Artifact
from tracker.wandb.audio import Audio, Video
from tracker.wandb.chart import CustomChart, plot_table
from tracker.wandb.configs import Config
from tracker.wandb.current import Before
from tracker.wandb.documents import Html, Molecule, Object3D, Plotly
from tracker.wandb.errors import CommError, Error, UsageError
from tracker.wandb.histogram import Histogram
from tracker.wandb.image import Classes, Image
from tracker.wandb.opening import finish, init, login
from tracker.wandb.places import AlertLevel, place
from tracker.wandb.runs import Run
from tracker.wandb.said import Absent, termlog, termwarn
from tracker.wandb.settings import Settings
from tracker.wandb.table import Table

__version__ = "0.31.0"
"""The version of wandb whose calls these are."""

__all__ = [
    "AlertLevel",
    "Artifact",
    "Audio",
    "Classes",
    "CommError",
    "Config",
    "CustomChart",
    "Error",
    "Histogram",
    "Html",
    "Image",
    "Molecule",
    "Object3D",
    "Plotly",
    "Run",
    "Settings",
    "Table",
    "UsageError",
    "Video",
    "alert",
    "define_metric",
    "errors",
    "finish",
    "init",
    "join",
    "log",
    "log_artifact",
    "log_model",
    "login",
    "mark_preempting",
    "plot",
    "plot_table",
    "require",
    "save",
    "setup",
    "teardown",
    "termerror",
    "termlog",
    "termwarn",
    "unwatch",
    "use_artifact",
    "use_model",
    "watch",
]

_NOT_HERE = {
    "Api": "Read with tracker.open() or tracker ls.",
    "ArtifactTTL": "",
    "EvalTable": "Use wandb.Table.",
    "Graph": "",
    "JoinedTable": "Use wandb.Table.",
    "agent": "Start runs with the agent of wandb itself: tracker run --as-wandb in its command.",
    "attach": "",
    "box3d": "Give boxes to wandb.Object3D as dicts.",
    "controller": "",
    "ensure_configured": "",
    "link_artifact": "",
    "link_model": "",
    "pin_config_keys": "",
    "restore": "Use wandb.use_artifact.",
    "sandbox": "",
    "sklearn": "Log with wandb.plot.",
    "sweep": "Make sweeps with wandb itself; their runs are recorded here.",
    "visualize": "Use wandb.plot_table.",
}
"""Names of wandb that do nothing here, and what does it instead."""

_INTEGRATIONS = (
    "catboost", "gym", "keras", "lightgbm", "sacred", "tensorboard", "tensorflow", "xgboost",
)  # fmt: skip
"""Modules that wandb itself brings."""

patched: dict[str, list[Any]] = {"tensorboard": [], "keras": [], "gym": []}
"""What wandb notes of libraries that it changed; nothing is changed here."""


def _of_run(name: str) -> Callable[..., Any]:
    """Give the call of this name of the run that `wandb.run` is."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(current.needed(f"wandb.{name}()"), name)(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Call `{name}` of the newest run; see `Run.{name}`. NoRun where there is none."
    return call


alert = _of_run("alert")
define_metric = _of_run("define_metric")
log = _of_run("log")
log_artifact = _of_run("log_artifact")
log_model = _of_run("log_model")
mark_preempting = _of_run("mark_preempting")
save = _of_run("save")
unwatch = _of_run("unwatch")
use_artifact = _of_run("use_artifact")
use_model = _of_run("use_model")
watch = _of_run("watch")
join = finish
termerror = termwarn


def setup(settings: Any = None) -> None:
    """Do nothing: there is nothing to set up."""
    del settings


def teardown(exit_code: int | None = None) -> None:
    """Finish the newest run."""
    finish(exit_code)


def require(*requirements: Any, **more: Any) -> None:
    """Do nothing: it chooses among generations of wandb."""
    del requirements, more


def __getattr__(name: str) -> Any:
    if name == "run":
        return current.run()
    if name in ("config", "summary"):
        run = current.run()
        return Before(f"wandb.{name}") if run is None else getattr(run, name)
    if name in _NOT_HERE:
        return Absent(name, _NOT_HERE[name])
    if name in _INTEGRATIONS and switch.turned():
        return importlib.import_module(f"wandb.integration.{name}")
    if (module := place(name)) is not None:
        return module
    hint = " Use it with: tracker run --as-wandb" if name in _INTEGRATIONS else ""
    raise AttributeError(f"tracker.wandb has no {name!r}.{hint}")
