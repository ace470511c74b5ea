"""One training whose network alone is wanted: no checkpoint and no log stays."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fbn.context import Context
from fbn.data.augment import unvaried
from fbn.data.crops import Crops
from fbn.data.loading import Pool, Stream
from fbn.models.network import FaceNetwork
from fbn.records import Predictions, Sample
from fbn.training.recipe import Recipe

_BATCH = 64


def trial(
    recipe: Recipe,
    pool: Pool,
    streams: Sequence[Stream],
    folder: Path,
    watched: tuple[Context, str, tuple[float, float]],
    *,
    threads: int | None = None,
    callbacks: Sequence[object] = (),
) -> FaceNetwork:
    """Train for the recipe's steps on pictures that are there.

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
            (one, [Sample("trial", "", "0", one.annotations[0])]),
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


def read(network: FaceNetwork, crops: Crops, side: int) -> Predictions:
    """What a network says of crops with a margin, shown at a side of so many pixels; batch shape [N]."""
    spec, device = replace(network.spec, size=side), next(network.parameters()).device
    parts = []
    with torch.inference_mode():
        for start in range(0, len(crops), _BATCH):
            views = unvaried(np.asarray(crops[start : start + _BATCH]), side)
            parts.append(network(spec.prepare(views).to(device)).to("cpu", torch.float32))
    return Predictions.concatenate(parts)
