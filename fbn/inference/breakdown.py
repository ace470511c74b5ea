"""What the compound scores of one face are made of: the three terms of the zero-shot score, and what was learnt."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fbn.compound import CompoundClasses, Terms, none_of_these, terms
from fbn.inference.compounds import NONE_OF_THESE
from fbn.inference.effect import predictions_of
from fbn.inference.results import Affect
from fbn.vocabulary import EXPRESSIONS, Expression

#: Probabilities that are exactly 0 have no finite score.
_EDGE = 1e-30


@dataclass(frozen=True)
class Share:
    """One class' score.

    Attributes:
        name: of the class; of the entry for none of them the expression that explains the face better.
        parts: the basic expressions it is made of; none where its name says nothing, whose terms are
            the mean of the others'.
        probability: in [0, 1]; over all classes and the entry for none they sum to 1.
        action_units, expressions, valence: the terms of eq. 13 to 15, each in [0, 1].
        learnt: what training added to the score; 0 for a zero-shot score and for the entry for none.
        none: whether this is the entry for none of the classes.
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
        """The score that the softmax, after a division by the temperature, is taken of."""
        return self.action_units + self.expressions + self.valence + self.learnt

    @property
    def words(self) -> str:
        """The name as it is shown, e.g. ``Happily surprised`` or ``None of these: happiness``."""
        return f"{NONE_OF_THESE}: {self.name}".capitalize() if self.none else self.name[:1].upper() + self.name[1:]


def breakdown(affect: Affect) -> tuple[Share, ...]:
    """Every class' share, the likeliest first; the entry for none of them stands last, where there is one.

    Of smoothed values terms and probabilities are smoothed each for themselves, so their order may differ for a
    moment.

    Args:
        affect: one face's, with compounds.

    Raises:
        ValueError: without.
    """
    scorer = affect.scorer
    if scorer is None:
        raise ValueError("this face was read without compound expressions")
    classes, read = scorer.classes, predictions_of(affect)
    own = _shares(classes, terms(read, classes), torch.from_numpy(affect.compound))
    none = none_of_these(read, classes, torch.zeros(len(own), dtype=torch.float64))
    level = 0.0
    if there := bool(none.total.isfinite()):
        other = _basic(EXPRESSIONS[int(none.expression)], classes)
        (last,) = _shares(other, terms(read, other), torch.from_numpy(affect.none_of_these))
        last = replace(last, none=True)
        level = last.total - scorer.temperature * _log(last.probability)
    if scorer.learnt:
        own = [replace(s, learnt=scorer.temperature * _log(s.probability) + level - s.total) for s in own]
        if not there:  # then scores are known up to a constant: what was learnt is taken to cancel out
            middle = sum(s.learnt for s in own) / len(own)
            own = [replace(s, learnt=s.learnt - middle) for s in own]
    ordered = sorted(own, key=lambda share: -share.probability)
    return (*ordered, last) if there else tuple(ordered)


def _shares(classes: CompoundClasses, made_of: Terms, probability: Tensor) -> list[Share]:
    columns = (probability, made_of.action_units, made_of.expressions, made_of.valence)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    names = zip(classes.classes, classes.parts, strict=True)
    return [Share(name, parts, *row) for (name, parts), row in zip(names, rows, strict=True)]


def _basic(expression: Expression, classes: CompoundClasses) -> CompoundClasses:
    row = classes.basic[EXPRESSIONS.index(expression)]
    positive = expression == Expression.HAPPINESS
    return CompoundClasses("", (expression.value,), (row,), ((expression,),), (positive,), classes.basic)


def _log(probability: float) -> float:
    return float(torch.tensor(probability, dtype=torch.float64).clamp_min(_EDGE).log())
