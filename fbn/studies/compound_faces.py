"""Drawn data of the study ``compound``: faces with basic labels for training, compound expressions for testing.

No compound expression is trained on: the three training sets show the seven basic expressions, each labelled for one
task as in the papers. The compound data sets are those that ``fbn synth`` writes, drawn directly.
"""

import os
from dataclasses import dataclass

import numpy as np

from fbn.data.crops import Crops
from fbn.data.loading import Pool, Stream
from fbn.relatedness import RelatednessTable
from fbn.studies.material import only
from fbn.synthetic.cached import cached_pool
from fbn.synthetic.domains import DOMAINS, Domain
from fbn.synthetic.layouts import world_of
from fbn.synthetic.people import Population
from fbn.synthetic.world import World
from fbn.tasks import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL, Task
from fbn.vocabulary import EXPRESSIONS

#: Layout -> name of its classes in ``CompoundClasses``.
SETS = {"rafdb-compound": "rafdb", "emotionet": "emotionet"}
#: Task -> domain of its pictures: the papers took expressions, AUs and affect from different data sets.
_STYLES = {EXPRESSION: "rafdb", ACTION_UNITS: "emotionet", VALENCE_AROUSAL: "affectnet"}
#: Task -> fraction of the pictures, and number of pictures in each batch.
SHARES = {EXPRESSION: 0.8, ACTION_UNITS: 0.06, VALENCE_AROUSAL: 0.14}
PER_STEP = {EXPRESSION: 64, ACTION_UNITS: 16, VALENCE_AROUSAL: 16}
#: Number of pictures from which they are drawn by several processes, which take seconds to start.
_PARALLEL = 1000
#: Offset of the world seeds of held-out faces.
_HELD_OUT = 500_000


@dataclass(frozen=True)
class CompoundFaces:
    """Pictures of compound expressions with their classes.

    Attributes:
        crops: [N, 144, 144, 3] uint8 RGB, with a margin.
        classes: [N] class names.
        test: [N] bool, whether each is in the test split.
    """

    crops: Crops
    classes: tuple[str, ...]
    test: np.ndarray


def basic_domain(task: Task) -> Domain:
    """Return the domain of a task's pictures, in which the seven expressions are equally frequent."""
    changes = {
        "name": f"basic-{task.name}",
        "classes": tuple((e.value, 1.0) for e in EXPRESSIONS),
        "population": Population(people=1000),
    }
    return DOMAINS[_STYLES[task]].model_copy(update=changes)


def basic_pool(table: RelatednessTable, seed: int, count: int) -> tuple[Pool, list[Stream]]:
    """Draw training faces: 80 % with an expression only, 6 % with AUs only, 14 % with valence and arousal only.

    Args:
        table: AUs of each expression.
        seed: seed of the worlds.
        count: total number of pictures.

    Returns:
        The pool, and the composition of each batch.
    """
    sets = {}
    for task in SHARES:
        pool = _draw(World(table, seed, basic_domain(task)), max(1, round(SHARES[task] * count)))
        sets[pool.names[0]] = (pool.crops[0], only(pool.annotations, task))
    pool = Pool.of(sets)
    return pool, [Stream(pool.of_set(basic_domain(task).name), number) for task, number in PER_STEP.items()]


def basic_held_out(table: RelatednessTable, seed: int, count: int) -> Pool:
    """Draw held-out faces of other people, in the domain of the expression task, with all labels."""
    return _draw(World(table, _HELD_OUT + seed, basic_domain(EXPRESSION)), count)


def _draw(world: World, count: int) -> Pool:
    # a process takes seconds to start
    return cached_pool(world, count, processes=(os.cpu_count() or 1) if count >= _PARALLEL else 1, progress=False)


def compound_set(layout: str, table: RelatednessTable, seed: int, count: int) -> CompoundFaces:
    """Draw a compound data set. RAF-DB's test split has one person in five, EmotioNet's has everyone.

    Args:
        layout: key of ``SETS``.
        table: AUs of each class.
        seed: seed of the world.
        count: number of pictures.
    """
    world = world_of(layout, table, seed)
    pool = _draw(world, count)
    people = np.arange(count) % world.domain.population.people
    test = people % 5 == 1 if layout == "rafdb-compound" else np.ones(count, bool)
    return CompoundFaces(pool.crops[0], tuple(world.draw(i).category for i in range(count)), test)
