"""Describes a folder of evidence in MLCommons' Croissant format, from its files and ``meta_data/schema.json``."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from advisor.records import evidence

CROISSANT = "croissant.json"
SCHEMA_FILE = "schema.json"
LICENCE = "https://spdx.org/licenses/Apache-2.0.html"
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that Croissant 1.0 prescribes."""

DATA_TYPES = {"string": "sc:Text", "integer": "sc:Integer", "number": "sc:Float", "boolean": "sc:Boolean"}
TABLES = {
    "runs": ("run", evidence.RUNS, "run_id"),
    "epochs": ("epoch", evidence.EPOCHS, None),
    "datasets": ("dataset", evidence.DATASETS, "name"),
    "checkpoints": ("checkpoint", evidence.CHECKPOINTS, None),
}
"""Record sets: definition in the schema, file, key."""


def read_schema() -> dict[str, Any]:
    """Return the published JSON Schema of the files of evidence."""
    text = resources.files("advisor._meta_data").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def croissant(folder: Path) -> str:
    """Return croissant.json of a folder of evidence; the same files give the same bytes.

    Parameters
    ----------
    folder : Path
        Holds all files of evidence, its manifest included.
    """
    definitions = read_schema()["$defs"]
    manifest = json.loads((folder / evidence.MANIFEST).read_text(encoding="utf-8"))
    description = (
        f"{manifest['runs']:,} recorded training runs of timm models on {manifest['datasets']} small image datasets "
        f"from {manifest['groups']} sources: learning rate, batch size, epochs, dropout and weight decay varied by "
        "design, with learning curves, failed and diverged runs, descriptions of the datasets and how each was made."
    )
    document = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": "timm-advisor-evidence",
        "description": description,
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": LICENCE,
        "version": f"{evidence.SCHEMA.partition('/')[2]}.{manifest['runs']}.0",
        "datePublished": _last_day(folder),
        "citeAs": "timm-advisor: the evidence, recorded training runs of timm models on unlike small image datasets",
        "creator": {"@type": "sc:Organization", "name": "timm-advisor"},
        "keywords": ["hyperparameters", "meta-learning", "transfer learning", "image classification", "timm"],
        "distribution": [_file(folder, name) for name in sorted([*evidence.checksums(folder), evidence.MANIFEST])],
        "recordSet": [
            _record_set(name, definitions[definition], folder / file, key)
            for name, (definition, file, key) in TABLES.items()
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def _last_day(folder: Path) -> str:
    text = (folder / evidence.RUNS).read_text(encoding="utf-8")
    return max(row["started_at"] for row in csv.DictReader(io.StringIO(text)))[:10]


def _file(folder: Path, name: str) -> dict[str, Any]:
    content = (folder / name).read_bytes()
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{len(content)} B",
        "encodingFormat": "text/csv" if ".csv" in name else "application/json",
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _record_set(name: str, definition: Mapping[str, Any], file: Path, key: str | None) -> dict[str, Any]:
    description = {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": definition["description"],
        "field": list(_fields(name, definition, file)),
    }
    return description | ({"key": {"@id": f"{name}/{key}"}} if key else {})


def _fields(record_set: str, definition: Mapping[str, Any], file: Path) -> Iterator[dict[str, Any]]:
    """Yield the fields of single values, and lists of them; what is nested deeper is only in the schema.

    A reader of Croissant takes every field from every entry of a JSON file, so that what only some have is left out.
    """
    everywhere = _names_everywhere(file)
    for name, facts in definition["properties"].items():
        if everywhere is not None and name not in everywhere:
            continue
        is_list = facts["type"] == "array"
        single = facts["items"] if is_list else facts
        if single["type"] not in DATA_TYPES:
            continue
        extract = {"column": name} if ".csv" in file.name else {"jsonPath": f"$[*].{name}"}
        yield {
            "@type": "cr:Field",
            "@id": f"{record_set}/{name}",
            "name": name,
            "description": facts["description"],
            "dataType": DATA_TYPES[single["type"]],
            **({"repeated": True} if is_list else {}),
            "source": {"fileObject": {"@id": file.name}, "extract": extract},
        }


def _names_everywhere(file: Path) -> set[str] | None:
    """Return the names that all entries of a JSON file have; None of a table or an empty file, which lack none."""
    entries = json.loads(file.read_text(encoding="utf-8")) if file.suffix == ".json" else []
    return set.intersection(*(set(entry) for entry in entries)) if entries else None
