"""Writes the page on features: ``python -m research.pages.features_page > docs/features.md``."""

from __future__ import annotations

from advisor.describe.features.spec import FEATURES_VERSION, all_features

GROUPS = {
    "size": "Size and classes: exact counts of the whole dataset.",
    "images": "Images: from the training pictures of the sample, as 64 x 64 thumbnails.",
    "structure": "Structure: how classes lie to each other, from simple classifiers on the same thumbnails.",
    "probe": "Probe: only with `--probe SECONDS`, which needs the extra `timm`; a tiny network trained for a fixed "
    "number of steps at five learning rates.",
}
_HEAD = f"""# Features of a dataset

<!-- Written by `make docs` from advisor/describe; do not edit. -->

`advisor describe --dataset PATH --format json` gives these under `features`; records keep them with
`features_version`, now {FEATURES_VERSION}, which is raised whenever a value changes for the same dataset.

The pictures are a sample drawn with a fixed seed: at most 1,600 training and 400 validation images, of at most 100
classes. A feature that is unknown for a dataset is left out. *Cost* says what a feature needs: `counts` of files,
`pixels` of the sample, `fits` of simple classifiers (together about two seconds of one processor), or the `probe`.
Features of a plugin (hook `advisor_meta_features`) carry its name before a dot.
"""


def page() -> str:
    """Return the page as Markdown: a table for each group."""
    parts = [_HEAD]
    for group, title in GROUPS.items():
        heading, _, text = title.partition(": ")
        parts.append(f"## {heading}\n\n{text[0].upper()}{text[1:]}\n")
        parts.append("| feature | formula | range | cost | why it should matter |\n|---|---|---|---|---|")
        rows = (f for f in all_features() if f.group == group)
        parts.append("\n".join(f"| `{f.name}` | {f.formula} | {f.range} | {f.cost} | {f.why} |" for f in rows) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")
