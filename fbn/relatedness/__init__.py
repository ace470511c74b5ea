"""How expressions and action units belong together: one editable, comparable value and its files."""

from fbn.relatedness.table import MIN_WEIGHT, Change, Provenance, RelatednessTable

__all__ = ["MIN_WEIGHT", "Change", "Provenance", "RelatednessTable"]
