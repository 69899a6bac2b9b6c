"""What is tuned live: ImageNet weights on sets of images whose source nothing that decides has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from advisor.advise.pipeline import answer
from advisor.advise.prepare import PreparedRequest, RunList, prepare
from advisor.advise.request import make_request
from advisor.collect.datasets import read_provenance
from advisor.collect.training.images import Images, load_images
from advisor.collect.training.trainer import data_config
from advisor.describe.dataset import describe
from advisor.learn.artefact import Artefact
from advisor.learn.curve_model import CurveModel
from advisor.records.evidence import Evidence
from advisor.records.schema import Dataset, Pretraining
from advisor.tuning.outlook import Expected
from research.curve_model.fitting import fit_curve_model
from research.curve_model.rows import build_rows
from research.held_out.advice import without_group
from research.pages.rendering import ROOT

SHIPPED = ROOT / "meta_data" / "metamodel"
DATASETS = ("photos-mate-scene-128", "photos-skimage-scene-96", "faces-people", "furniture-rooms-few")
MODEL, OPT, IMG_SIZE, EPOCHS = "tf_efficientnet_lite0", "adamw", 64, 10
WEIGHTS = Path("checkpoints", "in1k", f"{MODEL}.safetensors")


@dataclass(frozen=True)
class LiveCase:
    """A set of images, and what is expected of trainings on it.

    Attributes
    ----------
    dataset : Dataset
        The images.
    images : Images
        The same in memory.
    weights : Path
        What training starts from.
    expected : Expected
        What is known beforehand, by models that were fitted without the source of the images.
    """

    dataset: Dataset
    images: Images
    weights: Path
    expected: Expected


def live_case(name: str, data_dir: Path, work: Path, evidence: Sequence[Evidence]) -> LiveCase:
    """Return the case of a dataset.

    Parameters
    ----------
    name : str
        Of the dataset.
    data_dir : Path
        Where datasets and weights are.
    work : Path
        Where models are kept that were fitted without a source.
    evidence : sequence of Evidence
        From scratch, and from ImageNet weights.
    """
    group = read_provenance(data_dir, name)["group"]
    artefact, curve_model = _without(group, work / group, evidence)
    dataset = describe(data_dir / name).dataset
    prepared = _prepare(artefact, dataset)
    images = load_images(data_dir / name, IMG_SIZE, data_config(MODEL)["interpolation"])
    expected = Expected(artefact, prepared, answer(artefact, prepared), curve_model)
    return LiveCase(dataset, images, data_dir / WEIGHTS, expected)


def _prepare(artefact: Artefact, dataset: Dataset) -> PreparedRequest:
    request = make_request(
        model=MODEL,
        opt=OPT,
        pretrained=True,
        img_size=IMG_SIZE,
        max_epochs=EPOCHS,
        fix={"epochs": EPOCHS},
        prefer="accuracy",
    )
    return prepare(artefact, request, dataset, RunList(()))


def _without(group: str, work: Path, evidence: Sequence[Evidence]) -> tuple[Artefact, CurveModel]:
    """Return the shipped meta-model and curve model with their parts for fine-tuning fitted without a source."""
    if not (work / "curves").is_dir():
        rows = build_rows(evidence)
        without_group(evidence[1], group, Pretraining.IMAGENET).save(work / "fine-tuning")
        fit_curve_model(rows.take(rows.source != group)).save(work / "curves")
    fitted = Artefact.load(work / "fine-tuning")
    return replace(Artefact.load(SHIPPED), fine_tuning=fitted), CurveModel.load(work / "curves")
