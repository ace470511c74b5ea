"""Loss schedule and loss curves: switches coupling terms on late, and records every term."""

import math
from collections import defaultdict
from dataclasses import replace
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from fbn.losses import Objective
from fbn.records import Annotations, Predictions

#: Maximum number of points of a curve.
POINTS = 20


class LossCurves(Callback):
    """Records every loss term of a training; switches some terms on late.

    Args:
        late: terms that are switched on later.
        after: fraction of the run after which they are, in [0, 1].
        steps: number of steps of the run.
    """

    def __init__(self, late: tuple[str, ...], after: float, steps: int) -> None:
        self._late, self._first, self._steps = late, round(after * steps), steps
        self._done = 0
        self._parts = min(POINTS, steps)
        self._sums: dict[str, list[Tensor | float]] = defaultdict(lambda: [0.0] * self._parts)
        self._counts: dict[str, list[int]] = defaultdict(lambda: [0] * self._parts)

    @property
    def curves(self) -> dict[str, list[float | None]]:
        """Term -> its unweighted mean over each of ``POINTS`` parts of the run (fewer if there are fewer steps).

        None where a term was not computed or not finite.
        """
        return {
            name: [_mean(float(s), n) for s, n in zip(sums, self._counts[name], strict=True)]
            for name, sums in self._sums.items()
        }

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Wrap the objective; not earlier, as the averaged copy of the module must not share the wrapper."""
        module: Any = pl_module
        full: Objective = module.objective
        early = replace(full, terms={n: t for n, t in full.terms.items() if n not in self._late})

        def objective(
            predictions: Predictions, annotations: Annotations, teacher: Predictions | None = None
        ) -> tuple[Tensor, dict[str, Tensor]]:
            total, terms = (full if self._done >= self._first else early)(predictions, annotations, teacher)
            part = min(self._parts - 1, self._done * self._parts // self._steps)
            for name, value in terms.items():
                self._sums[name][part] = self._sums[name][part] + value.to(torch.float32)
                self._counts[name][part] += 1
            self._done += 1
            return total, terms

        module.objective = objective


def _mean(total: float, count: int) -> float | None:
    return round(total / count, 5) if count and math.isfinite(total) else None
