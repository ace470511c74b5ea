"""CelebA's attributes and identities as labels."""

from pathlib import Path

import pytest

from fbn.data.identities import identities, identity_label
from fbn.data.sources import celeba
from fbn.records import Annotations, Sample
from fbn.tasks import ATTRIBUTES
from tests.data import trees


def sample(subject: str) -> Sample:
    return Sample("celeba", "", f"{subject}.jpg", Annotations.empty(), subject=subject)


def test_people_are_sorted_as_numbers():
    assert identities(map(sample, ("10", "9", "", "10", "ann"))).labels == ("9", "10", "ann")


def test_labels_are_one_hot_and_strangers_are_not_annotated():
    task = identities(map(sample, ("9", "10")))
    label = identity_label([sample("10"), sample("11"), sample("9"), sample("")], task)
    assert label.value.tolist() == [[0, 1], [0, 0], [1, 0], [0, 0]]
    assert label.weight.tolist() == [1, 0, 1, 0]


def test_samples_without_subjects_are_refused():
    with pytest.raises(ValueError, match="at least one label"):
        identities([sample("")])


def test_attributes_in_another_order(tmp_path: Path):
    files = trees.celeba({"1.jpg": 7}, {"1.jpg": {39}})
    names = [*ATTRIBUTES.labels]
    swapped = " ".join([names[39], *names[1:39], names[0]])
    files["list_attr_celeba.txt"] = str(files["list_attr_celeba.txt"]).replace(" ".join(names), swapped)
    (sample,) = celeba.read(trees.write(tmp_path / "x", files)).samples
    assert sample.annotations[ATTRIBUTES].value.nonzero()[:, 0].tolist() == [0]
