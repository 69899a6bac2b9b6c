"""Draws the README's picture, the program's own answer: ``python -m research.pages.suggestion_picture``.

Asked for are values to fine-tune a real model on photographs. They were recorded, so the answer is of a meta-model that
was fitted without everything of their source, as if they were a user's.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

from advisor.advise.suggestion import Suggestion
from advisor.describe.model import model_features
from advisor.learn.artefact import fit_artefact
from advisor.learn.metamodel import meta_model_for
from advisor.learn.table import build_table
from advisor.records.evidence import Evidence, load_fine_tuning
from advisor.records.schema import Pretraining
from research.pages.rendering import DOCS

PICTURE = DOCS / "images" / "suggest.svg"
DATASET = "photos-mate-scene-128"
MODEL, SIDE = "tf_efficientnet_lite0", 64
COMMAND = f"advisor suggest --dataset {DATASET} --model {MODEL} --img-size {SIDE}"


def held_out_suggestion(evidence: Evidence) -> Suggestion:
    """Return the answer to ``COMMAND``, the source of the photographs left out of the evidence."""
    from advisor.api import Advisor
    from advisor.describe.dataset import Description

    asked = next(dataset for dataset in evidence.datasets if dataset.name == DATASET)
    others = [dataset for dataset in evidence.datasets if dataset.group != asked.group]
    seen = {dataset.dataset_id for dataset in others}
    runs = [run for run in evidence.runs if run.dataset_id in seen]
    table = build_table(runs, others, model_features)
    fitted = fit_artefact(table, runs, others, model=meta_model_for(Pretraining.IMAGENET))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ADVISOR_STORE"] = f"sqlite:///{folder}/records.db"
        os.environ["ADVISOR_SPOOL_DIR"] = f"{folder}/spool"
        # The picture shows the evidence that ships, whatever its author has trained.
        os.environ["ADVISOR_METAMODEL_DIR"] = f"{folder}/metamodel"
        adviser = Advisor(artefact=replace(Advisor().artefact, fine_tuning=fitted))
        described = Description(asked, "folder", {}, {}, (), (), (), 0)
        return adviser.suggest(described, model=MODEL, img_size=SIDE)


def picture(suggestion: Suggestion) -> str:
    """Return the answer to ``COMMAND`` as SVG."""
    from rich.console import Console

    from advisor.advise.output.table import to_table

    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=110, file=nowhere, highlight=False)
        console.print(f"[bold]$ {COMMAND}[/bold]\n")
        console.print(to_table(suggestion.model_dump()))
        return console.export_svg(title="advisor suggest", unique_id="suggest")


def main(path: Path = PICTURE) -> None:
    """Write the picture."""
    path.write_text(picture(held_out_suggestion(load_fine_tuning())), encoding="utf-8")


if __name__ == "__main__":
    main()
