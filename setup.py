"""The description on a package index: README.md, with links that lead somewhere from there.

In the repository links are relative. A release is built where the repository is (.github/workflows/release.yml), so
there they become links to the files of its tag. Built elsewhere, nobody knows where that is: only a link's text stays.
"""

import os
import re
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
RELATIVE_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:)([^)\s]+)\)")


def repository() -> str | None:
    """Return where the repository is, if this is built there."""
    name = os.environ.get("GITHUB_REPOSITORY")
    return f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{name}" if name else None


def description(home: str | None) -> str:
    """Return README.md as an index can show it."""
    (version,) = re.findall(r'__version__ = "(.+)"', (ROOT / "advisor" / "version.py").read_text(encoding="utf-8"))

    def absolute(link: re.Match[str]) -> str:
        picture, text, path = link.groups()
        if home is None:
            return "" if picture else text
        return f"{picture}[{text}]({home}/{'raw' if picture else 'blob'}/v{version}/{path})"

    return RELATIVE_LINK.sub(absolute, (ROOT / "README.md").read_text(encoding="utf-8"))


def pages(home: str | None) -> dict[str, str]:
    """Return what the index links to beside the description."""
    if home is None:
        return {}
    paths = {"Documentation": "/tree/main/docs", "Changelog": "/blob/main/CHANGELOG.md", "Issues": "/issues"}
    return {"Source": home, **{name: home + path for name, path in paths.items()}}


setup(
    long_description=description(repository()),
    long_description_content_type="text/markdown",
    project_urls=pages(repository()),
)
