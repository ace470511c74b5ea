"""Tables: the columns users were promised, the rows whatever happens."""

import csv
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from fbn.compound import CompoundClasses
from fbn.errors import FbnError, FormatError
from fbn.inference import Affect
from fbn.inference.compounds import CompoundScorer
from fbn.inference.export import TableWriter
from fbn.inference.layouts import column_name, with_compounds
from fbn.relatedness import RelatednessTable
from tests.inference.helpers import affect, face, frame

#: As promised to users, word for word.
COLUMNS = (
    "input,frame,timestamp,face_id,box_x,box_y,box_w,box_h,face_score,expression,neutral,anger,disgust,fear,happiness,"
    "sadness,surprise,valence,arousal,AU01,AU02,AU04,AU05,AU06,AU07,AU09,AU10,AU12,AU14,AU15,AU17,AU20,AU23,AU24,AU25,"
    "AU26"
)
ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = [".csv", ".parquet"]
RESULTS = [frame(0, [face(0), face(1)]), frame(1), frame(2, [face(1)])]


def write(path: Path, results: list = RESULTS, layout: str = "fbn") -> pd.DataFrame:
    with TableWriter(path, layout) as table:
        for result in results:
            table.write(result)
    return read(path)


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


def test_header_is_as_promised(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().splitlines()[0] == COLUMNS


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rows_hold_what_was_read(tmp_path: Path, suffix: str) -> None:
    table = write(tmp_path / f"a{suffix}")
    assert ",".join(table.columns) == COLUMNS
    assert len(table) == 4
    second, expected = table.iloc[1], affect(1)
    assert second[["input", "frame", "face_id", "box_x", "box_w"]].tolist() == ["clip.mp4", 0, 1, 10, 40]
    assert second["expression"] == expected.label
    numbers = second.loc["neutral":"AU26"].to_numpy(np.float64)
    # expressions, valence, arousal, AUs by value
    assert numbers == pytest.approx(expected.vector(), abs=1e-6)
    assert table["timestamp"].tolist() == pytest.approx([0, 0, 1 / 30, 2 / 30], abs=1e-6)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_frame_without_a_face_is_one_row_with_empty_face_columns(tmp_path: Path, suffix: str) -> None:
    row = write(tmp_path / f"a{suffix}").iloc[2]
    assert row["frame"] == 1
    assert row.loc["face_id":].isna().all()


def test_csv_and_parquet_say_the_same(tmp_path: Path) -> None:
    one, other = (write(tmp_path / f"a{suffix}") for suffix in SUFFIXES)
    pd.testing.assert_frame_equal(one, other, check_dtype=False, atol=1e-6)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_smoothed_columns_stand_behind_and_change_nothing(tmp_path: Path, suffix: str) -> None:
    smooth = [replace(r, faces=tuple(replace(f, smoothed=affect(9)) for f in r.faces)) for r in RESULTS]
    plain = write(tmp_path / f"a{suffix}")
    table = write(tmp_path / f"b{suffix}", smooth, "fbn_smooth")
    pd.testing.assert_frame_equal(table[plain.columns], plain)
    names = COLUMNS.split(",")
    assert list(table.columns) == names + [f"{name}_smooth" for name in names[9:]]
    assert table["expression_smooth"][0] == affect(9).label
    assert table["AU26_smooth"][0] == pytest.approx(affect(9).action_units[-1], abs=1e-6)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_keeps_the_rows(tmp_path: Path, suffix: str, interruption: type[BaseException]) -> None:
    path = tmp_path / f"a{suffix}"

    def interrupted() -> None:
        with TableWriter(path) as table:
            table.write(RESULTS[0])
            assert not path.exists()
            raise interruption

    with pytest.raises(interruption):
        interrupted()
    assert len(read(path)) == 2
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_interruption_while_it_is_finished_comes_after(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"out{suffix}"
    table = TableWriter(path)
    table.write(RESULTS[0])
    finish = table._sink.close
    monkeypatch.setattr(table._sink, "close", lambda: (signal.raise_signal(signal.SIGINT), finish()))
    with pytest.raises(KeyboardInterrupt):
        table.close()
    assert len(read(path)) == max(1, len(RESULTS[0].faces))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_error_before_the_first_row_leaves_the_old_table(tmp_path: Path) -> None:
    old = write(tmp_path / "a.csv")
    with pytest.raises(RuntimeError), TableWriter(tmp_path / "a.csv"):
        raise RuntimeError
    pd.testing.assert_frame_equal(read(tmp_path / "a.csv"), old)
    assert list(tmp_path.iterdir()) == [tmp_path / "a.csv"]


def test_csv_rows_are_streamed(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "a.csv") as table:
        for i in range(200):
            table.write(frame(i, [face()]))
        assert (tmp_path / "a.csv.part").stat().st_size > 30_000


def test_parquet_rows_are_streamed_in_groups(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [frame(i) for i in range(5000)])
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 3


def test_a_missing_head_is_an_empty_cell(tmp_path: Path) -> None:
    only_units = Affect(np.full(7, np.nan, np.float32), np.full(2, np.nan, np.float32), affect().action_units)
    row = write(tmp_path / "a.csv", [frame(0, [face(read=only_units)])]).iloc[0]
    assert row.loc["expression":"arousal"].isna().all()
    assert row.loc["AU01":].notna().all()


def test_file_names_that_are_no_utf8(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        table = write(tmp_path / f"a{suffix}", [frame(0, name="caf\udce9,\n.jpg"), frame(0, name="a\rb.jpg")])
        assert table["input"].tolist() == ["caf\\udce9,\n.jpg", "a\rb.jpg"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_without_a_row_an_old_table_stays(tmp_path: Path, suffix: str) -> None:
    old = write(tmp_path / f"a{suffix}")
    assert len(write(tmp_path / f"a{suffix}", [])) == len(old)
    assert len(write(tmp_path / f"b{suffix}", [])) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_second_writer_of_one_file_is_refused_and_the_first_is_whole(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    with TableWriter(path) as first:
        first.write(RESULTS[0])
        (tmp_path / "link").symlink_to(tmp_path)
        for same in (path, tmp_path / "link" / path.name):
            with pytest.raises(FbnError, match=f"a{suffix}: another run is writing this file"):
                TableWriter(same)
        with ThreadPoolExecutor() as pool, pytest.raises(FbnError, match="another run"):
            pool.submit(TableWriter, path).result()
        first.write(RESULTS[2])
    assert len(read(path)) == 3
    assert len(write(path)) == 4


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_a_killed_writer_left_is_no_obstacle(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    code = (
        "import os; from fbn.inference.export import TableWriter; from tests.inference.test_export import RESULTS\n"
        f"table = TableWriter({str(path)!r})\nfor result in RESULTS: table.write(result)\nos.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == -signal.SIGKILL
    assert [left.name for left in tmp_path.iterdir()] == [f"a{suffix}.part"]
    assert len(write(path)) == 4
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_file_that_a_link_points_at_is_written(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    file, link = tmp_path / "elsewhere" / f"b{suffix}", tmp_path / f"a{suffix}"
    link.symlink_to(file)
    assert len(write(link)) == 4  # dangling so far
    assert len(write(link, RESULTS[:1])) == 2
    assert link.is_symlink()
    assert len(read(file)) == 2


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_read_only_table_is_not_replaced(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old = write(tmp_path / f"a{suffix}")
    # nothing is closed to root
    monkeypatch.setattr(os, "access", lambda path, how: False)
    with pytest.raises(FbnError, match=r"cannot be written \(it is read-only"):
        TableWriter(tmp_path / f"a{suffix}")
    assert len(read(tmp_path / f"a{suffix}")) == len(old)


def test_lines_end_as_pandas_ends_them(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    assert b"\r" not in (tmp_path / "a.csv").read_bytes()


def test_unknown_suffix_and_missing_folder_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"\.csv or \.parquet"):
        TableWriter(tmp_path / "a.xlsx")
    for suffix in SUFFIXES:
        with pytest.raises(FbnError, match=r"cannot be written \(there is no folder .*none"):
            TableWriter(tmp_path / "none" / f"a{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_folder_of_that_name_is_a_clear_error_at_once(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").mkdir()
    with pytest.raises(FbnError, match=f"a{suffix}: cannot be written .it is a folder"):
        TableWriter(tmp_path / f"a{suffix}")
    assert [p.name for p in tmp_path.iterdir()] == [f"a{suffix}"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to stand for a full disk")
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("count", [1, 300])  # found at the end, and on the way
def test_a_full_disk_is_a_clear_error_and_the_old_table_stays(tmp_path: Path, suffix: str, count: int) -> None:
    path = tmp_path / f"a{suffix}"
    old = write(path)
    path.with_name(f"{path.name}.part").symlink_to("/dev/full")
    with pytest.raises(FbnError, match=f"a{suffix}: cannot be written .*No space left"):
        write(path, RESULTS[:1] * count)
    assert not path.is_symlink()  # reading /dev/full would never end
    pd.testing.assert_frame_equal(read(path), old)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_name_taken_by_a_folder_meanwhile_is_a_clear_error(tmp_path: Path, suffix: str) -> None:
    table = TableWriter(tmp_path / f"a{suffix}")
    table.write(RESULTS[0])
    (tmp_path / f"a{suffix}").mkdir()
    with pytest.raises(FbnError, match="cannot be written"):
        table.close()


def test_openface_layout(tmp_path: Path) -> None:
    table = write(tmp_path / "a.csv", layout="openface")
    assert list(table.columns[:5]) == ["frame", "face_id", "timestamp", "confidence", "success"]
    assert table["frame"].tolist() == [1, 1, 2, 3]
    assert table["success"].tolist() == [1, 1, 0, 1]
    assert table["AU12_c"][1] == int(affect(1).action_units[8] >= 0.5)
    assert table[["AU12_r", "pose_Rx", "gaze_0_x", "AU45_c"]].isna().all(axis=None)
    assert len([c for c in table if c.endswith("_r")]) == 17
    assert len([c for c in table if c.endswith("_c")]) == 18


def test_an_action_unit_of_one_half_is_active_everywhere(tmp_path: Path) -> None:
    half = replace(affect(), action_units=np.array([0.5, 0.4999] + [0.0] * 15, np.float32))
    assert [unit.number for unit in half.active_units] == [1]
    row = write(tmp_path / "a.csv", [frame(0, [face(read=half)])], layout="openface").iloc[0]
    assert row[["AU01_c", "AU02_c"]].tolist() == [1, 0]


def test_fex_layout(tmp_path: Path) -> None:
    table = write(tmp_path / "a.csv", [frame(3000, [face(1)]), frame(3001)], layout="fex")
    assert list(table.columns[:8]) == [
        *("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore", "Pitch", "Roll", "Yaw")
    ]
    row, expected = table.iloc[0], affect(1)
    assert row["happiness"] == pytest.approx(expected.expression[4], abs=1e-6)
    assert row["AU12"] == pytest.approx(expected.action_units[8], abs=1e-6)
    assert row[["input", "frame", "approx_time", "Identity"]].tolist() == ["clip.mp4", 3000, "01:40", "Person_1"]
    assert row[["Pitch", "AU11", "AU43"]].isna().all()
    assert table.iloc[1]["frame"] == 3001
    with (tmp_path / "a.csv").open() as file:
        assert len({len(line) for line in csv.reader(file)}) == 1


CLASSES = ("happily surprised", "Sadly-angry", "x_c")


def scored(seed: int = 0) -> Affect:
    """A face with made-up probabilities of ``CLASSES``."""
    classes = CompoundClasses.of(CLASSES, RelatednessTable.named("du2014"), "own")
    shares = np.random.default_rng(seed).dirichlet(np.ones(4)).astype(np.float32)
    return Affect.from_vector(np.concatenate([affect(seed).vector(), shares]), CompoundScorer(classes))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_compounds_stand_behind_everything_else(tmp_path: Path, suffix: str) -> None:
    results = [frame(0, [face(0, scored(0)), face(1, scored(1))]), frame(1), frame(2, [face(0)])]
    with TableWriter(tmp_path / f"a{suffix}", "fbn", CLASSES) as writer:
        for result in results:
            writer.write(result)
    table = read(tmp_path / f"a{suffix}")
    added = ["compound", "compound_happily_surprised", "compound_sadly_angry", "compound_x_c"]
    assert list(table.columns) == COLUMNS.split(",") + added
    assert table.loc[1, added[1:]].to_numpy(np.float64) == pytest.approx(scored(1).compound, abs=1e-6)
    assert table["compound"][:2].tolist() == [scored(0).compound_label, scored(1).compound_label]
    # no face, and one that was read without them
    assert table.loc[2:, added].isna().all(axis=None)
    assert table.loc[3, "AU12"] == pytest.approx(affect(0).action_units[8], abs=1e-6)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_smoothed_compounds_stand_last(tmp_path: Path, suffix: str) -> None:
    one = replace(face(0, scored(0)), smoothed=scored(5))
    with TableWriter(tmp_path / f"a{suffix}", "fbn_smooth", CLASSES[:1]) as writer:
        writer.write(frame(0, [one]))
    table = read(tmp_path / f"a{suffix}")
    assert ",".join(table.columns[:36]) == COLUMNS
    assert list(table.columns[62:]) == [
        *("AU26_smooth", "compound", "compound_happily_surprised"),
        *("compound_smooth", "compound_happily_surprised_smooth"),
    ]
    assert table["compound_smooth"][0] == scored(5).compound_label
    assert table["compound_happily_surprised_smooth"][0] == pytest.approx(scored(5).compound[0], abs=1e-6)


def test_classes_of_one_name_or_of_none_keep_a_column_each() -> None:
    columns = with_compounds("fbn_smooth", ("Awed", "awed!", "smooth", "愛")).columns
    assert len(set(columns)) == len(columns)
    assert column_name("Disgustedly  surprised") == "compound_disgustedly_surprised"


def test_likeliest_class_or_none_of_these() -> None:
    sure = np.array([0.2, 0.1, 0.1, 0.6], np.float32)
    none = Affect.from_vector(np.concatenate([affect().vector(), sure]), scored().scorer)
    one = Affect.from_vector(np.concatenate([affect().vector(), sure[::-1]]), scored().scorer)
    assert (none.compound_label, one.compound_label) == ("none of these", "happily surprised")
