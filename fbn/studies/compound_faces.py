"""What the study of compound expressions draws: faces with basic labels to train on, compound sets to test on.

No compound face is ever trained on: the three sets with basic labels show the seven expressions alone, and each is
labelled for one task, as the papers' sets are. The compound sets are those that ``fbn synth`` writes, without the files
in between.
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

#: Layout -> the classes it is scored on, by the name that ``CompoundClasses`` knows them by.
SETS = {"rafdb-compound": "rafdb", "emotionet": "emotionet"}
#: Task -> the style its pictures are in: the papers took expressions, AUs and affect from different sets.
_STYLES = {EXPRESSION: "rafdb", ACTION_UNITS: "emotionet", VALENCE_AROUSAL: "affectnet"}
#: Task -> share of the pictures, pictures in every step.
SHARES = {EXPRESSION: 0.8, ACTION_UNITS: 0.06, VALENCE_AROUSAL: 0.14}
PER_STEP = {EXPRESSION: 64, ACTION_UNITS: 16, VALENCE_AROUSAL: 16}
_PARALLEL = 1000
_HELD_OUT = 500_000


@dataclass(frozen=True)
class Named:
    """Pictures of named classes.

    Attributes:
        crops: [N, 144, 144, 3] uint8 RGB, with a margin.
        classes: [N] the class of each.
        test: [N] whether it is of the part that figures are reported on.
    """

    crops: Crops
    classes: tuple[str, ...]
    test: np.ndarray


def basic_domain(task: Task) -> Domain:
    """The style of a task's pictures; the seven expressions occur equally often."""
    changes = {
        "name": f"basic-{task.name}",
        "classes": tuple((e.value, 1.0) for e in EXPRESSIONS),
        "population": Population(people=1000),
    }
    return DOMAINS[_STYLES[task]].model_copy(update=changes)


def basic_pool(table: RelatednessTable, seed: int, count: int) -> tuple[Pool, list[Stream]]:
    """Faces to train on: 80 % with an expression alone, 6 % with AUs alone, 14 % with valence and arousal alone.

    Args:
        table: which AUs go with which expression, in this world.
        seed: of the world.
        count: pictures in all.

    Returns:
        The pool, and what each step takes of it.
    """
    sets = {}
    for task in SHARES:
        own = max(1, round(SHARES[task] * count))
        pool = _draw(World(table, seed, basic_domain(task)), own)
        sets[pool.names[0]] = (pool.crops[0], only(pool.annotations, task))
    pool = Pool.of(sets)
    return pool, [Stream(pool.of_set(basic_domain(task).name), number) for task, number in PER_STEP.items()]


def basic_held_out(table: RelatednessTable, seed: int, count: int) -> Pool:
    """Faces of other people, in the style of those with an expression, with all labels."""
    return _draw(World(table, _HELD_OUT + seed, basic_domain(EXPRESSION)), count)


def _draw(world: World, count: int) -> Pool:
    # a process takes seconds to start
    return cached_pool(world, count, processes=(os.cpu_count() or 1) if count >= _PARALLEL else 1, progress=False)


def compound_set(layout: str, table: RelatednessTable, seed: int, count: int) -> Named:
    """A set of compound expressions; of RAF-DB's, one person in five is in the test part, of EmotioNet's everybody.

    Args:
        layout: key of ``SETS``.
        table: which AUs go with which class.
        seed: of the set's world.
        count: pictures.
    """
    world = world_of(layout, table, seed)
    pool = _draw(world, count)
    people = np.arange(count) % world.domain.population.people
    test = people % 5 == 1 if layout == "rafdb-compound" else np.ones(count, bool)
    return Named(pool.crops[0], tuple(world.draw(i).category for i in range(count)), test)
