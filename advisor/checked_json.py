"""A JSON file with its schema and a checksum of its content: what was fitted is what is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.errors import AdvisorError


def write_checked(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON values, among them ``schema``, with their SHA-256; a file of before stays until that is done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps({**content, "sha256": _digest(content)}, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def read_checked(path: Path, schema: str, what: str, hint: str) -> dict[str, Any]:
    """Read what ``write_checked`` wrote.

    Parameters
    ----------
    path : Path
        The file.
    schema : str
        The schema that it must have.
    what : str
        What it holds, for messages: "response model".
    hint : str
        What to do without it.

    Raises
    ------
    AdvisorError
        If the file is missing, changed since it was written, or of another schema.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found, digest = content["schema"], content.pop("sha256")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AdvisorError(f"no usable {what} in {path.parent}", cause=str(error), hint=hint) from error
    if found != schema:
        raise AdvisorError(f"the {what} in {path.parent} is of schema {found}", hint=hint)
    if digest != _digest(content):
        raise AdvisorError(f"{path} is not the file that was fitted", cause="it changed", hint=hint)
    return content


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
