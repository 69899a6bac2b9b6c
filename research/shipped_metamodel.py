"""The meta-models that ship: ``python -m research.shipped_metamodel FOLDER`` fits, judges and writes them.

The same evidence and versions give the same bytes. ``--fine-tuning-only`` leaves the one for trainings from scratch as
it is.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from advisor.collect.engine import available_cores
from advisor.errors import AdvisorError
from advisor.evaluate.training import fit_judged
from advisor.learn.artefact import FINE_TUNING, Artefact, fitted_with
from advisor.records.evidence import Evidence, load_evidence, load_fine_tuning
from advisor.records.schema import Pretraining


def main(folder: Path, *, fine_tuning_only: bool = False) -> None:
    """Fit the shipped evidence, judge what it gives, and write the artefacts and their versions into ``folder``."""
    scratch = None if fine_tuning_only else _fit(load_evidence(), Pretraining.NONE)
    fine_tuning = _fit(load_fine_tuning(), Pretraining.IMAGENET)
    if scratch is None:
        fine_tuning.save(folder / FINE_TUNING)
        return
    replace(scratch, fine_tuning=fine_tuning).save(folder)
    pins = "".join(f"{name}=={pin}\n" for name, pin in fitted_with().items())
    (folder / "requirements.txt").write_text(pins, encoding="utf-8")


def _fit(evidence: Evidence, pretraining: Pretraining) -> Artefact:
    artefact, verdict = fit_judged(evidence, pretraining, workers=available_cores())
    if verdict.faults:
        raise AdvisorError("the fitted model does worse than what it is to replace", cause="; ".join(verdict.faults))
    print(f"{artefact.version}: {artefact.runs} runs, {len(artefact.known)} datasets, seed noise {artefact.noise}")
    print(f"mean regret by method on sources left out: {verdict.evaluation['regret']}")
    return artefact


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fine-tuning-only", action="store_true")
    arguments = parser.parse_args()
    main(arguments.folder, fine_tuning_only=arguments.fine_tuning_only)
