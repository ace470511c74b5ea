"""How often each binary label was seen in each category: what tables are inferred from."""

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
    """What is read of ``fbn.records.Annotations``."""

    def __getitem__(self, task: Task, /) -> Any:
        """The task's ``Label``."""


@dataclass(frozen=True)
class Counts:
    """Sums over images, float64; an image counts by its labels' weights, and by share of its votes.

    Attributes:
        categories: labels of the categorical task, then the compound expressions that occur.
        images: [C, A] images of the category with the binary label (AU) annotated; people instead where people were
            counted.
        active: [C, A] those with it active.
        shown: [C] images of the category, whatever else is annotated.
        both: images with both tasks' labels.
        units: [A] images with the binary label annotated, whatever else is.
        units_active: [A] those with it active.
        columns: the binary task.
    """

    categories: tuple[str, ...]
    images: Tensor
    active: Tensor
    shown: Tensor
    both: int
    units: Tensor
    units_active: Tensor
    columns: Task = ACTION_UNITS

    def weights(self, min_support: float) -> dict[str, dict[Column, float]]:
        """R(e, a) = active / annotated (C 4.2) by row and column, without neutral and thin cells."""
        kept = (self.images >= min_support) & (self.images > 0)
        ratio = torch.where(kept, self.active / self.images.clamp_min(torch.finfo(torch.float64).tiny), 0.0)
        return {
            category: dict(zip(places(self.columns), row, strict=True))
            for category, row in zip(self.categories, ratio.clamp(0, 1).tolist(), strict=True)
            if category != Expression.NEUTRAL
        }


def count(
    labels: Labels,
    active: float = DECISION,
    compounds: Sequence[str] | None = None,
    people: Sequence[str] | None = None,
    rows: Task = EXPRESSION,
    columns: Task = ACTION_UNITS,
) -> Counts:
    """Count labels of any batch shape.

    Args:
        labels: annotations, or a network's predictions as annotations (``fbn.labelling.pseudo_annotate``).
        active: AU value from which on it counts as active.
        compounds: of each image its compound expression, "" for none; it counts there instead of among the seven.
        people: of each image who it shows. Each person then counts once for each category and AU, with the share of
            their images in which it was active: pictures of one person or clip resemble each other and would
            pass for more evidence than they are.
        rows: a categorical task.
        columns: a binary task.

    Raises:
        FormatError: an unknown compound expression, or not one entry for each image.
    """
    label = labels[columns]
    weight = label.weight.double().reshape(-1, len(columns))
    units = label.value.double().reshape(weight.shape)
    hits = torch.where((weight > 0) & (units >= active), weight, 0.0)
    shares, categories = _shares(labels[rows], rows, compounds)
    both = int(((shares.sum(-1) > 0) & (weight > 0).any(-1)).sum())
    images, seen = _sums(shares, weight, hits, people)
    return Counts(categories, images, seen, shares.sum(0), both, weight.sum(0), hits.sum(0), columns)


def _shares(label: Any, rows: Task, compounds: Sequence[str] | None) -> tuple[Tensor, tuple[str, ...]]:
    """[N, C] how much each image belongs to each category, times its weight; and the categories."""
    basic = label.value.double().reshape(-1, len(rows))
    weight = label.weight.double().reshape(-1, 1)
    shares = torch.where(weight > 0, basic, 0.0) * weight
    if compounds is None:
        return shares, rows.labels
    if len(compounds) != len(shares) or (unknown := set(compounds) - {"", *COMPOUND_EXPRESSIONS}):
        wrong = f"{sorted(unknown)}" if len(compounds) == len(shares) else f"{len(compounds)} entries"
        expected = f"for each of {len(shares)} images '' or one of {', '.join(COMPOUND_EXPRESSIONS)}"
        raise FormatError(f"compound expressions, {wrong}: expected {expected}")
    present = tuple(name for name in CATEGORIES if name in set(compounds))
    columns = torch.tensor([[float(name == own) for name in present] for own in compounds], dtype=torch.float64)
    columns = columns.reshape(len(shares), len(present)) * weight
    basic_only = torch.tensor([own == "" for own in compounds])[:, None]
    return torch.cat([torch.where(basic_only, shares, 0.0), columns], -1), (*rows.labels, *present)


def _sums(shares: Tensor, weight: Tensor, hits: Tensor, people: Sequence[str] | None) -> tuple[Tensor, Tensor]:
    """[C, A] annotated and active, over images or over people."""
    if people is None:
        return shares.T @ weight, shares.T @ hits
    if len(people) != len(shares):
        raise FormatError(f"people, {len(people)} entries: expected one for each of {len(shares)} images")
    rows: dict[str, list[int]] = {}
    for row, person in enumerate(people):
        rows.setdefault(person, []).append(row)
    images = torch.zeros(shares.shape[1], weight.shape[1], dtype=torch.float64)
    active = torch.zeros_like(images)
    for own in rows.values():
        annotated = shares[own].T @ weight[own]
        images += annotated > 0
        active += torch.where(annotated > 0, shares[own].T @ hits[own] / annotated.clamp_min(1e-300), 0.0)
    return images, active
