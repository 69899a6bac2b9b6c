import json

import pytest

from advisor.checked_json import read_checked, write_checked
from advisor.errors import AdvisorError

CONTENT = {"schema": "a/1", "values": [0.1, 2], "names": {"é": None}}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "folder" / "model.json"
    write_checked(path, CONTENT)
    return path


def read(path, schema="a/1"):
    return read_checked(path, schema, "model of tests", "fit it again")


def test_what_is_read_is_what_was_written(file):
    assert read(file) == CONTENT
    assert [each.name for each in file.parent.iterdir()] == ["model.json"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace("0.1", "0.2"), "is not the file that was fitted"),
        (lambda text: text[:-20], "no usable model of tests"),
        (lambda text: "[]", "no usable model of tests"),
        (lambda text: json.dumps({"schema": "a/1"}), "no usable model of tests"),
        (lambda text: text.replace("a/1", "a/2"), "is of schema a/2"),
    ],
)
def test_a_file_that_changed_is_refused_with_what_to_do(file, damage, said):
    file.write_text(damage(file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(AdvisorError, match=said) as refused:
        read(file)
    assert refused.value.hint == "fit it again"


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(AdvisorError, match="no usable model of tests"):
        read(tmp_path / "model.json")
