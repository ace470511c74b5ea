"""RAF-DB, basic and compound: trees written by hand from its documentation."""

from pathlib import Path

import pytest

from fbn.data.sources import rafdb
from fbn.errors import FormatError
from tests.data import trees
from tests.data.test_sources import expression

BASIC = {1: "surprise", 2: "fear", 3: "disgust", 4: "happiness", 5: "sadness", 6: "anger", 7: "neutral"}
COMPOUND = {
    1: "happily surprised",
    2: "happily disgusted",
    3: "sadly fearful",
    4: "sadly angry",
    5: "sadly surprised",
    6: "sadly disgusted",
    7: "fearfully angry",
    8: "fearfully surprised",
    9: "angrily surprised",
    10: "angrily disgusted",
    11: "disgustedly surprised",
}


@pytest.mark.parametrize(("code", "name"), BASIC.items())
def test_basic_codes(tmp_path: Path, code: int, name: str):
    (sample,) = rafdb.read(trees.write(tmp_path / "x", trees.rafdb([f"train_00001.jpg {code}"]))).samples
    assert expression(sample) == {name: 1}
    assert (sample.annotations.expression_weight, sample.compound) == (1, "")


@pytest.mark.parametrize(("code", "name"), COMPOUND.items())
def test_compound_codes(tmp_path: Path, code: int, name: str):
    files = trees.rafdb([f"train_0001.jpg {code}"], prefix="compound/")
    (sample,) = rafdb.read_compound(trees.write(tmp_path / "x", files)).samples
    assert (sample.dataset, sample.compound, sample.annotations.expression_weight) == ("rafdb-compound", name, 0)
    assert sample.path == "compound/Image/aligned/train_0001_aligned.jpg"


def test_parts_and_aligned_pictures(tmp_path: Path):
    samples = rafdb.read(trees.write(tmp_path / "x", trees.rafdb(["train_00001.jpg 5", "test_0002.jpg 4"]))).samples
    assert [(s.path, s.part) for s in samples] == [
        ("Image/aligned/train_00001_aligned.jpg", "train"),
        ("Image/aligned/test_0002_aligned.jpg", "test"),
    ]


def test_a_picture_not_present_is_rejected(tmp_path: Path):
    files = trees.rafdb(["train_00001.jpg 5", "train_00002.jpg 5"])
    del files["Image/aligned/train_00002_aligned.jpg"]
    (rejected,) = rafdb.read(trees.write(tmp_path / "x", files)).rejected
    assert (rejected.line, rejected.reason) == (2, "picture not present")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train_00001.jpg 8", "'8', expected a code from 1 to 7"),
        ("train_00001.jpg 0", "'0', expected a code from 1 to 7"),
        ("train_00001.jpg happy", "'happy', expected a code"),
        ("train_00001.jpg", "'train_00001.jpg', expected train_00001.jpg or test_0001.jpg and a code"),
        ("valid_00001.jpg 1", "expected train_00001.jpg or"),
        ("train_00001_aligned.jpg 1", "expected train_00001.jpg or"),
        ("train_00000.jpg 1", "train_00000.jpg listed before"),
    ],
)
def test_a_departure_is_named(tmp_path: Path, line: str, message: str):
    files = trees.rafdb(["train_00000.jpg 1"]) | trees.rafdb(["train_00000.jpg 1", line])
    with pytest.raises(FormatError, match=rf"EmoLabel/list_patition_label\.txt, line 2: .*{message}"):
        rafdb.read(trees.write(tmp_path / "x", files))


def test_there_are_eleven_compound_codes(tmp_path: Path):
    files = trees.rafdb(["train_0001.jpg 12"], prefix="compound/")
    with pytest.raises(FormatError, match=r"compound/EmoLabel/list_patition_label\.txt, line 1: '12', .* 1 to 11"):
        rafdb.read_compound(trees.write(tmp_path / "x", files))
