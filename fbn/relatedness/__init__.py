"""Relatedness tables of a categorical and a binary task, such as expressions and AUs; their files and versions."""

from fbn.relatedness.notes import Note
from fbn.relatedness.table import MIN_WEIGHT, Change, Provenance, RelatednessTable
from fbn.relatedness.versions import ConflictError, Version, Versions, resolve

__all__ = [
    "MIN_WEIGHT",
    "Change",
    "ConflictError",
    "Note",
    "Provenance",
    "RelatednessTable",
    "Version",
    "Versions",
    "resolve",
]
