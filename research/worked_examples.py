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
from research.held_out.advice import without_group

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
        Its weight decays, where it tells one.
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
    """Return an example whose range is that of the recorded configurations that cannot be told from the best."""
    dataset = next((dataset for dataset in evidence.datasets if dataset.name == of["dataset"]), None)
    pool = next((pool for pool in pools(table) if dataset and _is_scratch_case(pool, dataset, of["model"])), None)
    if dataset is None or pool is None:
        raise AdvisorError(
            f"no recorded runs of {of['model']} from scratch on {of['dataset']}", hint=f"name another case in {FACTS}"
        )
    artefact = without_group(evidence, dataset.group)
    # One image of the evaluation split more or less is nothing that anybody could tell.
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
    asked = example.request
    start = "pretrained" if asked["pretrained"] else "from scratch"
    limits = [f"at most {asked['max_epochs']} epochs"] if "max_epochs" in asked else []
    size = [f"{asked['img_size']} pixels"] if "img_size" in asked else []
    parts = [
        f"{asked['n_train']:,} images, {asked['n_classes']:,} classes",
        f"`{asked['model']}` {start}",
        asked["opt"],
    ]
    decay = "" if example.weight_decay is None else f", weight decay {_span(example.weight_decay)}"
    sane = "" if example.sane is None else f" Sane at any batch size: {_span(example.sane)}."
    return (
        f"## {example.title}\n\nAsked: {', '.join([*parts, *size, *limits])}.\n\n"
        f"Others: learning rate {_span(example.lr)}{decay} at batch size {example.batch_size}: {example.source}; "
        f"{example.where}.{sane}\n"
    )


def advice_on(example: Example) -> tuple[str, tuple[bool, bool]]:
    """Return what the page says of the advice, and whether all of it, and whether its rates, lie where others do."""
    there, free = example.advise(at_batch=True), example.advise(at_batch=False)
    checks = [("learning rate", there.best.lr, example.lr)]
    if example.weight_decay is not None:
        checks.append(("weight decay", there.best.weight_decay, example.weight_decay))
    if example.sane is not None:
        checks.append(("learning rate at its own batch size", free.best.lr, example.sane))
    said = [f"{name} {value:g}: {_verdict(value, low, high)}" for name, value, (low, high) in checks]
    best = free.best
    text = (
        f"Advice at that batch size: {'; '.join(said)}.\n\nLeft free: learning rate {best.lr:g}, batch size "
        f"{best.batch_size}, {best.epochs} epochs, dropout {best.dropout:g}, weight decay {best.weight_decay:g} (range "
        f"of the learning rate {_span(free.ranges['lr'])}). Basis: {free.basis}, novelty {free.novelty:.2f}, "
        f"confidence {free.confidence}.\n"
    )
    within = {name: low <= value <= high for name, value, (low, high) in checks}
    return text, (all(within.values()), all(held for name, held in within.items() if name != "weight decay"))


def _verdict(value: float, low: float, high: float) -> str:
    if low <= value <= high:
        return "within"
    factor = "" if min(value, low) <= 0 else f", by a factor of {max(low / value, value / high):.1f}"
    return f"**outside**{factor}"


def _span(ends: Range) -> str:
    return f"{ends[0]:.2g} to {ends[1]:.2g}"


def page(examples: Sequence[Example]) -> str:
    """Return docs/worked-examples.md."""
    told = [(facts_of(example), *advice_on(example)) for example in examples]
    inside, rates = (sum(flags) for flags in zip(*(within for _, _, within in told), strict=True))
    head = _HEAD.format(examples=len(examples), inside=inside, rates=rates, tolerance=f"{TOLERANCE:g}")
    return "\n".join([head, *(f"{facts}\n{advice}" for facts, advice, _ in told)])


_HEAD = """# Worked examples

Written by `make worked-examples`. The advice is what `advisor suggest` gives on a dataset of which only the counts
are known (the first two: on the described dataset, its whole source held out). What others use comes from sources
outside `meta_data/recipes.csv`, or from runs recorded here. A source that gives one value is taken to mean it within a
factor of {tolerance}; a grid says where its authors looked, not what was best. Learning rates are compared at the
source's batch size.

In {inside} of {examples} examples all that is compared lies within, in {rates} the learning rate does.
"""


def main(docs: str) -> None:
    """Write the page for the shipped evidence."""
    from advisor.describe.model import describe_model
    from advisor.learn.table import build_table
    from advisor.records.evidence import load_evidence

    evidence = load_evidence()
    table = build_table(evidence.runs, evidence.datasets, lambda name, size: describe_model(name).features(size))
    examples = read_examples(Path(docs) / FACTS, evidence, table, Advisor().artefact)
    (Path(docs) / PAGE).write_text(page(examples), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
