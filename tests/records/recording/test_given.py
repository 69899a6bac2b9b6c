"""`record_run` takes what its objects and its suggestion tell, and says what it cannot know."""

import dataclasses
import inspect
import re
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import advisor
from advisor.describe.recorded import describe_recorded
from advisor.records.recording import given, recorder
from advisor.records.recording.active import ActiveRun
from advisor.records.schema import EPOCH_METRICS, RUN_FIELDS, Dataset, Status, StoredSuggestion
from advisor.records.store.store import Store
from advisor.records.store.sync import sync

DOCUMENT = (Path(__file__).parents[3] / "docs" / "integrations.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def own_recorder(monkeypatch):
    monkeypatch.setenv("ADVISOR_PLUGINS", "none")
    monkeypatch.setattr(recorder, "_recorder", None)
    monkeypatch.setattr(given, "_said", set())


@pytest.fixture
def stored(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'records.db'}")

    def run():
        sync(store, recorder._recorder._spool_dir)
        [found] = store.runs()
        return found

    run.store = store
    yield run
    store.close()


def recorded(*arguments, epochs_logged=1, **fields):
    with advisor.record_run(*arguments, **fields) as run:
        for _ in range(epochs_logged):
            run.log_epoch(train_loss=1.0, eval_top1=50.0)
    return run.snapshot()


class Module:
    """As much of a timm model as is read."""

    def __init__(self, name="test_resnet", **attributes):
        self.pretrained_cfg = {"architecture": name}
        self.num_classes = 4
        self.__dict__.update(attributes)

    def parameters(self):
        return [SimpleNamespace(numel=lambda: 12), SimpleNamespace(numel=lambda: 30)]


class AdamW:
    def __init__(self, *groups):
        self.param_groups = list(groups)


class CosineLRScheduler:
    def __init__(self, **attributes):
        self.__dict__.update({"t_initial": 10, "warmup_t": 2, "lr_min": 1e-5, "t_in_epochs": True, **attributes})


OPTIMIZER = AdamW(
    {"lr": 1e-5, "initial_lr": 3e-3, "weight_decay": 0.0},
    {"lr": 1e-5, "initial_lr": 3e-3, "weight_decay": 0.069},
)


def test_what_is_given_stays_whatever_a_plugin_observes():
    with advisor.record_run(lr=0.7, versions={"mine": "1"}) as run:
        run.update(batch_size=8, epochs=None)
        run.observed(lr=0.1, batch_size=4, epochs=3, weight_decay=0.2, versions={"timm": "2"})
        run.observed(weight_decay=0.3)
    found = run.snapshot()
    assert (found.lr, found.batch_size, found.epochs, found.weight_decay) == (0.7, 8, 3, 0.3)
    assert {"mine": "1", "timm": "2"}.items() <= found.versions.items()


def test_the_objects_tell_the_run():
    run = recorded(None, Module(drop_rate=0.2), OPTIMIZER, CosineLRScheduler(warmup_prefix=True), batch_size=16)
    assert (run.model, run.num_params, run.dropout, run.extra["model_num_classes"]) == ("test_resnet", 42, 0.2, 4)
    assert (run.opt, run.lr, run.weight_decay) == ("adamw", 3e-3, 0.069)
    assert (run.sched, run.epochs, run.warmup_epochs, run.min_lr) == ("cosine", 12, 2, 1e-5)
    assert (run.batch_size, run.source.value) == (16, "api")


@pytest.mark.parametrize(
    "model",
    [
        "test_resnet",
        SimpleNamespace(module=Module()),
        SimpleNamespace(_orig_mod=Module()),
        Module(pretrained_cfg=SimpleNamespace(architecture="test_resnet")),
    ],
)
def test_a_model_is_known_by_name_and_through_its_wrappers(model):
    assert recorded(model=model).model == "test_resnet"


def test_a_scheduler_that_counts_updates_does_not_tell_epochs():
    run = recorded(scheduler=CosineLRScheduler(t_in_epochs=False))
    assert (run.sched, run.epochs, run.warmup_epochs) == ("cosine", None, None)
    assert recorded(scheduler=object()).sched is None


def test_what_is_given_goes_before_objects_and_objects_before_the_suggestion(suggestion, first_values):
    run = recorded(None, None, OPTIMIZER, None, suggestion(), lr=1.0, epochs_logged=3)
    assert (run.lr, run.weight_decay, run.batch_size) == (1.0, 0.069, first_values["batch_size"])
    assert (run.model, run.opt, run.pretrained, run.img_size) == ("test_resnet", "adamw", False, 32)
    assert (run.epochs, run.dropout, run.warmup_epochs) == (first_values["epochs"], first_values["dropout"], 1.0)
    assert (run.dataset_id, run.dataset_name, run.n_train, run.n_classes) == ("d1", "digits", 300, 10)
    assert (run.suggestion_id, run.status) == (suggestion().suggestion_id, Status.FINISHED)
    assert run.augment is None  # a loop of one's own may have another


def test_a_suggestion_does_not_say_which_images_another_folder_holds(suggestion, tmp_path):
    run = recorded(tmp_path / "other", suggestion=suggestion())
    assert (run.dataset_id, run.n_train, run.dataset_name) == (None, None, "other")
    assert run.extra["dataset_root"] == str(tmp_path / "other")


@pytest.mark.parametrize("keyword", ["suggestion", "suggestion_id"])
def test_the_id_of_a_suggestion_is_enough(suggestion, first_values, stored, keyword):
    advice = suggestion()
    stored.store.save_suggestion(
        StoredSuggestion(
            suggestion_id=advice.suggestion_id, created_at=datetime.now(timezone.utc), dataset_id="d1",
            model=advice.model, suggestion=advice.model_dump(mode="json", by_alias=True),
        )
    )  # fmt: skip
    recorded(optimizer=OPTIMIZER, epochs_logged=2, **{keyword: advice.suggestion_id})
    run = stored()
    assert (run.model, run.lr, run.epochs, run.dataset_id) == ("test_resnet", 3e-3, first_values["epochs"], "d1")
    assert run.status is Status.INTERRUPTED  # of three epochs


def test_an_id_that_nobody_remembers_changes_nothing(stored):
    recorded(suggestion="unheard-of", lr=0.1)
    assert (stored().lr, stored().model, stored().status) == (0.1, None, Status.FINISHED)


@pytest.mark.parametrize("inner", ["", "train"])
def test_a_folder_is_described_after_the_run(write_images, stored, tmp_path, inner):
    folder = write_images(tmp_path / "photos")
    recorded(folder if not inner else SimpleNamespace(root=folder / inner, class_to_idx={"a": 0, "b": 1, "c": 2}))
    assert stored().dataset_id is None
    assert describe_recorded(stored.store).runs == 1
    run = stored.store.runs()[0]
    assert (stored.store.dataset(run.dataset_id).n_train, run.n_classes, run.dataset_name) == (50, 3, "photos")


class Listed(list):
    class_to_idx = {"a": 0, "b": 1}  # noqa: RUF012


def test_datasets_loaders_and_subsets_tell_counts():
    whole = Listed(range(10))
    loader = SimpleNamespace(dataset=whole, batch_size=8)
    subset = type("Subset", (), {"dataset": whole, "indices": [0, 1], "__len__": lambda self: 2})()
    prefetcher = SimpleNamespace(dataset=whole, loader=loader)
    for dataset, n_train, batch_size in ((whole, 10, None), (loader, 10, 8), (subset, 2, None), (prefetcher, 10, 8)):
        run = recorded(dataset)
        assert (run.n_train, run.n_classes, run.batch_size) == (n_train, 2, batch_size)


def test_descriptions_and_records_tell_the_dataset():
    record = Dataset(dataset_id="d", name="pets", group="pets", n_train=30, n_eval=10, n_classes=3)
    for dataset in (record, SimpleNamespace(dataset=record, class_counts={})):
        run = recorded(dataset)
        assert (run.dataset_id, run.dataset_name, run.n_train, run.n_eval, run.n_classes) == ("d", "pets", 30, 10, 3)


def test_what_a_description_says_of_the_images_comes_into_the_store(stored):
    record = Dataset(
        dataset_id="d", name="pets", group="pets", n_train=30, n_eval=0, n_classes=3, features={"nn_top1": 0.5}
    )
    recorded(SimpleNamespace(dataset=record, class_counts={}), n_train=20)
    run = stored()
    assert (run.dataset_id, run.dataset_name, run.n_train, run.n_eval, run.n_classes) == ("d", "pets", 20, None, 3)
    assert stored.store.dataset("d") == record


def test_a_description_does_not_replace_what_the_store_knows(stored):
    known = Dataset(dataset_id="d", name="pets", group="animals", n_train=30, n_eval=0, n_classes=3)
    stored.store.put_dataset(known)
    recorded(dataclasses.replace(known, group="pets"))
    assert stored().dataset_id == "d"
    assert stored.store.dataset("d") == known


def test_images_in_memory_are_known_once_they_were_described_here(stored, caplog):
    torch = pytest.importorskip("torch")
    torch_data = torch.utils.data
    rng = np.random.default_rng(0)
    images = torch_data.TensorDataset(
        torch.tensor(rng.integers(0, 256, (24, 3, 16, 16)), dtype=torch.uint8), torch.arange(24) % 3
    )
    loader = torch_data.DataLoader(images, batch_size=8, shuffle=True)
    recorded(loader)
    assert "dataset=advisor.Advisor().describe(…)" in caplog.text
    described = advisor.Advisor(stored.store).describe(loader).dataset
    run = recorded(loader)
    assert (run.dataset_id, run.n_train, run.n_classes, run.batch_size) == (described.dataset_id, 24, 3, 8)
    sync(stored.store, recorder._recorder._spool_dir)
    assert stored.store.dataset(described.dataset_id).features == described.features
    assert recorded(torch_data.TensorDataset(*images.tensors)).dataset_id is None  # another one, for all that is known


def test_timms_names_of_datasets_are_no_folders():
    run = recorded("torch/cifar10:/data")
    assert (run.dataset_name, run.extra) == ("torch/cifar10", {})


def test_an_unknown_name_is_said_once_with_the_nearest(caplog):
    for _ in range(2):
        run = recorded(droput=0.1, drop_rate=0.2, zzz=1, img_size=32)
    assert run.extra == {"droput": 0.1, "drop_rate": 0.2, "zzz": 1}
    said = [record.message for record in caplog.records if "does not know" in record.message]
    assert [re.search(r"know '(\w+)'", line)[1] for line in said] == ["droput", "drop_rate", "zzz"]
    assert [line.count("did you mean 'dropout'?") for line in said] == [1, 1, 0]


def test_log_epoch_offers_the_nearest_metric(caplog):
    with advisor.record_run(lr=0.1) as run:
        run.log_epoch(evaltop1=50.0)
        run.log_epoch(evaltop1=60.0, acc1=60.0)
    assert run.snapshot().extra == {"evaltop1": 60.0, "acc1": 60.0}
    assert [line.count("'eval_top1'") for line in caplog.messages if "log_epoch" in line] == [1, 1]


def test_what_nobody_told_is_said_once_after_the_run(caplog):
    for _ in range(2):
        recorded(model="test_resnet", opt="sgd", lr=0.1, batch_size=8, dropout=0.0, weight_decay=0.0, pretrained=False)
    [line] = [line for line in caplog.messages if "does not say" in line]
    assert "its dataset, epochs, so" in line
    assert "record_run(dataset=…, epochs=…)" in line


def test_a_folder_that_is_not_there_is_said_once_after_the_run(tmp_path, caplog):
    (tmp_path / "here").mkdir()
    for folder in ("gone", "gone", "here"):
        recorded(str(tmp_path / folder))
    [line] = [line for line in caplog.messages if "stay unknown" in line]
    assert f"no folder or file {tmp_path / 'gone'} here" in line
    assert "record_run(dataset=…)" in line


def test_a_run_that_is_complete_or_failed_is_silent(suggestion, caplog):
    recorded(suggestion=suggestion(), epochs_logged=3)
    with pytest.raises(ValueError, match="broke"), advisor.record_run():
        raise ValueError("it broke")
    assert caplog.messages == []


class Broken:
    """Anything that is asked of it fails."""

    def __getattr__(self, name):
        raise RuntimeError(f"no {name}")


@pytest.mark.usefixtures("contained")
def test_objects_that_cannot_be_read_cost_their_facts_only(stored, caplog):
    recorded(Broken(), Broken(), Broken(), Broken(), Broken(), lr=0.1, batch_size=Broken())
    assert (stored().lr, stored().model, stored().status) == (0.1, None, Status.FINISHED)
    assert all(f"record_run's {what}" in caplog.text for what in ("dataset", "model", "optimizer", "suggestion"))


def test_every_parameter_is_a_name_that_is_known():
    parameters = inspect.signature(advisor.record_run).parameters
    assert [*parameters][:6] == ["dataset", "model", "optimizer", "scheduler", "suggestion", "name"]
    assert set(parameters) - {"fields"} <= set(given.RUN_NAMES)
    assert set(given.RUN_NAMES) - set(RUN_FIELDS) == {"dataset", "optimizer", "scheduler", "suggestion"}
    metrics = inspect.signature(ActiveRun.log_epoch).parameters
    assert set(metrics) == {"self", "epoch", "further", *EPOCH_METRICS}
    for name in set(parameters) - {"fields"}:
        assert re.search(rf"^ *(\w+, )*{name}(, \w+)* :", advisor.record_run.__doc__, re.MULTILINE), name


def test_the_loop_of_the_document_records_model_epochs_and_the_true_weight_decay(
    write_images, first_values, suggestion, stored, tmp_path, monkeypatch
):
    pytest.importorskip("timm")
    [loop] = [b for b in re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL) if "record_run" in b]
    best = {**first_values, "weight_decay": 0.069, "epochs": 2}
    advice = suggestion(
        suggestions=[best], dataset={"dataset_id": "d1", "name": "photos", "n_train": 50, "n_classes": 3}
    )
    monkeypatch.setattr(advisor, "suggest", lambda *_, **__: advice, raising=False)
    write_images(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    exec(loop, {"loss": 1.0, "accuracy": 50.0})
    assert stored().dataset_id is None
    describe_recorded(stored.store)
    run = stored()
    assert (run.model, run.opt, run.epochs, run.epochs_done) == ("test_resnet", "adamw", 2, 2)
    assert (run.lr, run.weight_decay, run.dropout, run.batch_size) == (0.003, 0.069, 0.1, 24)
    assert (run.sched, run.warmup_epochs, run.pretrained, run.img_size) == ("cosine", 1, False, 32)
    assert stored.store.dataset(run.dataset_id).n_train == 50
    assert (run.suggestion_id, run.status) == (advice.suggestion_id, Status.FINISHED)


def test_the_true_optimizers_and_models_are_read_as_the_stand_ins():
    timm = pytest.importorskip("timm")
    from timm.optim import create_optimizer_v2

    model = timm.create_model("test_vit", num_classes=4, drop_rate=0.1)
    run = recorded(None, model, create_optimizer_v2(model, opt="sgd", lr=0.1, weight_decay=0.02))
    assert (run.model, run.dropout, run.opt, run.lr, run.weight_decay) == ("test_vit", 0.1, "sgd", 0.1, 0.02)
    assert run.num_params == sum(parameter.numel() for parameter in model.parameters())
