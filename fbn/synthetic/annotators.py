"""People who label faces, and where they err: missed and imagined AUs, expressions taken for similar ones, taggers."""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fbn.relatedness import RelatednessTable
from fbn.synthetic.parameters import Share
from fbn.vocabulary import EXPRESSIONS

#: Sharpness of the likeness between two rows of a table (fbn's choice).
_SHARPNESS = 0.8


class Noise(BaseModel):
    """How labels depart from the truth; nothing by default.

    Attributes:
        miss: probability that an active AU is labelled inactive.
        imagine: probability that an inactive AU is labelled active.
        confuse: probability that an expression is labelled as another, similar ones more often.
        affect_sd: standard deviation of the raters' valence and arousal about the true ones.
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
    """[C, C] for which class each is mistaken: rows sum to 1, the diagonal is 0.

    Classes are taken for one another the more often the more AUs their rows share: exp(-0.8 sum_a |R(i,a) - R(j,a)|).
    """
    rows = table.matrix(classes).double().numpy()
    distance = np.abs(rows[:, None] - rows[None]).sum(-1)
    alike = np.exp(-_SHARPNESS * distance) * (1 - np.eye(len(classes)))
    return alike / np.maximum(alike.sum(1, keepdims=True), np.finfo(float).tiny)


def label_units(active: np.ndarray, noise: Noise, generator: np.random.Generator) -> np.ndarray:
    """[17] the coder's 0 or 1 for each AU, given the truth."""
    wrong = generator.random(active.shape) < np.where(active > 0, noise.miss, noise.imagine)
    return np.where(wrong, 1 - active, active)


def label_class(index: int, alike: np.ndarray, noise: Noise, generator: np.random.Generator) -> int:
    """The class that is written down for a face of class ``index``; ``alike`` is from ``likeness``."""
    slips, which = generator.random(2)
    if slips >= noise.confuse or not alike[index].any():
        return index
    return min(int(np.searchsorted(np.cumsum(alike[index]), which, side="right")), len(alike) - 1)


def label_affect(
    affect: np.ndarray, noise: Noise, bias: tuple[float, float], generator: np.random.Generator
) -> np.ndarray:
    """[2] the raters' valence and arousal in [-1, 1]: the true ones, their bias, their noise."""
    return np.clip(affect + np.asarray(bias) + noise.affect_sd * generator.standard_normal(2), -1, 1)


def vote(
    share: np.ndarray, table: RelatednessTable, noise: Noise, generator: np.random.Generator, taggers: int = 10
) -> dict[str, int]:
    """Votes of independent taggers, as FER+ counts them.

    Args:
        share: [7] the face's distribution over ``EXPRESSIONS``: what an unerring tagger draws a vote from.
        table: says which expressions are taken for which.
        noise: its ``disagree`` and ``doubt``.
        generator: of the votes.
        taggers: how many.

    Returns:
        Votes by expression, and by ``"unknown"``; they sum to ``taggers``.
    """
    alike = likeness(table, tuple(e.value for e in EXPRESSIONS))
    chances = (1 - noise.doubt) * ((1 - noise.disagree) * share + noise.disagree * share @ alike)
    counts = generator.multinomial(taggers, [*chances, noise.doubt])
    return dict(zip((*(e.value for e in EXPRESSIONS), "unknown"), counts.tolist(), strict=True))
