"""Distillation against NumPy, where student and teacher agree, and with labels taking their share."""

import numpy as np
import pytest
import torch

from fbn.losses import concordance_loss, distillation, mean_squared_error
from fbn.records import Annotations, Predictions
from tests.losses.helpers import check_gradients, gradients, heads, labels, outputs

PARTS = ("expression", "action_units", "valence_arousal")


def _only(part: str, **more: object) -> dict:
    return {name: float(name == part) for name in PARTS} | more


def _softmax(z: np.ndarray, temperature: float) -> np.ndarray:
    e = np.exp(z / temperature)
    return e / e.sum(-1, keepdims=True)


def _arrays(x: Predictions) -> list[np.ndarray]:
    return [head.detach().numpy() for head in heads(x)]


@pytest.mark.parametrize("temperature", [1.0, 1.5])
def test_expression_reference(temperature: float) -> None:
    student, teacher = outputs(9, 1), outputs(9, 2)
    t, s = (_softmax(_arrays(x)[0], temperature) for x in (teacher, student))
    value = distillation(student, teacher, temperature=temperature, **_only("expression"))
    assert value.item() == pytest.approx((t * np.log(t / s)).sum(-1).mean(), rel=1e-12)


def test_action_unit_reference() -> None:
    student, teacher = outputs(9, 1), outputs(9, 2)
    t, s = (1 / (1 + np.exp(-_arrays(x)[1])) for x in (teacher, student))
    value = distillation(student, teacher, **_only("action_units"))
    assert value.item() == pytest.approx(-(t * np.log(s) + (1 - t) * np.log(1 - s)).mean(), rel=1e-12)


def test_valence_arousal_reference() -> None:
    student, teacher = outputs(9, 1), outputs(9, 2)
    t, s = (_arrays(x)[2] for x in (teacher, student))
    covariance = ((t - t.mean(0)) * (s - s.mean(0))).mean(0)
    ccc = 2 * covariance / (t.var(0) + s.var(0) + (t.mean(0) - s.mean(0)) ** 2)
    value = distillation(student, teacher, **_only("valence_arousal"))
    assert value.item() == pytest.approx(1 - ccc.mean() + ((t - s) ** 2).mean(), rel=1e-12)


def test_parts_add_up_by_their_factors() -> None:
    student, teacher, known = outputs(9, 1), outputs(9, 2), labels(9)
    parts = [distillation(student, teacher, known, **_only(part)) for part in PARTS]
    factors = dict(zip(PARTS, (1.0, 8.0, 0.5), strict=True))
    total = distillation(student, teacher, known, **factors)
    assert total.item() == pytest.approx(sum(f * p.item() for f, p in zip(factors.values(), parts, strict=True)))


def test_labels_take_their_share() -> None:
    """B eq. 7: on annotated labels 1 - lambda, elsewhere 1, averaged over all images."""
    student, teacher, known = outputs(9, 1), outputs(9, 2), labels(9)
    t, s = (_softmax(_arrays(x)[0], 1.5) for x in (teacher, student))
    shares = np.where(known.expression_weight.numpy() > 0, 0.4, 1.0)
    value = distillation(student, teacher, known, 0.6, **_only("expression"))
    assert value.item() == pytest.approx((shares * (t * np.log(t / s)).sum(-1)).mean(), rel=1e-12)
    t, s = (1 / (1 + np.exp(-_arrays(x)[1])) for x in (teacher, student))
    shares = np.where(known.action_units_weight.numpy() > 0, 0.4, 1.0)
    value = distillation(student, teacher, known, 0.6, **_only("action_units"))
    assert value.item() == pytest.approx(-(shares * (t * np.log(s) + (1 - t) * np.log(1 - s))).mean(), rel=1e-12)
    soft = Annotations.empty(9).to(torch.float64)
    soft.valence_arousal.copy_(teacher.valence_arousal.detach())
    soft.valence_arousal_weight.copy_(1 - 0.6 * (known.valence_arousal_weight > 0).double())
    expected = concordance_loss(student, soft) + mean_squared_error(student, soft)
    value = distillation(student, teacher, known, 0.6, **_only("valence_arousal"))
    assert value.item() == pytest.approx((expected * soft.valence_arousal_weight.mean()).item(), rel=1e-12)


def test_a_share_of_0_and_no_labels_are_the_same() -> None:
    student, teacher = outputs(9, 1), outputs(9, 2)
    plain = distillation(student, teacher).item()
    assert distillation(student, teacher, labels(9), label_share=0).item() == pytest.approx(plain)
    assert distillation(student, teacher, Annotations.empty(9)).item() == pytest.approx(plain)


def test_a_share_of_1_leaves_labelled_faces_to_their_labels() -> None:
    student, teacher = outputs(4, 1), outputs(4, 2)
    face = Annotations.of("fear", dict.fromkeys((1, 2), 1.0), (0.1, 0.1))
    known = Annotations.stack([face] * 4)
    known.action_units_weight.fill_(1)
    value = distillation(student, teacher, known, label_share=1)
    assert value == 0
    assert all((g == 0).all() for g in gradients(value, student))


def test_a_student_like_its_teacher_is_left_alone() -> None:
    student = outputs(9)
    value = distillation(student, student)
    assert all(g.abs().max() < 1e-7 for g in gradients(value, student))
    assert distillation(student, student, **_only("expression")).item() == pytest.approx(0, abs=1e-12)
    assert distillation(student, student, **_only("valence_arousal")).item() == pytest.approx(0, abs=1e-12)


def test_gradients() -> None:
    teacher = outputs(6, 2).detach()
    check_gradients(lambda p, a: distillation(p, teacher, a))


def test_the_teacher_gets_no_gradient() -> None:
    student, teacher = outputs(4, 1), outputs(4, 2)
    distillation(student, teacher).backward()
    assert all(head.grad is None for head in heads(teacher))
    assert all(head.grad is not None for head in heads(student))


def test_heads_in_common() -> None:
    student = outputs(4, 1)
    teacher = Predictions.of(expression=outputs(4, 2).expression_logits)
    value = distillation(student, teacher)
    assert value.item() == distillation(student, outputs(4, 2), **_only("expression")).item()
    with pytest.raises(ValueError, match="no head in common"):
        distillation(student, Predictions())


def test_autocast() -> None:
    student, teacher = outputs(4, 1, torch.bfloat16), outputs(4, 2, torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        value = distillation(student, teacher)
    whole = [Predictions.of(*(head.float() for head in heads(x))) for x in (student, teacher)]
    assert torch.equal(value, distillation(*whole))
