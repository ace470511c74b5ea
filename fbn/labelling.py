"""Functions that add labels: co-annotation by a relatedness table, a network's pseudo-labels, merging.

Each fills only what is not annotated; weight 0 stays "not annotated" and its value is never read. Shapes as in
``fbn.records``; ``...`` is any batch shape.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from fbn.records import Annotations, Predictions
from fbn.relatedness import RelatednessTable
from fbn.vocabulary import DECISION, EXPRESSION_INDEX, Expression, Task

Direction = Literal["expression_to_au", "au_to_expression", "both"]
#: Weight of observational AUs: the table's, or 1 as for prototypical ones (A: "without reweighting").
Observational = Literal["weight", "one"]
_NEUTRAL = EXPRESSION_INDEX[Expression.NEUTRAL]


def merge(first: Annotations, second: Annotations) -> Annotations:
    """The first's labels where it has them, else the second's. Same batch shape."""
    e = first.expression_weight > 0
    a = first.action_units_weight > 0
    v = first.valence_arousal_weight > 0
    return Annotations(
        expression=torch.where(e[..., None], first.expression, second.expression),
        expression_weight=torch.where(e, first.expression_weight, second.expression_weight),
        action_units=torch.where(a, first.action_units, second.action_units),
        action_units_weight=torch.where(a, first.action_units_weight, second.action_units_weight),
        valence_arousal=torch.where(v[..., None], first.valence_arousal, second.valence_arousal),
        valence_arousal_weight=torch.where(v, first.valence_arousal_weight, second.valence_arousal_weight),
    )


def co_annotate(
    annotations: Annotations,
    table: RelatednessTable,
    direction: Direction = "both",
    observational: Observational = "weight",
) -> Annotations:
    """The annotations plus their ``co_annotations`` (A 3.1.2, C 3)."""
    return merge(annotations, co_annotations(annotations, table, direction, observational))


def co_annotations(
    annotations: Annotations,
    table: RelatednessTable,
    direction: Direction = "both",
    observational: Observational = "weight",
) -> Annotations:
    """Only the labels that co-annotation adds (A 3.1.2, C 3); both directions read the original labels.

    Expression -> AU: the AUs of the labelled expression (of votes: the top one, and its share as a factor on the
    weight) become active, prototypical with weight 1, observational with their weight in the table or 1.

    AU -> expression: e is given where all its AUs are annotated and active; of several the one that requires most, then
    the first in the vocabulary's order. Neutral and rows without AUs are never given. Its weight is the smallest
    among the AUs it rests on.
    """
    new = _blank(annotations)
    if direction != "au_to_expression":
        r = _table(table, annotations.expression, observational)
        share, label = annotations.expression.max(-1)
        sure = torch.where(annotations.expression_weight > 0, annotations.expression_weight * share, 0)
        weight = torch.where(annotations.action_units_weight > 0, 0, r[label] * sure[..., None])
        new = replace(new, action_units=(weight > 0).to(new.action_units), action_units_weight=weight)
    if direction != "expression_to_au":
        required = _table(table, annotations.expression, "one")
        known = annotations.action_units_weight > 0
        active = (known & (annotations.action_units >= DECISION)).to(required)
        count = required.sum(-1)
        # counts are small integers, exact in float
        fits = (active @ required.T == count) & (count > 0) & (annotations.expression_weight <= 0)[..., None]
        best = torch.where(fits, count, 0).argmax(-1)
        found = fits.any(-1)
        resting = required[best] > 0
        least = torch.where(resting, annotations.action_units_weight, torch.inf).amin(-1)
        one_hot = torch.nn.functional.one_hot(best, required.shape[0]).to(new.expression)
        new = replace(
            new,
            expression=one_hot * found[..., None],
            expression_weight=torch.where(found, least, 0),
        )
    return new


def intensity(annotations: Annotations, table: RelatednessTable, observational: Observational = "weight") -> Tensor:
    """[..., 7] I(e|x) = sum_a w_a y_a / sum_a w_a over e's annotated AUs, w from the table (A eq. 5 to 9).

    Label weights multiply w. Where none of e's AUs is annotated I is 0. I(neutral), 0/0 in the papers, is
    1 - max_a y_a over annotated AUs: 1 if none is active, else 0 (fbn's choice).
    """
    r = _table(table, annotations.action_units, observational)
    weight = annotations.action_units_weight
    value = annotations.action_units.masked_fill(weight <= 0, 0)
    # products and sums, for autocast would round a matrix product to bfloat16
    each = weight[..., None, :] * r
    total = each.sum(-1)
    scores = (each * value[..., None, :]).sum(-1) / total.clamp_min(torch.finfo(total.dtype).tiny)
    neutral = 1 - value.amax(-1)
    return torch.cat([scores[..., :_NEUTRAL], neutral[..., None], scores[..., _NEUTRAL + 1 :]], -1)


def soft_labels(
    annotations: Annotations,
    table: RelatednessTable,
    temperature: float = 1.0,
    observational: Observational = "weight",
) -> Tensor:
    """[..., 7] q(e|x) = softmax_e(I(e|x) / temperature) (A eq. 10; the paper's temperature is 1).

    At temperature 1 it is nearly flat: one perfect match among seven gives 0.31. Meaningless where no AU is annotated.
    """
    return (intensity(annotations, table, observational) / temperature).softmax(-1)


def pseudo_annotate(
    annotations: Annotations,
    predictions: Predictions,
    weight: float = 1.0,
    tasks: Collection[Task] = tuple(Task),
) -> Annotations:
    """Fill unannotated labels with a network's (detached) softmax, sigmoids and valence-arousal clipped to [-1, 1].

    Args:
        annotations: labels to complete.
        predictions: of the same batch shape; heads that are None fill nothing.
        weight: weight > 0 of the labels filled in.
        tasks: which labels to fill.
    """
    new = _blank(annotations)
    predictions = predictions.detach()
    if Task.EXPRESSION in tasks and predictions.expression_logits is not None:
        new = replace(
            new,
            expression=predictions.expression.to(new.expression),
            expression_weight=torch.full_like(new.expression_weight, weight),
        )
    if Task.ACTION_UNITS in tasks and predictions.action_unit_logits is not None:
        new = replace(
            new,
            action_units=predictions.action_units.to(new.action_units),
            action_units_weight=torch.full_like(new.action_units_weight, weight),
        )
    if Task.VALENCE_AROUSAL in tasks and predictions.valence_arousal is not None:
        new = replace(
            new,
            valence_arousal=predictions.valence_arousal.clamp(-1, 1).to(new.valence_arousal),
            valence_arousal_weight=torch.full_like(new.valence_arousal_weight, weight),
        )
    return merge(annotations, new)


def _table(table: RelatednessTable, like: Tensor, observational: Observational) -> Tensor:
    return table.matrix(binary=observational == "one").to(like)


def _blank(like: Annotations) -> Annotations:
    """Nothing annotated, of the same batch shape, type and device."""
    return Annotations.empty(*like.expression_weight.shape).to(like.expression)
