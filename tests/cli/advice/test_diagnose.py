"""``advisor diagnose`` from end to end, on runs of the shipped evidence put into a store."""

import json

import pytest

from advisor.cli.root import main
from advisor.config import Config
from advisor.records.evidence import load_evidence
from advisor.records.schema import Epoch, Run, Source, Status
from advisor.records.store.store import Store


@pytest.fixture(scope="module")
def evidence():
    return load_evidence()


@pytest.fixture
def store(evidence, own_settings):
    store = Store(Config()["store"])
    runs = evidence.runs[:60]
    kept = {run.run_id for run in runs}
    store.add_runs(runs, [epoch for epoch in evidence.epochs if epoch.run_id in kept])
    for dataset in evidence.datasets:
        store.put_dataset(dataset)
    return store


def diagnose(*arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(["diagnose", *arguments])
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_json_holds_verdict_findings_and_advice(store, capsys):
    seen = set()
    for run in store.runs():
        code, out, err = diagnose(run.run_id, "--format", "json", capsys=capsys)
        assert code == 0, err
        answer = json.loads(out)
        assert answer["schema"] == "advisor.diagnosis/1"
        assert answer["run_id"] == run.run_id
        advice = answer["advice"]
        seen.add(advice is not None)
        if advice:
            assert advice["current"] == getattr(run, advice["name"])
            assert advice["proposed"] != advice["current"]
            assert len(advice["gain"]) == 3
            assert len(advice["predicted"]) == 2
    assert True in seen


def test_words_name_the_change_and_the_next_command(store, capsys):
    for run in store.runs():
        _, out, _ = diagnose(run.run_id, capsys=capsys)
        assert run.dataset_name in out
        if "Change next:" in out:
            assert "Next:" in out
            assert "matching pairs" in " ".join(out.split())
            return
    pytest.fail("no run of these got advice")


def test_a_run_that_is_not_there_is_explained(store, capsys):
    code, out, err = diagnose("nothing", capsys=capsys)
    assert (code, out) == (2, "")
    assert "advisor records list" in err


def test_without_a_name_it_is_about_the_newest_run(store, capsys):
    code, out, _ = diagnose("--format", "json", capsys=capsys)
    assert code == 0
    assert json.loads(out)["run_id"] == store.runs()[0].run_id


def test_without_any_run_it_says_what_to_do(own_settings, capsys):
    code, _, err = diagnose(capsys=capsys)
    assert code == 2
    assert "Next:  advisor run" in err


def test_a_cause_is_shown_with_its_remedy_and_nothing_else(own_settings, capsys):
    run = Run(
        run_id="r", source=Source.TIMM_HOOK, status=Status.FAILED, error="IndexError: Target 4 is out of bounds.",
        name="forgot", model="test_resnet", opt="adamw", lr=1e-3, n_train=64, n_classes=8, epochs=2,
        extra={"model_num_classes": 4},
    )  # fmt: skip
    Store(Config()["store"]).add_runs([run], [Epoch(run_id="r", epoch=0, train_loss=1.0)])
    code, out, _ = diagnose("forgot", capsys=capsys)
    words = " ".join(out.split())
    assert code == 0
    assert "Wrong number of outputs" in words
    assert "The model has 4 outputs for 8 classes." in words
    assert "Next: add --num-classes 8" in words
    assert "The recorded error: IndexError: Target 4 is out of bounds." in words
    assert "Change next" not in words
    answer = json.loads(diagnose("forgot", "--format", "json", capsys=capsys)[1])
    assert answer["error"] == run.error
    assert [cause["option"] for cause in answer["causes"]] == ["--num-classes 8"]


def test_the_error_that_a_failed_run_recorded_is_shown(own_settings, capsys):
    store = Store(Config()["store"])
    failed = Run(
        run_id="01failed", source=Source.API, status=Status.FAILED, error="RuntimeError: [device lost] at step 3"
    )
    store.add_runs([failed])
    code, out, err = diagnose("01failed", capsys=capsys)
    assert code == 0, err
    assert "[device lost] at step 3" in " ".join(out.split())
