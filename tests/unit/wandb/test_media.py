"""Media: what is kept of each kind, read back by libraries that nobody here wrote."""

from __future__ import annotations

import io
import json
import wave

import numpy as np
import pytest

from tests.wandbs import content, media
from tracker import wandb

PIXELS = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


def logged(value):
    """Log one thing; give its event's form, about, and the contents of its files."""
    run = wandb.init(reinit=True)
    run.log({"key": value})
    run.finish()
    (event,) = media(run.id)
    assert event.key.startswith("key")
    return event.form, event.about, content(run.id, event)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 4)])
def test_pixels_become_the_png_that_pillow_reads_back(shape):
    from PIL import Image  # noqa: PLC0415 - skipped below where Pillow is absent

    pixels = np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)
    form, about, (png,) = logged(wandb.Image(pixels, caption="c"))
    assert (form, about) == (
        "image",
        {"_type": "image-file", "format": "png", "width": 5, "height": 4, "caption": "c"},
    )
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), pixels.squeeze())


def test_floats_between_0_and_1_are_stretched():
    from PIL import Image  # noqa: PLC0415 - as above

    _, _, (png,) = logged(wandb.Image(np.array([[0.0, 0.5], [1.0, 1.0]])))
    assert np.asarray(Image.open(io.BytesIO(png))).tolist() == [[0, 127], [255, 255]]


def test_several_images_are_one_event_with_all_captions_and_masks():
    mask = {"mask_data": np.zeros((4, 5), int), "class_labels": {0: "road"}}
    pictures = [wandb.Image(PIXELS, caption="a"), wandb.Image(PIXELS[:, :, 0], masks={"m": mask})]
    form, about, files = logged(pictures)
    assert (form, len(files)) == ("image", 3)
    assert about["_type"] == "images/separated"
    assert (about["count"], about["captions"]) == (2, ["a", None])
    assert about["all_masks"][0] is None
    assert about["all_masks"][1]["m"]["class_labels"] == {"0": "road"}


def test_masks_and_boxes_are_files_that_about_names_by_their_digest():
    from hashlib import sha256  # noqa: PLC0415 - for this test

    boxes = {"box_data": [{"position": {"minX": 0.1}, "class_id": 1}], "class_labels": {1: "car"}}
    mask = {"mask_data": np.ones((4, 5), int)}
    _, about, (_, png, box) = logged(wandb.Image(PIXELS, masks={"m": mask}, boxes={"b": boxes}))
    assert about["masks"]["m"]["sha256"] == sha256(png).hexdigest()
    assert about["boxes"]["b"] == {
        "_type": "boxes2D", "sha256": sha256(box).hexdigest(), "size": len(box)
    }  # fmt: skip
    assert json.loads(box)["class_labels"] == {"1": "car"}


def test_samples_become_a_wav_of_their_rate_and_channels():
    _, about, (data,) = logged(wandb.Audio(np.zeros((100, 2)), sample_rate=8000, caption="c"))
    with wave.open(io.BytesIO(data)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getnframes()) == (8000, 2, 100)
    assert about == {"_type": "audio-file", "caption": "c"}
    with pytest.raises(wandb.Error, match="sample_rate"):
        wandb.Audio(np.zeros(10))


def test_frames_become_a_gif_of_as_many_frames():
    from PIL import Image  # noqa: PLC0415 - as above

    frames = np.random.default_rng(7).integers(0, 256, (6, 3, 8, 8), dtype=np.uint8)
    form, about, (gif,) = logged(wandb.Video(frames, fps=2))
    assert (form, about) == ("video", {"_type": "video-file"})
    assert Image.open(io.BytesIO(gif)).n_frames == 6


def test_a_file_is_kept_as_it_is(tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"film")
    assert logged(wandb.Video("film.mp4", caption="c")) == (
        "video", {"_type": "video-file", "caption": "c"}, [b"film"]
    )  # fmt: skip
    with pytest.raises(wandb.Error, match="mp4"):
        wandb.Video(tmp_path / "film.txt")


def test_a_histogram_is_all_about():
    values = [1.0, 2.0, 2.0, float("nan")]
    form, about, files = logged(wandb.Histogram(values, num_bins=4))
    assert (form, files) == ("histogram", [])
    assert about == {
        "_type": "histogram", "values": [1, 0, 0, 2], "bins": [1.0, 1.25, 1.5, 1.75, 2.0]
    }  # fmt: skip
    with pytest.raises(wandb.Error, match="edge"):
        wandb.Histogram(np_histogram=([1, 2], [0, 1]))


def test_an_array_of_many_elements_is_a_histogram_one_of_few_is_json():
    assert sum(logged(np.arange(100))[1]["values"]) == 100
    run = wandb.init()
    run.log({"few": np.arange(3)})
    assert not media(run.id)


def test_a_table_is_json_with_its_media_as_files():
    table = wandb.Table(columns=["n", "picture"], data=[[1, wandb.Image(PIXELS)]])
    table.add_data(np.float32(2.5), None)
    form, about, (written, png) = logged(table)
    assert (form, about) == ("table", {"_type": "table-file", "ncols": 2, "nrows": 2})
    rows = json.loads(written)["data"]
    assert rows[0][1]["path"] == "0.png"
    assert rows[1] == [2.5, None]
    assert png.startswith(b"\x89PNG")
    with pytest.raises(wandb.Error, match="2 columns"):
        table.add_data(1)


def test_a_page_is_kept_without_a_link_to_anybody_s_host():
    assert logged(wandb.Html("<b>x</b>")) == ("html", {"_type": "html-file"}, [b"<b>x</b>"])


def test_points_become_the_json_that_wandb_writes():
    points = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    form, about, (data,) = logged(wandb.Object3D(np.array(points)))
    assert (form, about, json.loads(data)) == ("object3D", {"_type": "object3D-file"}, points)
    scene = wandb.Object3D({"type": "lidar/beta", "points": np.array(points)})
    assert json.loads(logged(scene)[2][0]) == {
        "type": "lidar/beta", "vectors": [], "points": points, "boxes": []
    }  # fmt: skip


def test_a_figure_of_matplotlib_is_a_picture():
    figures = pytest.importorskip("matplotlib.figure")
    form, about, (png,) = logged(figures.Figure(figsize=(1, 1), dpi=50))
    assert (form, about["width"]) == ("image", 50)
    assert png.startswith(b"\x89PNG")


def test_media_that_cannot_be_read_leave_the_rest_of_the_call(tmp_path, capsys):
    (tmp_path / "a.wav").write_bytes(b"sound")
    sound = wandb.Audio("a.wav")
    (tmp_path / "a.wav").unlink()
    run = wandb.init()
    run.log({"sound": sound, "loss": 1.0})
    run.finish()
    assert "a.wav" in capsys.readouterr().err
    assert not media(run.id)


CHARTS = {
    "line": lambda: wandb.plot.line(wandb.Table(["x", "y"], [[1, 2]]), "x", "y", title="T"),
    "scatter": lambda: wandb.plot.scatter(wandb.Table(["x", "y"], [[1, 2]]), "x", "y"),
    "bar": lambda: wandb.plot.bar(wandb.Table(["x", "y"], [["a", 2]]), "x", "y"),
    "histogram": lambda: wandb.plot.histogram(wandb.Table(["x"], [[1]]), "x"),
    "line_series": lambda: wandb.plot.line_series([0, 1], [[1, 2], [3, 4]], keys=["a", "b"]),
    "confusion_matrix": lambda: wandb.plot.confusion_matrix(y_true=[0, 1, 1], preds=[0, 1, 0]),
    "roc_curve": lambda: wandb.plot.roc_curve([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]),
    "pr_curve": lambda: wandb.plot.pr_curve([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_a_table_and_says_in_the_config_how_it_is_drawn(name):
    run = wandb.init()
    run.log({"chart": CHARTS[name]()})
    run.finish()
    (event,) = media(run.id)
    assert (event.key, event.form) == ("chart_table", "table")
    from tests.wandbs import view  # noqa: PLC0415 - for this test

    key = "_wandb/visualize/chart/panel_config/panelDefId"
    assert view(run.id).config[key].startswith("wandb/")
