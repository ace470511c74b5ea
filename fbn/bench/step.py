"""A training step of a recipe on pictures of noise, and two of them timed in turn."""

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
from fbn.training.precision import settled
from fbn.training.recipe import Recipe

#: Steps before any that is timed.
WARM_UP = 5


def pair(calls: tuple[Callable[[], object], Callable[[], object]], number: int) -> tuple[float, float]:
    """Seconds of the first and of the second call; which comes first alternates with ``number``."""
    spent = [0.0, 0.0]
    for which in (0, 1) if number % 2 else (1, 0):
        start = time.perf_counter()
        calls[which]()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        spent[which] = time.perf_counter() - start
    return spent[0], spent[1]


def side_of(recipe: Recipe) -> int:
    """Resolution at the end of a recipe's run."""
    return recipe.sides[-1] if recipe.sides else 112


def objective_of(recipe: Recipe) -> Objective:
    """The recipe's losses without a teacher's, of whom there is none here."""
    whole = recipe.build_objective()
    return replace(whole, weights={term: weight for term, weight in whole.weights.items() if term != "distillation"})


class TrainingStep:
    """A training step of a recipe on pictures of noise and labels as its sets have them.

    Args:
        recipe: its batch, network and precision are used.
        side: of the pictures.
        fused: ``torch.compile`` the network; None: as the recipe says, where there is a compiler.
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
        self.precision = settled(recipe.precision)
        mixed = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(self.precision)
        self._casting = torch.autocast(device, mixed) if mixed else nullcontext()
        wanted = recipe.compile if fused is None else fused
        self.compiled = wanted and any(map(shutil.which, COMPILERS))
        self.forward = self.network.compiled() if self.compiled else self.network.forward

    def __call__(self, objective: Objective) -> None:
        """The whole step."""
        self.optimiser.zero_grad()
        with self._casting:
            said = self.forward(self.images)
            total, _ = objective(said.to(torch.float32), self.labels)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        self.optimiser.step()

    def losses(self, objective: Objective) -> None:
        """The losses and their gradients on the outputs alone."""
        count = self.labels.batch[0]
        outputs = [torch.zeros(count, size, device=self.images.device, requires_grad=True) for size in (7, 17, 2)]
        total, _ = objective(Predictions.of(*outputs), self.labels)
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
            own |= {EXPRESSION: Label(expression, torch.ones(count))}
        if name == "affectnet":
            own |= {VALENCE_AROUSAL: Label(affect, torch.ones(count))}
        if name == "ckplus":
            own |= {ACTION_UNITS: Label(units, torch.ones(count, 17))}
        parts.append(own)
    return Annotations.concatenate(parts)
