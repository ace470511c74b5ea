"""Data of the study ``faces``: pictures of people with identity and attributes, from CelebA or drawn.

A fifth of the people are strangers: none of their pictures is trained on. The pictures of the others are divided
between training, validation and test, so that every person is in all three (paper A 4.1).
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from fbn.data.corpus import without_duplicates
from fbn.data.crops import Crops, Rows, cached_crops
from fbn.data.identities import identities, identity_label
from fbn.data.loading import Pool, Stream
from fbn.data.sources import celeba, find
from fbn.data.splits import subject_dependent, uniform
from fbn.errors import FormatError
from fbn.records import Annotations, Label, Sample
from fbn.relatedness import RelatednessTable
from fbn.studies.material import HeldOutSet
from fbn.studies.study import Report
from fbn.synthetic.attributes import RULES
from fbn.synthetic.cached import cached_pool, drawers
from fbn.synthetic.domains import DOMAINS
from fbn.synthetic.world import World
from fbn.tasks import ATTRIBUTES, Task

#: Fraction of the people who are strangers, and of each other person's pictures for validation and for test.
STRANGERS, PICTURES = 0.2, (0.1, 0.2)
#: People with fewer pictures are left out.
MIN_PICTURES = 5
KNOWN, UNKNOWN = "known", "strangers"
#: Figures of the two held-out sets.
ATTRIBUTE_FIGURES = ("attribute_accuracy", "attribute_f1", "attribute_balanced", "attribute_auc")
IMPLIED_FIGURES = ("implied_accuracy", "implied_balanced")
IDENTITY_FIGURES = ("identity_accuracy", "identity_f1")
#: Labels of the training pictures: all pictures have an identity, or each has a label of one task only.
Overlap = Literal["both", "one"]
_APART = 100
_PARALLEL = 400


@dataclass(frozen=True)
class FacesData:
    """The data of one seed, the same for all its arms.

    Attributes:
        pool: N training pictures with the labels that are trained on.
        complete: their labels of both tasks, used only to count the table.
        identity, attributes: the two tasks.
        held_out: pictures of the same people, and of strangers.
    """

    pool: Pool
    complete: Annotations
    identity: Task
    attributes: Task
    held_out: tuple[HeldOutSet, ...]

    @property
    def labelled(self) -> dict[str, int]:
        """Task -> number of training pictures with its labels."""
        return {task.name: len(self.pool.of_task(task)) for task in (self.identity, self.attributes)}

    def task(self, name: str) -> Task:
        """Return the task ``"identity"`` or ``"attributes"``."""
        return {task.name: task for task in (self.identity, self.attributes)}[name]

    def streams(self, tasks: Sequence[Task], count: int, minimum: int) -> list[Stream]:
        """Return the composition of a batch: one stream of the pictures with labels of any of the tasks.

        A network of one task sees as many of its labels in a step as a network of both tasks, but at least ``minimum``.

        Args:
            tasks: of the network.
            count: pictures in a step of a network of both tasks.
            minimum: least number of pictures.
        """
        rows = np.unique(np.concatenate([self.pool.of_task(task) for task in tasks]))
        return [Stream(rows, max(min(minimum, count), round(count * len(rows) / len(self.pool))))]


def read(root: Path, people: int | None, part: str, labels: Overlap, fraction: float) -> FacesData:
    """Read CelebA. Its split is the same for every seed.

    Args:
        root: folder of data sets.
        people: number of people, drawn at random; None: all.
        part: the split to measure on, ``"valid"`` or ``"test"``.
        labels: see ``Overlap``.
        fraction: of the training pictures that have attribute labels.

    Raises:
        FbnError: CelebA does not exist or cannot be read, or has too few people with enough pictures.
    """
    samples = without_duplicates(celeba.read(find(root, celeba.NAME)).samples)
    samples = _frequent(samples, people)
    if not samples:
        raise FormatError(f"{root}: celeba: nobody has {MIN_PICTURES} pictures or more")
    return divide(samples, cached_crops(samples), part, labels, fraction)


def world_of(people: int, seed: int) -> World:
    """Return the world in which ``draw`` draws: its picture i shows person i mod ``people``."""
    domain = DOMAINS["celeba"]
    population = domain.population.model_copy(update={"people": people})
    return World(RelatednessTable.named("du2014"), _APART * seed, domain.model_copy(update={"population": population}))


def draw(people: int, pictures: int, seed: int, report: Report, labels: Overlap, fraction: float) -> FacesData:
    """Draw people in the style of CelebA, or read them from the cache; other people for each seed.

    Args:
        people: number of people.
        pictures: of each person.
        seed: of the world.
        report: called with the progress and a message; may raise to stop.
        labels, fraction: see ``read``.
    """
    report(0, "drawing people")
    world = world_of(people, seed)
    count = people * pictures
    with drawers(2) if count >= _PARALLEL else nullcontext(1) as processes:
        crops = cached_pool(world, count, processes=processes, progress=False).crops[0]
    # the other attributes are false in every drawn picture
    task, one = ATTRIBUTES.only(*(name for name in ATTRIBUTES.labels if name in RULES)), torch.ones(len(RULES))
    samples = []
    for index in range(count):
        truth = world.draw(index)
        present = dict(truth.attributes)
        label = Label(torch.tensor([float(present[name]) for name in task.labels]), one)
        samples.append(
            Sample("drawn", "", f"{seed}/{index:06d}", Annotations({task: label}), subject=str(world.who(index)))
        )
    return divide(samples, crops, "test", labels, fraction)


def divide(samples: Sequence[Sample], crops: Crops, part: str, labels: Overlap, fraction: float) -> FacesData:
    """Split pictures and make the labels of both tasks.

    Args:
        samples: with subjects, and labels of an attribute task.
        crops: one per sample.
        part: the split to measure on.
        labels, fraction: see ``read``.
    """
    of_person = sorted({sample.subject for sample in samples}, key=lambda name: uniform(0, f"person {name}"))
    strangers = set(of_person[: max(1, round(STRANGERS * len(of_person)))])
    split = subject_dependent([s for s in samples if s.subject not in strangers], fractions=PICTURES)
    place = {sample.face: row for row, sample in enumerate(samples)}
    task = identities(split["train"])
    (attributes,) = samples[0].annotations

    def pool_of(members: Sequence[Sample]) -> Pool:
        given = Annotations.stack([sample.annotations for sample in members])
        rows = np.array([place[sample.face] for sample in members])
        chosen = Rows(crops.array, crops.rows[rows]) if isinstance(crops, Rows) else Rows(crops, rows)
        return Pool.of({members[0].dataset: (chosen, given | {task: identity_label(members, task)})})

    def held_out(name: str, members: Sequence[Sample], figures: tuple[str, ...]) -> HeldOutSet:
        groups = np.unique([sample.subject for sample in members], return_inverse=True)[1]
        return HeldOutSet(name, pool_of(members), figures, groups, trained_on=name == KNOWN)

    train = pool_of(split["train"])
    known = (*IDENTITY_FIGURES, *ATTRIBUTE_FIGURES, *IMPLIED_FIGURES)
    return FacesData(
        replace(train, annotations=_given(train.annotations, split["train"], task, attributes, labels, fraction)),
        train.annotations,
        task,
        attributes,
        (
            held_out(KNOWN, split[part], known),
            held_out(UNKNOWN, [s for s in samples if s.subject in strangers], ATTRIBUTE_FIGURES),
        ),
    )


def _frequent(samples: Sequence[Sample], people: int | None) -> tuple[Sample, ...]:
    """Return the samples of people with enough pictures, of at most ``people`` random ones."""
    counts: dict[str, int] = {}
    for sample in samples:
        counts[sample.subject] = counts.get(sample.subject, 0) + 1
    names = [name for name, count in counts.items() if count >= MIN_PICTURES]
    chosen = set(sorted(names, key=lambda name: uniform(1, name))[:people])
    return tuple(sample for sample in samples if sample.subject in chosen)


def _given(
    complete: Annotations, samples: Sequence[Sample], identity: Task, attributes: Task, labels: Overlap, fraction: float
) -> Annotations:
    """Remove labels: attributes of all but a random fraction of each person's pictures; with ``"one"``, identities of
    the pictures with attributes."""
    of_person: dict[str, list[int]] = {}
    for row in sorted(range(len(samples)), key=lambda row: uniform(2, samples[row].path)):
        of_person.setdefault(samples[row].subject, []).append(row)
    has_attributes = torch.zeros(len(samples))
    for number, rows in enumerate(of_person.values()):
        # rounded up for some people and down for others, so that the total is right
        count = int(fraction * len(rows) + uniform(3, str(number)))
        has_attributes[rows[: min(count, len(rows) - (labels == "one"))]] = 1
    weights: Mapping[Task, torch.Tensor] = {
        attributes: complete[attributes].weight * has_attributes[:, None],
        identity: complete[identity].weight * (1 - has_attributes if labels == "one" else 1),
    }
    return complete | {task: Label(complete[task].value, weight) for task, weight in weights.items()}
