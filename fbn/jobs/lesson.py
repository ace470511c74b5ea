"""The Coupling lab's live training: two small networks that differ in the coupling terms alone.

Same first weights, same batches; most faces have an expression label only, few have AU labels. It runs on a thread of
the server and belongs to it, not to a page: every page shows the same training and can stop it, so that a reload, or
another viewer, sees it again. Longer comparisons are studies. ``fbn.training`` trains one network and gives it when it
is done; here both are measured forty times on the way, side by side, and stop within a step.
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
from fbn.jobs import durations
from fbn.losses import Objective, distribution_matching
from fbn.metrics import accuracy, au_f1, confusion
from fbn.models.network import FaceNetwork
from fbn.models.zoo import facebehaviornet
from fbn.records import Annotations, Label, Predictions
from fbn.relatedness import RelatednessTable
from fbn.synthetic.domains import Domain
from fbn.synthetic.pool import draw_crops
from fbn.synthetic.world import World
from fbn.tasks import ACTION_UNITS, EXPRESSION

#: Terms that both networks learn from; the coupled one has ``COUPLINGS`` beside them.
TASKS: dict[str, float] = {"expression": 1.0, "action_units": 1.0}
COUPLINGS: dict[str, Any] = {
    "distribution_matching": 0.3,
    "soft_co_annotation": {"weight": 0.3, "form": "soft_target", "temperature": 0.3},
    "co_annotation": 1.0,
}
#: One training at a time: two would halve each other's pace. One that was stopped takes a moment to end.
_TURN = threading.Lock()
_BLOCK = 40
#: Seconds that a step of the last training took here, by side of the pictures and faces in a step.
_SPEEDS: dict[tuple[int, int], float] = {}


@dataclass(frozen=True)
class Lesson:
    """What is trained on.

    Attributes:
        table: relatedness that the couplings use. The faces are made with Du 2014's.
        title: what the table is called.
        couplings: names in ``COUPLINGS``.
        labelled: faces with AU labels; the others have an expression label only.
        faces: drawn for training.
        held_out: drawn for measuring.
        size: side of the pictures, pixels.
        steps: of each network.
        batch: faces in a step.
        seed: of faces, weights and batches.
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
        """Terms of the objective."""
        return {**TASKS, **({name: COUPLINGS[name] for name in self.couplings} if coupled else {})}


@dataclass(frozen=True)
class PairScores:
    """Both networks on the held-out faces after some steps; pairs are (off, on).

    Attributes:
        step: steps done.
        f1: mean F1 over the AUs that Du 2014's expressions have.
        accuracy: of the seven expressions.
        distance: distribution-matching loss (KL) under Du 2014's table: how far AUs and expressions contradict.
    """

    step: int
    f1: tuple[float, float]
    accuracy: tuple[float, float]
    distance: tuple[float, float]


@dataclass(frozen=True)
class LessonProgress:
    """A look at a running lesson.

    Attributes:
        running: it has not ended.
        words: what it does.
        share: done, in [0, 1].
        points: curves so far.
        problem: what went wrong, or "".
        left: seconds until it is done, measured; None where that cannot be told yet.
    """

    running: bool
    words: str
    share: float
    points: tuple[PairScores, ...]
    problem: str = ""
    left: float | None = None


class LiveTraining(Background):
    """One lesson on a thread of its own; the page looks at ``progress``."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self._lock = threading.Lock()
        self._now = LessonProgress(True, "Waiting for another training to end", 0.0, ())
        super().__init__()

    def progress(self) -> LessonProgress:
        """How far it is."""
        with self._lock:
            return replace(self._now, running=self.running and self._now.running)

    def _say(self, **changes: object) -> None:
        with self._lock:
            self._now = replace(self._now, **changes)  # type: ignore[arg-type]

    def _run(self) -> None:
        try:
            while not _TURN.acquire(timeout=0.2):
                if self.cancelled:
                    self._say(running=False, words="Stopped")
                    return
            try:
                self._train()
            finally:
                _TURN.release()
        except Exception as error:  # a thread's exception would vanish without a word
            self._say(running=False, words="Failed", problem=f"{type(error).__name__}: {error}")

    def _train(self) -> None:
        lesson, parts = self.lesson, []
        total, began, then = lesson.faces + lesson.held_out, time.monotonic(), expected(lesson)
        for start in range(0, total, _BLOCK):
            if self.cancelled:
                break
            end = min(start + _BLOCK, total)
            parts.append(_drawn(lesson.seed, start, end, lesson.size))
            rest = durations.left(time.monotonic() - began, end / total)
            left = None if rest is None or then is None else rest + then
            words = f"Drawing faces: {end} of {total}"
            if rest is not None and then is None:
                words += f"{durations.countdown(rest)}, then they are trained on"
            self._say(words=words, share=0.25 * end / total, left=left)
        if not self.cancelled:
            images = torch.cat([images for images, _ in parts])
            labels = Annotations.concatenate([labels for _, labels in parts])
            self._fit(NetworkPair(lesson, images, labels))
        stopped = self.cancelled
        self._say(
            left=None, running=False, words="Stopped" if stopped else "Done", share=self._now.share if stopped else 1.0
        )

    def _fit(self, pair: "NetworkPair") -> None:
        steps, every, began = self.lesson.steps, max(1, self.lesson.steps // 40), time.monotonic()
        for step in range(steps + 1):
            if step % every == 0 or step == steps:
                point = pair.measure(step)
                self._say(points=(*self._now.points, point), words=f"Training: step {step} of {steps}")
            if self.cancelled or step == steps:
                return
            pair.step()
            seconds = time.monotonic() - began
            left = durations.left(seconds, (step + 1) / steps)
            if left is not None:
                _SPEEDS[self.lesson.size, self.lesson.batch] = seconds / (step + 1)
            self._say(share=0.25 + 0.75 * (step + 1) / steps, left=left)


class Classroom:
    """The server's one training, for every page to start, look at and stop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._training: LiveTraining | None = None

    def training(self) -> LiveTraining | None:
        """The one that runs, else the one that ended last."""
        with self._lock:
            return self._training

    def begin(self, lesson: Lesson) -> LiveTraining:
        """Start a lesson; where somebody else's goes on, that one is given and nothing started."""
        with self._lock:
            if self._training is None or self._training.cancelled or not self._training.progress().running:
                self._training = LiveTraining(lesson)
            return self._training


CLASSROOM = Classroom()


def expected(lesson: Lesson) -> float | None:
    """Seconds that a lesson's steps take here, by the last training; None before the first."""
    speed = _SPEEDS.get((lesson.size, lesson.batch))
    return None if speed is None else speed * lesson.steps


class NetworkPair:
    """Two networks that start equal and see the same batches; the second has the couplings.

    Args:
        lesson: how they are trained.
        images: [faces + held_out, 3, size, size] float32 in [-1, 1], training faces first.
        labels: of batch shape [faces + held_out], with expressions and AUs.
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
        self._labels, self._known = _scarce(labels[: lesson.faces], lesson.labelled), labels[lesson.faces :]
        self._draws = np.random.default_rng(lesson.seed)
        self._lesson, self._done = lesson, 0

    def step(self) -> None:
        """One step of each on the same batch: a quarter of it faces with AU labels."""
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
        """Both on the held-out faces."""
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


def _scarce(labels: Annotations, labelled: int) -> Annotations:
    """AU labels on the first faces alone, expression labels on the others alone."""
    first = torch.arange(*labels.batch) < labelled
    expression, units = labels[EXPRESSION], labels[ACTION_UNITS]
    return labels | {
        EXPRESSION: Label(expression.value, expression.weight * ~first),
        ACTION_UNITS: Label(units.value, units.weight * first[:, None]),
    }


@lru_cache(maxsize=128)
def _drawn(seed: int, start: int, end: int, size: int) -> tuple[Tensor, Annotations]:
    """Faces of a world made with Du 2014's table, the same for every viewer, drawn once for a server."""
    world = World(RelatednessTable.named("du2014"), seed=seed, domain=Domain(name="lesson"))
    truths = [world.draw(number) for number in range(start, end)]
    crops = draw_crops([truth.face for truth in truths], size)
    margin = (crops.shape[1] - size) // 2
    middle = crops[:, margin : margin + size, margin : margin + size]
    images = torch.from_numpy(middle.copy()).permute(0, 3, 1, 2).float() / 127.5 - 1
    labels = Annotations.stack([truth.annotations for truth in truths])
    return images.contiguous(memory_format=torch.channels_last), labels
