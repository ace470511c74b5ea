"""Distillation: a teacher's outputs as soft labels (B eq. 5 to 7)."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from fbn.losses.tasks import full, valence_arousal_ccc, valence_arousal_mse
from fbn.records import Annotations, Predictions


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
    """L_d over all images: the student's outputs drawn to the teacher's, which are detached.

    Expression: KL(teacher || student) of softmaxes tempered by T (no T^2 factor, as B eq. 5). AUs: binary cross entropy
    with the teacher's sigmoid, averaged over AUs (B eq. 6). Valence-arousal: B has bins; for one continuous value each
    it is (1 - CCC) + MSE to the teacher's (fbn's choice). Each is lowest where both networks agree; the AU part is the
    teacher's entropy there, the others 0.

    Args:
        student: outputs to be trained.
        teacher: outputs of the same batch shape; heads that either network lacks are skipped.
        annotations: where a label is annotated, that label's distillation counts by ``1 - label_share`` only (B eq. 7:
            the label's own loss should then have weight ``label_share``). None: everywhere by 1.
        label_share: lambda of B eq. 7.
        temperature: T of the expression softmaxes.
        expression: factor of the expression part.
        action_units: factor of the AU part.
        valence_arousal: factor of the valence-arousal part.

    Example:
        >>> import fbn
        >>> import torch
        >>> teacher = fbn.Predictions(expression_logits=torch.tensor([[0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0]]))
        >>> unsure = fbn.Predictions(expression_logits=torch.zeros(1, 7))
        >>> [round(float(fbn.losses.distillation(student, teacher)), 2) for student in (teacher, unsure)]
        [0.0, 0.46]
    """
    teacher = teacher.detach()
    parts: list[Tensor] = []
    if student.expression_logits is not None and teacher.expression_logits is not None:
        s = (full(student.expression_logits, "expression") / temperature).log_softmax(-1)
        t = (full(teacher.expression_logits, "expression").to(s) / temperature).log_softmax(-1)
        each = (t.exp() * (t - s)).sum(-1)
        weight = _weight(annotations, "expression", each, label_share)
        parts.append(expression * (weight * each).mean())
    if student.action_unit_logits is not None and teacher.action_unit_logits is not None:
        z = full(student.action_unit_logits, "action unit")
        target = full(teacher.action_unit_logits, "action unit").to(z).sigmoid()
        each = functional.binary_cross_entropy_with_logits(z, target, reduction="none")
        weight = _weight(annotations, "action_units", each, label_share)
        parts.append(action_units * (weight * each).mean())
    if student.valence_arousal is not None and teacher.valence_arousal is not None:
        values = teacher.valence_arousal.to(full(student.valence_arousal, "valence-arousal"))
        weight = _weight(annotations, "valence_arousal", values[..., 0], label_share)
        soft = replace(
            Annotations.empty(*weight.shape).to(values), valence_arousal=values, valence_arousal_weight=weight
        )
        both = valence_arousal_ccc(student, soft) + valence_arousal_mse(student, soft)
        parts.append(valence_arousal * weight.mean() * both)
    if not parts:
        raise ValueError("distillation: teacher and student have no head in common")
    return torch.stack(parts).sum()


def _weight(annotations: Annotations | None, label: str, like: Tensor, label_share: float) -> Tensor:
    if annotations is None:
        return torch.ones_like(like)
    return 1 - label_share * (getattr(annotations, f"{label}_weight") > 0).to(like)
