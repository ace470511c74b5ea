"""The task losses against NumPy, at their minimum, and without labels."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fbn.losses import (
    binary_cross_entropy,
    concordance_loss,
    cross_entropy,
    mean_squared_error,
)
from fbn.records import Annotations, Label, Predictions
from fbn.tasks import VALENCE_AROUSAL
from fbn.vocabulary import AU_INDEX, EXPRESSION_INDEX
from tests.losses.helpers import Loss, check_gradients, gradients, labels, outputs, spoil

LOSSES: dict[str, Loss] = {
    "expression": cross_entropy,
    "expression, class weights": lambda p, a: cross_entropy(p, a, class_weights=[1, 2, 3, 4, 5, 6, 7]),
    "action units": binary_cross_entropy,
    "action units, positive weights": lambda p, a: binary_cross_entropy(
        p, a, positive_weights=[1 + i / 5 for i in range(17)]
    ),
    "ccc": concordance_loss,
    "mse": mean_squared_error,
}
every = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


@every
def test_gradients(loss: Loss) -> None:
    check_gradients(loss)


@every
def test_no_labels_give_0_with_a_graph(loss: Loss) -> None:
    predictions = outputs(3)
    value = loss(predictions, spoil(Annotations.empty(3).to(torch.float64), torch.nan))
    assert value == 0
    assert all((g == 0).all() for g in gradients(value, predictions))


@every
@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), value=st.floats(allow_nan=True, allow_infinity=True))
def test_weight_0_has_no_influence(loss: Loss, seed: int, value: float) -> None:
    predictions = outputs(8, seed)
    clean, spoilt = (loss(predictions, a) for a in (labels(8, seed), spoil(labels(8, seed), value)))
    assert torch.equal(clean, spoilt)
    for a, b in zip(gradients(clean, predictions), gradients(spoilt, predictions), strict=True):
        assert torch.equal(a, b)


@every
def test_an_unlabelled_face_changes_nothing(loss: Loss) -> None:
    known = labels(8)
    more = Annotations.concatenate([known, Annotations.empty(3).to(torch.float64)])
    wide = outputs(11)
    assert loss(wide, more).item() == pytest.approx(loss(wide[:8], known).item(), rel=1e-12)


@every
def test_scale_and_order_of_weights_do_not_matter(loss: Loss) -> None:
    predictions, known = outputs(8), labels(8)
    doubled = Annotations({task: Label(label.value, label.weight * 2) for task, label in known.items()})
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    expected = loss(predictions, known).item()
    assert loss(predictions, doubled).item() == pytest.approx(expected, rel=1e-12)
    assert loss(predictions[order], known[order]).item() == pytest.approx(expected, rel=1e-12)


@every
def test_any_batch_shape(loss: Loss) -> None:
    predictions, known = outputs(12), labels(12)
    clips = predictions.map(lambda x: x.reshape(3, 4, *x.shape[1:]))
    folded = known.map(lambda x: x.reshape(3, 4, *x.shape[1:]))
    assert loss(clips, folded).item() == pytest.approx(loss(predictions, known).item(), rel=1e-12)


@every
def test_autocast_and_half_outputs_are_computed_in_float32(loss: Loss) -> None:
    half, known = outputs(8, dtype=torch.bfloat16), labels(8, dtype=torch.float32)
    whole = half.to(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(half, known)
    assert value.dtype == torch.float32
    assert torch.equal(value, loss(whole, known))


@every
def test_a_missing_head_is_named(loss: Loss) -> None:
    with pytest.raises(ValueError, match=r"this network has no .* head"):
        loss(Predictions(), labels(2))


def _arrays(n: int = 20) -> tuple[Predictions, Annotations, dict[str, np.ndarray]]:
    p, a = outputs(n), labels(n)
    return (
        p,
        a,
        {task.name: output.detach().numpy() for task, output in p.items()},
    )


def test_expression_reference() -> None:
    p, a, x = _arrays()
    z = x["expression"]
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    each, w = -(a.expression.numpy() * log_p).sum(-1), a.expression_weight.numpy()
    assert cross_entropy(p, a).item() == pytest.approx((w * each).sum() / w.sum(), rel=1e-12)
    factors = np.arange(1.0, 8)
    w = w * (a.expression.numpy() @ factors)
    value = cross_entropy(p, a, class_weights=factors.tolist()).item()
    assert value == pytest.approx((w * each).sum() / w.sum(), rel=1e-12)


def test_action_unit_reference() -> None:
    p, a, x = _arrays()
    q = 1 / (1 + np.exp(-x["action_units"]))
    y, w = a.action_units.numpy(), a.action_units_weight.numpy()
    images, sizes = [], []
    for i in range(len(y)):
        if w[i].any():
            known = w[i] > 0
            each = -(y[i] * np.log(q[i]) + (1 - y[i]) * np.log(1 - q[i]))
            images.append(np.average(each[known], weights=w[i][known]))
            sizes.append(w[i].max())
    assert binary_cross_entropy(p, a).item() == pytest.approx(np.average(images, weights=sizes), rel=1e-12)


def test_action_units_are_averaged_per_image_first() -> None:
    """One AU on the first face and three on the second: each face counts half (A 3.1.1)."""
    faces = Annotations.stack([Annotations.of(action_units={12: 1}), Annotations.of(action_units={1: 0, 2: 0, 4: 0})])
    p, q = 0.9, 0.2
    logits = torch.full((2, 17), np.log(q / (1 - q)))
    logits[0, AU_INDEX[12]] = np.log(p / (1 - p))
    value = binary_cross_entropy(Predictions.of(action_units=logits), faces)
    assert value.item() == pytest.approx((-np.log(p) - np.log(1 - q)) / 2, rel=1e-6)


def test_positive_weights_scale_the_active_part() -> None:
    faces = Annotations.of(action_units={12: 1, 6: 0})[None]
    flat = Predictions.of(action_units=torch.zeros(1, 17))
    value = binary_cross_entropy(flat, faces, positive_weights=[3.0] * 17)
    assert value.item() == pytest.approx((3 * np.log(2) + np.log(2)) / 2, rel=1e-6)


def test_ccc_reference() -> None:
    p, a, x = _arrays()
    w = a.valence_arousal_weight.numpy()
    scores = []
    for d in range(2):
        y, z = a.valence_arousal.numpy()[:, d], x["valence_arousal"][:, d]
        my, mz = np.average(y, weights=w), np.average(z, weights=w)
        covariance = np.average((y - my) * (z - mz), weights=w)
        spread = np.average((y - my) ** 2, weights=w) + np.average((z - mz) ** 2, weights=w)
        scores.append(2 * covariance / (spread + (my - mz) ** 2))
    assert concordance_loss(p, a).item() == pytest.approx(1 - np.mean(scores), rel=1e-12)


def test_weights_are_frequencies_to_ccc() -> None:
    p, a = outputs(6), labels(6)
    weights = torch.tensor([1.0, 2, 1, 3, 1, 0])
    rows = torch.repeat_interleave(torch.arange(6), weights.long())
    weighted = a | {VALENCE_AROUSAL: Label(a.valence_arousal, weights)}
    repeated = a[rows] | {VALENCE_AROUSAL: Label(a.valence_arousal[rows], torch.ones(len(rows)))}
    assert concordance_loss(p, weighted).item() == pytest.approx(concordance_loss(p[rows], repeated).item())


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (-1.0, 0.0), (0.5, 0.0), (1.0, 0.3)])
def test_ccc_of_a_line(scale: float, shift: float) -> None:
    """Centred values of variance s: CCC(y, k y + b) = 2 k s / (s + k^2 s + b^2)."""
    y = torch.linspace(-0.6, 0.6, 41, dtype=torch.float64)[:, None].repeat(1, 2)
    s = y[:, 0].var(correction=0).item()
    known = Annotations.empty(41).to(torch.float64)
    known.valence_arousal.copy_(y)
    known.valence_arousal_weight.fill_(1)
    value = concordance_loss(Predictions.of(valence_arousal=scale * y + shift), known)
    assert value.item() == pytest.approx(1 - 2 * scale * s / (s + scale**2 * s + shift**2), abs=1e-12)


def test_ccc_of_constants_is_finite() -> None:
    known = Annotations.stack([Annotations.of(valence_arousal=(0.2, 0.2))] * 3)
    predictions = Predictions.of(valence_arousal=torch.full((3, 2), 0.2, requires_grad=True))
    value = concordance_loss(predictions, known)
    assert value.item() == pytest.approx(1, abs=1e-6)
    assert gradients(value, predictions)[0].isfinite().all()


def test_mse_reference() -> None:
    p, a, x = _arrays()
    each = ((x["valence_arousal"] - a.valence_arousal.numpy()) ** 2).mean(-1)
    expected = np.average(each, weights=a.valence_arousal_weight.numpy())
    assert mean_squared_error(p, a).item() == pytest.approx(expected, rel=1e-12)


def test_hard_labels_predicted_surely_cost_nothing() -> None:
    faces = Annotations.stack([Annotations.of("fear", {12: 1, 6: 0}, (0.5, -0.5)), Annotations.of("anger", {1: 0})])
    logits = torch.full((2, 7), -50.0)
    logits[0, EXPRESSION_INDEX["fear"]] = logits[1, EXPRESSION_INDEX["anger"]] = 50
    sure = Predictions.of(logits, 100 * faces.action_units - 50, faces.valence_arousal)
    assert cross_entropy(sure, faces) == 0
    assert binary_cross_entropy(sure, faces).item() == pytest.approx(0, abs=1e-20)
    assert mean_squared_error(sure, faces) == 0


def test_votes_are_matched_at_the_minimum() -> None:
    votes = Annotations.of({"neutral": 7, "sadness": 2, "fear": 1})[None]
    p = (votes.expression + 1e-12).log().requires_grad_()
    value = cross_entropy(Predictions.of(expression=p), votes)
    share = np.array([0.7, 0.2, 0.1])
    assert value.item() == pytest.approx(-(share * np.log(share)).sum(), rel=1e-6)
    assert torch.autograd.grad(value, p)[0].abs().max() < 1e-6
