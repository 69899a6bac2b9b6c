"""The answer to a request is the same whoever asks: the API, its explanation, the page, a run that is filled in."""

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from click.testing import CliRunner
from hypothesis import event, given, settings
from hypothesis import strategies as st

from advisor.advise.output.script_arguments import ScriptArguments
from advisor.advise.pipeline import answer
from advisor.advise.prepare import RunList, prepare_again
from advisor.advise.request import make_request
from advisor.api import Advisor
from advisor.cli.root import cli
from advisor.errors import UsageError
from advisor.learn.artefact import Artefact
from advisor.records.schema import Source, Status
from advisor.records.store.store import Store
from advisor.report.contents import gather, newest_advice
from advisor.space.hyperparameters import TIMM_ARGUMENTS

FIXABLE = {
    "lr": st.sampled_from([1e-4, 0.0123]),
    "batch_size": st.sampled_from([4, 12, 64]),
    "epochs": st.sampled_from([3, 15]),
    "dropout": st.sampled_from([0.0, 0.3]),
    "weight_decay": st.sampled_from([0.0, 0.07]),
}
REQUESTS = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["test_resnet", "test_vit", "resnet50"]),
        "opt": st.sampled_from(["adamw", "adamw", "sgd"]),
        "pretrained": st.sampled_from([False, False, True]),
        "img_size": st.sampled_from([32, 32, 64]),
    }
)
LIMITS = st.fixed_dictionaries(
    {
        "prefer": st.sampled_from(["accuracy", "balanced", "speed"]),
        "fix": st.fixed_dictionaries({}, optional=FIXABLE),
    },
    optional={
        "max_epochs": st.integers(1, 40),
        "max_batch_size": st.integers(1, 128),
        "max_seconds": st.integers(1, 60),
    },
)
OWN_RUNS = st.lists(
    st.fixed_dictionaries(
        {
            "lr": st.sampled_from([1e-4, 2e-3, 0.05]),
            "batch_size": st.sampled_from([8, 32]),
            "epochs": st.sampled_from([5, 25]),
            "weight_decay": st.sampled_from([0.0, 0.05]),
            "final_metric": st.floats(30, 99),
        }
    ),
    max_size=3,
)
OUT_OF_MEMORY = st.none() | st.sampled_from([2, 16, 64])


@pytest.fixture(scope="module")
def described(image_folder):
    return Advisor().describe(image_folder)


@pytest.fixture(scope="module")
def home(records, quick, fitted, described, tmp_path_factory):
    """A folder with a small meta-model, learned on datasets like the one that is asked about, and with a store."""
    runs, datasets = records(n_groups=6)
    features = described.dataset.features
    like = [
        replace(dataset, features={name: value * (1 + i / 20) for name, value in features.items()})
        for i, dataset in enumerate(datasets)
    ]
    home = tmp_path_factory.mktemp("home")
    quick(fitted(runs, like), runs, like).save(home / "metamodel")
    return home


@pytest.fixture(scope="module")
def adviser(home, described):
    adviser = Advisor(Store(f"sqlite:///{home / 'records.db'}"), Artefact.load(home / "metamodel"))
    adviser.store.put_dataset(described.dataset)
    return adviser


@pytest.fixture(scope="module")
def typed(home):
    """Return what a command prints as JSON, or what it says of a wrong request."""
    environment = {
        "ADVISOR_METAMODEL_DIR": str(home / "metamodel"),
        "ADVISOR_STORE": f"sqlite:///{home / 'records.db'}",
        "ADVISOR_CACHE_DIR": str(home / "cache"),
    }

    def typed(command, words):
        ended = CliRunner(env=environment).invoke(cli, [command, *words, "--format", "json"])
        if ended.exit_code:
            assert isinstance(ended.exception, UsageError), ended.output
            return str(ended.exception)
        return json.loads(ended.stdout)

    return typed


@pytest.fixture(scope="module")
def record(records, adviser, described):
    """Lets the store hold some runs of the model that a request is about, and no others."""
    (known, *_), _ = records(n_groups=1, runs_per_case=1)
    dataset, store = described.dataset, adviser.store

    def put(request, own_runs, out_of_memory):
        store.remove([run.run_id for run in store.runs()])
        ended = datetime.now(timezone.utc) - timedelta(minutes=1)
        like = replace(
            known, source=Source.API, dataset_id=dataset.dataset_id, n_train=dataset.n_train, n_eval=dataset.n_eval,
            n_classes=dataset.n_classes, device="cuda", started_at=ended, ended_at=ended, train_seconds=2.0, extra={},
            **request,
        )  # fmt: skip
        runs = [replace(like, run_id=f"own-{i}", epochs_done=run["epochs"], **run) for i, run in enumerate(own_runs)]
        if out_of_memory:
            failed = {"status": Status.FAILED, "out_of_memory": True, "epochs_done": 0, "final_metric": None}
            runs.append(replace(like, run_id="failed", batch_size=out_of_memory, train_seconds=None, **failed))
        store.add_runs(runs)

    return put


def named(suggestion):
    """Return all that a suggestion says, but for when it was said."""
    return json.loads(suggestion.model_copy(update={"suggestion_id": ""}).to_json())


def answered(ask):
    """Return the answer, or what is said of a wrong request."""
    try:
        return ask()
    except UsageError as error:
        return str(error)


def options_of(folder, request, limits):
    """Return a request as it is typed."""
    words = ["--dataset", str(folder), "--pretrained" if request["pretrained"] else "--scratch"]
    for name in ("model", "opt", "img_size"):
        words += [f"--{name.replace('_', '-')}", str(request[name])]
    for name in ("prefer", "max_epochs", "max_batch_size"):
        if name in limits:
            words += [f"--{name.replace('_', '-')}", str(limits[name])]
    if "max_seconds" in limits:
        words += ["--budget", f"{limits['max_seconds']}s"]
    return [*words, *(word for name, value in limits["fix"].items() for word in ("--fix", f"{name}={value}"))]


@given(REQUESTS, LIMITS, OWN_RUNS, OUT_OF_MEMORY)
@settings(max_examples=40, derandomize=True)
def test_suggest_explain_and_the_page_name_the_same_values(
    record, adviser, typed, described, image_folder, request_, limits, own_runs, out_of_memory
):
    record(request_, own_runs, out_of_memory)
    words = options_of(image_folder, request_, limits)
    suggestion = answered(lambda: adviser.suggest(described, **request_, **limits))
    if isinstance(suggestion, str):
        event("refused")
        assert answered(lambda: adviser.prepare(make_request(**request_, **limits), described.dataset)) == suggestion
        assert typed("suggest", words) == typed("explain", words) == suggestion
        return
    event(suggestion.basis)
    event(
        "own runs" if any("of yours on this dataset" in warning for warning in suggestion.warnings) else "no own runs"
    )
    said = named(suggestion)

    given_before = newest_advice(adviser.store, adviser.artefact)
    assert given_before.suggestion == suggestion
    assert all(response.advised == getattr(suggestion.best, response.name) for response in given_before.responses)
    (stored,) = (s for s in adviser.store.suggestions() if s.suggestion_id == suggestion.suggestion_id)
    own = RunList(adviser.store.runs(dataset=described.dataset.dataset_id))
    again = answer(adviser.artefact, prepare_again(adviser.artefact, stored.request, described.dataset, own))
    assert named(again)["suggestions"] == [{**one, "expected_seconds": None} for one in said["suggestions"]]
    assert again.ranges == suggestion.ranges

    explanation = adviser.explain(adviser.prepare(make_request(**request_, **limits), described.dataset))
    assert named(explanation.suggestion) == said
    assert gather(adviser.store, adviser.artefact, explanation).explanation == explanation
    assert explanation.responses == given_before.responses
    assert {**typed("suggest", words), "suggestion_id": ""} == said
    assert {**typed("explain", words)["suggestion"], "suggestion_id": ""} == said


@given(REQUESTS, st.fixed_dictionaries({}, optional=FIXABLE), OWN_RUNS, OUT_OF_MEMORY)
@settings(max_examples=25, derandomize=True)
def test_a_run_is_filled_in_with_what_is_suggested(
    record, adviser, typed, described, image_folder, request_, fix, own_runs, out_of_memory
):
    record(request_, own_runs, out_of_memory)
    told = {TIMM_ARGUMENTS[name]: value for name, value in fix.items()}
    arguments = ScriptArguments(
        values={"data_dir": str(image_folder), **request_, **told},
        decided=told,
        options={argument: f"--{argument}" for argument in TIMM_ARGUMENTS.values()},
    )
    found = typed("suggest", [*arguments.question(), "--top", "1"])
    suggestion = answered(lambda: adviser.suggest(described, **request_, fix=fix, top_k=1))
    if isinstance(suggestion, str):
        assert found == suggestion
        return
    assert {**found, "suggestion_id": ""} == named(suggestion)
    left = {name: getattr(suggestion.best, name) for name in TIMM_ARGUMENTS if name not in fix}
    assert arguments.fill(suggestion) == {TIMM_ARGUMENTS[name]: value for name, value in left.items()}
