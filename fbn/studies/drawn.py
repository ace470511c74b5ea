"""Drawn data sets in the style of the papers': each with labels of one task, different cameras and people.

Training: AffectNet's style with expressions; EmotioNet's and BP4D's styles with the AUs that those data sets code;
Aff-Wild2's style on video with valence and arousal. Testing only: DISFA's, AFEW-VA's and RAF-DB's styles. All faces
are drawn with Du 2014's table.
"""

import json
import os
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fbn.data.loading import Pool, Stream
from fbn.records import Annotations
from fbn.relatedness import RelatednessTable
from fbn.studies.affect_budgets import AffectBudget
from fbn.studies.material import HeldOutSet, StudyData, coded, only
from fbn.studies.study import Report
from fbn.synthetic.cached import cached_pool, drawers
from fbn.synthetic.clips import Clip, draw_clip
from fbn.synthetic.domains import DOMAINS
from fbn.synthetic.world import Truth, World
from fbn.tasks import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL, Task
from fbn.vocabulary import ACTION_UNITS_BY_DATASET

#: Offsets between the world seeds of training and held-out faces, and between those of two seeds.
_HELD_OUT, _APART = 500_000, 100
#: The papers' metrics of valence and arousal, and of AUs.
_AFFECT, _UNITS = ("ccc_valence", "ccc_arousal"), ("f1", "auc")
#: Total number of pictures and clips from which several processes draw.
_PARALLEL = 400


@dataclass(frozen=True)
class _Set:
    """A data set: its domain, task of its training labels (None: testing only), metrics, whether it is video."""

    name: str
    task: Task | None
    figures: tuple[str, ...]
    filmed: bool = False


SETS = (
    _Set("affectnet", EXPRESSION, ("accuracy", "expression_f1")),
    _Set("emotionet", ACTION_UNITS, ("afa", *_UNITS)),
    _Set("bp4d", ACTION_UNITS, _UNITS),
    _Set("affwild2", VALENCE_AROUSAL, _AFFECT, filmed=True),
    _Set("disfa", None, _UNITS),
    _Set("afew-va", None, _AFFECT, filmed=True),
    _Set("rafdb", None, ("mean_diagonal",)),
)


@dataclass(frozen=True)
class Filmed(World):
    """A world whose picture i is frame ``i mod frames`` of clip ``i div frames``.

    Attributes:
        seconds: duration of each clip.
        rate: frames per second; the papers use every fifth frame.
    """

    seconds: float = 8.0
    rate: float = 6.0

    @property
    def frames(self) -> int:
        """Number of frames of each clip."""
        return int(self.seconds * self.rate)

    def who(self, index: int) -> int:
        """Return the number of the person in picture ``index``, that of its clip."""
        return super().who(index // self.frames)

    def draw(self, index: int) -> Truth:
        """Draw picture ``index``, 0 or more."""
        number, frame = divmod(index, self.frames)
        return _clip(self, number).frame(frame / self.rate)

    def to_json(self) -> str:
        """Return the world with duration and frame rate as JSON."""
        film = {"seconds": self.seconds, "rate": self.rate}
        return json.dumps(json.loads(super().to_json()) | film, indent=1, ensure_ascii=False) + "\n"


@lru_cache(maxsize=4)
def _clip(world: Filmed, number: int) -> Clip:
    return draw_clip(world, number, world.seconds)


def draw(budget: AffectBudget, seed: int, report: Report) -> StudyData:
    """Draw the data sets of one seed, or read them from the cache.

    Args:
        budget: sizes of the data sets.
        seed: seed of the worlds.
        report: called with the progress and a message; may raise to stop.
    """
    trained: dict[str, Pool] = {}
    held_out: list[HeldOutSet] = []
    counts = _counts(budget)
    jobs = [(which, False) for which in SETS if which.task] + [(which, True) for which in SETS]
    every = sum(counts.values()) + len(SETS) * budget.held_out
    with drawers(os.cpu_count() or 1) if every >= _PARALLEL else nullcontext(1) as processes:
        for number, (which, out) in enumerate(jobs):
            report(number / len(jobs), f"drawing {which.name}")
            world = _world(which, _APART * seed + (_HELD_OUT if out else 0))
            count = budget.held_out if out else counts[which.name]
            if isinstance(world, Filmed):
                count = world.frames * (max(2, -(-count // world.frames)) if out else count)
            pool = _as_coded(which.name, cached_pool(world, count, processes=processes, progress=False))
            if out:
                frames = world.frames if isinstance(world, Filmed) else 0
                groups = [world.who(i) for i in range(len(pool))]
                held_out.append(
                    HeldOutSet(which.name, pool, which.figures, np.array(groups), which.task is not None, frames)
                )
            else:
                trained[which.name] = pool
    return _data(trained, held_out, per_step(budget))


def per_step(budget: AffectBudget) -> tuple[int, int, int]:
    """Return the composition of each batch: pictures with expressions, with AUs, with valence and arousal.

    Those with expressions and with AUs are divided in proportion to the data sets, as in the papers, but each gets at
    least a sixth of them.
    """
    expression, units, affect = budget.per_step
    both, counts = expression + units, _counts(budget)
    total = sum(counts[name] for name in ("affectnet", "emotionet", "bp4d"))
    units = round(both * (1 - counts["affectnet"] / total))
    units = min(max(units, both // 6), both - both // 6)
    return both - units, units, affect


def _counts(budget: AffectBudget) -> dict[str, int]:
    units = budget.action_units or budget.scarce
    return {
        "affectnet": budget.expression,
        "emotionet": units // 2,
        "bp4d": units - units // 2,
        "affwild2": budget.clips,
    }


def _world(which: _Set, seed: int) -> World:
    kind = Filmed if which.filmed else World
    return kind(RelatednessTable.named("du2014"), seed, DOMAINS[which.name])


def _as_coded(name: str, pool: Pool) -> Pool:
    numbers = ACTION_UNITS_BY_DATASET.get(name)
    return Pool.of({name: (pool.crops[0], coded(pool.annotations, numbers) if numbers else pool.annotations)})


def _data(trained: dict[str, Pool], held_out: list[HeldOutSet], per_step: tuple[int, int, int]) -> StudyData:
    tasks = {which.name: which.task for which in SETS if which.task}
    # the first pictures of the expression data set have AU labels too, used only for the table
    both = Annotations.concatenate([trained[name].annotations[:500] for name in ("affectnet", "emotionet", "bp4d")])
    labelled = {name: (pool.crops[0], only(pool.annotations, tasks[name])) for name, pool in trained.items()}
    pool = Pool.of(labelled)
    order = (EXPRESSION, ACTION_UNITS, VALENCE_AROUSAL)
    streams = tuple((task, Stream(pool.of_task(task), count)) for task, count in zip(order, per_step, strict=True))
    return StudyData(pool, streams, tuple(held_out), both)
