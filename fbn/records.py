"""The data types: ``Sample`` -> ``TaskBatch`` -> network -> ``Predictions``.

A label is a value and a weight. Weight 0 means "not annotated", weight 1 a hard label; observational AUs,
co-annotations and soft labels of a teacher have weights in between. There are no special values for missing labels.

``Annotations`` and ``Predictions`` map tasks to labels and outputs. Both are indexed by a task, or like a tensor along
their leading batch shape. Indexing by a task with a subset of the stored labels selects those labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from fbn.task_maps import Fields, Function, Label, Labels, TaskMap
from fbn.tasks import ACTION_UNITS, AFFECT_TASKS, COMPOUND, EXPRESSION, VALENCE_AROUSAL, Task
from fbn.vocabulary import AU_INDEX, AU_NUMBERS, EXPRESSION_INDEX

__all__ = ["Annotations", "Label", "Predictions", "Sample", "TaskBatch"]


class Annotations(TaskMap[Label]):
    """Labels of a batch of faces: a value and a weight for each label. ``...`` is any batch shape.

    A task without labels is not annotated. ``expression``, ``action_units``, ``valence_arousal`` and ``..._weight`` are
    the values and weights of the papers' three tasks.

    Args:
        labels: task -> label.
        like: [...] a tensor with the batch shape, type and device; None: those of the labels.

    Example:
        >>> import fbn
        >>> smile = fbn.Annotations.of("happiness", {6: 1, 12: 1, 4: 0})
        >>> unknown = fbn.Annotations.empty()
        >>> both = fbn.Annotations.stack([smile, unknown])
        >>> both.expression_weight.tolist(), both.action_units_weight.sum(-1).tolist()
        ([1.0, 0.0], [3.0, 0.0])
    """

    def __init__(self, labels: Labels, like: Tensor | None = None) -> None:
        super().__init__(labels)
        if like is None:
            value = next((label.value for label in labels.values()), torch.zeros(1))
            like = value.new_zeros(value.shape[:-1])
        self._like = like

    @classmethod
    def empty(cls, *batch: int, tasks: Sequence[Task] = AFFECT_TASKS) -> Self:
        """Return annotations without labels, with the given batch shape."""
        like = torch.zeros(batch)
        return cls({task: Label.blank(task, like) for task in tasks}, like)

    @classmethod
    def of(
        cls,
        expression: str | dict[str, float] | None = None,
        action_units: dict[int, float] | None = None,
        valence_arousal: tuple[float, float] | None = None,
    ) -> Self:
        """Construct the labels of one face from names.

        Args:
            expression: a value of ``Expression``, or name -> votes (of any positive scale; they are normalised).
            action_units: FACS number -> value in [0, 1]; other AUs are not annotated. AU11 is skipped.
            valence_arousal: both in [-1, 1].

        Raises:
            ValueError: an unknown name or number, or a value out of range.
        """
        labels = cls.empty()
        if expression is not None:
            votes = {expression: 1.0} if isinstance(expression, str) else expression
            if unknown := set(votes) - set(EXPRESSION_INDEX):
                raise ValueError(f"unknown expression {sorted(unknown)}: expected {list(EXPRESSION_INDEX)}")
            if not (total := sum(votes.values())) > 0 or not all(vote >= 0 for vote in votes.values()):
                raise ValueError(f"expression votes {votes}: expected non-negative values with a positive sum")
            for name, value in votes.items():
                labels.expression[EXPRESSION_INDEX[name]] = value / total
            labels.expression_weight.fill_(1)
        for number, value in (action_units or {}).items():
            if number == 11:
                continue
            if number not in AU_INDEX:
                raise ValueError(f"AU{number} is not among the network's AUs {list(AU_NUMBERS)}")
            if not 0 <= value <= 1:
                raise ValueError(f"AU{number} = {value}: expected a value in [0, 1]")
            labels.action_units[AU_INDEX[number]] = value
            labels.action_units_weight[AU_INDEX[number]] = 1
        if valence_arousal is not None:
            if not all(-1 <= value <= 1 for value in valence_arousal):
                raise ValueError(f"valence, arousal = {valence_arousal}: expected values in [-1, 1]")
            labels.valence_arousal.copy_(torch.tensor(valence_arousal))
            labels.valence_arousal_weight.fill_(1)
        return labels

    @property
    def batch(self) -> torch.Size:
        """The leading batch shape."""
        return self._like.shape

    def merge(self, second: Self) -> Self:
        """Fill missing labels from ``second``, which has the same batch shape."""
        merged = {}
        for task in self._tasks_of([self, second]):
            mine, other = self[task], second[task]
            known = mine.weight > 0
            each = known if task.kind == "binary" else known[..., None]
            value = torch.where(each, mine.value, other.value)
            merged[task] = Label(value, torch.where(known, mine.weight, other.weight))
        return self._with(merged)

    def map(self, function: Function) -> Self:
        """Apply a function to each tensor."""
        return type(self)({task: label.map(function) for task, label in self.items()}, function(self._like))

    def _with(self, values: Labels) -> Self:
        return type(self)(values, self._like)

    def _part(self, stored: Task, part: Task) -> Label:
        label, columns = self._values[stored], stored.columns(part)
        value = label.value[..., columns]
        if stored.kind == "categorical":
            # an image of another class is not annotated; votes are renormalised over the remaining labels
            total = value.sum(-1)
            floor = torch.finfo(total.dtype).tiny
            return Label(value / total.clamp_min(floor)[..., None], label.weight * (total > 0))
        return Label(value, label.weight[..., columns] if stored.kind == "binary" else label.weight)

    def _absent(self, task: Task) -> Label:
        blank, stored = Label.blank(task, self._like), self.stored(task)
        shared = [label for label in task.labels if label in stored.labels] if stored in self._values else []
        if not shared or (task.kind == "continuous" and len(shared) < len(task)):
            return blank
        # missing labels are not annotated (binary), or have probability 0 (categorical)
        part, columns = self._part(stored, stored.only(*shared)), task.columns(task.only(*shared))
        blank.value[..., columns] = part.value
        if task.kind != "binary":
            return Label(blank.value, part.weight)
        blank.weight[..., columns] = part.weight
        return blank

    @classmethod
    def _join(cls, parts: Sequence[Self], how: Any) -> Self:
        labels = {
            task: Label(*(how([getattr(label, f.name) for label in stored]) for f in fields(Label)))
            for task in cls._tasks_of(parts)
            if (stored := [part[task] for part in parts])
        }
        return cls(labels, how([part._like for part in parts]))

    @property
    def expression(self) -> Tensor:
        """[..., 7] target distribution over ``EXPRESSIONS``, one-hot or votes; sums to 1 where weighted."""
        return self[EXPRESSION].value

    @property
    def expression_weight(self) -> Tensor:
        """[...] weight >= 0; 0 = not annotated."""
        return self[EXPRESSION].weight

    @property
    def action_units(self) -> Tensor:
        """[..., 17] activation of the action units in [0, 1]."""
        return self[ACTION_UNITS].value

    @property
    def action_units_weight(self) -> Tensor:
        """[..., 17] weight >= 0 for each AU; 0 = not annotated."""
        return self[ACTION_UNITS].weight

    @property
    def valence_arousal(self) -> Tensor:
        """[..., 2] valence, arousal in [-1, 1]."""
        return self[VALENCE_AROUSAL].value

    @property
    def valence_arousal_weight(self) -> Tensor:
        """[...] weight >= 0; 0 = not annotated (both or neither)."""
        return self[VALENCE_AROUSAL].weight


class Predictions(TaskMap[Tensor]):
    """Outputs of a network for a batch of faces: task -> [..., K], before softmax or sigmoid.

    Continuous outputs are not clipped to the range of their labels. Indexing by a task without a head raises
    ValueError; use ``in`` to test for it.

    Example:
        >>> import fbn
        >>> import torch
        >>> predictions = fbn.Predictions.of(expression=torch.zeros(2, 7))
        >>> predictions.expression.sum(-1).tolist(), predictions[:1].expression.shape
        ([1.0, 1.0], torch.Size([1, 7]))
    """

    def __init__(self, outputs: Mapping[Task, Tensor] | None = None) -> None:
        super().__init__(outputs or {})

    @classmethod
    def of(
        cls,
        expression: Tensor | None = None,
        action_units: Tensor | None = None,
        valence_arousal: Tensor | None = None,
        compound: Tensor | None = None,
    ) -> Self:
        """Construct predictions from the outputs of the standard tasks; None for a missing head.

        Args:
            expression: [..., 7] logits.
            action_units: [..., 17] logits.
            valence_arousal: [..., 2].
            compound: [..., C] logits of unnamed classes.
        """
        pairs = zip(AFFECT_TASKS, (expression, action_units, valence_arousal), strict=True)
        outputs = {task: value for task, value in pairs if value is not None}
        if compound is not None:
            outputs[replace(COMPOUND, labels=tuple(map(str, range(compound.shape[-1]))))] = compound
        return cls(outputs)

    def probability(self, task: Task) -> Tensor:
        """Return [..., K] softmax, sigmoids, or values. Raises ValueError if there is no such head."""
        return task.probability(self[task])

    def get(self, task: Task) -> Tensor | None:
        """Return the outputs of a head; None if there is no such head."""
        return self[task] if task in self else None  # noqa: SIM401

    def map(self, function: Function) -> Self:
        """Apply a function to the outputs of each head."""
        return type(self)({task: function(value) for task, value in self.items()})

    def _part(self, stored: Task, part: Task) -> Tensor:
        return self._values[stored][..., stored.columns(part)]

    def _absent(self, task: Task) -> Tensor:
        stored = self.stored(task)
        if stored in self._values:
            raise ValueError(f"this network's {task.title} head is for {', '.join(stored.labels)} alone")
        raise ValueError(f"this network has no {task.title} head")

    @classmethod
    def _join(cls, parts: Sequence[Self], how: Any) -> Self:
        return cls({task: how([part[task] for part in parts]) for task in cls._tasks_of(parts)})

    @property
    def expression(self) -> Tensor:
        """[..., 7] p(e|x), a softmax. Raises ValueError if there is no expression head."""
        return self.probability(EXPRESSION)

    @property
    def action_units(self) -> Tensor:
        """[..., 17] p(a|x), a sigmoid for each AU. Raises ValueError if there is no AU head."""
        return self.probability(ACTION_UNITS)

    @property
    def compound(self) -> Tensor:
        """[..., C] probability of each compound class, a softmax. Raises ValueError if there is no such head."""
        return self.probability(self.stored(COMPOUND))

    @property
    def expression_logits(self) -> Tensor | None:
        """[..., 7] before softmax."""
        return self.get(EXPRESSION)

    @property
    def action_unit_logits(self) -> Tensor | None:
        """[..., 17] before sigmoid."""
        return self.get(ACTION_UNITS)

    @property
    def valence_arousal(self) -> Tensor | None:
        """[..., 2] linear outputs."""
        return self.get(VALENCE_AROUSAL)

    @property
    def compound_logits(self) -> Tensor | None:
        """[..., C] before softmax, for the classes of the network."""
        return self.get(self.stored(COMPOUND))


@dataclass(frozen=True)
class TaskBatch(Fields):
    """A batch of pictures and labels.

    Attributes:
        images: [B, 3, H, W] float in the range of the network's ``InputSpec``.
        annotations: labels of batch shape [B].
        dataset: [B] int64, index into the corpus' data set names.
    """

    images: Tensor
    annotations: Annotations
    dataset: Tensor

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move or cast images and labels; dataset indices are moved, but not cast."""
        device = torch.zeros(0).to(*args, **kwargs).device
        return replace(
            self,
            images=self.images.to(*args, **kwargs),
            annotations=self.annotations.to(*args, **kwargs),
            dataset=self.dataset.to(device),
        )


@dataclass(frozen=True)
class Sample:
    """One labelled picture, without its pixels.

    Attributes:
        dataset: name of the data set, e.g. ``"ferplus"``.
        root: folder or zip file that contains the picture.
        path: path of the picture inside ``root``, with forward slashes.
        annotations: labels (batch shape []).
        part: official split, ``"train"``, ``"valid"`` or ``"test"``; "" if the data set has none.
        subject: identity, which must be in one split only; "" if unknown.
        landmarks: ((x, y), ...) in picture pixels as released with the data set, or None.
        compound: name in ``COMPOUND_EXPRESSIONS``; "" if not annotated.
        box: left, top, width, height of the face in picture pixels, for pictures that show more than one face crop;
            may reach outside the picture. None: the face fills the picture.
        border: width of a black border to add before cropping, as a fraction of the picture's longer side; for faces
            that were cropped along their outline and have no box.
    """

    dataset: str
    root: str
    path: str
    annotations: Annotations
    part: str = ""
    subject: str = ""
    landmarks: tuple[tuple[float, float], ...] | None = None
    compound: str = ""
    box: tuple[float, float, float, float] | None = None
    border: float = 0.0

    @property
    def face(self) -> tuple[str, str, tuple[float, float, float, float] | None]:
        """Identifies the face: data set, picture, box."""
        return self.dataset, self.path, self.box
