"""Runs the train-like scripts under several versions of timm and compares every recorded field with the true value.

    python tests/timm_versions/compare.py FOLDER 0.6.13 0.9.16 1.0.15 current

Each version gets a virtual environment in FOLDER that holds timm alone and sees the packages of the environment this
runs in, so that PyTorch is not installed again. ``current`` is the version installed here. Scripts print what the run
really was; the record must equal it. Exit status 1 and a list of differences if it does not.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "scripts"
ARGUMENTS = shlex.split(
    "--model resnet10t --num-classes 10 --img-size 32 --batch-size 32 --lr 0.02 --weight-decay 0.01 --drop 0.2 "
    "--epochs 2 --warmup-epochs 1 --min-lr 1e-6 --cooldown-epochs 1 --output out --experiment run"
)
OPTIONS = {
    "plain": "--opt adamw",
    "moving average": "--model-ema --model-ema-decay 0.5 --smoothing 0.05",
    "layer decay, drop path": "--layer-decay 0.7 --drop-path 0.1 --opt sgd",
}


def script_for(version: tuple[int, ...]) -> str:
    """Return the script that makes the calls of that version's train.py."""
    if version < (0, 8):
        return "train_v06.py"
    return "train_v1.py" if version < (1, 0, 23) else "train_current.py"


def environment(folder: Path, version: str) -> Path:
    """Make the environment of a version, once, and return its interpreter."""
    if version == "current":
        return Path(sys.executable)
    python = folder / version / "bin" / "python"
    if not (folder / version / ".done").exists():
        print(f"==> Making an environment with timm {version}", flush=True)
        venv.create(folder / version, with_pip=False, clear=True)
        command = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        packages = Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
        # addsitedir also reads the .pth files there, by which this project is installed for editing.
        ours = sysconfig.get_path("purelib")
        (packages / "zz_packages_of_the_tests.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(packages)]
        subprocess.run([*pip, f"timm=={version}"], check=True)
        (folder / version / ".done").touch()
    return python


def write_digits(folder: Path) -> None:
    """Write 240 handwritten digits of scikit-learn as an image folder."""
    from PIL import Image
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    for index in range(240):
        split = folder / ("train" if index < 160 else "validation") / str(labels[index])
        split.mkdir(parents=True, exist_ok=True)
        pixels = (images[index].reshape(8, 8) * 15.9375).astype("uint8")
        Image.fromarray(pixels).resize((32, 32)).convert("RGB").save(split / f"{index}.png")


def compare(python: Path, script: str, options: str, data: Path, work: Path) -> tuple[str, int, dict[str, object]]:
    """Return the version of timm, how many values were compared, and where truth and record differ."""
    work.mkdir(parents=True)
    settings = {
        **os.environ,
        "ADVISOR_STORE": f"sqlite:///{work / 'records.db'}",
        "ADVISOR_SPOOL_DIR": str(work / "spool"),
        "ADVISOR_CACHE_DIR": str(work / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    settings.pop("ADVISOR_TESTING", None)
    advisor = [str(python), "-m", "advisor"]
    train = [*advisor, "run", str(SCRIPTS / script), "--data-dir", str(data), *ARGUMENTS, *options.split()]
    done = subprocess.run(train, cwd=work, env=settings, capture_output=True, text=True)
    if done.returncode:
        return "?", 0, {"exit status": (0, done.returncode), "message": done.stderr[-2000:]}
    truth = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"run"')))
    shown = subprocess.run(
        [*advisor, "records", "list", "--format", "json"], cwd=work, env=settings, capture_output=True, text=True
    )
    (run,) = json.loads(shown.stdout)
    show = [*advisor, "records", "show", run["run_id"], "--format", "json"]
    record = json.loads(subprocess.run(show, cwd=work, env=settings, capture_output=True, text=True).stdout)
    pairs = {name: (value, record[name]) for name, value in truth["run"].items()}
    pairs["status"] = ("FINISHED", record["status"])
    pairs["epochs recorded"] = (len(truth["epochs"]), len(record["epochs_recorded"]))
    for true, epoch in zip(truth["epochs"], record["epochs_recorded"], strict=False):
        pairs.update({f"epoch {true['epoch']} {name}": (value, epoch[name]) for name, value in true.items()})
    differences = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    return record["versions"]["timm"], len(pairs), differences


def main(folder: Path, versions: list[str]) -> int:
    """Compare every version and print a line each; return the exit status."""
    folder = folder.absolute()
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    data = work / "digits"
    write_digits(data)
    failed = False
    for version in versions:
        python = environment(folder, version)
        numbers = tuple(int(part) for part in version.split(".")) if version != "current" else (99,)
        for name, options in OPTIONS.items():
            script = script_for(numbers)
            found, compared, differences = compare(python, script, options, data, work / version / name)
            failed = failed or bool(differences)
            verdict = "all equal" if not differences else f"DIFFERENT: {differences}"
            print(f"timm {found:<8} {script:<17} {name:<24} {compared:>3} values, {verdict}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
