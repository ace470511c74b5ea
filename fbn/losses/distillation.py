"""Distillation: a teacher's outputs as soft labels (paper B, eq. 5 to 7)."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from fbn.losses.tasks import as_float32, concordance_loss, mean_squared_error
from fbn.records import Annotations, Label, Predictions
from fbn.tasks import AFFECT_TASKS, Task


def distillation(
    student: Predictions,
    teacher: Predictions,
    annotations: Annotations | None = None,
    label_share: float = 0.6,
    temperature: float = 1.5,
    expression: float = 1.0,
    action_units: float = 1.0,
    valence_arousal: float = 1.0,
) -> Tensor:
    """L_d over all images: a distance of the student's outputs from the detached outputs of the teacher.

    Expression: KL(teacher || student) of softmaxes at temperature T (no factor T^2, as in paper B, eq. 5). AUs: binary
    cross entropy with the teacher's sigmoid, averaged over AUs (paper B, eq. 6). Valence-arousal: paper B uses bins;
    for continuous values it is (1 - CCC) + MSE (fbn's choice). Each is minimal where both networks agree: the AU loss
    is the teacher's entropy there, the others are 0.

    Args:
        student: outputs to be trained.
        teacher: outputs of the same batch shape; heads that either network lacks are skipped.
        annotations: distillation of an annotated label has weight ``1 - label_share`` (paper B, eq. 7: the supervised
            loss of that label should then have weight ``label_share``). None: weight 1 everywhere.
        label_share: lambda of paper B, eq. 7, in [0, 1].
        temperature: T of the expression softmaxes, > 0.
        expression: factor of the expression loss.
        action_units: factor of the AU loss.
        valence_arousal: factor of the valence-arousal loss.

    Example:
        >>> import fbn
        >>> import torch
        >>> teacher = fbn.Predictions.of(expression=torch.tensor([[0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0]]))
        >>> unsure = fbn.Predictions.of(expression=torch.zeros(1, 7))
        >>> [round(float(fbn.losses.distillation(student, teacher)), 2) for student in (teacher, unsure)]
        [0.0, 0.46]
    """
    teacher = teacher.detach()
    parts: list[Tensor] = []
    for task, factor in zip(AFFECT_TASKS, (expression, action_units, valence_arousal), strict=True):
        if task in student and task in teacher:
            output = as_float32(student[task])
            target = as_float32(teacher[task]).to(output)
            known = None if annotations is None else annotations[task].weight > 0
            parts.append(factor * _KINDS[task.kind](task, output, target, _weight(known, label_share), temperature))
    if not parts:
        raise ValueError("distillation: teacher and student have no head in common")
    return torch.stack(parts).sum()


Weight = Callable[[Tensor], Tensor]


def _weight(known: Tensor | None, label_share: float) -> Weight:
    """Return a function that computes the weights of distillation with the shape and type of a tensor."""
    return lambda like: torch.ones_like(like) if known is None else 1 - label_share * known.to(like)


def _categorical(task: Task, student: Tensor, teacher: Tensor, weight: Weight, temperature: float) -> Tensor:
    s = (student / temperature).log_softmax(-1)
    t = (teacher / temperature).log_softmax(-1)
    each = (t.exp() * (t - s)).sum(-1)
    return (weight(each) * each).mean()


def _binary(task: Task, student: Tensor, teacher: Tensor, weight: Weight, temperature: float) -> Tensor:
    each = functional.binary_cross_entropy_with_logits(student, teacher.sigmoid(), reduction="none")
    return (weight(each) * each).mean()


def _continuous(task: Task, student: Tensor, teacher: Tensor, weight: Weight, temperature: float) -> Tensor:
    each = weight(teacher[..., 0])
    predictions, soft = Predictions({task: student}), Annotations({task: Label(teacher, each)})
    return each.mean() * (concordance_loss(predictions, soft, task) + mean_squared_error(predictions, soft, task))


_KINDS = {"categorical": _categorical, "binary": _binary, "continuous": _continuous}
