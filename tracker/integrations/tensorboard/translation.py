"""Translation: from records of an event file to the events that say the same.

    scalars            Log, one an event, at its step and wall time; both as `simple_value` and as
                       a tensor of one number; float32 becomes the double that it is
    text               Log of a text; several are a JSON list
    images, audio      Media, the files as blobs
    histograms         Media without a file: counts (`values`) between edges (`bins`)
    hparams            Config
    a session's start  Rewind, where the writer says that later steps are void (`purge_step`)

All else (graphs, meshes, PR curves, traces) is counted. Numbers of fields are those of event.proto
and summary.proto in tensorflow, and of plugin_data.proto in tensorboard's hparams.
"""

from __future__ import annotations

import json
import re
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tracker.artifacts import Blobs
from tracker.events import CONFIG, LOG, MEDIA, REWIND, Json, MediaFile, Value
from tracker.integrations.appending import Happened
from tracker.integrations.tensorboard.tensors import STRING, Tensor, new_histogram, old_histogram
from tracker.integrations.tensorboard.wire import (
    NoMessage,
    content,
    fields,
    real,
    signed,
    text,
    varint,
    whole,
)
from tracker.journal.record import MAX_PAYLOAD
from tracker.values import text_of

_PLAIN = re.compile(
    rb"\x09(.{8})(?:\x10([\x80-\xff]{0,9}[\0-\x7f]))?\x2a(.)\x0a(.)\x0a(.)(.*)\x15(.{4})", re.DOTALL
)
"""An event of one short scalar as most writers have it: time, step, three lengths, tag, value."""

_number = struct.Struct("<f").unpack
_NS_PER_S = 1_000_000_000
_LARGE = MAX_PAYLOAD // 4
_SESSION_STARTS = 1
_ENDINGS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"GIF8": "gif", b"RIFF": "wav"}


class Translation:
    """Translates the records of a run's event files.

    Attributes:
        time: that of the last event, ns since 1970.
        left_out: what was not taken, counted by what it is.
        writers: of the run's earlier journals, for a rewind to name.
    """

    def __init__(self, blobs: Blobs) -> None:
        self.time = 0
        self.left_out: Counter[str] = Counter()
        self.writers: frozenset[str] = frozenset()
        self._blobs = blobs
        self._step = 0
        self._numbers: dict[str, Value] = {}
        self._plugins: dict[str, str] = {}

    def events(self, data: bytes) -> list[Happened]:
        """The events that a record stands for.

        Raises:
            NoMessage: it is none of an event file.
            ArtifactError: the store cannot be written now.
        """
        match = _PLAIN.fullmatch(data)
        if match is not None and (plain := self._plain(match)) is not None:
            return [plain]
        time, step, parts = 0.0, 0, list[tuple[int, Any]]()
        for number, field in fields(data):
            if number == 1:
                time = real(field)
            elif number == 2:  # noqa: PLR2004 - step
                step = signed(field)
            else:
                parts.append((number, field))
        self.time, self._step = _nanoseconds(time), step
        found: list[Happened] = []
        for number, field in parts:
            found += self._part(number, field)
        return found

    def _plain(self, match: re.Match[bytes]) -> Happened | None:
        """The event of a scalar, quicker than by its fields; None where the lengths say others."""
        time, step, whole_length, value_length, length, tag, value = match.groups()
        size = len(tag)
        if (length[0], value_length[0], whole_length[0]) != (size, size + 7, size + 9):
            return None
        if size + 9 > 127:  # noqa: PLR2004 - longer ones have lengths of two bytes
            return None
        self.time = _nanoseconds(real(time))
        self._step = signed(varint(step, 0)[0]) if step else 0
        return self._logged(tag.decode("utf-8", "backslashreplace"), _number(value)[0])

    def _part(self, number: int, field: Any) -> Iterator[Happened]:
        if number == 5:  # noqa: PLR2004 - summary
            yield from self._summary(content(field))
        elif number == 7:  # noqa: PLR2004 - session_log
            status = [whole(each) for n, each in fields(content(field)) if n == 1]
            if status == [_SESSION_STARTS] and self._step:
                yield REWIND, self.time, self._step, sorted(self.writers)
        elif number in (4, 9):
            self.left_out["graphs"] += 1
        elif number in (6, 8):
            self.left_out["log messages and traces"] += 1

    def _summary(self, data: bytes) -> list[Happened]:
        numbers: dict[str, Value] = {}
        found: list[Happened] = []
        for number, field in fields(data):
            if number != 1 or isinstance(field, int):
                continue
            for event in self._value(field):
                if event[0] == LOG and not event[3].keys() & numbers:
                    numbers |= event[3]
                else:
                    found.append(event)
        return [(LOG, self.time, self._step, numbers), *found] if numbers else found

    def _value(self, data: bytes) -> Iterator[Happened]:
        tag, given = "", dict[int, Any]()
        for number, field in fields(data):
            if number == 1:
                tag = text(field)
            else:
                given[number] = field
        plugin, about = self._plugin(tag, given.get(9))
        if len(data) > _LARGE and 8 not in given and 4 not in given and 6 not in given:  # noqa: PLR2004 - fields
            self.left_out["values larger than a record may be"] += 1
        elif 2 in given:  # noqa: PLR2004 - simple_value
            yield self._logged(tag, real(given[2]))
        elif 4 in given:  # noqa: PLR2004 - image
            yield from self._image(tag, content(given[4]))
        elif 5 in given:  # noqa: PLR2004 - histo
            yield self._drawn(tag, old_histogram(content(given[5])))
        elif 6 in given:  # noqa: PLR2004 - audio
            yield from self._audio(tag, content(given[6]))
        elif plugin == "hparams":
            yield from self._settings(about)
        elif 8 in given:  # noqa: PLR2004 - tensor
            yield from self._tensor(tag, plugin, Tensor(content(given[8])))
        else:
            self.left_out[f"{plugin or 'unknown'} values"] += 1

    def _plugin(self, tag: str, metadata: Any) -> tuple[str, bytes]:
        """Which plugin a tag is for, as its first value said, and what is said for that."""
        name, about = "", b""
        if metadata is not None:
            for number, field in fields(content(metadata)):
                if number == 1:
                    for inner, told in fields(content(field)):
                        if inner == 1:
                            name = text(told)
                        elif inner == 2:  # noqa: PLR2004 - content
                            about = content(told)
        if name:
            self._plugins[tag] = name
        return name or self._plugins.get(tag, ""), about

    # -- what was logged -------------------------------------------------------------------

    def _logged(self, tag: str, value: Value) -> Happened:
        return LOG, self.time, self._step, {text_of(tag): value}

    def _tensor(self, tag: str, plugin: str, tensor: Tensor) -> Iterator[Happened]:
        scalar = tensor.scalar
        if plugin == "images":
            yield from self._files(tag, "image", tensor.strings[2:], _sizes(tensor.strings))
        elif plugin == "audio":
            clips = tensor.strings[::2]  # each stands before its label
            yield from self._files(tag, "audio", clips, {})
        elif plugin == "histograms":
            yield self._drawn(tag, new_histogram(tensor))
        elif plugin not in ("", "text", "scalars"):
            self.left_out[f"{plugin} values"] += 1
        elif tensor.kind == STRING and tensor.strings:
            texts = [text(each) for each in tensor.strings]
            said = texts[0] if len(texts) == 1 else json.dumps(texts, ensure_ascii=False)
            if len(said) < _LARGE:
                yield self._logged(tag, text_of(said))
            else:
                self.left_out["values larger than a record may be"] += 1
        elif scalar is not None:
            yield self._logged(tag, scalar)
        else:
            self.left_out["tensors that are no scalars"] += 1

    def _drawn(self, tag: str, about: dict[str, Json]) -> Happened:
        return MEDIA, self.time, self._step, text_of(tag), "histogram", [], about

    def _image(self, tag: str, data: bytes) -> Iterator[Happened]:
        given = dict(fields(data))
        about = {n: signed(given[k]) for n, k in (("height", 1), ("width", 2)) if k in given}
        files = [content(given[4])] if 4 in given else []  # noqa: PLR2004 - encoded_image_string
        return self._files(tag, "image", files, about)

    def _audio(self, tag: str, data: bytes) -> Iterator[Happened]:
        given = dict(fields(data))
        about: dict[str, Json] = {"sample_rate": real(given[1])} if 1 in given else {}
        files = [content(given[4])] if 4 in given else []  # noqa: PLR2004 - encoded_audio_string
        return self._files(tag, "audio", files, about)

    def _files(
        self, tag: str, form: str, contents: list[bytes], about: dict[str, Json]
    ) -> Iterator[Happened]:
        files = []
        for number, each in enumerate(contents):
            blob = self._blobs.put_bytes(each)
            ending = next((e for begin, e in _ENDINGS.items() if each.startswith(begin)), "bin")
            files.append(MediaFile(f"{number}.{ending}", blob.digest, blob.size))
        yield MEDIA, self.time, self._step, text_of(tag), form, files, about

    def _settings(self, about: bytes) -> Iterator[Happened]:
        """What a SessionStartInfo has of hyperparameters; ends and experiments say no more."""
        values: dict[str, Json] = {}
        for number, field in fields(about):
            if number != 3:  # noqa: PLR2004 - session_start_info
                continue
            for inner, entry in fields(content(field)):
                if inner == 1:
                    pair = dict(fields(content(entry)))
                    values[text_of(text(pair.get(1, b"")))] = _setting(content(pair.get(2, b"")))
        if values:
            yield CONFIG, self.time, values


def _setting(data: bytes) -> Json:
    """A google.protobuf.Value, but for structs, which hyperparameters are not."""
    for number, field in fields(data):
        if number == 2:  # noqa: PLR2004 - number_value
            value = real(field)
            return int(value) if value.is_integer() and abs(value) < 2**53 else value
        if number == 3:  # noqa: PLR2004 - string_value
            return text_of(text(field))
        if number == 4:  # noqa: PLR2004 - bool_value
            return bool(field)
    return None


def _sizes(strings: list[bytes]) -> dict[str, Json]:
    try:
        width, height = (int(each) for each in strings[:2])
    except ValueError as error:
        raise NoMessage("an image does not say how large it is") from error
    return {"width": width, "height": height}


def _nanoseconds(seconds: float) -> int:
    """A wall time; what is no time, or outside of 64 bits, is 1970."""
    if not 0 <= seconds < 2**33:
        return 0
    whole_s = int(seconds)
    return whole_s * _NS_PER_S + round((seconds - whole_s) * _NS_PER_S)
