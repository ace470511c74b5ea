"""One training of which only the network is wanted: no checkpoint and no log is kept."""

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
        recipe: how.
        pool: what to train on.
        streams: what each step's batch is made of.
        folder: to work in; it is removed before and after.
        watched: where to report, in which words, and which share of the whole work this is.
        threads: cores; all by default.
        callbacks: further ones of Lightning.

    Returns:
        The network with its averaged weights after the last step.

    Raises:
        Cancelled: somebody asked.
    """
    # Lightning takes seconds to import, and pages import those who call this
    from fbn.training.run import learn
    from fbn.training.watch import Watch

    context, words, share = watched
    context.check()
    context.report(share[0], words)
    shutil.rmtree(folder, ignore_errors=True)
    cores = threads or os.cpu_count() or 1
    # figures are taken afterwards, at the resolution of training: one picture keeps Lightning's validation busy
    one = Pool.of({pool.names[0]: (pool.crops[0][:1], pool.annotations[:1])})
    try:
        return learn(
            recipe,
            pool,
            streams,
            (one, [Sample("", "", "0", one.annotations[0])]),
            folder,
            threads=cores,
            # small pictures are varied in a fifth of a step's time: no core needs to be kept for that
            workers=min(1, cores - 1),
            progress=False,
            # a score of one picture says nothing
            report=False,
            callbacks=[Watch(context, words, share, recipe.epochs * recipe.steps_per_epoch), *callbacks],  # type: ignore[list-item]
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
