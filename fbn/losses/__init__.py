"""Losses: pure functions ``(Predictions, Annotations[, RelatednessTable]) -> scalar``, and their weighted sum.

Each takes a task or a relatedness table as an argument; the default is the papers' case study of expressions, action
units, valence and arousal. Every supervised loss is 0, and differentiable, where nothing is annotated; a label of
weight 0 has no influence on value or gradient. Losses are weighted means: multiplying all weights by the same factor
changes nothing. Half-precision inputs are computed in float32.

The papers cited by the letters A to D are listed in ``fbn``.
"""

from fbn.losses.coupling import co_annotation, distribution_matching, soft_co_annotation
from fbn.losses.distillation import distillation
from fbn.losses.tasks import binary_cross_entropy, concordance_loss, cross_entropy, mean_squared_error
from fbn.losses.terms import COUPLINGS, TERMS, Objective, Term

__all__ = [
    "COUPLINGS",
    "TERMS",
    "Objective",
    "Term",
    "binary_cross_entropy",
    "co_annotation",
    "concordance_loss",
    "cross_entropy",
    "distillation",
    "distribution_matching",
    "mean_squared_error",
    "soft_co_annotation",
]
