"""Secrets never reach a record, and what is none stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.records.recording.secrets import HIDDEN, scrub, scrub_text


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
        ("run on db2 with password: pa55word, seed 3", "run on db2 with password: *** seed 3"),
        ("the password is pa55word", "the password is ***"),
        ("log in as me, password pa55word", "log in as me, password ***"),
        ("curl --user me --api-key pa55word --lr 0.1", "curl --user me --api-key *** --lr 0.1"),
        ("{'hf_token': 'pa55 word', 'lr': 0.1}", "{'hf_token': ***, 'lr': 0.1}"),
        ('{"note": "x", "password":"pa\\"55"}', '{"note": "x", "password":***}'),
        ("env: WANDB_API_KEY=pa55word", "env: WANDB_API_KEY=***"),
        ("lr=0.1 token: Basic pa55word", "lr=0.1 token: ***"),
        (
            "password protected images, num_tokens: 5, author: me",
            "password protected images, num_tokens: 5, author: me",
        ),
        ("KeyError: 'head.weight'", "KeyError: 'head.weight'"),
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


@given(st.text(alphabet="pwd is:='\"-*\\a1token", max_size=60))
def test_masking_a_text_twice_changes_nothing_more(text: str) -> None:
    once = scrub_text(text)
    assert scrub_text(once) == once


@given(st.from_regex(r"[a-z]{8,20}", fullmatch=True))
def test_no_password_of_a_url_survives(password: str) -> None:
    found = scrub({"url": f"https://me:{password}@example.org/", "list": [f"--pwd={password}", "--secret", password]})
    assert password not in repr(found)
