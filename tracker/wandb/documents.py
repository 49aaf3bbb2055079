"""`wandb.Html`, `wandb.Plotly`, `wandb.Object3D`, `wandb.Molecule`: things that are one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tracker.errors import BadInput
from tracker.events import Json
from tracker.values import brief
from tracker.wandb.configs import friendly
from tracker.wandb.image import Image, is_plot
from tracker.wandb.media import File, Media, given_file

SCENES = ("obj", "gltf", "glb", "babylon", "stl", "pts.json")
MOLECULES = ("pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf")
_COLUMNS = (3, 4, 6)
"""Numbers of a point: place; place and class; place and colour."""


class Html(Media):
    """A page from its text, from something to read, or from a path ending in .html.

    It is kept as it is: with `inject` wandb puts a link to a style sheet of its own host in.
    """

    form = "html"
    type = "html-file"
    many = "html"
    listed = "html"

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        del inject
        is_path = isinstance(data, Path) or (isinstance(data, str) and data.endswith(".html"))
        if is_path and not data_is_not_path and Path(data).is_file():
            super().__init__(File(Path(data).name, Path(data)))
            return
        text = data.read() if hasattr(data, "read") else data
        if not isinstance(text, (str, bytes)):
            raise BadInput(f"{brief(data)} is no page: give its text, a file or a path.")
        super().__init__(File("page.html", text.encode() if isinstance(text, str) else text))


class Plotly(Media):
    """A figure of plotly.

    Raises:
        BadInput: it is none. A figure of matplotlib is logged as it is, or as wandb.Image.
    """

    form = "plotly"
    type = "plotly-file"

    def __init__(self, val: Any) -> None:
        if not callable(getattr(val, "to_plotly_json", None)):
            raise BadInput(f"{brief(val)} is no figure of plotly; pictures: wandb.Image(...).")
        super().__init__(File("figure.plotly.json", str(val.to_json()).encode()))

    @classmethod
    def make_plot_media(cls, val: Any) -> Image | Plotly:
        """Give what stands for a figure: that of matplotlib is a picture."""
        return Image(val) if is_plot(val) else cls(val)


class Object3D(Media):
    """A scene from a path, something to read (with `file_type`), points, or a "lidar/beta" dict.

    Points are an array of n x 3 (place), n x 4 (and a class) or n x 6 (and a colour).

    Raises:
        BadInput: it is none of these.
    """

    form = "object3D"
    type = "object3D-file"
    many = "object3D"
    listed = "objects"

    def __init__(
        self, data_or_path: Any, caption: str | None = None, file_type: str | None = None,
        **more: Any,
    ) -> None:  # fmt: skip
        del more
        if isinstance(data_or_path, (str, Path)) or hasattr(data_or_path, "read"):
            file = given_file(data_or_path, SCENES, file_type)
        else:
            file = File("points.pts.json", msgspec.json.encode(_points(data_or_path)))
        super().__init__(file, caption)

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Object3D:
        """Make one of a file."""
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> Object3D:
        """Make one of points."""
        return cls(data)

    @classmethod
    def from_point_cloud(
        cls, points: Sequence[Any], boxes: Sequence[Any] = (),
        vectors: Sequence[Any] | None = None, point_cloud_type: str = "lidar/beta",
    ) -> Object3D:  # fmt: skip
        """Make one of points, boxes and vectors."""
        scene = {"points": points, "boxes": boxes, "vectors": vectors or []}
        return cls({"type": point_cloud_type, **scene})


class Molecule(Media):
    """A molecule from a path, or something to read with its `file_type`.

    Raises:
        BadInput: it is of none of the types that wandb shows.
    """

    form = "molecule"
    type = "molecule-file"
    many = "molecule"
    listed = "molecules"

    def __init__(
        self, data_or_path: Any, caption: str | None = None, file_type: str | None = None
    ) -> None:
        super().__init__(given_file(data_or_path, MOLECULES, file_type), caption)


def _points(data: Any) -> Json:
    if isinstance(data, Mapping) and data.get("type") == "lidar/beta":
        parts = {part: friendly(data.get(part, [])) for part in ("vectors", "points", "boxes")}
        return {"type": "lidar/beta", **parts}
    shape: tuple[int, ...] = getattr(data, "shape", ())
    if len(shape) != 2 or shape[1] not in _COLUMNS:  # noqa: PLR2004 - rows of numbers
        raise BadInput(
            f"{brief(data)} is no scene: give a path, an array of n x 3, 4 or 6, or a dict of type "
            '"lidar/beta".'
        )
    return data.tolist()
