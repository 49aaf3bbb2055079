"""Standing for wandb: what is loaded, where integrations look, `tracker run --as-wandb`."""

from __future__ import annotations

import json
import sys

import pytest

from tests.wandbs import AS_WANDB, environment, python

LOADED = """
import json, sys
import tracker.wandb
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""
LOOKING = """
import importlib.metadata, importlib.util, json
assert importlib.util.find_spec("wandb") is not None
import wandb, wandb.plot
from wandb.sdk.lib import RunDisabled, telemetry
from wandb.sdk.lib.config_util import ConfigError
from wandb.sdk.wandb_run import Run
from wandb.wandb_run import Run as Same
from wandb.errors import CommError, UsageError
from wandb.data_types import WBValue
import tracker.wandb
with telemetry.context() as tel:
    tel.feature.something = True
assert wandb is tracker.wandb and Run is Same is wandb.Run and wandb.plot is tracker.wandb.plot
assert issubclass(wandb.Image, WBValue) and importlib.util.find_spec("wandb") is not None
assert importlib.metadata.version("wandb") == wandb.__version__
assert importlib.metadata.packages_distributions()["wandb"][0] == "wandb"
try:
    import wandb.sdk.launch
except ModuleNotFoundError as error:
    print(error)
with wandb.init(id="seen") as run:
    wandb.log({"x": 1})
    assert isinstance(run, Run) and run is wandb.run
"""


@pytest.fixture
def environ(store):
    return environment(store)


def test_the_import_loads_no_real_wandb_no_numpy_and_no_torch(tmp_path, environ):
    done = python([sys.executable, "-c", LOADED], tmp_path, environ)
    assert not {"wandb", "numpy", "torch", "PIL", "sqlite3"} & set(json.loads(done.stdout))


def test_integrations_find_what_they_look_for(tmp_path, environ):
    """Also with the real wandb installed beside it, and in a process that the script starts."""
    (tmp_path / "train.py").write_text(
        f"import subprocess, sys\nsys.exit(subprocess.call([sys.executable, '-c', {LOOKING!r}]))"
    )
    done = python([*AS_WANDB, sys.executable, "train.py"], tmp_path, environ)
    assert "wandb.sdk.launch is not supported on tracker" in done.stdout


def test_the_command_ends_as_the_program_does_which_has_its_options(tmp_path, environ):
    script = "import sys; sys.exit(7 if sys.argv[1:] == ['--dir', 'x', '--json'] else 1)"
    program = [sys.executable, "-c", script, "--dir", "x", "--json"]
    python([*AS_WANDB, *program], tmp_path, environ, 7)
    python([*AS_WANDB[:-1], *program], tmp_path, environ, 7)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["no-such-program"], "no-such-program cannot be started"), ([], "Missing argument")],
)
def test_what_cannot_be_started_is_said(tmp_path, environ, arguments, said):
    assert said in python([*AS_WANDB, *arguments], tmp_path, environ, 2).stderr


def test_without_as_wandb_there_is_nothing_to_do(tmp_path, environ):
    without = [*AS_WANDB[:4], "--", "true"]
    assert "needs --as-wandb" in python(without, tmp_path, environ, 2).stderr


def test_the_store_that_is_named_is_the_program_s(tmp_path, environ):
    named = [*AS_WANDB[:5], f"--dir={tmp_path / 'named'}", "--"]
    script = "import wandb; wandb.init(id='there').finish()"
    python([*named, sys.executable, "-c", script], tmp_path, environ)
    assert (tmp_path / "named" / "journals").is_dir()
