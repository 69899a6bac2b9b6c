"""What MkDocs is told beyond mkdocs.yml: pages from elsewhere in the repository, and links as GitHub shows them.

A link is relative in the repository, where most people read it. On the site a link to another page leads there, one to
a file that is no page becomes its name, and one that leads nowhere stays, for MkDocs to refuse.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
ELSEWHERE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "meta_data/README.md": "evidence/meta-data.md",
    "meta_data/pool/README.md": "evidence/pool.md",
    "meta_data/recipes.SOURCES.md": "evidence/recipes.md",
}
"""Pages by their file in the repository, and where they are on the site."""
IN_PARTS = ("commands.md", "diagnoses.md", "features.md", "models.md", "promises.md")
"""Pages of docs/ that nobody reads at once: on the site every section is a page of its own."""
LAST = "Evidence"
PYTHON = "reference/python.md"
SECTIONS = {
    "Advice": ("suggest", "Advisor", "Suggestion"),
    "Recording": ("autolog", "record_run", "ActiveRun", "Recorder", "process_recorder"),
    "Records": ("Store", "import_runs", "ImportReport"),
    "Errors": ("AdvisorError", "UsageError", "DatasetError", "StoreError", "MissingExtraError"),
}
"""Public names by what they are for; the others are for plugins."""
IN_RECORDS = ("Run", "Epoch", "Dataset", "Status", "Source")
"""Public names that reference/records.md describes."""

_ROW = re.compile(r"^\|.*$", re.MULTILINE)
_CODE = re.compile(r"`[^`]*`")
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are not in docs/, and the sections that are pages of their own."""
    from mkdocs.structure.files import File  # here, so that what needs no site can be tried without MkDocs

    for path, page in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / path).read_text(encoding="utf-8")))
    files.append(File.generated(config, PYTHON, content=python_page()))
    for page in IN_PARTS:
        files.remove(files.get_file_from_path(page))
        parts = sections(page)
        for uri, content in parts.items():
            files.append(File.generated(config, uri, content=content))
        config.nav = _with_sections(config.nav, page, list(parts))
    named = set(_pages(config.nav))
    others = sorted(file.src_uri for file in files.documentation_pages() if file.src_uri not in named)
    config.nav = [*config.nav, {LAST: others}]
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turn links between files of the repository into links between pages."""
    page_uri = page.file.src_uri
    whole = next((page for page in IN_PARTS if page_uri.startswith(page.removesuffix(".md") + "/")), page_uri)
    source = next((path for path, uri in ELSEWHERE.items() if uri == page_uri), f"docs/{whole}")

    def turned(link: re.Match[str]) -> str:
        picture, text, target = link.groups()
        target, _, place = target.partition("#")
        if not target or ":" in target:
            return link[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        uri = ELSEWHERE.get(path, path.removeprefix("docs/"))
        if files.get_file_from_path(uri) is None:
            return text if (ROOT / path).exists() else link[0]
        there = posixpath.relpath(uri, posixpath.dirname(page_uri) or ".")
        return f"{picture}[{text}]({there}{'#' * bool(place)}{place})"

    return _ROW.sub(_unescaped, _LINK.sub(turned, markdown))


def sections(page: str) -> dict[str, str]:
    """Return a page of docs/ by its sections, the first of which is what stands before them, and links to them."""
    first, *others = re.split(r"^## ", (ROOT / "docs" / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    stem = page.removesuffix(".md")
    titles = [other.partition("\n")[0] for other in others]
    names = [f"{stem}/{re.sub('[^a-z0-9]+', '-', title.lower())}.md" for title in titles]
    links = "".join(f"- [{title}]({name})\n" for title, name in zip(titles, names, strict=True))
    return {page: f"{first}\n{links}", **{name: f"# {other}" for name, other in zip(names, others, strict=True)}}


def python_page() -> str:
    """Return the page of every public name, each where it is defined."""
    sys.path.insert(0, str(ROOT))
    import advisor

    named = {name for names in SECTIONS.values() for name in names}
    rest = [name for name in advisor.__all__ if name in advisor._PUBLIC and name not in {*named, *IN_RECORDS}]
    lines = ["# Python", "", "All that `import advisor` gives; whatever is elsewhere may change without notice.", ""]
    lines += ["[Python by example](examples.md) shows how it is used.", ""]
    lines += [f"{', '.join(f'`{name}`' for name in IN_RECORDS)} are in [what is recorded](records.md).", ""]
    for title, names in {**SECTIONS, "For plugins": rest}.items():
        lines += [f"## {title}", ""]
        for name in names:
            lines += [f"::: {advisor._PUBLIC[name]}.{name}", "    options: {heading_level: 3}", ""]
    return "\n".join(lines)


def _unescaped(row: re.Match[str]) -> str:
    """Return a row of a table as MkDocs reads it: in code a vertical bar parts no cells, and needs no backslash."""
    return _CODE.sub(lambda code: code[0].replace(r"\|", "|"), row[0])


def _with_sections(nav: Any, page: str, parts: list[str]) -> Any:
    if isinstance(nav, list):
        return [_with_sections(item, page, parts) for item in nav]
    if isinstance(nav, dict):
        return {title: parts if item == page else _with_sections(item, page, parts) for title, item in nav.items()}
    return nav


def _pages(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [page for part in parts for page in _pages(part)]
