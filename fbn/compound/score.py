"""Naming compound expressions without having learnt any: the zero-shot score of papers A (eq. 12 to 15) and C (4.5).

A class' score is the sum of three terms: how far its action units are there, how probable its basic expressions are,
and, of two classes, whether valence is positive. Shapes as in ``fbn.records``; ``...`` is any batch shape.
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

#: What scores are divided by before the softmax (fbn's choice). With it the shipped network, which never saw one, is as
#: sure of its first guess as it is often right: .38 and .36 on 330 drawn faces of RAF-DB's eleven classes
#: (``fbn synth rafdb-compound --count 330 --seed 77``). Their cross entropy is least there too; .3 and .4 are as good.
DEFAULT_TEMPERATURE = 0.35
#: Paper A: 1 where valence > 0. C: (v / |v| + 1) / 2, the same but at 0, where C leaves it open and fbn takes 0.5.
Valence = Literal["positive", "sign"]


@dataclass(frozen=True)
class Terms:
    """The three terms of the zero-shot score, each [..., C]."""

    action_units: Tensor
    expressions: Tensor
    valence: Tensor

    @property
    def total(self) -> Tensor:
        """[..., C] their sum (eq. 12), in [0, 3]."""
        return self.action_units + self.expressions + self.valence


@dataclass(frozen=True)
class NoneOfThese:
    """The best basic expression that is not among the classes.

    Attributes:
        total: [...] its score by the same formula, less the margin; -inf where there is none to compare.
        expression: [...] long, index into ``EXPRESSIONS``.
        holds: [...] bool, it beats the best class.
    """

    total: Tensor
    expression: Tensor
    holds: Tensor


def terms(predictions: Predictions, classes: CompoundClasses, valence: Valence = "positive") -> Terms:
    """The terms of eq. 12 to 15 for each class.

    A class whose name says nothing gets the mean of the others in each term, one without AUs in its row the mean of
    the others' first term; where there are no others, 0. A basic class' second term is p(e|x), neutral's first is
    1 - max_a p(a|x), and happiness counts among those with positive valence (all fbn's choices).

    Args:
        predictions: with all three heads.
        classes: what to score.
        valence: A's third term, or C's.

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
    # products and sums, for autocast would round a matrix product to bfloat16
    units = (p_a[..., None, :] * rows).sum(-1) / torch.where(total > 0, total, 1)
    units = torch.where(_mask(neutral, units), 1 - p_a.amax(-1, keepdim=True), units)
    made_of = p_e.new_tensor([[float(e in parts) for e in EXPRESSIONS] for parts in classes.parts])
    expressions = (p_e[..., None, :] * made_of).sum(-1)
    third = (v > 0).to(v) if valence == "positive" else (v.sign() + 1) / 2
    speaks = third * v.new_tensor([float(own) for own in classes.positive])
    known = classes.known
    scored = [k and (n or any(row)) for k, n, row in zip(known, neutral, classes.rows, strict=True)]
    return Terms(_filled(units, scored), _filled(expressions, known), _filled(speaks, known))


def probabilities(total: Tensor, temperature: float = DEFAULT_TEMPERATURE) -> Tensor:
    """[..., C] softmax of scores [..., C] divided by a temperature > 0."""
    return (total / temperature).softmax(-1)


def none_of_these(
    predictions: Predictions,
    classes: CompoundClasses,
    total: Tensor,
    valence: Valence = "positive",
    margin: float = 0.0,
) -> NoneOfThese:
    """Whether a basic expression that is not among the classes explains a face better than all of them.

    As one more entry of the softmax: ``probabilities(torch.cat([total, none.total[..., None]], -1))``.

    Args:
        predictions: as for ``terms``.
        classes: what was scored.
        total: [..., C] their scores; of a network that learnt them, its logits times its temperature.
        valence: as for ``terms``.
        margin: by how much it has to be better, >= 0 (fbn's choice, as is the whole comparison).
    """
    others = _others(classes)
    if others is None:
        nothing = total.new_full(total.shape[:-1], -torch.inf)
        return NoneOfThese(nothing, torch.zeros_like(nothing, dtype=torch.long), nothing > 0)
    best, index = terms(predictions, others, valence).total.max(-1)
    numbers = torch.tensor([EXPRESSION_INDEX[own] for own in others.classes], device=index.device)
    least = best - margin
    return NoneOfThese(least, numbers[index], least > total.amax(-1))


def _others(classes: CompoundClasses) -> CompoundClasses | None:
    """Neutral, and the basic expressions whose row has AUs, that are not among the classes; None without any."""
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


def _filled(term: Tensor, known: Sequence[bool]) -> Tensor:
    """[..., C] the term, its mean over the known classes for the others; 0 where none is known."""
    if all(known):
        return term
    mask = _mask(known, term)
    mean = torch.where(mask, term, 0).sum(-1, keepdim=True) / max(sum(known), 1)
    return torch.where(mask, term, mean)


def _mask(values: Sequence[bool], like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device)
