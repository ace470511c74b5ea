"""The training objective: named, weighted terms over one registry.

To add a loss: write a function of ``Term``'s signature and give it a line in ``TERMS``, or in ``COUPLINGS`` if it
couples tasks: the study then has a row with it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import get_args

import torch
from torch import Tensor

from fbn.errors import FormatError
from fbn.labelling import Observational, co_annotations
from fbn.losses import coupling, tasks
from fbn.losses.distillation import distillation
from fbn.records import Annotations, Predictions
from fbn.relatedness import MIN_WEIGHT, RelatednessTable
from fbn.tasks import ACTION_UNITS, EXPRESSION
from fbn.vocabulary import AU_NUMBERS, EXPRESSIONS

_CHOICES = {
    "matching_form": get_args(coupling.MatchingForm),
    "matching_mixture": get_args(coupling.Mixture),
    "matching_gradients": (None, *get_args(coupling.Gradients)),
    "soft_form": get_args(coupling.SoftForm),
    "observational": get_args(Observational),
}
_FACTORS = {"class_weights": len(EXPRESSIONS), "positive_weights": len(AU_NUMBERS), "distillation_factors": 3}


@dataclass(frozen=True)
class Objective:
    """L = sum over terms of weight * term (A eq. 2 plus the coupling losses).

    Attributes:
        weights: name in ``TERMS`` -> factor; terms of weight 0 or not named are not computed.
        table: relatedness for the coupling terms.
        class_weights: seven factors in the expression and the co-annotation term, or None.
        positive_weights: seventeen factors on active AUs in the AU and the co-annotation term, or None.
        matching_form, matching_mixture, matching_binary, matching_gradients, min_weight: of ``distribution_matching``.
        soft_form, soft_temperature: of ``soft_co_annotation``.
        observational: weight of observational AUs in co-annotation, hard and soft.
        temperature: of ``distillation``.
        label_share: of ``distillation``.
        distillation_factors: of ``distillation``'s expression, AU and valence-arousal parts (B: 1, 8, 1).

    Raises:
        FormatError: an unknown term or option, or a number out of range.

    Example:
        >>> import fbn
        >>> import torch
        >>> objective = fbn.losses.Objective({"expression": 1.0, "action_units": 2.0, "distribution_matching": 0.3})
        >>> predictions = fbn.Predictions.of(torch.zeros(1, 7), torch.zeros(1, 17))
        >>> total, terms = objective(predictions, fbn.Annotations.stack([fbn.Annotations.of("happiness")]))
        >>> sorted(terms)
        ['action_units', 'distribution_matching', 'expression']
    """

    weights: Mapping[str, float] = field(
        default_factory=lambda: {"expression": 1.0, "action_units": 1.0, "valence_arousal": 1.0}
    )
    table: RelatednessTable = field(default_factory=lambda: RelatednessTable.named("du2014"))
    class_weights: tuple[float, ...] | None = None
    positive_weights: tuple[float, ...] | None = None
    matching_form: coupling.MatchingForm = "kl"
    matching_mixture: coupling.Mixture = "sum"
    matching_binary: bool = True
    matching_gradients: coupling.Gradients | None = None
    min_weight: float = MIN_WEIGHT
    soft_form: coupling.SoftForm = "printed"
    soft_temperature: float = 1.0
    observational: Observational = "weight"
    temperature: float = 1.5
    label_share: float = 0.6
    distillation_factors: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        for name, weight in self.weights.items():
            if name not in TERMS:
                raise FormatError(f"unknown loss term {name!r}: expected one of {', '.join(TERMS)}")
            if not 0 <= weight < float("inf"):
                raise FormatError(f"loss term {name} has weight {weight}: expected a finite number of at least 0")
        for name, allowed in _CHOICES.items():
            if (value := getattr(self, name)) not in allowed:
                raise FormatError(f"{name} {value!r}: expected one of {', '.join(str(x) for x in allowed)}")
        for name, count in _FACTORS.items():
            factors = getattr(self, name)
            if factors is not None and not (len(factors) == count and all(0 <= f < float("inf") for f in factors)):
                raise FormatError(f"{name} {factors}: expected {count} finite numbers of at least 0")
        for name in ("soft_temperature", "temperature"):
            if not 0 < getattr(self, name) < float("inf"):
                raise FormatError(f"{name} {getattr(self, name)}: expected a finite number above 0")
        if not 0 <= self.label_share <= 1:
            raise FormatError(f"label_share {self.label_share}: expected a number in [0, 1]")

    def __call__(
        self, predictions: Predictions, annotations: Annotations, teacher: Predictions | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The total, and each computed term's value, unweighted and detached.

        Every head stays in the total's graph, so distributed training needs no search for unused parameters.

        Raises:
            ValueError: a term needs a head that the network lacks, or a teacher that is not given.
        """
        values = {name: TERMS[name](self, predictions, annotations, teacher) for name, w in self.weights.items() if w}
        total = torch.stack([output.sum() * 0 for _, output in predictions.items()]).sum()
        for name, value in values.items():
            total = total + self.weights[name] * value
        return total, {name: value.detach() for name, value in values.items()}


Term = Callable[[Objective, Predictions, Annotations, Predictions | None], Tensor]


def _expression(o: Objective, p: Predictions, a: Annotations, teacher: Predictions | None) -> Tensor:
    return tasks.cross_entropy(p, a, EXPRESSION, o.class_weights)


def _action_units(o: Objective, p: Predictions, a: Annotations, teacher: Predictions | None) -> Tensor:
    return tasks.binary_cross_entropy(p, a, ACTION_UNITS, o.positive_weights)


def _valence_arousal(o: Objective, p: Predictions, a: Annotations, teacher: Predictions | None) -> Tensor:
    return tasks.concordance_loss(p, a)


def _valence_arousal_mse(o: Objective, p: Predictions, a: Annotations, teacher: Predictions | None) -> Tensor:
    return tasks.mean_squared_error(p, a)


def _distribution_matching(o: Objective, p: Predictions, a: Annotations, teacher: Predictions | None) -> Tensor:
    return coupling.distribution_matching(
        p,
        o.table,
        form=o.matching_form,
        mixture=o.matching_mixture,
        binary=o.matching_binary,
        gradients=o.matching_gradients,
        min_weight=o.min_weight,
    )


def _soft_co_annotation(o: Objective, p: Predictions, a: Annotations, teacher: Predictions | None) -> Tensor:
    return coupling.soft_co_annotation(p, a, o.table, o.soft_form, o.soft_temperature, o.observational)


def _co_annotation(o: Objective, p: Predictions, a: Annotations, teacher: Predictions | None) -> Tensor:
    """The task losses on the labels that co-annotation adds; the given labels have their own terms."""
    added = co_annotations(a, o.table, observational=o.observational)
    expression = tasks.cross_entropy(p, added, EXPRESSION, o.class_weights)
    return expression + tasks.binary_cross_entropy(p, added, ACTION_UNITS, o.positive_weights)


def _distillation(o: Objective, p: Predictions, a: Annotations, teacher: Predictions | None) -> Tensor:
    if teacher is None:
        raise ValueError("the distillation term needs a teacher's predictions")
    return distillation(p, teacher, a, o.label_share, o.temperature, *o.distillation_factors)


#: What couples tasks.
COUPLINGS: dict[str, Term] = {
    "distribution_matching": _distribution_matching,
    "soft_co_annotation": _soft_co_annotation,
    "co_annotation": _co_annotation,
}
TERMS: dict[str, Term] = {
    "expression": _expression,
    "action_units": _action_units,
    "valence_arousal": _valence_arousal,
    "valence_arousal_mse": _valence_arousal_mse,
    **COUPLINGS,
    "distillation": _distillation,
}
