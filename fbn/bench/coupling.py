"""What the coupling losses cost: a training step with them and without, one after the other, in one run."""

import time
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from fbn.losses import Objective
from fbn.records import Annotations, Predictions
from fbn.training import recipe as recipes
from fbn.training.multitask import COMPILERS
from fbn.training.recipe import Recipe

#: Terms that meet two tasks.
COUPLING = ("co_annotation", "soft_co_annotation", "distribution_matching")
_WARM_UP = 5


def coupling(name: str = "base", steps: int = 50, fused: bool | None = None, side: int | None = None) -> dict[str, Any]:
    """Time steps of a recipe: network, losses, backward pass, optimiser, on pictures of noise.

    Each step is taken twice, with the coupling terms and without, first one and then the other first.

    Args:
        name: of a shipped recipe, or its file; its batch, network, precision and terms are used.
        steps: to time of each kind.
        fused: ``torch.compile`` the network; None: as the recipe says, where there is a compiler.
        side: of the pictures; None: the last of the recipe's.

    Returns:
        recipe, terms (coupling terms and their weights), pictures of a step, side, compiled, threads, steps, with_ms
        and without_ms (medians), loss_with_ms and loss_without_ms (of the losses and their gradients alone), share
        (median over steps of what the pair differs by, over the median without), low and high of its quartiles.
    """
    recipe = recipes.read(name)
    whole = recipe.build_objective()
    terms = {term: weight for term, weight in whole.weights.items() if weight and term in COUPLING}
    # a teacher's term is no coupling, and there is no teacher here
    kept = {term: weight for term, weight in whole.weights.items() if term != "distillation"}
    coupled = replace(whole, weights=kept)
    plain = replace(whole, weights={term: weight for term, weight in kept.items() if term not in COUPLING})
    side = side or (recipe.sides[-1] if recipe.sides else 112)
    step = _Step(recipe, side, fused)
    for objective in (coupled, plain) * _WARM_UP:
        step(objective)
    whole_steps = np.array([_pair(step, (coupled, plain), number) for number in range(steps)])
    losses = np.array([_pair(step.losses, (coupled, plain), number) for number in range(steps)])
    share = (whole_steps[:, 0] - whole_steps[:, 1]) / np.median(whole_steps[:, 1])
    medians, of_losses = 1000 * np.median(whole_steps, 0), 1000 * np.median(losses, 0)
    return {
        "recipe": recipe.name,
        "terms": terms,
        "pictures": len(step.images),
        "side": side,
        "compiled": step.compiled,
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


def _pair(call: Any, objectives: tuple[Objective, Objective], number: int) -> tuple[float, float]:
    """Seconds with the first and with the second objective; which comes first alternates."""
    spent = [0.0, 0.0]
    for which in (0, 1) if number % 2 else (1, 0):
        start = time.perf_counter()
        call(objectives[which])
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        spent[which] = time.perf_counter() - start
    return spent[0], spent[1]


class _Step:
    """A training step of a recipe on pictures of noise and labels as its sets have them."""

    def __init__(self, recipe: Recipe, side: int, fused: bool | None) -> None:
        import shutil

        torch.manual_seed(0)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = recipe.model_copy(update={"init": None}).build_network().to(device)
        self.network = self.network.to(memory_format=torch.channels_last).train()
        self.labels = labels(recipe).to(device)
        count = len(self.labels.expression_weight)
        self.images = torch.rand(count, 3, side, side, device=device).mul_(2).sub_(1)
        self.images = self.images.to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), recipe.learning_rate, foreach=True)
        self.clip = recipe.clip
        mixed = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(recipe.precision)
        self.precision = torch.autocast(device, mixed) if mixed else nullcontext()
        wanted = recipe.compile if fused is None else fused
        self.compiled = wanted and any(map(shutil.which, COMPILERS))
        self.forward = torch.compile(self.network.forward) if self.compiled else self.network.forward

    def __call__(self, objective: Objective) -> None:
        """The whole step."""
        self.optimiser.zero_grad()
        with self.precision:
            said = self.forward(self.images)
            total, _ = objective(said.to(torch.float32), self.labels)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        self.optimiser.step()

    def losses(self, objective: Objective) -> None:
        """The losses and their gradients on the outputs alone."""
        count = len(self.labels.expression_weight)
        outputs = [torch.zeros(count, size, device=self.images.device, requires_grad=True) for size in (7, 17, 2)]
        total, _ = objective(Predictions(*outputs), self.labels)
        total.backward()


def labels(recipe: Recipe) -> Annotations:
    """One step's labels, drawn: FER+ has expressions, AffectNet also valence and arousal, CK+ AUs, CelebA nothing."""
    generator = torch.Generator().manual_seed(0)
    parts = []
    for name, count in recipe.per_step.items():
        own = Annotations.empty(count)
        expression = torch.nn.functional.one_hot(torch.randint(7, (count,), generator=generator), 7).float()
        units = (torch.rand(count, 17, generator=generator) < 0.2).float()
        affect = torch.rand(count, 2, generator=generator) * 2 - 1
        if name != "celeba":
            own = replace(own, expression=expression, expression_weight=torch.ones(count))
        if name == "affectnet":
            own = replace(own, valence_arousal=affect, valence_arousal_weight=torch.ones(count))
        if name == "ckplus":
            own = replace(own, action_units=units, action_units_weight=torch.ones(count, 17))
        parts.append(own)
    return Annotations.concatenate(parts)
