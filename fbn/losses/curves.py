"""Illustrations of the coupling losses: loss curves, surfaces and gradient descents, computed by ``fbn.losses``."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from fbn.labelling import Observational, co_annotations, soft_labels
from fbn.losses import distribution_matching, soft_co_annotation
from fbn.losses.coupling import Gradients, MatchingForm, Mixture, SoftForm, bernoulli_divergence, mixture_of_rows
from fbn.records import Annotations, Predictions
from fbn.relatedness import Provenance, RelatednessTable
from fbn.vocabulary import AU_INDEX, AU_NUMBERS, EXPRESSION_INDEX, EXPRESSIONS

#: p from 0.004 to 0.996, equally spaced in its logit to resolve the steep ends.
_LOGITS = torch.linspace(-5.5, 5.5, 441, dtype=torch.float64)
#: Initial values of p of each descent.
STARTS = (0.03, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 0.97)
#: One AU in one expression, so that q(AU12) = p(happiness) and the loss depends on p and q only.
TOY = RelatednessTable.of(
    {e.value: {12: 1.0} if e.value == "happiness" else {} for e in EXPRESSIONS}, Provenance("AU12 in happiness alone")
)
_AU12, _HAPPINESS = AU_INDEX[12], EXPRESSION_INDEX["happiness"]


@dataclass(frozen=True, eq=False)
class Curve:
    """One form of the matching loss for a fixed q.

    Attributes:
        p: [N] probabilities, increasing.
        loss: [N] loss at each.
        slope: [N] dL/dp.
        lowest: the p that minimises the loss on the grid.
    """

    p: np.ndarray
    loss: np.ndarray
    slope: np.ndarray
    lowest: float


@lru_cache(maxsize=256)
def curve(form: MatchingForm, q: float) -> Curve:
    """Compute loss and gradient over p at one q in (0, 1)."""
    p = _LOGITS.sigmoid().requires_grad_()
    each = bernoulli_divergence(p.logit(), *_target(q, p), form)
    (slope,) = torch.autograd.grad(each.sum(), p)
    values, grid = each.detach().numpy(), p.detach().numpy()
    return Curve(grid, values, slope.numpy(), float(grid[values.argmin()]))


@lru_cache(maxsize=8)
def plane(form: MatchingForm) -> tuple[np.ndarray, np.ndarray]:
    """Compute the loss surface over p and q: the grid [N] of both, and the loss [q, p]."""
    grid = torch.linspace(0.02, 0.98, 49, dtype=torch.float64)
    q = grid[:, None].expand(-1, len(grid))
    loss = bernoulli_divergence(grid.logit().expand_as(q), q, 1 - q, form)
    return grid.numpy(), loss.numpy()


@lru_cache(maxsize=128)
def descent(form: MatchingForm, q: float, steps: int = 120, rate: float = 1.0) -> np.ndarray:
    """Compute [steps + 1, starts] p along a gradient descent on its logit, from each of ``STARTS``."""
    z = torch.tensor(STARTS, dtype=torch.float64).logit()
    path = [z.sigmoid()]
    for _ in range(steps):
        z = z.detach().requires_grad_()
        (slope,) = torch.autograd.grad(bernoulli_divergence(z, *_target(q, z), form).sum(), z)
        z = z.detach() - rate * slope
        path.append(z.sigmoid())
    return torch.stack(path).numpy()


@lru_cache(maxsize=64)
def paths(form: MatchingForm, gradients: Gradients, steps: int = 60, rate: float = 1.0) -> np.ndarray:
    """Compute [steps + 1, starts, 2] p(AU12), q(AU12) while ``distribution_matching`` descends, with table ``TOY``.

    The logits of both heads follow the gradients that ``gradients`` lets through; the starts form a 4 x 4 grid.
    """
    ends = torch.tensor([0.08, 0.35, 0.65, 0.92], dtype=torch.float64)
    p, q = (side.reshape(-1) for side in torch.meshgrid(ends, ends, indexing="ij"))
    units, expressions = torch.zeros(len(p), len(AU_NUMBERS)).double(), torch.zeros(len(p), len(EXPRESSIONS)).double()
    units[:, _AU12] = p.logit()
    expressions[:, _HAPPINESS] = q.logit() + np.log(len(EXPRESSIONS) - 1)
    path = []
    for _ in range(steps + 1):
        heads = Predictions.of(expressions.requires_grad_(), units.requires_grad_())
        path.append(torch.stack([heads.action_units[:, _AU12], heads.expression[:, _HAPPINESS]], -1).detach())
        total = distribution_matching(heads, TOY, form, gradients=gradients) * len(p)
        slopes = torch.autograd.grad(total, (expressions, units), allow_unused=True)
        expressions, units = (
            head.detach() if slope is None else head.detach() - rate * slope
            for head, slope in zip((expressions, units), slopes, strict=True)
        )
    return torch.stack(path).numpy()


def implied(
    expressions: Collection[tuple[str, float]], table: RelatednessTable, mixture: Mixture, binary: bool
) -> np.ndarray:
    """Compute [17] q(a|x) for (expression, probability) pairs; the remaining probability is neutral's."""
    e = torch.zeros(len(EXPRESSIONS), dtype=torch.float64)
    for name, probability in expressions:
        e[EXPRESSION_INDEX[name]] += probability
    e[EXPRESSION_INDEX["neutral"]] += 1 - e.sum()
    return mixture_of_rows(e, table, mixture, binary)[0].numpy()


def labelled(active: Collection[int]) -> Annotations:
    """Return a face with all 17 AUs annotated, of which the given ones are active."""
    return Annotations.of(action_units={number: float(number in active) for number in AU_NUMBERS}).to(torch.float64)


@lru_cache(maxsize=512)
def soft_label(
    active: tuple[int, ...], table: RelatednessTable, temperature: float, observational: Observational
) -> np.ndarray:
    """Compute [7] q(e|x) of a face with these AUs active."""
    return soft_labels(labelled(active), table, temperature, observational).numpy()


@lru_cache(maxsize=128)
def learned(
    active: tuple[int, ...],
    table: RelatednessTable,
    form: SoftForm,
    temperature: float,
    observational: Observational,
    steps: int = 60,
) -> np.ndarray:
    """Compute [7] p(e|x) after gradient descent on ``soft_co_annotation`` alone, from a uniform distribution."""
    labels = labelled(active)
    z = torch.zeros(len(EXPRESSIONS), dtype=torch.float64)
    for _ in range(steps):
        z = z.detach().requires_grad_()
        loss = soft_co_annotation(Predictions.of(z), labels, table, form, temperature, observational)
        (slope,) = torch.autograd.grad(loss, z)
        z = z.detach() - 6 * slope
    return z.softmax(-1).numpy()


def hard_label(active: Collection[int], table: RelatednessTable) -> str | None:
    """Return the expression that hard co-annotation adds to a face with these AUs active, or None."""
    added = co_annotations(labelled(active), table, "au_to_expression")
    return EXPRESSIONS[int(added.expression.argmax())].value if added.expression_weight > 0 else None


def _target(q: float, like: Tensor) -> tuple[Tensor, Tensor]:
    return torch.full_like(like, q), torch.full_like(like, 1 - q)
