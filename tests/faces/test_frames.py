"""Frames: every colour model becomes RGB, every broken file one clear error, videos stream."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from fbn.errors import FbnError, FormatError, MissingFileError
from fbn.faces.frames import Frame, find_inputs, frame_count, open_source
from fbn.faces.pictures import read_picture

HALF = Image.fromarray(astronaut()[::2, ::2])


def write_video(path: Path, count: int = 40, codec: str = "MJPG", rate: float = 20) -> Path:
    """A clip whose frame i is gray of value 4 i."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), rate, (64, 48))
    for i in range(count):
        writer.write(np.full((48, 64, 3), 4 * i, np.uint8))
    writer.release()
    return path


def truncate(path: Path, share: float = 0.5) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def header_only(path: Path, width: int, height: int) -> Path:
    """A PNG that claims a size and holds no pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", 0))
    return path


def saved(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)
    return path


def test_colour_png_comes_back_exactly(tmp_path: Path) -> None:
    image = read_picture(saved(tmp_path / "a.png", HALF))
    assert image.dtype == np.uint8
    assert np.array_equal(image, np.asarray(HALF))


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "YCbCr"])
def test_colour_models_become_rgb(tmp_path: Path, mode: str) -> None:
    suffix = ".jpg" if mode in ("CMYK", "YCbCr") else ".png"
    path = saved(tmp_path / f"a{suffix}", HALF.convert(mode))
    image = read_picture(path)
    assert image.shape == (256, 256, 3)
    expected = np.asarray(HALF.convert("L").convert("RGB") if mode in ("L", "1") else HALF).astype(float)
    # halftone, palette and JPEG cost something, a wrong channel order or an inversion would cost far more
    assert np.abs(cv2.blur(image.astype(float), (16, 16)) - cv2.blur(expected, (16, 16))).mean() < 6


def test_sixteen_bits_keep_the_upper_eight(tmp_path: Path) -> None:
    gray = np.asarray(HALF.convert("L"))
    colour = np.asarray(HALF)
    cv2.imwrite(str(tmp_path / "gray.png"), gray.astype(np.uint16) * 257)
    cv2.imwrite(str(tmp_path / "colour.png"), colour[..., ::-1].astype(np.uint16) * 257)
    assert np.array_equal(read_picture(tmp_path / "gray.png"), np.repeat(gray[..., None], 3, 2))
    assert np.array_equal(read_picture(tmp_path / "colour.png"), colour)


def test_floating_point_tiff_with_nan(tmp_path: Path) -> None:
    values = np.asarray(HALF.convert("L"), np.float32) / 255
    values[0, 0] = np.nan
    image = read_picture(saved(tmp_path / "a.tif", Image.fromarray(values)))
    assert image[0, 0].tolist() == [0, 0, 0]
    assert np.abs(image[1:, :, 0].astype(float) - np.asarray(HALF.convert("L"))[1:]).max() <= 1


def test_transparency_lies_on_mid_gray(tmp_path: Path) -> None:
    picture = HALF.copy()
    picture.putalpha(Image.new("L", HALF.size, 0))
    assert (read_picture(saved(tmp_path / "a.png", picture)) == 127).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(tmp_path: Path, orientation: int) -> None:
    turns = Image.Transpose
    stored = {
        1: None,
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_90,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x112] = orientation
    wide = HALF.crop((0, 0, 256, 128))
    picture = wide if stored is None else wide.transpose(stored)
    image = read_picture(saved(tmp_path / "a.png", picture, exif=exif))
    assert np.array_equal(image, np.asarray(wide))


def broken_inputs(folder: Path) -> dict[str, Path]:
    """Every kind of broken input, by what its message must say."""
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("no picture")
    (folder / "text.mp4").write_text("no video")
    (folder / "empty.mp4").touch()
    return {
        "is empty": folder / "empty.jpg",
        "not a picture": folder / "text.jpg",
        "damaged picture": truncate(saved(folder / "cut.jpg", HALF)),
        "damaged picture ": truncate(saved(folder / "cut.png", HALF)),
        "40 megapixels": header_only(folder / "huge.png", 20_000, 20_000),
        "8000x6000 pixels": header_only(folder / "large.png", 8000, 6000),
        "not a video": folder / "text.mp4",
        "not a video ": folder / "empty.mp4",
        "not a video  ": truncate(write_video(folder / "cut.mp4", codec="mp4v")),
        "frames could be read": truncate(write_video(folder / "cut.avi")),
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
    frames = list(open_source(tmp_path, on_error=errors.append))
    names = [Path(frame.input).name for frame in frames]
    assert names[-1] == "good.PNG"
    assert "one.png" in names
    assert names.count("cut.avi") > 4  # what could be read before the break is kept
    assert len(errors) == len(broken) - 2  # the missing ones are not in the folder


def test_inputs_are_sorted_and_known(tmp_path: Path) -> None:
    for name in ("b.png", "a/z.jpg", "a/b/c.MP4", "c.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find_inputs(tmp_path) == [tmp_path / "a/b/c.MP4", tmp_path / "a/z.jpg", tmp_path / "b.png"]


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no picture and no video"):
        find_inputs(tmp_path)


@pytest.mark.parametrize(("suffix", "codec"), [(".avi", "MJPG"), (".mp4", "mp4v")])
def test_video_frames_come_in_order_with_their_times(tmp_path: Path, suffix: str, codec: str) -> None:
    path = write_video(tmp_path / f"a{suffix}", codec=codec)
    frames = list(read_video(path))
    assert [frame.index for frame in frames] == list(range(40))
    assert frame_count(path) == 40
    assert np.allclose([frame.timestamp for frame in frames], np.arange(40) / 20)
    assert np.allclose([frame.image.mean() for frame in frames], 4 * np.arange(40), atol=4)
    assert frames[0].image.shape == (48, 64, 3)


def test_every_nth_frame_keeps_number_and_time(tmp_path: Path) -> None:
    frames = list(open_source(write_video(tmp_path / "a.avi"), every=7))
    assert [frame.index for frame in frames] == [0, 7, 14, 21, 28, 35]
    assert np.isclose(frames[-1].timestamp, 35 / 20)


def test_a_video_is_read_as_it_is_asked_for(tmp_path: Path) -> None:
    frames = read_video(write_video(tmp_path / "a.avi"))
    first = next(frames)
    assert isinstance(first, Frame)
    assert first.index == 0
    frames.close()  # releases the file without reading on


def test_no_camera_is_a_clear_error() -> None:
    with pytest.raises(MissingFileError, match="camera 97"):
        list(open_source(97))
