"""``advisor suggest`` from end to end, with the shipped evidence, on folders outside it."""

import gc
import json
import os
import shlex
import stat

import pytest
import yaml
from click.testing import CliRunner

from advisor.api import Advisor
from advisor.cli.root import cli, main
from advisor.config import Config
from advisor.describe.sources.validation_split import missing_split
from advisor.records.schema import Pretraining
from advisor.space.hyperparameters import HYPERPARAMETERS

ASKED = ["--model", "test_resnet", "--opt", "adamw", "--scratch", "--max-epochs", "20", "--prefer", "accuracy"]


def suggest(*arguments: str, capsys) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["suggest", *arguments])
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def advise(folder, *arguments: str, capsys) -> dict:
    code, out, err = suggest("--dataset", str(folder), *arguments, "--format", "json", capsys=capsys)
    assert code == 0, err
    return json.loads(out)


def test_json_holds_the_advice_within_the_limits(image_folder, capsys):
    answer = advise(image_folder, *ASKED, capsys=capsys)
    assert answer["schema"] == "advisor.suggestion/1"
    assert answer["basis"] == "meta-model"
    assert answer["dataset"]["n_classes"] == 3
    for suggested in answer["suggestions"]:
        assert set(HYPERPARAMETERS) <= set(suggested)
        assert 1 <= suggested["epochs"] <= 20
        assert 1 <= suggested["batch_size"] <= answer["dataset"]["n_train"]
        expected = suggested["expected"]
        assert 0 <= expected["low"] <= expected["top1"] <= expected["high"] <= 100
        assert expected["level"] == 0.8
    assert set(answer["ranges"]) == set(HYPERPARAMETERS)
    schedule, network = (
        ("sched", "warmup_epochs", "min_lr"),
        ("drop_path", "layer_decay", "layer_decay_lr_factor", "ema"),
    )
    assert set(answer["assumes"]) == {*schedule, *network, "augment", "mixup", "label_smoothing"}
    assert 0 <= answer["novelty"] <= 1
    assert answer["metamodel"]["runs"] >= 600


def test_asked_twice_it_answers_the_same(image_folder, capsys):
    first, second = (advise(image_folder, *ASKED, capsys=capsys) for _ in range(2))
    assert first.pop("suggestion_id") != second.pop("suggestion_id")
    assert first == second


def test_no_garbage_is_looked_for_while_it_answers_and_again_after(image_folder, capsys, monkeypatch):
    enabled, answer = [], Advisor.answer

    def answer_noting(self, prepared):
        enabled.append(gc.isenabled())
        return answer(self, prepared)

    monkeypatch.setattr(Advisor, "answer", answer_noting)
    advise(image_folder, *ASKED, capsys=capsys)
    assert enabled == [False]
    assert gc.isenabled()


def test_what_the_user_fixed_stays(image_folder, capsys):
    answer = advise(image_folder, *ASKED, "--fix", "lr=0.0123", "--fix", "batch_size=12", capsys=capsys)
    for suggested in answer["suggestions"]:
        assert suggested["lr"] == 0.0123
        assert suggested["batch_size"] == 12


def test_without_evidence_the_rule_answers_and_says_so(image_folder, capsys):
    answer = advise(image_folder, "--model", "vit_base_patch16_224", "--opt", "lion", "--pretrained", capsys=capsys)
    assert answer["basis"] == "rule"
    assert answer["confidence"] == "low"
    assert any("rule" in warning for warning in answer["warnings"])
    assert answer["suggestions"][0]["expected"] is None


def test_few_sources_are_no_evidence(image_folder, capsys):
    covered = Advisor().artefact.covering("sgd", Pretraining.NONE)
    answer = advise(image_folder, "--model", "test_resnet", "--opt", "sgd", "--scratch", capsys=capsys)
    assert (answer["basis"] != "meta-model") == (covered is None or covered.groups < 6)


def test_without_a_model_it_names_the_default(image_folder, capsys):
    answer = advise(image_folder, capsys=capsys)
    assert answer["model"] in answer["warnings"][0]


def test_args_and_yaml_say_the_same(image_folder, capsys):
    _, args, _ = suggest("--dataset", str(image_folder), *ASKED, "--format", "args", capsys=capsys)
    _, text, _ = suggest("--dataset", str(image_folder), *ASKED, "--format", "yaml", capsys=capsys)
    words = shlex.split(args)
    for name, value in yaml.safe_load(text).items():
        flag = f"--{name.replace('_', '-')}"
        if value is False:
            assert flag not in words
        elif value is True:
            assert flag in words
        elif not isinstance(value, (list, str)):
            assert float(words[words.index(flag) + 1]) == pytest.approx(value)


def test_the_table_shows_the_values_and_how_sure_they_are(image_folder, capsys):
    code, out, _ = suggest("--dataset", str(image_folder), *ASKED, capsys=capsys)
    assert code == 0
    for word in ("learning rate", "batch size", "epochs", "dropout", "weight decay", "Confidence"):
        assert word in out


def test_strict_turns_low_confidence_into_a_status(image_folder, capsys):
    arguments = ["--dataset", str(image_folder), "--model", "vit_base_patch16_224", "--strict"]
    assert suggest(*arguments, capsys=capsys)[0] == 3


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--dataset", "{tmp}/nowhere"], 1, "nowhere"),
        (["--dataset", "{tmp}/file.txt"], 1, "file.txt"),
        (["--dataset", "{tmp}/empty"], 1, "empty"),
        (["--dataset", "{tmp}/one"], 1, "class"),
        (["--dataset", "{tmp}/unreadable"], 1, "image"),
        (["--dataset", "{images}", "--model", "resnet9000"], 2, "resnet"),
        (["--dataset", "{images}", "--opt", "adamv"], 2, "adamv"),
        (["--dataset", "{images}", "--max-epochs", "0"], 2, "max-epochs"),
        (["--dataset", "{images}", "--max-batch-size", "-3"], 2, "max-batch-size"),
        (["--dataset", "{images}", "--img-size", "2"], 2, "img-size"),
        (["--dataset", "{images}", "--prefer", "luck"], 2, "prefer"),
        (["--dataset", "{images}", "--fix", "lr=fast"], 2, "NAME=VALUE"),
        (["--dataset", "{images}", "--fix", "momentum=0.9"], 2, "momentum"),
        (["--dataset", "{images}", "--fix", "dropout=1.5"], 2, "dropout"),
        (["--dataset", "{images}", "--fix", "batch_size=5000"], 2, "batch_size"),
        (["--dataset", "{images}", "--max-epochs", "5", "--fix", "epochs=9"], 2, "epochs"),
        (["--dataset", "{images}", "--format", "xml"], 2, "xml"),
        (["--dataset", "{images}", "--colour"], 2, "colour"),
        ([], 2, "dataset"),
    ],
)
def test_bad_input_is_one_clear_answer_and_writes_nothing(
    arguments, status, words, image_folder, tmp_path, capsys, monkeypatch
):
    store = tmp_path / "untouched" / "records.db"
    monkeypatch.setenv("ADVISOR_STORE", f"sqlite:///{store}")
    (tmp_path / "file.txt").write_text("not a folder")
    (tmp_path / "empty").mkdir()
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "only").symlink_to(image_folder / "class-0")
    for name in ("a", "b"):
        (tmp_path / "unreadable" / name).mkdir(parents=True)
        (tmp_path / "unreadable" / name / "x.jpg").write_text("no image")
    places = {"tmp": tmp_path, "images": image_folder}
    code, out, err = suggest(*(a.format(**places) for a in arguments), capsys=capsys)
    assert (code, out) == (status, "")
    assert words in err
    assert "Traceback" not in err
    assert not store.exists()


def test_an_unwritable_store_costs_a_warning_not_the_answer(image_folder, tmp_path, capsys, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("a file where the folder should be")
    monkeypatch.setenv("ADVISOR_STORE", f"sqlite:///{blocked}/records.db")
    answer = advise(image_folder, *ASKED, capsys=capsys)
    assert answer["suggestions"]
    assert any("could not be remembered" in warning for warning in answer["warnings"])


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom file modes bind")
def test_a_read_only_folder_costs_a_warning_not_the_answer(image_folder, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    monkeypatch.setenv("ADVISOR_STORE", f"sqlite:///{folder}/records.db")
    assert advise(image_folder, *ASKED, capsys=capsys)["suggestions"]


def test_where_nothing_is_set_apart_it_is_said_and_a_split_that_a_run_made_is_what_advice_is_about(
    image_folder, capsys, tmp_path
):
    code, _, err = suggest("--dataset", str(image_folder), *ASKED, capsys=capsys)
    assert (code, err.count("no validation split, so timm's train.py scores on the training images")) == (0, 1)
    split = missing_split(image_folder, Config()["cache_dir"])
    made = split.make()
    code, out, err = suggest("--dataset", str(image_folder), *ASKED, "--format", "args", capsys=capsys)
    assert (code, err.count(f"no validation split: this is about the one of it in {made}")) == (0, 1)
    assert shlex.quote(str(made)) in out
    assert advise(image_folder, *ASKED, capsys=capsys)["dataset"]["n_train"] == 96  # of 120
    assert Advisor().suggest(image_folder, model="test_resnet", pretrained=False).dataset.n_train == 96


@pytest.mark.parametrize("wrong", [("--model", "no_such_model"), ("--opt", "nothing"), ("--budget", "soon")])
def test_what_is_wrong_with_the_request_is_said_before_the_images_are_looked_at(image_folder, capsys, wrong):
    code, _, err = suggest("--dataset", str(image_folder), *wrong, capsys=capsys)
    assert code in (1, 2)
    assert err.startswith("Error: ")


def test_every_command_has_help():
    runner = CliRunner()
    for name in cli.list_commands(None):
        result = runner.invoke(cli, [name, "--help"])
        assert result.exit_code == 0, (name, result.output)
        assert "Usage:" in result.output
