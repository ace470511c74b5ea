"""Metrics of a trained network on every held-out data set, as in the papers, raw and median-filtered."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from fbn import metrics
from fbn.records import Annotations, Predictions
from fbn.studies.material import HeldOutSet
from fbn.studies.study import Measured
from fbn.vocabulary import ACTION_UNITS, DECISION, EXPRESSIONS

#: Window of the median filter in frames; not given in the papers (fbn's choice, as ``fbn.inference.smooth``).
WINDOW = 5
FILTERED = "filtered"
#: Name of the mean over all data sets with AUs, if there are several, and the metrics it has.
TOGETHER, _JOINED = "all-au-sets", ("f1", "auc")
#: AUs that are active in fewer held-out pictures are left out of F1 and ROC area.
POSITIVES = 3


@dataclass(frozen=True)
class Outputs:
    """Predicted and true values of N pictures.

    Attributes:
        predicted: probabilities ``"expression"`` [N, 7] and ``"units"`` [N, 17]; ``"affect"`` [N, 2] in [-1, 1].
        true: labels of the same names, and their weights ``"known"``, ``"coded"`` and ``"rated"``.
        units: columns of the AUs that are scored.
    """

    predicted: dict[str, np.ndarray]
    true: dict[str, np.ndarray]
    units: tuple[int, ...]

    def confusion(self, at: np.ndarray) -> metrics.Array:
        """Return the [7, 7] confusion matrix of the rows ``at``."""
        return metrics.confusion(self.predicted["expression"][at], self.true["expression"][at], self.true["known"][at])

    def of_units(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return probabilities, labels and weights of the scored AUs in the rows ``at``."""
        columns = np.ix_(at, np.array(self.units, int))
        return self.predicted["units"][columns], self.true["units"][columns], self.true["coded"][columns]


def _ccc(column: int) -> Callable[[Outputs, np.ndarray], float]:
    return lambda r, at: float(
        metrics.ccc(r.predicted["affect"][at, column], r.true["affect"][at, column], r.true["rated"][at])
    )


def mean_defined(values: np.ndarray) -> float:
    """Return the mean of the values that are not nan; nan if there are none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")


#: Metric -> the output it needs, and its value on some rows.
FIGURES: dict[str, tuple[str, Callable[[Outputs, np.ndarray], float]]] = {
    "ccc_valence": ("affect", _ccc(0)),
    "ccc_arousal": ("affect", _ccc(1)),
    "mean_diagonal": ("expression", lambda r, at: metrics.mean_diagonal(r.confusion(at))),
    "accuracy": ("expression", lambda r, at: metrics.accuracy(r.confusion(at))),
    "expression_f1": ("expression", lambda r, at: metrics.macro_f1(r.confusion(at))),
    "f1": ("units", lambda r, at: mean_defined(metrics.au_f1(*r.of_units(at)))),
    "auc": ("units", lambda r, at: mean_defined(metrics.au_auc(*r.of_units(at)))),
    "afa": ("units", lambda r, at: metrics.afa(*r.of_units(at))),
}


def measure(
    predictions: Mapping[str, Predictions],
    held_out: Sequence[HeldOutSet],
    rounds: int,
    seed: int,
    more: dict[str, Any] | None = None,
) -> Measured:
    """Compute the metrics of one network.

    Args:
        predictions: name of a data set -> the network's predictions of its pictures.
        held_out: the data sets.
        rounds: bootstrap draws.
        seed: seed of the draws.
        more: further values to store.

    Returns:
        Metrics on the data sets on which all outputs are finite, and chance.
    """
    measured = Measured({}, chance=chance(held_out), more=more or {})
    for data_set in held_out:
        if not _finite(predictions[data_set.name]):
            # a diverged training: some of its metrics would look valid
            continue
        draws = list(draw_rows(data_set.groups, rounds, seed))
        every = np.arange(len(data_set.pool))
        for suffix, rows in _views(predictions[data_set.name], data_set):
            for name in data_set.figures:
                head, figure = FIGURES[name]
                if head not in rows.predicted:
                    continue
                key = f"{data_set.name}/{name}{suffix}"
                value = figure(rows, every)
                if np.isfinite(value):
                    measured.figures[key] = value
                    # where a draw has no defined value, that of all rows is used
                    scores = np.array([figure(rows, at) for at in draws])
                    measured.draws[key] = np.where(np.isnan(scores), value, scores).round(5).tolist()
            measured.details.update(_details(data_set, rows, suffix, every))
    for key, members in _together(held_out).items():
        if all(member in measured.figures for member in members):
            measured.figures[key] = float(np.mean([measured.figures[member] for member in members]))
            measured.draws[key] = np.mean([measured.draws[member] for member in members], 0).round(5).tolist()
    return measured


def chance(held_out: Sequence[HeldOutSet]) -> dict[str, float]:
    """Compute the metrics of a constant prediction: the commonest expression, all AUs, valence and arousal 0."""
    values: dict[str, float] = {}
    for data_set in held_out:
        labels = data_set.pool.annotations
        guess = torch.zeros_like(labels.expression)
        guess[:, labels.expression[labels.expression_weight > 0].sum(0).argmax()] = 1
        constant = Predictions.of(guess, torch.ones_like(labels.action_units), torch.zeros_like(labels.valence_arousal))
        for suffix, rows in _views(constant, data_set):
            for name in data_set.figures:
                value = FIGURES[name][1](rows, np.arange(len(data_set.pool)))
                values[f"{data_set.name}/{name}{suffix}"] = value if np.isfinite(value) else 0.0
    means = {key: [values[member] for member in members] for key, members in _together(held_out).items()}
    return values | {key: float(np.mean(of_sets)) for key, of_sets in means.items()}


def _together(held_out: Sequence[HeldOutSet]) -> dict[str, list[str]]:
    """Return key of a mean over data sets -> the keys that it averages."""
    keys = {name: [f"{one.name}/{name}" for one in held_out if name in one.figures] for name in _JOINED}
    return {f"{TOGETHER}/{name}": members for name, members in keys.items() if len(members) > 1}


def _finite(predictions: Predictions) -> bool:
    heads = (predictions.expression_logits, predictions.action_unit_logits, predictions.valence_arousal)
    return all(bool(values.isfinite().all()) for values in heads if values is not None)


def draw_rows(groups: np.ndarray, rounds: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the row indices of each bootstrap draw; whole groups (people or clips) are drawn."""
    generator = np.random.default_rng(seed)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    for _ in range(rounds):
        yield np.concatenate([members[i] for i in generator.integers(len(members), size=len(members))])


def _views(predictions: Predictions, data_set: HeldOutSet) -> Iterator[tuple[str, Outputs]]:
    """Yield a key's suffix and the outputs: raw and, for video, median-filtered."""
    heads = _heads(predictions)
    yield "", _outputs(heads, data_set.pool.annotations)
    if data_set.frames:
        smooth = {name: filtered(values, data_set.frames) for name, values in heads.items()}
        yield f"/{FILTERED}", _outputs(smooth, data_set.pool.annotations)


def _heads(predictions: Predictions) -> dict[str, np.ndarray]:
    heads = {}
    if predictions.expression_logits is not None:
        heads["expression"] = predictions.expression.numpy()
    if predictions.action_unit_logits is not None:
        heads["units"] = predictions.action_units.numpy()
    if predictions.valence_arousal is not None:
        heads["affect"] = predictions.valence_arousal.clip(-1, 1).numpy()
    return heads


def _outputs(heads: dict[str, np.ndarray], labels: Annotations) -> Outputs:
    true = {
        "expression": labels.expression.numpy(),
        "known": labels.expression_weight.numpy(),
        "units": labels.action_units.numpy(),
        "coded": labels.action_units_weight.numpy(),
        "affect": labels.valence_arousal.numpy(),
        "rated": labels.valence_arousal_weight.numpy(),
    }
    active = ((true["units"] >= DECISION) & (true["coded"] > 0)).sum(0)
    return Outputs(heads, true, tuple(np.flatnonzero(active >= POSITIVES).tolist()))


def filtered(values: np.ndarray, frames: int, window: int = WINDOW) -> np.ndarray:
    """Apply a median filter over time, with a shorter window at a clip's ends, as ``fbn.inference.smooth``.

    Args:
        values: [N, K] probabilities, valence and arousal; clips of ``frames`` rows one after the other.
        frames: number of frames of each clip; divides N.
        window: in frames, odd.

    Returns:
        [N, K].
    """
    clips = values.astype(np.float64).reshape(-1, frames, values.shape[-1])
    beyond = ((0, 0), (window // 2, window // 2), (0, 0))
    padded = np.pad(clips, beyond, constant_values=np.nan)
    medians = np.nanmedian(sliding_window_view(padded, window, axis=1), axis=-1)
    return medians.reshape(values.shape).astype(values.dtype)


def _details(data_set: HeldOutSet, rows: Outputs, suffix: str, every: np.ndarray) -> dict[str, dict[str, float]]:
    details = {}
    if "f1" in data_set.figures and "units" in rows.predicted:
        scores = metrics.au_f1(*rows.of_units(every))
        names = [ACTION_UNITS[i].short for i in rows.units]
        details[f"{data_set.name}/f1{suffix}"] = dict(zip(names, scores.tolist(), strict=True))
    if "expression" in rows.predicted and {"mean_diagonal", "accuracy", "expression_f1"} & set(data_set.figures):
        recalls = metrics.recalls(rows.confusion(every))
        present = {e.value: float(r) for e, r in zip(EXPRESSIONS, recalls, strict=True) if np.isfinite(r)}
        details[f"{data_set.name}/recall{suffix}"] = present
    return details
