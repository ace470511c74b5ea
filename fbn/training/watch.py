"""Progress and cancellation for a Lightning training."""

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback

from fbn.context import Context


class Watch(Callback):
    """Reports progress after each step; raises ``Cancelled`` when the user cancels.

    Args:
        context: for progress and cancellation.
        message: reported with the progress.
        progress: of the whole job at the start and at the end of this training, in [0, 1].
        steps: of the training.
    """

    def __init__(self, context: Context, message: str, progress: tuple[float, float], steps: int) -> None:
        self._context, self._message, self._progress, self._steps = context, message, progress, steps

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *rest: Any) -> None:
        """Report progress and check for cancellation."""
        self._context.check()
        start, end = self._progress
        self._context.report(start + (end - start) * min(1.0, trainer.global_step / self._steps), self._message)
