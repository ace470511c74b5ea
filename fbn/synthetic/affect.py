"""Valence and arousal of a displayed expression: a position on the circumplex, shifted by each action unit.

The plane and the order of the expressions on it follow Russell (A circumplex model of affect, JPSP 39(6), 1980):
surprise, fear and anger have high arousal, sadness low arousal, and only happiness clearly positive valence. That
single AUs contribute valence and arousal is an assumption of the papers' coupling (paper C, section 3.2). All numbers
are fbn's choice: signs and order follow the sources, sizes are such that no AU outweighs its expression.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from fbn.vocabulary import AU_INDEX, AU_NUMBERS, COMPOUND_EXPRESSIONS, EXPRESSION_INDEX, EXPRESSIONS, Expression

#: Valence, arousal of an expression at full strength, before its AUs are added.
POSITIONS: Mapping[Expression, tuple[float, float]] = {
    Expression.NEUTRAL: (0.0, 0.0),
    Expression.ANGER: (-0.45, 0.40),
    Expression.DISGUST: (-0.50, 0.20),
    Expression.FEAR: (-0.45, 0.50),
    Expression.HAPPINESS: (0.55, 0.08),
    Expression.SADNESS: (-0.50, -0.35),
    Expression.SURPRISE: (0.05, 0.48),
}

#: FACS number -> contribution of the AU to valence and arousal at intensity 1.
UNIT_TERMS: Mapping[int, tuple[float, float]] = {
    1: (-0.03, 0.03),
    2: (0.00, 0.06),
    4: (-0.08, 0.04),
    5: (0.00, 0.12),
    6: (0.08, 0.03),
    7: (-0.02, 0.03),
    9: (-0.08, 0.03),
    10: (-0.06, 0.02),
    12: (0.18, 0.04),
    14: (-0.03, 0.00),
    15: (-0.10, -0.05),
    17: (-0.05, -0.02),
    20: (-0.06, 0.05),
    23: (-0.05, 0.04),
    24: (-0.05, 0.03),
    25: (0.00, 0.04),
    26: (0.00, 0.08),
}

_POSITIONS = np.array([POSITIONS[expression] for expression in EXPRESSIONS])
_TERMS = np.array([UNIT_TERMS[number] for number in AU_NUMBERS])
#: Fraction of its position that an expression has when its AUs have intensity 0 (fbn's choice).
_MIN_STRENGTH = 0.5


def shares(category: str) -> np.ndarray:
    """Return [7] a category's distribution over ``EXPRESSIONS``; a compound's two components have 0.5 each."""
    share = np.zeros(len(EXPRESSIONS))
    if category in EXPRESSION_INDEX:
        share[EXPRESSION_INDEX[category]] = 1
    else:
        compound = COMPOUND_EXPRESSIONS[category]
        share[[EXPRESSION_INDEX[compound.first], EXPRESSION_INDEX[compound.second]]] = 0.5
    return share


def display(category: str, row: Mapping[int, float], units: np.ndarray) -> np.ndarray:
    """Return [7] the strength of each expression: its share times a factor in [0.5, 1] that grows with its AUs.

    Args:
        category: expression or compound expression.
        row: its row of the relatedness table, FACS number -> weight.
        units: [17] intensities in [0, 1].
    """
    columns = [AU_INDEX[number] for number in row if number in AU_INDEX]
    weights = np.array([row[AU_NUMBERS[i]] for i in columns])
    strength = float(weights @ units[columns] / weights.sum()) if columns else 0.0
    return shares(category) * (_MIN_STRENGTH + (1 - _MIN_STRENGTH) * strength)


def valence_arousal(
    shown: np.ndarray, units: np.ndarray, noise: Sequence[float] | np.ndarray = (0.0, 0.0)
) -> np.ndarray:
    """Return [2] valence and arousal: clip(sum_e shown(e) position(e) + sum_a units(a) term(a) + noise, -1, 1).

    Args:
        shown: [7] strength of each expression, see ``display``.
        units: [17] intensities in [0, 1], mean of both sides of the face.
        noise: [2] added to valence and arousal.
    """
    return np.clip(shown @ _POSITIONS + units @ _TERMS + noise, -1, 1)
