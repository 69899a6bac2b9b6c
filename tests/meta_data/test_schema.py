"""The shipped evidence against its published schema, and its Croissant description against the reference reader."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from advisor.collect.shipping.croissant import CROISSANT, TABLES, croissant, read_schema
from advisor.records import evidence

FOLDER = Path(__file__).parents[2] / "meta_data"
PARSE = {"string": str, "integer": int, "number": float}
# Reading and checking every one of them takes long; these are spread over all.
ROWS_CHECKED = 500

jsonschema = pytest.importorskip("jsonschema")


def definition(name):
    schema = read_schema()
    return {**schema["$defs"][name], "$schema": schema["$schema"]}


def rows_of(file):
    content = (FOLDER / file).read_bytes()
    text = (gzip.decompress(content) if file.endswith(".gz") else content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(read_schema())


@pytest.mark.parametrize(("name", "file"), [("run", evidence.RUNS), ("epoch", evidence.EPOCHS)])
def test_tables_are_as_published(name, file):
    published, rows = definition(name), rows_of(file)
    assert set(rows[0]) == set(published["properties"])
    validator = jsonschema.Draft202012Validator(published)
    for row in rows[:: max(1, len(rows) // ROWS_CHECKED)]:
        values = {key: PARSE[published["properties"][key]["type"]](text) for key, text in row.items() if text != ""}
        validator.validate(values)


def test_entries_are_as_published():
    read = {name: json.loads((FOLDER / name).read_text()) for name in (evidence.DATASETS, evidence.CHECKPOINTS)}
    provenance = json.loads((FOLDER / evidence.PROVENANCE).read_text())
    manifest = json.loads((FOLDER / evidence.MANIFEST).read_text())
    for name, entries in (
        ("dataset", read[evidence.DATASETS]),
        ("checkpoint", read[evidence.CHECKPOINTS]),
        ("provenance", provenance.values()),
        ("manifest", [manifest]),
    ):
        validator = jsonschema.Draft202012Validator(definition(name))
        for entry in entries:
            validator.validate(entry)
    assert manifest["sha256"] == evidence.checksums(FOLDER)
    assert set(provenance) == {dataset["name"] for dataset in read[evidence.DATASETS]}


def test_the_croissant_description_is_that_of_the_files():
    assert (FOLDER / CROISSANT).read_text() == croissant(FOLDER), "python -m advisor.collect.shipping.export writes it"


@pytest.mark.filterwarnings("default")  # rdflib warns of its own functions
def test_the_reference_reader_takes_the_croissant_description():
    mlcroissant = pytest.importorskip("mlcroissant")
    dataset = mlcroissant.Dataset(jsonld=FOLDER / CROISSANT)
    assert not dataset.metadata.issues.errors
    assert not dataset.metadata.issues.warnings
    for name, (_, file, _) in TABLES.items():
        first = next(iter(dataset.records(name)), None)
        if first is None:
            assert json.loads((FOLDER / file).read_text()) == []
        elif name == "runs":
            (row, *_) = rows_of(file)
            assert first["runs/run_id"] == row["run_id"].encode()
            assert first["runs/lr"] == pytest.approx(float(row["lr"]))
