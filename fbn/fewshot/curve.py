"""How good a way of learning is at 0, 1, 2, 5, ... pictures a class, against zero-shot on the same pictures."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fbn.context import Context
from fbn.fewshot.probe import Numbers, deal, probe
from fbn.metrics import confusion, mean_diagonal

SHOTS = (1, 2, 5, 10, 20, None)
_ROUNDS = 1000
#: Training rows, rows to score -> [rows to score, C] scores, the largest wins.
Learn = Callable[[Numbers, Numbers], NDArray]


@dataclass(frozen=True)
class CurvePoint:
    """The mean diagonal at so many pictures a class.

    Attributes:
        shots: pictures a class; None: all there are.
        draws: mean diagonal of each draw of pictures.
        value, low, high: their mean, and its 95 % interval over draws and measured pictures.
        difference, difference_low, difference_high: of ``value`` - zero-shot, on the same pictures.
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
    """The linear probe as a way of learning."""

    def learn(rows: Numbers, out: Numbers) -> NDArray:
        own = torch.from_numpy(rows)
        found = probe(
            features[own],
            total[own],
            labels[own],
            groups=None if groups is None else np.asarray(groups)[rows].tolist(),
        )
        scored = torch.from_numpy(out)
        return found.logits(features[scored], total[scored]).numpy()

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
    """The learning curve; its first point is zero-shot, 0 shots.

    Args:
        features: [N, F], of all pictures.
        total: [N, C] zero-shot totals.
        labels: [N] class numbers.
        test: [N] pictures that are only measured on; None: every picture is measured by what the other folds teach.
        shots: pictures a class; those that no class has are left out.
        draws: of the pictures; a larger number of shots holds the pictures of the smaller. All are drawn once.
        folds: where there is no ``test``.
        seed: of draws and folds.
        groups: [N] pictures of one group are not parted by folds.
        learn: the way of learning; the probe by default.
        context: who is told of progress and may stop it.

    Raises:
        Cancelled: somebody asked.
    """
    learn = learn or by_probe(features, total, labels, groups)
    y = labels.numpy().astype(np.intp)
    classes = total.shape[1]
    trained = np.ones(len(y), bool) if test is None else ~np.asarray(test)
    most = int(np.bincount(y[trained], minlength=1).max()) if trained.any() else 0
    rows = measured(y, test, folds, seed, groups)
    wanted = [k for k in shots if k is None or k < most] if most and len(rows) else []
    base = total.numpy().argmax(1)[rows]
    chosen: dict[int | None, list[Numbers]] = {0: [base]}
    tasks = [(k, d) for k in wanted for d in range(1 if k is None else draws)]
    for number, (k, d) in enumerate(tasks):
        if context:
            context.check()
            context.report(number / len(tasks), f"learning curve: {'all' if k is None else k} a class")
        choice = _choices(learn, y, test, (k, d, folds, seed), groups)
        chosen.setdefault(k, []).append(choice[rows])
    return [_point(k, choices, base, y[rows], classes, seed) for k, choices in chosen.items()]


def measured(
    labels: Numbers, test: NDArray[np.bool_] | None, folds: int, seed: int, groups: Sequence[int] | None = None
) -> Numbers:
    """Rows that are measured: the test part, or without one every picture whose class has two or more."""
    if test is not None:
        return np.flatnonzero(test)
    return np.flatnonzero(deal(labels, folds, seed, groups) >= 0)


def draw(labels: Numbers, rows: Numbers, shots: int | None, seed: Sequence[int]) -> Numbers:
    """``shots`` of the rows of each class, or as many as there are; of one seed more shots hold the fewer."""
    if shots is None:
        return rows
    picked = []
    for label in np.unique(labels[rows]):
        # a class's draw does not depend on the other classes
        rng = np.random.default_rng((*seed, int(label)))
        picked.append(rng.permutation(rows[labels[rows] == label])[:shots])
    return np.sort(np.concatenate(picked)) if picked else rows[:0]


def out_of_fold(
    learn: Learn, labels: Numbers, folds: int, seed: int, shots: int | None, draw_seed: Sequence[int], groups: Any
) -> NDArray:
    """[N, C] scores of each picture from what pictures of the other folds teach; nan where it is in none."""
    fold = deal(labels, folds, seed, groups)
    scores: NDArray | None = None
    for number in np.unique(fold[fold >= 0]):
        rows = draw(labels, np.flatnonzero(fold != number), shots, (*draw_seed, int(number)))
        out = np.flatnonzero(fold == number)
        found = learn(rows, out)
        if scores is None:
            scores = np.full((len(labels), found.shape[1]), np.nan)
        scores[out] = found
    assert scores is not None
    return scores


def _choices(
    learn: Learn,
    labels: Numbers,
    test: NDArray[np.bool_] | None,
    how: tuple[int | None, int, int, int],
    groups: Sequence[int] | None,
) -> Numbers:
    """[N] the winning class of each measured picture, -1 elsewhere."""
    shots, number, folds, seed = how
    choice = np.full(len(labels), -1, np.intp)
    if test is None:
        scores = out_of_fold(learn, labels, folds, seed + number, shots, (seed, 1 + number), groups)
        told = ~np.isnan(scores[:, 0])
        choice[told] = scores[told].argmax(1)
    else:
        out = np.flatnonzero(test)
        rows = draw(labels, np.flatnonzero(~np.asarray(test)), shots, (seed, 1 + number))
        choice[out] = learn(rows, out).argmax(1)
    return choice


def _point(k: int | None, choices: list[Numbers], base: Numbers, truth: Numbers, classes: int, seed: int) -> CurvePoint:
    if not len(truth):
        return CurvePoint(k, (), *[float("nan")] * 6)
    own = [mean_diagonal(confusion(choice, truth, classes=classes)) for choice in choices]
    zero = mean_diagonal(confusion(base, truth, classes=classes))
    rng = np.random.default_rng((seed, 7))
    # how often each picture is in each bootstrap round
    times = rng.multinomial(len(truth), np.full(len(truth), 1 / len(truth)), size=_ROUNDS).astype(float)
    member = np.eye(classes)[truth]
    there = times @ member

    def drawn(choice: Numbers) -> NDArray:
        hits = times @ (member * (choice == truth)[:, None])
        return np.nanmean(np.divide(hits, there, out=np.full_like(hits, np.nan), where=there > 0), 1)

    each = np.stack([drawn(choice) for choice in choices])
    of = rng.integers(len(choices), size=(len(choices), _ROUNDS))
    means = each[of, np.arange(_ROUNDS)].mean(0)
    differences = means - drawn(base)
    value = float(np.mean(own))
    low, high = np.quantile(means, (0.025, 0.975))
    difference_low, difference_high = np.quantile(differences, (0.025, 0.975))
    figures = (value, low, high, value - zero, difference_low, difference_high)
    return CurvePoint(k, tuple(own), *(float(figure) for figure in figures))


def as_json(points: Sequence[CurvePoint]) -> list[dict[str, Any]]:
    """The curve as JSON has it."""
    return [asdict(point) | {"draws": list(point.draws)} for point in points]
