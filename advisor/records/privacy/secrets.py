"""Takes secrets out of what is about to be recorded: keys, tokens, passwords, URLs with credentials."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from advisor.records.privacy.secret_shapes import PEM, SHAPES, WEBHOOKS, is_secret_name, secrecy

HIDDEN = "***"

_LEAST_NUMBER = 100_000
"""A number from here on may be a token; a smaller one of such a name counts something."""
_SHORT = 1_000
"""Texts up to this length come again and again, and are remembered."""
_ASSIGNMENT = re.compile(r"^(-{0,2}[A-Za-z][\w.-]*)=(.+)$", re.DOTALL)
_USER_INFO = re.compile(r"(?<![A-Za-z0-9+.-])(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/\s]+@")
_QUERY = re.compile(r"([?&#;]([\w.-]+)=)[^&#;\s]+")
_SIGNATURES = ("sig", "signature")
# Where a value follows its name in running text: "--token x"; "password: x", also quoted; "the password is x"; and
# "my token is x" where x is long and has digits and letters.
_NAMED = re.compile(
    r"""(?<![\w.-])(?:(--?[A-Za-z_][\w.-]*)\s+(?![-\s])|(-{0,2}[A-Za-z_][\w.-]*)["']?\s*(?:=|:(?!//))\s*"""
    r"""|((?i:password|passwd|passphrase|pwd))\s+(?:(?:is|was):?\s+|(?=\S*[\d!@#$%^&*]))"""
    r"""|((?i:token|api[ _-]?key|secret|key))\s+(?:(?:is|was):?\s+)?(?=[^\s/.]*\d)(?=[^\s/.]*[A-Za-z])"""
    r"""(?=[^\s/.]{16}))"""
)
_VALUE = re.compile(
    r"""\*\*\*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:Bearer|Basic|Token|Digest)\s+\S+|\S+""", re.I | re.DOTALL
)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}", re.I)


def scrub(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with every secret replaced by ``***``, at any depth.

    A value is a secret if its name says so (``api_key``, ``hf_token``, ``password``, …) or its form does: the user part
    of a URL, a token in its query, the tokens and webhooks of well-known services, a private key, ``--password=…`` in a
    list, ``password: …`` or ``the password is …`` in a text.

    Parameters
    ----------
    values : mapping
        Arguments or settings by name.
    """
    return {name: _named(str(name), value) for name, value in values.items()}


def scrub_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a record with every secret in a text, and in a mapping of further values, replaced."""
    return {
        name: scrub_text(value) if type(value) is str else scrub(value) if isinstance(value, Mapping) else value
        for name, value in fields.items()
    }


def scrub_text(text: str) -> str:
    """Return a text with what has the form of a secret replaced by ``***``."""
    return _scrub_short(text) if len(text) <= _SHORT else _scrub(text)


def _scrub(text: str) -> str:
    text = PEM.sub(HIDDEN, text)
    text = WEBHOOKS.sub(rf"\g<1>{HIDDEN}", text)
    text = _USER_INFO.sub(rf"\g<scheme>{HIDDEN}@", text)
    text = _QUERY.sub(_hide_in_query, text)
    return _hide_named(_BEARER.sub(rf"\g<1> {HIDDEN}", SHAPES.sub(HIDDEN, text)))


_scrub_short = functools.lru_cache(maxsize=65_536)(_scrub)


def _hide_in_query(found: re.Match[str]) -> str:
    secret = is_secret_name(found[2]) or found[2].lower().endswith(_SIGNATURES)
    return f"{found[1]}{HIDDEN}" if secret else found[0]


def _hide_named(text: str) -> str:
    shown, end, at = [], 0, 0
    while found := _NAMED.search(text, at):
        at = found.end()
        value = _VALUE.match(text, at) if is_secret_name(found[1] or found[2] or found[3] or found[4]) else None
        if value:
            shown += [text[end:at], HIDDEN]
            end = at = value.end()
    return "".join([*shown, text[end:]])


def _named(name: str, value: Any) -> Any:
    degree = secrecy(name)
    return _hidden(value, degree) if degree else _unnamed(value)


def _hidden(value: Any, degree: int) -> Any:
    """Return what may be shown of the value of a secret's name: that there is none, a switch, a count."""
    if value is None or isinstance(value, bool) or value == "":
        return value
    if degree == 1 and isinstance(value, (int, float)) and not abs(value) >= _LEAST_NUMBER:
        return value
    if degree == 1 and isinstance(value, dict):
        return {name: _hidden(item, degree) for name, item in value.items()}
    if degree == 1 and isinstance(value, (list, tuple)):
        return [_hidden(item, degree) for item in value]
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
