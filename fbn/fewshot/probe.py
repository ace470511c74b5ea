"""The linear probe: what a few labelled pictures add to the zero-shot scores, without touching the network.

The score of class c is total_c / temperature + w_c f + b_c. The first term is the zero-shot score of paper A
(3.1.4), the rest is multinomial logistic regression on the network's features with the first as its offset. The
penalty draws (w, b) to 0, so that without pictures, or where they speak against more, zero-shot is what is left.
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
Numbers = NDArray[np.intp]

#: Penalties tried, 1 / variance that the learned part of a score may have; ``inf`` leaves zero-shot as it is.
STRENGTHS = (inf, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03)
#: Where a class has fewer pictures than ``ENOUGH``, the strength is not chosen but this one, measured on drawn faces.
DEFAULT_STRENGTH, ENOUGH = 0.3, 4
#: Factors on the temperature tried once the strength is chosen.
_FLATTER = (0.5, 1.0, 2.0, 4.0)
_INNER_FOLDS = 5
#: How many pictures' worth the default mean of the features' variances counts beside those seen.
_VARIANCE_PRIOR = 10.0
#: Standard deviation, of log temperature, of how far it is expected from its default.
_TEMPERATURE_SPREAD = 1.0


@dataclass(frozen=True)
class Probe:
    """What is added to the zero-shot scores.

    Attributes:
        weight: [C, F] float64, on the features as the network gives them.
        bias: [C] float64.
        temperature: that the zero-shot totals are divided by.
        strength: of the penalty; ``inf`` where nothing is added.
    """

    weight: Tensor
    bias: Tensor
    temperature: float
    strength: float

    def logits(self, features: Tensor, total: Tensor) -> Tensor:
        """[..., F] features and [..., C] zero-shot totals -> [..., C] float64, before softmax."""
        return total.double() / self.temperature + features.double() @ self.weight.T + self.bias


def zero_shot(classes: int, features: int, temperature: float = DEFAULT_TEMPERATURE) -> Probe:
    """The probe of no pictures."""
    return Probe(torch.zeros(classes, features).double(), torch.zeros(classes).double(), temperature, inf)


# the matrices are small: several threads wait for each other, a hundred times longer where the cores are shared
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
    """Learn from labelled pictures; every class has the same say, however many pictures it has.

    Strength and temperature are chosen by cross-validation on these pictures alone; where a class has fewer than
    ``ENOUGH``, ``DEFAULT_STRENGTH``. A class without pictures keeps its zero-shot score.

    Args:
        features: [n, F], ``FaceNetwork.features``.
        total: [n, C] zero-shot totals (``fbn.compound.terms``).
        labels: [n] class numbers; n may be 0.
        strength: set it instead; ``inf`` is zero-shot.
        temperature: set it instead.
        groups: [n] pictures of one group are never parted by cross-validation.
        seed: of its folds.
    """
    x, z = features.detach().double().numpy(), total.detach().double().numpy()
    y = labels.numpy().astype(np.intp)
    if not len(y) or strength == inf:
        return zero_shot(z.shape[1], x.shape[1], temperature or DEFAULT_TEMPERATURE)
    given = temperature
    if strength is None and np.bincount(y)[np.unique(y)].min() >= ENOUGH:
        folds = deal(y, _INNER_FOLDS, seed, groups)
        strength, factor = _chosen(x, z, y, folds, given)
    else:
        strength, factor = DEFAULT_STRENGTH if strength is None else strength, 1.0
    temperature = given or factor * best_temperature(z, y)
    if not isfinite(strength):
        return zero_shot(z.shape[1], x.shape[1], temperature)
    problem = _Problem(x, z, y)
    weight, bias = problem.unfolded(problem.solve(temperature, strength))
    return Probe(torch.from_numpy(weight), torch.from_numpy(bias), float(temperature), float(strength))


def deal(labels: Numbers, count: int, seed: int, groups: Sequence[int] | None = None) -> Numbers:
    """[n] which of ``count`` folds each picture is in: every class spread evenly, no group parted.

    A class of one picture (or one group) is in none, -1: left out it could not be learned, so it is always learned
    from and never measured.
    """
    rng = np.random.default_rng((seed, 11))
    group_of = np.arange(len(labels)) if groups is None else np.asarray(groups)
    fold = np.full(len(labels), -1, np.intp)
    first = 0
    for label in np.unique(labels):
        own = np.unique(group_of[labels == label])
        if len(own) < 2:
            continue
        for place, group in enumerate(rng.permutation(own)):
            fold[(group_of == group) & (labels == label)] = (first + place) % count
        # the next class begins where this one ended, so that small classes do not all fill the first folds
        first += len(own)
    return fold


def best_temperature(total: Array, labels: Numbers) -> float:
    """The temperature at which the zero-shot scores fit the labels best, not far from the default."""
    weight = balanced(labels)

    def cost(shift: float) -> float:
        return (
            float(weight @ losses(total / (DEFAULT_TEMPERATURE * exp(shift)), labels))
            + 0.5 * (shift / _TEMPERATURE_SPREAD) ** 2
        )

    found = minimize_scalar(cost, bounds=(-log(16), log(16)), method="bounded", options={"xatol": 1e-4})
    return DEFAULT_TEMPERATURE * exp(float(found.x))


def losses(logits: Array, labels: Numbers) -> Array:
    """[n] cross-entropy of each picture; a class that scores -inf is out of the question."""
    return logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]


def balanced(labels: Numbers) -> Array:
    """[n] weights that sum to n and give every class that is there the same sum."""
    present, which, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return (len(labels) / (len(present) * counts))[which]


def _chosen(x: Array, total: Array, y: Numbers, folds: Numbers, given: float | None) -> tuple[float, float]:
    """Strength and factor on the temperature with the least loss on pictures left out."""
    parts = [(folds != fold, folds == fold) for fold in np.unique(folds[folds >= 0])]
    problems = [_Problem(x[kept], total[kept], y[kept]) for kept, _ in parts]
    temperatures = [given or best_temperature(total[kept], y[kept]) for kept, _ in parts]
    weight = balanced(y)

    def cost(strength: float, factor: float, starts: list[Array | None]) -> tuple[float, list[Array | None]]:
        value, found = 0.0, []
        for (_, out), problem, temperature, start in zip(parts, problems, temperatures, starts, strict=True):
            logits = total[out] / (factor * temperature)
            solution = None
            if isfinite(strength):
                solution = problem.solve(factor * temperature, strength, start)
                w, b = problem.unfolded(solution)
                logits = logits + x[out] @ w.T + b
            found.append(solution)
            value += float(weight[out] @ losses(logits, y[out]))
        return value, found

    starts: list[Array | None] = [None] * len(parts)
    best, strength, at = inf, inf, starts
    for tried in STRENGTHS:
        value, starts = cost(tried, 1.0, starts)
        if value < best:
            best, strength, at = value, tried, starts
    chosen = 1.0
    for factor in () if given else _FLATTER:
        if factor != 1 and (value := cost(strength, factor, at)[0]) < best:
            best, chosen = value, factor
    return strength, chosen


class _Problem:
    """Penalised multinomial logistic regression with an offset, of one set of pictures and any strength.

    The penalty does not depend on the axes that the features are written in, so they are turned to their principal
    ones: no more than there are pictures are left, and each is scaled by what is known of its curvature.
    """

    def __init__(self, x: Array, total: Array, y: Numbers) -> None:
        self._classes = total.shape[1]
        self._present, self._label = np.unique(y, return_inverse=True)
        self._weight = balanced(y)
        self._total = total[:, self._present]
        self._mean, self._scale = _standard(x)
        # the constant is penalised as the features are together
        z = np.column_stack([(x - self._mean) / self._scale, np.ones(len(x))])
        _, spread, axes = np.linalg.svd(z * np.sqrt(self._weight)[:, None], full_matrices=False)
        kept = spread > 1e-9 * max(spread[0], 1e-30)
        self._axes = axes[kept]
        self._curvature = spread[kept] ** 2 / 2
        self._z = z @ self._axes.T

    def solve(self, temperature: float, strength: float, start: Array | None = None) -> Array:
        """[r, K] weights on the principal axes, of the K classes that have pictures."""
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
        """[C, F] and [C] on the features as they came; 0 for classes without pictures."""
        turned = self._axes.T @ theta
        weight, bias = np.zeros((self._classes, len(self._mean))), np.zeros(self._classes)
        weight[self._present] = (turned[:-1] / self._scale[:, None]).T
        bias[self._present] = turned[-1]
        return weight, bias - weight @ self._mean


def _standard(x: Array) -> tuple[Array, Array]:
    """[F] means and scales after which a picture's features have length 1 on average.

    A few pictures say little of a feature's variance: it is drawn to the mean of all.
    """
    variance = x.var(0)
    typical = float(variance.mean())
    if typical <= 0:
        return x.mean(0), np.ones(x.shape[1])
    shrunk = (len(x) * variance + _VARIANCE_PRIOR * typical) / (len(x) + _VARIANCE_PRIOR)
    return x.mean(0), np.sqrt(shrunk * x.shape[1])
