"""ExpW, AffectNet's masked part and DiffusionFER: labels, boxes, and what is refused by file and line."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from fbn.data.corpus import split, without_duplicates
from fbn.data.crops import MARGIN, SIZE, aligned, crop_of
from fbn.data.sources import SOURCES, affectnet_masked, detect, diffusionfer, expw
from fbn.errors import FormatError
from fbn.vocabulary import EXPRESSIONS
from tests.data import trees


def named(sample) -> str:
    return EXPRESSIONS[int(sample.annotations.expression.argmax())].value


class TestExpw:
    @pytest.mark.parametrize(
        ("code", "name"),
        list(enumerate(("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"))),
    )
    def test_codes(self, tmp_path: Path, code: int, name: str):
        (sample,) = expw.read(trees.write(tmp_path / "x", trees.expw([f"a.webp 0 1 2 6 7 50.5 {code}"]))).samples
        assert named(sample) == name
        assert not sample.annotations.action_units_weight.any()

    def test_the_list_has_top_before_left_and_boxes_may_reach_outside(self, tmp_path: Path):
        lines = ["a.webp 0 10 20 50 70 50.5 3", "a.webp 3 -4 0 5 7 9 1"]
        first, second = expw.read(trees.write(tmp_path / "x", trees.expw(lines))).samples
        assert first.box == (20, 10, 30, 60)
        assert second.box == (0, -4, 5, 11)
        assert first.path == second.path
        assert first.face != second.face

    def test_two_faces_of_a_picture_are_no_twins_and_stay_together(self, tmp_path: Path):
        lines = [f"{i}.webp {face} {face} 0 4 4 9 {face}" for i in range(60) for face in (1, 2)]
        samples = expw.read(trees.write(tmp_path / "x", trees.expw(lines))).samples
        assert without_duplicates(samples) == samples
        parts = split("expw", samples)
        pictures = {part: {s.path for s in own} for part, own in parts.items()}
        assert [len(parts[part]) for part in ("train", "valid", "test")] == [84, 12, 24]
        assert len(set().union(*pictures.values())) == sum(map(len, pictures.values())) == 60

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("a.webp 0 1 2 6 7 50.5", "expected name face_id top left right bottom confidence label"),
            ("a.webp 0 1 2 6 7 50.5 7", "label: '7', expected a code from 0 to 6"),
            ("a.webp x 1 2 6 7 50.5 1", "face_id: 'x', expected a whole number from 0"),
            ("a.webp 0 1.5 2 6 7 50.5 1", "top: '1.5', expected a whole number of pixels"),
            ("a.webp 0 1 6 6 7 50.5 1", "expected left < right and top < bottom"),
            ("a.webp 0 1 2 6 7 nan 1", "confidence: 'nan', expected a number"),
        ],
    )
    def test_a_departure_is_named(self, tmp_path: Path, line: str, message: str):
        root = trees.write(tmp_path / "x", trees.expw(["b.webp 0 1 2 6 7 50.5 3", line]))
        with pytest.raises(FormatError, match=f"label/label.lst, line 2.*{message}"):
            expw.read(root)

    def test_a_face_listed_twice_is_refused_and_a_missing_picture_rejected(self, tmp_path: Path):
        files = trees.expw(["a.webp 0 1 2 6 7 50.5 3"] * 2)
        with pytest.raises(FormatError, match=r"line 2: face 0 of a\.webp listed before"):
            expw.read(trees.write(tmp_path / "x", files))
        files = trees.expw(["a.webp 0 1 2 6 7 50.5 3"])
        del files["image/a.webp"]
        (rejected,) = expw.read(trees.write(tmp_path / "y", files)).rejected
        assert (rejected.path, rejected.line, rejected.reason) == ("image/a.webp", 1, "picture not present")

    def test_the_crop_is_that_of_the_face_in_the_box(self, tmp_path: Path):
        picture = np.hstack([astronaut()[:, ::-1], astronaut()])
        files = trees.expw(["a.webp 0 60 164 320 220 99 3", "a.webp 1 60 692 848 220 99 3"])
        files["image/a.webp"] = cv2.imencode(".webp", picture[..., ::-1], (cv2.IMWRITE_WEBP_QUALITY, 101))[1].tobytes()
        left, right = map(crop_of, expw.read(trees.write(tmp_path / "x", files)).samples)
        expected = aligned(np.ascontiguousarray(astronaut()[30:250, 120:330]))
        assert left.shape == (SIZE, SIZE, 3)
        assert np.abs(right.astype(int) - expected).mean() < 12
        assert np.abs(left[:, ::-1].astype(int) - right).mean() < 12
        assert np.abs(left.astype(int) - right).mean() > 20


class TestMasked:
    def test_expressions_only(self, tmp_path: Path):
        tree = trees.affectnet_masked(["6/a.webp,0,0,112,112,,6,-2,-2"])
        (sample,) = affectnet_masked.read(trees.write(tmp_path / "x", tree)).samples
        assert named(sample) == "anger"
        assert sample.annotations.valence_arousal_weight == 0
        assert sample.landmarks is None

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ("1/a.webp,0,0,8,8,,7,-2,-2", "expression: '7', expected a code from 0 to 6"),
            ("1/a.webp,0,0,8,8,,1,0.5,-2", "valence: '0.5', expected -2"),
            ("1/a.webp,0,0,8,8,,1,-2,0", "arousal: '0', expected -2"),
            ("1/a.webp,0,0,8,8,1;2,1,-2,-2", "facial_landmarks: '1;2', expected no landmarks"),
        ],
    )
    def test_a_departure_is_named(self, tmp_path: Path, row: str, message: str):
        with pytest.raises(FormatError, match=f"Manually_annotated.csv, line 2, {message}"):
            affectnet_masked.read(trees.write(tmp_path / "x", trees.affectnet_masked([row])))

    def test_the_whole_set_and_its_masked_part_are_told_apart(self, tmp_path: Path):
        whole = trees.write(tmp_path / "a", trees.affectnet([trees.affectnet_row("0/a.jpg", 0, 0, 0)]))
        part = trees.write(tmp_path / "b", trees.affectnet_masked(["6/a.webp,0,0,8,8,,6,-2,-2"]))
        assert (detect(whole), detect(part)) == ("affectnet", "affectnet-train-masked")

    def test_the_surroundings_of_its_crops_are_black(self, tmp_path: Path):
        face = np.ascontiguousarray(astronaut()[60:200, 160:300])
        mask = cv2.ellipse(np.zeros(face.shape, np.uint8), (70, 70), (62, 70), 0, 0, 360, (1, 1, 1), -1)
        tree = trees.affectnet_masked(["6/a.webp,0,0,140,140,,6,-2,-2"])
        picture = cv2.imencode(".webp", (face * mask)[..., ::-1])[1].tobytes()
        root = trees.write(tmp_path / "x", tree | {"Manually_Annotated_Images/6/a.webp": picture})
        (sample,) = affectnet_masked.read(root).samples
        crop = crop_of(sample, MARGIN)
        edge = np.concatenate([crop[0], crop[-1], crop[:, 0], crop[:, -1]])
        assert edge.max() < 16
        assert crop[50:94, 50:94].mean() > 60

    def test_its_valid_part_is_small_and_there_is_no_test_part(self, tmp_path: Path):
        rows = [f"1/{i}.webp,0,0,8,8,,1,-2,-2" for i in range(100)]
        samples = affectnet_masked.read(trees.write(tmp_path / "x", trees.affectnet_masked(rows))).samples
        parts = split("affectnet-train-masked", samples)
        assert {part: len(own) for part, own in parts.items()} == {"train": 96, "valid": 4, "test": 0}


class TestDiffusionfer:
    def test_the_sheet_counts_not_the_folder(self, tmp_path: Path):
        tree = trees.diffusionfer(["cropped/angry/a.webp,-0.5,0.2,3"])
        (sample,) = diffusionfer.read(trees.write(tmp_path / "x", tree)).samples
        assert named(sample) == "surprise"
        assert sample.annotations.valence_arousal.tolist() == pytest.approx([-0.5, 0.2])

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ("a.webp,0,0,7", "expression: '7', expected a code from 0 to 6"),
            ("a.webp,1.5,0,1", "valence: '1.5', expected a value in"),
            ("a.webp,0,-2,1", "arousal: '-2', expected a value in"),
        ],
    )
    def test_a_departure_is_named(self, tmp_path: Path, row: str, message: str):
        with pytest.raises(FormatError, match=f"dataset_sheet.csv, line 2, {message}"):
            diffusionfer.read(trees.write(tmp_path / "x", trees.diffusionfer([row])))

    def test_nothing_of_it_trains(self, tmp_path: Path):
        tree = trees.diffusionfer([f"{i}.webp,0,0,1" for i in range(10)])
        parts = split("diffusionfer", diffusionfer.read(trees.write(tmp_path / "x", tree)).samples)
        assert {part: len(own) for part, own in parts.items()} == {"train": 0, "valid": 5, "test": 5}


@pytest.mark.parametrize(
    ("name", "tree", "again"),
    [
        ("affectnet-train-masked", trees.affectnet_masked, "1/a.webp,0,0,8,8,,1,-2,-2"),
        ("diffusionfer", trees.diffusionfer, "a.webp,0,0,1"),
    ],
)
def test_a_picture_listed_twice_is_refused_and_a_missing_one_rejected(
    tmp_path: Path, name: str, tree: Callable[[list[str]], dict[str, bytes | str]], again: str
):
    with pytest.raises(FormatError, match=r"line 3: .*a.webp listed before"):
        SOURCES[name](trees.write(tmp_path / "x", tree([again, again])))
    files = {path: data for path, data in tree([again]).items() if not path.endswith(".webp")}
    files |= trees.with_pictures({}, "Manually_Annotated_Images/9/other.webp")
    (rejected,) = SOURCES[name](trees.write(tmp_path / "y", files)).rejected
    assert rejected.reason == "picture not present"
