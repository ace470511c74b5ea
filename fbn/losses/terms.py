"""The training objective and its terms: a loss with its options and its weight.

To add a loss, write a subclass of ``Term`` and add it to ``TERMS``, whatever its tasks. A loss that couples two tasks
through any relatedness table belongs in ``COUPLINGS``: each of those becomes an arm of ``fbn study affect``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor

from fbn.errors import FormatError, readable_errors
from fbn.labelling import Observational
from fbn.losses import coupling, tasks
from fbn.losses.distillation import distillation
from fbn.records import Annotations, Predictions
from fbn.relatedness import MIN_WEIGHT, RelatednessTable
from fbn.tasks import ACTION_UNITS, EXPRESSION, TASKS, VALENCE_AROUSAL, Kind, TaskField, named

Factor = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Term(BaseModel):
    """One loss of an objective. A subclass has the options of its loss as fields and implements ``loss``.

    Attributes:
        weight: factor of the loss in the total, >= 0; a loss of weight 0 is not computed.

    Example:
        >>> import fbn
        >>> matching = {"weight": 0.3, "form": "printed"}
        >>> terms = fbn.losses.Objective({"distribution_matching": matching, "compound": 1.0}).terms
        >>> terms["distribution_matching"].form, terms["compound"].task.name
        ('printed', 'compound')
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight: Factor = 1.0

    def loss(
        self,
        predictions: Predictions,
        annotations: Annotations,
        table: RelatednessTable,
        teacher: Predictions | None = None,
    ) -> Tensor:
        """Compute the loss of a batch, a scalar, not multiplied by ``weight``.

        Args:
            predictions: outputs of the network.
            annotations: labels, of the same batch shape.
            table: relatedness table; its row and column tasks are coupled.
            teacher: predictions of a teacher network, or None.

        Raises:
            ValueError: the loss needs a head or a teacher that is missing.
        """
        raise NotImplementedError


class TaskTerm(Term):
    """A loss of one task.

    Attributes:
        task: in files, a name in ``fbn.tasks.TASKS`` or name, kind and labels.
    """

    KIND: ClassVar[Kind]

    task: TaskField

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if self.task.kind != self.KIND:
            raise ValueError(f"task {self.task.name} is {self.task.kind}: expected a {self.KIND} task")
        for name in ("class_weights", "positive_weights"):
            factors = getattr(self, name, None)
            if factors is not None and len(factors) != len(self.task):
                raise ValueError(f"{name}: expected {len(self.task)} numbers, one for each label of {self.task.name}")
        return self


class CrossEntropy(TaskTerm):
    """``fbn.losses.cross_entropy``.

    Attributes:
        class_weights: one factor per label, or None.
    """

    KIND = "categorical"

    task: TaskField = EXPRESSION
    class_weights: tuple[Factor, ...] | None = None

    def loss(self, predictions, annotations, table, teacher=None) -> Tensor:  # type: ignore[no-untyped-def]
        """See ``Term``."""
        return tasks.cross_entropy(predictions, annotations, self.task, self.class_weights)


class BinaryCrossEntropy(TaskTerm):
    """``fbn.losses.binary_cross_entropy``.

    Attributes:
        positive_weights: one factor per label, applied where it is active, or None.
        reduction: ``"mean"`` or ``"sum"`` over the labels of an image.
    """

    KIND = "binary"

    task: TaskField = ACTION_UNITS
    positive_weights: tuple[Factor, ...] | None = None
    reduction: Literal["mean", "sum"] = "mean"

    def loss(self, predictions, annotations, table, teacher=None) -> Tensor:  # type: ignore[no-untyped-def]
        """See ``Term``."""
        return tasks.binary_cross_entropy(predictions, annotations, self.task, self.positive_weights, self.reduction)


class Concordance(TaskTerm):
    """``fbn.losses.concordance_loss``."""

    KIND = "continuous"

    task: TaskField = VALENCE_AROUSAL

    def loss(self, predictions, annotations, table, teacher=None) -> Tensor:  # type: ignore[no-untyped-def]
        """See ``Term``."""
        return tasks.concordance_loss(predictions, annotations, self.task)


class SquaredError(TaskTerm):
    """``fbn.losses.mean_squared_error``."""

    KIND = "continuous"

    task: TaskField = VALENCE_AROUSAL

    def loss(self, predictions, annotations, table, teacher=None) -> Tensor:  # type: ignore[no-untyped-def]
        """See ``Term``."""
        return tasks.mean_squared_error(predictions, annotations, self.task)


class DistributionMatching(Term):
    """``fbn.losses.distribution_matching``, which documents the options."""

    form: coupling.MatchingForm = "kl"
    mixture: coupling.Mixture = "sum"
    binary: bool = True
    gradients: coupling.Gradients | None = None
    min_weight: Annotated[float, Field(ge=0, le=1)] = MIN_WEIGHT

    def loss(self, predictions, annotations, table, teacher=None) -> Tensor:  # type: ignore[no-untyped-def]
        """See ``Term``."""
        return coupling.distribution_matching(predictions, table, **self.model_dump(exclude={"weight"}))


class SoftCoAnnotation(Term):
    """``fbn.losses.soft_co_annotation``, which documents the options."""

    form: coupling.SoftForm = "printed"
    temperature: Positive = 1.0
    observational: Observational = "weight"

    def loss(self, predictions, annotations, table, teacher=None) -> Tensor:  # type: ignore[no-untyped-def]
        """See ``Term``."""
        return coupling.soft_co_annotation(
            predictions, annotations, table, self.form, self.temperature, self.observational
        )


class CoAnnotation(Term):
    """``fbn.losses.co_annotation``, which documents the options."""

    observational: Observational = "weight"
    class_weights: tuple[Factor, ...] | None = None
    positive_weights: tuple[Factor, ...] | None = None

    def loss(self, predictions, annotations, table, teacher=None) -> Tensor:  # type: ignore[no-untyped-def]
        """See ``Term``."""
        return coupling.co_annotation(
            predictions, annotations, table, self.observational, self.class_weights, self.positive_weights
        )


class Distillation(Term):
    """``fbn.losses.distillation``, which documents the options.

    Attributes:
        factors: factors of the expression, the action unit and the valence-arousal loss (paper B: 1, 8, 1).
    """

    temperature: Positive = 1.5
    label_share: Annotated[float, Field(ge=0, le=1)] = 0.6
    factors: tuple[Factor, Factor, Factor] = (1.0, 1.0, 1.0)

    def loss(self, predictions, annotations, table, teacher=None) -> Tensor:  # type: ignore[no-untyped-def]
        """See ``Term``."""
        if teacher is None:
            raise ValueError("the distillation term needs a teacher's predictions")
        return distillation(predictions, teacher, annotations, self.label_share, self.temperature, *self.factors)


#: Loss terms that couple two tasks through any relatedness table; each becomes an arm of ``fbn study affect``.
COUPLINGS: dict[str, type[Term]] = {
    "distribution_matching": DistributionMatching,
    "soft_co_annotation": SoftCoAnnotation,
    "co_annotation": CoAnnotation,
}
#: Every loss term by name; tests iterate it.
TERMS: dict[str, type[Term]] = {
    "expression": CrossEntropy,
    "action_units": BinaryCrossEntropy,
    "valence_arousal": Concordance,
    "valence_arousal_mse": SquaredError,
    **COUPLINGS,
    "distillation": Distillation,
}
_OF_KIND: dict[Kind, type[TaskTerm]] = {
    "categorical": CrossEntropy,
    "binary": BinaryCrossEntropy,
    "continuous": Concordance,
}


def term(name: str, value: float | Mapping[str, Any] | Term) -> Term:
    """Build a term from a weight, a mapping of options, or an existing ``Term``.

    Args:
        name: a name in ``TERMS`` or the name of a task; any other name needs the option ``task``. The kind of a task
            decides its loss.
        value: the weight, the options, or a term, which is returned unchanged.

    Raises:
        FormatError: an unknown term or option, or a value out of range; the message names it.
    """
    if isinstance(value, Term):
        return value
    fields: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {"weight": value}
    kind = TERMS.get(name)
    try:
        if kind is None:
            if "task" not in fields and name not in TASKS:
                expected = f"{', '.join(TERMS)}, a task ({', '.join(TASKS)}), or a field 'task'"
                raise FormatError(f"unknown loss term {name!r}: expected one of {expected}")
            fields["task"] = named(fields.get("task", name))
            kind = _OF_KIND[fields["task"].kind]
        return kind.model_validate(fields)
    except ValidationError as error:
        raise FormatError(f"loss term {name}: {readable_errors(error, name)}") from error
    except (ValueError, KeyError) as error:
        raise FormatError(f"loss term {name}: {error}") from error


def merged(terms: Mapping[str, Term], changes: Mapping[str, float | Mapping[str, Any] | Term]) -> dict[str, Term]:
    """Return the terms with some weights and options replaced; a number replaces the weight only.

    Raises:
        FormatError: see ``term``.
    """
    new = dict(terms)
    for name, value in changes.items():
        if name in terms and not isinstance(value, Term):
            fields = value if isinstance(value, Mapping) else {"weight": value}
            value = terms[name].model_dump() | dict(fields)
        new[name] = term(name, value)
    return new


@dataclass(frozen=True)
class Objective:
    """L = sum over terms of weight * loss (paper A, eq. 2 plus the coupling losses).

    Attributes:
        terms: name -> ``Term``, given as a term, a weight, or a mapping of options. A name is one of
            ``fbn.losses.TERMS`` or the name of a task. Terms of weight 0 are not computed.
        table: relatedness table of the coupling terms.

    Raises:
        FormatError: an unknown term or option, or a number out of range.

    Example:
        >>> import fbn
        >>> import torch
        >>> matching = {"weight": 0.3, "form": "printed"}
        >>> objective = fbn.losses.Objective({"expression": 1, "action_units": 2, "distribution_matching": matching})
        >>> predictions = fbn.Predictions.of(torch.zeros(1, 7), torch.zeros(1, 17))
        >>> total, terms = objective(predictions, fbn.Annotations.stack([fbn.Annotations.of("happiness")]))
        >>> sorted(terms)
        ['action_units', 'distribution_matching', 'expression']
    """

    terms: Mapping[str, Any] = field(
        default_factory=lambda: {"expression": 1.0, "action_units": 1.0, "valence_arousal": 1.0}
    )
    table: RelatednessTable = field(default_factory=lambda: RelatednessTable.named("du2014"))

    def __post_init__(self) -> None:
        terms: dict[str, Term] = {name: term(name, value) for name, value in self.terms.items()}
        object.__setattr__(self, "terms", terms)

    def __call__(
        self, predictions: Predictions, annotations: Annotations, teacher: Predictions | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the total and the value of each computed term, unweighted and detached.

        Every head is part of the total's graph, so distributed training has no unused parameters to search for.

        Raises:
            ValueError: a term needs a head that the network lacks, or a teacher that is missing.
        """
        values = {
            name: term.loss(predictions, annotations, self.table, teacher)
            for name, term in self.terms.items()
            if term.weight
        }
        total = torch.stack([output.sum() * 0 for _, output in predictions.items()]).sum()
        for name, value in values.items():
            total = total + self.terms[name].weight * value
        return total, {name: value.detach() for name, value in values.items()}
