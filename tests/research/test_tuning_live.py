"""What tuners had in hand live, and what is printed of it."""

import pytest

from research.tuning.live.table import in_hand, table
from research.tuning.live.tuners import OURS, TUNERS

TRACE = [[10.0, "a", 1, 50.0], [20.0, "a", 2, 48.0], [30.0, "b", 1, 49.0], [50.0, "b", 2, 70.0]]


@pytest.mark.parametrize(("seconds", "accuracy"), [(5, 0.0), (10, 50.0), (20, 48.0), (30, 49.0), (60, 70.0)])
def test_in_hand_is_the_best_trial_where_it_stands(seconds, accuracy):
    assert in_hand({"trace": TRACE}, seconds) == accuracy


def test_only_what_every_tuner_has_finished_is_compared():
    def run(dataset, tuner, top1):
        return {"dataset": dataset, "seed": 0, "tuner": tuner, "trace": [[10.0, "a", 1, top1]]}

    runs = [run("one", tuner, 90.0 if tuner == OURS else 80.0) for tuner in TUNERS]
    found = {"budget_seconds": 60.0, "runs": [*runs, run("two", OURS, 10.0)]}
    head, _, *rows = table(found).splitlines()
    assert head.startswith("| 1 tuning of 1 set | 15 s | 30 s | 60 s |")
    assert rows[0] == f"| **{OURS}** | 90.00 | 90.00 | 90.00 |  | 1 | 1.0 |"
    assert all("| 80.00 | 80.00 | 80.00 | 10.00 | 1 | 1.0 |" in row for row in rows[1:])


def test_priorband_begins_with_the_advice_and_goes_on_where_it_was():
    pytest.importorskip("neps", reason="needs neural-pipeline-search")
    from research.tuning.priorband import priorband

    bounds = {"lr": (1e-5, 1e-2), "epochs": (9, 9), "dropout": (0.0, 0.5)}
    asking = priorband(bounds, {"lr": 1e-3, "epochs": 9, "dropout": 0.1}, 9, seed=0)
    name, values, until = next(asking)
    assert (values["lr"], until) == (1e-3, 9)
    trained = {name: until}
    for _ in range(15):
        name, _, until = asking.send(50.0)
        assert until > trained.get(name, 0)
        trained[name] = until
