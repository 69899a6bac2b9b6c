"""``advisor run --suggest``: advice for what a command line leaves open, and never in the way of the training."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
PRINT = SCRIPTS / "print_arguments.py"
SMALL = ("--model", "test_resnet", "--opt", "adamw", "--img-size", "32")


def start(*words: object, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, *map(str, words)]
    env = {**os.environ, "ADVISOR_TESTING": "", **environment}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def run(*words: object, **environment: str) -> tuple[int, str, str]:
    process = start(*words, **environment)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def suggested(*words: object, **environment: str) -> tuple[dict, str]:
    status, out, err = run("-m", "advisor", "run", "--suggest", PRINT, *words, **environment)
    assert status == 0, err
    return json.loads(out), err


def advice(*words: object) -> dict:
    status, out, err = run("-m", "advisor", "suggest", *words, "--scratch", "--format", "json")
    assert status == 0, err
    return json.loads(out)["suggestions"][0]


def test_all_five_are_set_where_nothing_was(image_folder):
    found, said = suggested("--data-dir", image_folder, *SMALL)
    best = advice("--dataset", image_folder, *SMALL)
    names = {"lr": "lr", "batch_size": "batch_size", "epochs": "epochs", "dropout": "drop",
             "weight_decay": "weight_decay"}  # fmt: skip
    for name, argument in names.items():
        assert found[argument] == pytest.approx(best[name], rel=1e-5)
        assert type(found[argument]) is (int if name in ("batch_size", "epochs") else float)
        assert f"--{argument.replace('_', '-')} " in said
    assert (found["lr_base"], found["warmup_epochs"], found["opt"]) == (0.1, 1, "adamw")
    for words in ("expected top-1", "confidence", "advice 0", "set the rest of the recipe", "--warmup-epochs 1"):
        assert words in said


def test_what_was_given_stays_and_is_what_the_rest_is_advised_for(image_folder, tmp_path):
    (tmp_path / "given.yaml").write_text("epochs: 7\ndrop: 0.25\nmodel: test_resnet\n")
    given = ("-c", tmp_path / "given.yaml", "--data-dir", image_folder, "--opt", "adamw", "--img-size", "32", "-b12")
    found, _ = suggested(*given)
    assert (found["epochs"], found["drop"], found["batch_size"]) == (7, 0.25, 12)
    fixed = ("--fix", "epochs=7", "--fix", "dropout=0.25", "--fix", "batch_size=12")
    best = advice("--dataset", image_folder, *SMALL, *fixed)
    assert found["lr"] == pytest.approx(best["lr"], rel=1e-5)
    assert found["weight_decay"] == pytest.approx(best["weight_decay"], rel=1e-5)


def test_a_base_learning_rate_stays_the_user_s(image_folder):
    found, said = suggested("--data-dir", image_folder, *SMALL, "--lr-base", "0.2", "--epochs=2")
    assert (found["lr"], found["lr_base"], found["epochs"]) == (None, 0.2, 2)
    assert "--batch-size" in said


def test_an_option_that_the_script_lacks_is_named_and_not_passed(image_folder):
    found, said = suggested("--data-dir", image_folder, *SMALL, "--no-drop")
    assert "drop" not in found
    assert found["lr"] is not None
    assert "no option --drop" in said


def test_processes_of_one_training_get_the_same_and_their_share_of_the_batch(image_folder):
    launcher = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_PORT": "29999"}
    command = ("-m", "advisor", "run", "--suggest", PRINT, "--data-dir", image_folder, *SMALL, "--grad-accum-steps=3")
    ranks = [start(*command, RANK=rank, **launcher) for rank in ("1", "0")]
    ended = [rank.communicate(timeout=120) for rank in ranks]
    (other, _), (first, said) = ended
    assert json.loads(other) == json.loads(first)
    size = json.loads(first)["batch_size"]
    assert f"{6 * size} images a step" in said
    assert "advisor:" not in ended[0][1]


@pytest.mark.parametrize(
    ("arguments", "environment", "reason"),
    [
        (["--data-dir", "no-such-folder", *SMALL], {}, "there is no dataset at no-such-folder"),
        (["--data-dir", "{images}", "--model", "resnet-5000"], {}, "resnet-5000"),
        (["--data-dir", "{images}", "--opt", "my_own", "--model", "test_resnet"], {}, "my_own"),
        (["--data-dir", "{images}", *SMALL, "--lr", "0"], {}, "lr must be above 0"),
        (SMALL, {}, "names no dataset"),
        (["--data-dir", "{images}", *SMALL], {"ADVISOR_SUGGEST_TIMEOUT": "0.01"}, "longer than that"),
        (["--data-dir", "{images}", *SMALL], {"WORLD_SIZE": "16", "LOCAL_WORLD_SIZE": "8"}, "16 processes"),
        (["--data-dir", "{images}", *SMALL], {"SLURM_NTASKS": "4"}, "4 processes"),
        (["--data-dir", "{images}", *SMALL], {"ADVISOR_METAMODEL_DIR": "{broken}"}, "Error"),
    ],
)
def test_without_advice_the_script_runs_as_it_is(arguments, environment, reason, image_folder, tmp_path):
    (tmp_path / "manifest.json").write_text("{")
    places = {"images": image_folder, "broken": tmp_path}
    words = [*(word.format(**places) for word in arguments), "--status=7"]
    environment = {name: value.format(**places) for name, value in environment.items()}
    status, out, err = run("-m", "advisor", "run", "--suggest", PRINT, *words, **environment)
    assert (status, out) == run(PRINT, *words)[:2]
    assert status == 7
    assert "no advice, the script runs as it is" in err
    assert reason in err
    assert "Traceback" not in err


def test_a_wrong_command_line_is_the_script_s_to_refuse(image_folder):
    words = ("--data-dir", image_folder, "--lr", "fast")
    status, _, err = run("-m", "advisor", "run", "--suggest", PRINT, *words)
    assert status == 2
    assert err.startswith(run(PRINT, *words)[2])


def test_where_all_is_decided_nothing_is_asked(image_folder):
    hparams = ("--lr=1", "--batch-size=2", "--epochs=3", "--drop=0.4", "--weight-decay=0.5")
    found, said = suggested("--data-dir", image_folder, *hparams, ADVISOR_SUGGEST_TIMEOUT="0.01")
    assert [found[name] for name in ("lr", "batch_size", "epochs", "drop", "weight_decay")] == [1, 2, 3, 0.4, 0.5]
    assert "nothing to set" in said


def test_a_script_without_a_command_line_is_told_at_its_end(tmp_path):
    (tmp_path / "plain.py").write_text("print('trained')\n")
    status, out, err = run("-m", "advisor", "run", "--suggest", tmp_path / "plain.py")
    assert (status, out) == (0, "trained\n")
    assert "nothing was set" in err


@pytest.fixture
def script_with(tmp_path):
    """A copy of the script that takes further options: ``script_with("--class-map")``."""

    def write(*options):
        first = 'parser.add_argument("data", nargs="?")'
        further = (f"parser.add_argument({option})" for option in options)
        script = tmp_path / "train.py"
        script.write_text(PRINT.read_text().replace(first, "\n".join([first, *further])))
        return script

    return write


def test_the_advice_is_for_the_classes_of_the_class_map(image_folder, tmp_path, script_with):
    (tmp_path / "map.txt").write_text("class-0\nclass-1\n")
    words = ("-m", "advisor", "run", "--suggest", script_with('"--class-map"'), "--data-dir", image_folder, *SMALL)
    status, out, said = run(*words, "--class-map", tmp_path / "map.txt")
    assert status == 0
    assert "80 images, 2 classes" in said
    best = advice("--dataset", image_folder, *SMALL, "--class-map", tmp_path / "map.txt")
    assert json.loads(out)["lr"] == pytest.approx(best["lr"], rel=1e-5)


SPLITS = ('"--train-split", default="train"', '"--val-split", default="validation"', '"--no-aug", action="store_true"')


def test_images_without_a_validation_split_get_one(image_folder, tmp_path, script_with):
    words = ("-m", "advisor", "run", "--suggest", script_with(*SPLITS), "--data-dir", image_folder, *SMALL)
    status, out, said = run(*words)
    assert status == 0
    found = json.loads(out)
    made = Path(found["data_dir"])
    assert made.name == image_folder.name
    assert [len([*(made / split).rglob("*.png")]) for split in ("train", "validation")] == [96, 24]
    assert "96 images, 3 classes" in said
    assert "there is no validation split: a fifth of each class is kept" in said
    assert str(made.parent / "validation.txt") in said
    assert found["no_aug"] is True
    assert json.loads(run(*words)[1])["data_dir"] == str(made)
    theirs = json.loads(run(*words, "--val-split", "train")[1])
    assert theirs["data_dir"] == str(image_folder)  # who names a split means it


def test_quiet_says_nothing(image_folder):
    status, _, err = run("-m", "advisor", "--quiet", "run", "--suggest", PRINT, "--data-dir", image_folder, *SMALL)
    assert (status, err) == (0, "")


@pytest.mark.slow
def test_the_run_names_the_advice_it_followed(image_folder, tmp_path):
    """With a real training: what was advised is what took effect and what the record says."""
    pytest.importorskip("timm")
    command = ("-m", "advisor", "run", "--suggest", SCRIPTS / "train_current.py", "--data-dir", image_folder, *SMALL,
               "--epochs=1", "--num-classes=3", "--output", tmp_path)  # fmt: skip
    status, _, err = run(*command)
    assert status == 0, err
    (found,) = json.loads(run("-m", "advisor", "records", "list", "--format", "json")[1])
    assert found["suggestion_id"] in err
    assert found["status"] == "FINISHED"
    best = advice("--dataset", image_folder, *SMALL, "--fix", "epochs=1")
    for name in ("lr", "batch_size", "epochs", "dropout", "weight_decay"):
        assert found[name] == pytest.approx(best[name], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("format_", ["args", "yaml"])
def test_the_printed_advice_trains_as_printed(format_, image_folder, tmp_path):
    pytest.importorskip("timm")
    asked = ("--dataset", image_folder, *SMALL, "--scratch", "--max-epochs", "2", "--format", format_)
    printed = run("-m", "advisor", "suggest", *asked)[1]
    if format_ == "yaml":
        import yaml

        from advisor.advise.output.timm_arguments import to_words

        words = to_words(yaml.safe_load(printed))
    else:
        import shlex

        words = shlex.split(printed)
    status, out, err = run(SCRIPTS / "train_current.py", *words, "--output", tmp_path)
    assert status == 0, err
    truth = json.loads(next(line for line in out.splitlines() if line.startswith('{"run"')))["run"]
    assert truth["epochs"] <= 2
    assert truth["lr"] == pytest.approx(float(words[words.index("--lr") + 1]))
