"""The arguments that the train-like scripts share, named and defaulted as in timm's train.py."""

import argparse

import yaml
from timm import utils


def parser():
    p = argparse.ArgumentParser(description="Training like timm's train.py, in miniature")
    p.add_argument("data", nargs="?", default=None)
    p.add_argument("--data-dir")
    p.add_argument("--dataset", default="")
    p.add_argument("--train-split", default="train")
    p.add_argument("--val-split", default="validation")
    p.add_argument("--model", default="resnet50")
    p.add_argument("--pretrained", action="store_true")
    p.add_argument("--initial-checkpoint", default="")
    p.add_argument("--resume", default="")
    p.add_argument("--num-classes", type=int, default=None)
    p.add_argument("--img-size", type=int, default=None)
    p.add_argument("--crop-pct", type=float, default=None)
    p.add_argument("-b", "--batch-size", type=int, default=128)
    p.add_argument("-vb", "--validation-batch-size", type=int, default=None)
    p.add_argument("--grad-accum-steps", type=int, default=1)
    p.add_argument("--device", default="cpu")
    p.add_argument("--amp", action="store_true")
    p.add_argument("--local_rank", default=0, type=int)
    p.add_argument("--opt", default="sgd")
    p.add_argument("--momentum", type=float, default=0.9)
    p.add_argument("--weight-decay", type=float, default=2e-5)
    p.add_argument("--clip-grad", type=float, default=None)
    p.add_argument("--layer-decay", type=float, default=None)
    p.add_argument("--sched", default="cosine")
    p.add_argument("--sched-on-updates", action="store_true")
    p.add_argument("--lr", type=float, default=None)
    p.add_argument("--lr-base", type=float, default=0.1)
    p.add_argument("--lr-base-size", type=int, default=256)
    p.add_argument("--lr-base-scale", default="")
    p.add_argument("--warmup-lr", type=float, default=1e-5)
    p.add_argument("--min-lr", type=float, default=0.0)
    p.add_argument("--epochs", type=int, default=300)
    p.add_argument("--epoch-repeats", type=float, default=0.0)
    p.add_argument("--start-epoch", default=None, type=int)
    p.add_argument("--decay-epochs", type=float, default=90)
    p.add_argument("--warmup-epochs", type=int, default=5)
    p.add_argument("--cooldown-epochs", type=int, default=0)
    p.add_argument("--patience-epochs", type=int, default=10)
    p.add_argument("--decay-rate", type=float, default=0.1)
    p.add_argument("--no-aug", action="store_true")
    p.add_argument("--scale", type=float, nargs="+", default=[0.08, 1.0])
    p.add_argument("--ratio", type=float, nargs="+", default=[3.0 / 4.0, 4.0 / 3.0])
    p.add_argument("--hflip", type=float, default=0.5)
    p.add_argument("--color-jitter", type=float, default=0.4)
    p.add_argument("--aa", default=None)
    p.add_argument("--reprob", type=float, default=0.0)
    p.add_argument("--mixup", type=float, default=0.0)
    p.add_argument("--cutmix", type=float, default=0.0)
    p.add_argument("--smoothing", type=float, default=0.1)
    p.add_argument("--drop", type=float, default=0.0)
    p.add_argument("--drop-path", type=float, default=None)
    p.add_argument("--model-ema", action="store_true")
    p.add_argument("--model-ema-force-cpu", action="store_true")
    p.add_argument("--model-ema-decay", type=float, default=0.9998)
    p.add_argument("--seed", type=int, default=42)
    p.add_argument("--val-interval", type=int, default=1)
    p.add_argument("-j", "--workers", type=int, default=0)
    p.add_argument("--no-prefetcher", action="store_true")
    p.add_argument("--output", default="")
    p.add_argument("--experiment", default="")
    p.add_argument("--eval-metric", default="top1")
    p.add_argument("--kd-model-name", default=None)
    p.add_argument("--wandb-api-key", default=None)
    p.add_argument("--fault", default="", help="what goes wrong on purpose, and in which epoch: KIND@EPOCH")
    return p


def parse_args():
    configuring = argparse.ArgumentParser(add_help=False)
    configuring.add_argument("-c", "--config", default="")
    given, remaining = configuring.parse_known_args()
    p = parser()
    if given.config:
        with open(given.config) as file:
            p.set_defaults(**yaml.safe_load(file))
    args = p.parse_args(remaining)
    text = yaml.safe_dump(args.__dict__, default_flow_style=False)
    args.prefetcher = not args.no_prefetcher
    return args, text


def resolve_lr(args):
    """timm's rule: absolute, or from --lr-base, the global batch size, and the kind of optimizer."""
    if args.lr:
        return
    ratio = args.batch_size * args.world_size * args.grad_accum_steps / args.lr_base_size
    scale = args.lr_base_scale or ("sqrt" if any(o in args.opt.lower() for o in ("ada", "lamb")) else "linear")
    args.lr_base_scale = scale
    args.lr = args.lr_base * (ratio**0.5 if scale == "sqrt" else ratio)


def output_dir(args):
    return utils.get_outdir(args.output or "./output/train", args.experiment or "run")
