"""Ten requests and the advice on them, beside what others use: ``python -m research.worked_examples DOCS``.

What others use is a fact with a source in DOCS/worked-examples.yaml, or follows from runs recorded here, of which the
adviser then knows none.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from advisor.advise.pipeline import answer
from advisor.advise.prepare import RunList, prepare
from advisor.advise.request import make_request
from advisor.advise.suggestion import Suggestion
from advisor.api import Advisor
from advisor.errors import AdvisorError
from advisor.evaluate.pool import Pool, pools
from advisor.learn.artefact import Artefact
from advisor.learn.table import Table
from advisor.records.evidence import Evidence
from advisor.records.schema import Dataset, Pretraining
from advisor.space.hyperparameters import two_figures
from research.held_out.advice import without_group
from research.pages.rendering import render

FACTS, PAGE = "worked-examples.yaml", "worked-examples.md"
TOLERANCE = 3.0
"""A source that gives one value means it within this factor."""
Range = tuple[float, float]


@dataclass(frozen=True)
class Example:
    """A request, and the values that others use there.

    Attributes
    ----------
    title : str
        The situation in words.
    request : mapping
        ``n_train``, ``n_classes``, ``model``, ``opt``, ``pretrained`` and, where given, ``img_size``, ``max_epochs``.
    batch_size : int
        The batch that the learning rates are for; the advice is asked for with it fixed.
    lr : (low, high)
        Learning rates of the source.
    weight_decay : (low, high) or None
        Its weight decays, where it gives one.
    sane : (low, high) or None
        Learning rates that a practitioner would call sane, at any batch size, where that is known.
    source, where : str
        Who uses them, and where that is written.
    dataset : Dataset
        What is known of the data.
    artefact : Artefact
        The evidence that may be used.
    """

    title: str
    request: Mapping[str, Any]
    batch_size: int
    lr: Range
    weight_decay: Range | None
    sane: Range | None
    source: str
    where: str
    dataset: Dataset
    artefact: Artefact

    def advise(self, *, at_batch: bool) -> Suggestion:
        """Return the advice, with the source's batch size fixed or with all hyperparameters open."""
        asked = self.request
        request = make_request(
            model=asked["model"],
            opt=asked["opt"],
            pretrained=asked["pretrained"],
            img_size=asked.get("img_size"),
            max_epochs=asked.get("max_epochs"),
            fix={"batch_size": self.batch_size} if at_batch else {},
            prefer="balanced",
            top_k=1,
        )
        return answer(self.artefact, prepare(self.artefact, request, self.dataset, RunList()))


def read_examples(facts: Path, evidence: Evidence, table: Table, artefact: Artefact) -> list[Example]:
    """Return the examples that a file of facts names.

    Parameters
    ----------
    facts : Path
        The YAML file.
    evidence : Evidence
        What was recorded, for the examples that rest on it.
    table : Table
        The same as a table.
    artefact : Artefact
        Fitted to all of it.
    """
    found = yaml.safe_load(facts.read_text(encoding="utf-8"))
    return [
        _recorded(one["title"], one["recorded"], evidence, table) if "recorded" in one else _published(one, artefact)
        for one in found
    ]


def _published(facts: Mapping[str, Any], artefact: Artefact) -> Example:
    request = facts["request"]
    counts = {"log_n_train": math.log2(request["n_train"]), "log_n_classes": math.log2(request["n_classes"])}
    return Example(
        title=facts["title"],
        request=request,
        batch_size=facts["batch_size"],
        lr=_range(facts["lr"]),
        weight_decay=_range(facts["weight_decay"]) if "weight_decay" in facts else None,
        sane=_range(facts["sane"]) if "sane" in facts else None,
        source=facts["source"],
        where=facts["where"],
        dataset=Dataset(
            dataset_id="",
            name=facts["title"],
            group="",
            n_train=request["n_train"],
            n_eval=0,
            n_classes=request["n_classes"],
            features=counts,
        ),
        artefact=artefact,
    )


def _recorded(title: str, of: Mapping[str, str], evidence: Evidence, table: Table) -> Example:
    """Return an example whose range is that of the recorded configurations that equal the best but for noise."""
    dataset = next((dataset for dataset in evidence.datasets if dataset.name == of["dataset"]), None)
    pool = next((pool for pool in pools(table) if dataset and _is_scratch_case(pool, dataset, of["model"])), None)
    if dataset is None or pool is None:
        raise AdvisorError(
            f"no recorded runs of {of['model']} from scratch on {of['dataset']}", hint=f"name another case in {FACTS}"
        )
    artefact = without_group(evidence, dataset.group)
    # One image of the evaluation split more or less is no difference.
    margin = max(artefact.noise or 0.0, 100 / pool.n_eval)
    good = pool.score >= pool.score.max() - margin
    best = int(pool.score.argmax())
    rates, decays = pool.hparams["lr"][good], pool.hparams["weight_decay"][good]
    size = next(run.img_size for run in evidence.runs if run.dataset_id == dataset.dataset_id and run.img_size)
    return Example(
        title=title,
        request={
            "n_train": dataset.n_train,
            "n_classes": dataset.n_classes,
            "model": of["model"],
            "opt": pool.case.opt,
            "pretrained": False,
            "img_size": size,
            "max_epochs": pool.max_epochs,
        },
        batch_size=int(pool.hparams["batch_size"][best]),
        lr=_range([float(rates.min()), float(rates.max())] if good.sum() > 1 else [float(rates[0])]),
        weight_decay=(float(decays.min()), float(decays.max())) if good.sum() > 1 else None,
        sane=None,
        source=f"the best of {len(pool.score)} configurations trained here and all within {margin:.1f} points of it",
        where=f"meta_data/runs.csv, {of['dataset']} with {of['model']}, held out from the advice",
        dataset=dataset,
        artefact=artefact,
    )


def _is_scratch_case(pool: Pool, dataset: Dataset, model: str) -> bool:
    case = pool.case
    return case[:4] == (dataset.dataset_id, model, "adamw", Pretraining.NONE) and not case.augmented


def _range(values: Sequence[float]) -> Range:
    if len(values) == 1:
        return values[0] / TOLERANCE, values[0] * TOLERANCE
    return values[0], values[1]


def facts_of(example: Example) -> str:
    """Return what the page says of an example before the advice."""
    return render("worked-example-facts", example=example)


@dataclass(frozen=True)
class Check:
    """A value that is advised, beside the range that others use."""

    name: str
    value: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether the value lies in the range."""
        return self.low <= self.value <= self.high

    @property
    def verdict(self) -> str:
        """Whether it does, and if not by how much."""
        if self.holds:
            return "within"
        factor = max(self.low / self.value, self.value / self.high) if min(self.value, self.low) > 0 else None
        return "**outside**" if factor is None else f"**outside**, by a factor of {factor:.1f}"


@dataclass(frozen=True)
class Advised:
    """The advice on an example with its hyperparameters left free, and the checks of what was compared."""

    free: Suggestion
    checks: tuple[Check, ...]

    @property
    def rates_hold(self) -> bool:
        """Whether the learning rates lie where others do."""
        return all(check.holds for check in self.checks if check.name != "weight decay")


def advice_on(example: Example) -> Advised:
    """Return the advice on an example beside what others use."""
    there, free = example.advise(at_batch=True), example.advise(at_batch=False)
    checks = [Check("learning rate", _without_layer_decay(there), *example.lr)]
    if example.weight_decay is not None:
        checks.append(Check("weight decay", there.best.weight_decay, *example.weight_decay))
    if example.sane is not None:
        checks.append(Check("learning rate at its own batch size", _without_layer_decay(free), *example.sane))
    return Advised(free, tuple(checks))


def _without_layer_decay(advice: Suggestion) -> float:
    """Return the advised learning rate as it would be without layer decay, which the sources do not use."""
    return two_figures(advice.best.lr / advice.assumes.layer_decay_lr_factor)


def page(examples: Sequence[Example]) -> str:
    """Return docs/worked-examples.md."""
    advised = [(example, advice_on(example)) for example in examples]
    return render(
        "worked-examples",
        examples=advised,
        inside=sum(all(check.holds for check in advice.checks) for _, advice in advised),
        rates=sum(advice.rates_hold for _, advice in advised),
        tolerance=TOLERANCE,
    )


def main(docs: str) -> None:
    """Write the page for the shipped evidence."""
    from advisor.describe.model import model_features
    from advisor.learn.table import build_table
    from advisor.records.evidence import load_evidence

    evidence = load_evidence()
    table = build_table(evidence.runs, evidence.datasets, model_features)
    examples = read_examples(Path(docs) / FACTS, evidence, table, Advisor().artefact)
    (Path(docs) / PAGE).write_text(page(examples), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
