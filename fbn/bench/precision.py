"""Speed of mixed-precision training: interleaved training steps in bfloat16 and in full precision."""

from functools import partial
from typing import Any

import numpy as np
import torch

from fbn.bench.step import WARM_UP, TrainingStep, objective_of, pair, side_of
from fbn.training import recipe as recipes
from fbn.training.precision import MIXED, WHOLE, native, resolve_precision


def precision(name: str = "base", steps: int = 20, side: int | None = None) -> dict[str, Any]:
    """Time training steps of a recipe (network, losses, backward pass, optimiser) on random pictures, not compiled.

    Args:
        name: name of a shipped recipe, or its file; its batch, network and terms are used.
        steps: number of timed steps of each kind.
        side: side of the pictures; None: the last of the recipe's.

    Returns:
        recipe, pictures (batch size), side, threads, steps, native (whether the machine reports native bfloat16
        support), auto (the choice of ``"auto"`` here), bf16_ms and whole_ms (medians), ratio (median over steps of
        bfloat16's time divided by full precision's; above 1, full precision is faster), low and high (its quartiles).
    """
    recipe = recipes.read(name)
    side, objective = side or side_of(recipe), objective_of(recipe)
    both = [TrainingStep(recipe.model_copy(update={"precision": each}), side, False) for each in (MIXED, WHOLE)]
    calls = partial(both[0], objective), partial(both[1], objective)
    for call in calls * WARM_UP:
        call()
    seconds = np.array([pair(calls, number) for number in range(steps)])
    ratios = seconds[:, 0] / seconds[:, 1]
    return {
        "recipe": recipe.name,
        "pictures": len(both[0].images),
        "side": side,
        "threads": torch.get_num_threads(),
        "steps": steps,
        "native": native(),
        "auto": resolve_precision("auto"),
        "bf16_ms": float(1000 * np.median(seconds[:, 0])),
        "whole_ms": float(1000 * np.median(seconds[:, 1])),
        "ratio": float(np.median(ratios)),
        "low": float(np.quantile(ratios, 0.25)),
        "high": float(np.quantile(ratios, 0.75)),
    }
