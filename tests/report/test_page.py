"""The page's text: what is in it, and that it stands alone."""

import json
import re
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from advisor.advise.explain.explanation import OWN_RUNS
from advisor.advise.request import make_request
from advisor.api import Advisor
from advisor.errors import MissingExtraError
from advisor.records.schema import Status
from advisor.report import page
from advisor.report.contents import gather, newest_advice, state

pytest.importorskip("plotly")


@pytest.fixture
def html(store, artefact, explanation):
    return page.render(gather(store, artefact, explanation))


def own(html: str) -> str:
    """The page without the plotting library."""
    return html.replace(page.plotly(), "")


def test_it_shows_suggestion_responses_neighbours_runs_and_past_advice(html, explanation):
    suggestion = explanation.suggestion
    assert suggestion.dataset.name in html
    for response in explanation.responses:
        assert f'data-figure="response-{response.name}"' in html
    for neighbour in explanation.neighbours:
        assert neighbour.dataset in html
    assert "first" in html
    assert "1 run followed advice" in html
    assert "Change next" in html or "nothing wrong" in html


def test_it_asks_no_network_for_anything(html):
    text = own(html)
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", text)
    assert "@import" not in text
    assert "url(" not in text
    assert "connect-src 'self'" in text


def test_names_cannot_become_code(html):
    assert "<script>alert(1)" not in own(html)
    figures = re.search(r'<script type="application/json" id="figures">(.*?)</script>', html, re.DOTALL)[1]
    assert json.loads(figures)


def test_losses_that_are_no_numbers_are_gaps(html):
    figures = re.search(r'<script type="application/json" id="figures">(.*?)</script>', html, re.DOTALL)[1]
    lines = json.loads(figures)["run-03diverged"]["data"]
    assert next(line for line in lines if line["name"] == "training loss")["y"] == [None]


def test_the_newest_advice_is_explained_from_the_records(store, artefact, explanation):
    found = newest_advice(store, artefact)
    assert found.suggestion.suggestion_id == explanation.suggestion.suggestion_id
    assert len(found.responses) == 5


def test_advice_that_is_asked_for_now_uses_the_runs_and_what_was_given_before_them_does_not(
    store, artefact, dataset, explanation
):
    latest = max(datetime.now(timezone.utc), max(run.started_at for run in store.runs()))
    store.add_runs([replace(run, ended_at=latest, n_eval=dataset.n_eval) for run in store.runs()])
    suggestion = explanation.suggestion
    adviser = Advisor(store, artefact)
    asked = make_request(model=suggestion.model, opt=suggestion.opt, pretrained=False, img_size=32, top_k=1)
    now = adviser.explain(adviser.prepare(asked, dataset))
    assert OWN_RUNS in [part.what for part in now.contributions.parts]
    assert OWN_RUNS not in [part.what for part in newest_advice(store, artefact).contributions.parts]


def test_an_empty_store_makes_a_page_that_says_what_to_do(own_settings, artefact):
    from advisor.config import Config
    from advisor.records.store.store import Store

    empty = Store(Config()["store"])
    assert newest_advice(empty, artefact) is None
    html = page.render(gather(empty, artefact, None))
    assert "advisor run train.py" in html
    assert "No finished run has followed advice" in html


def test_the_state_changes_with_the_records(store):
    before = state(store)
    assert state(store) == before
    store.remove(["02other"])
    assert state(store) != before


def test_a_missing_extra_names_the_command(monkeypatch):
    import sys

    page.plotly.cache_clear()
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(MissingExtraError, match="plotly") as error:
        page.plotly()
    assert "timm-advisor[report]" in error.value.hint
    page.plotly.cache_clear()


def test_runs_of_other_datasets_are_counted_and_not_mixed_in(store, artefact, explanation):
    elsewhere = replace(
        store.runs()[0], run_id="04elsewhere", dataset_id="another", dataset_name="another", name="away"
    )
    store.add_runs([elsewhere])
    contents = gather(store, artefact, explanation)
    assert {shown.run.run_id for shown in contents.runs} == {"01followed", "02other", "03diverged"}
    html = own(page.render(contents))
    assert "away" not in html
    assert "1 run on other datasets is left out" in html
    assert "away" in page.render(gather(store, artefact, None))


def test_it_has_a_command_to_copy_and_marks_how_sure_it_is(store, artefact, explanation):
    html = own(page.render(gather(store, artefact, explanation)))
    command = re.search(r'<code id="command">(.*?)</code>', html)[1]
    assert command.startswith("advisor run train.py --data-dir DATASET --model test_resnet")
    assert f"--lr {explanation.suggestion.best.lr:g}" in command
    assert f'class="confidence {explanation.suggestion.confidence}"' in html
    doubtful = explanation.suggestion.model_copy(update={"confidence": "low", "confidence_reason": "it is new"})
    html = own(page.render(gather(store, artefact, replace(explanation, suggestion=doubtful))))
    assert 'class="confidence low"' in html
    assert "●○○" in html
    assert "It is new." in html


def test_the_page_names_no_feature_by_its_column(html):
    why = re.search(r'<section id="why".*?</section>', own(html), re.DOTALL)[0]
    assert not re.search(r"\b(data|model):|log_", why)


def test_the_error_that_a_run_recorded_is_shown(store, artefact, explanation):
    store.add_runs(
        [replace(store.runs()[0], run_id="05failed", status=Status.FAILED, error="CUDA error: <device> lost")]
    )
    assert "The recorded error: CUDA error: &lt;device&gt; lost" in page.render(gather(store, artefact, explanation))
