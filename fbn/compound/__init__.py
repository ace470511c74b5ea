"""Compound expressions: sets of classes, and a zero-shot score that needs no training pictures of them."""

from fbn.compound.classes import CompoundClasses, names
from fbn.compound.score import (
    DEFAULT_TEMPERATURE,
    NoneOfThese,
    Terms,
    Valence,
    none_of_these,
    probabilities,
    terms,
)

__all__ = [
    "DEFAULT_TEMPERATURE",
    "CompoundClasses",
    "NoneOfThese",
    "Terms",
    "Valence",
    "names",
    "none_of_these",
    "probabilities",
    "terms",
]
