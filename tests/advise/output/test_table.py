"""The table of a suggestion: in a terminal, printed in Python, in a notebook."""

from __future__ import annotations

import html
from collections.abc import Callable

import pytest

from advisor.advise.output.table import basis_in_words
from advisor.advise.suggestion import Suggestion


@pytest.fixture
def advice(suggestion: Callable[[], Suggestion]) -> Suggestion:
    return suggestion()


def test_printed_it_is_the_table(advice: Suggestion) -> None:
    shown = str(advice)
    assert "learning rate" in shown
    assert advice.model in shown
    assert "Basis: " in shown
    assert "Suggestion(" not in shown
    assert "\x1b" not in shown


def test_in_a_notebook_it_is_the_same_and_no_code(advice: Suggestion) -> None:
    hostile = advice.model_copy(update={"warnings": ("<script>alert(1)</script> [bold]x[/bold]",)})
    shown = hostile._repr_html_()
    assert shown == f"<pre>{html.escape(str(hostile))}</pre>"
    assert "<script>" not in shown
    assert "[bold]x[/bold]" in shown


@pytest.mark.parametrize(
    ("basis", "weights", "words"),
    [
        ("rule", {"rule": 0.51, "recipes": 0.49}, "51% a fixed rule; 49% published recipes"),
        ("rule", {"rule": 1.0}, "a fixed rule"),
        ("recipes", {}, "published recipes"),
    ],
)
def test_the_basis_is_named_with_its_shares(
    advice: Suggestion, basis: str, weights: dict[str, float], words: str
) -> None:
    document = advice.model_copy(update={"basis": basis, "basis_weights": weights}).model_dump()
    assert basis_in_words(document) == words
    assert f"Basis: {words}." in str(advice.model_copy(update={"basis": basis, "basis_weights": weights}))


def test_what_lowers_the_confidence_is_said_once(advice: Suggestion) -> None:
    reason = "image size 224 lies outside the evidence"
    shown = str(advice.model_copy(update={"confidence_reason": f"{reason}; and more", "warnings": (reason, "a note")}))
    assert shown.count(reason) == 1
    assert "Note: a note." in shown
