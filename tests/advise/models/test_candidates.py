"""Which models are ranked, and how limits are written."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.advise.models.candidates import LARGEST, all_models, candidate_of, named_models, parse_bytes, parse_count
from advisor.advise.models.published import imagenet_results
from advisor.describe.model import describe_model
from advisor.errors import UsageError


def test_a_list_names_each_model_once():
    assert named_models("resnet50, vit_small_patch16_224,resnet50") == ("resnet50", "vit_small_patch16_224")
    assert named_models("timm/resnet50.a1_in1k") == ("resnet50.a1_in1k",)
    assert named_models("auto") == ()


@pytest.mark.parametrize("text", ["", " , ", "resnet5O", "resnet50;resnet18"])
def test_what_is_no_list_of_models(text):
    with pytest.raises(UsageError) as error:
        named_models(text)
    assert error.value.hint


@pytest.mark.parametrize(
    ("text", "count"),
    [("30M", 30_000_000), ("1.5g", 1_500_000_000), ("25000000", 25_000_000), ("1B", 10**9), ("9k", 9_000)],
)
def test_numbers_of_parameters(text, count):
    assert parse_count(text) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("8G", 8 * 2**30),
        ("8GB", 8 * 2**30),
        ("11.5GiB", int(11.5 * 2**30)),
        ("512m", 512 * 2**20),
        ("1T", 2**40),
        ("7B", 7),
    ],
)
def test_amounts_of_memory(text, count):
    assert parse_bytes(text) == count


@pytest.mark.parametrize("parse", [parse_count, parse_bytes])
@pytest.mark.parametrize("text", ["", "M", "-3M", "0G", "3 apples", "1e9", "G8"])
def test_what_is_no_amount(parse, text):
    with pytest.raises(UsageError) as error:
        parse(text)
    assert "write it like" in error.value.hint


@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_refused(text):
    for parse in (parse_count, parse_bytes):
        with contextlib.suppress(UsageError):
            assert parse(text) >= 1


def test_all_models_are_one_of_each_architecture_within_the_limit():
    names = all_models(30_000_000)
    architectures = [name.partition(".")[0] for name in names]
    assert len(set(architectures)) == len(architectures) > 100
    assert all(describe_model(name).num_params <= 30_000_000 for name in names)
    assert {"resnet50", "convnext_tiny"} <= set(names), "timm's default weights have the architecture's name"
    assert all(describe_model(name).num_params <= LARGEST for name in all_models(None))


def test_the_name_of_an_architecture_stands_for_its_default_weights():
    default = candidate_of("resnet50")
    assert default == candidate_of(f"resnet50.{describe_model('resnet50').pretrained_tags[0]}")
    assert default.imagenet_top1 == imagenet_results()[default.name]
    assert candidate_of("a_network_of_mine") is None
    assert candidate_of("resnet50.my_weights") is None
