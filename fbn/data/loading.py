"""Training batches as a pure function of (seed, step), so that a resumed training sees the same pictures."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from fbn.data.augment import Augmentation, augment, resize_crops
from fbn.data.crops import Crops
from fbn.errors import FormatError
from fbn.records import Annotations, Label, Predictions, TaskBatch
from fbn.tasks import AFFECT_TASKS, EXPRESSION, Task

#: [B, size, size, 3] uint8 RGB -> a network's input.
Prepare = Callable[[np.ndarray], torch.Tensor]
#: The batch of a step and, with a teacher, its predictions for the same pictures.
Item = tuple[TaskBatch, Predictions | None]


@dataclass(frozen=True)
class Pool:
    """Pictures and labels of several data sets, concatenated.

    Attributes:
        names: names of the data sets; ``dataset`` indexes them.
        crops: [n, S, S, 3] uint8 crops of each data set, in the order of ``names``.
        annotations: labels of batch shape [N], in the same order.
        dataset: [N] long, index into ``names``.
        teacher: predictions of a teacher of batch shape [N], or None.
    """

    names: tuple[str, ...]
    crops: tuple[Crops, ...]
    annotations: Annotations
    dataset: torch.Tensor
    teacher: Predictions | None = None

    @classmethod
    def of(cls, sets: Mapping[str, tuple[Crops, Annotations]], teacher: Predictions | None = None) -> "Pool":
        """Concatenate the crops and labels of data sets."""
        labels = Annotations.concatenate([annotations for _, annotations in sets.values()])
        dataset = torch.cat([torch.full((len(crops),), i) for i, (crops, _) in enumerate(sets.values())])
        return cls(tuple(sets), tuple(crops for crops, _ in sets.values()), labels, dataset, teacher)

    def __len__(self) -> int:
        return len(self.dataset)

    def crop(self, index: int) -> np.ndarray:
        """Return a crop, [S, S, 3] uint8 RGB."""
        which = int(self.dataset[index])
        return self.crops[which][index - sum(len(crops) for crops in self.crops[:which])]

    def of_set(self, name: str) -> np.ndarray:
        """Return the indices of a data set's pictures."""
        return np.flatnonzero(self.dataset.numpy() == self.names.index(name))

    def of_task(self, task: Task) -> np.ndarray:
        """Return the indices of the pictures that have a label of a task."""
        weight = self.annotations[task].weight
        return np.flatnonzero((weight if weight.ndim == 1 else weight.amax(-1)).numpy() > 0)


@dataclass(frozen=True)
class Stream:
    """A source of pictures with a fixed number in every batch.

    Attributes:
        pool: indices of the pictures to draw from.
        count: number of pictures in each batch.
        balance: 0: shuffled epochs. Above 0: random sampling with replacement, a picture of expression c with
            probability proportional to (number of pictures of c) ** -balance; at 1 all expressions are equally likely.
    """

    pool: np.ndarray
    count: int
    balance: float = 0.0


def fixed_streams(pool: Pool, counts: Mapping[str, int], balance: Mapping[str, float]) -> list[Stream]:
    """Return one stream per data set, with a fixed number of pictures per step; small data sets are repeated."""
    return [Stream(pool.of_set(name), count, balance.get(name, 0.0)) for name, count in counts.items() if count]


def paper_streams(pool: Pool, total: int, tasks: Iterable[Task] = AFFECT_TASKS) -> list[Stream]:
    """Return one stream per task, as the papers' batches of VA-Set, AU-Set and EXPR-Set (paper A, section 4.2).

    Pictures with labels of two tasks are in both streams.

    Args:
        pool: all pictures.
        total: pictures per step, divided in proportion to the sizes of the streams, so that one epoch sees all of
            each (124 / 200 / 52 in paper A).
        tasks: the tasks; those without labels are left out.
    """
    members = [indices for task in tasks if len(indices := pool.of_task(task))]
    labelled = sum(len(indices) for indices in members)
    return [Stream(indices, max(1, round(total * len(indices) / labelled))) for indices in members]


def steps_to_see_all(streams: Sequence[Stream]) -> int:
    """Return the number of steps after which every stream has seen all of its pictures at least once."""
    return max(-(-len(stream.pool) // stream.count) for stream in streams)


class TrainingBatches(Dataset[Item]):
    """Training batches; item k is the complete batch of step k.

    Args:
        pool: pictures and labels.
        streams: sources of the pictures of each batch.
        how: augmentation of the data sets that are not in ``by_set``.
        seed: random seed; with the step, it determines the batch.
        prepare: [B, size, size, 3] uint8 -> a network's input (``InputSpec.prepare``).
        size: side of the crops without their margin, and the resolution unless ``sides`` sets another.
        sides: (first step, side) in rising order: resolution from that step on.
        shard: (rank, processes): each process gets an equal part of each batch.
        by_set: data set -> augmentation.

    Raises:
        FormatError: a batch that cannot be divided equally among the processes, or a stream without pictures.
    """

    def __init__(
        self,
        pool: Pool,
        streams: Sequence[Stream],
        how: Augmentation,
        seed: int,
        prepare: Prepare,
        size: int = 112,
        sides: Sequence[tuple[int, int]] = (),
        shard: tuple[int, int] = (0, 1),
        by_set: Mapping[str, Augmentation] | None = None,
    ) -> None:
        total = sum(stream.count for stream in streams)
        if total % shard[1]:
            raise FormatError(f"a batch of {total} pictures cannot be shared by {shard[1]} processes: change per_step")
        if not all(len(stream.pool) for stream in streams):
            raise FormatError("a set that is asked for in every step has no pictures to train on")
        self.pool, self.streams, self.seed = pool, list(streams), seed
        self._how = [(by_set or {}).get(name, how) for name in pool.names]
        self._prepare, self._size, self._shard = prepare, size, shard
        self._sides = ((0, size), *sides)
        self._probabilities = [_probabilities(pool, stream) for stream in streams]
        self._shuffled = lru_cache(maxsize=2 * len(self.streams))(self._shuffle)

    def __getitem__(self, step: int) -> Item:
        rank, processes = self._shard
        chosen = np.concatenate([self._draw(number, step) for number in range(len(self.streams))])
        shard = range(rank, len(chosen), processes)
        side = [side for first, side in self._sides if first <= step][-1]
        pictures = np.empty((len(shard), side, side, 3), np.uint8)
        for row, position in enumerate(shard):
            generator = np.random.default_rng((self.seed, step, position))
            number = int(chosen[position])
            how = self._how[int(self.pool.dataset[number])]
            pictures[row] = augment(self.pool.crop(number), generator, how, self._size, side, self._other_crop)
        index = torch.from_numpy(chosen[list(shard)])
        batch = TaskBatch(self._prepare(pictures), self.pool.annotations[index], self.pool.dataset[index])
        return batch, None if self.pool.teacher is None else self.pool.teacher[index]

    def _other_crop(self, draw: float) -> np.ndarray:
        return self.pool.crop(int(draw * len(self.pool)))

    def _draw(self, number: int, step: int) -> np.ndarray:
        stream, probabilities = self.streams[number], self._probabilities[number]
        if probabilities is not None:
            generator = np.random.default_rng((self.seed, 1, number, step))
            return stream.pool[generator.choice(len(stream.pool), stream.count, p=probabilities)]
        positions = step * stream.count + np.arange(stream.count)
        epochs, within = np.divmod(positions, len(stream.pool))
        return np.array([self._shuffled(number, int(e))[w] for e, w in zip(epochs, within, strict=True)])

    def _shuffle(self, number: int, epoch: int) -> np.ndarray:
        return np.random.default_rng((self.seed, 2, number, epoch)).permutation(self.streams[number].pool)


def _probabilities(pool: Pool, stream: Stream) -> np.ndarray | None:
    if not stream.balance:
        return None
    label = pool.annotations[torch.from_numpy(stream.pool)][EXPRESSION]
    expression = torch.where(label.weight > 0, label.value.argmax(-1), -1).numpy()
    _, inverse, counts = np.unique(expression, return_inverse=True, return_counts=True)
    weights = counts[inverse].astype(float) ** -stream.balance
    return weights / weights.sum()


class EpochSampler(Sampler[int]):
    """Yields the steps of one epoch, in order.

    Args:
        steps: number of steps per epoch.
        done: returns the number of steps taken. A callback, since after resuming Lightning draws the first batches
            before it sets the sampler's epoch.
    """

    def __init__(self, steps: int, done: Callable[[], int]) -> None:
        self._steps, self._done = steps, done

    def __iter__(self) -> Iterator[int]:
        first = self._done()
        return iter(range(first, first + self._steps))

    def __len__(self) -> int:
        return self._steps


class EvaluationBatches(Dataset[tuple[TaskBatch, torch.Tensor]]):
    """Batches of a pool in order, without augmentation, for evaluation. Items are (batch, indices of its pictures).

    Args:
        pool: pictures and labels.
        prepare: see ``TrainingBatches``.
        side: side of the network's input.
        batch: batch size.
        shard: (rank, processes); the pictures are divided among the processes without repetition.
    """

    def __init__(
        self,
        pool: Pool,
        prepare: Prepare,
        side: int = 112,
        batch: int = 128,
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        indices = np.arange(len(pool))[shard[0] :: shard[1]]
        self._batches = [indices[start : start + batch] for start in range(0, len(indices), batch)]
        self._pool, self._prepare, self._side = pool, prepare, side

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, item: int) -> tuple[TaskBatch, torch.Tensor]:
        indices = self._batches[item]
        pictures = resize_crops(np.stack([self._pool.crop(int(i)) for i in indices]), self._side)
        index = torch.from_numpy(indices)
        return TaskBatch(self._prepare(pictures), self._pool.annotations[index], self._pool.dataset[index]), index


def weighted(annotations: Annotations, weights: Mapping[str, float]) -> Annotations:
    """Multiply the weights of labels by a factor for each task name; other tasks are unchanged."""
    scaled = {
        task: Label(label.value, label.weight * weights[task.name])
        for task, label in annotations.items()
        if task.name in weights
    }
    return annotations | scaled


def smoothed(annotations: Annotations, amount: float) -> Annotations:
    """Apply label smoothing to the expression labels (Szegedy et al. 2016), ``amount`` in [0, 1]."""
    label = annotations[EXPRESSION]
    even = torch.full_like(label.value, 1 / label.value.shape[-1])
    spread = torch.where(label.weight[..., None] > 0, torch.lerp(label.value, even, amount), label.value)
    return annotations | {EXPRESSION: Label(spread, label.weight)}
