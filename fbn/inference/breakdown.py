"""The terms of a face's compound scores: three of the zero-shot score, and one learnt by training."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fbn.compound import CompoundClasses, Terms, none_of_these, terms
from fbn.inference.compounds import NONE_OF_THESE
from fbn.inference.effect import predictions_of
from fbn.inference.results import Affect
from fbn.vocabulary import EXPRESSIONS, Expression

#: Probabilities are clamped to this minimum: 0 has no finite logarithm.
_MIN_PROBABILITY = 1e-30


@dataclass(frozen=True)
class Share:
    """The score of one class.

    Attributes:
        name: of the class; for "none of these" the basic expression that explains the face better.
        parts: the basic expressions it is composed of; empty for an unknown class name, whose terms are the means of
            the other classes.
        probability: in [0, 1]; over all classes and "none of these" they sum to 1.
        action_units, expressions, valence: the terms of eq. 13 to 15, each in [0, 1].
        learnt: the residual added by training; 0 for a zero-shot score and for "none of these".
        none: whether this is "none of these".
    """

    name: str
    parts: tuple[Expression, ...]
    probability: float
    action_units: float
    expressions: float
    valence: float
    learnt: float = 0.0
    none: bool = False

    @property
    def total(self) -> float:
        """The sum of the terms, which is divided by the temperature and normalised by the softmax."""
        return self.action_units + self.expressions + self.valence + self.learnt

    @property
    def words(self) -> str:
        """The display name, e.g. ``Happily surprised`` or ``None of these: happiness``."""
        return f"{NONE_OF_THESE}: {self.name}".capitalize() if self.none else self.name[:1].upper() + self.name[1:]


def breakdown(affect: Affect) -> tuple[Share, ...]:
    """Compute the terms of every class, most probable first; "none of these" is last, if scored.

    Smoothed terms and probabilities are smoothed independently, so their orders may differ briefly.

    Args:
        affect: of one face, with compounds.

    Raises:
        ValueError: the face has no compound scores.
    """
    scorer = affect.scorer
    if scorer is None:
        raise ValueError("this face was read without compound expressions")
    classes, predictions = scorer.classes, predictions_of(affect)
    scores = _scores(classes, terms(predictions, classes), torch.from_numpy(affect.compound))
    none = none_of_these(predictions, classes, torch.zeros(len(scores), dtype=torch.float64))
    level = 0.0
    if there := bool(none.total.isfinite()):
        other = _basic(EXPRESSIONS[int(none.expression)], classes)
        (last,) = _scores(other, terms(predictions, other), torch.from_numpy(affect.none_of_these))
        last = replace(last, none=True)
        level = last.total - scorer.temperature * _log(last.probability)
    if scorer.learnt:
        scores = [replace(s, learnt=scorer.temperature * _log(s.probability) + level - s.total) for s in scores]
        if not there:  # scores are then known up to a constant: assume that the residuals have mean 0
            middle = sum(s.learnt for s in scores) / len(scores)
            scores = [replace(s, learnt=s.learnt - middle) for s in scores]
    ordered = sorted(scores, key=lambda score: -score.probability)
    return (*ordered, last) if there else tuple(ordered)


def _scores(classes: CompoundClasses, made_of: Terms, probability: Tensor) -> list[Share]:
    columns = (probability, made_of.action_units, made_of.expressions, made_of.valence)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    names = zip(classes.classes, classes.parts, strict=True)
    return [Share(name, parts, *row) for (name, parts), row in zip(names, rows, strict=True)]


def _basic(expression: Expression, classes: CompoundClasses) -> CompoundClasses:
    row = classes.basic[EXPRESSIONS.index(expression)]
    positive = expression == Expression.HAPPINESS
    return CompoundClasses("", (expression.value,), (row,), ((expression,),), (positive,), classes.basic)


def _log(probability: float) -> float:
    return float(torch.tensor(probability, dtype=torch.float64).clamp_min(_MIN_PROBABILITY).log())
