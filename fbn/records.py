"""The types that data flows through: ``Sample`` -> ``TaskBatch`` -> network -> ``Predictions``.

A label is a value plus a weight. Weight 0 means "not annotated", weight 1 a hard label; anything between is an
observational AU, a co-annotation or a teacher's soft label. No missing mark survives past an adapter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from fbn.vocabulary import AU_INDEX, AU_NUMBERS, EXPRESSION_INDEX, EXPRESSIONS

E, A = len(EXPRESSIONS), len(AU_NUMBERS)


@dataclass(frozen=True)
class _Tensors:
    """Shared by the records made of tensors with one leading batch shape."""

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """The same record with every tensor moved or cast, as ``Tensor.to`` does."""
        return replace(self, **{k: v.to(*args, **kwargs) for k, v in self._parts().items()})

    def __getitem__(self, index: Any) -> Self:
        """Index the leading batch shape."""
        return replace(self, **{k: v[index] for k, v in self._parts().items()})

    def detach(self) -> Self:
        """The same record, cut from the graph."""
        return replace(self, **{k: v.detach() for k, v in self._parts().items()})

    def _parts(self) -> dict[str, Any]:
        """Fields that are tensors, or records of tensors themselves."""
        pairs = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {name: value for name, value in pairs if isinstance(value, Tensor | _Tensors)}

    @classmethod
    def _join(cls, parts: Sequence[Self], how: Any) -> Self:
        joined = {}
        for name, value in parts[0]._parts().items():
            values = [getattr(part, name) for part in parts]
            joined[name] = value._join(values, how) if isinstance(value, _Tensors) else how(values)
        return replace(parts[0], **joined)

    @classmethod
    def stack(cls, parts: Sequence[Self]) -> Self:
        """Join records of equal batch shape along a new first axis."""
        return cls._join(parts, torch.stack)

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Join batches along their first axis."""
        return cls._join(parts, torch.cat)


@dataclass(frozen=True)
class Annotations(_Tensors):
    """What is known of some faces: a value and a weight for each label. ``...`` is any batch shape.

    Attributes:
        expression: [..., 7] target distribution over ``EXPRESSIONS``, one-hot or votes; sums to 1 where weighted.
        expression_weight: [...] weight >= 0; 0 = not annotated.
        action_units: [..., 17] activation of ``ACTION_UNITS`` in [0, 1].
        action_units_weight: [..., 17] weight >= 0 for each AU; 0 = not annotated.
        valence_arousal: [..., 2] valence, arousal in [-1, 1].
        valence_arousal_weight: [...] weight >= 0; 0 = not annotated (both or neither).

    Example:
        >>> import fbn
        >>> smile = fbn.Annotations.of("happiness", {6: 1, 12: 1, 4: 0})
        >>> unknown = fbn.Annotations.empty()
        >>> both = fbn.Annotations.stack([smile, unknown])
        >>> both.expression_weight.tolist(), both.action_units_weight.sum(-1).tolist()
        ([1.0, 0.0], [3.0, 0.0])
    """

    expression: Tensor
    expression_weight: Tensor
    action_units: Tensor
    action_units_weight: Tensor
    valence_arousal: Tensor
    valence_arousal_weight: Tensor

    @classmethod
    def empty(cls, *batch: int) -> Self:
        """Nothing annotated, of the given batch shape."""
        return cls(
            expression=torch.zeros(*batch, E),
            expression_weight=torch.zeros(batch),
            action_units=torch.zeros(*batch, A),
            action_units_weight=torch.zeros(*batch, A),
            valence_arousal=torch.zeros(*batch, 2),
            valence_arousal_weight=torch.zeros(batch),
        )

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


@dataclass(frozen=True)
class Predictions(_Tensors):
    """What a network says of some faces; None where it has no such head. ``...`` is any batch shape.

    Attributes:
        expression_logits: [..., 7] before softmax.
        action_unit_logits: [..., 17] before sigmoid.
        valence_arousal: [..., 2] linear outputs; meant for [-1, 1], not clipped.
        compound_logits: [..., C] before softmax, of the classes that the network was made for.

    Example:
        >>> import fbn
        >>> import torch
        >>> predictions = fbn.Predictions(expression_logits=torch.zeros(2, 7))
        >>> predictions.expression.sum(-1).tolist(), predictions[:1].expression.shape
        ([1.0, 1.0], torch.Size([1, 7]))
    """

    expression_logits: Tensor | None = None
    action_unit_logits: Tensor | None = None
    valence_arousal: Tensor | None = None
    compound_logits: Tensor | None = None

    @property
    def expression(self) -> Tensor:
        """[..., 7] p(e|x), a softmax. Raises ValueError where the network has no expression head."""
        return _present(self.expression_logits, "expression").softmax(-1)

    @property
    def action_units(self) -> Tensor:
        """[..., 17] p(a|x), a sigmoid for each AU. Raises ValueError where the network has no AU head."""
        return _present(self.action_unit_logits, "action unit").sigmoid()

    @property
    def compound(self) -> Tensor:
        """[..., C] probability of each compound class, a softmax. Raises ValueError without a head for them."""
        return _present(self.compound_logits, "compound").softmax(-1)


def _present(value: Tensor | None, head: str) -> Tensor:
    if value is None:
        raise ValueError(f"this network has no {head} head")
    return value


@dataclass(frozen=True)
class TaskBatch(_Tensors):
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
