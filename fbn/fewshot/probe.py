"""The linear probe: logistic regression on fixed features that adds to the zero-shot scores.

The score of class c is total_c / temperature + w_c f + b_c. The first term is the zero-shot score of paper A
(3.1.4), the rest is multinomial logistic regression on the network's features with the first as its offset. The
L2 penalty shrinks (w, b) to 0, so that without pictures, or with uninformative ones, the probe equals zero-shot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, log

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits
from torch import Tensor

from fbn.compound import DEFAULT_TEMPERATURE

Array = NDArray[np.float64]
IntArray = NDArray[np.intp]

#: Candidate penalties, 1 / prior variance of the learned part of a score; ``inf`` is zero-shot.
STRENGTHS = (inf, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03)
#: The strength used without cross-validation where a class has fewer pictures than ``ENOUGH``; tuned on drawn faces.
DEFAULT_STRENGTH, ENOUGH = 0.3, 4
#: Candidate factors on the temperature, tried once the strength is chosen.
_TEMPERATURE_FACTORS = (0.5, 1.0, 2.0, 4.0)
_INNER_FOLDS = 5
#: Weight, in pictures, of the mean variance of all features when each feature's variance is estimated.
_VARIANCE_PRIOR = 10.0
#: Standard deviation of the prior on log temperature around its default.
_TEMPERATURE_SPREAD = 1.0


@dataclass(frozen=True)
class Probe:
    """A fitted linear probe.

    Attributes:
        weight: [C, F] float64, for the network's unscaled features.
        bias: [C] float64.
        temperature: divides the zero-shot scores.
        strength: of the penalty; ``inf``: zero-shot alone.
    """

    weight: Tensor
    bias: Tensor
    temperature: float
    strength: float

    def logits(self, features: Tensor, total: Tensor) -> Tensor:
        """Return [..., C] float64 logits from [..., F] features and [..., C] zero-shot scores."""
        return total.double() / self.temperature + features.double() @ self.weight.T + self.bias


def zero_shot(classes: int, features: int, temperature: float = DEFAULT_TEMPERATURE) -> Probe:
    """Return the probe without training pictures: zero weights and biases."""
    return Probe(torch.zeros(classes, features).double(), torch.zeros(classes).double(), temperature, inf)


# the matrices are small: several threads only wait for each other, up to a hundred times longer on shared cores
@threadpool_limits.wrap(limits=1, user_api="blas")
def probe(
    features: Tensor,
    total: Tensor,
    labels: Tensor,
    *,
    strength: float | None = None,
    temperature: float | None = None,
    groups: Sequence[int] | None = None,
    seed: int = 0,
) -> Probe:
    """Fit a linear probe on labelled pictures; classes are weighted equally, whatever their sizes.

    Strength and temperature are chosen by cross-validation on these pictures; if a class has fewer than ``ENOUGH``,
    the strength is ``DEFAULT_STRENGTH``. A class without pictures keeps its zero-shot score.

    Args:
        features: [n, F], from ``FaceNetwork.features``.
        total: [n, C] zero-shot scores (``fbn.compound.terms``).
        labels: [n] class indices; n may be 0.
        strength: a fixed strength; ``inf`` is zero-shot.
        temperature: a fixed temperature.
        groups: [n] pictures of one group stay in one fold.
        seed: of the folds.
    """
    x, z = features.detach().double().numpy(), total.detach().double().numpy()
    y = labels.numpy().astype(np.intp)
    if not len(y) or strength == inf:
        return zero_shot(z.shape[1], x.shape[1], temperature or DEFAULT_TEMPERATURE)
    given = temperature
    if strength is None and np.bincount(y)[np.unique(y)].min() >= ENOUGH:
        folds = stratified_folds(y, _INNER_FOLDS, seed, groups)
        strength, factor = _chosen(x, z, y, folds, given)
    else:
        strength, factor = DEFAULT_STRENGTH if strength is None else strength, 1.0
    temperature = given or factor * best_temperature(z, y)
    if not isfinite(strength):
        return zero_shot(z.shape[1], x.shape[1], temperature)
    problem = _Problem(x, z, y)
    weight, bias = problem.unfolded(problem.solve(temperature, strength))
    return Probe(torch.from_numpy(weight), torch.from_numpy(bias), float(temperature), float(strength))


def stratified_folds(labels: IntArray, count: int, seed: int, groups: Sequence[int] | None = None) -> IntArray:
    """Return [n] the fold of each picture, of ``count`` folds stratified by class; groups are not split.

    A class of one picture (or one group) has fold -1: it is always trained on and never measured.
    """
    rng = np.random.default_rng((seed, 11))
    group_of = np.arange(len(labels)) if groups is None else np.asarray(groups)
    fold = np.full(len(labels), -1, np.intp)
    first = 0
    for label in np.unique(labels):
        of_class = np.unique(group_of[labels == label])
        if len(of_class) < 2:
            continue
        for place, group in enumerate(rng.permutation(of_class)):
            fold[(group_of == group) & (labels == label)] = (first + place) % count
        # the next class begins where this one ended, so that small classes do not all fill the first folds
        first += len(of_class)
    return fold


def best_temperature(total: Array, labels: IntArray) -> float:
    """Return the temperature that fits the [n, C] zero-shot scores to the labels, with a prior on the default."""
    weight = balanced_weights(labels)

    def cost(shift: float) -> float:
        return (
            float(weight @ cross_entropies(total / (DEFAULT_TEMPERATURE * exp(shift)), labels))
            + 0.5 * (shift / _TEMPERATURE_SPREAD) ** 2
        )

    found = minimize_scalar(cost, bounds=(-log(16), log(16)), method="bounded", options={"xatol": 1e-4})
    return DEFAULT_TEMPERATURE * exp(float(found.x))


def cross_entropies(logits: Array, labels: IntArray) -> Array:
    """Return the [n] cross entropy of each picture; logits of -inf exclude a class."""
    return logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]


def balanced_weights(labels: IntArray) -> Array:
    """Return [n] sample weights that sum to n, with the same sum for every class present."""
    present, which, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return (len(labels) / (len(present) * counts))[which]


def _chosen(x: Array, total: Array, y: IntArray, folds: IntArray, given: float | None) -> tuple[float, float]:
    """Return the strength and the factor on the temperature with the least cross-validated loss."""
    splits = [(folds != fold, folds == fold) for fold in np.unique(folds[folds >= 0])]
    problems = [_Problem(x[train], total[train], y[train]) for train, _ in splits]
    temperatures = [given or best_temperature(total[train], y[train]) for train, _ in splits]
    weight = balanced_weights(y)

    def cost(strength: float, factor: float, starts: list[Array | None]) -> tuple[float, list[Array | None]]:
        value, solutions = 0.0, []
        for (_, out), problem, temperature, start in zip(splits, problems, temperatures, starts, strict=True):
            logits = total[out] / (factor * temperature)
            solution = None
            if isfinite(strength):
                solution = problem.solve(factor * temperature, strength, start)
                w, b = problem.unfolded(solution)
                logits = logits + x[out] @ w.T + b
            solutions.append(solution)
            value += float(weight[out] @ cross_entropies(logits, y[out]))
        return value, solutions

    starts: list[Array | None] = [None] * len(splits)
    best, strength, at = inf, inf, starts
    for tried in STRENGTHS:
        value, starts = cost(tried, 1.0, starts)
        if value < best:
            best, strength, at = value, tried, starts
    chosen = 1.0
    for factor in () if given else _TEMPERATURE_FACTORS:
        if factor != 1 and (value := cost(strength, factor, at)[0]) < best:
            best, chosen = value, factor
    return strength, chosen


class _Problem:
    """Penalised multinomial logistic regression with an offset, for one training set and any strength.

    The penalty is invariant to rotations of the features, so they are projected on their principal axes: no more
    than there are pictures remain, and each is preconditioned by an estimate of its curvature.
    """

    def __init__(self, x: Array, total: Array, y: IntArray) -> None:
        self._classes = total.shape[1]
        self._present, self._label = np.unique(y, return_inverse=True)
        self._weight = balanced_weights(y)
        self._total = total[:, self._present]
        self._mean, self._scale = _standard(x)
        # the constant is penalised as the features are together
        z = np.column_stack([(x - self._mean) / self._scale, np.ones(len(x))])
        _, spread, axes = np.linalg.svd(z * np.sqrt(self._weight)[:, None], full_matrices=False)
        nonzero = spread > 1e-9 * max(spread[0], 1e-30)
        self._axes = axes[nonzero]
        self._curvature = spread[nonzero] ** 2 / 2
        self._z = z @ self._axes.T

    def solve(self, temperature: float, strength: float, start: Array | None = None) -> Array:
        """Return [r, K] weights on the principal axes for the K classes that have pictures."""
        scale = 1 / np.sqrt(self._curvature + strength)[:, None]
        shape = (len(scale), len(self._present))
        offset = self._total / temperature
        z, rows = self._z, np.arange(len(self._label))

        def cost(flat: Array) -> tuple[float, Array]:
            theta = scale * flat.reshape(shape)
            logits = offset + z @ theta
            top = logits.max(1, keepdims=True)
            each = np.exp(logits - top)
            sums = each.sum(1, keepdims=True)
            loss = float(self._weight @ (np.log(sums[:, 0]) + top[:, 0] - logits[rows, self._label]))
            each /= sums
            each[rows, self._label] -= 1
            slope = z.T @ (each * self._weight[:, None]) + strength * theta
            return loss + strength / 2 * float((theta**2).sum()), (scale * slope).ravel()

        first = np.zeros(shape) if start is None else start / scale
        options = {"maxiter": 500, "gtol": 1e-5 * max(1.0, len(rows) ** 0.5), "ftol": 1e-10}
        found = minimize(cost, first.ravel(), jac=True, method="L-BFGS-B", options=options)
        return scale * found.x.reshape(shape)

    def unfolded(self, theta: Array) -> tuple[Array, Array]:
        """Return [C, F] weights and [C] biases for the original features; 0 for classes without pictures."""
        rotated = self._axes.T @ theta
        weight, bias = np.zeros((self._classes, len(self._mean))), np.zeros(self._classes)
        weight[self._present] = (rotated[:-1] / self._scale[:, None]).T
        bias[self._present] = rotated[-1]
        return weight, bias - weight @ self._mean


def _standard(x: Array) -> tuple[Array, Array]:
    """Return [F] means and scales that standardise features to length 1 on average.

    With few pictures a feature's variance is uncertain, so it is shrunk to the mean variance.
    """
    variance = x.var(0)
    typical = float(variance.mean())
    if typical <= 0:
        return x.mean(0), np.ones(x.shape[1])
    shrunk = (len(x) * variance + _VARIANCE_PRIOR * typical) / (len(x) + _VARIANCE_PRIOR)
    return x.mean(0), np.sqrt(shrunk * x.shape[1])
