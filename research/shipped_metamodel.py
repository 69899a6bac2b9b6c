"""The meta-model that ships: ``python -m research.shipped_metamodel FOLDER`` fits the evidence, judges, and writes it.

The same evidence and versions give the same bytes.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from advisor.errors import AdvisorError
from advisor.evaluate.gate import judge_fit
from advisor.learn.artefact import fit_artefact, fitted_with
from advisor.learn.table import build_table


def main(folder: str) -> None:
    """Fit the shipped evidence, judge what it gives, and write the artefact and its versions into ``folder``."""
    from advisor.collect.engine import available_cores
    from advisor.describe.model import describe_model
    from advisor.records.evidence import load_evidence

    def describe(name: str, size: int) -> dict[str, float]:
        return describe_model(name).features(size)

    evidence, workers = load_evidence(), available_cores()
    table = build_table(evidence.runs, evidence.datasets, describe)
    artefact = fit_artefact(table, evidence.runs, evidence.datasets, workers)
    verdict = judge_fit(table, table, workers=workers)
    if verdict.faults:
        raise AdvisorError("the fitted model does worse than what it is to replace", cause="; ".join(verdict.faults))
    replace(artefact, evaluation=verdict.evaluation).save(Path(folder))
    pins = "".join(f"{name}=={pin}\n" for name, pin in fitted_with().items())
    (Path(folder) / "requirements.txt").write_text(pins, encoding="utf-8")
    print(f"{artefact.version}: {artefact.runs} runs, {len(artefact.known)} datasets, seed noise {artefact.noise}")
    print(f"mean regret by method on sources left out: {verdict.evaluation['regret']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
