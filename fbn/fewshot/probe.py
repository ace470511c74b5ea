"""The linear probe: logistic regression on fixed features that adds to the zero-shot scores.

The score of class c is total_c / temperature + w_c f + b_c. The first term is the zero-shot score (``fbn.compound``)
and is not learned: it is the offset of a multinomial logistic regression on the network's features f. The L2 penalty
shrinks (w, b) to 0, so that without pictures, or with uninformative ones, the probe equals zero-shot.
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

#: Candidate strengths of the L2 penalty: 1 / prior variance of the learned part of a score; ``inf`` is zero-shot.
STRENGTHS = (inf, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03)
#: Fewest pictures of a class from which the strength is chosen by cross-validation.
MIN_PICTURES = 4
#: The strength used if a class has fewer; tuned on synthetic faces.
DEFAULT_STRENGTH = 0.3
#: Candidate factors on the temperature, tried once the strength is chosen.
_TEMPERATURE_FACTORS = (0.5, 1.0, 2.0, 4.0)
_INNER_FOLDS = 5
#: Weight, in pictures, of the mean variance of all features when each feature's variance is estimated.
_VARIANCE_PRIOR = 10.0
#: Standard deviation of the prior on log temperature around its default.
_TEMPERATURE_DEVIATION = 1.0


@dataclass(frozen=True)
class Probe:
    """A fitted linear probe.

    Attributes:
        weight: [C, F] float64, for the network's unscaled features.
        bias: [C] float64.
        temperature: divides the zero-shot scores.
        strength: strength of the L2 penalty; ``inf``: zero-shot alone.
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
    """Fit a linear probe on labelled pictures; all classes have the same total weight.

    Strength and temperature are chosen by cross-validation on these pictures. If a class has fewer than
    ``MIN_PICTURES``, the strength is ``DEFAULT_STRENGTH``. A class without pictures keeps its zero-shot score.

    Args:
        features: [n, F], from ``FaceNetwork.features``.
        total: [n, C] zero-shot scores, each the sum of its terms (``fbn.compound.terms``).
        labels: [n] class indices; n may be 0.
        strength: strength of the L2 penalty instead of a chosen one; ``inf`` is zero-shot.
        temperature: temperature instead of a chosen one.
        groups: [n] pictures of one group stay in one fold.
        seed: seed of the random assignment to folds.
    """
    x, z = features.detach().double().numpy(), total.detach().double().numpy()
    y = labels.numpy().astype(np.intp)
    if not len(y) or strength == inf:
        return zero_shot(z.shape[1], x.shape[1], temperature or DEFAULT_TEMPERATURE)
    fixed = temperature
    if strength is None and np.bincount(y)[np.unique(y)].min() >= MIN_PICTURES:
        folds = stratified_folds(y, _INNER_FOLDS, seed, groups)
        strength, factor = _cross_validate(x, z, y, folds, fixed)
    else:
        strength, factor = DEFAULT_STRENGTH if strength is None else strength, 1.0
    temperature = fixed or factor * best_temperature(z, y)
    if not isfinite(strength):
        return zero_shot(z.shape[1], x.shape[1], temperature)
    problem = _Problem(x, z, y)
    weight, bias = problem.to_features(problem.solve(temperature, strength))
    return Probe(torch.from_numpy(weight), torch.from_numpy(bias), float(temperature), float(strength))


def stratified_folds(labels: IntArray, count: int, seed: int, groups: Sequence[int] | None = None) -> IntArray:
    """Return [n] the fold of each picture, of ``count`` folds stratified by class; groups are not split.

    The pictures of a class with one picture (or one group) have fold -1: they are only used for training.
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
            + 0.5 * (shift / _TEMPERATURE_DEVIATION) ** 2
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


def _cross_validate(x: Array, total: Array, y: IntArray, folds: IntArray, fixed: float | None) -> tuple[float, float]:
    """Return the strength and the factor on the temperature with the least cross-validated loss.

    Args:
        x: [n, F] features.
        total: [n, C] zero-shot scores.
        y: [n] class indices.
        folds: [n] fold of each picture.
        fixed: temperature; None: the best of each training set, whose factor is then chosen.
    """
    splits = [(folds != fold, folds == fold) for fold in np.unique(folds[folds >= 0])]
    problems = [_Problem(x[train], total[train], y[train]) for train, _ in splits]
    temperatures = [fixed or best_temperature(total[train], y[train]) for train, _ in splits]
    weight = balanced_weights(y)

    def cost(strength: float, factor: float, starts: list[Array | None]) -> tuple[float, list[Array | None]]:
        value, solutions = 0.0, []
        for (_, out), problem, temperature, start in zip(splits, problems, temperatures, starts, strict=True):
            logits = total[out] / (factor * temperature)
            solution = None
            if isfinite(strength):
                solution = problem.solve(factor * temperature, strength, start)
                w, b = problem.to_features(solution)
                logits = logits + x[out] @ w.T + b
            solutions.append(solution)
            value += float(weight[out] @ cross_entropies(logits, y[out]))
        return value, solutions

    starts: list[Array | None] = [None] * len(splits)
    best, strength, solutions = inf, inf, starts
    for tried in STRENGTHS:
        value, starts = cost(tried, 1.0, starts)
        if value < best:
            best, strength, solutions = value, tried, starts
    best_factor = 1.0
    for factor in () if fixed else _TEMPERATURE_FACTORS:
        if factor != 1 and (value := cost(strength, factor, solutions)[0]) < best:
            best, best_factor = value, factor
    return strength, best_factor


class _Problem:
    """Penalised multinomial logistic regression with an offset, for one training set and any strength.

    The penalty is invariant to rotations of the features, so they are projected on their principal axes, of which there
    are at most as many as pictures. Each is preconditioned by an estimate of its curvature.
    """

    def __init__(self, x: Array, total: Array, y: IntArray) -> None:
        self._classes = total.shape[1]
        self._present, self._label = np.unique(y, return_inverse=True)
        self._weight = balanced_weights(y)
        self._total = total[:, self._present]
        self._mean, self._scale = _standard(x)
        # a column of ones, for the bias; it has the mean squared length of the features, so it is penalised alike
        z = np.column_stack([(x - self._mean) / self._scale, np.ones(len(x))])
        _, singular, axes = np.linalg.svd(z * np.sqrt(self._weight)[:, None], full_matrices=False)
        nonzero = singular > 1e-9 * max(singular[0], 1e-30)
        self._axes = axes[nonzero]
        self._curvature = singular[nonzero] ** 2 / 2
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
            gradient = z.T @ (each * self._weight[:, None]) + strength * theta
            return loss + strength / 2 * float((theta**2).sum()), (scale * gradient).ravel()

        first = np.zeros(shape) if start is None else start / scale
        options = {"maxiter": 500, "gtol": 1e-5 * max(1.0, len(rows) ** 0.5), "ftol": 1e-10}
        found = minimize(cost, first.ravel(), jac=True, method="L-BFGS-B", options=options)
        return scale * found.x.reshape(shape)

    def to_features(self, theta: Array) -> tuple[Array, Array]:
        """Return [C, F] weights and [C] biases for the original features; 0 for classes without pictures."""
        rotated = self._axes.T @ theta
        weight, bias = np.zeros((self._classes, len(self._mean))), np.zeros(self._classes)
        weight[self._present] = (rotated[:-1] / self._scale[:, None]).T
        bias[self._present] = rotated[-1]
        return weight, bias - weight @ self._mean


def _standard(x: Array) -> tuple[Array, Array]:
    """Return [F] means and scales that standardise features to a mean squared length of 1 per picture.

    With few pictures a feature's variance is uncertain, so it is shrunk to the mean variance.
    """
    variance = x.var(0)
    typical = float(variance.mean())
    if typical <= 0:
        return x.mean(0), np.ones(x.shape[1])
    shrunk = (len(x) * variance + _VARIANCE_PRIOR * typical) / (len(x) + _VARIANCE_PRIOR)
    return x.mean(0), np.sqrt(shrunk * x.shape[1])
