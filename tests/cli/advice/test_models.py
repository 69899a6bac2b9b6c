"""``advisor suggest --models`` from end to end."""

import json
import shlex

import pytest

from advisor.api import Advisor
from advisor.cli.root import main
from advisor.describe.model import describe_model


def suggest(folder, *arguments, capsys) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["suggest", "--dataset", str(folder), *arguments])
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_named_models_are_shown_the_most_promising_first(image_folder, capsys):
    code, out, err = suggest(image_folder, "--models", "resnet18,convnext_tiny", capsys=capsys)
    assert code == 0, err
    assert out.index("convnext_tiny") < out.index("resnet18")
    assert "expected top-1" in out
    assert "RTX 3090" in out


def test_auto_stays_within_the_limits_and_counts_what_it_leaves_out(image_folder, capsys):
    options = ("--models", "auto", "--max-params", "10M", "--memory", "3G", "--top", "2", "--format", "json")
    code, out, err = suggest(image_folder, *options, capsys=capsys)
    assert code == 0, err
    answer = json.loads(out)
    assert answer["schema"] == "advisor.models/1"
    assert len(answer["models"]) == 2
    for model in answer["models"]:
        assert describe_model(model["model"]).num_params == model["num_params"] <= 10_000_000
        assert model["memory_bytes"] <= 3 * 2**30
        assert model["suggestion"]["schema"] == "advisor.suggestion/1"
        assert model["suggestion"]["model"] == model["model"]


def test_arguments_are_those_of_the_first(image_folder, capsys):
    code, out, err = suggest(image_folder, "--models", "resnet18,convnext_tiny", "--format", "args", capsys=capsys)
    assert code == 0, err
    words = shlex.split(out)
    assert words[words.index("--model") + 1] == "convnext_tiny"
    assert "--lr" in words


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--models", "resnet18", "--model", "resnet18"], "exclude each other"),
        (["--max-params", "3M"], "goes with --models"),
        (["--memory", "3G"], "goes with --models"),
        (["--models", "resnet81"], "unknown model"),
        (["--models", "resnet18", "--memory", "much"], "no amount of memory"),
        (["--models", "resnet18", "--max-params", "few"], "no number of parameters"),
        (["--models", "resnet18", "--scratch"], "fine-tuning only"),
        (["--models", "resnet18", "--max-params", "1M"], "none of these models fits"),
        (["--models", "resnet18", "--opt", "nonesuch"], "nonesuch"),
    ],
)
def test_what_cannot_be_is_said_with_the_next_step(image_folder, arguments, said, capsys):
    code, out, err = suggest(image_folder, *arguments, capsys=capsys)
    assert code != 0
    assert not out
    assert said in err
    assert "Next:" in err


def test_the_advice_for_the_first_is_remembered(image_folder):
    adviser = Advisor()
    ranking = adviser.rank_models(image_folder, "resnet18,convnext_tiny", opt="sgd")
    (stored,) = adviser.store.suggestions()
    assert stored.suggestion_id == ranking.best.suggestion.suggestion_id
    assert stored.model == ranking.best.model
    assert stored.request["opt"] == "sgd"
