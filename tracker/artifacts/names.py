"""Names that any machine and any remote can take: one rule for paths and artifact names.

An artifact made on Linux is read on Windows and macOS, and its paths are written into
folders there. So a name is refused if it could leave the folder, mean a device, be changed
by a file system, or fall together with another one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from itertools import pairwise

from tracker.errors import BadInput

PART_BYTES = 255
"""Longest part of a path, in UTF-8 bytes: the limit of ext4, XFS, APFS and NTFS."""

PATH_BYTES = 4096
"""Longest path in a manifest, in UTF-8 bytes: Linux' PATH_MAX."""

_SHOWN = 120
"""Characters of a name that a message shows."""

_DRIVE = re.compile(r"[A-Za-z]:")
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file: superscript digits count too.
_DEVICE = re.compile(
    r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[1-9¹²³]) *(?:\..*)?", re.IGNORECASE
)
_REFUSED = re.compile(r'[<>:"|?*]')
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")  # Unicode's Cc, Zl and Zp

_PATH_RULES: tuple[tuple[Callable[[str], object], str], ...] = (
    (lambda path: not path, "it is empty"),
    (lambda path: not _encodes(path), "it holds bytes that are not UTF-8 text"),
    (lambda path: len(path.encode()) > PATH_BYTES, f"it is longer than {PATH_BYTES} bytes"),
    (lambda path: "\\" in path, "it holds a backslash; parts are separated by '/'"),
    (lambda path: path.startswith("/"), "it is absolute"),
    (_DRIVE.match, "it begins with a drive letter"),
)

_PART_RULES: tuple[tuple[Callable[[str], object], str], ...] = (
    (lambda part: not part, "a part of it is empty"),
    (lambda part: part in {".", ".."}, "it holds the part '.' or '..'"),
    (lambda part: len(part.encode()) > PART_BYTES, f"a part is longer than {PART_BYTES} bytes"),
    (_CONTROL.search, "it holds a control character or a line break"),
    (_REFUSED.search, 'it holds one of < > : " | ? *, which Windows refuses'),
    (lambda part: part[-1] in ". ", "a part ends in a dot or a space, which Windows drops"),
    (_DEVICE.fullmatch, "a part is the name of a device on Windows (CON, NUL, COM1, ...)"),
)


def check_path(path: str) -> str:
    """Return `path` if it can be the path of a file in a manifest: relative, parts by "/".

    Raises:
        BadInput: it cannot; the message says why and what to do.
    """
    if fault := _fault(path):
        raise BadInput(
            f"the path {shown(path)} cannot be part of an artifact: {fault}. "
            "Rename the file or folder, then log it again."
        )
    return path


def check_name(name: str) -> str:
    """Return `name` if it can name an artifact: one part of a path, by the rules of paths.

    Raises:
        BadInput: it cannot; the message says why and what to do.
    """
    if fault := _part_fault(name):
        raise BadInput(f"the artifact name {shown(name)} cannot be used: {fault}. Pick another.")
    return name


def check_file(name: str) -> str:
    """Return `name` if it can name a file of media: one part of a path, by the rules of paths.

    Raises:
        BadInput: it cannot; the message says why and what to do.
    """
    if fault := _part_fault(name):
        raise BadInput(
            f"the file name {shown(name)} cannot be used: {fault}. Give a name without folders."
        )
    return name


def check_distinct(paths: Iterable[str]) -> None:
    """Check that paths, each right by itself, stay apart on every file system.

    Two paths, or two folders in them, must not differ by letter case or by Unicode
    composition only, and no path may be a file and a folder.

    Raises:
        BadInput: two do not; names both.
    """
    # "/" as the lowest character: what shares a folder stands together, and a file stands
    # right before what lies in a folder of its name. So neighbours show every collision.
    ordered = sorted((_folded(path).replace("/", "\0"), path) for path in paths)
    for (folded, path), (next_folded, next_path) in pairwise(ordered):
        if fault := _collision(folded.split("\0"), path, next_folded.split("\0"), next_path):
            raise BadInput(
                f"the paths {shown(path)} and {shown(next_path)} cannot be in one artifact: "
                f"{fault}. Rename one, then log it again."
            )


def shown(name: object) -> str:
    """Show a name in a message: quoted, unprintable characters escaped, cut if long."""
    text = repr(name)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _fault(path: object) -> str | None:
    if not isinstance(path, str):
        return "it is not a string"
    for broken, fault in _PATH_RULES:
        if broken(path):
            return fault
    for part in path.split("/"):
        for broken, fault in _PART_RULES:
            if broken(part):
                return fault
    return None


def _part_fault(name: str) -> str | None:
    return _fault(name) or ("it holds a '/'" if "/" in name else None)


def _encodes(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:  # unpaired surrogates: how Python shows such file names
        return False
    return True


def _folded(path: str) -> str:
    """Give what file systems that ignore case and composition take for the same name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def _collision(folded: list[str], path: str, next_folded: list[str], next_path: str) -> str | None:
    shared = 0
    for part, next_part in zip(folded, next_folded, strict=False):
        if part != next_part:
            break
        shared += 1
    if path == next_path:
        return "they are the same"
    if path.split("/")[:shared] != next_path.split("/")[:shared]:
        return "they differ by letter case or Unicode composition only"
    if shared == len(folded):
        return "one is a file where the other needs a folder"
    return None
