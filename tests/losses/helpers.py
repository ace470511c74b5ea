"""Faces, outputs and checks shared by the loss tests."""

from collections.abc import Callable

import torch
from torch import Tensor

from fbn.records import Annotations, Predictions

Loss = Callable[[Predictions, Annotations], Tensor]


def outputs(n: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Predictions:
    """Random logits and valence-arousal that ask for gradients."""
    g = torch.Generator().manual_seed(seed)
    shapes = {"expression_logits": 7, "action_unit_logits": 17, "valence_arousal": 2}
    heads = {k: torch.randn(n, d, generator=g, dtype=torch.float64).to(dtype) for k, d in shapes.items()}
    heads["valence_arousal"] = heads["valence_arousal"].tanh()
    return Predictions(**{k: v.requires_grad_() for k, v in heads.items()})


def labels(n: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Annotations:
    """Vote distributions, binary AUs, valence-arousal; every label missing on some faces, weights 0, 0.3 and 1."""
    g = torch.Generator().manual_seed(1000 + seed)

    def weights(*shape: int) -> Tensor:
        return torch.tensor([0.0, 0.3, 1.0])[torch.randint(3, shape, generator=g)]

    made = Annotations(
        expression=(3 * torch.randn(n, 7, generator=g)).softmax(-1),
        expression_weight=weights(n),
        action_units=torch.randint(2, (n, 17), generator=g).float(),
        action_units_weight=weights(n, 17) * torch.randint(2, (n, 1), generator=g),
        valence_arousal=torch.rand(n, 2, generator=g) * 2 - 1,
        valence_arousal_weight=weights(n),
    )
    return made.to(dtype)


def spoil(annotations: Annotations, value: float) -> Annotations:
    """The same annotations with ``value`` wherever the weight is 0."""
    return Annotations(
        expression=annotations.expression.masked_fill((annotations.expression_weight == 0)[..., None], value),
        expression_weight=annotations.expression_weight,
        action_units=annotations.action_units.masked_fill(annotations.action_units_weight == 0, value),
        action_units_weight=annotations.action_units_weight,
        valence_arousal=annotations.valence_arousal.masked_fill(
            (annotations.valence_arousal_weight == 0)[..., None], value
        ),
        valence_arousal_weight=annotations.valence_arousal_weight,
    )


def heads(predictions: Predictions) -> list[Tensor]:
    """The outputs that are there."""
    every = (predictions.expression_logits, predictions.action_unit_logits, predictions.valence_arousal)
    return [head for head in every if head is not None]


def gradients(loss: Tensor, predictions: Predictions) -> list[Tensor]:
    """d loss / d head, 0 for heads that it does not reach."""
    found = torch.autograd.grad(loss, heads(predictions), allow_unused=True)
    pairs = zip(found, heads(predictions), strict=True)
    return [torch.zeros_like(head) if g is None else g for g, head in pairs]


def check_gradients(loss: Loss, n: int = 6) -> None:
    """Analytic gradients equal numeric ones, with some labels missing."""
    known = labels(n)

    def run(e: Tensor, a: Tensor, v: Tensor) -> Tensor:
        return loss(Predictions(e, a, v), known)

    assert torch.autograd.gradcheck(run, tuple(heads(outputs(n))))
