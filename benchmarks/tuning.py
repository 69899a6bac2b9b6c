"""What ``advisor tune`` costs: a decision, by the number of trials that it is taken on, and a whole tuning.

    python benchmarks/tuning.py

The trials of a decision are invented: configurations of a real request with curves that rise. The tuning is one of a
script whose epochs take ten seconds, in which it does nothing; what it costs is the processor time of the tuner from
its first trial to its end, deciding, watching and recording included, as a share of the trials' epochs. Prints each
beside its bound, and ends with status 1 if one is missed.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np
from advising import write_images

BOUNDS = {10: 1.0, 100: 1.0, 1000: 1.0}
"""Seconds of a decision by the number of trials."""
EPOCHS = 5
SHARE = 0.01
"""Of the training's time that a tuning may cost."""
SCRIPT = Path(__file__).parents[1] / "tests" / "scripts" / "light" / "tuned.py"
EPOCH_SECONDS, MOST_EPOCHS = 10.0, 12


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= {"XDG_DATA_HOME": scratch, "XDG_CACHE_HOME": scratch, "XDG_CONFIG_HOME": scratch}
        images = write_images(Path(scratch) / "images")
        expected = expected_for(images)
        rows = [(count, decide(expected, count), bound) for count, bound in BOUNDS.items()]
        share = tune(images, Path(scratch) / "tuning")
    print("| trials | a decision | bound |\n|---:|---:|---:|")
    for count, seconds, bound in rows:
        print(f"| {count:,} | {seconds:.2f} s | {bound:g} s |")
    print("\n| a tuning | measured | bound |\n|---|---:|---:|")
    print(f"| its cost, of the training's time | {100 * share:.2f} % | {100 * SHARE:g} % |")
    return int(share > SHARE or any(seconds > bound for _, seconds, bound in rows))


def expected_for(images: Path):
    from advisor.advise.request import make_request
    from advisor.api import Advisor
    from advisor.learn.curve_model import shipped_curve_model
    from advisor.tuning.outlook import Expected

    adviser = Advisor()
    request = make_request(model="test_resnet", pretrained=False, img_size=32)
    prepared = adviser.prepare(request, adviser.describe(images).dataset)
    return Expected(adviser.artefact, prepared, adviser.answer(prepared), shipped_curve_model())


def decide(expected, count: int) -> float:
    """Return the processor time of a decision after one more epoch of one of so many trials."""
    from advisor.records.schema import Epoch, Run, Source
    from advisor.space.configuration import Configuration
    from advisor.tuning.clock import Costs
    from advisor.tuning.decision import choose
    from advisor.tuning.trials import Trial

    random = np.random.default_rng(0)

    def trial(number: int, done: int) -> Trial:
        rate = float(10 ** random.uniform(-4, -1))
        run = Run(run_id=str(number), source=Source.API, n_classes=4, n_train=400, lr=rate, opt="adamw", batch_size=32)
        epochs = [Epoch(run_id=run.run_id, epoch=e, eval_top1=30.0 + 10 * e, train_loss=1.0) for e in range(done)]
        configuration = Configuration(rate, 32, EPOCHS, 0.0, 0.05)
        return Trial(number, configuration, run=run, epochs=tuple(epochs))

    trials = [trial(number, 1 + number % EPOCHS) for number in range(count)]
    costs = Costs(1.0, 0.0, 1e9)
    expected.look(trials, costs)
    trials[0] = trial(0, 2)
    began = time.process_time()
    choose(expected.look(trials, costs).options, expected.noise, costs.left, 0)
    return time.process_time() - began


def tune(images: Path, folder: Path) -> float:
    """Return the processor time of a tuner as a share of the seconds that its trials' epochs took."""
    from advisor.tuning.clock import Budget
    from advisor.tuning.opening import open_tuning
    from advisor.tuning.tuner import Tuner

    os.environ["TUNED_SECONDS"] = str(EPOCH_SECONDS)
    words = ["--data-dir", str(images), "--model", "test_resnet", "--batch-size", "16", "--epochs", str(EPOCHS)]
    opened = open_tuning(SCRIPT, words, folder, lambda line: None)
    plan = opened.plan(Budget(epochs=MOST_EPOCHS))
    tuner = Tuner(plan, opened, [None], lambda line: None)
    began = time.process_time()
    trials = tuner.run().trials
    spent = time.process_time() - began
    return spent / sum(epoch.seconds for trial in trials for epoch in trial.epochs)


if __name__ == "__main__":
    raise SystemExit(main())
