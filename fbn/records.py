"""The types that data flows through: ``Sample`` -> ``TaskBatch`` -> network -> ``Predictions``.

A label is a value plus a weight. Weight 0 means "not annotated", weight 1 a hard label; anything between is an
observational AU, a co-annotation or a teacher's soft label. No missing mark survives past an adapter.

``Annotations`` and ``Predictions`` map tasks to labels and outputs. Both are indexed by a task, or like a tensor along
their leading batch shape. A task may be read with fewer labels than it is held with.
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
    """What is known of some faces: a value and a weight for each label. ``...`` is any batch shape.

    A task that is not held reads as not annotated. ``expression``, ``action_units``, ``valence_arousal`` and
    ``..._weight`` are the values and weights of the papers' three tasks.

    Args:
        labels: by task.
        like: [...] a tensor of the batch shape, type and device; None: taken from the labels.

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
        """Nothing annotated, of the given batch shape."""
        like = torch.zeros(batch)
        return cls({task: Label.blank(task, like) for task in tasks}, like)

    @classmethod
    def of(
        cls,
        expression: str | dict[str, float] | None = None,
        action_units: dict[int, float] | None = None,
        valence_arousal: tuple[float, float] | None = None,
    ) -> Self:
        """One face's labels by name.

        Args:
            expression: a name of ``Expression``, or votes by name (any positive scale; normalised here).
            action_units: value in [0, 1] by FACS number; AUs not named are not annotated. AU11 is skipped.
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
        """These labels where there are any, else the second's. Same batch shape."""
        merged = {}
        for task in self._tasks_of([self, second]):
            mine, other = self[task], second[task]
            known = mine.weight > 0
            each = known if task.kind == "binary" else known[..., None]
            value = torch.where(each, mine.value, other.value)
            merged[task] = Label(value, torch.where(known, mine.weight, other.weight))
        return self._with(merged)

    def map(self, function: Function) -> Self:
        """The same labels with a function applied to each tensor."""
        return type(self)({task: label.map(function) for task, label in self.items()}, function(self._like))

    def _with(self, values: Labels) -> Self:
        return type(self)(values, self._like)

    def _part(self, held: Task, part: Task) -> Label:
        label, columns = self._values[held], held.columns(part)
        value = label.value[..., columns]
        if held.kind == "categorical":
            # an image of another class has no label of these; votes are shared among those that are left
            total = value.sum(-1)
            floor = torch.finfo(total.dtype).tiny
            return Label(value / total.clamp_min(floor)[..., None], label.weight * (total > 0))
        return Label(value, label.weight[..., columns] if held.kind == "binary" else label.weight)

    def _absent(self, task: Task) -> Label:
        blank, held = Label.blank(task, self._like), self.own(task)
        shared = [label for label in task.labels if label in held.labels] if held in self._values else []
        if not shared or (task.kind == "continuous" and len(shared) < len(task)):
            return blank
        # held without some labels: those are not annotated, or nobody's class
        part, columns = self._part(held, held.only(*shared)), task.columns(task.only(*shared))
        blank.value[..., columns] = part.value
        if task.kind != "binary":
            return Label(blank.value, part.weight)
        blank.weight[..., columns] = part.weight
        return blank

    @classmethod
    def _join(cls, parts: Sequence[Self], how: Any) -> Self:
        labels = {
            task: Label(*(how([getattr(own, f.name) for own in held]) for f in fields(Label)))
            for task in cls._tasks_of(parts)
            if (held := [part[task] for part in parts])
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
    """What a network says of some faces: by task, the outputs [..., K] of its head, before softmax or sigmoid.

    Continuous outputs are meant for the range of their labels and not clipped. Reading a task that the network has no
    head for raises ValueError; ``in`` tells.

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
        """Outputs by the names of the usual tasks; None where there is no such head.

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
        """[..., K] softmax, sigmoids, or values. Raises ValueError where the network has no such head."""
        return task.probability(self[task])

    def get(self, task: Task) -> Tensor | None:
        """A head's outputs; None where the network has no such head."""
        return self[task] if task in self else None  # noqa: SIM401

    def map(self, function: Function) -> Self:
        """The same predictions with a function applied to each head's outputs."""
        return type(self)({task: function(value) for task, value in self.items()})

    def _part(self, held: Task, part: Task) -> Tensor:
        return self._values[held][..., held.columns(part)]

    def _absent(self, task: Task) -> Tensor:
        held = self.own(task)
        if held in self._values:
            raise ValueError(f"this network's {task.title} head is for {', '.join(held.labels)} alone")
        raise ValueError(f"this network has no {task.title} head")

    @classmethod
    def _join(cls, parts: Sequence[Self], how: Any) -> Self:
        return cls({task: how([part[task] for part in parts]) for task in cls._tasks_of(parts)})

    @property
    def expression(self) -> Tensor:
        """[..., 7] p(e|x), a softmax. Raises ValueError where the network has no expression head."""
        return self.probability(EXPRESSION)

    @property
    def action_units(self) -> Tensor:
        """[..., 17] p(a|x), a sigmoid for each AU. Raises ValueError where the network has no AU head."""
        return self.probability(ACTION_UNITS)

    @property
    def compound(self) -> Tensor:
        """[..., C] probability of each compound class, a softmax. Raises ValueError without a head for them."""
        return self.probability(self.own(COMPOUND))

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
        """[..., C] before softmax, of the classes that the network was made for."""
        return self.get(self.own(COMPOUND))


@dataclass(frozen=True)
class TaskBatch(Fields):
    """One step's pictures and labels.

    Attributes:
        images: [B, 3, H, W] float in the network's declared range.
        annotations: labels of batch shape [B].
        dataset: [B] long, index into the corpus' data set names.
    """

    images: Tensor
    annotations: Annotations
    dataset: Tensor

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move or cast images and labels; dataset indices are moved along and keep their type."""
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
        dataset: name of the set, e.g. ``"ferplus"``.
        root: folder or zip file that holds the picture.
        path: the picture's path inside ``root``, with forward slashes.
        annotations: its labels (batch shape []).
        part: ``"train"``, ``"valid"`` or ``"test"`` as released; "" where the set has no official parts.
        subject: identity that must not cross a split; "" where unknown.
        landmarks: ((x, y), ...) in picture pixels as released with the set, or None.
        attributes: attribute name -> present, for sets that have them (CelebA).
        compound: name in ``COMPOUND_EXPRESSIONS``; "" where none is annotated.
        box: left, top, width, height of the face in picture pixels, for pictures that show more than one face crop;
            may reach outside the picture. None: the face fills the picture.
        border: width of a black frame to put round the picture before the face is cut out, as a share of its longer
            side; for faces that were cut out along their outline and have no box.
    """

    dataset: str
    root: str
    path: str
    annotations: Annotations
    part: str = ""
    subject: str = ""
    landmarks: tuple[tuple[float, float], ...] | None = None
    attributes: tuple[tuple[str, bool], ...] = ()
    compound: str = ""
    box: tuple[float, float, float, float] | None = None
    border: float = 0.0

    @property
    def face(self) -> tuple[str, str, tuple[float, float, float, float] | None]:
        """Which face it is: data set, picture, box."""
        return self.dataset, self.path, self.box
