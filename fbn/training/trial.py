"""Train a network without keeping checkpoints or logs."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from fbn.context import Context
from fbn.data.loading import Pool, Stream
from fbn.models.network import FaceNetwork
from fbn.records import Sample
from fbn.training.recipe import Recipe


def train_once(
    recipe: Recipe,
    pool: Pool,
    streams: Sequence[Stream],
    folder: Path,
    watched: tuple[Context, str, tuple[float, float]],
    *,
    threads: int | None = None,
    callbacks: Sequence[object] = (),
) -> FaceNetwork:
    """Train for the recipe's steps on pictures in memory.

    Args:
        recipe: the training recipe.
        pool: training pictures.
        streams: composition of each batch.
        folder: temporary folder, removed before and after.
        watched: context for progress and cancellation, message, and start and end of this training's progress.
        threads: cores; all by default.
        callbacks: further Lightning callbacks.

    Returns:
        The network with its averaged weights after the last step.

    Raises:
        Cancelled: cancelled by the user.
    """
    # Lightning takes seconds to import, and pages import this module's callers
    from fbn.training.run import Watch, learn

    context, message, progress = watched
    context.check()
    context.report(progress[0], message)
    shutil.rmtree(folder, ignore_errors=True)
    cores = threads or os.cpu_count() or 1
    # callers evaluate afterwards, at the resolution of training: Lightning's validation gets a single picture
    one = Pool.of({pool.names[0]: (pool.crops[0][:1], pool.annotations[:1])})
    try:
        return learn(
            recipe,
            pool,
            streams,
            (one, [Sample("", "", "0", one.annotations[0])]),
            folder,
            threads=cores,
            # augmenting small pictures takes a fifth of a step's time: no core is reserved for it
            workers=min(1, cores - 1),
            progress=False,
            # the score of one picture is meaningless
            report=False,
            callbacks=[Watch(context, message, progress, recipe.epochs * recipe.steps_per_epoch), *callbacks],  # type: ignore[list-item]
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
