"""A run tagged in MLflow itself names its advice, there and in the records."""

import sys

import pytest

mlflow = pytest.importorskip("mlflow")
# MLflow warns of its own deprecated parts.
pytestmark = pytest.mark.filterwarnings("default")

import advisor_mlflow  # noqa: E402
from advisor import ImportedRun  # noqa: E402
from advisor.errors import AdvisorError, MissingExtraError  # noqa: E402
from advisor_mlflow.tracking import runs_at  # noqa: E402


@pytest.fixture
def database(tmp_path, monkeypatch):
    path = tmp_path / "mlflow.db"
    mlflow.set_tracking_uri(f"sqlite:///{path}")
    yield path
    mlflow.set_tracking_uri(None)


def test_the_active_run_is_tagged_and_its_record_names_the_advice(suggestion, first_values, database):
    expected = {"top1": 91.5, "low": 80.0, "high": 95.0, "level": 0.8}
    advised = suggestion(suggestions=[{**first_values, "expected": expected}])
    with mlflow.start_run() as run:
        assert advisor_mlflow.tag_run(advised) == run.info.run_id
        mlflow.log_params({**first_values, "model": "test_resnet", "world_size": 1})
        for epoch in range(3):
            mlflow.log_metric("eval_top1", 50 + epoch, step=epoch)
    tags = {k: v for k, v in mlflow.get_run(run.info.run_id).data.tags.items() if k.startswith("advisor.")}
    assert tags == {
        "advisor.suggestion_id": advised.suggestion_id,
        "advisor.advised.lr": "0.003",
        "advisor.advised.batch_size": "24",
        "advisor.advised.epochs": "3",
        "advisor.advised.dropout": "0.1",
        "advisor.advised.weight_decay": "0.05",
        "advisor.expected_top1": "91.5",
        "advisor.confidence": "medium",
        "advisor.basis": "meta-model",
    }
    (imported,) = runs_at(database, None).items
    assert isinstance(imported, ImportedRun)
    assert imported.run.suggestion_id == advised.suggestion_id
    assert imported.run.lr == 0.003


def test_a_run_can_be_named(suggestion, database):
    with mlflow.start_run() as run:
        pass
    advisor_mlflow.tag_run(suggestion(), run.info.run_id)
    assert mlflow.get_run(run.info.run_id).data.tags["advisor.confidence"] == "medium"


def test_without_a_run_it_says_what_to_do(suggestion, database):
    with pytest.raises(AdvisorError, match="no MLflow run") as caught:
        advisor_mlflow.tag_run(suggestion())
    assert "start_run" in caught.value.hint


def test_without_mlflow_the_error_names_the_extra(suggestion, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError) as caught:
        advisor_mlflow.tag_run(suggestion())
    assert caught.value.hint == "pip install 'timm-advisor[mlflow]'"
