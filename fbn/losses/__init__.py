"""Losses: pure functions ``(Predictions, Annotations[, RelatednessTable]) -> scalar``, and their weighted sum.

Every loss is 0 with a graph where nothing is annotated, and a label of weight 0 has no influence on value or gradient.
Weights average: doubling all of them changes nothing. Half precision is computed in float32.

Letters before equations name the papers: A, Distribution Matching for Heterogeneous Multi-Task Learning (Kollias,
Sharmanska, Zafeiriou 2021); B, FAU, Facial Expressions, Valence and Arousal: A Multi-task Solution (2020); C, Face
Behavior à la carte (2019); D, A Multi-Task Learning & Generation Framework.
"""

from fbn.losses.coupling import distribution_matching, soft_co_annotation
from fbn.losses.distillation import distillation
from fbn.losses.identity import attribute_cross_entropy, identity_attribute_matching, identity_cross_entropy
from fbn.losses.objective import TERMS, Objective
from fbn.losses.tasks import (
    action_unit_cross_entropy,
    expression_cross_entropy,
    valence_arousal_ccc,
    valence_arousal_mse,
)

__all__ = [
    "TERMS",
    "Objective",
    "action_unit_cross_entropy",
    "attribute_cross_entropy",
    "distillation",
    "distribution_matching",
    "expression_cross_entropy",
    "identity_attribute_matching",
    "identity_cross_entropy",
    "soft_co_annotation",
    "valence_arousal_ccc",
    "valence_arousal_mse",
]
