"""Errors that are explained to the user instead of shown as a traceback."""

from __future__ import annotations


def install_command(extra: str) -> str:
    """Return the command that installs an extra from where this program was installed from: an index or a checkout."""
    import json
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import unquote, urlsplit

    try:
        origin = json.loads(distribution("timm-advisor").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        origin = {}
    address = urlsplit(str(origin.get("url", "")))
    if address.scheme != "file" or "dir_info" not in origin:
        return f"pip install 'timm-advisor[{extra}]'"
    option = "--editable " if origin["dir_info"].get("editable") else ""
    return f"pip install {option}'{unquote(address.path)}[{extra}]'"


class AdvisorError(Exception):
    """A failure whose problem, cause and remedy are known.

    Parameters
    ----------
    problem : str
        What is wrong, one sentence without a final full stop.
    cause : str, optional
        Why it is so, one sentence.
    hint : str, optional
        The next command to type, or what else to do.
    """

    exit_code = 1

    def __init__(self, problem: str, *, cause: str = "", hint: str = "") -> None:
        self.problem = problem
        self.cause = cause
        self.hint = hint
        super().__init__(": ".join(part for part in (problem, cause) if part))


class UsageError(AdvisorError):
    """The request itself cannot be carried out as written (exit status 2)."""

    exit_code = 2


class DatasetError(AdvisorError):
    """The dataset is missing, unreadable, or not single-label image classification."""


class StoreError(AdvisorError):
    """The store of records cannot be opened, read or written."""


class MissingExtraError(AdvisorError):
    """An optional dependency is needed and not installed.

    Parameters
    ----------
    package : str
        The package that is missing.
    extra : str
        The extra of timm-advisor that brings it.
    purpose : str
        What it is needed for, to end the sentence "... is needed to".
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{package} is needed to {purpose}",
            cause=f"{package} is not installed in this environment",
            hint=install_command(extra),
        )
