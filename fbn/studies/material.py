"""Training and held-out data of a seed, and the relatedness tables that couple the tasks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch

from fbn.data.loading import Pool, Stream
from fbn.records import Annotations, Label
from fbn.relatedness import MIN_WEIGHT, RelatednessTable
from fbn.tasks import ACTION_UNITS, Task
from fbn.vocabulary import AU_INDEX

#: Minimum number of pictures for a cell of an inferred table.
SUPPORT = 10


@dataclass(frozen=True)
class HeldOutSet:
    """A held-out data set.

    Attributes:
        name: name of the data set.
        pool: its N pictures with all their labels.
        figures: its metrics, names in ``fbn.studies.measure.FIGURES``, as in the papers.
        groups: [N] the person in each picture, for a bootstrap over people.
        trained_on: whether its training split is trained on with labels of this kind.
        frames: frames per clip of video, with one clip after the other; 0 for still pictures.
    """

    name: str
    pool: Pool
    figures: tuple[str, ...]
    groups: np.ndarray
    trained_on: bool
    frames: int = 0


@dataclass(frozen=True)
class StudyData:
    """The data of one seed, the same for all its arms.

    Attributes:
        pool: training pictures.
        streams: each task and its pictures in every batch.
        held_out: the held-out data sets.
        doubly_labelled: labels of training pictures with both expressions and AUs, used only to infer a table.
    """

    pool: Pool
    streams: tuple[tuple[Task, Stream], ...]
    held_out: tuple[HeldOutSet, ...]
    doubly_labelled: Annotations

    @property
    def labelled(self) -> dict[str, int]:
        """Task -> number of training pictures with its labels."""
        return {task.name: len(stream.pool) for task, stream in self.streams}

    def of_tasks(self, tasks: Iterable[Task], fraction: float = 1.0) -> list[Stream]:
        """Return the streams of some tasks, with a fraction of their pictures in each batch."""
        chosen = set(tasks)
        return [
            replace(stream, count=max(1, round(fraction * stream.count)))
            for task, stream in self.streams
            if task in chosen
        ]


def inferred(labels: Annotations) -> RelatednessTable:
    """Infer a table from labels, without the cells of small weight, which are mostly due to chance.

    The smallest weight is 0.1, as in the papers' empirical table, since co-annotation makes a label of every cell.
    """
    counted = RelatednessTable.infer(labels, SUPPORT, source="the training pictures")
    rows = {c: {n: w for n, w in counted.row(c).items() if w >= MIN_WEIGHT} for c in counted.categories}
    note = f"{counted.provenance.note}; cells under {MIN_WEIGHT:g} dropped"
    return RelatednessTable.of(rows, replace(counted.provenance, note=note))


#: Name -> function from the data of a seed to a table.
TABLES: dict[str, Callable[[StudyData], RelatednessTable]] = {
    "du2014": lambda _: RelatednessTable.named("du2014"),
    "affwild2": lambda _: RelatednessTable.named("affwild2"),
    "inferred": lambda data: inferred(data.doubly_labelled),
}


def coded(labels: Annotations, numbers: Iterable[int]) -> Annotations:
    """Return the labels with weight 0 for all AUs except those with the given FACS numbers."""
    mask = torch.zeros(len(ACTION_UNITS))
    mask[[AU_INDEX[number] for number in numbers]] = 1
    label = labels[ACTION_UNITS]
    return labels | {ACTION_UNITS: Label(label.value, label.weight * mask)}


def only(labels: Annotations, task: Task) -> Annotations:
    """Return the labels of one task, with weight 0 for all others."""
    return Annotations.empty(*labels.batch) | labels.only(task)
