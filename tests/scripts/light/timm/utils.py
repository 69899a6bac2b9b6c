import csv
import os


def accuracy(output, target, topk=(1,)):
    return [100.0 * float((output.argmax(axis=1) == target).mean())]


def update_summary(epoch, train_metrics, eval_metrics, filename, lr=None, write_header=False):
    row = {"epoch": epoch, **{f"train_{name}": value for name, value in train_metrics.items()}}
    row |= {f"eval_{name}": value for name, value in eval_metrics.items()}
    with open(filename, "a") as file:
        writer = csv.DictWriter(file, row)
        if write_header:
            writer.writeheader()
        writer.writerow(row)


def write_weights(path, values):
    with open(f"{path}.part", "wb") as file:
        file.write(values.tobytes())
    os.replace(f"{path}.part", path)
