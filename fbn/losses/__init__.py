"""Losses: pure functions ``(Predictions, Annotations[, RelatednessTable]) -> scalar``, and their weighted sum.

Each takes the task or the table it is about; the default is the papers' case study of expressions, action units,
valence and arousal. Every loss is 0 with a graph where nothing is annotated, and a label of weight 0 has no influence
on value or gradient. Weights average: doubling all of them changes nothing. Half precision is computed in float32.

Letters before equations name the papers: A, Distribution Matching for Heterogeneous Multi-Task Learning (Kollias,
Sharmanska, Zafeiriou 2021); B, FAU, Facial Expressions, Valence and Arousal: A Multi-task Solution (2020); C, Face
Behavior à la carte (2019); D, A Multi-Task Learning & Generation Framework.
"""

from fbn.losses.coupling import distribution_matching, soft_co_annotation
from fbn.losses.distillation import distillation
from fbn.losses.objective import Objective
from fbn.losses.tasks import binary_cross_entropy, concordance_loss, cross_entropy, mean_squared_error
from fbn.losses.terms import COUPLINGS, TERMS, Term

__all__ = [
    "COUPLINGS",
    "TERMS",
    "Objective",
    "Term",
    "binary_cross_entropy",
    "concordance_loss",
    "cross_entropy",
    "distillation",
    "distribution_matching",
    "mean_squared_error",
    "soft_co_annotation",
]
