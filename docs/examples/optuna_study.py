"""An Optuna study that begins with the advice, searches where the advice says, and ends in the records."""

from __future__ import annotations

import sys
from pathlib import Path

import optuna
from digits import train, write_images

import advisor
import advisor_optuna

folder = write_images(Path(sys.argv[1] if len(sys.argv) > 1 else "digits"))
advice = advisor.suggest(folder, model="test_resnet", pretrained=False, img_size=32, max_epochs=3)

study = optuna.create_study(study_name="digits", direction="maximize", storage=f"sqlite:///{folder / 'study.db'}")
advisor_optuna.enqueue(study, advice)


def objective(trial: optuna.Trial) -> float:
    values = advisor_optuna.suggest_values(trial, advice)
    return train(folder, **values, epoch_ended=lambda epoch, top1: trial.report(top1, epoch))


study.optimize(objective, n_trials=4)
print(f"best: {study.best_value:.1f} % with {study.best_params}")
report = advisor_optuna.import_study(study)
print(f"{report.runs} runs recorded; the same later: advisor records import {folder / 'study.db'}")
