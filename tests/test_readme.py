"""The README's figures are those that the repository's commands print, for the evidence that ships."""

import html
import json
import re
from pathlib import Path

import pytest

from advisor.api import Advisor
from advisor.records.schema import Pretraining
from research.pages import finetuning_page
from research.pages.evaluation_page import (
    EVALUATION,
    EVALUATION_PAGE,
    README,
    evaluation_page,
    readme_table,
    with_table,
)
from research.pages.suggestion_picture import COMMAND, PICTURE

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def evaluation():
    return json.loads(EVALUATION.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def fine_tuning():
    return json.loads(finetuning_page.EVALUATION.read_text(encoding="utf-8"))


def test_the_table_is_the_last_evaluation(evaluation, fine_tuning):
    readme = README.read_text(encoding="utf-8")
    assert readme_table(evaluation, fine_tuning) in readme
    assert with_table(readme, evaluation, fine_tuning) == readme


def test_the_table_has_five_rows_of_one_optimizer_and_names_the_best_fixed_rate(evaluation, fine_tuning):
    table = readme_table(evaluation, fine_tuning)
    rows = [line for line in table.splitlines() if line.startswith(("| ImageNet", "| from scratch"))]
    assert len(rows) == 5
    adamw = {row["method"]: row for row in fine_tuning["contexts"]["adamw"]}
    for row, method in zip(rows, ("advice", "lr 0.001", "published recipes alone"), strict=False):
        assert f"| {adamw[method]['points_lost']:.1f} |" in row
    best = min((row for name, row in adamw.items() if name.startswith("lr ")), key=lambda row: row["mean_regret"])
    assert f"{best['method'].removeprefix('lr ')}, loses {best['points_lost']:.1f} points" in table


def test_the_page_on_the_evaluation_is_the_last_one(evaluation, fine_tuning):
    assert EVALUATION_PAGE.read_text(encoding="utf-8") == evaluation_page(evaluation, fine_tuning)


def test_the_evaluations_are_of_the_evidence_that_ships(evaluation, fine_tuning):
    artefact = Advisor().artefact
    assert evaluation["data_sha256"] == artefact.data_sha256
    assert fine_tuning["data_sha256"] == artefact.of(Pretraining.IMAGENET).data_sha256


def test_the_picture_is_of_the_command_that_the_code_asks():
    text = html.unescape(PICTURE.read_text(encoding="utf-8")).replace("\N{NO-BREAK SPACE}", " ")
    assert f"$ {COMMAND}" in text


def test_it_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 82


def test_every_file_it_links_to_is_there():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / "README.md").read_text())
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
