"""``advisor explain`` from end to end, with the shipped evidence, on a folder outside it."""

import json
import re

import pytest

from advisor.advise.explain.feature_words import _WORDS, feature_words
from advisor.api import Advisor
from advisor.cli.root import main
from advisor.records.schema import Pretraining
from advisor.space.hyperparameters import HYPERPARAMETERS

ASKED = ["--model", "test_resnet", "--scratch", "--img-size", "32", "--max-epochs", "20"]


def explain(*arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(["explain", *arguments])
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_json_holds_responses_contributions_and_neighbours(image_folder, capsys):
    code, out, err = explain("--dataset", str(image_folder), *ASKED, "--format", "json", capsys=capsys)
    assert code == 0, err
    answer = json.loads(out)
    assert [response["name"] for response in answer["responses"]] == list(HYPERPARAMETERS)
    assert max(p["value"] for p in answer["responses"][2]["points"]) <= 20
    assert answer["contributions"]["parts"]
    assert answer["neighbours"]
    assert answer["no_response"] == ""


def test_words_come_first(image_folder, capsys):
    code, out, _ = explain("--dataset", str(image_folder), *ASKED, capsys=capsys)
    assert code == 0
    assert out.index("Epochs:") < out.index("Most similar recorded datasets") < out.index("points of top-1 against")


def test_a_context_without_evidence_is_answered_honestly(image_folder, capsys):
    code, out, _ = explain("--dataset", str(image_folder), "--opt", "lamb", "--scratch", capsys=capsys)
    assert code == 0
    assert "not supported here" in " ".join(out.split())
    assert "points of top-1 against" not in out


def test_a_wrong_value_is_refused_as_by_suggest(image_folder, capsys):
    code, out, err = explain("--dataset", str(image_folder), "--fix", "lr=fast", capsys=capsys)
    assert (code, out) == (2, "")
    assert "NAME=VALUE" in err


def test_neighbours_are_trained_from_the_same_start(image_folder, capsys):
    for start in ("--pretrained", "--scratch"):
        options = ("--model", "resnet18", "--opt", "adam", start)
        code, out, err = explain("--dataset", str(image_folder), *options, "--format", "json", capsys=capsys)
        assert code == 0, err
        for neighbour in json.loads(out)["neighbours"]:
            assert neighbour["best"]["pretrained"] == (start == "--pretrained")


def test_features_have_words(image_folder, capsys):
    _, out, _ = explain("--dataset", str(image_folder), *ASKED, capsys=capsys)
    assert not re.search(r"\blog_|_skill|data:|model:", out)


def test_every_feature_of_the_shipped_meta_models_has_words():
    artefact = Advisor().artefact
    columns = {*artefact.model.columns_, *artefact.of(Pretraining.IMAGENET).model.columns_}
    assert columns
    assert {name for name in columns if name not in _WORDS} == set()
    assert feature_words("data:my_plugin.sharp_edges") == "my plugin.sharp edges"
