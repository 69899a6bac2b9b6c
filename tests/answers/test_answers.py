"""The answers of the whole program to fixed requests, so that 'the same as before' can be tested.

``requests.yaml`` holds the requests, ``expected.json`` the answers. Only the command line and the names that ``import
advisor`` offers are used, so modules may move. Ids, versions and paths are left out of the answers; numbers may differ
in the sixth digit.

Where answers are meant to change, write them again, and read the difference before it is committed::

    python -m pytest tests/answers --write-answers
    git diff tests/answers/expected.json

Every request is then reported as skipped, never as passed.
"""

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import advisor
from advisor.cli import main

HERE = Path(__file__).parent
EXPECTED = HERE / "expected.json"
SCRIPT = HERE.parent / "scripts" / "print_arguments.py"
EVIDENCE = HERE.parents[1] / "meta_data" / "datasets.json"
ASKED = yaml.safe_load((HERE / "requests.yaml").read_text(encoding="utf-8"))
DIGITS = 6
"""How many of a number are written down."""

Answer = dict[str, Any]


@pytest.fixture(scope="session")
def folders(grey: Path, many: Path) -> dict[str, Path]:
    return {"grey": grey, "many": many}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the description of a folder is kept for the next request."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def recorded(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the spool of a store of ``requests.yaml``, recorded when it is first asked for."""
    spools: dict[str, Path] = {}

    def spool(store: str) -> Path:
        if store not in spools:
            spools[store] = tmp_path_factory.mktemp(store) / "spool"
            runs = [{**run, "fields": _known(run["fields"], folders)} for run in ASKED["stores"][store]]
            env = {**os.environ, "ADVISOR_SPOOL_DIR": str(spools[store]), "ADVISOR_PLUGINS": "none"}
            command = [sys.executable, str(HERE / "record_runs.py")]
            subprocess.run(command, input=json.dumps(runs), text=True, env=env, check=True)
        return spools[store]

    return spool


def _known(fields: dict[str, Any], folders: dict[str, Path]) -> dict[str, Any]:
    """Return the fields of a run with what a training knows of its dataset; `records sync` finds out the rest."""
    folder = folders[fields["dataset_name"]]
    dataset = advisor.Advisor().describe(folder).dataset
    facts = {name: getattr(dataset, name) for name in ("n_train", "n_eval", "n_classes")}
    return {**facts, "dataset_root": str(folder), **fields}


@pytest.fixture
def settings(cache: Path, own_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing of the terminal reach an answer."""
    monkeypatch.setenv("ADVISOR_CACHE_DIR", str(cache))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture(scope="module")
def written() -> Iterator[dict[str, Answer]]:
    """Collect the answers that are written again when all are there; those that were not asked for stay."""
    answers: dict[str, Answer] = {}
    yield answers
    if answers:
        before = json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.exists() else {}
        kept = {name: answer for name, answer in {**before, **answers}.items() if name in ASKED["requests"]}
        EXPECTED.write_text(_json(dict(sorted(kept.items()))) + "\n", encoding="utf-8")


def _json(value: Any) -> str:
    """Return JSON that shows its difference line by line; lists of numbers stay on one line."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    return re.sub(r"\[\s+((?:[-\d.e+]+,?\s+)+)\]", lambda found: f"[{' '.join(found[1].split())}]", text)


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("name", ASKED["requests"])
def test_the_answer_is_the_same(name, folders, recorded, written, request, capsys, tmp_path):
    asked = ASKED["requests"][name]
    if "store" in asked:
        # Another store's spool, so named: runs belong to the store that they were recorded for.
        assert _typed(f"records sync --from {recorded(asked['store'])}", folders, capsys)["stderr"] == []
    if "advisor" in asked:
        answer = _typed(asked["advisor"], folders, capsys)
    elif "run" in asked:
        answer = _filled_in(asked["run"], folders)
    else:
        answer = _from_python(asked["python"], folders)
    found = _comparable(answer, [tmp_path, *(folder.parent for folder in folders.values()), HERE.parent])
    if request.config.getoption("write_answers", default=False):
        written[name] = found
        pytest.skip("written again")
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))[name]
    assert list(_differences(expected, found)) == []


def test_every_answer_was_asked_for(request):
    if request.config.getoption("write_answers", default=False):
        pytest.skip("being written")
    assert set(json.loads(EXPECTED.read_text(encoding="utf-8"))) == set(ASKED["requests"])


def _typed(words: str, folders: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> Answer:
    """Return what a command prints, and its exit status."""
    with pytest.raises(SystemExit) as end:
        main([word.format(**folders) for word in words.split()])
    out, err = capsys.readouterr()
    return _said(int(end.value.code or 0), out, err)


def _filled_in(words: str, folders: dict[str, Path]) -> Answer:
    """Return what a script is started with by ``advisor run --suggest``, and what is said of it."""
    command = [sys.executable, "-m", "advisor", "run", "--suggest", str(SCRIPT)]
    command += [word.format(**folders) for word in words.split()]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return _said(ended.returncode, ended.stdout, ended.stderr)


def _said(status: int, out: str, err: str) -> Answer:
    try:
        printed = json.loads(out)
    except ValueError:
        printed = out.splitlines()
    return {"status": status, "stdout": printed, "stderr": err.splitlines()}


def _from_python(asked: dict[str, Any], folders: dict[str, Path]) -> Answer:
    """Return a suggestion, in every form that it can be had in, or the error that says why there is none."""
    options = {name: value for name, value in asked.items() if name not in ("dataset", "evidence")}
    dataset: Any = folders[asked["dataset"]]
    if "evidence" in asked:  # its images are not here: the description of others with its name, counts and features
        (record,) = (r for r in json.loads(EVIDENCE.read_text(encoding="utf-8")) if r["name"] == asked["evidence"])
        dataset = dataclasses.replace(advisor.Advisor().describe(dataset), dataset=advisor.Dataset(**record))
    try:
        suggestion = advisor.suggest(dataset, **options)
    except advisor.AdvisorError as error:
        return {"error": str(error)}
    return {
        "suggestion": json.loads(suggestion.to_json()),
        "optimizer": suggestion.optimizer_kwargs(),
        "scheduler": suggestion.scheduler_kwargs(),
        "scheduler by steps": suggestion.scheduler_kwargs(updates_per_epoch=10),
        "model": suggestion.model_kwargs(),
        "args": suggestion.to_args("images"),
        "yaml": yaml.safe_load(suggestion.to_yaml("images")),
    }


def _comparable(value: Any, places: list[Path]) -> Any:
    """Return an answer without what differs from call to call, and with numbers cut to what is compared."""
    if isinstance(value, dict):
        return {name: _comparable(item, places) for name, item in value.items() if name != "metamodel"}
    if isinstance(value, list | tuple):
        return [_comparable(item, places) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, str):
        for place in places:
            value = value.replace(str(place), "PLACE")
        return re.sub(r"\b(0[0-9a-hjkmnp-tv-z]{25}|[0-9a-f]{32})\b", "ID", value)
    return value


def _differences(expected: Any, found: Any, where: str = "answer") -> Iterator[str]:
    """Yield what differs, each with where it stands."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in expected | found:
            if name in expected and name in found:
                yield from _differences(expected[name], found[name], f"{where}.{name}")
            else:
                yield f"{where}.{name} is {'missing' if name in expected else 'new'}"
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for i, pair in enumerate(zip(expected, found, strict=True)):
            yield from _differences(*pair, f"{where}[{i}]")
    elif isinstance(expected, float) and isinstance(found, float):
        if found != pytest.approx(expected, rel=10.0 ** (1 - DIGITS)):
            yield f"{where}: {expected} was expected, not {found}"
    elif type(expected) is not type(found) or expected != found:
        yield f"{where}: {expected!r} was expected, not {found!r}"
