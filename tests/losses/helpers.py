"""Faces, outputs and checks shared by the loss tests."""

from collections.abc import Callable

import torch
from torch import Tensor

from fbn.records import Annotations, Label, Predictions
from fbn.tasks import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL

Loss = Callable[[Predictions, Annotations], Tensor]


def outputs(n: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Predictions:
    """Random logits and valence-arousal that ask for gradients."""
    g = torch.Generator().manual_seed(seed)
    shapes = {EXPRESSION: 7, ACTION_UNITS: 17, VALENCE_AROUSAL: 2}
    heads = {k: torch.randn(n, d, generator=g, dtype=torch.float64).to(dtype) for k, d in shapes.items()}
    heads[VALENCE_AROUSAL] = heads[VALENCE_AROUSAL].tanh()
    return Predictions({k: v.requires_grad_() for k, v in heads.items()})


def labels(n: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Annotations:
    """Vote distributions, binary AUs, valence-arousal; every label missing on some faces, weights 0, 0.3 and 1."""
    g = torch.Generator().manual_seed(1000 + seed)

    def weights(*shape: int) -> Tensor:
        return torch.tensor([0.0, 0.3, 1.0])[torch.randint(3, shape, generator=g)]

    made = Annotations(
        {
            EXPRESSION: Label((3 * torch.randn(n, 7, generator=g)).softmax(-1), weights(n)),
            ACTION_UNITS: Label(
                torch.randint(2, (n, 17), generator=g).float(),
                weights(n, 17) * torch.randint(2, (n, 1), generator=g),
            ),
            VALENCE_AROUSAL: Label(torch.rand(n, 2, generator=g) * 2 - 1, weights(n)),
        }
    )
    return made.to(dtype)


def spoil(annotations: Annotations, value: float) -> Annotations:
    """The same annotations with ``value`` wherever the weight is 0."""
    spoilt = {}
    for task, label in annotations.items():
        unknown = label.weight == 0 if task.kind == "binary" else (label.weight == 0)[..., None]
        spoilt[task] = Label(label.value.masked_fill(unknown, value), label.weight)
    return Annotations(spoilt)


def heads(predictions: Predictions) -> list[Tensor]:
    """The outputs that are there."""
    return [output for _, output in predictions.items()]


def gradients(loss: Tensor, predictions: Predictions) -> list[Tensor]:
    """d loss / d head, 0 for heads that it does not reach."""
    found = torch.autograd.grad(loss, heads(predictions), allow_unused=True)
    pairs = zip(found, heads(predictions), strict=True)
    return [torch.zeros_like(head) if g is None else g for g, head in pairs]


def check_gradients(loss: Loss, n: int = 6) -> None:
    """Analytic gradients equal numeric ones, with some labels missing."""
    known = labels(n)

    def run(e: Tensor, a: Tensor, v: Tensor) -> Tensor:
        return loss(Predictions.of(e, a, v), known)

    assert torch.autograd.gradcheck(run, tuple(heads(outputs(n))))
