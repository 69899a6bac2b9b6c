"""``advisor train``: the shipped evidence and the user's own runs become the meta-model that advises."""

from dataclasses import replace

import pytest
from synthetic import records

from advisor.advise.advisor import Advisor
from advisor.cli.root import main
from advisor.config import Config
from advisor.learn.artefact import Artefact
from advisor.records.schema import Source
from advisor.records.store import Store


def test_own_runs_are_learned_from_and_the_result_advises(capsys):
    shipped = Advisor().artefact
    runs, datasets = records(n_groups=1, runs_per_case=10)
    store = Store(Config()["store"])
    store.put_dataset(datasets[0])
    store.add_runs([replace(run, source=Source.API) for run in runs])
    with pytest.raises(SystemExit) as end:
        main(["train"])
    assert not end.value.code
    assert "20 of your 20 runs" in capsys.readouterr().out
    own = Artefact.load(Config()["metamodel_dir"])
    assert own.runs == shipped.runs + 20
    assert own.version != shipped.version
    assert Advisor().artefact.version == own.version
