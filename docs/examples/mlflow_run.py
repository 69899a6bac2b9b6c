"""An MLflow run that says which advice it follows, and that is taken into the records with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mlflow
from digits import train, write_images

import advisor
import advisor_mlflow

folder = write_images(Path(sys.argv[1] if len(sys.argv) > 1 else "digits"))
advice = advisor.suggest(folder, model="test_resnet", pretrained=False, img_size=32, max_epochs=3)
values = advice.best.configuration.as_dict()

mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
with mlflow.start_run():
    advisor_mlflow.tag_run(advice)
    mlflow.log_params({**values, "model": advice.model, "opt": advice.opt, "world_size": 1})
    train(folder, **values, epoch_ended=lambda epoch, top1: mlflow.log_metric("eval_top1", top1, step=epoch))

tags = mlflow.last_active_run().data.tags
print(f"advised lr {tags['advisor.advised.lr']}, confidence {tags['advisor.confidence']}")
subprocess.run([sys.executable, "-m", "advisor", "records", "import", str(folder / "mlflow.db")], check=True)
