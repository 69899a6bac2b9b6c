"""``--format hf``: the script trains as advised, with the real package."""

from __future__ import annotations

import pytest

transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")
torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")

from advisor.advise.output.render import to_text  # noqa: E402
from advisor.plugins import get_plugins  # noqa: E402


def test_the_printed_script_trains_as_advised_and_names_the_advice(suggestion, tmp_path, monkeypatch, stored):
    monkeypatch.setenv("ADVISOR_PLUGINS", "timm,transformers")
    monkeypatch.chdir(tmp_path)
    get_plugins.cache_clear()
    advised = suggestion()
    items = [{"pixel_values": torch.randn(3, 32, 32), "labels": index % 10} for index in range(24)]
    script = to_text(advised, "hf")
    exec(compile(script, "printed", "exec"), {"train_set": items, "eval_set": items})
    (recorded,) = stored()
    run, best = recorded.run, advised.best
    for name in ("lr", "batch_size", "epochs", "dropout", "weight_decay"):
        assert getattr(run, name) == getattr(best, name), name
    assert (run.model, run.opt, run.sched, run.label_smoothing) == ("test_resnet", "adamw", "cosine", 0.1)
    assert (run.suggestion_id, run.status) == (advised.suggestion_id, "FINISHED")


@pytest.mark.parametrize(
    ("assumes", "expected"),
    [
        ({}, {"lr_scheduler_type": "cosine", "warmup_steps": 13}),
        ({"min_lr": 1e-5}, {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": 1e-5}}),
        ({"warmup_epochs": 0.2}, {"warmup_steps": 0}),
    ],
)
def test_training_arguments_take_the_advice(suggestion, tmp_path, assumes, expected):
    advised = suggestion()
    advised = advised.model_copy(update={"assumes": advised.assumes.model_copy(update=assumes)})
    keywords = advised.to_training_arguments()
    assert expected.items() <= keywords.items()
    arguments = transformers.TrainingArguments(output_dir=str(tmp_path), use_cpu=True, **keywords)
    assert arguments.learning_rate == advised.best.lr
    assert arguments.num_train_epochs == advised.best.epochs


def test_another_format_is_someone_elses(suggestion):
    import advisor_transformers

    assert advisor_transformers.advisor_render(suggestion(), "yaml") is None
