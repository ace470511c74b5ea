"""Figures of one trained network on every held-out set: the papers' metrics, raw and median-filtered."""

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

#: Frames that the median is taken over; the papers do not give it (fbn's choice, as ``fbn.inference.smooth``).
WINDOW = 5
FILTERED = "filtered"
#: The sets with AUs together; its figures, where there are several such sets, are means over them.
TOGETHER, _JOINED = "all-au-sets", ("f1", "auc")
#: AUs that are active in fewer held-out pictures are left out of F1 and area.
POSITIVES = 3


@dataclass(frozen=True)
class Outputs:
    """Predicted and true values of N pictures.

    Attributes:
        predicted: head -> probabilities of expressions [N, 7] and of AUs ``"units"`` [N, 17], ``"affect"`` [N, 2].
        true: the same labels and, as ``"known"``, ``"coded"`` and ``"rated"``, their weights.
        units: columns of the AUs that are scored.
    """

    predicted: dict[str, np.ndarray]
    true: dict[str, np.ndarray]
    units: tuple[int, ...]

    def confusion(self, at: np.ndarray) -> metrics.Array:
        """[7, 7] of those rows."""
        return metrics.confusion(self.predicted["expression"][at], self.true["expression"][at], self.true["known"][at])

    def of_units(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probabilities, labels, weights of the AUs that are scored."""
        columns = np.ix_(at, np.array(self.units, int))
        return self.predicted["units"][columns], self.true["units"][columns], self.true["coded"][columns]


def _ccc(column: int) -> Callable[[Outputs, np.ndarray], float]:
    return lambda r, at: float(
        metrics.ccc(r.predicted["affect"][at, column], r.true["affect"][at, column], r.true["rated"][at])
    )


def _mean(values: np.ndarray) -> float:
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if len(kept) else float("nan")


#: Metric -> what it needs of a network, and its value on some rows.
FIGURES: dict[str, tuple[str, Callable[[Outputs, np.ndarray], float]]] = {
    "ccc_valence": ("affect", _ccc(0)),
    "ccc_arousal": ("affect", _ccc(1)),
    "mean_diagonal": ("expression", lambda r, at: metrics.mean_diagonal(r.confusion(at))),
    "accuracy": ("expression", lambda r, at: metrics.accuracy(r.confusion(at))),
    "expression_f1": ("expression", lambda r, at: metrics.macro_f1(r.confusion(at))),
    "f1": ("units", lambda r, at: _mean(metrics.au_f1(*r.of_units(at)))),
    "auc": ("units", lambda r, at: _mean(metrics.au_auc(*r.of_units(at)))),
    "afa": ("units", lambda r, at: metrics.afa(*r.of_units(at))),
}


def measure(
    predictions: Mapping[str, Predictions],
    held_out: Sequence[HeldOutSet],
    rounds: int,
    seed: int,
    more: dict[str, Any] | None = None,
) -> Measured:
    """One network's figures.

    Args:
        predictions: set -> the network's predictions of the set's pictures.
        held_out: the sets.
        rounds: bootstrap draws.
        seed: of the draws.
        more: further values to keep.

    Returns:
        Figures of the sets on which all outputs are numbers, and chance.
    """
    found = Measured({}, chance=chance(held_out), more=more or {})
    for own in held_out:
        if not _finite(predictions[own.name]):
            # a training that diverged: half of its figures would look like some
            continue
        draws = list(_draws(own.groups, rounds, seed))
        every = np.arange(len(own.pool))
        for suffix, rows in _views(predictions[own.name], own):
            for name in own.figures:
                head, figure = FIGURES[name]
                if head not in rows.predicted:
                    continue
                key = f"{own.name}/{name}{suffix}"
                value = figure(rows, every)
                if np.isfinite(value):
                    found.figures[key] = value
                    # a draw that supports no score counts as the whole set
                    scores = np.array([figure(rows, at) for at in draws])
                    found.draws[key] = np.where(np.isnan(scores), value, scores).round(5).tolist()
            found.details.update(_details(own, rows, suffix, every))
    for key, members in _together(held_out).items():
        if all(member in found.figures for member in members):
            found.figures[key] = float(np.mean([found.figures[member] for member in members]))
            found.draws[key] = np.mean([found.draws[member] for member in members], 0).round(5).tolist()
    return found


def chance(held_out: Sequence[HeldOutSet]) -> dict[str, float]:
    """What a prediction that knows nothing reaches.

    It is the commonest expression always, every AU always, a constant valence and arousal.
    """
    values: dict[str, float] = {}
    for own in held_out:
        labels = own.pool.annotations
        guess = torch.zeros_like(labels.expression)
        guess[:, labels.expression[labels.expression_weight > 0].sum(0).argmax()] = 1
        blind = Predictions.of(guess, torch.ones_like(labels.action_units), torch.zeros_like(labels.valence_arousal))
        for suffix, rows in _views(blind, own):
            for name in own.figures:
                value = FIGURES[name][1](rows, np.arange(len(own.pool)))
                values[f"{own.name}/{name}{suffix}"] = value if np.isfinite(value) else 0.0
    means = {key: [values[member] for member in members] for key, members in _together(held_out).items()}
    return values | {key: float(np.mean(own)) for key, own in means.items()}


def _together(held_out: Sequence[HeldOutSet]) -> dict[str, list[str]]:
    """Key of a mean over sets -> the keys it is made of."""
    found = {name: [f"{own.name}/{name}" for own in held_out if name in own.figures] for name in _JOINED}
    return {f"{TOGETHER}/{name}": members for name, members in found.items() if len(members) > 1}


def _finite(predictions: Predictions) -> bool:
    heads = (predictions.expression_logits, predictions.action_unit_logits, predictions.valence_arousal)
    return all(bool(values.isfinite().all()) for values in heads if values is not None)


def _draws(groups: np.ndarray, rounds: int, seed: int) -> Iterator[np.ndarray]:
    """Row numbers of each bootstrap draw: whole groups, so that rows of one clip or person stay together."""
    generator = np.random.default_rng(seed)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    for _ in range(rounds):
        yield np.concatenate([members[i] for i in generator.integers(len(members), size=len(members))])


def _views(predictions: Predictions, own: HeldOutSet) -> Iterator[tuple[str, Outputs]]:
    heads = _heads(predictions)
    yield "", _outputs(heads, own.pool.annotations)
    if own.frames:
        smooth = {name: filtered(values, own.frames) for name, values in heads.items()}
        yield f"/{FILTERED}", _outputs(smooth, own.pool.annotations)


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
    """Each value's median over a window of frames, cut short at a clip's ends, as ``fbn.inference.smooth`` has it.

    Args:
        values: [N, K] probabilities, valence and arousal; clips of so many ``frames`` one after the other.
        frames: of each clip; divides N.
        window: frames, odd.
    """
    clips = values.astype(np.float64).reshape(-1, frames, values.shape[-1])
    beyond = ((0, 0), (window // 2, window // 2), (0, 0))
    padded = np.pad(clips, beyond, constant_values=np.nan)
    medians = np.nanmedian(sliding_window_view(padded, window, axis=1), axis=-1)
    return medians.reshape(values.shape).astype(values.dtype)


def _details(own: HeldOutSet, rows: Outputs, suffix: str, every: np.ndarray) -> dict[str, dict[str, float]]:
    found = {}
    if "f1" in own.figures and "units" in rows.predicted:
        scores = metrics.au_f1(*rows.of_units(every))
        names = [ACTION_UNITS[i].short for i in rows.units]
        found[f"{own.name}/f1{suffix}"] = dict(zip(names, scores.tolist(), strict=True))
    if "expression" in rows.predicted and {"mean_diagonal", "accuracy", "expression_f1"} & set(own.figures):
        recalls = metrics.recalls(rows.confusion(every))
        present = {e.value: float(r) for e, r in zip(EXPRESSIONS, recalls, strict=True) if np.isfinite(r)}
        found[f"{own.name}/recall{suffix}"] = present
    return found
