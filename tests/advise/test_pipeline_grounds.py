"""What an answer rests on, how sure it is of it, and in what words it says so."""

from dataclasses import replace

import pytest

from advisor.advise.assumes import Assumes
from advisor.advise.blend import blend
from advisor.advise.pipeline import (
    _basis_in_words,
    _combine,
    _confidence,
    _far_from_known,
    _layer_decay_in_words,
    _learned_from,
    _published,
    _search,
    _weights,
    answer,
    find_grounds,
)
from advisor.advise.prepare import RunList, prepare
from advisor.advise.recipes.published import Published, advise_published
from advisor.advise.recipes.recipes import shipped_recipes
from advisor.advise.recipes.rule import Rule
from advisor.advise.request import make_request
from advisor.advise.search.neighbours import most_similar
from advisor.advise.search.novelty import Novelty
from advisor.advise.search.own_runs import configuration_of
from advisor.advise.search.related_runs import RelatedCase
from advisor.advise.suggestion import DatasetName, Expected, MetaModelName
from advisor.api import Advisor
from advisor.records.schema import Pretraining
from advisor.space.configuration import Configuration

LAYERED = "convnext_tiny"
"""A network that recipes fine-tune with layer decay."""


@pytest.fixture
def prepared(artefact, dataset):
    """A request like the evidence, but for the given options."""

    def prepare_with(runs=(), model="test_resnet", pretrained=False, img_size=32, **options):
        request = make_request(model=model, pretrained=pretrained, img_size=img_size, **options)
        return prepare(artefact, request, dataset, RunList(runs))

    return prepare_with


@pytest.fixture
def own_run(records, dataset):
    """A run of the case of ``prepared``, but for the given fields."""
    run = records(n_groups=1)[0][0]
    return lambda **fields: replace(
        run, dataset_id=dataset.dataset_id, model="test_resnet", n_classes=dataset.n_classes, **fields
    )


def published(**fields):
    known = {
        "configurations": (Configuration(1e-3, 32, 20, 0.0, 0.01),),
        "ranges": {},
        "assumes": Assumes(
            sched="cosine", warmup_epochs=5, min_lr=0, augment="none", mixup=0, label_smoothing=0,
            layer_decay=0.75, layer_decay_lr_factor=4.0,
        ),
        "rule_share": 0.25,
        "sources": ("DeiT", "Swin"),
        "rule": Rule(1e-3, 0.5, 0.05, 0.0, "a paper"),
        "response_share": 0.5,
        "layer_decay_sources": ("BEiT", "MAE", "SimMIM", "EVA"),
    }  # fmt: skip
    return Published(**known | fields)


def test_the_answer_names_what_was_asked_and_what_it_was_learned_from(prepared, artefact, dataset):
    asked = prepared(img_size=64)
    advice = answer(artefact, asked)
    assert (advice.model, advice.opt, advice.pretrained, advice.img_size) == ("test_resnet", "adamw", False, 64)
    assert advice.dataset == DatasetName(
        dataset_id=dataset.dataset_id, name=dataset.name, n_train=dataset.n_train, n_classes=dataset.n_classes
    )
    assert advice.metamodel == MetaModelName(version=artefact.version, runs=artefact.runs, datasets=6)
    assert advice.evidence == most_similar(artefact, asked.request, dataset)
    assert advice.evidence
    assert advice.suggestion_id != answer(artefact, asked).suggestion_id


def test_novelty_is_given_to_three_digits_as_the_weights_are_and_its_reasons_first(prepared, artefact):
    asked = replace(prepared(img_size=64), novelty=Novelty(0.34567, ("larger", "other")))
    advice = answer(artefact, asked)
    assert advice.novelty == 0.346
    assert advice.basis_weights["meta-model"] == round(1 - asked.novelty.published_share, 3) == 0.724
    assert advice.warnings[:2] == ("larger", "other")


def test_where_nothing_is_left_of_the_evidence_nothing_is_said_of_it(prepared, artefact):
    advice = answer(artefact, prepared(img_size=1024))
    assert advice.novelty == 1
    assert advice.evidence == ()
    assert not any("learned from" in warning for warning in advice.warnings)


def test_like_the_evidence_nothing_is_said_of_what_is_published(prepared, artefact):
    asked = replace(prepared(), novelty=Novelty(0.0, ()))
    (learned,) = answer(artefact, asked).warnings
    assert learned.startswith("learned from ")
    assert find_grounds(artefact, asked).published is None
    hardly = replace(asked, novelty=Novelty(0.03, ()))
    assert find_grounds(artefact, hardly).share < 0.005
    assert not any("the values rest" in warning for warning in answer(artefact, hardly).warnings)


def test_like_the_evidence_own_runs_are_held_against_the_meta_model_alone(prepared, own_run, artefact):
    runs = [own_run(run_id=f"own{i}", lr=1e-3 * 2**i, final_metric=60.0 + i) for i in range(2)]
    asked = replace(prepared(runs), novelty=Novelty(0.0, ()))
    advice = answer(artefact, asked)
    assert advice.basis_weights == {"meta-model": 1.0}
    assert advice.best.expected is not None


def test_the_rest_of_the_recipe_is_that_of_what_has_the_say(prepared, artefact):
    for novelty, basis in ((0.3, "meta-model"), (0.7, "recipes")):
        asked = replace(prepared(), novelty=Novelty(novelty, ()))
        advice = answer(artefact, asked)
        assert advice.basis == basis
        assert (advice.assumes == find_grounds(artefact, asked).published.assumes) == (basis == "recipes")


def test_every_suggestion_lies_between_the_learned_and_the_published_one_of_its_place(prepared, artefact):
    asked = replace(prepared(top_k=8), novelty=Novelty(0.5, ()))
    grounds = find_grounds(artefact, asked)
    learned, said = _search(grounds.learned, asked).configurations, grounds.published.configurations
    assert 1 < len(said) < len(learned)
    found, _ = _combine(asked, grounds)
    pairs = zip(learned, [*said, *[said[-1]] * len(learned)], strict=False)
    assert list(found) == list(dict.fromkeys(blend(*pair, 0.5, "adamw", asked.request.limits) for pair in pairs))


def test_of_how_many_suggestions_were_asked_for_so_many_come(prepared, artefact):
    assert [len(answer(artefact, prepared(top_k=count)).suggestions) for count in (1, 4)] == [1, 4]


def test_the_weights_are_the_shares_of_the_shares():
    expected = {"meta-model": 0.2, "response": 0.4, "recipes": 0.3, "rule": 0.1}
    assert _weights(published(), 0.8) == pytest.approx(expected)
    assert _weights(None, 0.0) == {"meta-model": 1, "response": 0, "recipes": 0, "rule": 0}


def test_the_shares_are_said_with_who_published_it_and_those_of_no_account_left_out():
    weights = {"meta-model": 0.2, "response": 0.4, "recipes": 0.395, "rule": 0.005}
    assert _basis_in_words(weights, published(), "adamw", True) == (
        "the values rest 20% on the meta-model, 40% on public fine-tuning runs on GPUs, "
        "40% on published recipes (nearest: DeiT, Swin)"
    )
    weights |= {"meta-model": 0.0, "recipes": 0.35, "rule": 0.25}
    assert _basis_in_words(weights, published(), "adamw", True).endswith(", 25% on a fixed rule (a paper)")


@pytest.mark.parametrize(("pretrained", "start"), [(True, "pretrained weights"), (False, "scratch")])
def test_where_the_rule_is_alone_that_is_said(pretrained, start):
    weights = {"meta-model": 0.0, "response": 0.0, "recipes": 0.0, "rule": 1.0}
    assert _basis_in_words(weights, published(), "lion", pretrained) == (
        f"no published recipe with lion from {start} is known either: "
        "the learning rate is that of a fixed rule (a paper)"
    )


def test_what_layer_decay_does_is_said_with_three_who_have_it():
    assert _layer_decay_in_words(published().assumes, published()) == (
        "the learning rate is that of the last layer and falls by 0.75 a layer, as in recipes for such networks "
        "(BEiT, MAE, SimMIM); without layer decay divide it by 4"
    )


def test_six_sources_are_named_one_by_one(artefact):
    coverage = replace(artefact.covering("adamw", Pretraining.NONE), img_size=(32, 64), num_params=(1000, 2_000_000))
    assert _learned_from(artefact, coverage) == (
        "learned from 480 runs on 6 sources of data (group-0, group-1, group-2, group-3, group-4, group-5), "
        "at 32 to 64 pixels, with models of 1,000 to 2,000,000 parameters"
    )


SURE = "480 runs on {} sources of data were recorded with {}"
OURS = "this optimizer and start"


@pytest.mark.parametrize(
    ("novelty", "reasons", "groups", "opt", "said"),
    [
        (0.0, (), 10, "adamw", ("high", SURE.format(10, OURS) + ", on datasets and models like these")),
        (0.1, (), 10, "adamw", ("high", SURE.format(10, OURS) + ", on datasets and models like these")),
        (0.11, ("new", "large"), 10, "adamw", ("medium", "new; large; " + SURE.format(10, OURS))),
        (0.0, (), 9, "adamw", ("medium", SURE.format(9, OURS))),
        (0.1, (), 10, "adam", ("high", SURE.format(10, "adam and this start") + ", on datasets and models like these")),
        (0.5, (), 10, "adamw", ("medium", SURE.format(10, OURS))),
        (0.51, ("new", "large"), 10, "adamw", ("low", "new; large")),
        (0.51, (), 10, "adamw", ("low", "nothing like this was recorded")),
    ],
)
def test_how_sure_the_meta_model_is_follows_from_what_was_recorded(prepared, novelty, reasons, groups, opt, said):
    asked = prepared()
    coverage = replace(asked.coverage, groups=groups, opt=opt)
    asked = replace(asked, novelty=Novelty(novelty, reasons), coverage=coverage)
    assert _confidence(asked, "meta-model", (), None) == said
    assert _confidence(asked, "recipes", (), None) == ("low", "; ".join(reasons) or "nothing like this was recorded")
    assert _confidence(replace(asked, coverage=None), "meta-model", (), None)[0] == "low"
    assert _confidence(asked, "meta-model", ("far",), None) == ("low", "a fixed value lies far from anything known")


@pytest.mark.parametrize(("count", "said"), [(2, ("low", "nothing like this was recorded")), (3, None)])
def test_three_own_runs_are_worth_some_confidence_where_nothing_else_is(prepared, own_run, count, said):
    asked = replace(prepared(), own_runs=tuple(own_run() for _ in range(count)), novelty=Novelty(1.0, ()))
    said = said or ("medium", "it follows 3 runs of yours on this dataset")
    assert _confidence(asked, "recipes", (), None) == said


@pytest.mark.parametrize(
    ("lr", "high", "doubts"),
    [
        (0.25, 50.0, []),
        (0.5, 50.0, []),
        (0.6, 50.0, ["learning rate is fixed outside what was recorded (0.25 to 0.5)"]),
        (0.2, 50.0, ["learning rate is fixed outside what was recorded (0.25 to 0.5)"]),
        (0.25, 50.6, ["it can end anywhere from 10 to 51 %"]),
    ],
)
def test_doubts_are_named(prepared, lr, high, doubts):
    asked = replace(prepared(fix={"lr": lr}), novelty=Novelty(0.0, ()))
    bounds = {**asked.coverage.bounds, "lr": (0.25, 0.5)}
    asked = replace(asked, coverage=replace(asked.coverage, bounds=bounds, groups=10))
    level, reason = _confidence(asked, "meta-model", (), Expected(top1=20, low=10.0, high=high, level=0.8))
    assert level == ("medium" if doubts else "high")
    assert reason.split("; ")[:-1] == doubts


@pytest.mark.parametrize(
    ("fixed", "far"),
    [
        ({"lr": 0.375}, []),
        ({"lr": 0.376}, ["learning rate 0.376 is far outside what is known (0.06 to 0.125)"]),
        ({"lr": 0.02}, []),
        ({"lr": 0.019}, ["learning rate 0.019 is far outside what is known (0.06 to 0.125)"]),
        ({"dropout": 0.5}, []),
        ({"dropout": 0.51}, ["dropout 0.51 is far outside what is known (0.1 to 0.3)"]),
        ({"dropout": 0}, []),
        ({"weight_decay": 0}, []),
        ({"weight_decay": 0.07}, ["weight decay 0.07 is far outside what is known (0.001 to 0.02)"]),
        ({"lr": 1, "dropout": 0.9}, None),
    ],
)
def test_a_value_is_far_three_times_beyond_what_was_recorded_and_dropout_a_fifth(prepared, fixed, far):
    asked = prepared(fix=fixed)
    bounds = {**asked.coverage.bounds, "lr": (0.06, 0.125), "dropout": (0.1, 0.3), "weight_decay": (0.001, 0.02)}
    found = _far_from_known(replace(asked, coverage=replace(asked.coverage, bounds=bounds)))
    assert found == far if far is not None else len(found) == 2


def test_where_nothing_was_recorded_a_fixed_rate_is_held_against_recipes_without_layer_decay(prepared, dataset):
    free = prepared(model=LAYERED, pretrained=True, img_size=224)
    recipes = shipped_recipes()
    plain, layered = (
        advise_published(recipes, free.request, dataset.n_train, layer_decay=one).ranges["lr"][1]
        for one in (False, True)
    )
    assert layered > 1.1 * plain
    fixed = prepared(model=LAYERED, pretrained=True, img_size=224, fix={"lr": 31 * plain})
    assert len(_far_from_known(replace(fixed, coverage=None))) == 1


@pytest.mark.parametrize(
    ("layer_decays", "assumed"),
    [
        ([], True),
        ([0.8], True),
        ([None], False),
        ([1], False),
        ([0.8, None], False),
        ([0.8, 0.7, None], True),
        ([0.8, 0.7, None, None, None], False),
    ],
)
@pytest.mark.parametrize("related", [True, False])
def test_layer_decay_is_assumed_where_most_runs_of_the_user_have_it(prepared, own_run, related, layer_decays, assumed):
    asked = prepared(model=LAYERED, pretrained=True, img_size=224)
    runs = tuple(own_run(extra={} if one is None else {"layer_decay": one}) for one in layer_decays)
    if related and runs:
        asked = replace(asked, related=(RelatedCase(runs, asked.dataset, asked.request, ("another model",), 0.7),))
    else:
        asked = replace(asked, own_runs=runs)
    assert (_published(asked, 1.0).assumes.layer_decay is not None) == assumed
    assert _published(asked, 0.1).assumes.layer_decay is None, "recorded runs had none, and have the say"


def test_layer_decay_is_left_out_where_the_meta_model_says_more_than_each_other(prepared):
    asked = prepared(model=LAYERED, pretrained=True, img_size=224)
    weights = _weights(_published(asked, 1.0), 0.51)
    assert max(weights, key=weights.get) == "meta-model"
    assert _published(asked, 0.51).assumes.layer_decay is None


@pytest.mark.parametrize("count", [2, 3])
def test_from_three_own_runs_on_an_accuracy_is_expected_without_the_meta_model(prepared, own_run, artefact, count):
    runs = [own_run(run_id=f"own{i}", img_size=1024, lr=1e-3 * 2**i, final_metric=60.0 + i) for i in range(count)]
    advice = answer(artefact, prepared(runs, img_size=1024, top_k=1))
    assert advice.basis != "meta-model"
    assert (advice.best.expected is not None) == (count == 3)
    (said,) = [warning for warning in advice.warnings if f"uses {count} runs of yours" in warning]
    again = advice.best.configuration in {configuration_of(run) for run in runs}
    assert ("what was trained comes first again" in said) == again


def test_own_runs_are_what_an_accuracy_is_expected_from(prepared, own_run, artefact):
    bad = [own_run(run_id=f"own{i}", lr=3e-3 * 2**i, final_metric=21.0) for i in range(-2, 3)]
    without, given = (answer(artefact, prepared(runs, top_k=1)).best.expected.top1 for runs in ((), bad))
    assert given < without - 10


def test_own_runs_are_searched_around_in_all_that_was_recorded_only_where_the_meta_model_has_a_say(
    prepared, own_run, artefact
):
    run = own_run(lr=3e-3, final_metric=60.0)
    for novelty, everywhere in ((0.0, True), (1.0, False)):
        asked = replace(prepared([run]), novelty=Novelty(novelty, ()))
        (low, high), searched = asked.box["lr"], find_grounds(artefact, asked).conditioned.bounds["lr"]
        assert (searched[0] <= low and high <= searched[1]) == everywhere


def test_second_chances_of_a_fine_tuning_keep_their_distance_from_the_first():
    artefact = Advisor().artefact
    dataset = artefact.of(Pretraining.IMAGENET).known[0].dataset
    request = make_request(model="tf_efficientnet_lite0", pretrained=True, img_size=512)
    asked = prepare(artefact, request, dataset, RunList())
    advice = answer(artefact, asked)
    assert advice.metamodel.runs == artefact.of(Pretraining.IMAGENET).runs != artefact.runs
    assert answer(artefact.of(Pretraining.IMAGENET), asked).suggestions == advice.suggestions
    assert answer(artefact, prepare(artefact, replace(request, top_k=1), dataset, RunList())).best == advice.best
    grounds = find_grounds(artefact, asked)
    assert 0.1 < grounds.share < 0.9
    learned = _search(grounds.learned, asked).configurations
    (first, *others), _ = _combine(asked, grounds)
    assert len(learned) == 1 + len(others) == request.top_k
    for there, here in zip(learned[1:], others, strict=True):
        assert here.lr / first.lr == pytest.approx(there.lr / learned[0].lr, rel=0.06)
        assert (here.batch_size == first.batch_size) == (there.batch_size == learned[0].batch_size)
        assert replace(here, lr=first.lr, batch_size=first.batch_size) == first
