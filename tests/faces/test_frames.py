"""Inputs: what a path names, files of any name, and one clear error for each that cannot be read."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from fbn.errors import FbnError, FormatError, MissingFileError
from fbn.faces.files import is_clutter, printable
from fbn.faces.frames import Frame, find_inputs, frame_count, open_source
from fbn.faces.pictures import read_picture
from tests.faces.clips import truncate, write_clip

HALF = Image.fromarray(astronaut()[::2, ::2])


def header_only(path: Path, width: int, height: int) -> Path:
    """A PNG that claims a size and holds no pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", 0))
    return path


def saved(path: Path, picture: Image.Image = HALF, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)
    return path


def broken_inputs(folder: Path) -> dict[str, Path]:
    """Every kind of broken input, by what its message must say."""
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("no picture")
    (folder / "text.mp4").write_text("no video")
    (folder / "empty.mp4").touch()
    return {
        "is empty": folder / "empty.jpg",
        "not a picture": folder / "text.jpg",
        "damaged picture": truncate(saved(folder / "cut.jpg")),
        "damaged picture ": truncate(saved(folder / "cut.png")),
        "40 megapixels": header_only(folder / "huge.png", 20_000, 20_000),
        "8000x6000 pixels": header_only(folder / "large.png", 8000, 6000),
        "not a video": folder / "text.mp4",
        "is empty ": folder / "empty.mp4",
        "not a video  ": truncate(write_clip(folder / "cut.mp4", codec="mpeg4")),
        "breaks off": truncate(write_clip(folder / "cut.avi")),
        "no such file": folder / "missing.jpg",
        "no such file ": folder / "missing" / "folder",
    }


def test_each_broken_input_is_one_clear_error(tmp_path: Path) -> None:
    for words, path in broken_inputs(tmp_path).items():
        with pytest.raises(FbnError, match=words.strip()) as caught:
            list(open_source(path))
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = header_only(tmp_path / "large.png", 8000, 6000)
    with pytest.raises(FormatError, match="8000x6000"):
        read_picture(path)


def test_a_folder_goes_on_past_broken_inputs(tmp_path: Path) -> None:
    broken = broken_inputs(tmp_path)
    (tmp_path / "sub").mkdir()
    saved(tmp_path / "sub" / "good.PNG", HALF)
    saved(tmp_path / "one.png", Image.new("RGB", (1, 1)))
    (tmp_path / "notes.txt").write_text("not an input")
    errors: list[FbnError] = []
    frames = list(open_source(tmp_path, on_error=errors.append, notify=lambda note: None))
    names = [Path(frame.input).name for frame in frames]
    assert names[-1] == "good.PNG"
    assert "one.png" in names
    assert names.count("cut.avi") > 4  # what could be read before the break is kept
    assert len(errors) == len(broken) - 2  # the missing ones are not in the folder


def test_inputs_are_sorted_and_known(tmp_path: Path) -> None:
    for name in ("b.png", "a/z.jpg", "a/b/c.MP4", "c.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    found = find_inputs(tmp_path)
    assert found.files == (tmp_path / "a/b/c.MP4", tmp_path / "a/z.jpg", tmp_path / "b.png")
    assert (found.left_out, found.errors) == ((tmp_path / "c.csv",), ())


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"no picture and no video$"):
        find_inputs(tmp_path)
    (tmp_path / "notes.txt").write_text("no input")
    with pytest.raises(MissingFileError, match=r"no picture and no video, only notes\.txt"):
        find_inputs(tmp_path)


def test_inputs_are_found_by_what_they_hold(tmp_path: Path) -> None:
    saved(tmp_path / "picture", format="PNG")
    write_clip(tmp_path / "clip.avi", 5).rename(tmp_path / "clip.dat")
    (tmp_path / "IMG_1.HEIC").write_text("x")
    (tmp_path / "IMG_2").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "notes").write_text("no input")
    found = find_inputs(tmp_path)
    assert {path.name for path in found.files} == {"picture", "clip.dat", "IMG_1.HEIC", "IMG_2"}
    assert found.left_out == (tmp_path / "notes",)
    errors: list[FbnError] = []
    notes: list[str] = []
    frames = list(open_source(tmp_path, on_error=errors.append, notify=notes.append))
    assert [Path(frame.input).name for frame in frames] == ["clip.dat"] * 5 + ["picture"]
    assert len(errors) == 2
    assert notes == [f"{tmp_path}: left out 1 that are neither pictures nor videos: notes"]


def test_linked_folders_are_read_and_loops_end(tmp_path: Path) -> None:
    saved(tmp_path / "elsewhere" / "a.png")
    folder = tmp_path / "in"
    saved(folder / "b.png")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "again").symlink_to(folder)
    assert find_inputs(folder).files == (folder / "b.png", folder / "linked" / "a.png")


def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    saved(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("nowhere.png")
    errors: list[FbnError] = []
    assert len(list(open_source(tmp_path, on_error=errors.append))) == 1
    assert str(errors[0]) == f"{tmp_path / 'b.png'}: a link to nowhere.png, where there is nothing"
    with pytest.raises(MissingFileError, match=r"a link to nowhere\.png"):
        list(open_source(tmp_path / "b.png"))


def test_what_may_not_be_read_is_an_error_that_says_so(tmp_path: Path) -> None:
    saved(tmp_path / "good.png")
    saved(tmp_path / "closed.png").chmod(0)
    if os.access(tmp_path / "closed.png", os.R_OK):
        pytest.skip("this user may read everything")
    saved(tmp_path / "locked" / "a.png").parent.chmod(0)
    errors: list[FbnError] = []
    try:
        assert len(list(open_source(tmp_path, on_error=errors.append))) == 1
        with pytest.raises(FbnError, match=r"a\.png: cannot be read \(Permission denied\)"):
            find_inputs(tmp_path / "locked" / "a.png")
    finally:
        (tmp_path / "locked").chmod(0o700)
    assert {str(error) for error in errors} == {
        f"{tmp_path / name}: cannot be read (Permission denied)" for name in ("closed.png", "locked")
    }


def test_errors_of_the_system_are_not_called_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails while a file is read, for each decoder."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    picture, clip = saved(tmp_path / "a.png"), write_clip(tmp_path / "a.avi", 5)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(FbnError, match=r"a\.png: cannot be read \(Input/output error\)"):
        list(open_source(picture))
    monkeypatch.setattr("fbn.faces.frames.video_frames", fail)
    with pytest.raises(FbnError, match=r"a\.avi: cannot be read \(Input/output error\)"):
        list(open_source(clip))


def test_folders_and_names_too_long_are_named(tmp_path: Path) -> None:
    with pytest.raises(FbnError, match="cannot be read"):
        list(open_source(tmp_path / ("x" * 300 + ".jpg")))
    with pytest.raises(FbnError, match="is not a file"):
        read_picture(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(FbnError, match="is not a file"):
        list(open_source(tmp_path / "a.jpg"))


AWKWARD = {
    b"caf\xe9": r"caf\xe9",
    "żółć".encode(): "żółć",
    b"two\nlines": r"two\nlines",
    b"-o": "-o",
    b"100%d": "100%d",
    b"a\x1b[31m": r"a\x1b[31m",
    "9.41\u202fAM".encode(): "9.41\u202fAM",
    b"concat:a|b": "concat:a|b",
    b"x" * 240: "x" * 240,
}


@pytest.mark.parametrize("name", AWKWARD)
def test_any_name_is_read_and_can_be_written(tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for plain in (saved(tmp_path / "a.png"), write_clip(tmp_path / "a.avi", 5)):
        try:
            os.rename(plain, os.fsencode(folder) + b"/" + name + os.fsencode(plain.suffix))
        except OSError:
            pytest.skip("the file system takes no such name")
    frames = list(open_source(folder))
    assert len(frames) == 6
    for frame in frames:
        assert os.path.basename(frame.input)[:-4] == AWKWARD[name]
        frame.input.encode()
    assert sum(map(frame_count, find_inputs(folder).files)) == 6


def test_a_path_without_oddities_is_printed_as_it_is(tmp_path: Path) -> None:
    assert printable(tmp_path / "Ünï cödé 画像.jpg") == str(tmp_path / "Ünï cödé 画像.jpg")


@pytest.mark.parametrize(
    "path",
    [
        *("._a.jpg", ".DS_Store", "a/._b.txt", "__MACOSX/a/b.jpg", "Thumbs.db", "x/thumbs.db", "desktop.ini"),
        *("@eaDir/a.jpg/thumb.jpg", ".ipynb_checkpoints/a.png", "Icon\r", "$RECYCLE.BIN/a.jpg"),
    ],
)
def test_what_systems_leave_is_no_input(tmp_path: Path, path: str) -> None:
    assert is_clutter(path)
    saved(tmp_path / "good.png")
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("x")
    found = find_inputs(tmp_path)
    assert (found.files, found.left_out) == ((tmp_path / "good.png",), ())
    assert not is_clutter("a/good.png")


def test_a_hidden_file_that_is_named_is_read(tmp_path: Path) -> None:
    frames: list[Frame] = list(open_source(saved(tmp_path / ".hidden.png")))
    assert np.array_equal(frames[0].image, np.asarray(HALF))


def test_no_camera_is_a_clear_error() -> None:
    with pytest.raises(MissingFileError, match="camera 97"):
        list(open_source(97))
