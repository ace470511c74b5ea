"""Zero-shot classification of compound expressions, after papers A (eq. 12 to 15) and C (4.5).

The score of a class is the sum of three terms: the activation of its action units, the probability of its basic
expressions, and, for two classes, whether valence is positive. ``...`` is any batch shape.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fbn.compound.classes import CompoundClasses
from fbn.errors import FormatError
from fbn.records import Predictions
from fbn.vocabulary import EXPRESSION_INDEX, EXPRESSIONS, Expression

#: Divisor of the scores before the softmax (fbn's choice). It calibrates the shipped network, which was not trained on
#: compound expressions: mean confidence .38 and accuracy .36 on 330 synthetic faces of RAF-DB's eleven classes
#: (``fbn synth rafdb-compound --count 330 --seed 77``). It also minimises their cross entropy, as do .3 and .4.
DEFAULT_TEMPERATURE = 0.35
#: Paper A: 1 where valence > 0. C: (v / |v| + 1) / 2, which differs only at 0: C is undefined there, fbn uses 0.5.
Valence = Literal["positive", "sign"]


@dataclass(frozen=True)
class Terms:
    """The three terms of the zero-shot score, each [..., C]."""

    action_units: Tensor
    expressions: Tensor
    valence: Tensor

    @property
    def total(self) -> Tensor:
        """[..., C] sum of the terms (eq. 12), in [0, 3]."""
        return self.action_units + self.expressions + self.valence


@dataclass(frozen=True)
class NoneOfThese:
    """The best basic expression that is not among the classes.

    Attributes:
        total: [...] its score by the same formula minus the margin; -inf if there is no such expression.
        expression: [...] int64, index into ``EXPRESSIONS``.
        holds: [...] bool, whether its score exceeds that of the best class.
    """

    total: Tensor
    expression: Tensor
    holds: Tensor


def terms(predictions: Predictions, classes: CompoundClasses, valence: Valence = "positive") -> Terms:
    """Compute the terms of eq. 12 to 15 for each class.

    Undefined terms are replaced by the mean over the other classes, or 0: all terms of a class with an unknown name,
    and the first term of a class without AUs. The second term of a basic class is p(e|x), the first of neutral is
    1 - max_a p(a|x), and happiness has positive valence (all fbn's choices).

    Args:
        predictions: predictions of all three heads.
        classes: the classes.
        valence: third term as in A (``"positive"``) or C (``"sign"``).

    Raises:
        FormatError: the network lacks a head.
    """
    if predictions.expression_logits is None or predictions.action_unit_logits is None:
        raise FormatError("compound expressions need a network with expressions, action units and valence")
    if predictions.valence_arousal is None:
        raise FormatError("compound expressions need a network that predicts valence")
    p_e, p_a, v = predictions.expression, predictions.action_units, predictions.valence_arousal[..., :1]
    neutral = [parts == (Expression.NEUTRAL,) for parts in classes.parts]
    rows = p_a.new_tensor(classes.rows)
    total = rows.sum(-1)
    # elementwise products, because autocast would compute a matrix product in bfloat16
    units = (p_a[..., None, :] * rows).sum(-1) / torch.where(total > 0, total, 1)
    units = torch.where(_mask(neutral, units), 1 - p_a.amax(-1, keepdim=True), units)
    composition = p_e.new_tensor([[float(e in parts) for e in EXPRESSIONS] for parts in classes.parts])
    expressions = (p_e[..., None, :] * composition).sum(-1)
    third = (v > 0).to(v) if valence == "positive" else (v.sign() + 1) / 2
    positive = third * v.new_tensor([float(value) for value in classes.positive])
    known = classes.known
    scored = [k and (n or any(row)) for k, n, row in zip(known, neutral, classes.rows, strict=True)]
    return Terms(_with_means(units, scored), _with_means(expressions, known), _with_means(positive, known))


def probabilities(total: Tensor, temperature: float = DEFAULT_TEMPERATURE) -> Tensor:
    """Compute the softmax of scores [..., C] divided by a temperature > 0."""
    return (total / temperature).softmax(-1)


def none_of_these(
    predictions: Predictions,
    classes: CompoundClasses,
    total: Tensor,
    valence: Valence = "positive",
    margin: float = 0.0,
) -> NoneOfThese:
    """Score the best basic expression outside the classes, which may explain a face better than any class.

    To include it in the softmax: ``probabilities(torch.cat([total, none.total[..., None]], -1))``.

    Args:
        predictions: see ``terms``.
        classes: the classes.
        total: [..., C] their scores; for a network trained on them, its logits times its temperature.
        valence: see ``terms``.
        margin: required difference of scores, >= 0 (fbn's choice, as is the whole comparison).
    """
    others = _others(classes)
    if others is None:
        nothing = total.new_full(total.shape[:-1], -torch.inf)
        return NoneOfThese(nothing, torch.zeros_like(nothing, dtype=torch.long), nothing > 0)
    best, index = terms(predictions, others, valence).total.max(-1)
    numbers = torch.tensor([EXPRESSION_INDEX[name] for name in others.classes], device=index.device)
    least = best - margin
    return NoneOfThese(least, numbers[index], least > total.amax(-1))


def _others(classes: CompoundClasses) -> CompoundClasses | None:
    """Return neutral and the basic expressions with AUs that are not among the classes; None without any."""
    if not any(classes.known):
        return None
    rows = {
        e: row
        for e, row in zip(EXPRESSIONS, classes.basic, strict=True)
        if (e,) not in classes.parts and (e == Expression.NEUTRAL or any(row))
    }
    if not rows:
        return None
    positive = tuple(e == Expression.HAPPINESS for e in rows)
    return CompoundClasses("", tuple(rows), tuple(rows.values()), tuple((e,) for e in rows), positive, classes.basic)


def _with_means(term: Tensor, known: Sequence[bool]) -> Tensor:
    """Replace a term [..., C] of unknown classes by the mean over the known ones, or 0."""
    if all(known):
        return term
    mask = _mask(known, term)
    mean = torch.where(mask, term, 0).sum(-1, keepdim=True) / max(sum(known), 1)
    return torch.where(mask, term, mean)


def _mask(values: Sequence[bool], like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device)
