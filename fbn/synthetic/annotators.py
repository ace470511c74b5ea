"""Simulated annotators with label noise: missed and false AUs, confused expressions, noisy ratings and votes."""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fbn.relatedness import RelatednessTable
from fbn.synthetic.parameters import Share
from fbn.vocabulary import EXPRESSIONS

#: Decay of the similarity between two rows of a table (fbn's choice).
_SHARPNESS = 0.8


class Noise(BaseModel):
    """Label noise; none by default.

    Attributes:
        miss: probability that an active AU is labelled inactive.
        imagine: probability that an inactive AU is labelled active.
        confuse: probability that an expression is labelled as another, more often as a similar one.
        affect_sd: standard deviation of the raters' valence and arousal around the true values.
        disagree: probability that one tagger's vote goes to another expression.
        doubt: probability that one tagger votes "unknown".
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    miss: Share = 0.0
    imagine: Share = 0.0
    confuse: Share = 0.0
    affect_sd: float = Field(default=0.0, ge=0, le=1)
    disagree: Share = 0.0
    doubt: Share = 0.0


def likeness(table: RelatednessTable, classes: tuple[str, ...]) -> np.ndarray:
    """Return [C, C] the probabilities with which a mistaken class is replaced; rows sum to 1, the diagonal is 0.

    They are proportional to the similarity of the classes' rows: exp(-0.8 sum_a |R(i,a) - R(j,a)|).
    """
    rows = table.matrix(classes).double().numpy()
    distance = np.abs(rows[:, None] - rows[None]).sum(-1)
    alike = np.exp(-_SHARPNESS * distance) * (1 - np.eye(len(classes)))
    return alike / np.maximum(alike.sum(1, keepdims=True), np.finfo(float).tiny)


def label_units(active: np.ndarray, noise: Noise, generator: np.random.Generator) -> np.ndarray:
    """Return [17] noisy AU labels, 0 or 1, of the true ones."""
    wrong = generator.random(active.shape) < np.where(active > 0, noise.miss, noise.imagine)
    return np.where(wrong, 1 - active, active)


def label_class(index: int, alike: np.ndarray, noise: Noise, generator: np.random.Generator) -> int:
    """Return the noisy label of a face of class ``index``; ``alike``: [C, C] from ``likeness``."""
    slips, which = generator.random(2)
    if slips >= noise.confuse or not alike[index].any():
        return index
    return min(int(np.searchsorted(np.cumsum(alike[index]), which, side="right")), len(alike) - 1)


def label_affect(
    affect: np.ndarray, noise: Noise, bias: tuple[float, float], generator: np.random.Generator
) -> np.ndarray:
    """Return [2] the raters' valence and arousal in [-1, 1]: true values plus bias and noise."""
    return np.clip(affect + np.asarray(bias) + noise.affect_sd * generator.standard_normal(2), -1, 1)


def vote(
    share: np.ndarray, table: RelatednessTable, noise: Noise, generator: np.random.Generator, taggers: int = 10
) -> dict[str, int]:
    """Draw the votes of independent taggers, as in FER+.

    Args:
        share: [7] the face's true distribution over ``EXPRESSIONS``.
        table: defines which expressions are similar.
        noise: ``disagree`` and ``doubt`` are used.
        generator: random generator.
        taggers: number of taggers.

    Returns:
        Expression or ``"unknown"`` -> votes; they sum to ``taggers``.
    """
    alike = likeness(table, tuple(e.value for e in EXPRESSIONS))
    chances = (1 - noise.doubt) * ((1 - noise.disagree) * share + noise.disagree * share @ alike)
    counts = generator.multinomial(taggers, [*chances, noise.doubt])
    return dict(zip((*(e.value for e in EXPRESSIONS), "unknown"), counts.tolist(), strict=True))
