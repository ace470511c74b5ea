"""Cost of the coupling losses: interleaved training steps with and without them."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from fbn.bench.step import WARM_UP, TrainingStep, objective_of, pair, side_of
from fbn.training import recipe as recipes

#: Loss terms that couple two tasks.
COUPLING = ("co_annotation", "soft_co_annotation", "distribution_matching")


def coupling(name: str = "base", steps: int = 50, fused: bool | None = None, side: int | None = None) -> dict[str, Any]:
    """Time training steps of a recipe (network, losses, backward pass, optimiser) on random pictures.

    Each step is done with and without the coupling terms, in alternating order.

    Args:
        name: name of a shipped recipe, or its file; its batch, network, precision and terms are used.
        steps: number of timed steps of each kind.
        fused: ``torch.compile`` the network; None: as in the recipe, if a compiler is installed.
        side: side of the pictures; None: the last of the recipe's.

    Returns:
        recipe, terms (coupling terms and their weights), pictures (batch size), side, compiled, precision, threads,
        steps, with_ms and without_ms (medians), loss_with_ms and loss_without_ms (losses and their gradients only),
        share (median difference of the pairs, relative to the median without), low and high (its quartiles),
        share_of_losses (difference of the loss medians, relative to the median step without).
    """
    recipe = recipes.read(name)
    coupled = objective_of(recipe)
    terms = {name: term.weight for name, term in coupled.terms.items() if term.weight and name in COUPLING}
    plain = replace(coupled, terms={name: term for name, term in coupled.terms.items() if name not in COUPLING})
    side = side or side_of(recipe)
    step = TrainingStep(recipe, side, fused)
    whole, alone = ((partial(call, coupled), partial(call, plain)) for call in (step, step.losses))
    for call in whole * WARM_UP:
        call()
    whole_steps = np.array([pair(whole, number) for number in range(steps)])
    losses = np.array([pair(alone, number) for number in range(steps)])
    share = (whole_steps[:, 0] - whole_steps[:, 1]) / np.median(whole_steps[:, 1])
    medians, of_losses = 1000 * np.median(whole_steps, 0), 1000 * np.median(losses, 0)
    return {
        "recipe": recipe.name,
        "terms": terms,
        "pictures": len(step.images),
        "side": side,
        "compiled": step.compiled,
        "precision": step.precision,
        "threads": torch.get_num_threads(),
        "steps": steps,
        "with_ms": float(medians[0]),
        "without_ms": float(medians[1]),
        "loss_with_ms": float(of_losses[0]),
        "loss_without_ms": float(of_losses[1]),
        "share": float(np.median(share)),
        "low": float(np.quantile(share, 0.25)),
        "high": float(np.quantile(share, 0.75)),
        "share_of_losses": float((of_losses[0] - of_losses[1]) / medians[1]),
    }
