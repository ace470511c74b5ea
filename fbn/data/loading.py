"""Batches as a pure function of (seed, step): training can stop and go on at any step and see the same pictures."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from fbn.data.augment import Augmentation, augment, resize_crops
from fbn.data.crops import Crops
from fbn.errors import FormatError
from fbn.records import Annotations, Label, Predictions, TaskBatch
from fbn.tasks import EXPRESSION, Task

#: [B, size, size, 3] uint8 RGB -> a network's input.
Prepare = Callable[[np.ndarray], torch.Tensor]
#: A step's batch and, where there is a teacher, what it says of the same pictures.
Item = tuple[TaskBatch, Predictions | None]


@dataclass(frozen=True)
class Pool:
    """Pictures and labels of several sets as one numbered list.

    Attributes:
        names: the sets; ``dataset`` indexes them.
        crops: each set's [n, S, S, 3] uint8 crops, in the order of ``names``.
        annotations: labels of batch shape [N], all sets one after the other.
        dataset: [N] long.
        teacher: a teacher's predictions of batch shape [N], or None.
    """

    names: tuple[str, ...]
    crops: tuple[Crops, ...]
    annotations: Annotations
    dataset: torch.Tensor
    teacher: Predictions | None = None

    @classmethod
    def of(cls, sets: Mapping[str, tuple[Crops, Annotations]], teacher: Predictions | None = None) -> "Pool":
        """From each set's crops and labels."""
        labels = Annotations.concatenate([annotations for _, annotations in sets.values()])
        dataset = torch.cat([torch.full((len(crops),), i) for i, (crops, _) in enumerate(sets.values())])
        return cls(tuple(sets), tuple(crops for crops, _ in sets.values()), labels, dataset, teacher)

    def __len__(self) -> int:
        return len(self.dataset)

    def crop(self, index: int) -> np.ndarray:
        """[S, S, 3] uint8 RGB."""
        which = int(self.dataset[index])
        return self.crops[which][index - sum(len(crops) for crops in self.crops[:which])]

    def of_set(self, name: str) -> np.ndarray:
        """Numbers of a set's pictures."""
        return np.flatnonzero(self.dataset.numpy() == self.names.index(name))

    def of_task(self, task: Task) -> np.ndarray:
        """Numbers of the pictures that carry a label of a task."""
        weight = self.annotations[task].weight
        return np.flatnonzero((weight if weight.ndim == 1 else weight.amax(-1)).numpy() > 0)


@dataclass(frozen=True)
class Stream:
    """A part of every batch.

    Attributes:
        pool: numbers of the pictures it draws from.
        count: pictures in each step.
        balance: 0 recycles them in shuffled epochs; above, they are drawn at random, a picture of expression c with
            probability proportional to (pictures of c) ** -balance, which at 1 gives every expression the same share.
    """

    pool: np.ndarray
    count: int
    balance: float = 0.0


def fixed_streams(pool: Pool, counts: Mapping[str, int], balance: Mapping[str, float]) -> list[Stream]:
    """The fixed mode: so many pictures of each set in every step, small sets recycled."""
    return [Stream(pool.of_set(name), count, balance.get(name, 0.0)) for name, count in counts.items() if count]


def paper_streams(pool: Pool, total: int) -> list[Stream]:
    """The papers' mode: one batch of each of VA-Set, AU-Set, EXPR-Set in every step (A 4.2).

    A set with two kinds of labels stands in both of its sets.

    Args:
        pool: all pictures.
        total: pictures in a step; shared out so that one epoch sees every set whole (A's 124 / 200 / 52 are that).
    """
    members = [found for task in pool.annotations if len(found := pool.of_task(task))]
    everything = sum(len(found) for found in members)
    return [Stream(found, max(1, round(total * len(found) / everything))) for found in members]


def steps_to_see_all(streams: Sequence[Stream]) -> int:
    """Steps after which every stream has seen its pictures at least once (exactly where sizes are in proportion)."""
    return max(-(-len(stream.pool) // stream.count) for stream in streams)


class Steps(Dataset[Item]):
    """Item k is the batch of step k, whole.

    Args:
        pool: pictures and labels.
        streams: what each batch is made of.
        how: how pictures are varied; a data set named in ``by_set`` has its own way.
        seed: with the step, it decides everything.
        prepare: [B, size, size, 3] uint8 -> a network's input (``InputSpec.prepare``).
        size: side of the part of the crops that the network reads, shown at that resolution unless ``sides`` differs.
        sides: (first step, side) in rising order: from that step on, pictures are shown at that resolution.
        shard: (rank, processes): every process gets its share of each step's batch, of equal size.
        by_set: data set -> how its pictures are varied.

    Raises:
        FormatError: a batch that the processes cannot share equally, or a stream without pictures.
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
        self._chances = [_chances(pool, stream) for stream in streams]
        self._shuffled = lru_cache(maxsize=2 * len(self.streams))(self._shuffle)

    def __getitem__(self, step: int) -> Item:
        rank, processes = self._shard
        chosen = np.concatenate([self._draw(number, step) for number in range(len(self.streams))])
        own = range(rank, len(chosen), processes)
        side = [side for first, side in self._sides if first <= step][-1]
        pictures = np.empty((len(own), side, side, 3), np.uint8)
        for row, place in enumerate(own):
            generator = np.random.default_rng((self.seed, step, place))
            number = int(chosen[place])
            how = self._how[int(self.pool.dataset[number])]
            pictures[row] = augment(self.pool.crop(number), generator, how, self._size, side, self._another)
        index = torch.from_numpy(chosen[list(own)])
        batch = TaskBatch(self._prepare(pictures), self.pool.annotations[index], self.pool.dataset[index])
        return batch, None if self.pool.teacher is None else self.pool.teacher[index]

    def _another(self, share: float) -> np.ndarray:
        return self.pool.crop(int(share * len(self.pool)))

    def _draw(self, number: int, step: int) -> np.ndarray:
        stream, chances = self.streams[number], self._chances[number]
        if chances is not None:
            generator = np.random.default_rng((self.seed, 1, number, step))
            return stream.pool[generator.choice(len(stream.pool), stream.count, p=chances)]
        places = step * stream.count + np.arange(stream.count)
        epochs, within = np.divmod(places, len(stream.pool))
        return np.array([self._shuffled(number, int(e))[w] for e, w in zip(epochs, within, strict=True)])

    def _shuffle(self, number: int, epoch: int) -> np.ndarray:
        return np.random.default_rng((self.seed, 2, number, epoch)).permutation(self.streams[number].pool)


def _chances(pool: Pool, stream: Stream) -> np.ndarray | None:
    if not stream.balance:
        return None
    label = pool.annotations[torch.from_numpy(stream.pool)][EXPRESSION]
    kind = torch.where(label.weight > 0, label.value.argmax(-1), -1).numpy()
    _, which, counts = np.unique(kind, return_inverse=True, return_counts=True)
    chances = counts[which].astype(float) ** -stream.balance
    return chances / chances.sum()


class EpochSampler(Sampler[int]):
    """The steps of one epoch, in order.

    Args:
        steps: of an epoch.
        done: says how many steps were taken. Asked, not told: after resuming, Lightning takes the first batches
            before it would tell a sampler its epoch.
    """

    def __init__(self, steps: int, done: Callable[[], int]) -> None:
        self._steps, self._done = steps, done

    def __iter__(self) -> Iterator[int]:
        first = self._done()
        return iter(range(first, first + self._steps))

    def __len__(self) -> int:
        return self._steps


class Plain(Dataset[tuple[TaskBatch, torch.Tensor]]):
    """A pool as it is, in batches: what validation reads. Items are (batch, numbers of its pictures).

    Args:
        pool: pictures and labels.
        prepare: see ``Steps``.
        side: of the network's input.
        batch: pictures in an item.
        shard: (rank, processes); shares differ by at most one picture, none is seen twice.
    """

    def __init__(
        self,
        pool: Pool,
        prepare: Prepare,
        side: int = 112,
        batch: int = 128,
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        own = np.arange(len(pool))[shard[0] :: shard[1]]
        self._parts = [own[start : start + batch] for start in range(0, len(own), batch)]
        self._pool, self._prepare, self._side = pool, prepare, side

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, item: int) -> tuple[TaskBatch, torch.Tensor]:
        part = self._parts[item]
        pictures = resize_crops(np.stack([self._pool.crop(int(i)) for i in part]), self._side)
        index = torch.from_numpy(part)
        return TaskBatch(self._prepare(pictures), self._pool.annotations[index], self._pool.dataset[index]), index


def weighted(annotations: Annotations, weights: Mapping[str, float]) -> Annotations:
    """The same labels with their weights multiplied, by the tasks' names."""
    scaled = {
        task: Label(label.value, label.weight * weights[task.name])
        for task, label in annotations.items()
        if task.name in weights
    }
    return annotations | scaled


def smoothed(annotations: Annotations, share: float) -> Annotations:
    """The same labels with a share of each expression label spread evenly over all seven (Szegedy et al. 2016)."""
    label = annotations[EXPRESSION]
    even = torch.full_like(label.value, 1 / label.value.shape[-1])
    spread = torch.where(label.weight[..., None] > 0, torch.lerp(label.value, even, share), label.value)
    return annotations | {EXPRESSION: Label(spread, label.weight)}
