"""Identities as labels: who is in each picture, among the people of some samples.

``Sample.subject`` is the identity. As a label it is one-hot over all people, so labels are made for the people of a
training only, not for a whole data set.
"""

from collections.abc import Iterable, Sequence

import torch

from fbn.records import Label, Sample
from fbn.tasks import Task, identity


def identities(samples: Iterable[Sample]) -> Task:
    """Return the task of telling the people of some samples apart, sorted as numbers where they are numbers.

    Raises:
        ValueError: no sample has a subject.
    """
    subjects = {sample.subject for sample in samples} - {""}
    return identity(
        sorted(subjects, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))
    )


def identity_label(samples: Sequence[Sample], task: Task) -> Label:
    """Return one-hot labels of N samples, value [N, K] and weight [N].

    Args:
        samples: people who are not among the K labels of ``task`` are not annotated.
        task: returned by ``identities``.
    """
    place = {name: i for i, name in enumerate(task.labels)}
    rows = torch.tensor([place.get(sample.subject, -1) for sample in samples], dtype=torch.long)
    known = rows >= 0
    value = torch.zeros(len(rows), len(task))
    value[known.nonzero()[:, 0], rows[known]] = 1
    return Label(value, known.float())
