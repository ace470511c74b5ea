"""Learning curves: mean diagonal at 0, 1, 2, 5, ... pictures per class, beside zero-shot on the same pictures."""

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

SHOTS = (1, 2, 5, 10, 20, None)
_ROUNDS = 1000
#: A learning method: training rows, rows to score -> [rows to score, C] scores; the prediction is the largest.
Learn = Callable[[IntArray, IntArray], NDArray]


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


def by_probe(features: Tensor, total: Tensor, labels: Tensor, groups: Sequence[int] | None = None) -> Learn:
    """Return the linear probe as a learning method; arguments as ``curve``."""

    def learn(rows: IntArray, out: IntArray) -> NDArray:
        training = torch.from_numpy(rows)
        fitted = probe(
            features[training],
            total[training],
            labels[training],
            groups=None if groups is None else np.asarray(groups)[rows].tolist(),
        )
        scored = torch.from_numpy(out)
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
    learn: Learn | None = None,
    context: Context | None = None,
) -> list[CurvePoint]:
    """Compute the learning curve; its first point is zero-shot, 0 shots.

    Args:
        features: [N, F] of all pictures.
        total: [N, C] zero-shot scores.
        labels: [N] class indices.
        test: [N] bool, the test split; None: cross-validation over all pictures.
        shots: pictures per class; numbers that no class reaches are left out.
        draws: random draws of the training pictures for each number of shots. A larger number of shots contains the
            pictures of the smaller ones; all pictures (None) are drawn once.
        folds: for cross-validation, without ``test``.
        seed: of draws and folds.
        groups: [N] pictures of one group stay in one fold.
        learn: the learning method; by default the linear probe.
        context: for progress and cancellation.

    Raises:
        Cancelled: cancelled by the user.
    """
    learn = learn or by_probe(features, total, labels, groups)
    y = labels.numpy().astype(np.intp)
    classes = total.shape[1]
    trained = np.ones(len(y), bool) if test is None else ~np.asarray(test)
    most = int(np.bincount(y[trained], minlength=1).max()) if trained.any() else 0
    rows = measured_rows(y, test, folds, seed, groups)
    wanted = [k for k in shots if k is None or k < most] if most and len(rows) else []
    base = total.numpy().argmax(1)[rows]
    chosen: dict[int | None, list[IntArray]] = {0: [base]}
    tasks = [(k, d) for k in wanted for d in range(1 if k is None else draws)]
    for number, (k, d) in enumerate(tasks):
        if context:
            context.check()
            context.report(number / len(tasks), f"learning curve: {'all' if k is None else k} a class")
        choice = _choices(learn, y, test, (k, d, folds, seed), groups)
        chosen.setdefault(k, []).append(choice[rows])
    return [_point(k, choices, base, y[rows], classes, seed) for k, choices in chosen.items()]


def measured_rows(
    labels: IntArray, test: NDArray[np.bool_] | None, folds: int, seed: int, groups: Sequence[int] | None = None
) -> IntArray:
    """Return the rows to measure on: the test split, or without one every picture whose class has two or more."""
    if test is not None:
        return np.flatnonzero(test)
    return np.flatnonzero(stratified_folds(labels, folds, seed, groups) >= 0)


def sample_shots(labels: IntArray, rows: IntArray, shots: int | None, seed: Sequence[int]) -> IntArray:
    """Draw ``shots`` rows of each class, or all of a smaller class; with one seed, more shots contain the fewer."""
    if shots is None:
        return rows
    picked = []
    for label in np.unique(labels[rows]):
        # a class's draw does not depend on the other classes
        rng = np.random.default_rng((*seed, int(label)))
        picked.append(rng.permutation(rows[labels[rows] == label])[:shots])
    return np.sort(np.concatenate(picked)) if picked else rows[:0]


def out_of_fold(
    learn: Learn, labels: IntArray, folds: int, seed: int, shots: int | None, draw_seed: Sequence[int], groups: Any
) -> NDArray:
    """Return [N, C] cross-validated scores, each from training on the other folds; NaN for pictures in no fold."""
    fold = stratified_folds(labels, folds, seed, groups)
    scores: NDArray | None = None
    for number in np.unique(fold[fold >= 0]):
        rows = sample_shots(labels, np.flatnonzero(fold != number), shots, (*draw_seed, int(number)))
        out = np.flatnonzero(fold == number)
        of_fold = learn(rows, out)
        if scores is None:
            scores = np.full((len(labels), of_fold.shape[1]), np.nan)
        scores[out] = of_fold
    assert scores is not None
    return scores


def _choices(
    learn: Learn,
    labels: IntArray,
    test: NDArray[np.bool_] | None,
    how: tuple[int | None, int, int, int],
    groups: Sequence[int] | None,
) -> IntArray:
    """Return [N] the predicted class of each measured picture, -1 elsewhere."""
    shots, number, folds, seed = how
    choice = np.full(len(labels), -1, np.intp)
    if test is None:
        scores = out_of_fold(learn, labels, folds, seed + number, shots, (seed, 1 + number), groups)
        scored = ~np.isnan(scores[:, 0])
        choice[scored] = scores[scored].argmax(1)
    else:
        out = np.flatnonzero(test)
        rows = sample_shots(labels, np.flatnonzero(~np.asarray(test)), shots, (seed, 1 + number))
        choice[out] = learn(rows, out).argmax(1)
    return choice


def _point(
    k: int | None, choices: list[IntArray], base: IntArray, truth: IntArray, classes: int, seed: int
) -> CurvePoint:
    if not len(truth):
        return CurvePoint(k, (), *[float("nan")] * 6)
    per_draw = [mean_diagonal(confusion(choice, truth, classes=classes)) for choice in choices]
    zero = mean_diagonal(confusion(base, truth, classes=classes))
    rng = np.random.default_rng((seed, 7))
    # how often each picture is in each bootstrap round
    counts = rng.multinomial(len(truth), np.full(len(truth), 1 / len(truth)), size=_ROUNDS).astype(float)
    member = np.eye(classes)[truth]
    per_class = counts @ member

    def resampled(choice: IntArray) -> NDArray:
        hits = counts @ (member * (choice == truth)[:, None])
        return np.nanmean(np.divide(hits, per_class, out=np.full_like(hits, np.nan), where=per_class > 0), 1)

    each = np.stack([resampled(choice) for choice in choices])
    of = rng.integers(len(choices), size=(len(choices), _ROUNDS))
    means = each[of, np.arange(_ROUNDS)].mean(0)
    differences = means - resampled(base)
    value = float(np.mean(per_draw))
    low, high = np.quantile(means, (0.025, 0.975))
    difference_low, difference_high = np.quantile(differences, (0.025, 0.975))
    figures = (value, low, high, value - zero, difference_low, difference_high)
    return CurvePoint(k, tuple(per_draw), *(float(figure) for figure in figures))


def as_json(points: Sequence[CurvePoint]) -> list[dict[str, Any]]:
    """Return the curve as a JSON-serialisable list."""
    return [asdict(point) | {"draws": list(point.draws)} for point in points]
