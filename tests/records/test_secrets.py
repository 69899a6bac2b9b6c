"""Secrets never reach a record, and what is none stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.records.secrets import HIDDEN, scrub


@pytest.mark.parametrize(
    "name",
    ["password", "wandb_api_key", "WANDB_API_KEY", "apiKey", "hf_token", "hf-token", "aws_secret_access_key", "auth",
     "credentials", "db.passwd", "sentry_dsn", "key", "private_key"],
)  # fmt: skip
def test_value_of_a_secret_name_is_hidden(name: str) -> None:
    assert scrub({name: "s3cr3t-value"}) == {name: HIDDEN}
    assert scrub({"nested": [{name: "s3cr3t-value"}]}) == {"nested": [{name: HIDDEN}]}


@pytest.mark.parametrize(
    "name", ["num_tokens", "token_mixer", "model_key", "keep_rate", "class_token_init", "author", "monkey", "keyframes"]
)
def test_other_names_keep_their_value(name: str) -> None:
    assert scrub({name: 12}) == {name: 12}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://user:pa55word@host/data", "https://***@host/data"),
        ("postgresql+psycopg://me:pa55word@db:5432/x", "postgresql+psycopg://***@db:5432/x"),
        ("s3://bucket/x?X-Amz-Signature=pa55word&a=1", "s3://bucket/x?X-Amz-Signature=***&a=1"),
        ("hf_AbCdEfGhIjKlMnOpQrSt", "***"),
        ("clone with ghp_abcdefghijklmnopqrstuvwxyz0123", "clone with ***"),
        ("Authorization: Bearer abcdefghijkl", "Authorization: Bearer ***"),
        ("--password=pa55word", "--password=***"),
        ("rand-m9-mstd0.5-inc1", "rand-m9-mstd0.5-inc1"),
        ("/data/imagenet/train", "/data/imagenet/train"),
        ("git@github.com:me/x.git", "git@github.com:me/x.git"),
    ],
)
def test_text_that_has_the_form_of_a_secret_is_masked(text: str, kept: str) -> None:
    assert scrub({"value": text}) == {"value": kept}


def test_word_after_a_secret_flag_is_hidden() -> None:
    words = ["train.py", "--token", "pa55word", "--lr", "0.1", "--key", "--amp"]
    assert scrub({"argv": words}) == {"argv": ["train.py", "--token", HIDDEN, "--lr", "0.1", "--key", "--amp"]}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_scrubbing_keeps_the_names_and_is_stable(values: dict[str, object]) -> None:
    once = scrub(values)
    assert once.keys() == values.keys()
    assert repr(scrub(once)) == repr(once)


@given(st.from_regex(r"[a-z]{8,20}", fullmatch=True))
def test_no_password_of_a_url_survives(password: str) -> None:
    found = scrub({"url": f"https://me:{password}@example.org/", "list": [f"--pwd={password}", "--secret", password]})
    assert password not in repr(found)
