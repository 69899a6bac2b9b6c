"""Makes the calls of timm's train.py from 1.0.23 on: loss and moving average live in a task, the loader comes first."""

import os
from functools import partial

import torch
from timm import utils
from timm.data import FastCollateMixup, create_dataset, create_loader, resolve_data_config
from timm.loss import LabelSmoothingCrossEntropy, SoftTargetCrossEntropy
from timm.models import create_model
from timm.optim import create_optimizer_v2, optimizer_kwargs
from timm.scheduler import create_scheduler_v2, scheduler_kwargs
from timm.task import ClassificationTask, LogitDistillationTask, load_task_ema_checkpoint, resume_task_checkpoint
from torch import nn
from train_arguments import output_dir, parse_args, resolve_lr
from train_steps import epoch_truth, print_truth, rate, run_evaluation, train


def main():
    utils.setup_default_logging()
    args, args_text = parse_args()
    device = utils.init_distributed_device(args)
    utils.random_seed(args.seed, args.rank)
    model = create_model(
        args.model,
        pretrained=args.pretrained,
        in_chans=3,
        num_classes=args.num_classes,
        drop_rate=args.drop,
        drop_path_rate=args.drop_path,
        checkpoint_path=args.initial_checkpoint,
    )
    if args.num_classes is None:
        args.num_classes = model.num_classes
    data_config = resolve_data_config(vars(args), model=model)
    model.to(device=device)
    if args.data and not args.data_dir:
        args.data_dir = args.data
    dataset = partial(create_dataset, args.dataset, root=args.data_dir, batch_size=args.batch_size)
    dataset_train = dataset(split=args.train_split, is_training=True, seed=args.seed, repeats=args.epoch_repeats)
    dataset_eval = dataset(split=args.val_split, is_training=False) if args.val_split else None
    common = {
        "input_size": data_config["input_size"],
        "mean": data_config["mean"],
        "std": data_config["std"],
        "device": device,
        "distributed": args.distributed,
        "use_prefetcher": args.prefetcher,
        "num_workers": args.workers,
        "persistent_workers": args.workers > 0,
    }
    mixup = args.mixup > 0 or args.cutmix > 0
    collate_fn = None
    if mixup:
        collate_fn = FastCollateMixup(
            mixup_alpha=args.mixup,
            cutmix_alpha=args.cutmix,
            label_smoothing=args.smoothing,
            num_classes=args.num_classes,
        )
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
        interpolation=data_config["interpolation"] if args.no_aug else "random",
        collate_fn=collate_fn,
        **common,
    )
    resolve_lr(args)
    loader_eval = None
    if dataset_eval is not None:
        loader_eval = create_loader(
            dataset_eval,
            batch_size=args.validation_batch_size or args.batch_size,
            is_training=False,
            crop_pct=data_config["crop_pct"],
            **common,
        )
    if mixup:
        train_loss_fn = SoftTargetCrossEntropy()
    elif args.smoothing:
        train_loss_fn = LabelSmoothingCrossEntropy(smoothing=args.smoothing)
    else:
        train_loss_fn = nn.CrossEntropyLoss()
    validate_loss_fn = nn.CrossEntropyLoss()
    if args.kd_model_name is not None:
        # train.py passes the name, and the task calls create_model with weights that would have to be downloaded.
        teacher = create_model(args.kd_model_name, num_classes=args.num_classes, drop_rate=0.5)
        task = LogitDistillationTask(
            student_model=model, teacher_model=teacher, criterion=train_loss_fn, device=device, verbose=False
        )
    else:
        task = ClassificationTask(model=model, criterion=train_loss_fn, device=device, verbose=False)
    model, eval_model = task.get_trainable_module(), task.get_eval_model()
    optimizer = create_optimizer_v2(model, **optimizer_kwargs(cfg=args))
    resume_epoch = resume_task_checkpoint(task, args.resume, optimizer=optimizer) if args.resume else None
    if args.model_ema:
        task.setup_ema(decay=args.model_ema_decay, device="cpu" if args.model_ema_force_cpu else None)
        if args.resume:
            load_task_ema_checkpoint(task, args.resume)
    if args.distributed:
        task.prepare_distributed(device_ids=None)
        model = task.get_trainable_module()

    eval_metric = args.eval_metric if loader_eval is not None else "loss"
    decreasing = eval_metric == "loss"
    saver, folder, best_metric = None, None, None
    if utils.is_primary(args):
        folder = output_dir(args)
        saver = utils.CheckpointSaver(
            model=model,
            optimizer=optimizer,
            args=args,
            checkpoint_dir=folder,
            recovery_dir=folder,
            decreasing=decreasing,
            max_history=10,
            task=task,
        )
        with open(os.path.join(folder, "args.yaml"), "w") as file:
            file.write(args_text)
    lr_scheduler, num_epochs = create_scheduler_v2(
        optimizer,
        **scheduler_kwargs(args, decreasing_metric=decreasing),
        updates_per_epoch=-(-len(loader_train) // args.grad_accum_steps),
    )
    start_epoch = args.start_epoch if args.start_epoch is not None else resume_epoch or 0
    if lr_scheduler is not None and start_epoch > 0:
        lr_scheduler.step(start_epoch)

    done = []
    try:
        for epoch in range(start_epoch, num_epochs):
            train_metrics = train_one_epoch(
                epoch, model, loader_train, optimizer, args, task=task, lr_scheduler=lr_scheduler
            )
            following = epoch + 1
            if following % args.val_interval and following != num_epochs:
                done.append(epoch_truth(epoch, rate(optimizer), train_metrics))
                if lr_scheduler is not None:
                    lr_scheduler.step(following, metric=None)
                continue
            eval_metrics, raw_metrics, ema_metrics = None, None, None
            if loader_eval is not None:
                eval_metrics = raw_metrics = validate(eval_model, loader_eval, validate_loss_fn, args)
                if task.get_trainable_module(ema=True) is not None and not args.model_ema_force_cpu:
                    average = task.get_eval_model(ema=True)
                    ema_metrics = validate(average, loader_eval, validate_loss_fn, args, log_suffix=" (EMA)")
                    eval_metrics = ema_metrics
            done.append(epoch_truth(epoch, rate(optimizer), train_metrics, raw_metrics, ema_metrics))
            if folder is not None:
                utils.update_summary(
                    epoch,
                    train_metrics,
                    eval_metrics,
                    filename=os.path.join(folder, "summary.csv"),
                    lr=rate(optimizer),
                    write_header=best_metric is None,
                )
            latest = (eval_metrics or train_metrics)[eval_metric]
            if saver is not None:
                best_metric, _ = saver.save_checkpoint(epoch, metric=latest)
            if lr_scheduler is not None:
                lr_scheduler.step(following, latest)
    except KeyboardInterrupt:
        pass
    if args.distributed:
        torch.distributed.destroy_process_group()
    if utils.is_primary(args):
        print_truth(
            args,
            model=eval_model,
            lr=args.lr,
            epochs=num_epochs,
            datasets=(dataset_train, dataset_eval),
            done=done,
        )


def train_one_epoch(epoch, model, loader, optimizer, args, task=None, lr_scheduler=None):
    task.get_trainable_module().train()
    return train(
        epoch,
        lambda images, target: task(images, target)["loss"],
        loader,
        optimizer,
        args,
        updated=task.update_ema,
        lr_scheduler=lr_scheduler,
    )


def validate(model, loader, loss_fn, args, log_suffix=""):
    return run_evaluation(model, loader, loss_fn, args)


if __name__ == "__main__":
    main()
