"""Takes secrets out of what is about to be recorded: keys, tokens, passwords, URLs with credentials."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"

_SECRET = {
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "secrets",
    "credential",
    "credentials",
    "apikey",
    "bearer",
}
_SECRET_LAST = {"token", "auth", "dsn"}
_KEY_OF = {
    "api",
    "access",
    "account",
    "auth",
    "private",
    "ssh",
    "encryption",
    "wandb",
    "comet",
    "neptune",
    "hf",
    "license",
}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ASSIGNMENT = re.compile(r"^(-{0,2}[A-Za-z][\w.-]*)=(.+)$", re.DOTALL)
_USER_INFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/\s@]+@")
_QUERY = re.compile(
    r"([?&#;](?:[\w.-]*(?:token|key|password|passwd|secret|signature|credential|sig|auth)[\w.-]*)=)[^&#;\s]+", re.I
)
_SHAPES = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{16,}|gh[opsu]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|sk-[\w-]{20,}"
    r"|xox[abps]-[\w-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|eyJ[\w-]{10,}\.[\w-]+\.[\w-]+)"
)  # Hugging Face, GitHub, GitLab, OpenAI, Slack, Amazon, Google; JSON web tokens
# Where a value follows its name in running text: "--token x"; "password: x", also quoted; "the password is x".
_NAMED = re.compile(
    r"""(?<![\w.-])(?:(--?[A-Za-z_][\w.-]*)\s+(?![-\s])|(-{0,2}[A-Za-z_][\w.-]*)["']?\s*(?:=|:(?!//))\s*"""
    r"""|((?i:password|passwd|passphrase|pwd))\s+(?:(?:is|was):?\s+|(?=\S*[\d!@#$%^&*])))"""
)
_VALUE = re.compile(
    r"""\*\*\*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:Bearer|Basic|Token|Digest)\s+\S+|\S+""", re.I | re.DOTALL
)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}", re.I)


def scrub(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with every secret replaced by ``***``, at any depth.

    A value is a secret if its name says so (``api_key``, ``hf_token``, ``password``, …) or its form does: the user part
    of a URL, a token in its query, the tokens of well-known services, ``--password=…`` in a list, ``password: …`` or
    ``the password is …`` in a text.

    Parameters
    ----------
    values : mapping
        Arguments or settings by name.
    """
    return {name: _named(str(name), value) for name, value in values.items()}


@functools.lru_cache(maxsize=65_536)
def scrub_text(text: str) -> str:
    """Return a text with what has the form of a secret replaced by ``***``."""
    text = _USER_INFO.sub(rf"\g<scheme>{HIDDEN}@", text)
    text = _QUERY.sub(rf"\g<1>{HIDDEN}", text)
    return _hide_named(_BEARER.sub(rf"\g<1> {HIDDEN}", _SHAPES.sub(HIDDEN, text)))


def _hide_named(text: str) -> str:
    shown, end = [], 0
    for found in _NAMED.finditer(text):
        value = _VALUE.match(text, found.end())
        if found.start() >= end and value and is_secret_name(found[1] or found[2] or found[3]):
            shown += [text[end : found.end()], HIDDEN]
            end = value.end()
    return "".join([*shown, text[end:]])


@functools.lru_cache(maxsize=65_536)
def is_secret_name(name: str) -> bool:
    """Return whether a value of this name is a secret (``num_tokens`` and ``model_key`` are none)."""
    words = [word.lower() for part in re.split(r"[^A-Za-z0-9]+", name) for word in _WORDS.findall(part)]
    if not words:
        return False
    if _SECRET & set(words) or words[-1] in _SECRET_LAST:
        return True
    return words[-1] in ("key", "keys") and (len(words) == 1 or words[-2] in _KEY_OF)


def _named(name: str, value: Any) -> Any:
    if value is None or value is True or value is False or value == "" or not is_secret_name(name):
        return _unnamed(value)
    return HIDDEN


def _unnamed(value: Any) -> Any:
    if isinstance(value, str):
        assignment = _ASSIGNMENT.match(value)
        if assignment and is_secret_name(assignment[1]):
            return f"{assignment[1]}={HIDDEN}"
        return scrub_text(value)
    if isinstance(value, (list, tuple)):
        return _items(value)
    return scrub(value) if isinstance(value, dict) else value


def _items(values: list[Any] | tuple[Any, ...]) -> list[Any]:
    """Scrub a list; in one of command-line words, what follows ``--token`` is a secret."""
    cleaned: list[Any] = []
    after_flag = False
    for value in values:
        cleaned.append(HIDDEN if after_flag and not str(value).startswith("-") else _unnamed(value))
        after_flag = isinstance(value, str) and value.startswith("-") and "=" not in value and is_secret_name(value)
    return cleaned
