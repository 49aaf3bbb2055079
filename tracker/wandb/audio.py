"""`wandb.Audio` and `wandb.Video`."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

from tracker.errors import BadInput
from tracker.wandb.media import File, Media, given_file
from tracker.wandb.said import notice

_CONTAINERS = ("gif", "mp4", "webm", "ogg")
_FRAMES = 4
"""Dimensions of a film: frames, channels, height, width."""


class Audio(Media):
    """A sound from a path, or an array of samples, or of samples x channels.

    Floats between -1 and 1 become 16 bits; integers of 8, 16 and 32 bits stay as they are.

    Raises:
        BadInput: an array without `sample_rate`, or of another shape.
    """

    form = "audio"
    type = "audio-file"
    many = "audio"
    listed = "audio"

    def __init__(
        self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None
    ) -> None:
        if isinstance(data_or_path, (str, Path)):
            path = Path(data_or_path)
            super().__init__(File(path.name, path), caption)
            return
        if sample_rate is None:
            raise BadInput("wandb.Audio of samples needs sample_rate=, in samples a second.")
        super().__init__(File("audio.wav", _wav(data_or_path, int(sample_rate))), caption)


class Video(Media):
    """A film from a path, from something to read, or frames x channels x height x width.

    Frames become an animated GIF, which needs Pillow; a wish for another format is said.

    Raises:
        BadInput: it is none of these.
    """

    form = "video"
    type = "video-file"
    many = "videos"
    listed = "videos"

    def __init__(
        self, data_or_path: Any, caption: str | None = None, fps: int | None = None,
        format: str | None = None,  # noqa: A002 - the field's word
    ) -> None:  # fmt: skip
        if isinstance(data_or_path, (str, Path)) or hasattr(data_or_path, "read"):
            super().__init__(given_file(data_or_path, _CONTAINERS, format), caption)
            return
        if format not in (None, "gif"):
            notice.warn(f"wandb.Video makes a GIF of frames, not {format}.", once="video")
        super().__init__(File("video.gif", _gif(data_or_path, fps or _FRAMES)), caption)


def _wav(samples: Any, rate: int) -> bytes:
    import numpy as np  # noqa: PLC0415 - not for who logs no sound

    sound = np.asarray(samples)
    if sound.ndim not in (1, 2) or sound.dtype.kind not in "fiu":
        raise BadInput(f"an array of shape {sound.shape} is no sound: give samples x channels.")
    if sound.dtype.kind == "f":
        sound = (np.clip(sound, -1, 1) * 32767).round()
    if sound.dtype.name not in ("uint8", "int16", "int32"):
        sound = sound.astype("int16")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1 if sound.ndim == 1 else sound.shape[1])
        file.setsampwidth(sound.dtype.itemsize)
        file.setframerate(rate)
        file.writeframes(sound.astype(sound.dtype.newbyteorder("<")).tobytes())
    return buffer.getvalue()


def _gif(frames: Any, fps: int) -> bytes:
    import numpy as np  # noqa: PLC0415 - not for who logs no film
    import PIL.Image  # noqa: PLC0415 - as above

    film = np.asarray(frames.numpy() if hasattr(frames, "numpy") else frames)
    film = film.reshape(-1, *film.shape[-3:]) if film.ndim > _FRAMES else film
    if film.ndim != _FRAMES or film.shape[1] not in (1, 3):
        raise BadInput(
            f"an array of shape {film.shape} is no film: give frames x channels x height x width."
        )
    pictures = [PIL.Image.fromarray(frame.transpose(1, 2, 0).astype("uint8").squeeze())
                for frame in film]  # fmt: skip
    buffer = io.BytesIO()
    first, *rest = pictures
    first.save(
        buffer, format="GIF", save_all=True, append_images=rest, duration=1000 // fps, loop=0
    )
    return buffer.getvalue()
