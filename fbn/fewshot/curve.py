"""Learning curves: accuracy after training on 0, 1, 2, 5, ... pictures per class, compared with zero-shot.

Accuracy is the mean diagonal of the confusion matrix: the fraction of a class' pictures that are classified correctly,
averaged over classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fbn.context import Context
from fbn.fewshot.probe import IntArray, probe, stratified_folds
from fbn.metrics import confusion, mean_diagonal

#: Default numbers of training pictures per class; None: all of them.
SHOTS = (1, 2, 5, 10, 20, None)
#: Number of bootstrap samples.
_ROUNDS = 1000
#: A function that trains on the rows of its first argument and returns [n, C] scores of the n rows of its second one.
#: The prediction is the class of the largest score.
LearningMethod = Callable[[IntArray, IntArray], NDArray]


@dataclass(frozen=True)
class CurvePoint:
    """The mean diagonal at one number of training pictures per class.

    Attributes:
        shots: pictures per class; None: all of them.
        draws: mean diagonal of each draw of training pictures.
        value, low, high: mean over draws, with its 95 % bootstrap interval over draws and measured pictures.
        difference, difference_low, difference_high: ``value`` minus zero-shot on the same pictures, with its interval.
    """

    shots: int | None
    draws: tuple[float, ...]
    value: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float


def probe_method(
    features: Tensor, total: Tensor, labels: Tensor, groups: Sequence[int] | None = None
) -> LearningMethod:
    """Return the linear probe as a learning method; the arguments are those of ``curve``."""

    def learn(rows: IntArray, held_out: IntArray) -> NDArray:
        training = torch.from_numpy(rows)
        fitted = probe(
            features[training],
            total[training],
            labels[training],
            groups=None if groups is None else np.asarray(groups)[rows].tolist(),
        )
        scored = torch.from_numpy(held_out)
        return fitted.logits(features[scored], total[scored]).numpy()

    return learn


def curve(
    features: Tensor,
    total: Tensor,
    labels: Tensor,
    *,
    test: NDArray[np.bool_] | None = None,
    shots: Sequence[int | None] = SHOTS,
    draws: int = 5,
    folds: int = 5,
    seed: int = 0,
    groups: Sequence[int] | None = None,
    learn: LearningMethod | None = None,
    context: Context | None = None,
) -> list[CurvePoint]:
    """Compute the learning curve; its first point is zero-shot, 0 shots.

    Args:
        features: [N, F] of all pictures.
        total: [N, C] zero-shot scores, each the sum of its terms (``fbn.compound.terms``).
        labels: [N] class indices.
        test: [N] bool, the test split; None: cross-validation over all pictures.
        shots: numbers of training pictures per class. Those that no class exceeds are left out, since
            they would be the same as None: all pictures.
        draws: random draws of the training pictures for each number of shots. A larger number of shots contains the
            pictures of the smaller ones; all pictures (None) are drawn once.
        folds: number of folds of the cross-validation, if there is no ``test``.
        seed: seed of draws and folds.
        groups: [N] pictures of one group stay in one fold.
        learn: the learning method; by default the linear probe.
        context: receives the progress, and is checked for cancellation.

    Raises:
        Cancelled: cancelled by the user.
    """
    learn = learn or probe_method(features, total, labels, groups)
    y = labels.numpy().astype(np.intp)
    classes = total.shape[1]
    trainable = np.ones(len(y), bool) if test is None else ~np.asarray(test)
    largest = int(np.bincount(y[trainable], minlength=1).max()) if trainable.any() else 0
    rows = measured_rows(y, test, folds, seed, groups)
    wanted = [k for k in shots if k is None or k < largest] if largest and len(rows) else []
    zero_shot = total.numpy().argmax(1)[rows]
    predictions: dict[int | None, list[IntArray]] = {0: [zero_shot]}
    tasks = [(k, d) for k in wanted for d in range(1 if k is None else draws)]
    for number, (k, d) in enumerate(tasks):
        if context:
            context.check()
            context.report(number / len(tasks), f"learning curve: {'all' if k is None else k} a class")
        prediction = _predict(learn, y, test, k, d, folds, seed, groups)
        predictions.setdefault(k, []).append(prediction[rows])
    return [_point(k, of_draws, zero_shot, y[rows], classes, seed) for k, of_draws in predictions.items()]


def measured_rows(
    labels: IntArray, test: NDArray[np.bool_] | None, folds: int, seed: int, groups: Sequence[int] | None = None
) -> IntArray:
    """Return the rows to evaluate on: the test split; if there is none, all pictures of classes with at least two."""
    if test is not None:
        return np.flatnonzero(test)
    return np.flatnonzero(stratified_folds(labels, folds, seed, groups) >= 0)


def sample_shots(labels: IntArray, rows: IntArray, shots: int | None, seed: Sequence[int]) -> IntArray:
    """Draw ``shots`` rows of each class, or all of a smaller class; with one seed, a larger draw contains a smaller."""
    if shots is None:
        return rows
    picked = []
    for label in np.unique(labels[rows]):
        # a class's draw does not depend on the other classes
        rng = np.random.default_rng((*seed, int(label)))
        picked.append(rng.permutation(rows[labels[rows] == label])[:shots])
    return np.sort(np.concatenate(picked)) if picked else rows[:0]


def out_of_fold(
    learn: LearningMethod,
    labels: IntArray,
    folds: int,
    seed: int,
    shots: int | None,
    draw_seed: Sequence[int],
    groups: Any,
) -> NDArray:
    """Return [N, C] cross-validated scores, each from training on the other folds; NaN for pictures in no fold."""
    fold = stratified_folds(labels, folds, seed, groups)
    scores: NDArray | None = None
    for number in np.unique(fold[fold >= 0]):
        rows = sample_shots(labels, np.flatnonzero(fold != number), shots, (*draw_seed, int(number)))
        held_out = np.flatnonzero(fold == number)
        of_fold = learn(rows, held_out)
        if scores is None:
            scores = np.full((len(labels), of_fold.shape[1]), np.nan)
        scores[held_out] = of_fold
    assert scores is not None
    return scores


def _predict(
    learn: LearningMethod,
    labels: IntArray,
    test: NDArray[np.bool_] | None,
    shots: int | None,
    draw: int,
    folds: int,
    seed: int,
    groups: Sequence[int] | None,
) -> IntArray:
    """Return the [N] predicted classes from training on one draw; -1 for pictures that are not evaluated."""
    prediction = np.full(len(labels), -1, np.intp)
    if test is None:
        scores = out_of_fold(learn, labels, folds, seed + draw, shots, (seed, 1 + draw), groups)
        scored = ~np.isnan(scores[:, 0])
        prediction[scored] = scores[scored].argmax(1)
    else:
        held_out = np.flatnonzero(test)
        rows = sample_shots(labels, np.flatnonzero(~np.asarray(test)), shots, (seed, 1 + draw))
        prediction[held_out] = learn(rows, held_out).argmax(1)
    return prediction


def _point(
    shots: int | None, predictions: list[IntArray], zero_shot: IntArray, truth: IntArray, classes: int, seed: int
) -> CurvePoint:
    """Compute a point from the predictions of each draw; the bootstrap resamples the pictures and the draws."""
    if not len(truth):
        return CurvePoint(shots, (), *[float("nan")] * 6)
    per_draw = [mean_diagonal(confusion(each, truth, classes=classes)) for each in predictions]
    baseline = mean_diagonal(confusion(zero_shot, truth, classes=classes))
    rng = np.random.default_rng((seed, 7))
    # how often each picture is in each bootstrap round
    counts = rng.multinomial(len(truth), np.full(len(truth), 1 / len(truth)), size=_ROUNDS).astype(float)
    member = np.eye(classes)[truth]
    per_class = counts @ member

    def resampled(prediction: IntArray) -> NDArray:
        """Return the mean diagonal of each bootstrap round."""
        hits = counts @ (member * (prediction == truth)[:, None])
        return np.nanmean(np.divide(hits, per_class, out=np.full_like(hits, np.nan), where=per_class > 0), 1)

    by_draw = np.stack([resampled(each) for each in predictions])
    draws = rng.integers(len(predictions), size=(len(predictions), _ROUNDS))
    means = by_draw[draws, np.arange(_ROUNDS)].mean(0)
    differences = means - resampled(zero_shot)
    value = float(np.mean(per_draw))
    low, high = np.quantile(means, (0.025, 0.975))
    difference_low, difference_high = np.quantile(differences, (0.025, 0.975))
    figures = (value, low, high, value - baseline, difference_low, difference_high)
    return CurvePoint(shots, tuple(per_draw), *(float(figure) for figure in figures))


def as_json(points: Sequence[CurvePoint]) -> list[dict[str, Any]]:
    """Return the curve as a JSON-serialisable list."""
    return [asdict(point) | {"draws": list(point.draws)} for point in points]
