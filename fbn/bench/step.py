"""A recipe's training step on random pictures, and interleaved timing of two kinds of steps."""

import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import torch

from fbn.losses import Objective
from fbn.records import Annotations, Label, Predictions
from fbn.tasks import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL
from fbn.training.multitask import COMPILERS
from fbn.training.precision import resolve_precision
from fbn.training.recipe import Recipe

#: Number of untimed steps before the timed ones.
WARM_UP = 5


def pair(calls: tuple[Callable[[], object], Callable[[], object]], number: int) -> tuple[float, float]:
    """Time two calls, in an order that alternates with ``number``; return the seconds of the first and the second."""
    seconds = [0.0, 0.0]
    for which in (0, 1) if number % 2 else (1, 0):
        start = time.perf_counter()
        calls[which]()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds[which] = time.perf_counter() - start
    return seconds[0], seconds[1]


def side_of(recipe: Recipe) -> int:
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
