"""The README's figures are those that the repository's commands print, for the evidence that ships."""

import importlib.util
import json
from pathlib import Path

import pytest

from advisor.api import Advisor

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def figures():
    spec = importlib.util.spec_from_file_location("figures", ROOT / "docs" / "figures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_the_last_evaluation(figures):
    readme = figures.README.read_text()
    evaluation = json.loads(figures.EVALUATION.read_text())
    assert figures.evaluation_table(evaluation) in readme
    assert figures.with_table(readme, evaluation) == readme


def test_the_page_on_the_evaluation_is_the_last_one(figures):
    assert figures.EVALUATION_PAGE.read_text() == figures.evaluation_page(json.loads(figures.EVALUATION.read_text()))


def test_the_evaluation_is_of_the_evidence_that_ships(figures):
    evaluation = json.loads(figures.EVALUATION.read_text())
    assert evaluation["data_sha256"] == Advisor().artefact.data_sha256


def test_every_file_it_links_to_is_there():
    import re

    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / "README.md").read_text())
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
