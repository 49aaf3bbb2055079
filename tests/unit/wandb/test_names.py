"""wandb's own public names: each is here, or says that it is not, and breaks no training."""

from __future__ import annotations

import pytest

from tracker import wandb
from tracker.wandb.said import Absent


@pytest.fixture
def real():
    """The package whose names these are."""
    import wandb as real  # noqa: PLC0415 - what the installed one has

    return real


def public(kind):
    return sorted(name for name in dir(kind) if not name.startswith("_"))


def there(thing, name):
    """Whether a name is one here; an error such as "log it first" is an answer."""
    try:
        getattr(thing, name)
    except AttributeError:
        return False
    except Exception:  # noqa: BLE001 - whatever it says
        return True
    return True


def lacking(kind, thing):
    """Public names of wandb's class that are none here."""
    return [name for name in public(kind) if not there(thing, name)]


def test_all_that_the_module_offers_is_here(real):
    """`wandb.X` of any X in its list."""
    absent = [name for name in real.__all__ if not hasattr(wandb, name)]
    assert absent == []


def test_all_of_a_run_is_here(real):
    """`wandb.run.X`."""
    with wandb.init() as run:
        assert lacking(real.Run, run) == []
        assert run.sync_dir == run.dir


def test_all_of_an_artifact_is_here_and_says_what_is_not(real, capfd):
    """A draft, as a script has it; what does nothing is false and can be called."""
    artifact = wandb.Artifact("name", "type")
    assert lacking(real.Artifact, artifact) == []
    assert not artifact.logged_by()
    assert isinstance(artifact.get("table"), Absent)
    said = capfd.readouterr().err
    assert "wandb.Artifact.get is not supported on tracker and does nothing. Read its files" in said


def test_calls_of_a_table_that_do_nothing(capfd):
    """They say so by name; other names are none."""
    table = wandb.Table(columns=["a"], data=[[1]])
    table.cast("a", float)
    assert "wandb.Table.cast is not supported" in capfd.readouterr().err
    assert not hasattr(table, "nonsense")
    assert not hasattr(wandb.Artifact("n", "t"), "nonsense")
