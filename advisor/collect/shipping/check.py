"""Trains a sample of the shipped runs again: ``python -m advisor.collect.shipping.check FOLDER DATA_DIR``."""

from __future__ import annotations

import hashlib
import math
import random
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, variance
from typing import Any

from advisor.collect.engine import prepare_worker
from advisor.collect.planning.plan import MadeCheckpoints, PublishedCheckpoints
from advisor.collect.shipping.export import case_key
from advisor.collect.training.images import load_images
from advisor.collect.training.pretrain import Checkpoint, pretrain
from advisor.collect.training.trainer import Training, data_config, train
from advisor.errors import AdvisorError
from advisor.records.evidence import Evidence, checksums, load_evidence
from advisor.records.schema import Run, Status
from advisor.space.configuration import Configuration

SAMPLE = 20
SIGMAS = 3.0


@dataclass(frozen=True)
class Check:
    """A shipped run beside the same run trained now; scores in percent."""

    run: Run
    again: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the two differ by no more than seeds do."""
        return abs(self.again - float(self.run.final_metric or 0)) <= self.tolerance


def stratified(runs: Iterable[Run], count: int, seed: int) -> list[Run]:
    """Return finished runs drawn in turn from every family, optimizer, start and augmentation."""
    strata: dict[tuple[object, ...], list[Run]] = defaultdict(list)
    for run in runs:
        if run.status is Status.FINISHED:
            strata[run.model, run.opt, run.pretrained, run.augment].append(run)
    rng = random.Random(seed)
    shuffled = [rng.sample(strata[key], len(strata[key])) for key in sorted(strata, key=str)]
    drawn: list[Run] = []
    while len(drawn) < count and any(shuffled):
        drawn += [stratum.pop() for stratum in shuffled if stratum]
    return drawn[:count]


def seed_noise(runs: Iterable[Run]) -> float:
    """Return the standard deviation of the final score over seeds, pooled over all configurations trained repeatedly.

    Raises
    ------
    AdvisorError
        If no configuration was trained with two seeds.
    """
    repeated: dict[tuple[object, ...], list[float]] = defaultdict(list)
    for run in runs:
        if run.status is Status.FINISHED and run.final_metric is not None:
            hparams = (run.lr, run.batch_size, run.epochs, run.dropout, run.weight_decay)
            repeated[hparams + case_key(run)].append(run.final_metric)
    scores = [values for values in repeated.values() if len(values) > 1]
    if not scores:
        raise AdvisorError(
            "the noise between seeds is unknown",
            cause="no configuration was trained with two seeds",
            hint="collect until the repeats of the best are done",
        )
    freedom = sum(len(values) - 1 for values in scores)
    return math.sqrt(sum(variance(values) * (len(values) - 1) for values in scores) / freedom)


def make_again(facts: Mapping[str, Any], data_dir: Path) -> Checkpoint:
    """Return a shipped checkpoint, trained now unless its weights are in ``data_dir``; so are the datasets it pools."""
    from advisor._meta_data.sources import build_dataset

    is_published = "published" in facts["pretraining"]
    pretraining = (PublishedCheckpoints if is_published else MadeCheckpoints).model_validate(facts["pretraining"])
    checkpoint = Checkpoint(facts["name"], facts["model"], pretraining, data_dir)
    if not checkpoint.path.is_file():
        if isinstance(pretraining, MadeCheckpoints):
            for name in pretraining.datasets:
                build_dataset(name, data_dir)
            print(f"training {checkpoint}, {facts['seconds'] / 60:.0f} minutes when it was made", flush=True)
        pretrain(checkpoint)
    if hashlib.sha256(checkpoint.path.read_bytes()).hexdigest() != facts["sha256"]:
        print(f"{checkpoint} is not the one that runs were trained from, bit for bit", flush=True)
    return checkpoint


def train_again(run: Run, path: Path, weights: Path | None) -> float:
    """Return the final score of a shipped run, trained now from the weights of its checkpoint, if it has one."""
    training = Training(
        model=str(run.model),
        img_size=int(run.img_size or 0),
        opt=str(run.opt),
        configuration=Configuration(
            lr=float(run.lr or 0),
            batch_size=int(run.batch_size or 0),
            epochs=int(run.epochs or 0),
            dropout=float(run.dropout or 0),
            weight_decay=float(run.weight_decay or 0),
        ),
        augment=str(run.augment),
        seed=int(run.seed or 0),
        pretrained=bool(run.pretrained),
        checkpoint=run.extra.get("checkpoint"),
        trainable=run.extra.get("trainable") or "all",
        device=run.device or "cpu",
    )
    images = load_images(path, training.img_size, data_config(training.model)["interpolation"])
    return list(train(training, images, weights=weights))[-1].eval_top1


def is_centred(checks: Sequence[Check]) -> bool:
    """Whether the mean difference is within what seeds allow for so many runs, a narrower test than that of each."""
    drift = mean(done.again - float(done.run.final_metric or 0) for done in checks)
    return abs(drift) <= checks[0].tolerance / math.sqrt(len(checks))


def check(evidence: Evidence, data_dir: Path, count: int = SAMPLE, seed: int = 0) -> Sequence[Check]:
    """Train a stratified sample again; datasets and checkpoints that are not in ``data_dir`` are made there."""
    from advisor._meta_data.sources import build_dataset

    # Of two runs that each have the noise of one seed; the same machine and versions give the same score exactly.
    tolerance = SIGMAS * math.sqrt(2) * seed_noise(evidence.runs)
    shipped = {(facts["name"], facts["model"]): facts for facts in evidence.checkpoints}
    made: dict[tuple[str, str], Path] = {}
    checks = []
    for run in stratified(evidence.runs, count, seed):
        path = build_dataset(str(run.dataset_name), data_dir)
        start = (str(run.extra.get("checkpoint")), str(run.model))
        if run.pretrained and start not in made:
            made[start] = make_again(shipped[start], data_dir).path
        checks.append(Check(run, train_again(run, path, made.get(start)), tolerance))
        print(_line(checks[-1]), flush=True)
    return checks


def _line(done: Check) -> str:
    run = done.run
    verdict = "ok" if done.passed else "DIFFERS"
    case = f"{run.dataset_name}, {run.model}, {run.opt}"
    return f"{verdict:8}{run.final_metric:6.2f} {done.again:6.2f}  {case} ({run.run_id})"


def main() -> None:
    """Check the files against their checksums, then a sample of the runs; exit status 1 if anything differs."""
    folder, data_dir = Path(sys.argv[1]), Path(sys.argv[2])
    prepare_worker()
    evidence = load_evidence(folder)
    if checksums(folder) != evidence.manifest["sha256"]:
        sys.exit(f"The files in {folder} are not those that their manifest names.")
    checks = check(evidence, data_dir)
    exact = sum(math.isclose(done.again, float(done.run.final_metric or 0), rel_tol=1e-5) for done in checks)
    failed = sum(not done.passed for done in checks)
    print(f"{len(checks)} runs trained again: {exact} exactly equal, tolerance {checks[0].tolerance:.2f} points")
    if failed:
        sys.exit(f"{failed} differ by more than seeds do.")
    if not is_centred(checks):
        sys.exit("Together they differ in one direction, by more than seeds do.")


if __name__ == "__main__":
    main()
