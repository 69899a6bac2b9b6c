import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from advisor.learn.targets import TARGETS, from_logit, logit, regret_within_cases

SCORES = npst.arrays(float, st.integers(1, 30), elements=st.floats(0, 100))


@given(SCORES)
def test_regret_is_zero_at_the_best_and_never_negative(score):
    regret = regret_within_cases(score, np.zeros(len(score), dtype=np.int64))
    assert regret[score.argmax()] == 0
    assert ((regret >= 0) & (regret <= 2)).all()


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@given(score=SCORES)
def test_a_higher_score_never_falls_further_short(target, score):
    value = target.of(score, np.zeros(len(score), dtype=np.int64))
    regret = target.to_regret(value)
    order = np.argsort(score)
    assert np.isfinite(regret).all()
    assert (np.diff(regret[order]) <= 1e-9).all()


@given(SCORES)
def test_the_logarithmic_scale_has_its_inverse(score):
    cases = np.zeros(len(score), dtype=np.int64)
    target = TARGETS["log-regret"]
    assert np.allclose(target.to_regret(target.of(score, cases)), regret_within_cases(score, cases))


@given(st.floats(0.5, 99.5))
def test_logit_has_its_inverse(top1):
    assert from_logit(logit(np.array([top1])))[0] == pytest.approx(top1)
