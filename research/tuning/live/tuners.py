"""The tuners that are compared live: each trains trials until the time is out."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from advisor.collect.training.trainer import LABEL_SMOOTHING, MIN_LR, SCHED, WARMUP_EPOCHS, EpochResult
from advisor.describe.model import describe_model
from advisor.records.schema import Epoch, Run, Source, Status, new_id
from advisor.records.store.store import Store
from advisor.space.hyperparameters import TABLE
from advisor.tuning.clock import Budget
from advisor.tuning.plan import Plan
from advisor.tuning.session import Session
from advisor.tuning.trials import Trial
from research.tuning.live.cases import EPOCHS, IMG_SIZE, MODEL, OPT, LiveCase
from research.tuning.live.training import Trials
from research.tuning.priorband import priorband
from research.tuning.replays import PRIORBAND

Values = Mapping[str, float]


class _LivePlan(Plan):
    """A plan whose time is the processor's."""

    spent: Callable[[], float] = staticmethod(lambda: 0.0)

    @property
    def seconds(self) -> float:
        return self.spent()


def advisor_tune(case: LiveCase, trials: Trials, seed: int) -> None:
    """Decide as ``advisor tune`` does, after every epoch; ends where it would."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder, "tuning"))
        session.create({})
        store = Store(f"sqlite:///{folder}/records.db")
        plan = _LivePlan(session, store, case.expected, Budget(seconds=trials.budget), resumes=True)
        plan.spent = lambda: trials.spent
        try:
            _tune(case, trials, plan)
        finally:
            store.close()


def _tune(case: LiveCase, trials: Trials, plan: Plan) -> None:
    current: tuple[int, ...] = ()
    while True:
        outlook = plan.look(current)
        row = plan.choose(outlook, current, current[0] if current else None).row
        if row is None:
            return
        trial = plan.trial_of(outlook, row)
        result = trials.train_epoch(trial.name, trial.configuration.as_dict())
        current = (trial.number,)
        plan.keep(_after(case, trial, result))


def _after(case: LiveCase, trial: Trial, result: EpochResult | None) -> Trial:
    """Return a trial after one more epoch, as it would be recorded."""
    values = trial.configuration
    run = trial.run or Run(
        run_id=new_id(),
        source=Source.API,
        status=Status.RUNNING,
        dataset_id=case.dataset.dataset_id,
        n_train=case.dataset.n_train,
        n_eval=case.dataset.n_eval,
        n_classes=case.dataset.n_classes,
        model=MODEL,
        opt=OPT,
        pretrained=True,
        num_params=describe_model(MODEL).num_params,
        img_size=IMG_SIZE,
        sched=SCHED,
        warmup_epochs=WARMUP_EPOCHS,
        min_lr=MIN_LR,
        label_smoothing=LABEL_SMOOTHING,
        lr=values.lr,
        batch_size=values.batch_size,
        epochs=values.epochs,
        dropout=values.dropout,
        weight_decay=values.weight_decay,
    )
    if result is None:
        return replace(trial, run=replace(run, status=Status.DIVERGED))
    epoch = Epoch(
        run_id=run.run_id,
        epoch=result.epoch,
        lr=result.lr,
        train_loss=result.train_loss,
        train_top1=result.train_top1,
        eval_loss=result.eval_loss,
        eval_top1=result.eval_top1,
        eval_top5=result.eval_top5,
        seconds=result.seconds,
    )
    return replace(trial, run=run, epochs=(*trial.epochs, epoch))


def tpe_hyperband(case: LiveCase, trials: Trials, seed: int) -> None:
    """Optuna's TPE with its Hyperband pruner, defaults but the most epochs."""
    import optuna
    from optuna.distributions import FloatDistribution

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    box = {
        name: FloatDistribution(low, high, log=TABLE[name].by_factors) for name, (low, high) in _searched(case).items()
    }
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.HyperbandPruner(min_resource=1, max_resource=EPOCHS),
    )
    while True:
        trial = study.ask(box)
        top1, pruned = trials.chance, False
        for epoch in range(EPOCHS):
            result = trials.train_epoch(str(trial.number), {**_fixed(case), **trial.params})
            top1 = trials.chance if result is None else result.eval_top1
            trial.report(top1, epoch + 1)
            pruned = epoch + 1 < EPOCHS and trial.should_prune()
            if pruned or result is None:
                break
        study.tell(trial, None if pruned else top1, optuna.trial.TrialState.PRUNED if pruned else None)


def ray_asha(case: LiveCase, trials: Trials, seed: int) -> None:
    """Ray Tune's ASHA with its defaults but the most epochs, of configurations drawn at random."""
    from ray.tune.schedulers import TrialScheduler
    from ray.tune.schedulers.async_hyperband import _Bracket

    bracket = _Bracket(1, EPOCHS, 4, 0)
    random = np.random.default_rng(seed)
    number = 0
    while True:
        trial: Any = SimpleNamespace(trial_id=str(number))
        values = {name: _draw(name, low, high, random) for name, (low, high) in _searched(case).items()}
        for epoch in range(EPOCHS):
            result = trials.train_epoch(trial.trial_id, {**_fixed(case), **values})
            top1 = trials.chance if result is None else result.eval_top1
            if bracket.on_result(trial, epoch + 1, top1) == TrialScheduler.STOP or result is None:
                break
        number += 1


def neps_priorband(case: LiveCase, trials: Trials, seed: int) -> None:
    """NePS's PriorBand, the advice being its prior."""
    prior = case.expected.suggestion.best.configuration.as_dict()
    asking = priorband(case.expected.bounds, prior, EPOCHS, seed)
    name, values, until = next(asking)
    done: dict[str, int] = {}
    diverged: set[str] = set()
    top1 = trials.chance
    while True:
        for _ in range(done.get(name, 0), until):
            result = None if name in diverged else trials.train_epoch(name, values)
            top1 = trials.chance if result is None else result.eval_top1
            if result is None:
                diverged.add(name)
        done[name] = until
        name, values, until = asking.send(top1)


def _searched(case: LiveCase) -> dict[str, tuple[float, float]]:
    """Return the box of the advice, without what is fixed."""
    box = {name: (max(low, TABLE[name].least), high) for name, (low, high) in case.expected.bounds.items()}
    return {name: (low, high) for name, (low, high) in box.items() if low < high}


def _fixed(case: LiveCase) -> Values:
    return {name: low for name, (low, high) in case.expected.bounds.items() if low >= high}


def _draw(name: str, low: float, high: float, random: np.random.Generator) -> float:
    if TABLE[name].by_factors:
        return float(np.exp(random.uniform(np.log(low), np.log(high))))
    return float(random.uniform(low, high))


OURS = "advisor tune"
Tuner = Callable[[LiveCase, Trials, int], None]
TUNERS: dict[str, Tuner] = {
    OURS: advisor_tune,
    "TPE with Hyperband (Optuna)": tpe_hyperband,
    "ASHA (Ray Tune)": ray_asha,
    PRIORBAND: neps_priorband,
}
