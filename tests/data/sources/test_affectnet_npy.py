"""AffectNet's npy release: trees written by hand from its documentation."""

from pathlib import Path

import pytest

from fbn.data.sources import SourceReading, affectnet_npy
from fbn.errors import FormatError, MissingFileError
from tests.data import trees
from tests.data.test_sources import by_path, expression

NAMES = ["neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger"]


def read(folder: Path, *trees_: dict[str, bytes | str]) -> SourceReading:
    files: dict[str, bytes | str] = {}
    for tree in trees_:
        files |= tree
    return affectnet_npy.read(trees.write(folder / "affectnet-npy", files))


@pytest.mark.parametrize(("code", "name"), enumerate(NAMES))
def test_codes(tmp_path: Path, code: int, name: str):
    (sample,) = read(tmp_path, trees.affectnet_npy("train_set", 0, code, 0.5, -0.25)).samples
    assert expression(sample) == {name: 1}
    assert sample.annotations.valence_arousal.tolist() == [0.5, -0.25]
    assert sample.landmarks[:2] == ((0, 0.5), (1, 1.5))
    assert len(sample.landmarks) == 68


def test_numbers_repeat_across_the_splits(tmp_path: Path):
    reading = read(
        tmp_path,
        trees.affectnet_npy("train_set", 3, 1, 0.5, 0.5),
        trees.affectnet_npy("val_set", 3, 6, -0.5, 0.5),
        trees.affectnet_npy("val_set", 12, 0, 0, 0),
    )
    samples = by_path(reading.samples)
    assert {path: s.part for path, s in samples.items()} == {
        "train_set/images/3.jpg": "train",
        "val_set/images/3.jpg": "valid",
        "val_set/images/12.jpg": "valid",
    }
    assert expression(samples["train_set/images/3.jpg"]) == {"happiness": 1}
    assert expression(samples["val_set/images/3.jpg"]) == {"anger": 1}


def test_numbers_may_be_stored_as_numbers(tmp_path: Path):
    tree = trees.affectnet_npy("train_set", 0, 0, 0, 0) | {"train_set/annotations/0_val.npy": trees.npy(0.75)}
    (sample,) = read(tmp_path, tree).samples
    assert sample.annotations.valence_arousal[0] == 0.75


@pytest.mark.parametrize(("valence", "arousal"), [(-2, 0.5), (0.5, -2), (-2, -2)])
def test_missing_valence_or_arousal_drops_both(tmp_path: Path, valence: float, arousal: float):
    (sample,) = read(tmp_path, trees.affectnet_npy("train_set", 0, 1, valence, arousal)).samples
    assert (sample.annotations.expression_weight, sample.annotations.valence_arousal_weight) == (1, 0)


def test_contempt_keeps_valence_arousal_only(tmp_path: Path):
    (sample,) = read(tmp_path, trees.affectnet_npy("train_set", 0, 7, -0.5, 0.5)).samples
    assert (sample.annotations.expression_weight, sample.annotations.valence_arousal_weight) == (0, 1)
    (rejected,) = read(tmp_path / "b", trees.affectnet_npy("train_set", 0, 7, -2, -2)).rejected
    assert rejected.reason == "nothing annotated"


def test_a_picture_not_present_is_rejected(tmp_path: Path):
    tree = trees.affectnet_npy("train_set", 0, 0, 0, 0)
    del tree["train_set/images/0.jpg"]
    (rejected,) = read(tmp_path, tree).rejected
    assert (rejected.path, rejected.reason) == ("train_set/images/0.jpg", "picture not present")


@pytest.mark.parametrize(
    ("path", "data", "message"),
    [
        ("0_exp.npy", trees.npy("8"), "'8', expected a code from 0 to 7"),
        ("0_exp.npy", trees.npy("1.5"), "'1.5', expected a code"),
        ("0_exp.npy", trees.npy([1, 2]), "'2 values', expected a code"),
        ("0_val.npy", trees.npy("1.5"), r"'1.5', expected a value in \[-1, 1\], or -2"),
        ("0_aro.npy", trees.npy("nan"), r"'nan', expected a value in"),
        ("0_lnd.npy", trees.npy([1.0, 2.0]), "2 values, expected 136 numbers"),
        ("0_lnd.npy", b"no array", "expected an npy array"),
        ("0_exp.npy", b"", "expected an npy array"),
    ],
)
def test_a_departure_is_named(tmp_path: Path, path: str, data: bytes, message: str):
    tree = trees.affectnet_npy("train_set", 0, 0, 0, 0) | {f"train_set/annotations/{path}": data}
    with pytest.raises(FormatError, match=f"train_set/annotations/{path}: {message}"):
        read(tmp_path, tree)


def test_pickled_objects_are_refused(tmp_path: Path):
    import numpy as np

    tree = trees.affectnet_npy("train_set", 0, 0, 0, 0)
    tree["train_set/annotations/0_exp.npy"] = trees.npy(np.array([{"a": 1}], dtype=object))
    with pytest.raises(FormatError, match=r"0_exp\.npy: expected an npy array"):
        read(tmp_path, tree)


def test_an_array_that_is_not_there_and_an_odd_one_are_named(tmp_path: Path):
    tree = trees.affectnet_npy("train_set", 0, 0, 0, 0)
    odd = tree | {"train_set/annotations/0_age.npy": b""}
    del tree["train_set/annotations/0_aro.npy"]
    with pytest.raises(MissingFileError, match=r"train_set/annotations/0_aro\.npy"):
        read(tmp_path / "a", tree)
    with pytest.raises(FormatError, match=r"0_age\.npy, expected train_set/annotations/<number>_exp\.npy"):
        read(tmp_path / "b", odd)
