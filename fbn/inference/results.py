"""What is read from a face, and where: the results that tables, overlays and the app are made of."""

from dataclasses import dataclass, fields

import numpy as np

from fbn.faces.geometry import Box
from fbn.records import Predictions
from fbn.vocabulary import ACTION_UNITS, AU_NUMBERS, DECISION, EXPRESSIONS, ActionUnit, Expression


@dataclass(frozen=True, eq=False)
class Affect:
    """A face's expression, valence-arousal and action units; NaN where the network has no such head.

    Attributes:
        expression: [7] float32 probability of each of ``EXPRESSIONS``.
        valence_arousal: [2] float32 in [-1, 1].
        action_units: [17] float32 probability of each of ``ACTION_UNITS``; active from ``DECISION`` on.
    """

    expression: np.ndarray
    valence_arousal: np.ndarray
    action_units: np.ndarray

    @property
    def label(self) -> Expression | None:
        """The most probable expression; None where the network has no expression head."""
        return None if np.isnan(self.expression).any() else EXPRESSIONS[int(self.expression.argmax())]

    @property
    def active_units(self) -> tuple[ActionUnit, ...]:
        """The action units that are active: 0.5 or more."""
        return tuple(unit for unit, p in zip(ACTION_UNITS, self.action_units, strict=True) if p >= DECISION)

    def vector(self) -> np.ndarray:
        """[26] float32: expression, valence-arousal, action units."""
        return np.concatenate([getattr(self, field.name) for field in fields(self)])

    @classmethod
    def from_vector(cls, vector: np.ndarray) -> "Affect":
        """The inverse of ``vector``."""
        e = len(EXPRESSIONS)
        return cls(vector[:e], vector[e : e + 2], vector[e + 2 :])

    @classmethod
    def of(cls, predictions: Predictions) -> "list[Affect]":
        """One for each face of predictions with batch shape [B]; valence and arousal are clipped to [-1, 1]."""
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
        return [cls(*rows) for rows in zip(*columns, strict=True)]


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
    """

    face_id: int
    box: Box
    score: float
    landmarks: np.ndarray
    affect: Affect
    smoothed: Affect | None = None


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
