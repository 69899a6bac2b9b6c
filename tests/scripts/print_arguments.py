"""Parses its command line as timm's train.py does, --config included, and prints what it would train with."""

import argparse
import json
import sys

import yaml

config_parser = argparse.ArgumentParser(add_help=False)
config_parser.add_argument("-c", "--config", default="")

parser = argparse.ArgumentParser()
parser.add_argument("data", nargs="?")
parser.add_argument("--data-dir")
parser.add_argument("--dataset", default="")
parser.add_argument("--model", default="resnet50")
parser.add_argument("--pretrained", action="store_true")
parser.add_argument("--img-size", type=int)
parser.add_argument("-b", "--batch-size", type=int, default=128)
parser.add_argument("--grad-accum-steps", type=int, default=1)
parser.add_argument("--opt", default="sgd")
parser.add_argument("--weight-decay", type=float, default=2e-5)
parser.add_argument("--lr", type=float)
parser.add_argument("--lr-base", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=300)
parser.add_argument("--warmup-epochs", type=int, default=5)
if "--no-drop" not in sys.argv:
    parser.add_argument("--drop", type=float, default=0.0)
parser.add_argument("--no-drop", action="store_true")
parser.add_argument("--status", type=int, default=0)


def main():
    given, rest = config_parser.parse_known_args()
    if given.config:
        with open(given.config) as file:
            parser.set_defaults(**yaml.safe_load(file))
    print(json.dumps(vars(parser.parse_args(rest))))
    return given


if __name__ == "__main__":
    main()
    sys.exit(parser.parse_args([w for w in sys.argv[1:] if w.startswith("--status")]).status)
