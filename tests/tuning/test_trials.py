"""Which of several trials is the best."""

from advisor.records.schema import Epoch, Run, Source
from advisor.space.configuration import Configuration
from advisor.tuning.trials import Trial, best_of


def trial(number, *top1):
    run = Run(run_id=f"run{number}", source=Source.API, n_classes=4)
    epochs = tuple(Epoch(run_id=run.run_id, epoch=i, eval_top1=one) for i, one in enumerate(top1))
    return Trial(number, Configuration(0.001, 32, 4, 0.0, 0.05), run=run, epochs=epochs)


TRIALS = [trial(0, 50.0, 60.0), trial(1), trial(2, 80.0, 70.0), trial(3, 70.0)]


def test_the_best_is_that_with_the_highest_accuracy_where_it_stands_the_earlier_of_equals():
    assert best_of(TRIALS).number == 2


def test_it_is_found_among_some_of_them_too():
    assert best_of(TRIALS[2:]).number == 2
    assert best_of([TRIALS[0], TRIALS[3]]).number == 3


def test_there_is_none_before_any_epoch():
    assert best_of([TRIALS[1]]) is None
