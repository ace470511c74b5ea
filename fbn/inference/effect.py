"""What a relatedness table does to one face before any training: implied AUs, coupling losses, labels, conflicts.

Every value comes from ``fbn.losses.coupling`` and ``fbn.labelling``; ``fbn.inference.formulas`` writes them out.
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
#: Probabilities that are exactly 0 or 1 have no finite logit.
_EDGE = 1e-9


@dataclass(frozen=True)
class Settings:
    """How the coupling terms are formed; names and meanings as in ``fbn.losses.Objective``.

    Attributes:
        mixture: sum, or mean over the expressions that have the AU.
        binary: R01 or R in the mixture.
        min_weight: cells under it are 0 in R01.
        observational: weight of observational AUs in co-annotation, hard and soft.
        temperature: of the soft label.
    """

    mixture: Mixture = "sum"
    binary: bool = True
    min_weight: float = MIN_WEIGHT
    observational: Observational = "weight"
    temperature: float = 1.0


@dataclass(frozen=True)
class Effect:
    """What one table does to one face.

    Attributes:
        table: the table.
        settings: how the terms are formed.
        expression: [7] p(e|x).
        action_units: [17] p(a|x).
        mixture: [17] q(a|x), before it is clamped for the loss; 0 outside the support.
        clamped: [17] q(a|x) as the loss meets it.
        support: [17] bool, the AUs that the table speaks of.
        matching: form -> [17] each AU's part of the distribution-matching loss.
        pull: form -> [17] -dL/dz on each AU's logit z: above 0 the loss wants p(a|x) higher.
        labels: one face's labels that co-annotation starts from: those given, else the network's own reading.
        intensity: [7] I(e|x) of the AU labels.
        soft_label: [7] q(e|x) of the AU labels.
        soft_loss: form -> the soft co-annotation loss.
        added_units: ((AU number, weight), ...) that co-annotation would add to a face labelled with its expression
            alone.
        added_expression: (expression, weight) that it would add to a face labelled with its AUs alone, or None.
        conflicts: statements in conflict, the widest gap first.
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
    def mixture(self) -> np.ndarray:
        """[17] by how much q(a|x) changes."""
        return self.after.mixture - self.before.mixture

    def matching(self, form: MatchingForm) -> np.ndarray:
        """[17] by how much each AU's part of the distribution-matching loss changes."""
        return self.after.matching[form] - self.before.matching[form]

    @property
    def soft_label(self) -> np.ndarray:
        """[7] by how much q(e|x) changes."""
        return self.after.soft_label - self.before.soft_label

    @property
    def settled(self) -> tuple[Conflict, ...]:
        """Conflicts that only the first table has."""
        return _without(self.before.conflicts, self.after.conflicts)

    @property
    def new(self) -> tuple[Conflict, ...]:
        """Conflicts that only the second table has."""
        return _without(self.after.conflicts, self.before.conflicts)


def effect(
    predictions: Predictions,
    table: RelatednessTable,
    annotations: Annotations | None = None,
    settings: Settings = Settings(),
) -> Effect:
    """Everything that a table says of one face.

    Args:
        predictions: one face's, of batch shape [] or [1], with expression and AU logits.
        table: relatedness of expressions and AUs.
        annotations: the face's labels, of the same batch shape; a task without any is taken from the network's
            reading (its likeliest expression, AUs from 0.5 on), as is all of them by default.
        settings: how the terms are formed.

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
    """The same face under two tables; arguments as in ``effect``."""
    return Comparison(*(effect(predictions, table, annotations, settings) for table in (before, after)))


def as_labels(predictions: Predictions) -> Annotations:
    """The network's reading as an annotator would write it: one expression, each AU 0 or 1, valence-arousal left out.

    Args:
        predictions: of any batch shape, with expression and AU logits.
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
    """Logits that give back a face's probabilities, of batch shape []; heads that were not read are None."""

    def tensor(values: np.ndarray) -> Tensor | None:
        return None if np.isnan(values).any() else torch.from_numpy(values.astype(np.float64))

    e, a = tensor(affect.expression), tensor(affect.action_units)
    return Predictions.of(
        expression=None if e is None else e.clamp_min(_EDGE).log(),
        action_units=None if a is None else a.logit(_EDGE),
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
