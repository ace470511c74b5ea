"""Explains the compound expression of a face: the terms whose sum is the score of each class.

Three terms are those of the zero-shot score (paper A, eq. 13 to 15; see ``fbn.compound``). The fourth is the residual
that a network learned by few-shot training adds. Results hold the probabilities, so the residual is computed from them.
"""

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
class ClassScore:
    """The score of one class.

    Attributes:
        name: name of the class; for "none of these", the basic expression with the best score.
        parts: the basic expressions the class is composed of; empty if its name is unknown, and its terms are then the
            means over the other classes.
        probability: in [0, 1]; over all classes and "none of these" they sum to 1.
        action_units, expressions, valence: the terms of the zero-shot score, each in [0, 1].
        learnt: the residual added by few-shot training; 0 for a zero-shot score and for "none of these".
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
    def display_name(self) -> str:
        """The display name, e.g. ``Happily surprised`` or ``None of these: happiness``."""
        return f"{NONE_OF_THESE}: {self.name}".capitalize() if self.none else self.name[:1].upper() + self.name[1:]


def breakdown(affect: Affect) -> tuple[ClassScore, ...]:
    """Compute the terms of every class, most probable first; "none of these" is last, if scored.

    In smoothed results, terms and probabilities are smoothed independently, so that for a few frames the most probable
    class need not have the largest total.

    Args:
        affect: predictions for one face, with compound expressions.

    Raises:
        ValueError: the face has no compound scores.
    """
    scorer = affect.scorer
    if scorer is None:
        raise ValueError("this face was read without compound expressions")
    classes, predictions = scorer.classes, predictions_of(affect)
    scores = _scores(classes, terms(predictions, classes), torch.from_numpy(affect.compound))
    none = none_of_these(predictions, classes, torch.zeros(len(scores), dtype=torch.float64))
    # score = temperature * log(probability) + offset, by inversion of the softmax; the offset follows from "none of
    # these", whose score has no residual
    offset = 0.0
    if has_none := bool(none.total.isfinite()):
        basic = _basic_class(EXPRESSIONS[int(none.expression)], classes)
        (none_score,) = _scores(basic, terms(predictions, basic), torch.from_numpy(affect.none_of_these))
        none_score = replace(none_score, none=True)
        offset = none_score.total - scorer.temperature * _log(none_score.probability)
    if scorer.learnt:
        scores = [replace(s, learnt=scorer.temperature * _log(s.probability) + offset - s.total) for s in scores]
        if not has_none:  # the offset is unknown: assume that the residuals have mean 0
            mean = sum(s.learnt for s in scores) / len(scores)
            scores = [replace(s, learnt=s.learnt - mean) for s in scores]
    ordered = sorted(scores, key=lambda score: -score.probability)
    return (*ordered, none_score) if has_none else tuple(ordered)


def _scores(classes: CompoundClasses, class_terms: Terms, probability: Tensor) -> list[ClassScore]:
    """Combine [C] terms and probabilities to one score per class, without residuals."""
    columns = (probability, class_terms.action_units, class_terms.expressions, class_terms.valence)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    names = zip(classes.classes, classes.parts, strict=True)
    return [ClassScore(name, expressions, *row) for (name, expressions), row in zip(names, rows, strict=True)]


def _basic_class(expression: Expression, classes: CompoundClasses) -> CompoundClasses:
    """Return a basic expression as the only class."""
    row = classes.basic[EXPRESSIONS.index(expression)]
    positive = expression == Expression.HAPPINESS
    return CompoundClasses("", (expression.value,), (row,), ((expression,),), (positive,), classes.basic)


def _log(probability: float) -> float:
    return float(torch.tensor(probability, dtype=torch.float64).clamp_min(_MIN_PROBABILITY).log())
