"""Speed of a recipe's training step: cost of the coupling losses, and bfloat16 against full precision.

Two kinds of steps on random pictures are timed, interleaved.
"""

import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from fbn.losses import Objective
from fbn.records import Annotations, Label, Predictions
from fbn.tasks import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL
from fbn.training import recipe as recipes
from fbn.training.multitask import COMPILERS
from fbn.training.precision import MIXED, WHOLE, native, resolve_precision
from fbn.training.recipe import Recipe

#: Loss terms that couple two tasks.
COUPLING = ("co_annotation", "soft_co_annotation", "distribution_matching")
#: Number of untimed steps before the timed ones.
_WARM_UP = 5


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
    side = side or _side_of(recipe)
    step = TrainingStep(recipe, side, fused)
    whole, alone = ((partial(call, coupled), partial(call, plain)) for call in (step, step.losses))
    for call in whole * _WARM_UP:
        call()
    whole_steps, losses = _interleaved(whole, steps), _interleaved(alone, steps)
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
        **_quartiles("share", share),
        "share_of_losses": float((of_losses[0] - of_losses[1]) / medians[1]),
    }


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
    side, objective = side or _side_of(recipe), objective_of(recipe)
    both = [TrainingStep(recipe.model_copy(update={"precision": each}), side, False) for each in (MIXED, WHOLE)]
    calls = partial(both[0], objective), partial(both[1], objective)
    for call in calls * _WARM_UP:
        call()
    seconds = _interleaved(calls, steps)
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
        **_quartiles("ratio", ratios),
    }


def _interleaved(calls: tuple[Callable[[], object], Callable[[], object]], rounds: int) -> np.ndarray:
    """Return [rounds, 2] seconds of two calls."""
    return np.array([_pair(calls, number) for number in range(rounds)])


def _quartiles(name: str, values: np.ndarray) -> dict[str, float]:
    """Return the median as ``name``, and the quartiles as ``low`` and ``high``."""
    low, median, high = map(float, np.quantile(values, (0.25, 0.5, 0.75)))
    return {name: median, "low": low, "high": high}


def _pair(calls: tuple[Callable[[], object], Callable[[], object]], number: int) -> tuple[float, float]:
    """Time two calls, in an order that alternates with ``number``; return the seconds of the first and the second."""
    seconds = [0.0, 0.0]
    for which in (0, 1) if number % 2 else (1, 0):
        start = time.perf_counter()
        calls[which]()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds[which] = time.perf_counter() - start
    return seconds[0], seconds[1]


def _side_of(recipe: Recipe) -> int:
    """Return the final resolution of a recipe."""
    return recipe.sides[-1] if recipe.sides else 112


def objective_of(recipe: Recipe) -> Objective:
    """Return the recipe's objective without distillation, which would need a teacher."""
    whole = recipe.build_objective()
    return replace(whole, terms={name: term for name, term in whole.terms.items() if name != "distillation"})


class TrainingStep:
    """A recipe's training step on random pictures and labels.

    Args:
        recipe: the recipe, whose batch, network and precision are used.
        side: side of the pictures.
        fused: ``torch.compile`` the network; None: as in the recipe, if a compiler is installed.
    """

    def __init__(self, recipe: Recipe, side: int, fused: bool | None) -> None:
        torch.manual_seed(0)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = recipe.model_copy(update={"init": None}).build_network().to(device)
        self.network = self.network.to(memory_format=torch.channels_last).train()
        self.labels = labels(recipe).to(device)
        count = self.labels.batch[0]
        self.images = torch.rand(count, 3, side, side, device=device).mul_(2).sub_(1)
        self.images = self.images.to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), recipe.learning_rate, foreach=True)
        self.clip = recipe.clip
        self.precision = resolve_precision(recipe.precision)
        mixed = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(self.precision)
        self._casting = torch.autocast(device, mixed) if mixed else nullcontext()
        wanted = recipe.compile if fused is None else fused
        self.compiled = wanted and any(map(shutil.which, COMPILERS))
        self.forward = self.network.compiled() if self.compiled else self.network.forward

    def __call__(self, objective: Objective) -> None:
        """Do a complete training step."""
        self.optimiser.zero_grad()
        with self._casting:
            predictions = self.forward(self.images)
            total, _ = objective(predictions.to(torch.float32), self.labels)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        self.optimiser.step()

    def losses(self, objective: Objective) -> None:
        """Compute only the losses and their gradients with respect to the outputs."""
        count = self.labels.batch[0]
        outputs = [torch.zeros(count, size, device=self.images.device, requires_grad=True) for size in (7, 17, 2)]
        total, _ = objective(Predictions.of(*outputs), self.labels)
        total.backward()


def labels(recipe: Recipe) -> Annotations:
    """Draw random labels of a batch: expressions, AffectNet also valence and arousal, CK+ also AUs; none for CelebA."""
    generator = torch.Generator().manual_seed(0)
    parts = []
    for name, count in recipe.per_step.items():
        annotations = Annotations.empty(count)
        expression = torch.nn.functional.one_hot(torch.randint(7, (count,), generator=generator), 7).float()
        units = (torch.rand(count, 17, generator=generator) < 0.2).float()
        affect = torch.rand(count, 2, generator=generator) * 2 - 1
        if name != "celeba":
            annotations |= {EXPRESSION: Label(expression, torch.ones(count))}
        if name == "affectnet":
            annotations |= {VALENCE_AROUSAL: Label(affect, torch.ones(count))}
        if name == "ckplus":
            annotations |= {ACTION_UNITS: Label(units, torch.ones(count, 17))}
        parts.append(annotations)
    return Annotations.concatenate(parts)
