"""Case study II's losses: NumPy references, the identity case, what is not annotated, gradients."""

import numpy as np
import pytest
import torch

from fbn.losses import attribute_cross_entropy, identity_attribute_matching, identity_cross_entropy
from fbn.losses.identity import identity_attributes

FORMS = ("kl", "printed", "cross_entropy", "soft_target")


def _logits(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()


def test_relatedness_is_the_share_of_an_identitys_images() -> None:
    identity = torch.tensor([0, 0, 0, 2])
    attributes = torch.tensor([[1, 0], [1, 1], [0, 0], [0, 1]])
    expected = torch.tensor([[2 / 3, 1 / 3], [0, 0], [0, 1]])
    torch.testing.assert_close(identity_attributes(identity, attributes, 3), expected)


def test_identity_reference_and_weights() -> None:
    z, identity, weight = _logits(4, 5), torch.tensor([0, 4, 2, -1]), torch.tensor([1.0, 2.0, 0.5, 0.0])
    p = np.exp(z.detach().numpy())
    p /= p.sum(1, keepdims=True)
    expected = -(1 * np.log(p[0, 0]) + 2 * np.log(p[1, 4]) + 0.5 * np.log(p[2, 2])) / 3.5
    value = identity_cross_entropy(z, identity, weight)
    assert value.item() == pytest.approx(expected, rel=1e-12)
    (gradient,) = torch.autograd.grad(value, z)
    assert (gradient[3] == 0).all()
    assert torch.autograd.gradcheck(lambda z: identity_cross_entropy(z, identity, weight), (z,))


def test_attributes_are_summed() -> None:
    z = _logits(3, 40)
    y = (_logits(3, 40, seed=1) > 0).double()
    weight = torch.ones(3, 40)
    weight[2] = 0
    p = 1 / (1 + np.exp(-z.detach().numpy()))
    bce = -(y.numpy() * np.log(p) + (1 - y.numpy()) * np.log(1 - p))
    value = attribute_cross_entropy(z, y, weight)
    assert value.item() == pytest.approx(bce[:2].sum() / 2, rel=1e-12)
    y[2] = float("nan")
    assert attribute_cross_entropy(z, y, weight).item() == value.item()
    assert attribute_cross_entropy(z, y, weight * 0).item() == 0
    assert torch.autograd.gradcheck(lambda z: attribute_cross_entropy(z, y, weight), (z,))


@pytest.mark.parametrize("form", FORMS)
def test_matching_reference(form: str) -> None:
    identity, attributes = _logits(3, 4), _logits(3, 40, seed=2)
    r = torch.rand(4, 40, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    e = np.exp(identity.detach().numpy())
    q = np.clip(e / e.sum(1, keepdims=True) @ r.numpy(), 1e-3, 1 - 1e-3)
    p = 1 / (1 + np.exp(-attributes.detach().numpy()))
    expected = {
        "kl": p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)),
        "printed": -p * np.log(q),
        "cross_entropy": -p * np.log(q) - (1 - p) * np.log(1 - q),
        "soft_target": -q * np.log(p) - (1 - q) * np.log(1 - p),
    }[form]
    value = identity_attribute_matching(identity, attributes, r, form)
    assert value.item() == pytest.approx(expected.sum(1).mean(), rel=1e-12)
    assert torch.autograd.gradcheck(
        lambda i, a: identity_attribute_matching(i, a, r, form, gradients="both"), (identity, attributes)
    )


def test_matching_is_0_where_attributes_follow_their_identity() -> None:
    r = torch.tensor([[0.2, 0.9], [0.5, 0.3]], dtype=torch.float64)
    sure = torch.tensor([[60.0, 0.0]], dtype=torch.float64)
    assert identity_attribute_matching(sure, r[:1].logit(), r).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("gradients", "moves"), [("p", (False, True)), ("q", (True, False)), ("both", (True, True))])
def test_which_gradients_flow(gradients: str, moves: tuple[bool, bool]) -> None:
    identity, attributes = _logits(3, 4), _logits(3, 6, seed=2)
    r = torch.rand(4, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    value = identity_attribute_matching(identity, attributes, r, gradients=gradients)
    found = torch.autograd.grad(value, (identity, attributes), allow_unused=True)
    assert tuple(g is not None and bool(g.abs().sum() > 0) for g in found) == moves


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="form 'l2'"):
        identity_attribute_matching(_logits(1, 2), _logits(1, 3), torch.rand(2, 3), "l2")
