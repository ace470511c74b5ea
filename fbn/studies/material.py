"""What the arms of one seed are trained and measured on, and the tables that couple their tasks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch

from fbn.data.loading import Pool, Stream
from fbn.records import Annotations, Label
from fbn.relatedness import MIN_WEIGHT, RelatednessTable
from fbn.tasks import ACTION_UNITS, Task
from fbn.vocabulary import AU_INDEX

#: An inferred table has no cell of fewer pictures.
SUPPORT = 10


@dataclass(frozen=True)
class HeldOutSet:
    """One set to measure on.

    Attributes:
        name: of the set.
        pool: its pictures and their labels, all that there are.
        figures: names in ``fbn.studies.measure.FIGURES``, its metrics as the papers measure such a set.
        groups: [N] whom each shows: a bootstrap draws people.
        trained_on: whether pictures like these, with labels of this kind, are trained on.
        frames: of each clip, the pictures being clips one after the other; 0 where it is no video.
    """

    name: str
    pool: Pool
    figures: tuple[str, ...]
    groups: np.ndarray
    trained_on: bool
    frames: int = 0


@dataclass(frozen=True)
class StudyData:
    """The pictures of one seed; all its arms meet the same.

    Attributes:
        pool: what is trained on.
        streams: each task's part of every batch.
        held_out: what is measured on.
        doubly_labelled: training pictures with both expressions and AUs, to infer a table from; no loss meets both.
    """

    pool: Pool
    streams: tuple[tuple[Task, Stream], ...]
    held_out: tuple[HeldOutSet, ...]
    doubly_labelled: Annotations

    @property
    def labelled(self) -> dict[str, int]:
        """Pictures with labels of each task."""
        return {task.name: len(stream.pool) for task, stream in self.streams}

    def of_tasks(self, tasks: Iterable[Task], share: float = 1.0) -> list[Stream]:
        """The streams that have labels for some of the tasks, with a share of their pictures in every step."""
        wanted = set(tasks)
        return [
            replace(stream, count=max(1, round(share * stream.count)))
            for task, stream in self.streams
            if task in wanted
        ]


def inferred(labels: Annotations) -> RelatednessTable:
    """A table counted from labels, without the cells that chance alone fills.

    As in the papers' empirical table, whose smallest weight is 0.1: co-annotation makes a label of every cell.
    """
    counted = RelatednessTable.infer(labels, SUPPORT, source="the training pictures")
    rows = {c: {n: w for n, w in counted.row(c).items() if w >= MIN_WEIGHT} for c in counted.categories}
    note = f"{counted.provenance.note}; cells under {MIN_WEIGHT:g} dropped"
    return RelatednessTable.of(rows, replace(counted.provenance, note=note))


#: Name -> table, given the data of a seed.
TABLES: dict[str, Callable[[StudyData], RelatednessTable]] = {
    "du2014": lambda _: RelatednessTable.named("du2014"),
    "affwild2": lambda _: RelatednessTable.named("affwild2"),
    "inferred": lambda data: inferred(data.doubly_labelled),
}


def coded(labels: Annotations, numbers: Iterable[int]) -> Annotations:
    """The labels without the AUs that a set's coders did not code."""
    mask = torch.zeros(len(ACTION_UNITS))
    mask[[AU_INDEX[number] for number in numbers]] = 1
    label = labels[ACTION_UNITS]
    return labels | {ACTION_UNITS: Label(label.value, label.weight * mask)}


def only(labels: Annotations, task: Task) -> Annotations:
    """The labels of one task alone."""
    return Annotations.empty(*labels.batch) | labels.only(task)
