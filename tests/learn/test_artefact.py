import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from advisor.errors import AdvisorError
from advisor.learn.artefact import MANIFEST, Artefact, seed_noise
from advisor.learn.metamodel import MetaModel
from advisor.records.schema import Pretraining


@pytest.fixture(scope="module")
def artefact(fitted, records):
    return fitted(*records())


def test_saved_and_loaded_it_is_the_same(table_of, records, artefact, tmp_path):
    artefact.save(tmp_path)
    loaded = Artefact.load(tmp_path)
    x = table_of(*records()).x
    np.testing.assert_array_equal(loaded.model.predict(x).regret, artefact.model.predict(x).regret)
    assert loaded.covered == artefact.covered
    assert [k.dataset for k in loaded.known] == [k.dataset for k in artefact.known]
    assert (loaded.noise, loaded.runs, loaded.version) == (artefact.noise, artefact.runs, artefact.version)


def test_saving_twice_writes_the_same_bytes(fitted, records, artefact, tmp_path):
    artefact.save(tmp_path / "a")
    fitted(*records()).save(tmp_path / "b")
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / d).iterdir()} for d in "ab")
    assert first == second


def test_it_covers_what_was_recorded(artefact):
    covered = artefact.covering("adamw", Pretraining.NONE)
    assert covered.groups == 6
    assert covered.bounds["epochs"] == (2.0, 20.0)
    assert covered.assumes["sched"] == "cosine"
    assert artefact.covering("sgd", Pretraining.NONE) is None


@pytest.mark.parametrize("harm", ["missing", "changed member", "other schema", "not json"])
def test_damaged_files_are_refused_with_what_to_do(artefact, tmp_path, harm):
    artefact.save(tmp_path)
    manifest = tmp_path / MANIFEST
    if harm == "missing":
        (tmp_path / "accuracy_0.txt").unlink()
    elif harm == "changed member":
        with (tmp_path / "accuracy_0.txt").open("a") as file:
            file.write("\n")
    elif harm == "other schema":
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "schema": "advisor.metamodel/99"}))
    else:
        manifest.write_text("{")
    with pytest.raises(AdvisorError) as caught:
        Artefact.load(tmp_path)
    assert "advisor train" in caught.value.hint


def test_one_group_is_too_little(records, fitted):
    runs, datasets = records(n_groups=1)
    with pytest.raises(AdvisorError, match="too little evidence"):
        fitted(runs, datasets)


def test_noise_is_the_spread_between_seeds(records, table_of):
    runs, datasets = records(n_groups=2, runs_per_case=3)
    assert seed_noise(table_of(runs, datasets)) is None
    again = [replace(run, run_id=run.run_id + "again", final_metric=run.final_metric + 2) for run in runs]
    noise = seed_noise(table_of([*runs, *again], datasets))
    assert noise == pytest.approx(2**0.5)


def test_a_save_that_fails_half_way_leaves_the_former_one_whole(artefact, tmp_path, monkeypatch):
    artefact.save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write, written = Path.write_text, []

    def full_disk(path, *args, **kwargs):
        written.append(path)
        if len(written) == 5:
            raise OSError(28, "No space left on device")
        return write(path, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(OSError, match="No space"):
        replace(artefact, runs=1).save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert Artefact.load(tmp_path).runs == artefact.runs


def test_members_of_a_larger_model_do_not_stay_behind_and_other_files_do(table_of, records, artefact, tmp_path):
    artefact.save(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    table = table_of(*records())
    replace(artefact, model=MetaModel(n_members=2, n_estimators=5).fit(table)).save(tmp_path)
    assert {path.name for path in tmp_path.glob("*.txt")} == {
        "notes.txt", "regret_0.txt", "regret_1.txt", "accuracy_0.txt", "accuracy_1.txt",
    }  # fmt: skip
    assert Artefact.load(tmp_path).model.n_members == 2


def test_how_it_was_judged_is_in_the_manifest(artefact, tmp_path):
    replace(artefact, evaluation={"judged": True, "cases": 3}).save(tmp_path)
    assert Artefact.load(tmp_path).evaluation == {"judged": True, "cases": 3}
