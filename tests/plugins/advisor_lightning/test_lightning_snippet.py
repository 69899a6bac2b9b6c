"""``--format lightning``: the script trains as advised, with the real package."""

from __future__ import annotations

import pytest

lightning = pytest.importorskip("lightning")
torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")

from advisor.advise.output.render import to_text  # noqa: E402
from advisor.plugins import get_plugins  # noqa: E402


def test_the_printed_script_trains_as_advised_and_names_the_advice(suggestion, tmp_path, monkeypatch, stored):
    monkeypatch.setenv("ADVISOR_PLUGINS", "timm,lightning")
    monkeypatch.chdir(tmp_path)
    get_plugins.cache_clear()
    advised = suggestion()
    images = torch.utils.data.TensorDataset(torch.randn(24, 3, 32, 32), torch.arange(24) % 10)
    script = to_text(advised, "lightning")
    exec(compile(script, "printed", "exec"), {"train_set": images, "eval_set": images})
    (recorded,) = stored()
    run, best = recorded.run, advised.best
    for name in ("lr", "batch_size", "epochs", "dropout", "weight_decay"):
        assert getattr(run, name) == getattr(best, name), name
    assert (run.model, run.opt, run.sched, run.img_size) == ("test_resnet", "adamw", "cosine", 32)
    assert (run.suggestion_id, run.status) == (advised.suggestion_id, "FINISHED")
    assert all(epoch.eval_top1 is not None for epoch in recorded.epochs)


def test_another_format_is_someone_elses(suggestion):
    import advisor_lightning

    assert advisor_lightning.advisor_render(suggestion(), "yaml") is None
