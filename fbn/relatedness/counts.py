"""Co-occurrence counts of binary labels and categories, from which tables are inferred."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from fbn.errors import FormatError
from fbn.relatedness.formats import CATEGORIES, places
from fbn.relatedness.notes import Column
from fbn.tasks import ACTION_UNITS, EXPRESSION, Task
from fbn.vocabulary import COMPOUND_EXPRESSIONS, DECISION, Expression


class Labels(Protocol):
    """The part of ``fbn.records.Annotations`` that is used here."""

    def __getitem__(self, task: Task, /) -> Any:
        """Return the ``Label`` of a task."""


@dataclass(frozen=True)
class Counts:
    """Sums over images, float64; an image is weighted by its label weights and its fraction of votes.

    Attributes:
        categories: labels of the categorical task, then the compound expressions that occur.
        images: [C, A] number of images (or people, see ``count``) of the category with the binary label (AU) annotated.
        active: [C, A] number of those in which it is active.
        shown: [C] number of images of the category, whether or not binary labels are annotated.
        doubly_labelled: number of images with labels of both tasks.
        units: [A] number of images with the binary label annotated, whether or not a category is.
        units_active: [A] number of those in which it is active.
        columns: the binary task.
    """

    categories: tuple[str, ...]
    images: Tensor
    active: Tensor
    shown: Tensor
    doubly_labelled: int
    units: Tensor
    units_active: Tensor
    columns: Task = ACTION_UNITS

    def weights(self, min_support: float) -> dict[str, dict[Column, float]]:
        """Compute R(e, a) = active / annotated (paper C, 4.2), without neutral and cells below ``min_support``."""
        supported = (self.images >= min_support) & (self.images > 0)
        ratio = torch.where(supported, self.active / self.images.clamp_min(torch.finfo(torch.float64).tiny), 0.0)
        return {
            category: dict(zip(places(self.columns), row, strict=True))
            for category, row in zip(self.categories, ratio.clamp(0, 1).tolist(), strict=True)
            if category != Expression.NEUTRAL
        }


def count(
    labels: Labels,
    threshold: float = DECISION,
    compounds: Sequence[str] | None = None,
    people: Sequence[str] | None = None,
    rows: Task = EXPRESSION,
    columns: Task = ACTION_UNITS,
) -> Counts:
    """Count labels of any batch shape.

    Args:
        labels: annotations, or a network's predictions as annotations (``fbn.labelling.pseudo_annotate``).
        threshold: an AU with at least this value is active.
        compounds: compound expression of each image, "" for none; it replaces the image's basic expression.
        people: person of each image. Each person then counts once per category and AU, with the fraction of their
            images in which it is active, since images of one person or clip are not independent.
        rows: a categorical task.
        columns: a binary task.

    Raises:
        FormatError: an unknown compound expression, or not one entry per image.
    """
    label = labels[columns]
    weight = label.weight.double().reshape(-1, len(columns))
    units = label.value.double().reshape(weight.shape)
    hits = torch.where((weight > 0) & (units >= threshold), weight, 0.0)
    fractions, categories = _fractions(labels[rows], rows, compounds)
    doubly_labelled = int(((fractions.sum(-1) > 0) & (weight > 0).any(-1)).sum())
    images, active_images = _sums(fractions, weight, hits, people)
    shown, annotated, active = fractions.sum(0), weight.sum(0), hits.sum(0)
    return Counts(categories, images, active_images, shown, doubly_labelled, annotated, active, columns)


def _fractions(label: Any, rows: Task, compounds: Sequence[str] | None) -> tuple[Tensor, tuple[str, ...]]:
    """Return [N, C] weighted fractions of each image in each category, and the categories."""
    basic = label.value.double().reshape(-1, len(rows))
    weight = label.weight.double().reshape(-1, 1)
    fractions = torch.where(weight > 0, basic, 0.0) * weight
    if compounds is None:
        return fractions, rows.labels
    if len(compounds) != len(fractions) or (unknown := set(compounds) - {"", *COMPOUND_EXPRESSIONS}):
        wrong = f"{sorted(unknown)}" if len(compounds) == len(fractions) else f"{len(compounds)} entries"
        expected = f"for each of {len(fractions)} images '' or one of {', '.join(COMPOUND_EXPRESSIONS)}"
        raise FormatError(f"compound expressions, {wrong}: expected {expected}")
    present = tuple(name for name in CATEGORIES if name in set(compounds))
    columns = torch.tensor([[float(name == given) for name in present] for given in compounds], dtype=torch.float64)
    columns = columns.reshape(len(fractions), len(present)) * weight
    basic_only = torch.tensor([given == "" for given in compounds])[:, None]
    return torch.cat([torch.where(basic_only, fractions, 0.0), columns], -1), (*rows.labels, *present)


def _sums(fractions: Tensor, weight: Tensor, hits: Tensor, people: Sequence[str] | None) -> tuple[Tensor, Tensor]:
    """Return [C, A] counts of annotated and of active labels, over images or over people."""
    if people is None:
        return fractions.T @ weight, fractions.T @ hits
    if len(people) != len(fractions):
        raise FormatError(f"people, {len(people)} entries: expected one for each of {len(fractions)} images")
    rows: dict[str, list[int]] = {}
    for row, person in enumerate(people):
        rows.setdefault(person, []).append(row)
    images = torch.zeros(fractions.shape[1], weight.shape[1], dtype=torch.float64)
    active = torch.zeros_like(images)
    for group in rows.values():
        annotated = fractions[group].T @ weight[group]
        images += annotated > 0
        active += torch.where(annotated > 0, fractions[group].T @ hits[group] / annotated.clamp_min(1e-300), 0.0)
    return images, active
