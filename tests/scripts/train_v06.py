"""Makes the calls of timm's train.py up to 0.6.13: the schedule comes first, from the arguments, and no lr column."""

import os

from timm import utils
from timm.data import create_dataset, create_loader, resolve_data_config
from timm.loss import LabelSmoothingCrossEntropy
from timm.models import create_model
from timm.optim import create_optimizer_v2, optimizer_kwargs
from timm.scheduler import create_scheduler
from torch import nn
from train_arguments import output_dir, parse_args
from train_steps import epoch_truth, print_truth, rate, run_evaluation, train


def main():
    utils.setup_default_logging()
    args, args_text = parse_args()
    args.distributed, args.world_size, args.rank = False, 1, 0
    utils.random_seed(args.seed, args.rank)
    model = create_model(
        args.model,
        pretrained=args.pretrained,
        num_classes=args.num_classes,
        drop_rate=args.drop,
        drop_connect_rate=None,
        drop_path_rate=args.drop_path,
        checkpoint_path=args.initial_checkpoint,
    )
    data_config = resolve_data_config(vars(args), model=model)
    optimizer = create_optimizer_v2(model, **optimizer_kwargs(cfg=args))
    model_ema = utils.ModelEmaV2(model, decay=args.model_ema_decay) if args.model_ema else None
    lr_scheduler, num_epochs = create_scheduler(args, optimizer)
    dataset_train = create_dataset(
        args.dataset,
        root=args.data or args.data_dir,
        split=args.train_split,
        is_training=True,
        batch_size=args.batch_size,
        repeats=args.epoch_repeats,
    )
    dataset_eval = create_dataset(
        args.dataset,
        root=args.data or args.data_dir,
        split=args.val_split,
        is_training=False,
        batch_size=args.batch_size,
    )
    common = {
        "input_size": data_config["input_size"],
        "mean": data_config["mean"],
        "std": data_config["std"],
        "use_prefetcher": False,
        "num_workers": args.workers,
        "persistent_workers": args.workers > 0,
    }
    loader_train = create_loader(
        dataset_train,
        batch_size=args.batch_size,
        is_training=True,
        no_aug=args.no_aug,
        re_prob=args.reprob,
        scale=args.scale,
        ratio=args.ratio,
        hflip=args.hflip,
        color_jitter=args.color_jitter,
        auto_augment=args.aa,
        interpolation=data_config["interpolation"],
        **common,
    )
    loader_eval = create_loader(
        dataset_eval, batch_size=args.batch_size, is_training=False, crop_pct=data_config["crop_pct"], **common
    )
    train_loss_fn = LabelSmoothingCrossEntropy(smoothing=args.smoothing) if args.smoothing else nn.CrossEntropyLoss()
    validate_loss_fn = nn.CrossEntropyLoss()
    folder = output_dir(args)
    saver = utils.CheckpointSaver(
        model=model,
        optimizer=optimizer,
        args=args,
        model_ema=model_ema,
        checkpoint_dir=folder,
        recovery_dir=folder,
        decreasing=args.eval_metric == "loss",
        max_history=10,
    )
    with open(os.path.join(folder, "args.yaml"), "w") as file:
        file.write(args_text)
    best_metric, done = None, []
    try:
        for epoch in range(num_epochs):
            train_metrics = train_one_epoch(
                epoch,
                model,
                loader_train,
                optimizer,
                train_loss_fn,
                args,
                lr_scheduler=lr_scheduler,
                model_ema=model_ema,
            )
            lr = rate(optimizer)
            eval_metrics = raw_metrics = validate(model, loader_eval, validate_loss_fn, args)
            ema_metrics = None
            if model_ema is not None:
                ema_metrics = validate(model_ema.module, loader_eval, validate_loss_fn, args, log_suffix=" (EMA)")
                eval_metrics = ema_metrics
            done.append(epoch_truth(epoch, lr, train_metrics, raw_metrics, ema_metrics))
            if lr_scheduler is not None:
                lr_scheduler.step(epoch + 1, eval_metrics[args.eval_metric])
            utils.update_summary(
                epoch,
                train_metrics,
                eval_metrics,
                os.path.join(folder, "summary.csv"),
                write_header=best_metric is None,
            )
            best_metric, _ = saver.save_checkpoint(epoch, metric=eval_metrics[args.eval_metric])
    except KeyboardInterrupt:
        pass
    print_truth(args, model=model, lr=args.lr, epochs=num_epochs, datasets=(dataset_train, dataset_eval), done=done)


def train_one_epoch(epoch, model, loader, optimizer, loss_fn, args, lr_scheduler=None, model_ema=None):
    model.train()
    return train(
        epoch,
        lambda images, target: loss_fn(model(images), target),
        loader,
        optimizer,
        args,
        updated=(lambda: model_ema.update(model)) if model_ema is not None else (lambda: None),
        lr_scheduler=lr_scheduler,
    )


def validate(model, loader, loss_fn, args, log_suffix=""):
    return run_evaluation(model, loader, loss_fn, args)


if __name__ == "__main__":
    main()
