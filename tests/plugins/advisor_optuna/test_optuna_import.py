"""Trials become records: from a SQLite file, a journal file and a study in memory, the same each time."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

optuna = pytest.importorskip("optuna")

import advisor_optuna  # noqa: E402
from advisor import ImportedRun, Skipped, Status  # noqa: E402
from advisor.config import Config  # noqa: E402
from advisor.records.store.store import Store  # noqa: E402
from advisor_optuna.storage import runs_at  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.WARNING)


def storage_at(path: Path):
    if path.suffix == ".db":
        return optuna.storages.RDBStorage(f"sqlite:///{path}")
    from optuna.storages.journal import JournalFileBackend

    return optuna.storages.JournalStorage(JournalFileBackend(str(path)))


@pytest.fixture
def study_with(suggestion, first_values):
    """Makes a study of one trial of every ending, its accuracies in percent times ``scale``."""

    def make(storage=None, scale=1.0, **about):
        study = optuna.create_study(study_name="digits", direction="maximize", storage=storage)
        advisor_optuna.enqueue(study, suggestion(), top=1)
        for name, value in about.items():
            study.set_user_attr(name, value)

        def objective(trial):
            values = advisor_optuna.suggest_values(trial, suggestion())
            for epoch in range(values["epochs"] if trial.number == 0 else 1):
                trial.report(scale * (50 + 10 * epoch), epoch)
            if trial.number == 1:
                raise optuna.TrialPruned
            if trial.number == 2:
                raise ValueError("out of luck")
            return scale * 70

        study.optimize(objective, n_trials=3, catch=ValueError)
        study.enqueue_trial(first_values)
        return study

    return make


@pytest.mark.parametrize("name", ["study.db", "study.log"])
def test_a_storage_file_becomes_records_and_stays_as_it_is(study_with, first_values, suggestion, name, tmp_path):
    path = tmp_path / name
    study_with(storage_at(path))
    before = path.read_bytes()
    found = runs_at(path, None)
    assert found.whole_tree
    first, pruned, failed = found.items
    assert path.read_bytes() == before
    run = first.run
    assert {field: getattr(run, field) for field in first_values} == first_values
    assert (run.status, run.final_metric, run.metric, run.epochs_done) == (Status.FINISHED, 70.0, "eval_top1", 3)
    assert (run.model, run.opt, run.pretrained, run.img_size) == ("test_resnet", "adamw", False, 32)
    assert (run.dataset_name, run.dataset_id, run.n_train, run.n_classes) == ("digits", "d1", 300, 10)
    assert (run.suggestion_id, run.source.value, run.name) == (suggestion().suggestion_id, "optuna", "digits 0")
    assert [epoch.eval_top1 for epoch in first.epochs] == [50, 60, 70]
    assert (pruned.run.status, failed.run.status) == (Status.INTERRUPTED, Status.FAILED)
    assert pruned.run.suggestion_id is None


def test_all_ways_give_the_same_runs_once(study_with, tmp_path, monkeypatch):
    path = tmp_path / "study.db"
    study = study_with(storage_at(path))
    assert advisor_optuna.import_study(study).new == 3
    environment = {**os.environ, "ADVISOR_PLUGINS": "optuna"}
    command = [sys.executable, "-m", "advisor", "records", "import", str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 new, 0 updated, 3 unchanged (3 from optuna)" in done.stdout
    assert len(Store(Config()["store"]).runs()) == 3


def test_fractions_become_percent(study_with):
    study = study_with(scale=0.01)
    assert advisor_optuna.import_study(study).runs == 3
    (finished,) = Store(Config()["store"]).runs(status=[Status.FINISHED])
    assert finished.final_metric == pytest.approx(70)


def test_a_value_without_epochs_is_that_of_the_last():
    study = optuna.create_study(direction="maximize")
    study.optimize(lambda trial: 80 + trial.suggest_float("learning_rate", 0.1, 0.1), n_trials=1)
    study.set_user_attr("max_epochs", 5)
    advisor_optuna.import_study(study)
    (run,) = Store(Config()["store"]).runs()
    assert (run.lr, run.epochs, run.epochs_done, run.final_metric) == (0.1, 5, 5, pytest.approx(80.1))
    assert run.status is Status.FINISHED


def test_what_is_no_accuracy_is_left_out_with_its_reason():
    losses = optuna.create_study(direction="minimize")
    losses.optimize(lambda trial: 1.0, n_trials=1)
    both = optuna.create_study(directions=["maximize", "minimize"])
    beyond = optuna.create_study(direction="maximize")
    beyond.optimize(lambda trial: 700.0, n_trials=1)
    for study, reason in ((losses, "minimises"), (both, "several objectives"), (beyond, "outside 0 to 100")):
        report = advisor_optuna.import_study(study)
        assert report.runs == 0
        assert reason in report.skipped[0].reason


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]\n", b'{"epoch": 1}\n', b"SQLite format 3\x00broken", b"\xff\xfe", b"[" * 99_999]
)
def test_other_files_are_none_of_its_own(content, tmp_path):
    path = tmp_path / "file.db"
    path.write_bytes(content)
    assert runs_at(path, None) is None
    assert runs_at(tmp_path, None) is None


@pytest.mark.parametrize("damage", [("direction", "x"), ("datetime_start", "when")])
def test_a_damaged_journal_is_refused_as_that(study_with, tmp_path, damage):
    path = tmp_path / "journal.log"
    study_with(storage_at(path))
    text = path.read_text()
    assert damage[0] in text
    path.write_text(text.replace(*damage))
    left_out = [item.reason for item in runs_at(path, None).items if isinstance(item, Skipped)]
    assert any("Optuna cannot read it, so it is damaged" in reason for reason in left_out)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom file modes bind")
def test_a_read_only_database_is_read(study_with, tmp_path):
    path = tmp_path / "study.db"
    study_with(storage_at(path))
    path.chmod(stat.S_IRUSR)
    assert all(isinstance(item, ImportedRun) for item in runs_at(path, None).items)


def test_without_optuna_the_reason_names_the_extra(study_with, tmp_path, monkeypatch):
    path = tmp_path / "study.db"
    study_with(storage_at(path))
    monkeypatch.setitem(sys.modules, "optuna", None)
    (skipped,) = runs_at(path, None).items
    assert isinstance(skipped, Skipped)
    assert "pip install 'timm-advisor[optuna]'" in skipped.reason
