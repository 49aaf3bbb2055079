"""Secrets in a config: values under keys that look like one never reach a remote.

A key is read in its words, in any case: ``db/adminPassword`` ends in "admin" and "password".

- Anywhere in a key: password, passwd, passphrase, secret, credential, api key (also as one
  word), access key, private key, and their plurals. All values below are masked but None,
  booleans and "".
- In its last part: token, where the value is not just numbers, and not where the word beside it
  says that it is a piece of text: ``eos_token``, ``token_type``. ``tokens`` and ``tokenizer``
  are other words.

Rather a value too many is masked than one too few: the journal has it all the same.
"""

from __future__ import annotations

import re
from typing import Any

MASK = "***"

_PARTS = re.compile(r"[/.]")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
_PLAIN = frozenset({"password", "passwd", "passphrase", "secret", "credential", "apikey"})
_BEFORE_KEY = frozenset({"api", "access", "private"})
_TEXT_BEFORE = re.compile(
    "pad|bos|eos|unk|sep|cls|mask|special|image|audio|video|start|end|stop|next|per|prefix|suffix"
)
_TEXT_AFTER = re.compile(
    "count|counts|id|ids|type|types|level|length|len|dim|size|index|limit|budget|embedding|"
    "embeddings|dropout|pooling|classification|merging|mixing|strategy|mask"
)


def masked(values: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """`values` with each secret masked, also inside of lists and dicts, and how many were."""
    counted = [0]
    found = {key: _masked(key, value, counted) for key, value in values.items()}
    return (found, counted[0]) if counted[0] else (values, 0)


def _masked(key: str, value: Any, counted: list[int]) -> Any:
    if _is_secret(key, value):
        counted[0] += 1
        return MASK
    if isinstance(value, dict):
        return {name: _masked(name, item, counted) for name, item in value.items()}
    if isinstance(value, list):
        return [_masked("", item, counted) for item in value]
    return value


def _is_secret(key: str, value: Any) -> bool:
    if value is None or value == "" or isinstance(value, bool):
        return False
    if _names_secret(_words(key)):
        return True
    return _names_token(_words(_PARTS.split(key)[-1])) and not _is_number(value)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(text)]


def _names_secret(words: list[str]) -> bool:
    singular = [word.removesuffix("s") for word in words]
    if not _PLAIN.isdisjoint(singular):
        return True
    pairs = zip(words, singular[1:], strict=False)
    return any(first in _BEFORE_KEY and second == "key" for first, second in pairs)


def _names_token(words: list[str]) -> bool:
    around = ["", *words, ""]
    return any(
        word == "token" and not _TEXT_BEFORE.fullmatch(before) and not _TEXT_AFTER.fullmatch(after)
        for before, word, after in zip(around, around[1:], around[2:], strict=False)
    )


def _is_number(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_number, value))
    return isinstance(value, (int, float))
