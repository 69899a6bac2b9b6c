"""Secrets never reach a record, and what is none stays."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.records.privacy.secrets import HIDDEN, scrub, scrub_text


def _words(text: str) -> list[str]:
    return text.split()


SECRET_NAMES = _words(
    "password passwords passwd db.passwd PGPASSWORD mysqlPassword user_passwords sudo_passwd passphrase ssh_passphrase "
    "pass db_pass dbpass userpass smtp_pass SMTP-PASS passcode passkey admin_passes pwd mypwd "
    "key keys key_1 api_key api_keys apikey apiKey APIKey wandb_api_key WANDB_API_KEY wandbkey WandbKey private_key "
    "privatekey access_keys aws_secret_access_key ssh_key license_key keyfile encryption_key signing_key_2 neptune_key "
    "comet-api-key my_key OPENAI_KEY model_api_key key_for_upload "
    "token tokens hf_token hf-token HF_TOKENS hftoken github_token auth_token authtoken access_token_v2 bearer_token "
    "refreshToken token_file slack_tokens session_token token_value bot_token token2 "
    "secret secrets client_secret client_secrets clientsecret secret_1 secretkey webhook_secret SECRETS_FILE "
    "auth auths oauth oauth2 basic_auth auth_header authorization X-Auth http_auth proxy_auth auth_string "
    "cred creds cred_file aws_creds credential credentials gcp_credentials credentialsFile cookie cookies set-cookie "
    "sentry_dsn dsn bearer"
)
OTHER_NAMES = _words(
    "num_tokens token_mixer model_key keep_rate class_token class_token_init author authors monkey monkeys keyframes "
    "keypoints input_key target_key image_key label_keys state_dict_key pad_token mask_tokens num_keys key_dim qk_norm "
    "tokenizer tokens_per_image bypass forward_passes num_passes compass passage accredited credit_card_images "
    "sacred_dir secretary_images keyword missing_keys max_tokens token_pool token_drop_ratio sort_key lr batch_size"
)


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_value_of_a_secret_name_is_hidden(name: str) -> None:
    assert scrub({name: "s3cr3t-value"}) == {name: HIDDEN}
    assert "s3cr3t" not in repr(scrub({"nested": [{name: ["s3cr3t-value"]}, {name: {"a": "s3cr3t-value"}}]}))
    assert "s3cr3t" not in repr(scrub({"argv": [f"--{name}", "s3cr3t-value", f"--{name}=s3cr3t-value"]}))
    assert "s3cr3t" not in scrub_text(f"failed with {name}=s3cr3t-value, and {name}: s3cr3t-value")


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_other_names_keep_their_value(name: str) -> None:
    assert scrub({name: 12}) == {name: 12}
    assert scrub({name: "first"}) == {name: "first"}


@pytest.mark.parametrize("name", ["token", "keys", "auth", "pass"])
def test_counts_and_switches_of_a_doubtful_name_are_kept(name: str) -> None:
    kept = {name: {"train": 12, "flag": True, "none": None, "empty": "", "rate": 0.5}}
    assert scrub(kept) == kept
    assert scrub({name: 123456}) == {name: HIDDEN}


def test_a_password_may_be_a_number() -> None:
    assert scrub({"password": 1234}) == {"password": HIDDEN}


# Made up, of the form that each service gives its own; joined here, so that no scanner takes them for real ones.
SHAPES = {
    "npm": "npm" + "_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "PyPI": "pypi" + "-AgEIcHlwaS5vcmcCJDAwMDAwMDAw",
    "Stripe": "sk" + "_live_a1B2c3D4e5F6g7H8",
    "Stripe restricted": "rk" + "_test_a1B2c3D4e5F6g7H8",
    "Amazon": "AKIA" + "IOSFODNN7EXAMPLE",
    "Amazon session": "ASIA" + "IOSFODNN7EXAMPLE",
    "Hugging Face": "hf" + "_AbCdEfGhIjKlMnOpQrSt",
    "GitHub": "ghp" + "_abcdefghijklmnopqrstuvwxyz0123",
    "GitHub fine-grained": "github" + "_pat_11ABCDEFG0abcdefghij_KLMNOP",
    "GitLab": "glpat" + "-abcdefghij1234567890",
    "OpenAI": "sk" + "-proj-abcd1234efgh5678ijkl",
    "Anthropic": "sk" + "-ant-api03-abcd1234efgh5678",
    "Slack": "xoxb" + "-1234567890-abcdefghij",
    "Slack app": "xapp" + "-1-A0123456789-1234567890",
    "Google": "AIza" + "SyA1234567890abcdefghijklmnopqrstu",
    "Google OAuth": "ya29" + ".a0AfH6SMBx1234567890abcd",
    "SendGrid": "SG" + ".abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz012345",
    "Discord bot": "MTk4NjIyNDgzNDcxOTI1MjQ4" + ".Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs",
    "Telegram bot": "110201543" + ":AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawX",
    "DigitalOcean": "dop" + "_v1_" + "0123456789abcdef" * 4,
    "Docker": "dckr" + "_pat_abcdefghijklmnopqrstuvwxyz",
    "NVIDIA": "nvapi" + "-abcdefghij_1234567890-abc",
    "Databricks": "dapi" + "0123456789abcdef" * 2,
    "Vault": "hvs" + ".CAESIabcdefghijklmnop1234",
    "JWT": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc_def-ghijkl",
    "age": "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
    "PEM": "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nzzz\n-----END RSA PRIVATE KEY-----",
    "PEM cut off": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA",
    "PGP": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBF\n-----END PGP PRIVATE KEY BLOCK-----",
}
WEBHOOKS = (
    "https://hooks.slack.com/services/T00000000/B00000000/abcdefghijkl",
    "https://discord.com/api/webhooks/123456789012345678/abcdefghijkl",
    "https://discordapp.com/api/v10/webhooks/123456789012345678/abcdefghijkl",
    "https://api.telegram.org/bot110201543:abcdefghijkl/sendMessage",
    "https://example.webhook.office.com/webhookb2/abcdefghijkl",
    "https://hooks.zapier.com/hooks/catch/1/abcdefghijkl/",
    "https://maker.ifttt.com/trigger/done/with/key/abcdefghijkl",
    "https://chat.googleapis.com/v1/spaces/A/messages?key=abcdefghijkl",
    "https://open.feishu.cn/open-apis/bot/v2/hook/abcdefghijkl",
)


@pytest.mark.parametrize("service", SHAPES)
def test_a_value_of_a_known_form_is_hidden_whatever_its_name(service: str) -> None:
    secret = SHAPES[service]
    assert scrub({"note": secret, "deep": [{"x": [secret]}]}) == {"note": HIDDEN, "deep": [{"x": [HIDDEN]}]}
    assert scrub_text(f"it failed: {secret}").endswith(HIDDEN)
    assert secret not in scrub_text(f'curl "https://example.org/x?a={secret}"')
    assert secret[8:] not in scrub_text(f"run:{secret}_more")


@pytest.mark.parametrize("address", WEBHOOKS)
def test_an_address_that_lets_write_is_hidden(address: str) -> None:
    hidden = scrub_text(f"told {address}")
    assert "abcdefghijkl" not in hidden
    assert hidden.startswith(f"told {address[:12]}")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://user:pa55word@host/data", "https://***@host/data"),
        ("postgresql+psycopg://me:pa55word@db:5432/x", "postgresql+psycopg://***@db:5432/x"),
        ("s3://bucket/x?X-Amz-Signature=pa55word&a=1", "s3://bucket/x?X-Amz-Signature=***&a=1"),
        ("hf_AbCdEfGhIjKlMnOpQrSt", "***"),
        ("clone with ghp_abcdefghijklmnopqrstuvwxyz0123", "clone with ***"),
        ("Authorization: Bearer abcdefghijkl", "Authorization: ***"),
        ("--password=pa55word", "--password=***"),
        ("run on db2 with password: pa55word, seed 3", "run on db2 with password: *** seed 3"),
        ("the password is pa55word", "the password is ***"),
        ("log in as me, password pa55word", "log in as me, password ***"),
        ("curl --user me --api-key pa55word --lr 0.1", "curl --user me --api-key *** --lr 0.1"),
        ("{'hf_token': 'pa55 word', 'lr': 0.1}", "{'hf_token': ***, 'lr': 0.1}"),
        ('{"note": "x", "password":"pa\\"55"}', '{"note": "x", "password":***}'),
        ("env: WANDB_API_KEY=pa55word", "env: WANDB_API_KEY=***"),
        ("https://me:pa@55word@host/data", "https://***@host/data"),
        ("Server=db;User=me;Password=pa55word;", "Server=db;User=me;Password=***;"),
        ("logging in with token abcd1234efgh5678ijkl", "logging in with token ***"),
        ("X-Api-Key: pa55word", "X-Api-Key: ***"),
        ("sk-learn-based-models-of-old", "sk-learn-based-models-of-old"),
        (
            "the key idea is in tokens of the image, see key_frames",
            "the key idea is in tokens of the image, see key_frames",
        ),
        ("d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e"),
        ("timm/vit_base_patch16_224.augreg_in21k", "timm/vit_base_patch16_224.augreg_in21k"),
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


@pytest.mark.parametrize(
    "part",
    [
        "akey",
        "?akey",
        "token ",
        "a://",
        "eyJ-",
        "eyJ.",
        "pass=",
        "-----BEGIN PRIVATE KEY-----",
        "a.b-",
        'key="\\',
        "sk-",
    ],
)
def test_a_long_text_takes_no_longer_than_its_length(part: str) -> None:
    """A regular expression that tries again at every place would take minutes."""
    began = time.process_time()
    scrub_text(part * (300_000 // len(part)))
    assert time.process_time() - began < 10
