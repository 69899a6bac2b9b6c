"""The in-process trainer against the calls that timm's train.py makes, in its order, with its own loader."""

import math
from pathlib import Path

import pytest

from advisor.collect.training.images import load_images, measure
from advisor.collect.training.trainer import (
    AUGMENTATIONS,
    LABEL_SMOOTHING,
    MIN_LR,
    MOMENTUM,
    SCHED,
    WARMUP_EPOCHS,
    WARMUP_LR,
    Diverged,
    Training,
    data_config,
    input_size,
    train,
)
from advisor.errors import DatasetError
from advisor.space.configuration import Configuration

pytest.importorskip("timm")


@pytest.fixture(scope="module")
def folder(write_images, tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"))


def training(model="test_vit", **changes):
    values = {"lr": 1e-3, "batch_size": 16, "epochs": 3, "dropout": 0.2, "weight_decay": 0.05}
    rest = {name: changes.pop(name) for name in ("opt", "augment", "seed") if name in changes}
    return Training(
        **{
            "model": model,
            "img_size": 32,
            "opt": "adamw",
            "configuration": Configuration(**{**values, **changes}),
            "augment": "none",
            "seed": 3,
            **rest,
        }
    )


def as_train_py_does(spec: Training, folder: Path) -> list[dict[str, float]]:
    """Make the calls of train.py 1.0.x in its order.

    Its command line would be ``--no-aug --crop-pct 1 --sched-on-updates --warmup-epochs 1``; logging, checkpoints and
    devices are left out.
    """
    import torch
    from timm import create_model, utils
    from timm.data import create_dataset, create_loader
    from timm.loss import LabelSmoothingCrossEntropy
    from timm.optim import create_optimizer_v2
    from timm.scheduler import create_scheduler_v2

    values = spec.configuration
    utils.random_seed(spec.seed, 0)
    sized = {"img_size": spec.img_size} if spec.model == "test_vit" else {}
    model = create_model(
        spec.model, pretrained=False, in_chans=3, num_classes=3, drop_rate=values.dropout, drop_path_rate=None, **sized
    )
    config = data_config(spec.model)
    datasets = [create_dataset("", root=str(folder), split=split) for split in ("train", "validation")]
    shared = {
        "input_size": (3, spec.img_size, spec.img_size),
        "batch_size": values.batch_size,
        "interpolation": config["interpolation"],
        "mean": config["mean"],
        "std": config["std"],
        "num_workers": 0,
        "crop_pct": 1.0,
        "device": torch.device("cpu"),
    }
    loader = create_loader(datasets[0], is_training=True, no_aug=True, **shared)
    eval_loader = create_loader(datasets[1], is_training=False, **shared)
    train_loss = LabelSmoothingCrossEntropy(smoothing=LABEL_SMOOTHING)
    optimizer = create_optimizer_v2(
        model, opt=spec.opt, lr=values.lr, weight_decay=values.weight_decay, momentum=MOMENTUM
    )
    scheduler, epochs = create_scheduler_v2(
        optimizer,
        sched=SCHED,
        num_epochs=values.epochs,
        min_lr=MIN_LR,
        warmup_lr=WARMUP_LR,
        warmup_epochs=WARMUP_EPOCHS,
        step_on_epochs=False,
        updates_per_epoch=len(loader),
    )
    rows = []
    for epoch in range(epochs):
        model.train()
        losses, updates = utils.AverageMeter(), epoch * len(loader)
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = train_loss(model(inputs), labels)
            loss.backward()
            optimizer.step()
            losses.update(loss.item(), inputs.shape[0])
            updates += 1
            scheduler.step_update(num_updates=updates, metric=losses.avg)
        model.eval()
        top1, eval_losses = utils.AverageMeter(), utils.AverageMeter()
        with torch.inference_mode():
            for inputs, labels in eval_loader:
                outputs = model(inputs)
                eval_losses.update(torch.nn.functional.cross_entropy(outputs, labels).item(), len(labels))
                top1.update(utils.accuracy(outputs, labels, topk=(1,))[0].item(), len(labels))
        lrs = [group["lr"] for group in optimizer.param_groups]
        rows.append(
            {
                "lr": sum(lrs) / len(lrs),
                "train_loss": losses.avg,
                "eval_loss": eval_losses.avg,
                "eval_top1": top1.avg,
            }
        )
        scheduler.step(epoch + 1, top1.avg)
    return rows


# timm's own dataset leaves image files to be closed by the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("model", "opt", "lr"), [("test_vit", "adamw", 1e-3), ("test_resnet", "sgd", 0.05)])
def test_the_curve_is_the_one_that_train_py_gives(folder, model, opt, lr):
    spec = training(model, opt=opt, lr=lr)
    images = load_images(folder, 32, data_config(model)["interpolation"])
    ours = list(train(spec, images))
    theirs = as_train_py_does(spec, folder)
    assert len(ours) == len(theirs) == 3
    for epoch, row in zip(ours, theirs, strict=True):
        for name, value in row.items():
            assert getattr(epoch, name) == pytest.approx(value, rel=1e-5), (epoch.epoch, name)


def test_the_same_seed_gives_the_same_curve_and_another_does_not(folder):
    images = load_images(folder, 32, "bicubic")
    first, again, other = (
        [epoch.train_loss for epoch in train(training(seed=seed, augment="flip-crop"), images)] for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_a_loss_that_is_no_number_ends_the_run(folder):
    images = load_images(folder, 32, "bilinear")
    with pytest.raises(Diverged, match="epoch"):
        list(train(training("test_resnet", opt="sgd", lr=1e30), images))


def test_every_epoch_needs_a_step(folder):
    images = load_images(folder, 32, "bilinear")
    with pytest.raises(ValueError, match="larger than the 50 training images"):
        next(train(training("test_resnet", batch_size=51), images))
    (only,) = train(training("test_resnet", batch_size=50, epochs=1), images)
    assert math.isfinite(only.train_loss)


def test_augmentation_levels_are_all_accepted_by_timm(folder):
    images = load_images(folder, 32, "bilinear")
    for augment in AUGMENTATIONS:
        assert len(list(train(training("test_efficientnet", augment=augment, epochs=1), images))) == 1


def test_input_sizes_are_the_smallest_a_model_takes():
    assert input_size("test_resnet", 28) == 28
    assert input_size("test_vit", 28) == 32
    assert input_size("test_convnext", 24) == 32


def test_a_folder_is_measured_and_its_splits_must_agree(write_images, tmp_path):
    folder = write_images(tmp_path / "images", n_train=12, n_eval=9, pixels=24)
    size = measure(folder)
    assert (size.n_train, size.n_eval, size.n_classes, size.pixels) == (12, 9, 3, 24)
    (folder / "train" / "class2").rename(folder / "train" / "class9")
    with pytest.raises(DatasetError, match="same classes"):
        load_images(folder, 24, "bilinear")
    with pytest.raises(DatasetError, match="no images"):
        measure(tmp_path / "nothing")
