"""Multi-task training as a LightningModule, with metrics of every data set after each epoch."""

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
#: Minimum number of positive sequences for an AU to be scored; small, as validation splits are small.
_VALID_POSITIVES = 3


class MultiTask(L.LightningModule):
    """Trains one network on batches in which every picture may have labels of some tasks only.

    With several processes the objective is computed on the predictions of all, gathered with their gradients, so that
    1 - CCC is the same as with one process.

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
        self._outputs: list[tuple[Tensor, Predictions, Annotations]] = []
        self._forward: Callable[[Tensor], Predictions] = self.network.forward

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Check that the checkpoint to resume from is of this network.

        Raises:
            FormatError: it is of another network.
        """
        expected, actual = ({k: v.shape for k, v in s.items()} for s in (self.state_dict(), checkpoint["state_dict"]))
        if other := [key for key in expected | actual if expected.get(key) != actual.get(key)]:
            names = ", ".join(sorted(other)[:3])
            raise FormatError(
                f"this run's checkpoint is of another network, or of another version of fbn (it differs in {names}): "
                "train anew, in another folder"
            )

    def on_train_start(self) -> None:
        """Compile if the recipe requires it: only now, as the averaged copy of the module must not share the result."""
        if self.recipe.compile and not any(map(shutil.which, COMPILERS)):
            rank_zero_warn(f"compile: none of {', '.join(COMPILERS)} is there, so training goes on without")
        elif self.recipe.compile:
            # validation stays uncompiled
            self._forward = self.network.compiled()

    def training_step(self, batch: Item, index: int) -> Tensor:
        """Compute the objective of one batch."""
        pictures, teacher = batch
        # dropout depends on the step alone, so that a resumed run is identical
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
        """Store a batch's predictions for the end of the epoch: CCC needs all of them."""
        pictures, numbers = batch
        predictions = self.network(pictures.images).to(torch.float32)
        self._outputs.append((numbers.cpu(), predictions.to("cpu"), pictures.annotations.to("cpu")))

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of every data set and their mean, ``score``."""
        outputs, self._outputs = self._outputs, []
        if distributed.is_available() and distributed.is_initialized():
            of_processes: list[Any] = [None] * distributed.get_world_size()
            distributed.all_gather_object(of_processes, outputs)
            outputs = [item for of_process in of_processes for item in of_process]
        if not outputs:
            return
        order = torch.cat([numbers for numbers, _, _ in outputs]).argsort()
        predictions = Predictions.concatenate([p for _, p, _ in outputs])[order]
        annotations = Annotations.concatenate([a for _, _, a in outputs])[order]
        values = by_set(predictions, annotations, self.valid, _VALID_POSITIVES)
        values["score"] = score(values)
        self.log_dict({name.replace("/", "_"): v for name, v in values.items() if name != "score"})
        self.log("score", values["score"], prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return AdamW with a warm-up, then a cosine to 0. Normalisation layers and biases have no weight decay."""
        weights = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim <= 1]
        recipe = self.recipe
        optimiser = torch.optim.AdamW(
            [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=recipe.learning_rate,
            foreach=True,
        )

        def factor(step: int) -> float:
            if step < recipe.warmup:
                return (step + 1) / recipe.warmup
            done = (step - recipe.warmup) / max(1, self.steps - recipe.warmup)
            return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def by_set(
    predictions: Predictions, annotations: Annotations, samples: Sequence[Sample], positives: int
) -> dict[str, float]:
    """Return ``"<set>/<figure>"`` -> value over the scored rows of each data set."""
    rows = scored_rows(samples)
    values: dict[str, float] = {}
    for name in dict.fromkeys(sample.dataset for sample in samples):
        of_set = torch.tensor([int(row) for row in rows if samples[row].dataset == name])
        every = np.arange(len(of_set))
        metrics = figures(predictions[of_set], annotations[of_set], positives)
        values |= {f"{name}/{figure}": compute(every) for figure, compute in metrics.items()}
    return values


def gathered(record: Record) -> Record:
    """Gather the records of all processes as one batch; gradients flow back to the process of each row."""
    return record.map(lambda tensor: torch.cat(all_gather(tensor)))


def averager(decay: float) -> Any:
    """Return arguments for ``WeightAveraging``: an exponential average whose window grows at the start of the run."""

    @torch.no_grad()
    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor) -> None:
        n = float(count)
        weight = 1 - min(decay, (1 + n) / (10 + n))
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(list(averaged), list(current), weight)
        else:
            torch._foreach_copy_(list(averaged), list(current))

    return {"multi_avg_fn": update, "use_buffers": True}
