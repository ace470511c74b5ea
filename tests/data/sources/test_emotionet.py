"""EmotioNet: trees written by hand from its documentation."""

from pathlib import Path

import pytest

from fbn.data.sources import SourceReading, emotionet
from fbn.errors import FormatError
from fbn.vocabulary import AU_INDEX
from tests.data import trees
from tests.data.test_sources import by_path, expression


def read(folder: Path, files: dict[str, bytes | str]) -> SourceReading:
    return emotionet.read(trees.write(folder / "emotionet", files))


def test_au_n_is_in_column_n_plus_one(tmp_path: Path):
    text = "http://a.b/c/pic.jpg\thttp://d.e/f\t1\t0\t999\t0\t1\t0" + "\t999" * 54 + "\n"
    (sample,) = read(tmp_path, trees.with_pictures({"emotionet_aus.txt": text}, "images/pic.jpg")).samples
    labels = sample.annotations
    known = {n: labels.action_units[i].item() for n, i in AU_INDEX.items() if labels.action_units_weight[i]}
    assert known == {1: 1, 2: 0, 4: 0, 5: 1, 6: 0}


@pytest.mark.parametrize("mark", [999, -1, 9, 2, "", "nan", "0.5"])
def test_anything_else_is_missing(tmp_path: Path, mark: object):
    row = trees.emotionet_row("a.jpg", {12: 1, 25: 0, 26: 1}, rest=mark)
    (sample,) = read(tmp_path, trees.emotionet([row])).samples
    assert sample.annotations.action_units_weight.sum() == 3
    assert sample.annotations.action_units.sum() == 2


def test_a_row_without_marks_is_rejected(tmp_path: Path):
    (rejected,) = read(tmp_path, trees.emotionet([trees.emotionet_row("a.jpg", {})])).rejected
    assert (rejected.path, rejected.line, rejected.reason) == ("images/a.jpg", 1, "nothing annotated")


def test_classes_are_basic_or_compound(tmp_path: Path):
    files = trees.emotionet([], ["a.jpg,happiness", "b.jpg,happily surprised", "c.jpg,awed"])
    samples = by_path(read(tmp_path, files).samples)
    assert expression(samples["images/a.jpg"]) == {"happiness": 1}
    assert [s.compound for s in samples.values()] == ["", "happily surprised", "awed"]
    assert samples["images/b.jpg"].annotations.expression_weight == 0


def test_a_picture_of_both_files_is_one_sample(tmp_path: Path):
    row = trees.emotionet_row("a.jpg", {12: 1})
    (sample,) = read(tmp_path, trees.emotionet([row], ["a.jpg,fear"])).samples
    assert expression(sample) == {"fear": 1}
    assert sample.annotations.action_units[AU_INDEX[12]] == 1


def test_a_picture_not_present_is_rejected(tmp_path: Path):
    files = trees.emotionet([trees.emotionet_row("a.jpg", {12: 1})], ["b.jpg,fear"])
    del files["images/a.jpg"], files["images/b.jpg"]
    rejected = read(tmp_path, files).rejected
    assert [(r.path, r.line, r.reason) for r in rejected] == [
        ("images/a.jpg", 1, "picture not present"),
        ("images/b.jpg", 2, "picture not present"),
    ]


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("emotionet_aus.txt", "http://a/b.jpg\thttp://a/b.jpg\t0\n", "line 1: 3 fields, expected two URLs and 60 AUs"),
        ("emotionet_aus.txt", "http://a/b.jpg, http://a/b.jpg" + ",0" * 60, "line 1: 1 fields, expected two URLs"),
        ("emotionet_aus.txt", "\t" + "\t0" * 60, "line 1: '', expected the URL of a picture"),
        (
            "emotionet_aus.txt",
            trees.emotionet_row("a.jpg", {1: 1}) + "\n" + trees.emotionet_row("a.jpg", {1: 1}),
            "line 2",
        ),
        ("emotionet_classes.csv", "a.jpg,fear\n", "line 1: 'a.jpg,fear', expected the header file,class"),
        ("emotionet_classes.csv", "file,class,age\na.jpg,fear,9\n", "line 1: 'file,class,age', expected the header"),
        ("emotionet_classes.csv", "", "line 1: '', expected the header"),
        ("emotionet_classes.csv", "file,class\na.jpg,joy\n", "line 2, class: 'joy', expected one of happiness, anger"),
        ("emotionet_classes.csv", "file,class\n,fear\n", "line 2, file: '', expected a picture's file name"),
        ("emotionet_classes.csv", "file,class\na.jpg\n", "line 2: 1 fields, expected 2"),
        ("emotionet_classes.csv", "file,class\na.jpg,fear\na.jpg,fear\n", "line 3: images/a.jpg listed before"),
    ],
)
def test_a_departure_is_named(tmp_path: Path, path: str, text: str, message: str):
    with pytest.raises(FormatError, match=f"{path}, {message}"):
        read(tmp_path, {path: text})


def test_one_label_file_is_needed(tmp_path: Path):
    with pytest.raises(FormatError, match=r"expected emotionet_aus\.txt or emotionet_classes\.csv"):
        read(tmp_path, {"images/a.jpg": b""})
