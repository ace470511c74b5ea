"""Two ways of doing the same thing, run on the same seeds: how they differ, and how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Paired:
    """One figure of both ways over the seeds that have it.

    Attributes:
        base, edited: means.
        difference: mean of edited - base.
        sd: standard deviation of the differences (n - 1); None below two seeds.
        low, high: of Student's t interval of the mean difference; None below two seeds.
        differences: of each seed.
    """

    base: float
    edited: float
    difference: float
    sd: float | None
    low: float | None
    high: float | None
    differences: tuple[float, ...]


def paired(base: Sequence[float | None], edited: Sequence[float | None], level: float = 0.95) -> Paired | None:
    """Both ways' figures, seed by seed; None where no seed has both.

    Args:
        base: a figure of each seed, None where there is none.
        edited: of the same seeds.
        level: of the interval.
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


def by_name(
    base: Sequence[Mapping[str, float | None]], edited: Sequence[Mapping[str, float | None]]
) -> dict[str, dict[str, Any]]:
    """Every figure that some seed has of both ways: name -> ``Paired`` as a dictionary."""
    names = dict.fromkeys(name for figures in (*base, *edited) for name in figures)
    found = {name: paired([f.get(name) for f in base], [f.get(name) for f in edited]) for name in names}
    return {name: asdict(each) | {"differences": list(each.differences)} for name, each in found.items() if each}
