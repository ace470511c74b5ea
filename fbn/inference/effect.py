"""The effect of a relatedness table on one face, without training: implied AUs, coupling losses, labels, conflicts.

Every value comes from ``fbn.losses.coupling`` and ``fbn.labelling``; ``fbn.inference.formulas`` formats them.
"""

from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from fbn import tasks
from fbn.inference.conflicts import Conflict, conflicts, single
from fbn.inference.results import Affect
from fbn.labelling import Observational, co_annotations, intensity, soft_labels
from fbn.losses.coupling import (
    MatchingForm,
    Mixture,
    SoftForm,
    matching_terms,
    mixture_of_rows,
    soft_co_annotation,
)
from fbn.records import Annotations, Label, Predictions
from fbn.relatedness import MIN_WEIGHT, RelatednessTable
from fbn.vocabulary import ACTION_UNITS, DECISION, EXPRESSIONS

MATCHING_FORMS: tuple[MatchingForm, ...] = get_args(MatchingForm)
SOFT_FORMS: tuple[SoftForm, ...] = get_args(SoftForm)
#: Probabilities are clamped to [1e-9, 1 - 1e-9]: 0 and 1 have no finite logit.
_MIN_PROBABILITY = 1e-9


@dataclass(frozen=True)
class Settings:
    """Options of the coupling losses, see ``fbn.losses.distribution_matching`` and ``fbn.losses.soft_co_annotation``.

    Attributes:
        mixture: sum, or mean over the expressions that have the AU.
        binary: use R01 instead of R in the mixture.
        min_weight: cells below it are 0 in R01.
        observational: weight of observational AUs in hard and soft co-annotation.
        temperature: temperature of the soft label, > 0.
    """

    mixture: Mixture = "sum"
    binary: bool = True
    min_weight: float = MIN_WEIGHT
    observational: Observational = "weight"
    temperature: float = 1.0


@dataclass(frozen=True)
class Effect:
    """The coupling losses and labels of one face under one table.

    Attributes:
        table: the table.
        settings: options of the losses.
        expression: [7] p(e|x).
        action_units: [17] p(a|x).
        mixture: [17] q(a|x), not clamped; 0 outside the support.
        clamped: [17] q(a|x), clamped for the loss.
        support: [17] bool, whether the table has a weight for the AU.
        matching: form -> [17] the term of each AU in the distribution-matching loss.
        pull: form -> [17] -dL/dz for the logit z of each AU; positive where the loss increases p(a|x).
        labels: the face's labels, from which co-annotation starts: the given ones, else the network's predictions.
        intensity: [7] I(e|x) of the AU labels.
        soft_label: [7] q(e|x) of the AU labels.
        soft_loss: form -> the soft co-annotation loss.
        added_units: ((AU number, weight), ...) that co-annotation adds to a face of which only the expression is
            labelled.
        added_expression: (expression, weight) that it adds to a face of which only AUs are labelled, or None.
        conflicts: contradictions between predictions and table, largest gap first.
    """

    table: RelatednessTable
    settings: Settings
    expression: np.ndarray
    action_units: np.ndarray
    mixture: np.ndarray
    clamped: np.ndarray
    support: np.ndarray
    matching: dict[MatchingForm, np.ndarray]
    pull: dict[MatchingForm, np.ndarray]
    labels: Annotations
    intensity: np.ndarray
    soft_label: np.ndarray
    soft_loss: dict[SoftForm, float]
    added_units: tuple[tuple[int, float], ...]
    added_expression: tuple[str, float] | None
    conflicts: tuple[Conflict, ...]

    def total(self, form: MatchingForm) -> float:
        """The distribution-matching loss of this face."""
        return float(self.matching[form].sum())


@dataclass(frozen=True)
class Comparison:
    """One face under two tables."""

    before: Effect
    after: Effect

    @property
    def settled(self) -> tuple[Conflict, ...]:
        """Conflicts under the first table only."""
        return _without(self.before.conflicts, self.after.conflicts)

    @property
    def new(self) -> tuple[Conflict, ...]:
        """Conflicts under the second table only."""
        return _without(self.after.conflicts, self.before.conflicts)


def effect(
    predictions: Predictions,
    table: RelatednessTable,
    annotations: Annotations | None = None,
    settings: Settings = Settings(),
) -> Effect:
    """Compute the coupling losses, added labels and conflicts of one face.

    Args:
        predictions: predictions of one face, batch shape [] or [1], with expression and AU logits.
        table: relatedness of expressions and AUs.
        annotations: labels of the face, of the same batch shape. A task without labels gets the network's prediction:
            the most probable expression, AUs with a probability of at least 0.5. None: both tasks do.
        settings: options of the losses.

    Raises:
        ValueError: a head is missing, or there is more than one face.
    """
    face = single(predictions)
    labels = _completed(annotations, as_labels(face))
    how = {"mixture": settings.mixture, "binary": settings.binary, "min_weight": settings.min_weight}
    mixture, _ = mixture_of_rows(face.expression, table, **how)  # type: ignore[arg-type]
    matching, pull, clamped = {}, {}, mixture
    for form in MATCHING_FORMS:
        with torch.enable_grad():
            z = face.action_unit_logits.clone().requires_grad_()  # type: ignore[union-attr]
            each, clamped = matching_terms(face | {tasks.ACTION_UNITS: z}, table, form, **how)  # type: ignore[arg-type]
            (slope,) = torch.autograd.grad(each.sum(), z)
        matching[form], pull[form] = each.detach().numpy(), -slope.numpy()
    soft = {
        form: float(soft_co_annotation(face, labels, table, form, settings.temperature, settings.observational))
        for form in SOFT_FORMS
    }
    added = co_annotations(labels.only(tasks.EXPRESSION), table, "expression_to_au", settings.observational)
    named = co_annotations(labels.only(tasks.ACTION_UNITS), table, "au_to_expression", settings.observational)
    return Effect(
        table=table,
        settings=settings,
        expression=face.expression.numpy(),
        action_units=face.action_units.numpy(),
        mixture=mixture.numpy(),
        clamped=clamped.detach().numpy(),
        support=table.matrix(binary=settings.binary, min_weight=settings.min_weight).any(0).numpy(),
        matching=matching,
        pull=pull,
        labels=labels,
        intensity=intensity(labels, table, settings.observational).numpy(),
        soft_label=soft_labels(labels, table, settings.temperature, settings.observational).numpy(),
        soft_loss=soft,
        added_units=tuple(
            (unit.number, round(float(weight), 6))
            for unit, weight in zip(ACTION_UNITS, added.action_units_weight, strict=True)
            if weight > 0
        ),
        added_expression=_named(named),
        conflicts=conflicts(face, table),
    )


def compare(
    predictions: Predictions,
    before: RelatednessTable,
    after: RelatednessTable,
    annotations: Annotations | None = None,
    settings: Settings = Settings(),
) -> Comparison:
    """Compute the effect of two tables on the same face; arguments as in ``effect``."""
    return Comparison(*(effect(predictions, table, annotations, settings) for table in (before, after)))


def as_labels(predictions: Predictions) -> Annotations:
    """Convert predictions to hard labels: the most probable expression, each AU 0 or 1; no valence-arousal.

    Args:
        predictions: predictions of any batch shape, with expression and AU logits.
    """
    e = predictions.expression
    likeliest = torch.nn.functional.one_hot(e.argmax(-1), len(EXPRESSIONS)).to(e)
    active = (predictions.action_units >= DECISION).to(e)
    return Annotations(
        {
            tasks.EXPRESSION: Label(likeliest, torch.ones_like(e[..., 0])),
            tasks.ACTION_UNITS: Label(active, torch.ones_like(active)),
        }
    )


def predictions_of(affect: Affect) -> Predictions:
    """Convert a face's probabilities to logits of batch shape []; None where the network lacks the head."""

    def tensor(values: np.ndarray) -> Tensor | None:
        return None if np.isnan(values).any() else torch.from_numpy(values.astype(np.float64))

    e, a = tensor(affect.expression), tensor(affect.action_units)
    return Predictions.of(
        expression=None if e is None else e.clamp_min(_MIN_PROBABILITY).log(),
        action_units=None if a is None else a.logit(_MIN_PROBABILITY),
        valence_arousal=tensor(affect.valence_arousal),
    )


def _completed(annotations: Annotations | None, reading: Annotations) -> Annotations:
    if annotations is None:
        return reading
    given = annotations.to("cpu", torch.float64)
    given = given[0] if given.batch else given
    return given | {task: label for task, label in reading.items() if not (given[task].weight > 0).any()}


def _named(labels: Annotations) -> tuple[str, float] | None:
    weight = float(labels.expression_weight)
    return (EXPRESSIONS[int(labels.expression.argmax())].value, weight) if weight > 0 else None


def _without(some: tuple[Conflict, ...], others: tuple[Conflict, ...]) -> tuple[Conflict, ...]:
    known = {(other.kind, other.subject) for other in others}
    return tuple(one for one in some if (one.kind, one.subject) not in known)
