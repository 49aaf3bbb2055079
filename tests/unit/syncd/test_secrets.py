"""What looks like a secret in a config never goes; what only sounds like one does."""

from __future__ import annotations

import pytest

from syncd.secrets import masked

SECRET = [
    "password", "db/password", "db.password", "DB_PASSWORD", "dbPassword", "passwd", "smtp-passwd",
    "secret", "client_secret", "aws/secret_access_key", "token", "hf_token", "HFToken",
    "auth/accessToken", "token_prod", "wandb/api_key", "api-key", "apikey", "OPENAI_API_KEY",
    "APIKey", "apiKeys", "api_keys/openai", "api/key", "access_key", "AWS_ACCESS_KEY_ID",
    "private_key", "credential", "credentials", "credentials/user", "secrets/hf", "passphrase",
]  # fmt: skip
PLAIN = [
    "tokenizer", "tokenizer/name", "max_tokens", "token_count", "n_tokens", "tokens", "maxTokens",
    "token_type", "eos_token", "pad_token_id", "token/count", "key", "keys", "primary_key",
    "access", "privately", "secretary", "passwordless", "optim/lr", "api_version", "",
    "token_embedding", "tokenizer/eos_token", "keypoints",
]  # fmt: skip


@pytest.mark.parametrize("key", SECRET)
def test_a_secret_is_masked(key):
    assert masked({key: "x", "lr": 1}) == ({key: "***", "lr": 1}, 1)


@pytest.mark.parametrize("key", PLAIN)
def test_what_is_none_stays(key):
    values = {key: "x"}
    assert masked(values) == (values, 0)


@pytest.mark.parametrize("value", [None, "", True, False])
def test_nothing_is_no_secret(value):
    assert masked({"password": value}) == ({"password": value}, 0)


def test_a_number_may_be_a_password_but_is_no_token():
    values = {"password": 1234, "token": 512, "lr_per_token": 0.1, "token_weights": [1, 2.5]}
    assert masked(values) == (values | {"password": "***"}, 1)


def test_secrets_in_lists_and_dicts_are_masked_too():
    values = {"servers": [{"host": "h", "password": "x"}, [{"tokens": 1, "apiKey": ["y"]}]]}
    expected = {"servers": [{"host": "h", "password": "***"}, [{"tokens": 1, "apiKey": "***"}]]}
    assert masked(values) == (expected, 2)
    assert list(values["servers"][0].values()) == ["h", "x"]
