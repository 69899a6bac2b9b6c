"""What secrets look like: the names that their values have, and the forms that tell them without a name.

The forms are those of services that people train with, as published by these or by detect-secrets (Yelp, Apache 2.0).
That library itself is not used: it took 7 ms a line where this takes microseconds, brings a client for HTTP into the
training process, and has none of Discord, Hugging Face, Teams or Telegram inside an address.
"""

from __future__ import annotations

import functools
import re

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_STRONG = re.compile(
    r"\w*(?:password|passwd|passphrase|passcode|passkey|credential|apikey|privatekey|accesskey|secretkey)\w*"
    r"|\w*secrets?|secret(?!ar|ion|ly)\w*|\w*pwds?|bearers?|cookies?|creds?|authorization|dsn"
)
"""Words whose value is a secret whatever stands beside them."""
_WEAK = re.compile(r"\w*(?:keys?|tokens?|pass(?:es)?|auths?|creds)(?:files?|rings?|stores?|strings?|headers?|id)?")
"""Words whose value is one unless something beside them says that it is not."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NO_SECRET = _words(
    "monkey turkey donkey hockey jockey whiskey turnkey hotkey sacred bypass compass encompass trespass overpass "
    "underpass surpass lowpass highpass bandpass"
)
_BESIDE_OTHERS = (
    _words(  # of datasets, checkpoints and dictionaries
        "input target label labels image images class cls classes model state dict sort group primary foreign column "
        "json error map name names type types missing unexpected point points frame frames word words"
    )
    | _words(  # of networks
        "pad mask eos bos unk sep dist reg register special patch pos prefix mixer mix mixing dim dims head heads "
        "ratio bias init norm padding pool pooling embed embedding drop dropout merge merging prune pruning keep "
        "size length len idx grid query qk labeling level mean avg first last all every"
    )
    | _words("num n max min per count counts total number forward backward warmup single multi two through")
)
"""With one of these a key, a token or a pass is that of a dataset, a network or a loop."""
_OF_SECRETS = _words(
    "api access account auth oauth private public ssh gpg pgp encryption encrypt signing sign master client refresh "
    "session bot user service app deploy admin root login license wandb comet neptune clearml mlflow hf hub "
    "huggingface github gitlab git aws s3 gcp azure openai anthropic kaggle slack discord telegram webhook db "
    "database npm pypi"
)
"""With one of these it is a secret again."""

_SHAPES: tuple[str, ...] = (
    r"hf_[A-Za-z0-9]{16,}|api_org_[A-Za-z0-9]{16,}",  # Hugging Face
    r"gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_\w{20,}",
    r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas)-[\w-]{16,}",  # GitLab
    r"(?<!-)sk-(?=[\w-]{0,60}\d)[\w-]{20,}|sess-[A-Za-z0-9]{20,}",  # OpenAI, Anthropic and those who follow them
    r"gsk_[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{20,}|nvapi-[\w-]{20,}|wandb_v\d_\w{20,}|rpa_[A-Z0-9]{30,}",
    r"xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{10,}",  # Slack
    r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}",  # a bot of Discord
    r"\d{8,10}:[\w-]{35}",  # a bot of Telegram
    r"A(?:KIA|SIA|BIA|CCA|GPA|IDA|ROA|IPA|NPA|NVA)[0-9A-Z]{16}",  # Amazon
    r"AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}",  # Google
    r"npm_[A-Za-z0-9]{20,}|pypi-[\w-]{20,}|dckr_pat_[\w-]{20,}|rubygems_[a-f0-9]{40,}|oy2[a-z0-9]{43}",
    r"[spr]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,}|sq0[a-z]{3}-[\w-]{20,}",  # Stripe, Square
    r"SG\.[\w-]{16,80}\.[\w-]{16,}|key-[0-9a-f]{32}|[0-9a-f]{32}-us\d{1,2}|SK[0-9a-f]{32}",  # senders of mail
    r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|do[opr]_v1_[a-f0-9]{40,}|dapi[0-9a-f]{32}|hv[bs]\.[\w-]{20,}|lin_api_\w{20,}",
    r"AGE-SECRET-KEY-1[0-9A-Z]{20,}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|glsa_\w{32,}|tskey-[\w-]{20,}|ntn_\w{30,}",
    r"eyJ[\w-]{8,2000}\.[\w-]+\.[\w-]*|eyJ[\w-]{30,}",  # JSON web tokens, and what else is JSON in base 64
)
SHAPES = re.compile(rf"(?<!\w)(?:{'|'.join(_SHAPES)})")
"""Tokens of well-known services."""

WEBHOOKS = re.compile(
    r"(?<![\w.-])(hooks\.slack\.com/|discord(?:app)?\.com/api/(?:v\d+/)?webhooks/|api\.telegram\.org/(?:file/)?bot"
    r"|[\w-]+\.webhook\.office\.com/|outlook\.office(?:365)?\.com/webhook/|[\w.-]+\.logic\.azure\.com[\w:]*/"
    r"|hooks\.zapier\.com/|maker\.ifttt\.com/|open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/"
    r"|chat\.googleapis\.com/v1/)[^\s\"'<>]+",
    re.I,
)
"""Addresses that whoever knows them may write to; what follows the first group is the secret."""

PEM = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*-----|\Z)", re.DOTALL)


def is_secret_name(name: str) -> bool:
    """Return whether a text of this name is a secret (``num_tokens`` and ``model_key`` are none)."""
    return secrecy(name) > 0


@functools.lru_cache(maxsize=65_536)
def secrecy(name: str) -> int:
    """Return 2 where whatever has this name is a secret, 1 where a text is, and 0 where nothing need be."""
    words = [word.lower() for part in re.split(r"[^A-Za-z0-9]+", name) for word in _WORDS.findall(part)]
    if any(map(_STRONG.fullmatch, words)) or _STRONG.fullmatch("".join(words[-2:])):
        return 2
    if not any(
        word.rstrip("s") not in _NO_SECRET and word not in _NO_SECRET and _WEAK.fullmatch(word) for word in words
    ):
        return 0
    return 0 if _BESIDE_OTHERS & set(words) and not _OF_SECRETS & set(words) else 1
