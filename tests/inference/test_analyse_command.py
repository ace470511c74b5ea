"""fbn analyse, from the command line: what it writes, what it reports, how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from PIL import Image
from skimage.data import astronaut
from typer.testing import CliRunner

from fbn.cli import application
from fbn.compound import CompoundClasses
from fbn.errors import MissingFileError
from fbn.faces import frames as frames_module
from fbn.models import store
from fbn.models.zoo import compound_arguments, with_compound
from fbn.relatedness import RelatednessTable
from fbn.vocabulary import COMPOUND_RAFDB
from tests.inference.test_export import COLUMNS

ROOT = Path(__file__).resolve().parents[2]
HEADER = COLUMNS.split(",")
#: Small enough that the detector looks once.
FACE = astronaut()[:300, 60:360].copy()


@pytest.fixture(autouse=True)
def _models(model_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FBN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FBN_YUNET", raising=False)


@pytest.fixture
def analyse(model_folder: Path, tmp_path: Path):
    def run(*arguments: object, out: str = "out.csv") -> Result:
        words = ["analyse", *map(str, arguments), "-o", str(tmp_path / out), "--model", str(model_folder)]
        return CliRunner().invoke(application, words)

    return run


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A face, no face, and everything that can be wrong with a picture."""
    folder = tmp_path / "in"
    folder.mkdir()
    face = Image.fromarray(FACE)
    face.save(folder / "a.png")
    Image.new("RGB", (100, 80), (90, 90, 90)).save(folder / "b.png")
    Image.new("RGB", (1, 1)).save(folder / "c.png")
    face.convert("CMYK").save(folder / "d.jpg")
    face.convert("L").save(folder / "e.jpg")
    return folder


def spoil(folder: Path) -> int:
    """Add files that cannot be read; how many."""
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("text")
    content = (folder / "a.png").read_bytes()
    (folder / "cut.png").write_bytes(content[: len(content) // 2])
    (folder / "cut.mp4").write_bytes(b"\0" * 100)
    return 4


def clip(path: Path, count: int = 12) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (300, 300))
    for i in range(count):
        writer.write(np.roll(FACE, 3 * i, axis=1)[..., ::-1])
    writer.release()
    return path


def test_a_folder_becomes_a_table(analyse, pictures: Path, tmp_path: Path) -> None:
    done = analyse(pictures)
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "out.csv")
    assert list(table.columns) == HEADER
    assert [Path(name).name for name in table["input"]] == ["a.png", "b.png", "c.png", "d.jpg", "e.jpg"]
    assert table["face_id"].notna().tolist() == [True, False, False, True, True]
    assert table.loc[[1, 2], "face_id":].isna().all(axis=None)
    assert "5 frames of 5 inputs, 3 faces, 2 frames without a face, 0 inputs failed" in done.stdout


def test_bad_files_are_named_and_the_good_ones_done(analyse, pictures: Path, tmp_path: Path) -> None:
    bad = spoil(pictures)
    done = analyse(pictures, tmp_path / "missing", out="out.parquet")
    assert done.exit_code == 1
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == 5
    lines = done.stderr.splitlines()
    for name in ("empty.jpg", "text.jpg", "cut.png", "cut.mp4", "missing"):
        assert sum(f"{name}: " in line and line.startswith("failed") for line in lines) == 1
    assert f"{bad + 1} inputs failed" in done.stdout
    assert "Traceback" not in done.output


def test_what_a_folder_holds_beside_inputs_is_counted_and_named(analyse, pictures: Path, tmp_path: Path) -> None:
    for name in ("notes.txt", "labels.csv", "._a.png", ".DS_Store", "Thumbs.db"):
        (pictures / name).write_text("no input")
    Image.fromarray(FACE).save(pictures / "f", "PNG")
    done = analyse(pictures)
    assert done.exit_code == 0, done.output
    assert "6 frames of 6 inputs" in done.stdout
    assert "0 inputs failed, 2 files left out" in done.stdout
    assert "note left out 2 that are neither pictures nor videos: labels.csv, notes.txt" in done.stderr


@pytest.mark.parametrize("out", ["out.csv", "out.parquet"])
def test_a_name_that_does_not_decode_is_one_row_of_the_table(analyse, tmp_path: Path, out: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in (b"caf\xe9", b"two\nlines"):
        Image.fromarray(FACE).save(tmp_path / "a.png")
        try:
            os.rename(tmp_path / "a.png", os.fsencode(folder) + b"/" + name + b".png")
        except OSError:
            pytest.skip("the file system takes no such name")
    (folder / os.fsdecode(b"bad\xff.jpg")).write_text("no picture")
    done = analyse(folder, out=out)
    assert done.exit_code == 1
    assert r"bad\xff.jpg: not a picture" in done.stderr
    read = pd.read_csv if out.endswith("csv") else pd.read_parquet
    assert [Path(name).name for name in read(tmp_path / out)["input"]] == [r"caf\xe9.png", r"two\nlines.png"]


def test_notes_on_an_input_are_printed_once(analyse, tmp_path: Path) -> None:
    pages = [Image.fromarray(FACE)] * 3
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    done = analyse(tmp_path / "a.tif")
    assert done.exit_code == 0
    assert done.stderr.count("note ") == 1
    assert f"note {tmp_path / 'a.tif'}: has 3 pages, the first is read" in done.stderr


def test_where_nothing_can_be_found_the_old_table_stays(analyse, pictures: Path, tmp_path: Path) -> None:
    assert analyse(pictures).exit_code == 0
    old = (tmp_path / "out.csv").read_text()
    done = analyse(tmp_path / "missing")
    assert done.exit_code == 1
    assert f"failed {tmp_path / 'missing'}: no such file or folder" in done.stderr
    assert (tmp_path / "out.csv").read_text() == old
    assert not (tmp_path / "out.csv.part").exists()


def test_crops_give_one_row_each_whatever_they_show(analyse, pictures: Path, tmp_path: Path) -> None:
    assert analyse("--crops", pictures).exit_code == 0
    table = pd.read_csv(tmp_path / "out.csv")
    assert len(table) == 5
    assert table.notna().all(axis=None)
    assert table.loc[1, ["box_x", "box_y", "box_w", "box_h"]].tolist() == [0, 0, 100, 80]


def test_a_video_is_one_row_a_frame_with_one_id(analyse, tmp_path: Path) -> None:
    video = clip(tmp_path / "v.avi")
    assert analyse(video, "--smooth", "--window", 3).exit_code == 0
    table = pd.read_csv(tmp_path / "out.csv")
    assert table["frame"].tolist() == list(range(12))
    assert np.allclose(table["timestamp"], np.arange(12) / 10, atol=1e-6)
    assert (table["face_id"] == 0).all()
    assert list(table.columns) == HEADER + [f"{name}_smooth" for name in HEADER[9:]]
    raw = table["AU12"].to_numpy()
    middle = np.median(np.stack([raw[:-2], raw[1:-1], raw[2:]]), axis=0)
    assert np.allclose(table["AU12_smooth"][1:-1], middle, atol=2e-6)
    assert analyse(video, "--every", 5).exit_code == 0
    assert pd.read_csv(tmp_path / "out.csv")["frame"].tolist() == [0, 5, 10]


def test_a_video_of_crops_is_smoothed_over_time_and_pictures_are_not(analyse, pictures: Path, tmp_path: Path) -> None:
    assert analyse("--crops", clip(pictures / "v.avi"), pictures, "--smooth", "--window", 3).exit_code == 0
    table = pd.read_csv(tmp_path / "out.csv")
    raw, smooth = table["AU12"].to_numpy(), table["AU12_smooth"].to_numpy()
    assert len(raw) == 12 + 5
    middle = np.median(np.stack([raw[:10], raw[1:11], raw[2:12]]), axis=0)
    assert np.allclose(smooth[1:11], middle, atol=2e-6)
    assert np.abs(smooth[:12] - raw[:12]).max() > 1e-4
    assert np.array_equal(smooth[12:], raw[12:])


def test_an_input_named_twice_is_read_once(analyse, pictures: Path, tmp_path: Path) -> None:
    assert analyse(pictures / "a.png", pictures, pictures / "a.png").exit_code == 0
    assert len(pd.read_csv(tmp_path / "out.csv")) == 5


def test_a_truncated_video_keeps_its_readable_frames(analyse, tmp_path: Path) -> None:
    video = clip(tmp_path / "v.avi", 20)
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    done = analyse(video)
    assert done.exit_code == 1
    assert "breaks off 1.0 s before its end; 9 frames were read" in done.stderr
    assert 5 < len(pd.read_csv(tmp_path / "out.csv")) < 15


@pytest.mark.parametrize("out", ["out.csv", "out.parquet"])
def test_ctrl_c_keeps_the_rows(analyse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str) -> None:
    real = frames_module.open_source

    def interrupted(*given: object):
        for frame in real(*given):
            if frame.index == 4:
                raise KeyboardInterrupt
            yield frame

    monkeypatch.setattr(frames_module, "open_source", interrupted)
    done = analyse(clip(tmp_path / "v.avi"), out=out)
    assert done.exit_code == 130
    assert "stopped" in done.stdout
    path = tmp_path / out
    table = pd.read_csv(path) if out.endswith("csv") else pd.read_parquet(path)
    assert table["frame"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("out", ["out.csv", "out.parquet"])
def test_a_signal_keeps_the_rows(model_folder: Path, tmp_path: Path, out: str, number: signal.Signals) -> None:
    # the fifth frame is read only after the signal came, however busy the machine is
    code = (
        "import os, signal, sys; from fbn import cli; from fbn.faces import frames; real = frames.open_source\n"
        # as in a terminal, also where the tests themselves run under nohup
        f"signal.signal({int(number)}, signal.SIG_DFL)\n"
        "def interrupted(*given):\n"
        "    for frame in real(*given):\n"
        f"        if frame.index == 4: os.kill(os.getpid(), {int(number)})\n"
        "        yield frame\n"
        "frames.open_source = interrupted; cli.main()"
    )
    words = ["analyse", str(clip(tmp_path / "v.avi")), "-o", str(tmp_path / out), "--model", str(model_folder)]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 128 + number
    assert "4 frames of 1 inputs" in done.stdout
    assert "stopped" in done.stdout
    path = tmp_path / out
    table = pd.read_csv(path) if out.endswith("csv") else pd.read_parquet(path)
    assert table["frame"].tolist() == [0, 1, 2, 3]
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("out", ["out.csv", "out.parquet"])
def test_where_nothing_can_be_read_the_old_table_stays(analyse, pictures: Path, tmp_path: Path, out: str) -> None:
    assert analyse(pictures / "a.png", out=out).exit_code == 0
    old = (tmp_path / out).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(b"\0" * 100)
    done = analyse(tmp_path / "cut.mp4", out=out)
    assert done.exit_code == 1
    assert f"{out}: not written, no frame was read, the table that was there stays" in done.stdout
    assert (tmp_path / out).read_bytes() == old
    done = analyse(tmp_path / "cut.mp4", out=f"new-{out}")
    assert f"new-{out}: not written, no frame was read, 1 inputs failed" in done.stdout
    assert not list(tmp_path.glob("new-*"))


def test_an_input_is_not_overwritten(analyse, tmp_path: Path) -> None:
    Image.fromarray(FACE).save(tmp_path / "picture.png")
    (tmp_path / "picture.png").rename(tmp_path / "picture.csv")
    old = (tmp_path / "picture.csv").read_bytes()
    done = analyse(tmp_path / "picture.csv", out="picture.csv")
    assert done.exit_code == 2
    assert (tmp_path / "picture.csv").read_bytes() == old


def test_without_a_home_that_can_be_written(model_folder: Path, pictures: Path, tmp_path: Path) -> None:
    code = "from fbn import cli; cli.main()"
    words = ["analyse", str(pictures / "a.png"), "-o", str(tmp_path / "out.csv"), "--model", str(model_folder)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FBN_", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=kept | {"HOME": "/dev/null/none"},
    )
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(tmp_path / "out.csv")) == 1


@pytest.mark.parametrize("layout", ["openface", "fex"])
def test_other_layouts(analyse, pictures: Path, tmp_path: Path, layout: str) -> None:
    assert analyse(pictures, "--format", layout).exit_code == 0
    table = pd.read_csv(tmp_path / "out.csv")
    assert {"openface": "AU12_c", "fex": "FaceRectX"}[layout] in table
    assert len(table) == 5


@pytest.mark.parametrize(
    "arguments",
    [["--window", "4"], ["--smooth", "--format", "fex"], ["--format", "xml"], ["--detector", "x"], ["--every", "0"]],
)
def test_wrong_usage(analyse, pictures: Path, arguments: list[str]) -> None:
    assert analyse(pictures, *arguments).exit_code == 2


def test_an_unknown_table_format_is_wrong_usage(analyse, pictures: Path, tmp_path: Path) -> None:
    assert analyse(pictures, out="out.xlsx").exit_code == 2
    assert CliRunner().invoke(application, ["analyse", str(pictures)]).exit_code == 2


def test_a_missing_model_is_a_clear_error(pictures: Path, tmp_path: Path) -> None:
    words = ["analyse", str(pictures), "-o", str(tmp_path / "out.csv"), "--model", "none"]
    assert isinstance(CliRunner().invoke(application, words).exception, MissingFileError)
    assert not (tmp_path / "out.csv").exists()


def test_compounds_are_appended_and_change_nothing_else(analyse, pictures: Path, tmp_path: Path) -> None:
    assert analyse(pictures, out="plain.csv").exit_code == 0
    done = analyse(pictures, "--compounds", "rafdb", "--smooth")
    assert done.exit_code == 0, done.output
    plain, table = pd.read_csv(tmp_path / "plain.csv"), pd.read_csv(tmp_path / "out.csv")
    pd.testing.assert_frame_equal(table[HEADER], plain)
    added = ["compound", *(f"compound_{name.replace(' ', '_')}" for name in COMPOUND_RAFDB)]
    smooth = [f"{name}_smooth" for name in HEADER[9:]]
    assert list(table.columns) == [*HEADER, *smooth, *added, *(f"{name}_smooth" for name in added)]
    shares = table.loc[table["face_id"].notna(), added[1:]]
    assert ((shares.sum(axis=1) > 0) & (shares.sum(axis=1) < 1 + 1e-4)).all()
    assert set(table["compound"].dropna()) <= {*COMPOUND_RAFDB, "none of these"}


def test_a_model_that_has_learnt_classes_appends_them_unasked(
    model_folder: Path, pictures: Path, tmp_path: Path
) -> None:
    classes = CompoundClasses.of(["awed", "bored"], RelatednessTable.named("du2014"), "own")
    network = with_compound(store.load(model_folder, "torch"), classes)
    store.save(tmp_path / "mine", network, name="mine", zoo="compound", arguments=compound_arguments(network))
    words = ["analyse", str(pictures), "--model", str(tmp_path / "mine"), "-o", str(tmp_path / "out.csv")]
    assert CliRunner().invoke(application, words).exit_code == 0
    assert list(pd.read_csv(tmp_path / "out.csv").columns) == [
        *HEADER,
        *("compound", "compound_awed", "compound_bored"),
    ]
    assert CliRunner().invoke(application, [*words, "--format", "openface"]).exit_code == 0
    assert not any("compound" in name for name in pd.read_csv(tmp_path / "out.csv").columns)


def test_an_unknown_set_of_compounds_is_a_clear_error(analyse, pictures: Path, tmp_path: Path) -> None:
    done = analyse(pictures, "--compounds", "none")
    assert isinstance(done.exception, MissingFileError)
    assert not (tmp_path / "out.csv").exists()
    assert analyse(pictures, "--compounds", "rafdb", "--format", "fex").exit_code == 2


def test_a_picture_upside_down_is_read_turned_and_this_is_said(analyse, tmp_path: Path) -> None:
    for name, image in (("upright", FACE), ("over", FACE[::-1, ::-1])):
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    result = analyse(tmp_path / "upright.png", tmp_path / "over.png")
    assert result.exit_code == 0
    assert "over.png: turned by 180 degrees" in " ".join(result.stderr.split())
    assert "upright.png: turned" not in result.stderr
    upright, over = (rows for _, rows in pd.read_csv(tmp_path / "out.csv").groupby("input", sort=False))
    assert over.valence.item() == pytest.approx(upright.valence.item(), abs=0.05)
    # its box is where the face is in the picture as it came
    assert over.box_x.item() == pytest.approx(300 - upright.box_x.item() - upright.box_w.item(), abs=4)
