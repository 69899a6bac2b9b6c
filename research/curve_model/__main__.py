"""Fits the curve model to the shipped curves and judges it.

``python -m research.curve_model OUT --page PAGE`` judges it and what it is compared with on sources left out, writes it
into a folder, and the page; ``--check`` fits it again and compares it with what is in OUT.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from advisor.learn.artefact import fitted_with
from advisor.learn.curve_model import CurveModel
from advisor.learn.table import Floats
from advisor.records.evidence import EPOCHS, RUNS, Evidence, load_evidence, load_fine_tuning
from research.curve_model.candidates import CANDIDATES
from research.curve_model.fitting import fit_curve_model
from research.curve_model.judging import LEVELS, figures, forecasts, subsets
from research.curve_model.page import write_page
from research.curve_model.rows import CUTS, Rows, accuracies_alone, build_rows

_TOLERANCE = 0.5
"""Points of top-1 by which forecasts may differ between machines."""
_COMPARED = 200


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m research.curve_model", description=__doc__)
    parser.add_argument("out", type=Path, help="where the model is written, or compared with")
    parser.add_argument("--page", type=Path, help="write docs/watching.md there")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    evidence = load_evidence(), load_fine_tuning()
    rows = build_rows(evidence)
    model = fit_curve_model(rows)
    if arguments.check:
        sys.exit(_compare(model, CurveModel.load(arguments.out), rows))
    *others, (name, ships) = CANDIDATES.items()
    found = {other: forecasts(rows, fit, rows)[0] for other, fit in others}
    found[name], alone = forecasts(rows, ships, rows, accuracies_alone(rows))
    model = replace(model, provenance=provenance(evidence, rows, found[name]))
    model.save(arguments.out)
    if arguments.page:
        arguments.page.write_text(write_page(rows, model, found, alone), encoding="utf-8")


def provenance(evidence: tuple[Evidence, ...], rows: Rows, forecast: Floats) -> Mapping[str, Any]:
    """Return what a curve model was fitted to and with, and how it did on sources left out at a fifth of the epochs."""
    judged = {name: asdict(figures(rows, forecast, chosen)) for name, chosen in subsets(rows, CUTS[0]).items()}
    return {
        "sha256": [{name: part.manifest["sha256"][name] for name in (RUNS, EPOCHS)} for part in evidence],
        "fitted_with": fitted_with(),
        "judged": {name: {key: round(value, 4) for key, value in one.items()} for name, one in judged.items()},
    }


def _compare(again: CurveModel, shipped: CurveModel, rows: Rows) -> str | int:
    some = rows.take(np.arange(0, len(rows), len(rows) // _COMPARED))
    one, other = (model.quantiles(some.curves, LEVELS) for model in (again, shipped))
    most = float(np.abs(one - other).max())
    if most > _TOLERANCE:
        return f"The shipped curve model is not what the curves give: forecasts differ by {most:.2f} points."
    print(f"The shipped curve model is what the curves give: {len(some)} forecasts agree within {most:.2g} points.")
    return 0


if __name__ == "__main__":
    main()
