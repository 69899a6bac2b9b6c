"""Fits and judges the response model.

``python -m research.response_model FOLDER OUT`` fits it to the Quick-Tune meta-dataset in a folder and writes
``model.json`` into another. ``--page PAGE`` also judges it on what it has not seen, and writes the page; ``--check``
fits it again and compares it with what is in OUT.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from advisor.advise.recipes.recipes import shipped_recipes
from advisor.errors import AdvisorError
from advisor.learn.response import FineTuning, ResponseModel
from research.response_model.artefact import fit_response_model
from research.response_model.page import write_page
from research.response_model.runs import read_public_runs

_TOLERANCE = 0.05
"""How far, as a factor above 1, optima may differ between machines."""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m research.response_model", description=__doc__)
    parser.add_argument("folder", type=Path, help="the Quick-Tune meta-dataset: table.csv, curves/, meta/")
    parser.add_argument("out", type=Path, help="where model.json is written, or compared with")
    parser.add_argument("--page", type=Path, help="write docs/response-model.md there")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    try:
        recipes = shipped_recipes()
        runs = read_public_runs(arguments.folder, recipes)
        model, fits = fit_response_model(runs)
        if arguments.check:
            sys.exit(_compare(model, ResponseModel.load(arguments.out), runs.cases[::25]))
        model.save(arguments.out)
        if arguments.page:
            arguments.page.write_text(write_page(runs, model, fits, recipes), encoding="utf-8")
    except AdvisorError as error:
        sys.exit(f"{error}\n{error.hint}")


def _compare(again: ResponseModel, shipped: ResponseModel, cases: Sequence[FineTuning]) -> str | int:
    differ = [abs(again.optimum(case).median - shipped.optimum(case).median) for case in cases]
    largest = math.exp(float(np.max(differ)))
    if largest > 1 + _TOLERANCE:
        return f"The shipped response model is not what the runs give: optima differ by a factor of {largest:.3f}."
    print(f"The shipped response model is what the runs give: {len(cases)} optima agree within {largest - 1:.2%}.")
    return 0


if __name__ == "__main__":
    main()
