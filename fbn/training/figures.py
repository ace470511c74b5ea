"""The figures that say how good a network is: one definition for validation, ``fbn evaluate`` and model cards."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import torch

from fbn import metrics
from fbn.data.sources import ckplus
from fbn.data.splits import CKPLUS_POSITIVES
from fbn.records import Annotations, Predictions, Sample
from fbn.vocabulary import AU_NUMBERS, DECISION

#: A figure as a function of row numbers, so that it can be computed on bootstrap draws.
Figure = Callable[[np.ndarray], float]

#: What the validation score is the mean of.
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
    """Numbers of the samples that figures are computed on.

    All, but of CK+ the peak (last coded) frame of each sequence and its onset, so that a row is a sequence.
    """
    rows: list[int] = []
    sequences: dict[str, list[int]] = defaultdict(list)
    for i, sample in enumerate(samples):
        if sample.dataset == ckplus.NAME:
            sequences[ckplus.sequence_of(sample)].append(i)
        else:
            rows.append(i)
    for own in sequences.values():
        own.sort(key=lambda i: samples[i].path)
        onset = own[0] if _is_onset(samples[own[0]].annotations) else None
        rows += [i for i in {onset, own[-1]} if i is not None]
    return np.array(sorted(rows), dtype=int)


def _is_onset(labels: Annotations) -> bool:
    return bool(labels.action_units_weight.max() > 0) and not bool((labels.action_units > 0).any())


def figures(predictions: Predictions, annotations: Annotations, positives: int = CKPLUS_POSITIVES) -> dict[str, Figure]:
    """Every figure that these rows' labels and heads allow, as functions of row numbers.

    Args:
        predictions: of batch shape [N].
        annotations: of batch shape [N].
        positives: AUs with fewer active rows are left out of the means.

    Returns:
        accuracy, mean_diagonal (expressions); ccc_valence, ccc_arousal; f1 (at 0.5), auc (means over AUs).
    """
    found: dict[str, Figure] = {}
    predictions, annotations = predictions.to(torch.float32), annotations.to(torch.float32)
    rows = np.flatnonzero(annotations.expression_weight.numpy() > 0)
    if predictions.expression_logits is not None and len(rows):
        guess = predictions.expression_logits.argmax(-1).numpy()
        truth, weight = annotations.expression.argmax(-1).numpy(), annotations.expression_weight.numpy()

        def confusion(at: np.ndarray) -> metrics.Array:
            return metrics.confusion(guess[at], truth[at], weight[at])

        found["accuracy"] = lambda at: metrics.accuracy(confusion(at))
        found["mean_diagonal"] = lambda at: metrics.mean_diagonal(confusion(at))
    if predictions.valence_arousal is not None and (annotations.valence_arousal_weight > 0).any():
        said, true = predictions.valence_arousal.numpy(), annotations.valence_arousal.numpy()
        known = annotations.valence_arousal_weight.numpy()
        found["ccc_valence"] = lambda at: float(metrics.ccc(said[at, 0], true[at, 0], known[at]))
        found["ccc_arousal"] = lambda at: float(metrics.ccc(said[at, 1], true[at, 1], known[at]))
    columns = scorable(annotations, positives)
    if predictions.action_unit_logits is not None and len(columns):
        p = predictions.action_units.numpy()[:, columns]
        y, w = (x.numpy()[:, columns] for x in (annotations.action_units, annotations.action_units_weight))
        found["f1"] = lambda at: float(np.nanmean(metrics.au_f1(p[at], y[at], w[at])))
        found["auc"] = lambda at: float(np.nanmean(metrics.au_auc(p[at], y[at], w[at])))
    return found


def scorable(annotations: Annotations, positives: int = CKPLUS_POSITIVES) -> list[int]:
    """Columns of the AUs with at least so many rows where they are active."""
    active = ((annotations.action_units >= DECISION) & (annotations.action_units_weight > 0)).sum(0)
    return [i for i in range(len(AU_NUMBERS)) if int(active[i]) >= positives]


def chance(annotations: Annotations, positives: int = CKPLUS_POSITIVES) -> dict[str, float]:
    """What knows nothing reaches: the commonest class; equal recalls; every AU always active; no correlation."""
    guess = torch.zeros_like(annotations.expression)
    seen = annotations.expression[annotations.expression_weight > 0]
    if len(seen):
        guess[:, seen.argmax(-1).bincount().argmax()] = 1
    blind = Predictions.of(
        guess, torch.ones_like(annotations.action_units), torch.zeros_like(annotations.valence_arousal)
    )
    every = np.arange(len(guess))
    return {name: figure(every) for name, figure in figures(blind, annotations, positives).items()}


def score(values: dict[str, float]) -> float:
    """Mean of the ``SCORED`` figures that there are; 0 where there is none."""
    present = [values[name] for name in SCORED if name in values and not np.isnan(values[name])]
    return float(np.mean(present)) if present else 0.0
