"""What is read from a face, and where: the results that tables, overlays and the app are made of."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fbn.faces.geometry import Box
from fbn.inference.compounds import NONE_OF_THESE, CompoundScorer
from fbn.records import Predictions
from fbn.vocabulary import ACTION_UNITS, AU_NUMBERS, DECISION, EXPRESSIONS, ActionUnit, Expression

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Affect:
    """A face's expression, valence-arousal and action units; NaN where the network has no such head.

    Attributes:
        expression: [7] float32 probability of each of ``EXPRESSIONS``.
        valence_arousal: [2] float32 in [-1, 1].
        action_units: [17] float32 probability of each of ``ACTION_UNITS``; active from ``DECISION`` on.
        compound: [C] float32 probability of each of the scorer's classes; size 0 where none were asked for.
        none_of_these: [1] float32 probability of none of them, with which they sum to 1; size 0 likewise.
        scorer: what scored them, or None.
    """

    expression: np.ndarray
    valence_arousal: np.ndarray
    action_units: np.ndarray
    compound: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    none_of_these: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    scorer: CompoundScorer | None = None

    @property
    def label(self) -> Expression | None:
        """The most probable expression; None where the network has no expression head."""
        return None if np.isnan(self.expression).any() else EXPRESSIONS[int(self.expression.argmax())]

    @property
    def active_units(self) -> tuple[ActionUnit, ...]:
        """The action units that are active: 0.5 or more."""
        return tuple(unit for unit, p in zip(ACTION_UNITS, self.action_units, strict=True) if p >= DECISION)

    @property
    def compound_label(self) -> str | None:
        """The likeliest compound class or ``NONE_OF_THESE``; None where none were asked for."""
        if self.scorer is None:
            return None
        names = (*self.scorer.classes.classes, NONE_OF_THESE)
        return names[int(np.concatenate([self.compound, self.none_of_these]).argmax())]

    def vector(self) -> np.ndarray:
        """[26] float32: expression, valence-arousal, action units; [26 + C + 1] with compounds and none of these."""
        parts = (self.expression, self.valence_arousal, self.action_units, self.compound, self.none_of_these)
        return np.concatenate(parts)

    @classmethod
    def from_vector(cls, vector: np.ndarray, scorer: CompoundScorer | None = None) -> "Affect":
        """The inverse of ``vector``; ``scorer`` is the one of the compounds in it."""
        e, a = len(EXPRESSIONS), len(AU_NUMBERS)
        ends = np.cumsum([e, 2, a, len(scorer.classes.classes) if scorer else 0])
        expression, valence_arousal, action_units, compound, none = np.split(vector, ends)
        return cls(expression, valence_arousal, action_units, compound, none, scorer)

    @classmethod
    def of(cls, predictions: Predictions, scorer: CompoundScorer | None = None) -> "list[Affect]":
        """One for each face of predictions with batch shape [B]; valence and arousal are clipped to [-1, 1].

        Args:
            predictions: as ``scorer.complete`` gave them, where there is one.
            scorer: of compound expressions.
        """
        parts = (
            (predictions.expression_logits, len(EXPRESSIONS), lambda: predictions.expression),
            (predictions.valence_arousal, 2, lambda: predictions.valence_arousal.clip(-1, 1)),  # type: ignore[union-attr]
            (predictions.action_unit_logits, len(AU_NUMBERS), lambda: predictions.action_units),
        )
        batch = next(len(raw) for raw, _, _ in parts if raw is not None)
        columns = [
            np.full((batch, size), np.nan, np.float32) if raw is None else read().numpy().astype(np.float32)
            for raw, size, read in parts
        ]
        if scorer is not None:
            columns.append(scorer.probabilities(predictions).numpy().astype(np.float32))
        return [cls.from_vector(vector, scorer) for vector in np.concatenate(columns, axis=1)]


@dataclass(frozen=True, eq=False)
class FaceResult:
    """One face in one frame.

    Attributes:
        face_id: stable through one input.
        box: where, in pixels of the frame.
        score: presence of a face in [0, 1]; 1 for a picture that was declared a crop.
        landmarks: [5, 2] float32 pixels.
        affect: what the network reads in this frame alone.
        smoothed: the same, smoothed over time; None where no smoothing was asked for.
        turned: degrees, counterclockwise, by which the frame was turned to read the face: 0, 90, 180 or 270.
    """

    face_id: int
    box: Box
    score: float
    landmarks: np.ndarray
    affect: Affect
    smoothed: Affect | None = None
    turned: int = 0

    @property
    def shown(self) -> Affect:
        """The smoothed values where there are some, else those of this frame."""
        return self.smoothed or self.affect


@dataclass(frozen=True, eq=False)
class FrameResult:
    """All faces of one frame.

    Attributes:
        input: as in ``Frame``.
        index: as in ``Frame``.
        timestamp: seconds.
        size: width, height of the frame in pixels.
        faces: by face id; empty where there is none.
    """

    input: str
    index: int
    timestamp: float
    size: tuple[int, int]
    faces: tuple[FaceResult, ...] = ()

    def face(self, face_id: int | None = None) -> FaceResult | None:
        """The face with this id, else the largest; None where there is no face."""
        for face in self.faces:
            if face.face_id == face_id:
                return face
        return max(self.faces, key=lambda face: face.box.area, default=None)

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each face, with the columns of ``fbn.analyse``; one with empty face columns where there is none."""
        from fbn.inference.export import layout_of, to_pandas  # which are made of this module

        return to_pandas([self], *layout_of([self]))
