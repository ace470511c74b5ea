"""Metrics of a network, defined once for validation, ``fbn evaluate`` and model cards."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import torch

from fbn import metrics
from fbn.data.sources import ckplus
from fbn.data.splits import CKPLUS_POSITIVES
from fbn.records import Annotations, Predictions, Sample
from fbn.vocabulary import AU_NUMBERS, DECISION

#: A metric as a function of row numbers, so that it can be computed on bootstrap draws.
Figure = Callable[[np.ndarray], float]

#: The metrics whose mean is the validation score.
SCORED = (
    "ferplus/accuracy",
    "ferplus/mean_diagonal",
    "affectnet/accuracy",
    "affectnet/ccc_valence",
    "affectnet/ccc_arousal",
    "expw/mean_diagonal",
    "ckplus/f1",
    "ckplus/auc",
)


def scored_rows(samples: Sequence[Sample]) -> np.ndarray:
    """Return the indices of the samples that metrics are computed on.

    These are all samples, except for CK+: there only the peak (last coded) frame of each sequence and its onset.
    """
    rows: list[int] = []
    sequences: dict[str, list[int]] = defaultdict(list)
    for i, sample in enumerate(samples):
        if sample.dataset == ckplus.NAME:
            sequences[ckplus.sequence_of(sample)].append(i)
        else:
            rows.append(i)
    for frames in sequences.values():
        frames.sort(key=lambda i: samples[i].path)
        onset = frames[0] if _is_onset(samples[frames[0]].annotations) else None
        rows += [i for i in {onset, frames[-1]} if i is not None]
    return np.array(sorted(rows), dtype=int)


def _is_onset(labels: Annotations) -> bool:
    return bool(labels.action_units_weight.max() > 0) and not bool((labels.action_units > 0).any())


def figures(predictions: Predictions, annotations: Annotations, positives: int = CKPLUS_POSITIVES) -> dict[str, Figure]:
    """Return every metric that the labels and heads allow, as functions of row numbers.

    Args:
        predictions: predictions of batch shape [N].
        annotations: annotations of batch shape [N].
        positives: AUs with fewer active rows are left out of the means.

    Returns:
        accuracy, mean_diagonal (expressions); ccc_valence, ccc_arousal; f1 (at 0.5), auc (means over AUs).
    """
    metric: dict[str, Figure] = {}
    predictions, annotations = predictions.to(torch.float32), annotations.to(torch.float32)
    rows = np.flatnonzero(annotations.expression_weight.numpy() > 0)
    if predictions.expression_logits is not None and len(rows):
        guess = predictions.expression_logits.argmax(-1).numpy()
        truth, weight = annotations.expression.argmax(-1).numpy(), annotations.expression_weight.numpy()

        def confusion(at: np.ndarray) -> metrics.Array:
            return metrics.confusion(guess[at], truth[at], weight[at])

        metric["accuracy"] = lambda at: metrics.accuracy(confusion(at))
        metric["mean_diagonal"] = lambda at: metrics.mean_diagonal(confusion(at))
    if predictions.valence_arousal is not None and (annotations.valence_arousal_weight > 0).any():
        predicted, true = predictions.valence_arousal.numpy(), annotations.valence_arousal.numpy()
        known = annotations.valence_arousal_weight.numpy()
        metric["ccc_valence"] = lambda at: float(metrics.ccc(predicted[at, 0], true[at, 0], known[at]))
        metric["ccc_arousal"] = lambda at: float(metrics.ccc(predicted[at, 1], true[at, 1], known[at]))
    columns = scorable(annotations, positives)
    if predictions.action_unit_logits is not None and len(columns):
        p = predictions.action_units.numpy()[:, columns]
        y, w = (x.numpy()[:, columns] for x in (annotations.action_units, annotations.action_units_weight))
        metric["f1"] = lambda at: float(np.nanmean(metrics.au_f1(p[at], y[at], w[at])))
        metric["auc"] = lambda at: float(np.nanmean(metrics.au_auc(p[at], y[at], w[at])))
    return metric


def scorable(annotations: Annotations, positives: int = CKPLUS_POSITIVES) -> list[int]:
    """Return the columns of the AUs that are active in at least ``positives`` rows."""
    active = ((annotations.action_units >= DECISION) & (annotations.action_units_weight > 0)).sum(0)
    return [i for i in range(len(AU_NUMBERS)) if int(active[i]) >= positives]


def chance(annotations: Annotations, positives: int = CKPLUS_POSITIVES) -> dict[str, float]:
    """Return the metrics of a constant prediction: the commonest class, every AU active, valence and arousal 0."""
    guess = torch.zeros_like(annotations.expression)
    labelled = annotations.expression[annotations.expression_weight > 0]
    if len(labelled):
        guess[:, labelled.argmax(-1).bincount().argmax()] = 1
    constant = Predictions.of(
        guess, torch.ones_like(annotations.action_units), torch.zeros_like(annotations.valence_arousal)
    )
    every = np.arange(len(guess))
    return {name: figure(every) for name, figure in figures(constant, annotations, positives).items()}


def score(values: dict[str, float]) -> float:
    """Return the mean of the available ``SCORED`` metrics; 0 where there is none."""
    present = [values[name] for name in SCORED if name in values and not np.isnan(values[name])]
    return float(np.mean(present)) if present else 0.0
