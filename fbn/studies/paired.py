"""Paired differences of two arms on the same seeds, with confidence intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

#: Level of the confidence intervals, and number of bootstrap samples.
LEVEL, _REPLICATES = 0.95, 2000


@dataclass(frozen=True)
class Paired:
    """One metric of both arms over the seeds that both have.

    Attributes:
        base, edited: means.
        difference: mean of edited - base.
        sd: standard deviation of the differences (n - 1); None below two seeds.
        low, high: Student's t interval of the mean difference; None below two seeds.
        differences: the difference of each seed.
    """

    base: float
    edited: float
    difference: float
    sd: float | None
    low: float | None
    high: float | None
    differences: tuple[float, ...]


def paired_difference(
    base: Sequence[float | None], edited: Sequence[float | None], level: float = LEVEL
) -> Paired | None:
    """Compute the paired difference of a metric over seeds; None if no seed has both values.

    Args:
        base: value of each seed, None if missing.
        edited: values of the same seeds.
        level: confidence level of the interval, in (0, 1).
    """
    both = [(b, e) for b, e in zip(base, edited, strict=True) if b is not None and e is not None]
    if not both:
        return None
    first, second = np.array(both, dtype=float).T
    each = second - first
    mean, count = float(each.mean()), len(each)
    sd = low = high = None
    if count > 1:
        sd = float(each.std(ddof=1))
        reach = float(stats.t.ppf((1 + level) / 2, count - 1)) * sd / count**0.5
        low, high = mean - reach, mean + reach
    return Paired(float(first.mean()), float(second.mean()), mean, sd, low, high, tuple(each.tolist()))


def paired_differences(
    base: Sequence[Mapping[str, float | None]], edited: Sequence[Mapping[str, float | None]]
) -> dict[str, dict[str, Any]]:
    """Compute the paired difference of every metric: name -> ``Paired`` as a dictionary."""
    names = dict.fromkeys(name for figures in (*base, *edited) for name in figures)
    pairs = {name: paired_difference([f.get(name) for f in base], [f.get(name) for f in edited]) for name in names}
    return {name: asdict(each) | {"differences": list(each.differences)} for name, each in pairs.items() if each}


def bootstrap_interval(draws: np.ndarray, whole: np.ndarray, shared: bool) -> tuple[float, float]:
    """Compute the 95 % percentile interval of the mean difference over seeds and held-out people.

    Args:
        draws: [seeds, rounds] differences on bootstrap draws of each seed's people.
        whole: [seeds] differences on all people.
        shared: whether every seed is measured on the same people. Sampling error of the people then does not average
            out over seeds: each replicate takes one draw of them, with its effect on one seed.
    """
    generator = np.random.default_rng(0)
    seeds = generator.integers(len(draws), size=(_REPLICATES, len(draws)))
    if shared:
        one, rounds = (generator.integers(count, size=_REPLICATES) for count in draws.shape)
        means = whole[seeds].mean(1) + draws[one, rounds] - whole[one]
    else:
        means = np.nanmean(draws[seeds, generator.integers(draws.shape[1], size=seeds.shape)], 1)
    means = means[np.isfinite(means)]
    low, high = np.nanquantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
