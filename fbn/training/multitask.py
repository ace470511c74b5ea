"""Multi-task training as a LightningModule: the objective on every batch, every set's figures after each epoch."""

import math
import shutil
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities.rank_zero import rank_zero_warn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_gather

from fbn.data.loading import Item
from fbn.errors import FormatError
from fbn.losses import Objective
from fbn.records import Annotations, Predictions, Sample, TaskBatch
from fbn.training.figures import figures, score, scored_rows
from fbn.training.recipe import Recipe

Record = TypeVar("Record", Predictions, Annotations)
#: C++ compilers that ``torch.compile`` can use, by name.
COMPILERS = ("g++", "clang++", "c++")
#: Validation parts are small: an AU is scored from so many positive sequences on.
_VALID_POSITIVES = 3


class MultiTask(L.LightningModule):
    """Trains one network on batches whose labels do not overlap.

    Under several processes the objective sees the whole step's predictions, gathered with their gradients, so that
    1 - CCC is what one process would compute.

    Args:
        network: images -> ``Predictions``.
        objective: the loss.
        recipe: optimiser and schedule.
        steps: optimiser steps of the whole run.
        valid: samples of the validation pool, in its order.
    """

    def __init__(
        self, network: nn.Module, objective: Objective, recipe: Recipe, steps: int, valid: Sequence[Sample] = ()
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective, self.recipe, self.steps, self.valid = objective, recipe, steps, tuple(valid)
        self.strict_loading = True
        self._seen: list[tuple[Tensor, Predictions, Annotations]] = []
        self._forward: Callable[[Tensor], Predictions] = self.network.forward

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Look whether a run that goes on is this network's.

        Raises:
            FormatError: it is another's.
        """
        own, its = ({k: v.shape for k, v in s.items()} for s in (self.state_dict(), checkpoint["state_dict"]))
        if other := [key for key in own | its if own.get(key) != its.get(key)]:
            names = ", ".join(sorted(other)[:3])
            raise FormatError(
                f"this run's checkpoint is of another network, or of another version of fbn (it differs in {names}): "
                "train anew, in another folder"
            )

    def on_train_start(self) -> None:
        """Compile, if asked to: only now, since the averaged copy of this module must not share the result."""
        if self.recipe.compile and not any(map(shutil.which, COMPILERS)):
            rank_zero_warn(f"compile: none of {', '.join(COMPILERS)} is there, so training goes on without")
        elif self.recipe.compile:
            # validation stays uncompiled
            self._forward = self.network.compiled()

    def training_step(self, batch: Item, index: int) -> Tensor:
        """The objective's total on one step's batch."""
        pictures, teacher = batch
        # dropout's draws depend on the step alone, so that a resumed run goes on exactly
        torch.manual_seed(hash((self.recipe.seed, self.global_step, self.global_rank)))
        predictions = self._forward(pictures.images).to(torch.float32)
        annotations = pictures.annotations
        if distributed.is_available() and distributed.is_initialized():
            predictions, annotations = gathered(predictions), gathered(annotations)
            teacher = None if teacher is None else gathered(teacher)
        total, terms = self.objective(predictions, annotations, teacher)
        values = {f"train/{name}": value for name, value in terms.items()}
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=1)
        self.log("loss", total.detach(), prog_bar=True, on_step=True, on_epoch=True, batch_size=1)
        return total

    def validation_step(self, batch: tuple[TaskBatch, Tensor], index: int) -> None:
        """Keep a batch's predictions for the epoch's end: CCC needs all of them."""
        pictures, numbers = batch
        predictions = self.network(pictures.images).to(torch.float32)
        self._seen.append((numbers.cpu(), predictions.to("cpu"), pictures.annotations.to("cpu")))

    def on_validation_epoch_end(self) -> None:
        """Log every set's figures and their mean, ``score``."""
        seen, self._seen = self._seen, []
        if distributed.is_available() and distributed.is_initialized():
            parts: list[Any] = [None] * distributed.get_world_size()
            distributed.all_gather_object(parts, seen)
            seen = [item for part in parts for item in part]
        if not seen:
            return
        order = torch.cat([numbers for numbers, _, _ in seen]).argsort()
        predictions = Predictions.concatenate([p for _, p, _ in seen])[order]
        annotations = Annotations.concatenate([a for _, _, a in seen])[order]
        values = by_set(predictions, annotations, self.valid, _VALID_POSITIVES)
        values["score"] = score(values)
        self.log_dict({name.replace("/", "_"): v for name, v in values.items() if name != "score"})
        self.log("score", values["score"], prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW; warm-up, then a cosine to 0. Norms and biases do not decay."""
        weights = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim <= 1]
        recipe = self.recipe
        optimiser = torch.optim.AdamW(
            [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=recipe.learning_rate,
            foreach=True,
        )

        def share(step: int) -> float:
            if step < recipe.warmup:
                return (step + 1) / recipe.warmup
            done = (step - recipe.warmup) / max(1, self.steps - recipe.warmup)
            return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, share)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def by_set(
    predictions: Predictions, annotations: Annotations, samples: Sequence[Sample], positives: int
) -> dict[str, float]:
    """``"<set>/<figure>"`` -> value over each set's scored rows."""
    rows = scored_rows(samples)
    values: dict[str, float] = {}
    for name in dict.fromkeys(sample.dataset for sample in samples):
        own = torch.tensor([int(row) for row in rows if samples[row].dataset == name])
        every = np.arange(len(own))
        found = figures(predictions[own], annotations[own], positives)
        values |= {f"{name}/{figure}": compute(every) for figure, compute in found.items()}
    return values


def gathered(record: Record) -> Record:
    """All processes' records as one batch; gradients flow back to the process that a row came from."""
    return record.map(lambda tensor: torch.cat(all_gather(tensor)))


def averager(decay: float) -> Any:
    """Arguments of Lightning's ``WeightAveraging``: an exponential average whose window grows with the run at first."""

    @torch.no_grad()
    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor) -> None:
        n = float(count)
        share = 1 - min(decay, (1 + n) / (10 + n))
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(list(averaged), list(current), share)
        else:
            torch._foreach_copy_(list(averaged), list(current))

    return {"multi_avg_fn": update, "use_buffers": True}
