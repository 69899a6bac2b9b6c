"""A suggestion under timm's names: taken by its factories, and nothing lost on the way."""

import argparse
import ast
import math
import os
import shlex
import subprocess
import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.advise.output.timm_arguments import quote, to_words
from advisor.space.hyperparameters import format_number


def test_the_factories_take_the_keywords(suggestion, first_values):
    timm = pytest.importorskip("timm")
    from timm.optim import create_optimizer_v2
    from timm.scheduler import create_scheduler_v2

    advised = suggestion()
    model = timm.create_model(**advised.model_kwargs())
    optimizer = create_optimizer_v2(model, **advised.optimizer_kwargs())
    _, epochs = create_scheduler_v2(optimizer, **advised.scheduler_kwargs())
    assert (model.num_classes, model.drop_rate) == (10, first_values["dropout"])
    assert type(optimizer).__name__ == "AdamW"
    assert optimizer.defaults["lr"] == first_values["lr"]
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.0, first_values["weight_decay"]}
    assert epochs == first_values["epochs"]


DEEP = {"drop_path": 0.2, "layer_decay": 0.75, "layer_decay_lr_factor": 4.0, "ema": 0.9995}


@pytest.fixture
def deep(suggestion):
    """A suggestion for a small ConvNeXt that assumes layer decay, drop-path and a moving average."""
    return suggestion(model="test_convnext", assumes={**suggestion().assumes.model_dump(), **DEEP})


def train_parser():
    """Return a parser of what timm's train.py takes of this, with its names, types and defaults."""
    parser = argparse.ArgumentParser()
    for name in ("model", "opt", "sched"):
        parser.add_argument(f"--{name}")
    for name in ("num-classes", "img-size", "batch-size", "epochs", "warmup-epochs", "cooldown-epochs"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("lr", "weight-decay", "drop", "min-lr", "mixup", "smoothing", "warmup-lr", "crop-pct"):
        parser.add_argument(f"--{name}", type=float)
    for name in ("pretrained", "no-aug", "sched-on-updates", "model-ema"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--layer-decay", type=float, default=None)
    parser.add_argument("--drop-path", type=float, default=None)
    parser.add_argument("--model-ema-decay", type=float, default=0.9998)
    return parser


def test_train_py_reads_what_is_advised(deep):
    advised = deep
    read = vars(train_parser().parse_args(advised.to_args()))
    assert {name: read[name] for name in advised.to_config()} == advised.to_config()
    assert (read["layer_decay"], read["drop_path"], read["model_ema"], read["model_ema_decay"]) == (
        0.75, 0.2, True, 0.9995
    )  # fmt: skip
    assert yaml.safe_load(advised.to_yaml()) == advised.to_config()


def test_what_is_not_assumed_is_not_said(deep, suggestion):
    text = " ".join(suggestion().to_args())
    assert not any(name in text for name in ("layer-decay", "drop-path", "model-ema"))
    assert "layer_decay" not in suggestion().optimizer_kwargs()
    assert "drop_path_rate" not in suggestion().model_kwargs()
    assert (deep.optimizer_kwargs()["layer_decay"], deep.model_kwargs()["drop_path_rate"]) == (0.75, 0.2)


def test_suggestions_of_older_versions_are_read(suggestion):
    stored = {name: value for name, value in suggestion().assumes.model_dump().items() if name not in DEEP}
    assumes = suggestion(assumes=stored).assumes
    assert (assumes.drop_path, assumes.layer_decay, assumes.layer_decay_lr_factor, assumes.ema) == (0, None, 1, None)


def test_timm_lowers_the_learning_rate_from_layer_to_layer(deep):
    timm = pytest.importorskip("timm")
    from timm.optim import create_optimizer_v2

    model = timm.create_model(**deep.model_kwargs())
    optimizer = create_optimizer_v2(model, **deep.optimizer_kwargs())
    scales = {group["lr_scale"] for group in optimizer.param_groups}
    assert max(scales) == 1
    assert 0.75 in {round(scale, 6) for scale in scales}


def test_a_schedule_by_steps_ends_after_the_steps_of_all_epochs(suggestion, first_values):
    timm = pytest.importorskip("timm")
    from timm.optim import create_optimizer_v2
    from timm.scheduler import create_scheduler_v2

    advised = suggestion()
    optimizer = create_optimizer_v2(timm.create_model(**advised.model_kwargs()), **advised.optimizer_kwargs())
    scheduler, epochs = create_scheduler_v2(optimizer, **advised.scheduler_kwargs(updates_per_epoch=12))
    rates = []
    for step in range(12 * epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        scheduler.step_update(step + 1)
    assert max(rates) == pytest.approx(first_values["lr"], rel=0.1)
    assert rates.index(max(rates)) == pytest.approx(12, abs=1)  # one epoch of warm-up
    assert rates[-1] < first_values["lr"] / 100


@pytest.mark.parametrize("opt", ["adamw", "sgd", "rmsproptf", "lamb", "lion"])
def test_every_optimizer_there_is_a_rule_for_is_timm_s(suggestion, opt):
    timm = pytest.importorskip("timm")
    from timm.optim import create_optimizer_v2

    advised = suggestion(opt=opt)
    assert create_optimizer_v2(timm.create_model("test_resnet"), **advised.optimizer_kwargs()).defaults["lr"] == 0.003


def test_the_data_is_named_as_train_py_reads_it(suggestion, tmp_path):
    advised = suggestion()
    assert advised.to_args(tmp_path)[:2] == ["--data-dir", str(tmp_path)]
    assert advised.to_args("torch/cifar10:/data")[:4] == ["--dataset", "torch/cifar10", "--data-dir", "/data"]
    assert advised.to_args("hfds/owner/name")[:2] == ["--dataset", "hfds/owner/name"]
    assert advised.to_args("photos.tar")[:2] == ["--data-dir", "photos.tar"]
    for unread in (None, "photos.zip", "no-such-folder"):
        assert advised.to_args(unread)[0] == "--model"


def test_yaml_is_what_the_arguments_say(suggestion, tmp_path):
    advised = suggestion(pretrained=True)
    config = yaml.safe_load(advised.to_yaml(tmp_path))
    assert to_words(config) == advised.to_args(tmp_path)
    assert config["pretrained"] is True
    assert (config["lr"], config["drop"], config["warmup_epochs"]) == (0.003, 0.1, 1)


@pytest.mark.parametrize(
    ("augment", "words"),
    [
        ("none", "--no-aug"),
        ("flip-crop", "--scale 0.7 1 --ratio 0.9 1.1 --hflip 0.5 --color-jitter 0"),
        ("timm-default", ""),
        ("custom", ""),
        ("rand-m9-mstd0.5", "--aa rand-m9-mstd0.5"),
        ("rand-m9+erase", "--aa rand-m9 --reprob 0.25"),
    ],
)
def test_every_augmentation_that_is_recorded_has_its_arguments(suggestion, augment, words):
    advised = suggestion(basis="rule", assumes={**suggestion().assumes.model_dump(), "augment": augment})
    said = shlex.join(advised.to_args())
    assert said.endswith(f"--smoothing 0.1 {words}".strip())


@given(st.floats(min_value=1e-8, max_value=1e6))
def test_a_number_is_typed_with_six_figures(value):
    assert math.isclose(float(format_number(value)), value, rel_tol=1e-5)


def test_a_line_can_be_pasted_into_either_shell():
    words = ["--data-dir", r"C:\my photos", "--lr", "0.1"]
    assert quote(words, windows=True) == r'--data-dir "C:\my photos" --lr 0.1'
    assert shlex.split(quote(words, windows=False)) == words


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
@given(st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), min_size=1), max_size=5))
@settings(max_examples=20)
def test_the_documented_line_hands_every_word_to_the_script_as_it_is(words):
    """docs/integrations.md: eval "python train.py $(advisor suggest --format args)"."""
    words = [*words, "my photos[v2]", "it's", '"$HOME"', "*"]
    show = shlex.join([sys.executable, "-c", "import sys; sys.stdout.buffer.write(ascii(sys.argv[1:]).encode())"])
    line = 'eval "$SHOW $(cat)"'
    done = subprocess.run(
        ["sh", "-c", line], input=quote(words, windows=False).encode(), env={**os.environ, "SHOW": show},
        capture_output=True, check=True,
    )  # fmt: skip
    # A shell leaves out the ends of lines that a command's output ends with.
    assert ast.literal_eval(done.stdout.decode()) == words
