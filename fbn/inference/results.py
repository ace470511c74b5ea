"""Results of the analysis: affect, faces and frames."""

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
    """Expression, valence-arousal and action units of a face; NaN where the network lacks the head.

    Attributes:
        expression: [7] float32 probability of each of ``EXPRESSIONS``.
        valence_arousal: [2] float32 in [-1, 1].
        action_units: [17] float32 probability of each of ``ACTION_UNITS``; active if >= ``DECISION``.
        compound: [C] float32 probability of each of the scorer's classes; size 0 without a scorer.
        none_of_these: [1] float32 probability of no class, so that all sum to 1; size 0 without a scorer.
        scorer: scorer of compound expressions, or None.
    """

    expression: np.ndarray
    valence_arousal: np.ndarray
    action_units: np.ndarray
    compound: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    none_of_these: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    scorer: CompoundScorer | None = None

    @property
    def label(self) -> Expression | None:
        """The most probable expression; None if the network has no expression head."""
        return None if np.isnan(self.expression).any() else EXPRESSIONS[int(self.expression.argmax())]

    @property
    def active_units(self) -> tuple[ActionUnit, ...]:
        """Action units with a probability of at least 0.5."""
        return tuple(unit for unit, p in zip(ACTION_UNITS, self.action_units, strict=True) if p >= DECISION)

    @property
    def compound_label(self) -> str | None:
        """The most probable compound class or ``NONE_OF_THESE``; None without a scorer."""
        if self.scorer is None:
            return None
        names = (*self.scorer.classes.classes, NONE_OF_THESE)
        return names[int(np.concatenate([self.compound, self.none_of_these]).argmax())]

    def vector(self) -> np.ndarray:
        """[26] float32: expression, valence-arousal, action units; [26 + C + 1] with compounds and "none of these"."""
        parts = (self.expression, self.valence_arousal, self.action_units, self.compound, self.none_of_these)
        return np.concatenate(parts)

    @classmethod
    def from_vector(cls, vector: np.ndarray, scorer: CompoundScorer | None = None) -> "Affect":
        """Invert ``vector``; ``scorer`` is that of the compounds in it."""
        e, a = len(EXPRESSIONS), len(AU_NUMBERS)
        ends = np.cumsum([e, 2, a, len(scorer.classes.classes) if scorer else 0])
        expression, valence_arousal, action_units, compound, none = np.split(vector, ends)
        return cls(expression, valence_arousal, action_units, compound, none, scorer)

    @classmethod
    def of(cls, predictions: Predictions, scorer: CompoundScorer | None = None) -> "list[Affect]":
        """Convert predictions of batch shape [B] to one object per face; clips valence and arousal to [-1, 1].

        Args:
            predictions: predictions that ``scorer.complete`` returned, if there is a scorer.
            scorer: scorer of compound expressions.
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
        face_id: constant within one input.
        box: bounding box in pixels of the frame.
        score: probability of a face in [0, 1]; 1 for a picture that was declared a crop.
        landmarks: [5, 2] float32 in pixels of the frame.
        affect: predictions for this frame.
        smoothed: predictions smoothed over time; None without smoothing.
        turned: degrees, counterclockwise, by which the frame was rotated for analysis: 0, 90, 180 or 270.
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
        """The smoothed values if present, else those of this frame."""
        return self.smoothed or self.affect


@dataclass(frozen=True, eq=False)
class FrameResult:
    """All faces of one frame.

    Attributes:
        input: see ``Frame``.
        index: see ``Frame``.
        timestamp: seconds.
        size: width, height of the frame in pixels.
        faces: ordered by face id.
    """

    input: str
    index: int
    timestamp: float
    size: tuple[int, int]
    faces: tuple[FaceResult, ...] = ()

    def face(self, face_id: int | None = None) -> FaceResult | None:
        """Return the face with this id, else the largest; None without faces."""
        for face in self.faces:
            if face.face_id == face_id:
                return face
        return max(self.faces, key=lambda face: face.box.area, default=None)

    def to_pandas(self) -> "pd.DataFrame":
        """Convert to a table, one row per face, as in ``fbn.analyse``; without faces one row with empty columns."""
        from fbn.inference.export import layout_of, to_pandas  # imports this module

        return to_pandas([self], *layout_of([self]))
