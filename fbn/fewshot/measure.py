"""The figures of a way of telling compound expressions apart, against zero-shot on the same pictures."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fbn.fewshot.curve import Learn
from fbn.fewshot.probe import Numbers
from fbn.fewshot.request import Figure
from fbn.metrics import Interval, bootstrap, classification, confusion, mean_diagonal, recalls
from fbn.resources import whole_file


def remembered(learn: Learn, folder: Path, key: str) -> Learn:
    """A way of learning whose scores are kept in a folder, so that interrupted work goes on after the last of them.

    Args:
        learn: pure: the same pictures give the same scores.
        folder: for a file each.
        key: of all else that the scores depend on.
    """

    def kept(rows: Numbers, out: Numbers) -> NDArray:
        name = hashlib.sha256(key.encode() + rows.tobytes() + b"|" + out.tobytes()).hexdigest()[:24]
        path = folder / f"{name}.npy"
        if not path.exists():
            scores = learn(rows, out)
            with whole_file(path) as unfinished, unfinished.open("wb") as file:
                np.save(file, scores, allow_pickle=False)
        return np.load(path, allow_pickle=False)

    return kept


def figures(choice: Numbers, truth: Numbers, classes: Sequence[str], seed: int) -> dict[str, Any]:
    """confusion, recall, figures as ``Result`` has them, of n pictures."""
    if not len(truth):
        none = Figure(value=None, low=None, high=None)
        return {
            "confusion": np.zeros((len(classes), len(classes)), int).tolist(),
            "recall": dict.fromkeys(classes),
            "figures": dict.fromkeys(("mean_diagonal", "macro_f1", "uar", "accuracy"), none),
        }
    found = classification(choice, truth, len(classes), seed=seed)
    each = recalls(found.matrix)
    return {
        "confusion": found.matrix.astype(int).tolist(),
        "recall": {name: _number(value) for name, value in zip(classes, each, strict=True)},
        "figures": {
            "mean_diagonal": figure(found.mean_diagonal),
            "macro_f1": figure(found.macro_f1),
            "uar": figure(found.uar),
            "accuracy": figure(found.accuracy),
        },
    }


def gain(choice: Numbers, base: Numbers, truth: Numbers, classes: int, seed: int) -> Figure:
    """Mean diagonal of one choice less another's, on the same pictures in every draw."""
    if not len(truth):
        return Figure(value=None, low=None, high=None)

    def difference(rows: NDArray[np.intp]) -> float:
        own, other = (mean_diagonal(confusion(c[rows], truth[rows], classes=classes)) for c in (choice, base))
        return own - other

    return figure(bootstrap(difference, len(truth), seed=seed))


def figure(interval: Interval) -> Figure:
    """As JSON has it: None for nan."""
    values = {name: _number(value) for name, value in asdict(interval).items()}
    return Figure(value=values["value"], low=values["low"], high=values["high"])


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def finite(value: Any) -> Any:
    """The same lists and dictionaries with None for numbers that JSON has no word for."""
    if isinstance(value, dict):
        return {key: finite(own) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return [finite(own) for own in value]
    return _number(value) if isinstance(value, float) else value
