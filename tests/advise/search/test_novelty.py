from hypothesis import given
from hypothesis import strategies as st

from advisor.advise.search.novelty import Novelty


@given(st.floats(0, 0.999))
def test_the_published_share_rises_smoothly_from_none_to_all(novelty):
    here, there = Novelty(novelty, ()).published_share, Novelty(novelty + 0.001, ()).published_share
    assert 0 <= here <= there <= 1
    assert there - here <= 0.0016


def test_the_ends_of_novelty():
    assert Novelty(0.0, ()).published_share == 0
    assert Novelty(0.5, ()).published_share == 0.5
    assert Novelty(1.0, ()).published_share == 1
