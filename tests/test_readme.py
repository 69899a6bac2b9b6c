"""The README's figures are those that the repository's commands print, for the evidence that ships."""

import json
import re
from pathlib import Path

import pytest

from advisor.api import Advisor
from research.pages.evaluation_page import (
    EVALUATION,
    EVALUATION_PAGE,
    README,
    evaluation_page,
    evaluation_table,
    with_table,
)

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def evaluation():
    return json.loads(EVALUATION.read_text(encoding="utf-8"))


def test_the_table_is_the_last_evaluation(evaluation):
    readme = README.read_text(encoding="utf-8")
    assert evaluation_table(evaluation) in readme
    assert with_table(readme, evaluation) == readme


def test_the_page_on_the_evaluation_is_the_last_one(evaluation):
    assert EVALUATION_PAGE.read_text(encoding="utf-8") == evaluation_page(evaluation)


def test_the_evaluation_is_of_the_evidence_that_ships(evaluation):
    assert evaluation["data_sha256"] == Advisor().artefact.data_sha256


def test_every_file_it_links_to_is_there():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / "README.md").read_text())
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
