"""Metrics of a learning method for compound expressions, compared with zero-shot on the same pictures."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fbn.fewshot.curve import LearningMethod
from fbn.fewshot.probe import IntArray
from fbn.fewshot.request import Figure
from fbn.metrics import Interval, bootstrap, classification, confusion, mean_diagonal, recalls
from fbn.resources import whole_file


def cached(learn: LearningMethod, folder: Path, key: str) -> LearningMethod:
    """Return a learning method that caches its scores in a folder, so that an interrupted run resumes.

    Args:
        learn: a deterministic learning method.
        folder: one file per call is written here.
        key: identifies everything else that the scores depend on.
    """

    def learn_or_load(rows: IntArray, held_out: IntArray) -> NDArray:
        name = hashlib.sha256(key.encode() + rows.tobytes() + b"|" + held_out.tobytes()).hexdigest()[:24]
        path = folder / f"{name}.npy"
        if not path.exists():
            scores = learn(rows, held_out)
            with whole_file(path) as unfinished, unfinished.open("wb") as file:
                np.save(file, scores, allow_pickle=False)
        return np.load(path, allow_pickle=False)

    return learn_or_load


def figures(choice: IntArray, truth: IntArray, classes: Sequence[str], seed: int) -> dict[str, Any]:
    """Return the fields confusion, recall and figures of ``Result`` for [n] predicted and true classes."""
    if not len(truth):
        none = Figure(value=None, low=None, high=None)
        return {
            "confusion": np.zeros((len(classes), len(classes)), int).tolist(),
            "recall": dict.fromkeys(classes),
            "figures": dict.fromkeys(("mean_diagonal", "macro_f1", "uar", "accuracy"), none),
        }
    report = classification(choice, truth, len(classes), seed=seed)
    each = recalls(report.matrix)
    return {
        "confusion": report.matrix.astype(int).tolist(),
        "recall": {name: _number(value) for name, value in zip(classes, each, strict=True)},
        "figures": {
            "mean_diagonal": figure(report.mean_diagonal),
            "macro_f1": figure(report.macro_f1),
            "uar": figure(report.uar),
            "accuracy": figure(report.accuracy),
        },
    }


def gain(choice: IntArray, base: IntArray, truth: IntArray, classes: int, seed: int) -> Figure:
    """Return the mean diagonal of ``choice`` minus that of ``base``, with a bootstrap interval paired by picture."""
    if not len(truth):
        return Figure(value=None, low=None, high=None)

    def difference(rows: NDArray[np.intp]) -> float:
        first, second = (mean_diagonal(confusion(c[rows], truth[rows], classes=classes)) for c in (choice, base))
        return first - second

    return figure(bootstrap(difference, len(truth), seed=seed))


def figure(interval: Interval) -> Figure:
    """Return an interval as a ``Figure``, with None for NaN."""
    values = {name: _number(value) for name, value in asdict(interval).items()}
    return Figure(value=values["value"], low=values["low"], high=values["high"])


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def finite(value: Any) -> Any:
    """Return nested lists and dictionaries with None for NaN and infinity, which JSON lacks."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return _number(value) if isinstance(value, float) else value
