"""Names that could leave a folder, mean a device or fall together are refused, others pass."""

from __future__ import annotations

import ntpath
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tracker.artifacts import check_distinct, check_name, check_path
from tracker.errors import BadInput

REFUSED = {
    "": "empty",
    "/etc/passwd": "absolute",
    "//host/share": "absolute",
    "C:/x": "drive letter",
    "c:x": "drive letter",
    "../x": "'..'",
    "a/../../x": "'..'",
    "./x": "'.'",
    "a/.": "'.'",
    "a//b": "empty",
    "a/": "empty",
    "a\\b": "backslash",
    "a\0b": "control character",
    "a\nb": "control character",
    "a\x1bb": "control character",
    "a\x7fb": "control character",
    "a\x85b": "control character",
    "a\u2028b": "line break",
    "CON": "device",
    "a/nul": "device",
    "Aux.txt": "device",
    "prn .txt": "device",
    "com1": "device",
    "LPT9.tar.gz": "device",
    "COM\u00b9": "device",
    "conin$": "device",
    "a.": "dot or a space",
    "a /b": "dot or a space",
    "...": "dot or a space",
    "a<b": "Windows refuses",
    "a>b": "Windows refuses",
    "a:b": "drive letter",
    "12:30:00.ckpt": "Windows refuses",
    'a"b': "Windows refuses",
    "a|b": "Windows refuses",
    "a?b": "Windows refuses",
    "a*b": "Windows refuses",
    "\ud800": "UTF-8",
    "a/" + "x" * 256: "longer than 255 bytes",
    "\u00e9" * 128: "longer than 255 bytes",
    "/".join(["x" * 200] * 21): "longer than 4096 bytes",
}

ALLOWED = [
    "model.pt",
    ".hidden",
    "a/b/c",
    "..a",
    "a..b",
    " leading",
    "con1",
    "COM10",
    "console.log",
    "nulls/aux_data",
    "COM0x",
    "x" * 255,
    "\u00e9" * 127,
    "模型/重み.bin",
    "e\u0301",
    "\U0001f600",
    "a[1]{2}(3)#%&=+,;'@!~`^$-_",
]


@pytest.mark.parametrize(("path", "reason"), REFUSED.items(), ids=ascii)
def test_a_hard_path_is_refused_with_its_reason_and_the_next_step(path, reason):
    with pytest.raises(BadInput) as caught:
        check_path(path)
    assert reason in str(caught.value)
    assert "Rename" in str(caught.value)


@pytest.mark.parametrize("path", ALLOWED, ids=ascii)
def test_an_ordinary_path_is_given_back_as_it_is(path):
    assert check_path(path) == path


@pytest.mark.parametrize("name", [*REFUSED, "a/b", None, 7, b"x"], ids=ascii)
def test_an_artifact_name_is_one_part_and_a_string(name):
    with pytest.raises(BadInput, match="Pick another"):
        check_name(name)


def test_a_refusal_can_be_printed_anywhere_and_is_short():
    with pytest.raises(BadInput) as caught:
        check_path("\ud800\x1b[31m" * 10_000)
    str(caught.value).encode("ascii")
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 400


@given(st.text(max_size=20))
@example("a/CON .x")
@example("C:")
def test_whatever_passes_stays_below_the_folder_on_every_system(path):
    try:
        check_path(path)
    except BadInput:
        return
    assert ntpath.normpath(f"C:\\top\\{path}").startswith("C:\\top\\")
    assert ntpath.splitdrive(path)[0] == ""
    assert not path.startswith("/")
    assert all(part not in {"", ".", ".."} for part in path.split("/"))
    assert not any(unicodedata.category(char) in {"Cc", "Cs"} for char in path)
    assert path.encode().decode() == path


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        (["a", "b", "a"], "the same"),
        (["Model.pt", "model.pt"], "letter case"),
        (["x/A/1", "x/a/2"], "letter case"),
        (["stra\u00dfe", "STRASSE"], "letter case"),
        (["\u00e9", "e\u0301"], "composition"),
        (["a", "a/b"], "needs a folder"),
        (["a/b/c", "a!", "a-b", "a/b", "a.b"], "needs a folder"),
        (["A", "a/b"], "letter case"),
    ],
    ids=ascii,
)
def test_paths_that_fall_together_are_refused_in_any_order(paths, reason):
    for order in (paths, paths[::-1]):
        with pytest.raises(BadInput, match=reason):
            check_distinct(order)


def test_paths_that_only_look_alike_pass():
    check_distinct(["a", "a.b", "a!", "b/a", "b/b", "b.a/a", "ab", "b/c/a"])


def _slow_collision(paths):
    """Compare everything with everything: the rule as it is said, not as it is computed."""

    def fold(text):
        return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())

    spelled, files = {}, set()
    for path in paths:
        parts = path.split("/")
        for end in range(1, len(parts)):
            folder = "/".join(parts[:end])
            if spelled.setdefault(fold(folder), folder) != folder:
                return True
        if fold(path) in files or spelled.setdefault(fold(path), path) != path:
            return True
        files.add(fold(path))
    return any(
        fold("/".join(path.split("/")[:end])) in files
        for path in paths
        for end in range(1, path.count("/") + 1)
    )


_part = st.sampled_from(["a", "A", "b", "a!", "\u00e9", "e\u0301", "E\u0301", "\u00df", "ss"])


@given(st.lists(st.lists(_part, min_size=1, max_size=3).map("/".join), max_size=6))
def test_a_collision_is_found_exactly_where_comparing_all_pairs_finds_one(paths):
    try:
        check_distinct(paths)
    except BadInput:
        refused = True
    else:
        refused = False
    assert refused == _slow_collision(paths)
