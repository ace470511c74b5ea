"""Calibration: recovers a known shift, shrinks what has little evidence, and folds exactly."""

import numpy as np
import pytest
import torch

from fbn.models.zoo import facebehaviornet
from fbn.records import Annotations, Label
from fbn.tasks import ACTION_UNITS, EXPRESSION
from fbn.training.calibrate import decision_shift, fit_shifts, fold


def rows(shift: float, count: int = 4000, scale: float = 1.0) -> tuple[torch.Tensor, Annotations]:
    """Logits, and labels drawn with the probability sigmoid(scale * logit + shift)."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(count, 17, generator=generator) * 2
    labels = Annotations.empty(count)
    labels.action_units.copy_(torch.bernoulli((scale * logits + shift).sigmoid(), generator=generator))
    labels.action_units_weight.fill_(1)
    return logits, labels


def test_recovers_scale_and_shift() -> None:
    logits, labels = rows(shift=-1.5, scale=0.7)
    scale, shifts = fit_shifts(logits, labels)
    assert scale == pytest.approx(0.7, abs=0.03)
    assert np.abs(shifts + 1.5).max() < 0.25


def test_weight_zero_has_no_say_and_gets_the_shared_shift() -> None:
    logits, labels = rows(shift=1.0)
    labels.action_units[:, 3] = 0
    labels.action_units_weight[:, 3] = 0
    _, shifts = fit_shifts(logits, labels)
    assert shifts[3] == pytest.approx(np.delete(shifts, 3).mean(), abs=0.05)
    assert fit_shifts(logits, Annotations.empty(len(logits)))[0] == 1.0


def test_an_au_of_few_rows_stays_near_the_shared_shift() -> None:
    logits, labels = rows(shift=0.5)
    labels.action_units[:, 5] = 1
    labels.action_units_weight[6:, 5] = 0
    _, free = fit_shifts(logits, labels, shrinkage=1e-3)
    _, held = fit_shifts(logits, labels)
    shared = np.delete(held, 5).mean()
    assert abs(held[5] - shared) < 0.3 < abs(free[5] - shared)


def test_separable_rows_stay_finite() -> None:
    logits, labels = rows(shift=0.0, count=50)
    labels.action_units.copy_((logits > 0.3).float())
    scale, shifts = fit_shifts(logits, labels)
    assert np.isfinite([scale, *shifts]).all()
    assert scale > 1


def test_fold_changes_the_au_logits_alone() -> None:
    torch.manual_seed(0)
    network = facebehaviornet(widths=(16, 16), blocks=(1, 1)).eval()
    images = torch.rand(3, 3, 112, 112)
    shifts = np.linspace(-2, 2, 17)
    with torch.no_grad():
        before = network(images)
        fold(network, 1.7, shifts)
        after = network(images)
    assert before.action_unit_logits is not None
    expected = before.action_unit_logits * 1.7 + torch.from_numpy(shifts).float()
    torch.testing.assert_close(after.action_unit_logits, expected)
    torch.testing.assert_close(after.expression_logits, before.expression_logits)
    torch.testing.assert_close(after.valence_arousal, before.valence_arousal)


def test_fold_needs_the_task() -> None:
    with pytest.raises(KeyError):
        fold(facebehaviornet(tasks=(EXPRESSION,), widths=(16,), blocks=(1,)), 1.0, np.zeros(17))


def test_the_decision_shift_finds_where_f1_is_best() -> None:
    generator = torch.Generator().manual_seed(0)
    active = (torch.rand(400, 17, generator=generator) < 0.2).float()
    logits = 4 * active - 2 + 0.3 * torch.randn(400, 17, generator=generator) - 3  # apart, but all below zero
    labels = Annotations({ACTION_UNITS: Label(active, torch.ones(400, 17))})
    shift = decision_shift(logits, labels)
    assert 2 < shift < 4  # the gap between -5 and -1 must hold zero, the middle of it at 3
    assert (((logits + shift) > 0).float() == active).all()


def test_no_active_unit_no_shift() -> None:
    labels = Annotations({ACTION_UNITS: Label(torch.zeros(5, 17), torch.ones(5, 17))})
    assert decision_shift(torch.randn(5, 17), labels) == 0
