"""DISFA, BP4D and AFEW-VA, coded frame by frame: trees written by hand from their documentation."""

import json
from pathlib import Path

import pytest

from fbn.data.sources import afew_va, bp4d, disfa
from fbn.errors import FormatError, MissingFileError
from fbn.records import Sample
from fbn.vocabulary import AU_INDEX
from tests.data import trees


def units(sample: Sample) -> dict[int, float]:
    labels = sample.annotations
    return {n: labels.action_units[i].item() for n, i in AU_INDEX.items() if labels.action_units_weight[i] > 0}


class TestDisfa:
    def test_active_from_two(self, tmp_path: Path):
        root = trees.write(tmp_path / "disfa", trees.disfa("SN001", {1: [0, 1, 2, 3, 4, 5], 26: [5, 4, 3, 2, 1, 0]}))
        samples = disfa.read(root).samples
        assert [s.path for s in samples] == [f"Frames/SN001/{n:05d}.jpg" for n in range(1, 7)]
        assert [units(s)[1] for s in samples] == [0, 0, 1, 1, 1, 1]
        assert [units(s)[26] for s in samples] == [1, 1, 1, 1, 0, 0]
        assert {tuple(units(s)) for s in samples} == {(1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)}
        assert {(s.subject, s.part) for s in samples} == {("SN001", "")}
        assert [units(s)[1] for s in disfa.read(root, active=1).samples] == [0, 1, 1, 1, 1, 1]

    def test_frames_not_present_are_rejected(self, tmp_path: Path):
        files = trees.disfa("SN001", {1: [0, 0]})
        del files["Frames/SN001/00002.jpg"]
        (rejected,) = disfa.read(trees.write(tmp_path / "disfa", files)).rejected
        assert (rejected.path, rejected.line, rejected.reason) == ("Frames/SN001/00002.jpg", 2, "picture not present")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("1,0\n2,6\n", "line 2: '6', expected an intensity from 0 to 5"),
            ("1,0\n2,-1\n", "line 2: '-1', expected an intensity"),
            ("1,0\n2\n", "line 2: '2', expected frame,intensity"),
            ("1,0\nx,0\n", "line 2: 'x', expected a frame number"),
            ("1,0\n1,0\n", "line 2: frame 1, expected a number above 1"),
            ("1,0\n3,0\n", "line 2: frame 3, expected 2 as in ActionUnit_Labels/SN001/SN001_au1.txt"),
            ("1,0\n", "line 1: the last of 1 frames, expected 2 as"),
        ],
    )
    def test_a_departure_is_named(self, tmp_path: Path, text: str, message: str):
        path = "ActionUnit_Labels/SN001/SN001_au12.txt"
        root = trees.write(tmp_path / "disfa", trees.disfa("SN001", {1: [0, 0]}) | {path: text})
        with pytest.raises(FormatError, match=f"{path}, {message}"):
            disfa.read(root)

    def test_odd_and_missing_files_are_named(self, tmp_path: Path):
        files = trees.disfa("SN001", {1: [0]})
        odd = files | {"ActionUnit_Labels/SN001/SN001_au7.txt": ""}
        with pytest.raises(FormatError, match=r"SN001_au7\.txt, expected ActionUnit_Labels/SN001/SN001_au<one of"):
            disfa.read(trees.write(tmp_path / "a", odd))
        del files["ActionUnit_Labels/SN001/SN001_au26.txt"]
        with pytest.raises(MissingFileError, match=r"SN001_au26\.txt"):
            disfa.read(trees.write(tmp_path / "b", files))
        labels = {path: data for path, data in odd.items() if not path.startswith("Frames")}
        with pytest.raises(MissingFileError, match=r"expected the videos' frames as Frames/SN001/00001\.jpg"):
            disfa.read(trees.write(tmp_path / "c", labels))


class TestBp4d:
    def test_columns_go_by_the_first_row(self, tmp_path: Path):
        files = trees.bp4d("F001_T1", ["0,12,1,99,17", "20,1,0,9,9", "21,0,1,0,1"])
        first, second = bp4d.read(trees.write(tmp_path / "bp4d", files)).samples
        assert (first.path, first.subject, first.part) == ("Frames/F001/T1/00020.jpg", "F001", "")
        assert units(first) == {12: 1, 1: 0}
        assert units(second) == {12: 0, 1: 1, 17: 1}

    def test_frames_without_codes_or_pictures_are_rejected(self, tmp_path: Path):
        files = trees.bp4d("M012_T8", ["0,1,2", "1,9,9", "2,0,0"])
        del files["Frames/M012/T8/00002.jpg"]
        rejected = bp4d.read(trees.write(tmp_path / "bp4d", files)).rejected
        assert [(r.line, r.reason) for r in rejected] == [(2, "nothing annotated"), (3, "picture not present")]

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            (["0,1,2", "1,0,2"], "line 2: '2', expected 0, 1, or 9 where missing"),
            (["0,1,2", "1,0,-1"], "line 2: '-1', expected 0, 1, or 9"),
            (["0,1,2", "1,0"], "line 2: 2 fields, expected a frame and 2 codes"),
            (["0,1,AU2", "1,0,0"], "line 1: 'AU2', expected an AU number"),
            (["0,1,1", "1,0,0"], "line 1: '0,1,1', expected AU numbers, each once"),
            (["0", "1"], "line 1: '0', expected AU numbers, each once"),
            (["0,1,2", "1,0,0", "1,0,0"], "line 3: frame 1 listed before"),
        ],
    )
    def test_a_departure_is_named(self, tmp_path: Path, rows: list[str], message: str):
        root = trees.write(tmp_path / "bp4d", trees.bp4d("F001_T1", rows))
        with pytest.raises(FormatError, match=rf"AUCoding/AU_OCC/F001_T1\.csv, {message}"):
            bp4d.read(root)

    def test_odd_names_empty_files_and_absent_frames_are_named(self, tmp_path: Path):
        files = trees.bp4d("F001_T1", ["0,1", "1,0"])
        with pytest.raises(FormatError, match=r"AU_OCC/F1T1\.csv, expected AUCoding/AU_OCC/F001_T1\.csv"):
            bp4d.read(trees.write(tmp_path / "a", files | {"AUCoding/AU_OCC/F1T1.csv": ""}))
        with pytest.raises(FormatError, match="line 1: empty"):
            bp4d.read(trees.write(tmp_path / "b", files | {"AUCoding/AU_OCC/F001_T1.csv": ""}))
        del files["Frames/F001/T1/00001.jpg"]
        with pytest.raises(MissingFileError, match=r"expected the frames as Frames/F001/T1/00001\.jpg"):
            bp4d.read(trees.write(tmp_path / "c", files))


class TestAfewVa:
    def test_levels_are_tenths_and_the_clip_is_the_subject(self, tmp_path: Path):
        files = trees.afew_va("01/001", {"00000": (3, -10), "00001": (-2.0, 10)}) | trees.afew_va(
            "12/600", {"00000": (0, 0)}
        )
        samples = afew_va.read(trees.write(tmp_path / "afew-va", files)).samples
        assert [s.path for s in samples] == ["01/001/00000.png", "01/001/00001.png", "12/600/00000.png"]
        values = [s.annotations.valence_arousal.tolist() for s in samples]
        assert values == [pytest.approx([0.3, -1]), pytest.approx([-0.2, 1]), [0, 0]]
        assert [s.subject for s in samples] == ["001", "001", "600"]
        assert samples[0].landmarks == tuple((i, i + 0.5) for i in range(68))

    def test_frames_not_present_are_rejected(self, tmp_path: Path):
        files = trees.afew_va("01/001", {"00000": (3, 3)})
        del files["01/001/00000.png"]
        (rejected,) = afew_va.read(trees.write(tmp_path / "x", files)).rejected
        assert (rejected.path, rejected.reason) == ("01/001/00000.png", "picture not present")

    @pytest.mark.parametrize(
        ("frames", "message"),
        [
            ({"00000": {"valence": 11}}, r"frames\['00000'\], valence: 11, expected a number from -10 to 10"),
            ({"00000": {"arousal": "high"}}, r"frames\['00000'\], arousal: high, expected a number"),
            ({"00000": {"landmarks": [[1, 2]]}}, r"frames\['00000'\], landmarks: .*, expected 68 points"),
            ({"00000": {"landmarks": "none"}}, r"frames\['00000'\], landmarks: none, expected 68 points"),
            ({"00000": None}, r"frames\['00000'\]: no 'valence', expected landmarks, valence and arousal"),
            ({"0": {}}, "expected frames by five-digit number"),
            (["00000"], "expected frames by five-digit number"),
        ],
    )
    def test_a_departure_is_named(self, tmp_path: Path, frames: object, message: str):
        points = [[0, 0]] * 68
        if isinstance(frames, dict):
            whole = {"landmarks": points, "valence": 0, "arousal": 0}
            frames = {name: whole | fields if fields is not None else {} for name, fields in frames.items()}
        root = trees.write(tmp_path / "x", {"01/001/001.json": json.dumps({"frames": frames})})
        with pytest.raises(FormatError, match=rf"01/001/001\.json(, |: ){message}"):
            afew_va.read(root)

    @pytest.mark.parametrize("path", ["13/001/001.json", "01/001/002.json", "001/001.json"])
    def test_other_places_are_refused(self, tmp_path: Path, path: str):
        with pytest.raises(FormatError, match=rf"{path}, expected 01/001/001\.json"):
            afew_va.read(trees.write(tmp_path / "x", {path: "{}"}))

    def test_what_is_no_json_or_not_there_is_refused(self, tmp_path: Path):
        with pytest.raises(FormatError, match=r"01/001/001\.json: expected JSON"):
            afew_va.read(trees.write(tmp_path / "a", {"01/001/001.json": "frames"}))
        with pytest.raises(FormatError, match=r"no label file, expected 01/001/001\.json"):
            afew_va.read(trees.write(tmp_path / "b", {"a.txt": ""}))
