"""`wandb.Image`: a picture, with caption, masks and boxes."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tracker.errors import BadInput
from tracker.events import Json
from tracker.values import brief
from tracker.wandb.configs import friendly
from tracker.wandb.media import File, Media, mark
from tracker.wandb.png import png, size_of

_TYPES = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "bmp": "BMP"}


class Image(Media):
    """A picture from a path, an array (height x width x channels), PIL, torch or matplotlib.

    Args:
        data_or_path: the picture; a torch tensor has its channels first.
        mode: Pillow's mode to convert to ("L", "RGB"), for pictures that Pillow has.
        caption: a text below it.
        grouping: how many belong together.
        classes: ids and names, [{"id": 1, "name": "car"}].
        boxes: sets of boxes by name, each {"box_data": [...], "class_labels": {1: "car"}}.
        masks: masks by name, each {"mask_data": array, "class_labels": {...}} or {"path": ...}.
        file_type: "png" (default), "jpg", "bmp"; other than PNG needs Pillow.

    Raises:
        BadInput: it is no picture.
        OSError: the file cannot be read.
    """

    form = "image"
    type = "image-file"
    many = "images/separated"

    def __init__(
        self, data_or_path: Any, mode: str | None = None, caption: str | None = None,
        grouping: int | None = None, classes: Any = None,
        boxes: Mapping[str, Mapping[str, Any]] | None = None,
        masks: Mapping[str, Mapping[str, Any]] | None = None, file_type: str | None = None,
        normalize: bool = True,
    ) -> None:  # fmt: skip
        del normalize
        if isinstance(data_or_path, Image):
            file = data_or_path.files()[0]
            caption = data_or_path.caption if caption is None else caption
        else:
            file = _file(data_or_path, mode, (file_type or "png").lower())
        super().__init__(file, caption)
        assert isinstance(file.content, bytes)  # noqa: S101 - as _file gives it
        self.format = file.name.rpartition(".")[2]
        self.size = _size(file.content)
        self._grouping = grouping
        self._classes = getattr(classes, "class_set", classes)
        self._masks = {name: _mask(mask) for name, mask in (masks or {}).items()}
        self._boxes = {name: _boxes(boxes_) for name, boxes_ in (boxes or {}).items()}

    def extras(self) -> list[File]:
        """Its masks and boxes."""
        masks = [File(f"{i}.mask.png", data) for i, (data, _) in enumerate(self._masks.values())]
        boxes = enumerate(self._boxes.values())
        return masks + [File(f"{i}.boxes2D.json", data) for i, data in boxes]

    def about(self) -> dict[str, Json]:
        """Give wandb's typed JSON, with the class labels of masks beside them."""
        found = {**super().about(), "format": self.format}
        if self.size is not None:
            found["width"], found["height"] = self.size
        if self._grouping:
            found["grouping"] = self._grouping
        if self._classes:
            found["classes"] = friendly(list(self._classes))
        return found | self.overlays()

    def overlays(self) -> dict[str, Json]:
        """Give what `about` says of masks and boxes."""
        found: dict[str, Json] = {}
        if self._masks:
            found["masks"] = {
                name: {
                    "_type": "mask",
                    **mark(data),
                    **({"class_labels": labels} if labels else {}),
                }
                for name, (data, labels) in self._masks.items()
            }
        if self._boxes:
            found["boxes"] = {k: {"_type": "boxes2D", **mark(d)} for k, d in self._boxes.items()}
        return found

    @classmethod
    def together(cls, items: Sequence[Image]) -> dict[str, Json]:
        """Several in one list: the size is that of the first."""
        first = items[0]
        found: dict[str, Json] = {"_type": cls.many, "format": first.format, "count": len(items)}
        if first.size is not None:
            found["width"], found["height"] = first.size
        if any(item.caption for item in items):
            found["captions"] = [item.caption for item in items]
        overlays = [item.overlays() for item in items]
        for kind in ("masks", "boxes"):
            if any(kind in each for each in overlays):
                found[f"all_{kind}"] = [each.get(kind) for each in overlays]
        return found


class Classes:
    """Ids and names that masks and boxes use: [{"id": 1, "name": "car"}, ...]."""

    def __init__(self, class_set: Iterable[Mapping[str, Any]]) -> None:
        self.class_set = [dict(each) for each in class_set]


def is_plot(value: Any) -> bool:
    """Whether it is a figure or axes of matplotlib, or its module pyplot."""
    named = value if hasattr(value, "__name__") else type(value)
    module = getattr(named, "__module__", None) or getattr(named, "__name__", "")
    return str(module).split(".")[0] == "matplotlib" and (
        hasattr(value, "savefig") or hasattr(value, "figure")
    )


def _file(data: Any, mode: str | None, file_type: str) -> File:
    if file_type not in _TYPES:
        raise BadInput(f"file_type={file_type!r} cannot be used; it is one of {', '.join(_TYPES)}.")
    if isinstance(data, (str, Path)):
        path = Path(data)
        return File(path.name, path.read_bytes())
    if is_plot(data):
        buffer = io.BytesIO()
        (data if hasattr(data, "savefig") else data.figure).savefig(buffer, format="png")
        return File("image.png", buffer.getvalue())
    if not hasattr(data, "save"):  # what Pillow has needs no making
        content = png(_pixels(data))
        if mode is None and file_type == "png":
            return File("image.png", content)
        import PIL.Image  # noqa: PLC0415 - only for other types than PNG

        data = PIL.Image.open(io.BytesIO(content))
    buffer = io.BytesIO()
    wanted = mode or ("RGB" if _TYPES[file_type] == "JPEG" else None)
    (data if wanted is None else data.convert(wanted)).save(buffer, format=_TYPES[file_type])
    return File(f"image.{file_type}", buffer.getvalue())


def _pixels(data: Any) -> Any:
    """Give an array, height x width or height x width x channels."""
    if hasattr(data, "permute"):  # a torch tensor, channels first
        data = data.detach().cpu()
        return (data.permute(1, 2, 0) if data.ndim == 3 else data).numpy()  # noqa: PLR2004
    if hasattr(data, "numpy"):  # a tensor of TensorFlow
        data = data.numpy()
    if not hasattr(data, "astype"):
        import numpy as np  # noqa: PLC0415 - not for who logs no lists as pictures

        data = np.asarray(data)
    if data.dtype.kind not in "buif":
        raise BadInput(f"{brief(data)} is no picture: give an array of numbers, or a path.")
    return data


def _size(content: bytes) -> tuple[int, int] | None:
    if (found := size_of(content)) is not None:
        return found
    try:
        import PIL.Image  # noqa: PLC0415 - only for other types than PNG

        with PIL.Image.open(io.BytesIO(content)) as image:
            return (image.width, image.height)
    except (ImportError, OSError):  # a picture is kept also where nobody knows its size
        return None


def _mask(mask: Mapping[str, Any]) -> tuple[bytes, Json]:
    """Give a mask's PNG, and the names of its classes."""
    labels = friendly(mask.get("class_labels") or {})
    if "path" in mask:
        return Path(mask["path"]).read_bytes(), labels
    return png(_pixels(mask["mask_data"]).astype("uint8")), labels


def _boxes(boxes: Mapping[str, Any]) -> bytes:
    """Give the JSON file of a set of boxes, as wandb writes it."""
    return msgspec.json.encode(friendly(boxes))
