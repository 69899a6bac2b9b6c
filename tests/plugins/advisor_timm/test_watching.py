"""A watched function is the function it was: for whoever holds it, pickles it, inspects it or compiles it."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from collections.abc import Callable

import cloudpickle
import pytest
import timm.utils
import torch

from advisor_timm.watching import is_watchable, watch


@pytest.fixture
def watched():
    """Watch a function; give what is seen of its calls, and undo it after the test."""
    watches = []

    def begin(function: Callable) -> list:
        seen: list = []
        watches.append(watch(function, seen.append, seen.append))
        return seen

    yield begin
    while watches:
        watches.pop().end()


def with_everything(a, /, b, c=3, *more, keyword, other=None, **others):
    return {"a": a, "b": b, "c": c, "keyword": keyword, "other": other, **others}


def with_a_free_variable(free):
    def function(a, b=2, *more, keyword=None, **others):
        return {"a": a, "b": b, "keyword": keyword, **others, **({} if free else {"never": 1})}

    return function


@torch.no_grad()
def decorated(a, b=2):
    return {"a": a, "b": b}


class WithSuper(dict):
    def __init__(self, a, *, b=2):
        super().__init__(a=a, b=b)


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (with_everything, (1, 2), {"keyword": 4}),
        (with_everything, (1, 2, 5, 6, 7), {"keyword": 4, "other": 5, "a": 9}),
        (with_everything, (1,), {"b": 2, "keyword": 4, "further": 8}),
        (with_a_free_variable(1), (1,), {}),
        (with_a_free_variable(1), (1, 2, 3, 4), {"keyword": 1, "z": 2}),
        (decorated, (1,), {"b": 7}),
    ],
)
def test_arguments_of_a_call_are_named_as_python_names_them(watched, function, args, kwargs):
    expected = function(*args, **kwargs)
    seen = watched(function)
    assert function(*args, **kwargs) == expected
    assert seen[0].result == expected
    named = {**seen[0].arguments, **({"a": args[0]} if function is with_everything else {})}
    assert {name: named[name] for name in ("a", "b")} == {name: expected[name] for name in ("a", "b")} | {"a": args[0]}


def test_a_method_that_calls_its_parents(watched):
    seen = watched(WithSuper.__init__)
    assert WithSuper(1, b=5) == {"a": 1, "b": 5}
    assert (seen[0].arguments["a"], seen[0].arguments["b"]) == (1, 5)


def test_errors_pass_and_are_seen(watched):
    def function(divisor):
        return 1 / divisor

    seen = watched(function)
    with pytest.raises(ZeroDivisionError) as raised:
        function(0)
    assert seen == [raised.value]


def test_what_has_not_run_when_it_returns_is_not_watched():
    def generator():
        yield 1

    async def coroutine():
        return 1

    assert not any(map(is_watchable, (generator, coroutine, len, WithSuper, None)))


def test_looks_as_before_and_is_itself_again_in_the_end():
    for function in (with_everything, with_a_free_variable(1), decorated, WithSuper.__init__, timm.utils.accuracy):
        code = function.__code__
        before = (inspect.signature(function), inspect.getsource(function), function.__code__.co_name)
        ends = watch(function, print, print)
        assert not is_watchable(function)
        assert (inspect.signature(function), inspect.getsource(function), function.__code__.co_name) == before
        ends.end()
        assert function.__code__ is code


def test_one_who_watches_later_and_stays_longer(watched):
    """Ours still calls the original, though nobody listens."""

    def function(a):
        return a + 1

    ends = watch(function, lambda call: pytest.fail("nobody listens"), print)
    ours = function.__code__
    function.__code__ = ours.replace(co_firstlineno=1)  # as another tool would
    ends.end()
    assert function.__code__ is not ours
    assert function(1) == 2


def test_pickled_by_reference_also_by_who_took_it_before(watched):
    before = with_everything
    watched(with_everything)
    module = sys.modules.get(__name__)
    if module is None:
        pytest.skip("this module is not importable by its name")
    assert pickle.loads(pickle.dumps(before)) is with_everything
    assert pickle.loads(pickle.dumps(timm.utils.accuracy)) is timm.utils.accuracy


def test_pickled_by_value_it_runs_where_nobody_watches(watched):
    """As joblib, submitit and others send functions of a script to other processes."""
    function = with_a_free_variable(1)
    watched(function)
    pickled = cloudpickle.dumps(function)
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer)(1, z=2)); print('advisor_timm' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], input=pickled, capture_output=True, check=True)
    assert done.stdout.decode().splitlines() == ["{'a': 1, 'b': 2, 'keyword': None, 'z': 2}", "False"]


def test_torch_compiles_through_it_in_one_graph(watched):
    seen = watched(timm.utils.accuracy)

    @torch.compile(fullgraph=True, backend="eager")
    def step(scores, labels):
        return timm.utils.accuracy(scores, labels, topk=(1, 5))

    scores, labels = torch.eye(8), torch.arange(8)
    assert [float(value) for value in step(scores, labels)] == [100.0, 100.0]
    assert seen == []
    timm.utils.accuracy(scores, labels)
    assert len(seen) == 1
