"""docs/worked-examples.md: its facts are those of the file, and the advice beside them is that of the program.

What follows from the evidence (the advice, and the recorded ranges of the first two) is not compared with the page.
"""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from advisor.api import Advisor
from advisor.errors import AdvisorError
from advisor.learn.metamodel import MetaModel
from advisor.learn.table import build_table
from advisor.records.evidence import Evidence
from research import worked_examples
from research.worked_examples import FACTS, PAGE, advice_on, facts_of, page, read_examples

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def written():
    return yaml.safe_load((ROOT / "docs" / FACTS).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def published(written, tmp_path_factory):
    facts = tmp_path_factory.mktemp("facts") / FACTS
    facts.write_text(yaml.safe_dump([one for one in written if "recorded" not in one]))
    return read_examples(facts, None, None, Advisor().artefact)


def test_the_page_holds_every_fact(written, published):
    text = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    assert len(written) == 10
    for example in published:
        assert facts_of(example) in text, "make -C research worked-examples"
    for one in written:
        assert f"## {one['title']}\n" in text, "make -C research worked-examples"


def test_no_source_is_one_of_the_recipes(written):
    with (ROOT / "meta_data" / "recipes.csv").open(encoding="utf-8") as file:
        known = {row["source_url_or_path"].partition(":")[0] for row in csv.DictReader(file)}
    for one in written:
        assert not any(repository in one.get("where", "") for repository in known if "/" in repository), one["title"]


def test_one_value_is_meant_within_a_factor_of_three(published):
    single = next(example for example in published if example.title.startswith("CIFAR-100, ResNet-18"))
    assert single.lr == pytest.approx((0.1 / 3, 0.3))


def test_photographs_get_values_a_practitioner_calls_sane_with_low_confidence(published):
    sane = [example for example in published if example.sane is not None]
    assert {example.request["opt"] for example in sane} == {"adamw", "sgd"}
    for example in sane:
        advice = example.advise(at_batch=False)
        assert example.sane[0] <= advice.best.lr <= example.sane[1]
        assert advice.confidence == "low"


def test_what_lies_outside_is_flagged(published):
    first = published[0]
    rate = first.advise(at_batch=True).best.lr
    outside = replace(first, lr=(rate * 2, rate * 4))
    assert not advice_on(outside).rates_hold
    assert f"learning rate {rate:g}: **outside**, by a factor of 2.0" in page([outside])
    in_part = replace(first, lr=(rate / 2, rate * 2), weight_decay=(0.9, 1.0))
    assert advice_on(in_part).rates_hold
    text = page([in_part])
    assert f"learning rate {rate:g}: within" in text
    assert "In 0 of 1 examples all that is compared lies within, in 1 the learning rate does." in text


def test_a_recorded_range_is_of_runs_that_the_advice_has_not_seen(records, describe_model, monkeypatch, tmp_path):
    runs, datasets = records(n_groups=7, runs_per_case=24)
    asked = []
    fit = worked_examples.without_group
    small = MetaModel(n_members=2, n_estimators=20).fit(build_table(runs, datasets, describe_model))

    def held_out(evidence, group):
        asked.append(group)
        return replace(fit(evidence, group), model=small)

    monkeypatch.setattr(worked_examples, "without_group", held_out)
    facts = tmp_path / FACTS
    facts.write_text("- {title: here, recorded: {dataset: set-2, model: test_vit}}\n")
    evidence = Evidence(tuple(runs), tuple(datasets), {}, tmp_path)
    (example,) = read_examples(facts, evidence, build_table(runs, datasets, describe_model), None)
    assert asked == ["group-2"]
    assert all(known.dataset.group != "group-2" for known in example.artefact.known)
    best = max(
        (run for run in runs if run.dataset_id == "d2" and run.model == "test_vit"), key=lambda r: r.final_metric
    )
    assert example.lr[0] <= best.lr <= example.lr[1]
    assert example.request["max_epochs"] == 20
    facts.write_text("- {title: here, recorded: {dataset: set-2, model: resnet18}}\n")
    with pytest.raises(AdvisorError, match="no recorded runs of resnet18"):
        read_examples(facts, evidence, build_table(runs, datasets, describe_model), None)
