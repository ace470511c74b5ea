"""Differences by seed, against SciPy's paired test."""

import numpy as np
import pytest
from scipy import stats

from fbn.studies.paired import paired_difference, paired_differences


def test_interval_is_that_of_the_paired_t_test() -> None:
    rng = np.random.default_rng(0)
    base, edited = rng.random(5), rng.random(5) + 0.2
    found = paired_difference(base.tolist(), edited.tolist())
    interval = stats.ttest_rel(edited, base).confidence_interval(0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert found.difference == pytest.approx(found.edited - found.base, abs=1e-12)
    assert found.sd == pytest.approx(np.std(edited - base, ddof=1), abs=1e-12)
    assert found.differences == pytest.approx(tuple(edited - base))


def test_one_seed_has_no_spread_and_seeds_without_a_pair_do_not_count() -> None:
    found = paired_difference([0.5, None, 0.1], [0.75, 0.9, None])
    assert found is not None
    assert (found.base, found.edited, found.differences) == (0.5, 0.75, (0.25,))
    assert (found.sd, found.low, found.high) == (None, None, None)
    assert paired_difference([None, 0.1], [0.2, None]) is None


def test_figures_are_paired_paired_differences() -> None:
    found = paired_differences([{"a": 0.0}, {"a": 1.0, "b": 1.0}], [{"a": 1.0}, {"a": 1.0, "c": 1.0}])
    assert set(found) == {"a"}
    assert found["a"]["differences"] == [1.0, 0.0]
