"""Artifacts: versions of a project by number and alias, out of the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.wandbs import view
from tracker import wandb


def version(run, text, **more):
    """Log a version of the artifact "model" whose only file holds `text`."""
    artifact = wandb.Artifact("model", "model", **more.pop("about", {}))
    with artifact.new_file("weights.txt") as file:
        file.write(text)
    return run.log_artifact(artifact, **more)


def held(run, name):
    return Path(run.use_artifact(name).file()).read_text()


def test_versions_of_all_runs_of_a_project_are_found_by_number_alias_and_latest():
    first = wandb.init(project="p")
    version(first, "one", aliases=["best"], about={"metadata": {"acc": 0.9}})
    version(first, "two")
    first.finish()
    second = wandb.init(project="p")
    version(second, "three", aliases="newest")
    version(second, "two")  # the same content is the version that it was
    names = [
        "model:v0",
        "model:v1",
        "model:v2",
        "model",
        "model:best",
        "model:newest",
        "p/model:v0",
    ]
    assert [held(second, name) for name in names] == [
        "one", "two", "three", "three", "one", "three", "one",
    ]  # fmt: skip
    best = second.use_artifact("model:best")
    assert (best.version, best.metadata, best.type) == ("v0", {"acc": 0.9}, "model")
    assert "best" in best.aliases
    assert second.use_artifact("model:best").metadata == {"acc": 0.9}


def test_an_alias_moves_to_the_version_that_was_given_it_last():
    run = wandb.init()
    version(run, "one", aliases=["best", "latest"])
    version(run, "two", aliases=["best"])
    assert held(run, "model:latest") == "two"
    assert held(run, "model:best") == "two"
    version(run, "one", aliases=["best"])
    assert held(run, "model:best") == "one"


@pytest.mark.parametrize("name", ["model:v1", "model:absent", "other", "other/model"])
def test_what_is_not_there_is_said_with_what_is(name):
    run = wandb.init(project="p")
    version(run, "one")
    with pytest.raises(wandb.CommError, match=r"is not in .*it has"):
        run.use_artifact(name)


def test_files_folders_and_references_keep_their_paths(tmp_path):
    (tmp_path / "data" / "sub").mkdir(parents=True)
    (tmp_path / "data" / "sub" / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    run = wandb.init()
    artifact = wandb.Artifact("set", "dataset")
    artifact.add_file("b.txt", name="renamed.txt")
    (tmp_path / "b.txt").write_text("changed after it was added")
    artifact.add_dir("data", name="below")
    artifact.add_reference("s3://bucket/key.bin")
    for name in ("table", "other"):
        pixels = np.full((2, 2), len(name), dtype=np.uint8)
        artifact.add(wandb.Table(columns=["a"], data=[[wandb.Image(pixels)]]), name)
    run.log_artifact(artifact)
    found = run.use_artifact("set:latest")
    assert sorted(found.manifest) == [
        "below/sub/a.txt", "key.bin", "other.files/0.png", "other.table.json", "renamed.txt",
        "table.files/0.png", "table.table.json",
    ]  # fmt: skip
    assert found.get_entry("key.bin").ref == "s3://bucket/key.bin"
    folder = found.download()
    assert folder == "artifacts/set:v0"
    assert (tmp_path / folder / "renamed.txt").read_text() == "b"
    assert (tmp_path / folder / "below" / "sub" / "a.txt").read_text() == "a"


@pytest.mark.parametrize("path", ["../out.txt", "/abs.txt", "a/../../b"])
def test_no_name_leads_out_of_the_artifact(path, tmp_path):
    (tmp_path / "b.txt").write_text("b")
    with pytest.raises(wandb.Error, match="cannot be part of an artifact"):
        wandb.Artifact("set", "dataset").add_file("b.txt", name=path)


def test_a_logged_version_stays_and_a_draft_of_it_does_not():
    run = wandb.init()
    artifact = version(run, "one")
    with pytest.raises(wandb.Error, match="new_draft"):
        artifact.new_file("x").__enter__()
    draft = artifact.new_draft()
    with draft.new_file("more.txt") as file:
        file.write("m")
    run.log_artifact(draft)
    assert run.use_artifact("model:v1").file_count == 2


def test_models_are_kept_and_given_by_path(tmp_path):
    (tmp_path / "m.bin").write_bytes(b"m")
    run = wandb.init()
    wandb.log_model("m.bin", name="net")
    assert Path(wandb.use_model("net:latest")).read_bytes() == b"m"
    run.finish()
    assert view(run.id).artifacts()[0].type == "model"
