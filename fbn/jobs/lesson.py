"""The Coupling lab's live training: two small networks that differ only in the coupling terms.

Both start from the same weights and see the same batches; most faces have only an expression label, few have AU labels.
The training runs on a thread of the server, not of a page: every page and viewer shows the same training and can stop
it. Longer comparisons are studies. Unlike ``fbn.training``, it evaluates both networks forty times during the training
and stops within a step.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fbn.context import Background
from fbn.data.augment import centre
from fbn.jobs import durations
from fbn.losses import Objective, distribution_matching
from fbn.metrics import accuracy, au_f1, confusion
from fbn.models.network import FaceNetwork
from fbn.models.spec import InputSpec
from fbn.models.zoo import facebehaviornet
from fbn.records import Annotations, Label, Predictions
from fbn.relatedness import RelatednessTable
from fbn.synthetic.domains import Domain
from fbn.synthetic.pool import draw_crops
from fbn.synthetic.world import World
from fbn.tasks import ACTION_UNITS, EXPRESSION

#: Loss terms of both networks; the coupled one has ``COUPLINGS`` in addition.
TASKS: dict[str, float] = {"expression": 1.0, "action_units": 1.0}
COUPLINGS: dict[str, Any] = {
    "distribution_matching": 0.3,
    "soft_co_annotation": {"weight": 0.3, "form": "soft_target", "temperature": 0.3},
    "co_annotation": 1.0,
}
#: One training at a time, since two would halve each other's speed; a stopped one takes a moment to end.
_TURN = threading.Lock()
#: Number of faces drawn between two updates of the progress.
_BLOCK = 40
#: Seconds per step of the last training here, by picture size and batch size.
_SPEEDS: dict[tuple[int, int], float] = {}


@dataclass(frozen=True)
class Lesson:
    """Settings of a live training.

    Attributes:
        table: relatedness table of the coupling terms. The faces are rendered with Du 2014's.
        title: name of the table.
        couplings: names in ``COUPLINGS``.
        labelled: number of faces with AU labels; the others have only an expression label.
        faces: number of training faces.
        held_out: number of held-out faces for evaluation.
        size: side of the pictures in pixels.
        steps: training steps of each network.
        batch: batch size.
        seed: random seed of faces, weights and batches.
    """

    table: RelatednessTable
    title: str = ""
    couplings: tuple[str, ...] = tuple(COUPLINGS)
    labelled: int = 20
    faces: int = 900
    held_out: int = 300
    size: int = 48
    steps: int = 900
    batch: int = 48
    seed: int = 1

    def terms(self, coupled: bool) -> Mapping[str, Any]:
        """Return the terms of the objective, with or without coupling terms."""
        return {**TASKS, **({name: COUPLINGS[name] for name in self.couplings} if coupled else {})}


@dataclass(frozen=True)
class PairScores:
    """Metrics of both networks on the held-out faces after some steps; pairs are (without, with) coupling terms.

    Attributes:
        step: number of steps done.
        f1: mean F1 over the AUs of Du 2014's expressions.
        accuracy: accuracy over the seven expressions.
        distance: distribution-matching loss (KL divergence) under Du 2014's table: disagreement of predicted AUs and
            expressions.
    """

    step: int
    f1: tuple[float, float]
    accuracy: tuple[float, float]
    distance: tuple[float, float]


@dataclass(frozen=True)
class LessonProgress:
    """A snapshot of a live training.

    Attributes:
        running: whether it has not ended.
        message: the current step.
        progress: in [0, 1].
        points: learning curves so far.
        problem: error message, or "".
        left: estimated remaining seconds; None if not known yet.
    """

    running: bool
    message: str
    progress: float
    points: tuple[PairScores, ...]
    problem: str = ""
    left: float | None = None


class LiveTraining(Background):
    """Runs one lesson on a separate thread; pages poll ``progress``."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self._lock = threading.Lock()
        self._now = LessonProgress(True, "Waiting for another training to end", 0.0, ())
        super().__init__()

    def progress(self) -> LessonProgress:
        """Return a snapshot of the progress."""
        with self._lock:
            return replace(self._now, running=self.running and self._now.running)

    def _update(self, **changes: object) -> None:
        with self._lock:
            self._now = replace(self._now, **changes)  # type: ignore[arg-type]

    def _run(self) -> None:
        try:
            while not _TURN.acquire(timeout=0.2):
                if self.cancelled:
                    self._update(running=False, message="Stopped")
                    return
            try:
                self._train()
            finally:
                _TURN.release()
        except Exception as error:  # a thread's exception would not be shown
            self._update(running=False, message="Failed", problem=f"{type(error).__name__}: {error}")

    def _train(self) -> None:
        lesson, parts = self.lesson, []
        total, began, training = lesson.faces + lesson.held_out, time.monotonic(), expected(lesson)
        for start in range(0, total, _BLOCK):
            if self.cancelled:
                break
            end = min(start + _BLOCK, total)
            parts.append(_render_faces(lesson.seed, start, end, lesson.size))
            rest = durations.left(time.monotonic() - began, end / total)
            left = None if rest is None or training is None else rest + training
            message = f"Drawing faces: {end} of {total}"
            if rest is not None and training is None:
                message += f"{durations.countdown(rest)}, then they are trained on"
            self._update(message=message, progress=0.25 * end / total, left=left)
        if not self.cancelled:
            images = torch.cat([images for images, _ in parts])
            labels = Annotations.concatenate([labels for _, labels in parts])
            self._fit(NetworkPair(lesson, images, labels))
        stopped = self.cancelled
        self._update(
            left=None,
            running=False,
            message="Stopped" if stopped else "Done",
            progress=self._now.progress if stopped else 1.0,
        )

    def _fit(self, pair: "NetworkPair") -> None:
        steps, every, began = self.lesson.steps, max(1, self.lesson.steps // 40), time.monotonic()
        for step in range(steps + 1):
            if step % every == 0 or step == steps:
                point = pair.measure(step)
                self._update(points=(*self._now.points, point), message=f"Training: step {step} of {steps}")
            if self.cancelled or step == steps:
                return
            pair.step()
            seconds = time.monotonic() - began
            left = durations.left(seconds, (step + 1) / steps)
            if left is not None:
                _SPEEDS[self.lesson.size, self.lesson.batch] = seconds / (step + 1)
            self._update(progress=0.25 + 0.75 * (step + 1) / steps, left=left)


class Classroom:
    """The server's single live training, shared by all pages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._training: LiveTraining | None = None

    def training(self) -> LiveTraining | None:
        """Return the running training, or the last one that ended, or None."""
        with self._lock:
            return self._training

    def begin(self, lesson: Lesson) -> LiveTraining:
        """Start a lesson and return its training; if one is running already, return that one instead."""
        with self._lock:
            if self._training is None or self._training.cancelled or not self._training.progress().running:
                self._training = LiveTraining(lesson)
            return self._training


CLASSROOM = Classroom()


def expected(lesson: Lesson) -> float | None:
    """Estimate the seconds of a lesson's training steps from the last training; None before the first."""
    speed = _SPEEDS.get((lesson.size, lesson.batch))
    return None if speed is None else speed * lesson.steps


class NetworkPair:
    """Two networks with the same initial weights and batches; the second has the coupling terms.

    Args:
        lesson: settings of the training.
        images: [faces + held_out, 3, size, size] float32 in [-1, 1], training faces first.
        labels: labels of batch shape [faces + held_out], with expressions and AUs.
    """

    def __init__(self, lesson: Lesson, images: Tensor, labels: Annotations) -> None:
        torch.manual_seed(lesson.seed)
        first = facebehaviornet(widths=(8, 16, 32, 64), blocks=(1, 1, 1, 1), dropout=0.1)
        second = facebehaviornet(widths=(8, 16, 32, 64), blocks=(1, 1, 1, 1), dropout=0.1)
        second.load_state_dict(first.state_dict())
        self._networks = tuple(network.to(memory_format=torch.channels_last) for network in (first, second))  # type: ignore[call-overload]
        self._objectives = tuple(Objective(lesson.terms(on), lesson.table) for on in (False, True))
        self._optimisers = [torch.optim.AdamW(n.parameters(), lr=2e-3, weight_decay=0.05) for n in self._networks]
        self._truth = RelatednessTable.named("du2014")
        self._images, self._held_out = images[: lesson.faces], images[lesson.faces :]
        self._labels, self._known = _reduce_labels(labels[: lesson.faces], lesson.labelled), labels[lesson.faces :]
        self._draws = np.random.default_rng(lesson.seed)
        self._lesson, self._done = lesson, 0

    def step(self) -> None:
        """Do one training step of each network on the same batch, a quarter of which has AU labels."""
        lesson, quarter = self._lesson, self._lesson.batch // 4
        with_units = self._draws.integers(0, lesson.labelled, quarter)
        others = self._draws.integers(lesson.labelled, lesson.faces, lesson.batch - quarter)
        chosen = torch.from_numpy(np.concatenate([with_units, others]))
        images, labels = self._images[chosen], self._labels[chosen]
        flipped = torch.from_numpy(self._draws.random(len(chosen)) < 0.5)[:, None, None, None]
        images = torch.where(flipped, images.flip(-1), images)
        for network, objective, optimiser in zip(self._networks, self._objectives, self._optimisers, strict=True):
            network.train()
            torch.manual_seed(self._done)
            loss, _ = objective(network(images), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        self._done += 1

    @torch.no_grad()
    def measure(self, step: int) -> PairScores:
        """Evaluate both networks on the held-out faces."""
        scores = [self._scores(network) for network in self._networks]
        f1, right, distance = ((a, b) for a, b in zip(*scores, strict=True))
        return PairScores(step, f1, right, distance)

    def _scores(self, network: FaceNetwork) -> tuple[float, float, float]:
        network.eval()
        predictions: Predictions = network(self._held_out)
        truth = self._known.action_units.numpy()
        support = self._truth.matrix().any(0).numpy()
        f1 = au_f1(predictions.action_units.numpy(), truth)[support]
        matrix = confusion(predictions.expression.argmax(-1).numpy(), self._known.expression.argmax(-1).numpy())
        return float(np.nanmean(f1)), accuracy(matrix), float(distribution_matching(predictions, self._truth))


def _reduce_labels(labels: Annotations, labelled: int) -> Annotations:
    """Keep only AU labels for the first ``labelled`` faces, only expression labels for the others."""
    first = torch.arange(*labels.batch) < labelled
    expression, units = labels[EXPRESSION], labels[ACTION_UNITS]
    return labels | {
        EXPRESSION: Label(expression.value, expression.weight * ~first),
        ACTION_UNITS: Label(units.value, units.weight * first[:, None]),
    }


@lru_cache(maxsize=128)
def _render_faces(seed: int, start: int, end: int, size: int) -> tuple[Tensor, Annotations]:
    """Render faces ``start`` to ``end`` of a world with Du 2014's table; cached for all viewers of the server."""
    world = World(RelatednessTable.named("du2014"), seed=seed, domain=Domain(name="lesson"))
    truths = [world.draw(number) for number in range(start, end)]
    crops = draw_crops([truth.face for truth in truths], size)
    labels = Annotations.stack([truth.annotations for truth in truths])
    return InputSpec(size).prepare(centre(crops, size)), labels
