"""Stands in for workers and for a terminal where a collection is tested in one process."""

from advisor.collect.engine import Finished
from advisor.collect.training.worker import Job


class InThisProcess:
    """An engine without workers; it can lose the tasks whose number it is told."""

    def __init__(self, lose=()):
        self.lose = lose
        self.given: list[Job] = []

    def run(self, function, tasks):
        for number, task in enumerate(tasks):
            self.given.append(task)
            if number not in self.lose:
                function(task)
            yield Finished(task, number in self.lose)


class Quiet:
    def begin(self, what, points, cost):
        pass

    def advance(self, cost):
        pass
