"""The page of a tuning, of a report as `advisor tune --report` gives it."""

import json
import os
import re
import shutil

import pytest

from advisor.report.tuning_page import render_tuning

pytest.importorskip("plotly")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SHOTS = os.environ.get("ADVISOR_SCREENSHOTS")
HOSTILE = "</script><script>alert(1)</script>"


def trial(number, lr, curve, status, expected, deviation=0.0, why="expected to end at 80.0 %", notes=()):
    return {
        "name": f"trial-{number:03}",
        "model": None,
        "configuration": {"lr": lr, "batch_size": 16, "epochs": 5, "dropout": 0.0, "weight_decay": 0.05},
        "epochs_done": len(curve),
        "top1": curve[-1] if curve else None,
        "expected": expected,
        "deviation": deviation,
        "status": status,
        "seconds": 9.0,
        "why": why,
        "notes": list(notes),
        "epochs_lost": 0,
        "curve": curve,
        "run_id": None,
    }


@pytest.fixture
def report():
    trials = [
        trial(0, 0.003, [50.0, 60.0, 70.0, 75.0, 78.0], "ended", 78.0, why="the advice"),
        trial(1, 0.0001, [30.0, 31.0], "waits", 45.2, 3.1, notes=["stopped after epoch 2, expected to end at 45.2 %"]),
        trial(2, 0.01, [], "failed", None, None, notes=[HOSTILE]),
    ]
    return {
        "folder": "output/tuning/train",
        "dataset": "digits",
        "model": "test_vit",
        "noise": 0.8,
        "seconds": 120.0,
        "epochs": 7,
        "ended": "the budget is spent",
        "best": {**trials[0], "args": "--lr 0.003 --batch-size 16"},
        "trials": trials,
        "lr": [{"lr": 0.00005 * 3**i, "top1": 60.0 + i, "deviation": 4.0} for i in range(9)],
        "next_hour": {"trials": 360, "gain_of_the_best": 0.4, "gain_at_most": 2.5},
    }


def test_it_shows_the_best_as_arguments_the_trials_why_they_stopped_and_what_more_would_bring(report):
    page = render_tuning(report)
    assert "--lr 0.003 --batch-size 16" in page
    assert "stopped after epoch 2, expected to end at 45.2 %" in page
    assert "Another hour holds about 360 such trainings" in page
    assert "It ended: the budget is spent." in page
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', page, re.DOTALL)[1])
    names = [one["name"] for one in figures["curves"]["data"] if "name" in one]
    assert names == ["trial-000", "trial-001"]
    assert figures["rates"]["layout"]["xaxis"]["type"] == "log"


def test_where_there_are_several_models_each_trial_tells_its_own(report):
    assert '<th scope="col">model</th>' not in render_tuning(report)
    trials = [{**trial, "model": "resnet18"} for trial in report["trials"]]
    page = render_tuning({**report, "trials": trials})
    assert page.count("<td>resnet18</td>") == 3


def test_what_trials_say_is_no_markup(report):
    assert HOSTILE not in render_tuning(report)


def test_before_any_epoch_there_is_no_plot(report):
    page = render_tuning({**report, "best": None, "trials": [], "lr": [], "next_hour": None, "ended": None})
    assert "No trial has trained an epoch yet." in page
    assert 'data-figure="' not in page


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (400, "dark")])
def test_a_browser_draws_it_without_a_network(report, tmp_path, width, scheme):
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright, which the extra `test` brings")
    path = tmp_path / "tuning.html"
    path.write_text(render_tuning(report), encoding="utf-8")
    problems = []
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.set_default_timeout(300_000)  # a busy machine
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
        page.goto(path.as_uri())
        page.wait_for_selector("#rates .plot svg")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        if SHOTS:
            page.screenshot(path=os.path.join(SHOTS, f"tuning-{scheme}.png"), full_page=True)
        browser.close()
    assert problems == []
