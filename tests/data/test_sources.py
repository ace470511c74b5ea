"""Adapters: what they read from tiny trees, and what they refuse by file and line."""

from pathlib import Path

import pytest

from fbn.data.pictures import read_picture
from fbn.data.sources import SOURCES, affectnet, celeba, ckplus, detect, ferplus, find
from fbn.errors import FormatError, MissingFileError
from fbn.records import Sample
from fbn.tasks import ATTRIBUTES
from fbn.vocabulary import AU_INDEX, EXPRESSION_INDEX
from tests.data import trees


def by_path(samples: tuple[Sample, ...]) -> dict[str, Sample]:
    return {s.path: s for s in samples}


def expression(sample: Sample) -> dict[str, float]:
    values = sample.annotations.expression.tolist()
    return {name: pytest.approx(values[i]) for name, i in EXPRESSION_INDEX.items() if values[i]}


def units(sample: Sample) -> set[int]:
    return {number for number, i in AU_INDEX.items() if sample.annotations.action_units[i] == 1}


def attributes(sample: Sample) -> set[str]:
    values = sample.annotations[ATTRIBUTES].value.tolist()
    return {name for name, value in zip(ATTRIBUTES.labels, values, strict=True) if value}


TREES = {
    "ferplus": trees.ferplus(["Training,fer0000000.png,10,0,0,0,0,0,0,0,0,0"]),
    "affectnet": trees.affectnet([trees.affectnet_row("0/a.jpg", 0, 0, 0)]),
    "ckplus": trees.ckplus_frame(5, 1, 1),
    "celeba": trees.celeba({"000001.jpg": 7}),
    "affwild2": trees.affwild2("VA_Set/Training_Set/video1.txt", "valence,arousal\n0.5,-0.25\n", 1),
    "saffwild2": trees.saffwild2(["video1/00001.jpg,0.5,-0.25,4,0,0,0,0,0,0,1,0,0,0,1,0"], []),
    "affectnet-npy": trees.affectnet_npy("val_set", 3, 1, 0.5, 0.25),
    "rafdb": trees.rafdb(["train_00001.jpg 5"]),
    "rafdb-compound": trees.rafdb(["train_0001.jpg 3"], prefix="compound/"),
    "emotionet": trees.emotionet([trees.emotionet_row("a.jpg", {1: 1, 2: 0})]),
    "disfa": trees.disfa("SN001", {1: [0]}),
    "bp4d": trees.bp4d("F001_T1", ["0,1,2", "7,0,1"]),
    "afew-va": trees.afew_va("01/001", {"00000": (3, -4)}),
    "affectnet-train-masked": trees.affectnet_masked(["1/a.webp,0,0,8,8,,1,-2,-2"]),
    "expw": trees.expw(["a.webp 0 1 2 6 7 50.5 3"]),
    "diffusionfer": trees.diffusionfer(["cropped/happy/a.webp,0.5,0.25,1"]),
}


class TestEverySource:
    def test_the_trees_below_cover_all(self):
        assert set(TREES) == set(SOURCES)

    @pytest.mark.parametrize("zipped", [False, True])
    @pytest.mark.parametrize("name", SOURCES)
    def test_found_detected_read_and_decoded(self, tmp_path: Path, name: str, zipped: bool):
        path = trees.write(tmp_path / name, TREES[name], zipped)
        assert find(tmp_path, name) == path == find(path, name)
        assert detect(path) == name
        reading = SOURCES[name](path)
        assert reading.name == name
        assert not reading.rejected
        (sample,) = reading.samples
        assert (sample.dataset, sample.root) == (name, str(path))
        assert read_picture(sample).shape == (8, 8, 3)

    @pytest.mark.parametrize("name", SOURCES)
    def test_a_set_that_is_not_there_is_named(self, tmp_path: Path, name: str):
        with pytest.raises(MissingFileError, match=rf"{name}/ or {name}\.zip"):
            find(tmp_path, name)

    def test_a_folder_of_two_sets_is_refused(self, tmp_path: Path):
        path = trees.write(tmp_path / "x", TREES["rafdb"] | TREES["rafdb-compound"])
        with pytest.raises(FormatError, match="found those of rafdb and rafdb-compound"):
            detect(path)

    def test_a_folder_of_no_set_is_refused(self, tmp_path: Path):
        with pytest.raises(FormatError, match="found none"):
            detect(tmp_path)

    def test_a_file_that_is_no_zip_is_refused(self, tmp_path: Path):
        (tmp_path / "ferplus.zip").write_text("not an archive")
        with pytest.raises(FormatError, match="expected a zip archive"):
            detect(tmp_path / "ferplus.zip")


class TestFerplus:
    ROWS = (
        "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0",
        "Training,,0,0,0,0,0,0,0,0,0,10",
        "Training,fer0000002.png,3,3,0,0,0,0,0,2,2,0",
        "Training,fer0000003.png,0,0,0,1,0,0,0,0,9,0",
        "Training,fer0000004.png,0,0,0,0,0,0,0,0,2,8",
        "Training,fer0000005.png,1,0,0,0,0,0,0,9,0,0",
        "Training,fer0000006.png,0,0,0,0,0,0,0,5,5,0",
        "PublicTest,fer0000007.png,0,8,0,0,0,0,0,0,2,0",
        "PrivateTest,fer0000008.png,10,0,0,0,0,0,0,0,0,0",
        "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0",
        "Training,fer0000010.png,4,0,0,1,3,1,0,0,0,0",
    )

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return trees.write(tmp_path / "ferplus", trees.ferplus(list(self.ROWS), missing=("fer0000008.png",)))

    def test_votes_are_a_distribution_and_a_weight(self, root: Path):
        samples = by_path(ferplus.read(root).samples)
        first = samples["FER2013Train/fer0000000.png"]
        assert expression(first) == {"neutral": 0.4, "sadness": 0.1, "anger": 0.3, "disgust": 0.2}
        assert first.annotations.expression_weight == 1
        tie = samples["FER2013Train/fer0000002.png"]
        assert expression(tie) == {"neutral": 0.5, "happiness": 0.5}
        assert tie.annotations.expression_weight.item() == pytest.approx(0.6)

    def test_parts_are_train_and_test(self, root: Path):
        parts = {s.path.split("/")[0]: s.part for s in ferplus.read(root).samples}
        assert parts == {"FER2013Train": "train", "FER2013Valid": "test"}

    def test_private_test_is_a_part_of_its_own(self, tmp_path: Path):
        rows = ["PublicTest,fer1.png,0,8,0,0,0,0,0,0,2,0", "PrivateTest,fer2.png,10,0,0,0,0,0,0,0,0,0"]
        samples = ferplus.read(trees.write(tmp_path / "ferplus", trees.ferplus(rows))).samples
        assert [(s.path, s.part) for s in samples] == [
            ("FER2013Valid/fer1.png", "test"),
            ("FER2013Test/fer2.png", "private"),
        ]

    def test_majority_keeps_single_winners_one_hot(self, root: Path):
        samples = by_path(ferplus.read(root, targets="majority").samples)
        assert {path: expression(s) for path, s in samples.items()} == {
            "FER2013Train/fer0000000.png": {"neutral": 1},
            "FER2013Valid/fer0000007.png": {"happiness": 1},
        }
        assert all(s.annotations.expression_weight == 1 for s in samples.values())

    def test_rejected_rows_carry_line_and_reason(self, root: Path):
        rejected = {r.line: r.reason for r in ferplus.read(root).rejected}
        assert rejected == {
            3: "no image name",
            5: "most votes on unknown",
            6: "most votes on NF",
            7: "most votes on contempt",
            8: "no vote on the 7 expressions",
            10: "picture not present",
            11: "listed before, same votes",
            12: "fewer than 10 votes",
        }
        assert {r.line: r.reason for r in ferplus.read(root, "majority").rejected}[4] == "tie for most votes"

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ("Training,fer0000001.png,4,0,0,1,3,2,0,0,0,1", "line 3: 11 votes, expected 10"),
            ("Training,fer0000001.png,4,0,0,one,3,2,0,0,0,0", "line 3, sadness: 'one', expected votes from 0 to 10"),
            ("Training,fer0000001.png,-1,0,0,1,3,2,0,0,0,0", "line 3, neutral: '-1'"),
            ("Training,fer0000001.png,4,0,0,1,3,2,0,0,0", "line 3: 11 fields, expected 12"),
            ("Testing,fer0000001.png,4,0,0,1,3,2,0,0,0,0", "line 3, Usage: 'Testing', expected one of Training"),
            ("Training,fer0000000.png,3,0,0,2,3,2,0,0,0,0", "line 3: FER2013Train/fer0000000.png listed before"),
        ],
    )
    def test_a_departure_is_named(self, tmp_path: Path, row: str, message: str):
        root = trees.write(tmp_path / "x", trees.ferplus([self.ROWS[0], row]))
        with pytest.raises(FormatError, match=f"fer2013new.csv, {message}"):
            ferplus.read(root)

    def test_a_missing_column_is_named(self, tmp_path: Path):
        files = trees.ferplus([self.ROWS[0]])
        files["fer2013new.csv"] = str(files["fer2013new.csv"]).replace("contempt", "scorn")
        with pytest.raises(FormatError, match=r"line 1: no column \['contempt'\]"):
            ferplus.read(trees.write(tmp_path / "x", files))

    def test_a_missing_label_file_is_named(self, tmp_path: Path):
        with pytest.raises(MissingFileError, match=r"fer2013new\.csv"):
            ferplus.read(tmp_path)

    def test_columns_map_by_name(self, tmp_path: Path):
        files = trees.ferplus([self.ROWS[0]])
        header, row = str(files["fer2013new.csv"]).splitlines()
        swapped = [",".join(reversed(line.split(","))) for line in (header, row)]
        files["fer2013new.csv"] = "\n".join(swapped)
        (sample,) = ferplus.read(trees.write(tmp_path / "x", files)).samples
        assert expression(sample) == {"neutral": 0.4, "sadness": 0.1, "anger": 0.3, "disgust": 0.2}


class TestAffectnet:
    def read(self, folder: Path, *rows: str, clean: bool = False):
        return affectnet.read(trees.write(folder / "affectnet", trees.affectnet(list(rows))), clean=clean)

    @pytest.mark.parametrize(
        ("code", "name"),
        enumerate(["neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger"]),
    )
    def test_codes(self, tmp_path: Path, code: int, name: str):
        (sample,) = self.read(tmp_path, trees.affectnet_row("1/a.jpg", code, -0.25, 0.5)).samples
        assert sample.path == "Manually_Annotated_Images/1/a.jpg"
        assert expression(sample) == {name: 1}
        assert sample.annotations.valence_arousal.tolist() == [-0.25, 0.5]
        assert (sample.annotations.expression_weight, sample.annotations.valence_arousal_weight) == (1, 1)
        assert not sample.annotations.action_units_weight.any()

    def test_landmarks_are_points(self, tmp_path: Path):
        (sample,) = self.read(tmp_path, trees.affectnet_row("a.jpg", 0, 0, 0)).samples
        assert sample.landmarks == tuple((i, i + 0.5) for i in range(68))

    def test_contempt_keeps_valence_arousal_only(self, tmp_path: Path):
        (sample,) = self.read(tmp_path, trees.affectnet_row("a.jpg", 7, -0.5, 0.1)).samples
        assert sample.annotations.expression_weight == 0
        assert sample.annotations.valence_arousal_weight == 1

    def test_missing_valence_or_arousal_drops_both(self, tmp_path: Path):
        rows = [trees.affectnet_row("a.jpg", 1, -2, 0.5), trees.affectnet_row("b.jpg", 1, 0.5, -2)]
        for sample in self.read(tmp_path, *rows).samples:
            assert sample.annotations.valence_arousal_weight == 0
            assert not sample.annotations.valence_arousal.any()
            assert expression(sample) == {"happiness": 1}

    def test_codes_without_a_face_or_expression_are_rejected(self, tmp_path: Path):
        rows = [trees.affectnet_row(f"{c}.jpg", c, -2, -2) for c in (8, 9, 10)]
        reading = self.read(tmp_path, *rows)
        assert not reading.samples
        assert [(r.line, r.reason) for r in reading.rejected] == [
            (2, "no expression (code 8)"),
            (3, "uncertain (code 9)"),
            (4, "no face (code 10)"),
        ]

    def test_a_picture_not_present_is_rejected(self, tmp_path: Path):
        files = trees.affectnet([trees.affectnet_row("a.jpg", 0, 0, 0)])
        del files["Manually_Annotated_Images/a.jpg"]
        (rejected,) = affectnet.read(trees.write(tmp_path / "x", files)).rejected
        assert (rejected.path, rejected.reason) == ("Manually_Annotated_Images/a.jpg", "picture not present")

    @pytest.mark.parametrize(
        ("code", "valence", "arousal", "kept"),
        [
            (0, 0.1, 0.1, True),
            (0, 0.11, 0.11, False),
            (1, 0.01, -0.5, True),
            (1, 0, 0.5, False),
            (2, -0.01, 0.5, True),
            (2, 0, 0.5, False),
            (3, 0.9, -0.9, True),
            (4, 0.1, 0.5, False),
            (5, 0.1, 0.5, False),
            (6, -0.1, 0.1, True),
            (6, -0.1, 0, False),
            (6, 0.1, 0.1, False),
            (7, 0.9, 0.9, True),
            (1, -2, -2, True),
        ],
    )
    def test_the_papers_cleaning(self, tmp_path: Path, code: int, valence: float, arousal: float, kept: bool):
        row = trees.affectnet_row("a.jpg", code, valence, arousal)
        reading = self.read(tmp_path, row, clean=True)
        assert bool(reading.samples) == kept
        assert all(r.reason.startswith("cleaning: ") for r in reading.rejected)
        assert self.read(tmp_path, row).samples

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            (trees.affectnet_row("a.jpg", 11, 0, 0), "expression: '11', expected a code from 0 to 10"),
            (trees.affectnet_row("a.jpg", "happy", 0, 0), "expression: 'happy'"),
            (trees.affectnet_row("a.jpg", 0, 1.5, 0), "valence: '1.5', expected a value in"),
            (trees.affectnet_row("a.jpg", 0, 0, "nan"), "arousal: 'nan'"),
            (trees.affectnet_row("a.jpg", 0, 0, "high"), "arousal: 'high'"),
            (trees.affectnet_row("a.jpg", 0, 0, 0, points=5), "facial_landmarks: .*, expected 136 numbers"),
        ],
    )
    def test_a_departure_is_named(self, tmp_path: Path, row: str, message: str):
        with pytest.raises(FormatError, match=f"Manually_annotated.csv, line 2, {message}"):
            self.read(tmp_path, row)

    def test_a_picture_listed_twice_is_refused(self, tmp_path: Path):
        row = trees.affectnet_row("a.jpg", 0, 0, 0)
        with pytest.raises(FormatError, match=r"line 3: .*listed before"):
            self.read(tmp_path, row, row)


class TestCkplus:
    def test_peaks_onsets_and_frames_between(self, tmp_path: Path):
        files = trees.ckplus_frame(5, 1, 1)
        files |= trees.ckplus_frame(5, 1, 2)
        files |= trees.ckplus_frame(5, 1, 3, units="1 2 25 27 16", code=7)
        reading = ckplus.read(trees.write(tmp_path / "ckplus", files))
        onset, peak = reading.samples
        assert onset.path == "cohn-kanade-images/S005/001/S005_001_00000001.png"
        assert expression(onset) == {"neutral": 1}
        assert units(onset) == set()
        assert expression(peak) == {"surprise": 1}
        assert units(peak) == {1, 2, 25, 26}
        for sample in reading.samples:
            assert sample.subject == "S005"
            assert sample.annotations.action_units_weight.tolist() == [1] * 17
            assert ckplus.sequence_of(sample) == "S005/001"
        assert [r.reason for r in reading.rejected] == ["between onset and peak: no label files"]

    @pytest.mark.parametrize(
        ("code", "name"),
        [(0, "neutral"), (1, "anger"), (3, "disgust"), (4, "fear"), (5, "happiness"), (6, "sadness"), (7, "surprise")],
    )
    def test_codes(self, tmp_path: Path, code: int, name: str):
        files = trees.ckplus_frame(5, 1, 3, units="4", code=code)
        (sample,) = ckplus.read(trees.write(tmp_path / "x", files)).samples
        assert expression(sample) == {name: 1}

    def test_contempt_keeps_its_aus_only(self, tmp_path: Path):
        files = trees.ckplus_frame(5, 1, 3, units="14", code=2)
        (sample,) = ckplus.read(trees.write(tmp_path / "x", files)).samples
        assert sample.annotations.expression_weight == 0
        assert units(sample) == {14}

    def test_facs_without_emotion_and_the_reverse(self, tmp_path: Path):
        files = trees.ckplus_frame(5, 1, 3, units="4") | trees.ckplus_frame(6, 1, 3, code=5)
        facs, emotion = ckplus.read(trees.write(tmp_path / "x", files)).samples
        assert (facs.annotations.expression_weight, facs.annotations.action_units_weight.sum()) == (0, 17)
        assert (emotion.annotations.expression_weight, emotion.annotations.action_units_weight.sum()) == (1, 0)

    @pytest.mark.parametrize(
        ("path", "text", "message"),
        [
            ("FACS/S005/001/S005_001_00000003_facs.txt", " 1.0 1.0\nsmile 1.0\n", "line 2: 'smile', expected an AU"),
            ("FACS/S005/001/S005_001_00000003_facs.txt", " 1.5 1.0\n", "line 1: '1.5', expected an AU number"),
            ("FACS/S005/001/S005_001_00000003_facs.txt", " 1.0 9.0\n", "line 1: '9.0', expected an intensity"),
            ("FACS/S005/001/S005_001_00000003_facs.txt", " 1.0\n", "line 1: .*, expected an AU and its intensity"),
            ("Emotion/S005/001/S005_001_00000003_emotion.txt", " 8.0\n", "line 1: '8.0', expected an expression code"),
            ("Emotion/S005/001/S005_001_00000003_emotion.txt", "", "line 1: 0 lines, expected one number"),
        ],
    )
    def test_a_departure_is_named(self, tmp_path: Path, path: str, text: str, message: str):
        files = trees.ckplus_frame(5, 1, 3, units="4", code=1) | {path: text}
        with pytest.raises(FormatError, match=f"{path}, {message}"):
            ckplus.read(trees.write(tmp_path / "x", files))

    def test_label_files_alone_and_odd_names_are_rejected(self, tmp_path: Path):
        files = trees.ckplus_frame(5, 1, 3, units="4", code=1)
        files |= {"FACS/S006/001/S006_001_00000009_facs.txt": "", "cohn-kanade-images/S005/001/cover.png": b""}
        reading = ckplus.read(trees.write(tmp_path / "x", files))
        assert len(reading.samples) == 1
        assert {r.path for r in reading.rejected} == {
            "FACS/S006/001/S006_001_00000009_facs.txt",
            "cohn-kanade-images/S005/001/cover.png",
        }


class TestCeleba:
    def test_attributes_and_identity(self, tmp_path: Path):
        files = trees.celeba({"000001.jpg": 7, "000002.jpg": 9}, {"000002.jpg": {0, 39}})
        first, second = celeba.read(trees.write(tmp_path / "celeba", files)).samples
        assert (first.subject, second.subject) == ("7", "9")
        assert not first.annotations[ATTRIBUTES].value.any()
        assert attributes(second) == {ATTRIBUTES.labels[0], ATTRIBUTES.labels[39]}
        labels = second.annotations
        assert labels[ATTRIBUTES].weight.tolist() == [1] * 40
        weights = (labels.expression_weight, labels.valence_arousal_weight, labels.action_units_weight)
        assert not any(weight.any() for weight in weights)

    def test_parts_where_released(self, tmp_path: Path):
        files = trees.celeba({f"{i}.jpg": i for i in range(3)})
        assert {s.part for s in celeba.read(trees.write(tmp_path / "a", files)).samples} == {""}
        files["list_eval_partition.txt"] = "0.jpg 0\n1.jpg 1\n2.jpg 2\n"
        parts = [s.part for s in celeba.read(trees.write(tmp_path / "b", files)).samples]
        assert parts == ["train", "valid", "test"]

    @pytest.mark.parametrize(
        ("path", "old", "new", "message"),
        [
            ("list_attr_celeba.txt", "1\n5_o", "2\n5_o", "line 1: 2, but 1 pictures follow"),
            ("list_attr_celeba.txt", "1\n5_o", "x\n5_o", "line 1: 'x', expected the number of"),
            ("list_attr_celeba.txt", "Young ", "", "line 2: 39 names, expected 40"),
            ("list_attr_celeba.txt", "Young ", "Elderly ", "line 2: 'Elderly', expected the names of CelebA's 40"),
            ("list_attr_celeba.txt", "1.jpg -1", "1.jpg 0", "line 3: '0', expected 1 or -1"),
            ("list_attr_celeba.txt", "1.jpg -1", "1.jpg", "line 3: 39 values, expected a name and 40"),
            ("identity_CelebA.txt", "1.jpg 7", "2.jpg 7", "line 3: 1.jpg has no line in identity_CelebA.txt"),
            ("identity_CelebA.txt", "1.jpg 7", "1.jpg", "line 1: 0 values, expected a name and 1"),
            ("identity_CelebA.txt", "1.jpg 7", "1.jpg -1", "txt, line 1: '-1', expected the number of an identity"),
        ],
    )
    def test_a_departure_is_named(self, tmp_path: Path, path: str, old: str, new: str, message: str):
        files = trees.celeba({"1.jpg": 7})
        assert old in str(files[path])
        files[path] = str(files[path]).replace(old, new)
        with pytest.raises(FormatError, match=message):
            celeba.read(trees.write(tmp_path / "x", files))

    def test_a_bad_partition_code_is_named(self, tmp_path: Path):
        files = trees.celeba({"1.jpg": 7}) | {"list_eval_partition.txt": "1.jpg 3\n"}
        with pytest.raises(FormatError, match=r"list_eval_partition\.txt, line 1: '3', expected 0, 1 or 2"):
            celeba.read(trees.write(tmp_path / "x", files))

    def test_a_picture_not_present_is_rejected(self, tmp_path: Path):
        files = trees.celeba({"1.jpg": 7})
        del files["img_align_celeba/1.jpg"]
        (rejected,) = celeba.read(trees.write(tmp_path / "x", files)).rejected
        assert (rejected.line, rejected.reason) == (3, "picture not present")
