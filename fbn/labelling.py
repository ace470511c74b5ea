"""Functions that add labels: co-annotation by a relatedness table, and a network's pseudo-labels.

Each fills only what is not annotated; weight 0 stays "not annotated" and its value is never read. A table's rows and
columns say which tasks it couples; both are read with the labels that the annotations have of them. Shapes as in
``fbn.records``, with R labels of the table's categorical task and C of its binary one; ``...`` is any batch shape.
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


def co_annotate(
    annotations: Annotations,
    table: RelatednessTable,
    direction: Direction = "both",
    observational: Observational = "weight",
) -> Annotations:
    """The annotations plus their ``co_annotations`` (A 3.1.2, C 3)."""
    return annotations.merge(co_annotations(annotations, table, direction, observational))


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
    the first in the task's order. Neutral and rows without AUs are never given. Its weight is the smallest
    among the AUs it rests on.

    Args:
        annotations: labels of the table's two tasks, whatever they are ("expression" and "AU" stand for them).
        table: relatedness.
        direction: which labels to add.
        observational: weight of AUs below 1 in the table.
    """
    rows, columns = annotations.own(table.rows), annotations.own(table.columns)
    kind, units = annotations[rows], annotations[columns]
    added: dict[Task, Label] = {}
    if direction != "au_to_expression":
        r = _matrix(table, rows, columns, observational).to(kind.value)
        share, label = kind.value.max(-1)
        sure = torch.where(kind.weight > 0, kind.weight * share, 0)
        weight = torch.where(units.weight > 0, 0, r[label] * sure[..., None])
        added[columns] = Label((weight > 0).to(kind.value), weight)
    if direction != "expression_to_au":
        required = _matrix(table, rows, columns, "one").to(kind.value)
        active = ((units.weight > 0) & (units.value >= DECISION)).to(required)
        count = required.sum(-1)
        # counts are small integers, exact in float
        fits = (active @ required.T == count) & (count > 0) & (kind.weight <= 0)[..., None]
        best = torch.where(fits, count, 0).argmax(-1)
        found = fits.any(-1)
        resting = required[best] > 0
        least = torch.where(resting, units.weight, torch.inf).amin(-1)
        one_hot = torch.nn.functional.one_hot(best, required.shape[0]).to(kind.value)
        added[rows] = Label(one_hot * found[..., None], torch.where(found, least, 0))
    return annotations.only() | added


def intensity(
    annotations: Annotations,
    table: RelatednessTable,
    observational: Observational = "weight",
    rows: Task | None = None,
) -> Tensor:
    """[..., R] I(e|x) = sum_a w_a y_a / sum_a w_a over e's annotated AUs, w from the table (A eq. 5 to 9).

    Label weights multiply w. Where none of e's AUs is annotated I is 0. I(neutral), 0/0 in the papers, is
    1 - max_a y_a over annotated AUs: 1 if none is active, else 0 (fbn's choice).

    Args:
        annotations: labels of the table's binary task.
        table: relatedness.
        observational: w of AUs below 1 in the table.
        rows: R labels of the categorical task; None: as the annotations have them.
    """
    rows, columns = rows or annotations.own(table.rows), annotations.own(table.columns)
    label = annotations[columns]
    r = _matrix(table, rows, columns, observational).to(label.value)
    value = label.value.masked_fill(label.weight <= 0, 0)
    # products and sums, for autocast would round a matrix product to bfloat16
    each = label.weight[..., None, :] * r
    total = each.sum(-1)
    scores = (each * value[..., None, :]).sum(-1) / total.clamp_min(torch.finfo(total.dtype).tiny)
    if Expression.NEUTRAL not in rows.labels:
        return scores
    place = rows.labels.index(Expression.NEUTRAL)
    neutral = 1 - value.amax(-1)
    return torch.cat([scores[..., :place], neutral[..., None], scores[..., place + 1 :]], -1)


def soft_labels(
    annotations: Annotations,
    table: RelatednessTable,
    temperature: float = 1.0,
    observational: Observational = "weight",
) -> Tensor:
    """[..., R] q(e|x) = softmax_e(I(e|x) / temperature) (A eq. 10; the paper's temperature is 1).

    At temperature 1 it is nearly flat: one perfect match among seven gives 0.31. Meaningless where no AU is annotated.
    """
    return (intensity(annotations, table, observational) / temperature).softmax(-1)


def pseudo_annotate(
    annotations: Annotations,
    predictions: Predictions,
    weight: float = 1.0,
    tasks: Collection[Task] = AFFECT_TASKS,
) -> Annotations:
    """Fill unannotated labels with a network's (detached) softmax, sigmoids, or values clipped to [-1, 1].

    Args:
        annotations: labels to complete.
        predictions: of the same batch shape; what the network has no head for is not filled.
        weight: weight > 0 of the labels filled in.
        tasks: which labels to fill.
    """
    filled = {}
    for task, raw in predictions.detach().only(*tasks).items():
        blank = annotations.only()[task]
        value = task.probability(raw.clamp(-1, 1) if task.kind == "continuous" else raw)
        filled[task] = Label(value.to(blank.value), torch.full_like(blank.weight, weight))
    return annotations.merge(annotations.only() | filled)


def _matrix(table: RelatednessTable, rows: Task, columns: Task, observational: Observational) -> Tensor:
    return table.matrix(rows, columns, binary=observational == "one")
