"""Draws the README's picture, the program's own answer: ``python -m research.pages.suggestion_picture``."""

from __future__ import annotations

import os
import runpy
import tempfile
from pathlib import Path

from research.pages.rendering import DOCS

PICTURE = DOCS / "images" / "suggest.svg"
COMMAND = "advisor suggest --dataset stripes --model test_resnet --scratch --img-size 32 --max-epochs 20"


def picture() -> str:
    """Return the answer to ``COMMAND`` on the demo's unseen dataset, drawn as SVG."""
    from rich.console import Console

    from advisor.advise.output.render import to_table
    from advisor.api import Advisor

    write_stripes = runpy.run_path(str(DOCS / "demo" / "demo.py"))["write_stripes"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ADVISOR_STORE"] = f"sqlite:///{folder}/records.db"
        os.environ["ADVISOR_SPOOL_DIR"] = f"{folder}/spool"
        os.environ["ADVISOR_CACHE_DIR"] = f"{folder}/cache"
        # The picture shows the evidence that ships, whatever its author has trained.
        os.environ["ADVISOR_METAMODEL_DIR"] = f"{folder}/metamodel"
        write_stripes(Path(folder) / "stripes")
        suggestion = Advisor().suggest(
            Path(folder) / "stripes", model="test_resnet", pretrained=False, img_size=32, max_epochs=20
        )
        with open(os.devnull, "w") as nowhere:
            console = Console(record=True, width=110, file=nowhere, highlight=False)
            console.print(f"[bold]$ {COMMAND}[/bold]\n")
            console.print(to_table(suggestion))
            return console.export_svg(title="advisor suggest", unique_id="suggest")


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
