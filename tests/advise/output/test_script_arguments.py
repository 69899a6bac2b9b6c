"""What a command line leaves open, what is asked for it, and what it is given."""

import pytest

from advisor.advise.output.script_arguments import ScriptArguments

DEFAULTS = {"data_dir": "photos", "dataset": "", "model": "resnet50", "opt": "sgd", "pretrained": False, "lr": None,
            "lr_base": 0.1, "batch_size": 128, "epochs": 300, "drop": 0.0, "weight_decay": 2e-5, "img_size": None,
            "train_split": "train", "warmup_epochs": 5, "smoothing": 0.1, "no_aug": False}  # fmt: skip


def given(processes: int = 1, without: tuple[str, ...] = (), **decided: object) -> ScriptArguments:
    options = {name: f"--{name.replace('_', '-')}" for name in DEFAULTS if name not in without}
    return ScriptArguments({**DEFAULTS, **decided}, set(decided), options, processes)


def test_what_was_not_set_is_open():
    assert given().open == ("lr", "batch_size", "epochs", "dropout", "weight_decay")
    assert given(lr=0.1, drop=0.2).open == ("batch_size", "epochs", "weight_decay")
    assert given(lr_base=0.1).open == ("batch_size", "epochs", "dropout", "weight_decay")
    assert given(without=("drop",)).open == ("lr", "batch_size", "epochs", "weight_decay")
    assert given(without=("drop",)).unknown == ("dropout",)


def test_the_question_is_about_this_training():
    asked = given(model="vit_tiny_patch16_224", opt="lion", pretrained=True, img_size=64, epochs=20, drop=0.0)
    words = " ".join(asked.question())
    assert words == (
        "--dataset photos --model vit_tiny_patch16_224 --opt lion --pretrained --img-size 64 "
        "--fix epochs=20 --fix dropout=0.0"
    )
    assert "--scratch" in given().question()
    assert "--pretrained" in given(initial_checkpoint="best.pth").question()
    assert "48" in given(input_size=[3, 32, 48]).question()


def test_a_batch_size_is_global_in_the_question_and_one_process_s_in_the_answer(suggestion):
    assert "batch_size=96" in given(processes=4, batch_size=8, grad_accum_steps=3).question()
    advised = suggestion()  # 24 images a step
    assert given().fill(advised)["batch_size"] == 24
    assert given(processes=2, grad_accum_steps=3).fill(advised)["batch_size"] == 4
    hparams = given(processes=5)
    assert (hparams.fill(advised)["batch_size"], hparams.reachable_batch_size(24)) == (4, 20)
    assert given(processes=64).fill(advised)["batch_size"] == 1


def test_only_what_is_open_is_filled(suggestion):
    assert given().fill(suggestion()) == {
        "lr": 0.003, "batch_size": 24, "epochs": 3, "drop": 0.1, "weight_decay": 0.05
    }  # fmt: skip
    assert given(lr=1.0, epochs=2).fill(suggestion()) == {"batch_size": 24, "drop": 0.1, "weight_decay": 0.05}


def test_where_the_images_are(tmp_path):
    (tmp_path / "learn").mkdir()
    assert given().dataset() == "photos"
    assert given(data_dir=str(tmp_path), train_split="learn").dataset() == str(tmp_path / "learn")
    assert given(data_dir=str(tmp_path), train_split="gone").dataset() == str(tmp_path)
    assert given(dataset="torch/cifar10", data_dir="/data").dataset() == "torch/cifar10:/data"
    assert given(dataset="wds/shards", data_dir=None).dataset() == "wds/shards"
    assert given(data_dir=None, data="old").dataset() == "old"


def test_without_images_or_model_there_is_no_question():
    with pytest.raises(LookupError, match="dataset"):
        given(data_dir=None).question()
    with pytest.raises(LookupError, match="model"):
        given(model="").question()


def test_the_rest_of_the_recipe_is_set_where_it_differs_and_is_not_decided(suggestion):
    assert given().recipe(suggestion()) == {"warmup_epochs": 1, "no_aug": True}
    assert given(warmup_epochs=3).recipe(suggestion()) == {"no_aug": True}
    assert given(without=("no_aug", "warmup_epochs")).recipe(suggestion()) == {}
    lacking = given(without=("no_aug", "warmup_epochs")).beyond_script(suggestion())
    assert lacking[:4] == ["--sched", "cosine", "--warmup-epochs", "1"]
    assert "--no-aug" in lacking
    assert "--mixup" not in lacking  # none is assumed


@pytest.mark.parametrize("theirs", [{"aa": "rand-m9"}, {"hflip": 0.0}, {"scale": [0.5, 1.0]}])
def test_who_sets_some_of_the_augmentation_has_all_of_it(theirs, suggestion):
    assert given(**theirs).recipe(suggestion()) == {"warmup_epochs": 1}


def test_another_schedule_keeps_its_own_settings_and_the_advised_one_named_is_no_other(suggestion):
    options = {**dict.fromkeys(DEFAULTS), "sched": None, "sched_on_updates": None, "min_lr": None}

    def of(sched, decided):
        values = {**DEFAULTS, "sched": sched, "sched_on_updates": False, "min_lr": 1e-5}
        return ScriptArguments(values, decided, options).recipe(suggestion())

    assert of("step", {"sched"}) == {"warmup_epochs": 1, "min_lr": 0.0, "no_aug": True}
    for decided in ({"sched"}, set()):
        assert of("cosine", decided)["sched_on_updates"] is True


def test_a_resumed_training_goes_on_as_it_was(suggestion):
    assert given(resume="last.pth.tar").recipe(suggestion()) == {}


def test_a_learning_rate_for_layer_decay_is_lowered_where_none_is_set(suggestion):
    assumed = {**suggestion().assumes.model_dump(), "layer_decay": 0.75, "layer_decay_lr_factor": 4.0, "drop_path": 0.2}
    advised = suggestion(assumes=assumed)
    assert given().fill(advised)["lr"] == pytest.approx(0.003 / 4, rel=0.03)
    known = ScriptArguments({**DEFAULTS, "layer_decay": None}, {}, {"lr": "--lr", "layer_decay": "--layer-decay"})
    assert known.recipe(advised) == {"layer_decay": 0.75}
    assert known.fill(advised)["lr"] == 0.003  # the layer decay that it is for is set too
    decided = ScriptArguments(known.values, {"layer_decay"}, known.options)
    assert decided.fill(advised)["lr"] == pytest.approx(0.003 / 4, rel=0.03)
    added = ScriptArguments({**DEFAULTS, "layer_decay": 0.75}, {"layer_decay"}, known.options)
    assert added.fill(advised)["lr"] == 0.003
    assert added.recipe(advised) == {}
