"""Media become W&B's typed values, with the places where the files are now."""

from __future__ import annotations

import pytest

from tracker.events import Media, MediaFile
from tracker.integrations.wandb.typed import place, value

ONE, TWO = MediaFile("one.png", "1" * 64, 11), MediaFile("two.table.json", "2" * 64, 22)
PLACES = {ONE.digest: "media/one", TWO.digest: "media/two"}
TOLD_ONE = {"path": "media/one", "sha256": ONE.digest, "size": 11}
TOLD_TWO = {"path": "media/two", "sha256": TWO.digest, "size": 22}


def media(form, files, **about):
    return Media(1, 0, 7, "val/img", form, files, about)


def test_files_lie_by_form_under_key_step_and_content_whatever_they_are_called():
    event = Media(1, 0, 7, "../é/img", "image", [ONE])
    assert place(event, ONE) == "media/images/_____img_7_11111111111111111111.png"
    odd = MediaFile("a.b.c/../d.p\nng", "3" * 64, 1)
    assert ".." not in place(event, odd)
    assert place(media("table", [TWO]), TWO).endswith("/val_img_7_22222222222222222222.table.json")


def test_one_file_is_a_value_with_its_place():
    told = value(media("image", [ONE], caption="c"), PLACES)
    assert told == {"_type": "image-file", "caption": "c", **TOLD_ONE}


def test_several_images_are_listed():
    told = value(media("image", [ONE, TWO], captions=["a", "b"]), PLACES)
    names = ["media/one", "media/two"]
    assert told["_type"] == "images/separated"
    assert (told["count"], told["filenames"], told["captions"]) == (2, names, ["a", "b"])


def test_a_list_of_one_image_stays_a_list():
    told = value(media("image", [ONE], count=1, captions=["a"]), PLACES)
    assert (told["_type"], told["filenames"]) == ("images/separated", ["media/one"])


def test_several_videos_are_values_in_a_value():
    told = value(media("video", [ONE, TWO]), PLACES)
    each = [{"_type": "video-file", **TOLD_ONE}, {"_type": "video-file", **TOLD_TWO}]
    assert told == {"_type": "videos", "count": 2, "videos": each}


def test_a_histogram_is_all_about():
    told = value(media("histogram", [], values=[1], bins=[0, 1]), {})
    assert told == {"_type": "histogram", "values": [1], "bins": [0, 1]}


def test_what_was_taken_from_wandb_keeps_its_form_and_gets_new_places():
    """Masks and boxes have files of their own, within the value; old places mean nothing here."""
    box = {"_type": "boxes2D", "sha256": TWO.digest, "path": "old", "size": 1}
    about = {"_type": "image-file", "sha256": ONE.digest, "path": "old", "boxes": {"p": box}}
    told = value(media("image", [ONE, TWO], **about), PLACES)
    assert told == {**about, **TOLD_ONE, "boxes": {"p": {**box, **TOLD_TWO}}}


def test_masks_are_no_images_of_a_list():
    about = {"_type": "images/separated", "count": 1, "filenames": ["old"]}
    mask = {"_type": "mask", "sha256": TWO.digest}
    told = value(media("image", [ONE, TWO], **about, all_masks=[{"m": mask}]), PLACES)
    assert told["filenames"] == ["media/one"]
    assert told["all_masks"] == [{"m": mask | TOLD_TWO}]


def test_artifacts_of_another_client_are_not_named():
    about = {"_type": "table-file", "ncols": 2, "artifact_path": "wandb-client-artifact://x/y"}
    told = value(media("table", [TWO], **about), PLACES)
    assert told == {"_type": "table-file", "ncols": 2, **TOLD_TWO}


@pytest.mark.parametrize("count", [1, 2])
def test_a_file_that_could_not_be_had_has_no_place(count):
    told = value(media("image", [ONE, TWO][:count]), {})
    assert "path" not in told
    assert not told.get("filenames")
