"""Functions that add labels: co-annotation by a relatedness table, and pseudo-labels of a network.

Existing labels are never changed. Weight 0 means "not annotated"; such values are not used. The tasks are those of the
table's rows and columns, with the labels that the annotations have. In shapes, R is the number of labels of the
table's categorical task, C that of its binary task, and ``...`` any batch shape.
"""

from collections.abc import Collection
from typing import Literal

import torch
from torch import Tensor

from fbn.records import Annotations, Label, Predictions
from fbn.relatedness import RelatednessTable
from fbn.tasks import AFFECT_TASKS, Task
from fbn.vocabulary import DECISION, Expression

Direction = Literal["expression_to_au", "au_to_expression", "both"]
#: Weight of observational AUs: the table's, or 1 as for prototypical ones (A: "without reweighting").
Observational = Literal["weight", "one"]


def co_annotations(
    annotations: Annotations,
    table: RelatednessTable,
    direction: Direction = "both",
    observational: Observational = "weight",
) -> Annotations:
    """Compute the labels that co-annotation adds (paper A, section 3.1.2; paper C, section 3).

    Both directions start from the original labels.

    Expression -> AU: the AUs of the labelled expression become active, prototypical ones with weight 1, observational
    ones with their weight in the table or 1. For vote distributions it is the expression with most votes, and its
    fraction of votes is a factor of the weight.

    AU -> expression: an expression is added if all its AUs are annotated and active; of several the one with most AUs,
    then the first in the task's order. Neutral and rows without AUs are never added. The weight is the smallest of the
    weights of its AUs.

    Args:
        annotations: labels of the table's row and column tasks ("expression" and "AU" stand for any such tasks).
        table: relatedness.
        direction: which labels to add.
        observational: ``"weight"``: observational AUs get their weight in the table; ``"one"``: weight 1.
    """
    rows, columns = annotations.stored(table.rows), annotations.stored(table.columns)
    category, units = annotations[rows], annotations[columns]
    added: dict[Task, Label] = {}
    if direction != "au_to_expression":
        r = _matrix(table, rows, columns, observational).to(category.value)
        votes, label = category.value.max(-1)
        confidence = torch.where(category.weight > 0, category.weight * votes, 0)
        weight = torch.where(units.weight > 0, 0, r[label] * confidence[..., None])
        added[columns] = Label((weight > 0).to(category.value), weight)
    if direction != "expression_to_au":
        required = _matrix(table, rows, columns, "one").to(category.value)
        active = ((units.weight > 0) & (units.value >= DECISION)).to(required)
        count = required.sum(-1)
        # counts are small integers, exact in float
        fits = (active @ required.T == count) & (count > 0) & (category.weight <= 0)[..., None]
        best = torch.where(fits, count, 0).argmax(-1)
        has_match = fits.any(-1)
        is_required = required[best] > 0
        smallest = torch.where(is_required, units.weight, torch.inf).amin(-1)
        one_hot = torch.nn.functional.one_hot(best, required.shape[0]).to(category.value)
        added[rows] = Label(one_hot * has_match[..., None], torch.where(has_match, smallest, 0))
    return annotations.only() | added


def intensity(
    annotations: Annotations,
    table: RelatednessTable,
    observational: Observational = "weight",
    rows: Task | None = None,
) -> Tensor:
    """Compute [..., R] I(e|x) = sum_a w_a y_a / sum_a w_a over annotated AUs of e (paper A, eq. 5 to 9).

    w is the weight in the table, multiplied by the label weight. I is 0 if no AU of e is annotated. I(neutral),
    0/0 in the papers, is 1 - max_a y_a over annotated AUs: 1 if none is active, else 0 (fbn's choice).

    Args:
        annotations: labels of the table's binary task.
        table: relatedness.
        observational: weight of observational AUs, see ``co_annotations``.
        rows: categorical task with R labels; None: that of the annotations.
    """
    rows, columns = rows or annotations.stored(table.rows), annotations.stored(table.columns)
    label = annotations[columns]
    r = _matrix(table, rows, columns, observational).to(label.value)
    value = label.value.masked_fill(label.weight <= 0, 0)
    # elementwise products, because autocast would compute a matrix product in bfloat16
    each = label.weight[..., None, :] * r
    total = each.sum(-1)
    scores = (each * value[..., None, :]).sum(-1) / total.clamp_min(torch.finfo(total.dtype).tiny)
    if Expression.NEUTRAL not in rows.labels:
        return scores
    index = rows.labels.index(Expression.NEUTRAL)
    neutral = 1 - value.amax(-1)
    return torch.cat([scores[..., :index], neutral[..., None], scores[..., index + 1 :]], -1)


def soft_labels(
    annotations: Annotations,
    table: RelatednessTable,
    temperature: float = 1.0,
    observational: Observational = "weight",
) -> Tensor:
    """Compute [..., R] q(e|x) = softmax_e(I(e|x) / temperature) (paper A, eq. 10; the paper's temperature is 1).

    At temperature 1 it is nearly uniform: one perfect match among seven gives 0.31. Undefined if no AU is annotated.
    """
    return (intensity(annotations, table, observational) / temperature).softmax(-1)


def pseudo_annotate(
    annotations: Annotations,
    predictions: Predictions,
    weight: float = 1.0,
    tasks: Collection[Task] = AFFECT_TASKS,
) -> Annotations:
    """Fill missing labels with a network's (detached) softmax, sigmoids, or values clipped to [-1, 1].

    Args:
        annotations: labels to complete.
        predictions: predictions of the same batch shape; tasks without a head are not filled.
        weight: weight of the added labels, > 0.
        tasks: tasks to fill.
    """
    filled = {}
    for task, raw in predictions.detach().only(*tasks).items():
        blank = annotations.only()[task]
        value = task.probability(raw.clamp(-1, 1) if task.kind == "continuous" else raw)
        filled[task] = Label(value.to(blank.value), torch.full_like(blank.weight, weight))
    return annotations.merge(annotations.only() | filled)


def _matrix(table: RelatednessTable, rows: Task, columns: Task, observational: Observational) -> Tensor:
    return table.matrix(rows, columns, binary=observational == "one")
