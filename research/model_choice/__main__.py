"""Fits and judges what is expected of models.

``python -m research.model_choice FOLDER OUT`` fits it to the Quick-Tune meta-dataset in a folder and writes
``model.json`` into another. ``--page PAGE`` also judges it on datasets left out, and writes the page; ``--check`` fits
it again and compares it with what is in OUT.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from advisor.errors import AdvisorError
from advisor.learn.model_choice import ModelChoice
from research.model_choice.fitting import fit
from research.model_choice.page import write_page
from research.model_choice.runs import TRIALS, Reached, read_reached
from research.response_model.artefact import NOTICE, SOURCE

_TOLERANCE = 0.01
"""How far weights, on the scale of the logit, may differ between machines."""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m research.model_choice", description=__doc__)
    parser.add_argument("folder", type=Path, help="the Quick-Tune meta-dataset: table.csv, curves/, meta/")
    parser.add_argument("out", type=Path, help="where model.json is written, or compared with")
    parser.add_argument("--page", type=Path, help="write docs/models.md there")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    try:
        reached = read_reached(arguments.folder)
        model = fit(reached, provenance=_provenance(reached))
        if arguments.check:
            sys.exit(_compare(model, ModelChoice.load(arguments.out)))
        model.save(arguments.out)
        if arguments.page:
            arguments.page.write_text(write_page(reached, model, arguments.folder), encoding="utf-8")
    except AdvisorError as error:
        sys.exit(f"{error}\n{error.hint}")


def _provenance(reached: Reached) -> dict[str, object]:
    return {
        **SOURCE,
        "notice": NOTICE,
        "runs": reached.runs,
        "n_train": [int(reached.n_train.min()), int(reached.n_train.max())],
        "datasets": len(np.unique(reached.dataset)),
        "models": len(np.unique(reached.names)),
        "target": f"expected best top-1 accuracy of {TRIALS} random runs of more than one epoch",
    }


def _compare(again: ModelChoice, shipped: ModelChoice) -> str | int:
    if (again.families, again.architectures) != (shipped.families, shipped.architectures):
        return "The shipped model is of other families and architectures than the runs give."
    largest = float(np.max(np.abs(again.mean - shipped.mean)))
    if largest > _TOLERANCE:
        return f"The shipped model is not what the runs give: weights differ by {largest:.3f}."
    print(f"The shipped model is what the runs give: {len(again.mean)} weights agree within {largest:.4f}.")
    return 0


if __name__ == "__main__":
    main()
