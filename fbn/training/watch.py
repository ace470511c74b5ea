"""A training that says how far it is and stops when asked to."""

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback

from fbn.context import Context


class Watch(Callback):
    """Reports each step to a context and ends the training by ``Cancelled`` where somebody asked for it.

    Args:
        context: to report to and to ask.
        words: what is being trained.
        share: of the whole work that is done at the training's start and at its end.
        steps: of the training.
    """

    def __init__(self, context: Context, words: str, share: tuple[float, float], steps: int) -> None:
        self._context, self._words, self._share, self._steps = context, words, share, steps

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *rest: Any) -> None:
        """After every step."""
        self._context.check()
        low, high = self._share
        self._context.report(low + (high - low) * min(1.0, trainer.global_step / self._steps), self._words)
