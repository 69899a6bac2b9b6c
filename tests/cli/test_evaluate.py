"""``advisor evaluate --finetuning``: what the advice on fine-tuning is worth, as a table and for programs."""

import json

import pytest

import advisor.evaluate.finetuning as finetuning
import advisor.evaluate.shipped as shipped
from advisor.cli.root import main
from advisor.learn.metamodel import MetaModel

LITE2 = "tf_efficientnet_lite2"


@pytest.fixture(autouse=True)
def _small(fine_tuning_evidence, monkeypatch):
    """A shipped evidence of few runs, and a meta-model of few members."""
    monkeypatch.setattr(shipped, "load_fine_tuning", lambda: fine_tuning_evidence(n_groups=3))
    monkeypatch.setattr(finetuning, "meta_model_for", lambda _: MetaModel(2, 10, ranker="process", target="regret"))
    monkeypatch.setattr(finetuning, "FEW_GROUPS", 1)


def evaluate(*options):
    with pytest.raises(SystemExit) as end:
        main(["evaluate", "--finetuning", "--workers", "1", *options])
    return end.value.code


def test_the_table_and_what_is_to_be_said_beside_it(capsys):
    assert not evaluate()
    out = capsys.readouterr().out
    for method in ("advice", "published recipes alone", "lr 0.001", "lr 0.03", "best on average", "random search, 10"):
        assert method in out
    assert "7 cases of 3 groups" in out
    assert "behind AdamW at 1e-3 in" in out
    assert "SGD at batch 128:" in out
    assert LITE2 not in out


def test_contexts_are_shown_on_request(capsys):
    assert not evaluate("--contexts")
    out = capsys.readouterr().out
    for name in ("adamw", "sgd", LITE2, "64 pixels"):
        assert f"\n{name}\n" in out


def test_for_programs(capsys):
    assert not evaluate("--format", "json")
    found = json.loads(capsys.readouterr().out)
    assert {"data_sha256", "runs", "methods", "contexts", "trials", "behind", "sgd_batches", "intervals"} <= set(found)


def test_a_plot_is_refused_before_anything_is_judged(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shipped, "load_fine_tuning", lambda: pytest.fail("it was judged"))
    assert evaluate("--plot", str(tmp_path / "regret.svg")) == 2
    assert "leave out --plot" in capsys.readouterr().err
