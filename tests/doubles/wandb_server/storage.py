"""Where files are put and fetched: addresses that are good for one file and one method."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote


class Refused(Exception):
    """A request that is answered with this status and text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def md5(content: bytes) -> str:
    """Give the MD5 of content as the service writes it, in base 64."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


@dataclass(frozen=True)
class _Door:
    files: dict[str, bytes]
    name: str
    digest: str


class Storage:
    """Hands out addresses and keeps what is put there in the dict it was asked for.

    `address` gives where the server is reached, whoever asks.
    """

    def __init__(self, address: Callable[[], str]) -> None:
        self._address = address
        self._doors: dict[tuple[str, str], _Door] = {}

    def upload_url(self, files: dict[str, bytes], name: str, digest: str = "") -> str:
        """Give an address to put `files[name]` at, refused if its MD5 is not `digest`."""
        return self._open("PUT", files, name, digest)

    def download_url(self, files: dict[str, bytes], name: str) -> str:
        """Give an address to get `files[name]` from."""
        return self._open("GET", files, name, "")

    def put(self, path: str, content: bytes, content_md5: str) -> str:
        """Keep content; give the file's name.

        Raises:
            Refused: The address was not handed out, or the content is not what was said.
        """
        door = self._door("PUT", path)
        for said in filter(None, (door.digest, content_md5)):
            if md5(content) != said:
                raise Refused(400, f"{door.name}: the MD5 is {md5(content)}, not {said}")
        door.files[door.name] = content
        return door.name

    def get(self, path: str) -> bytes:
        """Give content.

        Raises:
            Refused: The address was not handed out, or there is nothing any more.
        """
        door = self._door("GET", path)
        if door.name not in door.files:
            raise Refused(404, f"{door.name}: there is no such file")
        return door.files[door.name]

    def _open(self, method: str, files: dict[str, bytes], name: str, digest: str) -> str:
        path = f"/storage/{secrets.token_hex(16)}/{quote(name)}"
        self._doors[method, path] = _Door(files, name, digest)
        return self._address() + path

    def _door(self, method: str, path: str) -> _Door:
        if (method, path) not in self._doors:
            raise Refused(403, f"{method} {path}: no such address was handed out")
        return self._doors[method, path]
