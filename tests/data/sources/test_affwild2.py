"""Aff-Wild2 and s-Aff-Wild2: trees written by hand from the challenges' documentation."""

from pathlib import Path

import pytest

from fbn.data.sources import SourceReading, affwild2, saffwild2
from fbn.errors import FormatError
from fbn.records import Sample
from fbn.vocabulary import AU_INDEX
from tests.data import trees
from tests.data.test_sources import by_path, expression

AU_2020 = "AU1,AU2,AU4,AU6,AU12,AU15,AU20,AU25"
AU_ABAW3 = "AU1,AU2,AU4,AU6,AU7,AU10,AU12,AU15,AU23,AU24,AU25,AU26"
EXPR = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise"
NAMES = ["neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise"]


def read(folder: Path, *trees_: dict[str, bytes | str]) -> SourceReading:
    files: dict[str, bytes | str] = {}
    for tree in trees_:
        files |= tree
    return affwild2.read(trees.write(folder / "affwild2", files))


def units(sample: Sample) -> dict[int, float]:
    labels = sample.annotations
    return {n: labels.action_units[i].item() for n, i in AU_INDEX.items() if labels.action_units_weight[i] > 0}


def frame(video: str, number: int) -> str:
    return f"cropped_aligned/{video}/{number:05d}.jpg"


class TestValenceArousal:
    TEXT = "valence,arousal\n0.5,-0.25\n-5,-5\n-1,1\n-5,0.3\n0.2,-5\n"

    @pytest.mark.parametrize("path", ["VA_Set/Training_Set/v.txt", "VA_Estimation_Challenge/Train_Set/v.txt"])
    def test_line_i_after_the_header_is_picture_i(self, tmp_path: Path, path: str):
        reading = read(tmp_path, trees.affwild2(path, self.TEXT, 5))
        values = {s.path: s.annotations.valence_arousal.tolist() for s in reading.samples}
        assert values == {frame("v", 1): [0.5, -0.25], frame("v", 3): [-1, 1]}
        assert [(r.path, r.line, r.reason) for r in reading.rejected] == [
            (frame("v", n), n + 1, "nothing annotated") for n in (2, 4, 5)
        ]
        assert {(s.part, s.subject) for s in reading.samples} == {("train", "v")}

    def test_frames_missing_on_disk_are_counted(self, tmp_path: Path):
        reading = read(tmp_path, trees.affwild2("VA_Set/Validation_Set/v.txt", "valence,arousal\n0,0\n1,1\n", 1))
        assert [(s.path, s.part) for s in reading.samples] == [(frame("v", 1), "valid")]
        assert [(r.path, r.line, r.reason) for r in reading.rejected] == [(frame("v", 2), 3, "picture not present")]


class TestExpression:
    @pytest.mark.parametrize("header", [EXPR, EXPR + ",Other", "expression"])
    def test_codes_of_abaw3(self, tmp_path: Path, header: str):
        text = header + "\n" + "\n".join(map(str, [0, 1, 2, 3, 4, 5, 6, 7, -1])) + "\n"
        reading = read(tmp_path, trees.affwild2("EXPR_Classification_Challenge/Train_Set/v.txt", text, 9))
        assert [expression(s) for s in reading.samples] == [{name: 1} for name in NAMES]
        assert [r.line for r in reading.rejected] == [9, 10]

    @pytest.mark.parametrize("folder", ["EXPR_Set/Training_Set", "EXPR_Recognition_Challenge/Train_Set"])
    def test_the_other_names_of_the_folder(self, tmp_path: Path, folder: str):
        (sample,) = read(tmp_path, trees.affwild2(f"{folder}/v.txt", f"{EXPR}\n5\n", 1)).samples
        assert expression(sample) == {"sadness": 1}

    def test_other_is_no_code_of_2020(self, tmp_path: Path):
        with pytest.raises(
            FormatError, match=r"EXPR_Set/Training_Set/v\.txt, line 2: '7', expected a code from 0 to 6"
        ):
            read(tmp_path, trees.affwild2("EXPR_Set/Training_Set/v.txt", f"{EXPR}\n7\n", 1))


class TestActionUnits:
    def test_eight_of_2020(self, tmp_path: Path):
        text = f"{AU_2020}\n1,0,0,1,1,0,0,1\n0,-1,0,0,1,0,-1,0\n-1,-1,-1,-1,-1,-1,-1,-1\n"
        first, second = read(tmp_path, trees.affwild2("AU_Set/Training_Set/v.txt", text, 3)).samples
        assert units(first) == {1: 1, 2: 0, 4: 0, 6: 1, 12: 1, 15: 0, 20: 0, 25: 1}
        assert units(second) == {1: 0, 4: 0, 6: 0, 12: 1, 15: 0, 25: 0}

    def test_twelve_of_abaw3(self, tmp_path: Path):
        text = f"{AU_ABAW3}\n1,0,0,0,0,1,0,0,1,0,0,1\n"
        (sample,) = read(tmp_path, trees.affwild2("AU_Detection_Challenge/Validation_Set/v.txt", text, 1)).samples
        assert {n for n, value in units(sample).items() if value} == {1, 10, 23, 26}
        assert len(units(sample)) == 12

    def test_columns_go_by_name(self, tmp_path: Path):
        header = "AU25,AU20,AU15,AU12,AU6,AU4,AU2,AU1"
        (sample,) = read(
            tmp_path, trees.affwild2("AU_Set/Training_Set/v.txt", f"{header}\n1,0,0,0,0,0,0,0\n", 1)
        ).samples
        assert {n for n, value in units(sample).items() if value} == {25}


class TestMerging:
    def test_a_frame_of_three_sets_is_one_sample(self, tmp_path: Path):
        reading = read(
            tmp_path,
            trees.affwild2("VA_Set/Training_Set/v.txt", "valence,arousal\n0.5,-0.25\n-5,-5\n", 2),
            trees.affwild2("EXPR_Set/Training_Set/v.txt", f"{EXPR}\n4\n-1\n", 2),
            trees.affwild2("AU_Set/Training_Set/v.txt", f"{AU_2020}\n0,0,0,0,1,0,0,0\n0,0,0,0,0,0,0,1\n", 2),
        )
        first, second = reading.samples
        assert expression(first) == {"happiness": 1}
        assert first.annotations.valence_arousal.tolist() == [0.5, -0.25]
        assert units(first)[12] == 1
        assert (second.annotations.expression_weight, second.annotations.valence_arousal_weight) == (0, 0)
        assert units(second)[25] == 1
        assert not reading.rejected

    def test_two_people_of_a_video_have_their_own_pictures_and_one_subject(self, tmp_path: Path):
        reading = read(
            tmp_path,
            trees.affwild2("VA_Set/Training_Set/v_left.txt", "valence,arousal\n0.5,0.5\n", 1),
            trees.affwild2("VA_Set/Training_Set/v_right.txt", "valence,arousal\n-0.5,0.5\n", 1),
            trees.affwild2("VA_Set/Training_Set/v.txt", "valence,arousal\n0,0\n", 1),
        )
        samples = by_path(reading.samples)
        assert set(samples) == {frame("v_left", 1), frame("v_right", 1), frame("v", 1)}
        assert {s.subject for s in reading.samples} == {"v"}
        assert samples[frame("v_left", 1)].annotations.valence_arousal[0] == 0.5

    def test_a_video_that_trains_somewhere_validates_nowhere(self, tmp_path: Path):
        reading = read(
            tmp_path,
            trees.affwild2("VA_Set/Training_Set/v.txt", "valence,arousal\n0.5,0.5\n", 1),
            trees.affwild2("EXPR_Set/Validation_Set/v.txt", f"{EXPR}\n4\n", 1),
        )
        (sample,) = reading.samples
        assert (sample.part, sample.annotations.expression_weight) == ("train", 0)
        assert [r.reason for r in reading.rejected] == ["its video trains in another set"]


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("VA_Set/Training_Set/v.txt", "valence,arousal\n0.5,1.5\n", "line 2: '1.5', expected a value in"),
        ("VA_Set/Training_Set/v.txt", "valence,arousal\n0,0\nnan,0\n", "line 3: 'nan'"),
        ("VA_Set/Training_Set/v.txt", "valence,arousal\n0.5\n", "line 2: 1 values, expected 2"),
        ("VA_Set/Training_Set/v.txt", "valence,arousal\n0,0\n\n0,0\n", "line 3: 1 values, expected 2"),
        ("VA_Set/Training_Set/v.txt", "0.5,0.5\n", "line 1: '0.5,0.5', expected the header valence,arousal"),
        ("VA_Set/Training_Set/v.txt", "", "line 1: '', expected the header valence,arousal"),
        ("EXPR_Set/Training_Set/v.txt", "4\n4\n", "line 1: '4', expected a header: neutral,anger"),
        ("EXPR_Set/Training_Set/v.txt", "Anger,Neutral\n4\n", "line 1: 'Anger,Neutral', expected a header"),
        ("EXPR_Set/Training_Set/v.txt", f"{EXPR}\nhappy\n", "line 2: 'happy', expected a code from 0 to 6"),
        ("EXPR_Classification_Challenge/Train_Set/v.txt", f"{EXPR}\n8\n", "line 2: '8', expected a code from 0 to 7"),
        ("AU_Set/Training_Set/v.txt", f"{AU_2020}\n0,0,0,0,0,0,0,2\n", "line 2: '2', expected 0, 1, or -1"),
        ("AU_Set/Training_Set/v.txt", f"{AU_2020}\n0,0,0,0\n", "line 2: 4 values, expected 8"),
        ("AU_Set/Training_Set/v.txt", f"{AU_ABAW3}\n", "line 1: .*, expected the header AU1,AU2,AU4,AU6,AU12"),
        ("AU_Detection_Challenge/Train_Set/v.txt", "AU1,AU2\n", "line 1: 'AU1,AU2', expected the header AU1,AU2,AU4,"),
        ("VA_Set/Train_Set/v.txt", "valence,arousal\n", "expected VA_Set/Training_Set or Validation_Set/v.txt"),
        ("AU_Set/v.txt", AU_2020, "expected AU_Set/Training_Set or Validation_Set/v.txt"),
    ],
)
def test_a_departure_is_named(tmp_path: Path, path: str, text: str, message: str):
    with pytest.raises(FormatError, match=f"{path}, {message}"):
        read(tmp_path, trees.affwild2(path, text, 1))


@pytest.mark.parametrize(
    ("others", "message"),
    [
        (["AU_Detection_Challenge/Train_Set"], "found AU_Detection_Challenge, VA_Set, expected label folders of one"),
        ([], "found none, expected label folders of one release"),
    ],
)
def test_releases_are_not_mixed(tmp_path: Path, others: list[str], message: str):
    files = [trees.affwild2(f"{folder}/v.txt", f"{AU_ABAW3}\n", 1) for folder in others]
    if others:
        files.append(trees.affwild2("VA_Set/Training_Set/v.txt", "valence,arousal\n", 1))
    with pytest.raises(FormatError, match=message):
        read(tmp_path, {"cropped_aligned/v/00001.jpg": b""}, *files)


def test_one_folder_a_task(tmp_path: Path):
    files = [
        trees.affwild2(f"EXPR_{name}_Challenge/Train_Set/v.txt", f"{EXPR}\n", 1)
        for name in ("Classification", "Recognition")
    ]
    with pytest.raises(FormatError, match="expected one folder a task"):
        read(tmp_path, *files)


class TestMultiTask:
    def read(self, folder: Path, *rows: str, valid: tuple[str, ...] = ()) -> SourceReading:
        return saffwild2.read(trees.write(folder / "saffwild2", trees.saffwild2(list(rows), list(valid))))

    def test_all_tasks_of_a_row(self, tmp_path: Path):
        rows = ["v1/00001.jpg,0.5,-0.25,4,0,1,0,1,0,1,0,1,0,1,0,1"]
        train, valid = self.read(tmp_path, *rows, valid=("v2_left/00007.jpg,0,0,0" + ",0" * 12,)).samples
        assert (train.path, train.part, train.subject) == (frame("v1", 1), "train", "v1")
        assert (valid.path, valid.part, valid.subject) == (frame("v2_left", 7), "valid", "v2")
        assert expression(train) == {"happiness": 1}
        assert train.annotations.valence_arousal.tolist() == [0.5, -0.25]
        assert units(train) == {1: 0, 2: 1, 4: 0, 6: 1, 7: 0, 10: 1, 12: 0, 15: 1, 23: 0, 24: 1, 25: 0, 26: 1}

    @pytest.mark.parametrize(
        ("marks", "weights"),
        [
            ("-5,0.5,4" + ",0" * 12, (1, 12, 0)),
            ("0.5,-5,4" + ",0" * 12, (1, 12, 0)),
            ("0.5,0.5,-1" + ",0" * 12, (0, 12, 1)),
            ("0.5,0.5,7" + ",0" * 12, (0, 12, 1)),
            ("0.5,0.5,4,-1" + ",0" * 11, (1, 11, 1)),
            ("0.5,0.5,4" + ",-1" * 12, (1, 0, 1)),
        ],
    )
    def test_each_task_is_masked_on_its_own_mark(self, tmp_path: Path, marks: str, weights: tuple[int, int, int]):
        (sample,) = self.read(tmp_path, f"v/00001.jpg,{marks}").samples
        labels = sample.annotations
        found = (labels.expression_weight, labels.action_units_weight.sum(), labels.valence_arousal_weight)
        assert found == weights

    def test_rows_without_a_label_or_a_picture_are_counted(self, tmp_path: Path):
        files = trees.saffwild2(["v/00001.jpg,-5,-5,-1" + ",-1" * 12, "v/00002.jpg,0,0,0" + ",0" * 12], [])
        del files["cropped_aligned/v/00002.jpg"]
        reading = saffwild2.read(trees.write(tmp_path / "x", files))
        assert [(r.line, r.reason) for r in reading.rejected] == [(2, "nothing annotated"), (3, "picture not present")]

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ("v/00001.jpg,0,0,0,0", "line 2: 5 fields, expected 16"),
            ("v/00001.jpg,2,0,0" + ",0" * 12, "line 2, valence and arousal: '2', expected"),
            ("v/00001.jpg,0,0,8" + ",0" * 12, "line 2, expression: '8', expected a code from 0 to 7"),
            ("v/00001.jpg,0,0,0,5" + ",0" * 11, "line 2, AUs: '5', expected 0, 1, or -1"),
            ("00001.jpg,0,0,0" + ",0" * 12, "line 2: '00001.jpg', expected video/00001.jpg"),
        ],
    )
    def test_a_departure_is_named(self, tmp_path: Path, row: str, message: str):
        with pytest.raises(FormatError, match=rf"training_set_annotations\.txt, {message}"):
            self.read(tmp_path, row)

    def test_a_missing_header_and_a_picture_listed_twice_are_refused(self, tmp_path: Path):
        row = "v/00001.jpg,0,0,0" + ",0" * 12
        files = trees.saffwild2([], []) | {"training_set_annotations.txt": f"{row}\n"}
        with pytest.raises(FormatError, match="line 1: 16 columns, expected a header of 5"):
            saffwild2.read(trees.write(tmp_path / "a", files))
        with pytest.raises(FormatError, match=r"line 3: v/00001\.jpg listed before"):
            self.read(tmp_path / "b", row, row)
        with pytest.raises(FormatError, match="no label file, expected training_set_annotations"):
            saffwild2.read(trees.write(tmp_path / "c", {"a.txt": ""}))
