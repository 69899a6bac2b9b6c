"""A Ray Tune search that begins with the advice and stays where the advice says."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import ray
from digits import train, write_images
from ray import tune
from ray.tune.search import BasicVariantGenerator

import advisor
import advisor_ray

folder = write_images(Path(sys.argv[1] if len(sys.argv) > 1 else "digits").absolute())
advice = advisor.suggest(folder, model="test_resnet", pretrained=False, img_size=32, max_epochs=2, top_k=2)


def objective(values: dict) -> dict:
    return {"top1": train(folder, **values)}


# Workers import digits.py from here.
path = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))
ray.init(
    "local", num_cpus=1, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": path}}
)
tuner = tune.Tuner(
    objective,
    param_space=advisor_ray.search_space(advice),
    tune_config=tune.TuneConfig(
        metric="top1",
        mode="max",
        num_samples=2,
        reuse_actors=True,
        search_alg=BasicVariantGenerator(points_to_evaluate=advisor_ray.points_to_evaluate(advice)),
    ),
    run_config=tune.RunConfig(storage_path=str(folder / "tune"), verbose=0),
)
results = tuner.fit()
print(f"{len(results)} trials, {results.num_errors} errors")
print(f"best: {results.get_best_result().metrics['top1']:.1f} % with {results.get_best_result().config}")
ray.shutdown()
