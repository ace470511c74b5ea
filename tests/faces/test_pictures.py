"""Pictures: every colour model and depth becomes 8-bit RGB, every broken file one clear error."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms
from skimage.data import astronaut

from fbn.errors import FormatError
from fbn.faces.frames import Frame, open_source
from fbn.faces.pictures import png_bytes, read_picture, scaled

HALF = Image.fromarray(astronaut()[::2, ::2])
GRAY = np.asarray(HALF.convert("L"))
COLOUR = np.asarray(HALF)


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


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_scaled_by_those_they_use(tmp_path: Path, bits: int, suffix: str) -> None:
    """Cameras store 10, 12 or 14 bits in 16; read by the upper eight they would be black."""
    factor = (2**bits - 1) / 255
    opaque = np.dstack([COLOUR[..., ::-1], np.full(GRAY.shape, 255)])
    for name, values in {"gray": GRAY, "colour": COLOUR[..., ::-1], "alpha": opaque}.items():
        path = tmp_path / f"{name}{suffix}"
        cv2.imwrite(str(path), np.rint(values * factor).astype(np.uint16))
        expected = np.repeat(GRAY[..., None], 3, 2) if name == "gray" else COLOUR
        assert np.array_equal(read_picture(path), expected), name


@pytest.mark.parametrize("kind", [np.int32, np.float32])
@pytest.mark.parametrize("top", [255, 1023, 4095, 65535])
def test_counts_of_other_types_are_scaled_likewise(tmp_path: Path, kind: type, top: int) -> None:
    values = np.rint(GRAY * (top / 255)).astype(kind)
    image = read_picture(saved(tmp_path / "a.tif", Image.fromarray(values)))
    assert np.array_equal(image[..., 0], GRAY)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floating_point_colours_are_read(tmp_path: Path, kind: type) -> None:
    cv2.imwrite(str(tmp_path / "gray.tif"), GRAY.astype(kind) / 255)
    cv2.imwrite(str(tmp_path / "colour.tif"), COLOUR[..., ::-1].astype(kind) / 255)
    assert np.array_equal(read_picture(tmp_path / "gray.tif"), np.repeat(GRAY[..., None], 3, 2))
    assert np.array_equal(read_picture(tmp_path / "colour.tif"), COLOUR)


def test_a_little_overshoot_does_not_darken() -> None:
    values = np.array([[-0.02, 0.0, 0.5, 1.0, 1.05]], np.float32)
    assert scaled(values, "a").tolist() == [[0, 0, 128, 255, 255]]


@pytest.mark.parametrize("values", [GRAY / np.float32(127.5) - 1, GRAY.astype(np.int32) - 1000])
def test_values_that_are_no_brightness_are_refused(tmp_path: Path, values: np.ndarray) -> None:
    path = saved(tmp_path / "a.tif", Image.fromarray(values))
    with pytest.raises(FormatError, match=r"values from -1(000)? to \d+: expected .* from 0"):
        read_picture(path)


def test_lab_becomes_rgb(tmp_path: Path) -> None:
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.applyTransform(HALF, ImageCms.buildTransform(*profiles, "RGB", "LAB"))
    image = read_picture(saved(tmp_path / "a.tif", lab))
    assert np.abs(image.astype(int) - COLOUR).mean() < 1


@pytest.mark.parametrize("suffix", [".avif", ".gif", ".jfif", ".jp2", ".ppm", ".qoi", ".mpo", ".bmp", ""])
def test_what_a_file_holds_counts(tmp_path: Path, suffix: str) -> None:
    form = {".jfif": "JPEG", "": "PNG"}.get(suffix)
    path = saved(tmp_path / f"a{suffix}", HALF, **({"format": form} if form else {}))
    for name in (path, path.rename(tmp_path / "a.mp4")):
        image = read_picture(name) if name.exists() else next(open_source(tmp_path / "a.mp4")).image
        assert np.abs(image.astype(int) - COLOUR).mean() < 6


def animated(path: Path, durations: list[int] | int, **options: object) -> Path:
    """Three frames: gray of 40, 120 and 200."""
    frames = [Image.new("RGB", (32, 24), (v, v, v)) for v in (40, 120, 200)]
    return saved(path, frames[0], save_all=True, append_images=frames[1:], duration=durations, **options)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.avif", "a.jpg"])
def test_an_animation_is_a_video_with_its_own_times(tmp_path: Path, name: str) -> None:
    path = animated(tmp_path / name, [100, 250, 400], **({"format": "GIF"} if name == "a.jpg" else {}))
    frames = list(open_source(path))
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert np.allclose([frame.timestamp for frame in frames], [0, 0.1, 0.35])
    assert np.allclose([frame.image.mean() for frame in frames], [40, 120, 200], atol=3)
    assert [frame.index for frame in open_source(path, every=2)] == [0, 2]


def test_an_animations_picture_for_old_viewers_is_no_frame(tmp_path: Path) -> None:
    path = animated(tmp_path / "a.png", [100, 250], default_image=True)
    assert [round(frame.image.mean()) for frame in open_source(path)] == [120, 200]


def test_frames_without_a_duration_are_said(tmp_path: Path) -> None:
    notes: list[str] = []
    frames = list(open_source(animated(tmp_path / "a.gif", 0), notify=notes.append))
    assert np.allclose([frame.timestamp for frame in frames], [0, 0.1, 0.2])
    assert len(notes) == 1
    assert "without a duration" in notes[0]


def test_further_pages_are_said(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", HALF, save_all=True, append_images=[HALF, HALF])
    notes: list[str] = []
    frames: list[Frame] = list(open_source(path, notify=notes.append))
    assert len(frames) == 1
    assert notes == [f"{path}: has 3 pages, the first is read"]


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
def test_a_heic_picture_is_named_as_such(tmp_path: Path, brand: bytes) -> None:
    for name in ("IMG_1.HEIC", "a.jpg", "a.mp4", "a"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic")
        with pytest.raises(FormatError, match="HEIC picture, which cannot be read here; save it as JPEG"):
            list(open_source(tmp_path / name))


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


def test_png_keeps_the_pixels(tmp_path: Path):
    image = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(image))
    assert (read_picture(path) == image).all()
