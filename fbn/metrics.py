"""Metrics: pure functions of tensors or arrays, computed in float64 over labels with a positive weight.

Scores are Python floats or NumPy arrays; nan if there are no labels for them. ``weight`` is used as a mask only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from fbn.vocabulary import DECISION

Array: TypeAlias = NDArray[np.float64]
Values: TypeAlias = Tensor | NDArray | Sequence


def ccc(predicted: Values, target: Values, weight: Values | None = None) -> Array:
    """Concordance correlation of each column: 2 cov / (var + var + (mean - mean)^2), biased moments (paper D, eq. 5).

    Args:
        predicted: [N] or [N, D].
        target: the same shape.
        weight: [N].

    Returns:
        [] or [D] in [-1, 1]; nan without labels or where both are the same constant.

    Example:
        >>> import fbn
        >>> fbn.metrics.ccc([[0.1, 0.0], [0.5, 0.5], [0.9, 1.0]], [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]).round(3)
        array([ 0.976, -1.   ])
    """
    keep = _mask(weight, target)
    p, y = _array(predicted)[keep], _array(target)[keep]
    if not len(y):
        return np.full(y.shape[1:], np.nan)
    covariance = ((p - p.mean(0)) * (y - y.mean(0))).mean(0)
    spread = p.var(0) + y.var(0) + (p.mean(0) - y.mean(0)) ** 2
    return np.divide(2 * covariance, spread, out=np.full_like(spread, np.nan), where=spread > 0)


def confusion(predicted: Values, target: Values, weight: Values | None = None, classes: int = 7) -> Array:
    """Compute the [C, C] confusion matrix of counts; rows are true classes, columns predicted ones.

    Args:
        predicted: [N] class indices, or [N, C] scores.
        target: [N] class indices, or [N, C] distributions, of which the argmax is used.
        weight: [N].
        classes: C.

    Example:
        >>> import fbn
        >>> fbn.metrics.confusion([0, 1, 1, 1], [0, 0, 1, 1], classes=2)
        array([[1., 1.],
               [0., 2.]])
    """
    keep = _mask(weight, target)
    p, y = _classes(_array(predicted)[keep]), _classes(_array(target)[keep])
    return np.bincount(y * classes + p, minlength=classes**2).reshape(classes, classes).astype(np.float64)


def accuracy(matrix: Array) -> float:
    """Fraction of images on the diagonal of ``confusion`` (total accuracy).

    Example:
        >>> import fbn
        >>> matrix = fbn.metrics.confusion([0, 1, 1, 1], [0, 0, 1, 1], classes=2)
        >>> fbn.metrics.accuracy(matrix)
        0.75
    """
    return _ratio(np.trace(matrix), matrix.sum())


def recalls(matrix: Array) -> Array:
    """Compute the [C] recall of each class; nan for a class without images.

    Example:
        >>> import fbn
        >>> matrix = fbn.metrics.confusion([0, 1, 1, 1], [0, 0, 1, 1], classes=2)
        >>> fbn.metrics.recalls(matrix)
        array([0.5, 1. ])
    """
    return _divide(np.diag(matrix), matrix.sum(1))


def mean_diagonal(matrix: Array) -> float:
    """Mean diagonal of the row-normalised confusion matrix: mean recall over classes with images, or UAR.

    Example:
        >>> import fbn
        >>> matrix = fbn.metrics.confusion([0, 1, 1, 1], [0, 0, 1, 1], classes=2)
        >>> fbn.metrics.mean_diagonal(matrix)
        0.75
    """
    return _mean(recalls(matrix))


#: The name of the same metric in emotion recognition challenges.
uar = mean_diagonal


def f1_scores(matrix: Array) -> Array:
    """Compute the [C] F1 score of each class: 2 TP / (2 TP + FP + FN); nan for a class neither present nor predicted.

    Example:
        >>> import fbn
        >>> matrix = fbn.metrics.confusion([0, 1, 1, 1], [0, 0, 1, 1], classes=2)
        >>> fbn.metrics.f1_scores(matrix).round(3)
        array([0.667, 0.8  ])
    """
    return _divide(2 * np.diag(matrix), matrix.sum(0) + matrix.sum(1))


def macro_f1(matrix: Array) -> float:
    """Mean F1 over classes that are present or predicted.

    Example:
        >>> import fbn
        >>> matrix = fbn.metrics.confusion([0, 1, 1, 1], [0, 0, 1, 1], classes=2)
        >>> round(fbn.metrics.macro_f1(matrix), 3)
        0.733
    """
    return _mean(f1_scores(matrix))


def weighted_f1(matrix: Array) -> float:
    """Mean F1 weighted by the number of images of each class.

    Example:
        >>> import fbn
        >>> matrix = fbn.metrics.confusion([0, 1, 1, 1], [0, 0, 1, 1], classes=2)
        >>> round(fbn.metrics.weighted_f1(matrix), 3)
        0.733
    """
    support = matrix.sum(1)
    return _ratio(float((np.nan_to_num(f1_scores(matrix)) * support).sum()), support.sum())


@dataclass(frozen=True)
class Classification:
    """Metrics of a classification into C classes.

    Attributes:
        matrix: [C, C] counts, rows true classes.
        left_out: indices of the classes without pictures, which are excluded from means but may be predicted.
        mean_diagonal: mean recall over the other classes, or UAR.
        macro_f1: mean F1 over the other classes.
        accuracy: fraction of correctly classified pictures.
    """

    matrix: Array
    left_out: tuple[int, ...]
    mean_diagonal: "Interval"
    macro_f1: "Interval"
    accuracy: "Interval"

    @property
    def uar(self) -> "Interval":
        """Unweighted average recall, which is the mean diagonal."""
        return self.mean_diagonal


def classification(
    predicted: Values,
    target: Values,
    classes: int,
    groups: Sequence | NDArray | None = None,
    rounds: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Classification:
    """Compute the metrics of compound expressions (paper A, Table VII) with bootstrap confidence intervals.

    Args:
        predicted: [N] class indices, or [N, C] scores.
        target: [N] class indices, or [N, C] distributions.
        classes: C.
        groups, rounds, level, seed: see ``bootstrap``; means of a resample are over the classes it contains.

    Example:
        >>> import fbn
        >>> result = fbn.metrics.classification([0, 1, 1, 1], [0, 0, 1, 1], classes=3)
        >>> result.mean_diagonal.value, result.accuracy.value, result.left_out
        (0.75, 0.75, (2,))
    """
    p, y = _classes(_array(predicted)), _classes(_array(target))
    pair = y * classes + p

    def interval(score: Callable[[Array], float]) -> Interval:
        def score_of_sample(rows: NDArray[np.intp]) -> float:
            return score(np.bincount(pair[rows], minlength=classes**2).reshape(classes, classes).astype(np.float64))

        return bootstrap(score_of_sample, len(y), groups, rounds, level, seed)

    matrix = confusion(p, y, classes=classes)
    return Classification(
        matrix=matrix,
        left_out=tuple(int(i) for i in np.flatnonzero(matrix.sum(1) == 0)),
        mean_diagonal=interval(mean_diagonal),
        macro_f1=interval(lambda m: _mean(f1_scores(m)[m.sum(1) > 0])),
        accuracy=interval(accuracy),
    )


def au_f1(
    predicted: Values,
    target: Values,
    weight: Values | None = None,
    threshold: float = DECISION,
    min_positives: int = 1,
) -> Array:
    """Compute the [A] F1 score of each AU, with active as the positive class.

    Args:
        predicted: [N, A] probabilities; active if >= ``threshold``.
        target: [N, A] in [0, 1]; active if >= 0.5.
        weight: [N, A].
        threshold: the same for all AUs.
        min_positives: AUs with fewer active labels are nan.

    Example:
        >>> import fbn
        >>> predicted, target = [[0.9, 0.2], [0.2, 0.8], [0.7, 0.1]], [[1, 0], [0, 1], [0, 1]]
        >>> fbn.metrics.au_f1(predicted, target).round(3)
        array([0.667, 0.667])
    """
    p, y, keep = _binary(predicted, target, weight, threshold)
    positives = (y & keep).sum(0)
    score = _divide(2 * (p & y & keep).sum(0), (p & keep).sum(0) + positives)
    return np.where(positives >= max(min_positives, 1), score, np.nan)


def au_accuracy(predicted: Values, target: Values, weight: Values | None = None, threshold: float = DECISION) -> Array:
    """Compute the [A] accuracy of each AU. The arguments are those of ``au_f1``.

    Example:
        >>> import fbn
        >>> predicted, target = [[0.9, 0.2], [0.2, 0.8], [0.7, 0.1]], [[1, 0], [0, 1], [0, 1]]
        >>> fbn.metrics.au_accuracy(predicted, target).round(3)
        array([0.667, 0.667])
    """
    p, y, keep = _binary(predicted, target, weight, threshold)
    return _divide(((p == y) & keep).sum(0), keep.sum(0))


def balanced_accuracy(
    predicted: Values,
    target: Values,
    weight: Values | None = None,
    threshold: float = DECISION,
    min_count: int = 1,
) -> Array:
    """[A] mean of the true positive and the true negative rate of each binary label; .5 is chance.

    Arguments as in ``au_f1``; labels with fewer than ``min_count`` active or inactive images are nan.

    Example:
        >>> import fbn
        >>> predicted, target = [[0.9, 0.2], [0.2, 0.8], [0.7, 0.1]], [[1, 0], [0, 1], [0, 1]]
        >>> fbn.metrics.balanced_accuracy(predicted, target)
        array([0.75, 0.75])
    """
    p, y, keep = _binary(predicted, target, weight, threshold)
    positives, negatives = (y & keep).sum(0), (~y & keep).sum(0)
    rates = _divide((p & y & keep).sum(0), positives) + _divide((~p & ~y & keep).sum(0), negatives)
    return np.where(np.minimum(positives, negatives) >= max(min_count, 1), rates / 2, np.nan)


def au_auc(predicted: Values, target: Values, weight: Values | None = None, min_positives: int = 1) -> Array:
    """Compute the [A] area under the ROC curve of each AU (ties count half); nan without both states.

    The arguments are those of ``au_f1``.

    Example:
        >>> import fbn
        >>> predicted, target = [[0.9, 0.2], [0.2, 0.8], [0.7, 0.1]], [[1, 0], [0, 1], [0, 1]]
        >>> fbn.metrics.au_auc(predicted, target)
        array([1. , 0.5])
    """
    scores = _array(predicted)
    _, y, keep = _binary(predicted, target, weight, DECISION)
    areas = np.full(y.shape[1], np.nan)
    for a in range(y.shape[1]):
        active = y[keep[:, a], a]
        positives, negatives = int(active.sum()), int((~active).sum())
        if positives >= max(min_positives, 1) and negatives:
            ranks = rankdata(scores[keep[:, a], a])[active].sum()
            areas[a] = (ranks - positives * (positives + 1) / 2) / (positives * negatives)
    return areas


def afa(predicted: Values, target: Values, weight: Values | None = None, threshold: float = DECISION) -> float:
    """EmotioNet's AU score, (mean F1 + mean accuracy) / 2 over AUs with an active label. Arguments as in ``au_f1``.

    Example:
        >>> import fbn
        >>> predicted, target = [[0.9, 0.2], [0.2, 0.8], [0.7, 0.1]], [[1, 0], [0, 1], [0, 1]]
        >>> round(fbn.metrics.afa(predicted, target), 3)
        0.667
    """
    f1 = au_f1(predicted, target, weight, threshold)
    right = au_accuracy(predicted, target, weight, threshold)
    return (_mean(f1) + _mean(right[~np.isnan(f1)])) / 2


@dataclass(frozen=True)
class Interval:
    """A metric on all images, with the limits of its bootstrap confidence interval."""

    value: float
    low: float
    high: float


def bootstrap(
    metric: Callable[[NDArray[np.intp]], float],
    count: int,
    groups: Sequence | NDArray | None = None,
    rounds: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Compute the percentile bootstrap confidence interval of a metric.

    Args:
        metric: maps row indices [n] (with repetitions) to the metric on those rows.
        count: number of rows.
        groups: [count] e.g. subjects: whole groups are resampled, for rows that are not independent.
        rounds: number of resamples; those with the metric nan are ignored.
        level: confidence level, in (0, 1).
        seed: seed of the random generator.

    Example:
        >>> import fbn
        >>> import numpy as np
        >>> right = np.array([1, 1, 1, 0, 1, 1, 0, 1])
        >>> interval = fbn.metrics.bootstrap(lambda rows: right[rows].mean(), len(right))
        >>> interval.value, interval.low < interval.value < interval.high
        (0.75, True)
    """
    rng = np.random.default_rng(seed)
    rows: list[NDArray[np.intp]] | None = None
    if groups is not None:
        _, member = np.unique(np.asarray(groups), return_inverse=True)
        rows = np.split(np.argsort(member, kind="stable"), np.cumsum(np.bincount(member))[:-1])
    units = count if rows is None else len(rows)
    scores = []
    for _ in range(rounds):
        drawn = rng.integers(units, size=units)
        scores.append(metric(drawn if rows is None else np.concatenate([rows[i] for i in drawn])))
    value = float(metric(np.arange(count)))
    if np.isnan(scores).all():
        return Interval(value, float("nan"), float("nan"))
    low, high = np.nanquantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def _array(values: Values) -> Array:
    if isinstance(values, Tensor):
        values = values.detach().cpu().double().numpy()
    return np.asarray(values, dtype=np.float64)


def _mask(weight: Values | None, like: Values) -> NDArray[np.bool_]:
    return np.ones(len(like), dtype=bool) if weight is None else _array(weight) > 0


def _classes(values: Array) -> NDArray[np.intp]:
    return values.argmax(-1) if values.ndim == 2 else values.astype(np.intp)


def _binary(
    predicted: Values, target: Values, weight: Values | None, threshold: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    p, y = _array(predicted) >= threshold, _array(target) >= DECISION
    return p, y, np.ones_like(y) if weight is None else _array(weight) > 0


def _divide(above: NDArray, below: NDArray) -> Array:
    out = np.full(np.shape(below), np.nan)
    return np.divide(above, below, out=out, where=np.asarray(below) > 0)


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below > 0 else float("nan")


def _mean(scores: Array) -> float:
    valid = scores[~np.isnan(scores)]
    return float(valid.mean()) if len(valid) else float("nan")
