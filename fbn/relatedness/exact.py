"""Exact binomial statistics. Weighted counts may be fractional: the beta function interpolates the tails."""

import numpy as np
from scipy.special import betainc, betaincc, betaincinv

Array = np.ndarray


def at_least(k: float | Array, n: float | Array, rate: float) -> Array:
    """P(X >= k) of a binomial distribution with n trials."""
    return np.where(np.asarray(k) > 0, betainc(np.maximum(k, 1e-9), np.asarray(n) - k + 1, rate), 1.0)


def at_most(k: float | Array, n: float | Array, rate: float) -> Array:
    """P(X <= k) of a binomial distribution with n trials."""
    rest = np.asarray(n) - k
    return np.where(rest > 0, betaincc(np.asarray(k) + 1, np.maximum(rest, 1e-9), rate), 1.0)


def clopper_pearson(k: Array, n: Array, alpha: float) -> tuple[Array, Array]:
    """Compute the Clopper-Pearson interval of each rate at confidence level 1 - alpha."""
    rest = np.maximum(n - k, 0)
    low = np.where(k > 0, betaincinv(np.maximum(k, 1e-9), rest + 1, alpha / 2), 0.0)
    high = np.where(rest > 0, betaincinv(k + 1, np.maximum(rest, 1e-9), 1 - alpha / 2), 1.0)
    return low, high


def holm(p: Array) -> Array:
    """Adjust p-values [M] for the family-wise error rate (Holm 1979)."""
    order = np.argsort(p)
    scaled = np.minimum(1.0, (len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(scaled)
    return adjusted
