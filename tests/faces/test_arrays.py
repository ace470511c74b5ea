"""Pictures in memory: what can be meant as one is read as such, the rest refused by shape and type."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fbn.errors import FbnError
from fbn.faces.align import align
from fbn.faces.arrays import GROUND, PictureError, as_rgb

#: All values of 8 bits, black and white among them, in a shape that is no cube.
RGB = np.arange(24 * 16 * 3).reshape(24, 16, 3).astype(np.uint8)
GRAY = RGB[..., 0]
OPAQUE = np.full((24, 16), 255, np.uint8)


def rotated() -> Image.Image:
    """Lying on its side, with the tag that says so."""
    picture = Image.fromarray(np.rot90(RGB, 1))
    picture.getexif()[0x0112] = 6
    return picture


@pytest.mark.parametrize(
    "same",
    [
        RGB / 255,
        (RGB / 255).astype(np.float32),
        RGB.astype(np.float16),
        RGB.astype(np.float64),
        RGB.astype(np.int64),
        RGB.astype(np.uint16) * 257,
        np.dstack([RGB, OPAQUE]),
        np.dstack([RGB, OPAQUE]) / 255,
        RGB.transpose(2, 0, 1),
        RGB.tolist(),
        Image.fromarray(RGB),
        Image.fromarray(np.dstack([RGB, OPAQUE])),
        rotated(),
        torch.from_numpy(RGB),
        torch.from_numpy(RGB / 255).permute(2, 0, 1).requires_grad_(),
        np.asfortranarray(RGB),
        RGB[:, ::-1][:, ::-1],
    ],
)
def test_one_picture_in_many_forms(same: Any) -> None:
    found = as_rgb(same)
    assert found.dtype == np.uint8
    assert np.array_equal(found, RGB)


@pytest.mark.parametrize(
    "same", [GRAY, GRAY[..., None], GRAY[None], GRAY / 255, np.dstack([GRAY, OPAQUE]), Image.fromarray(GRAY)]
)
def test_gray_is_repeated(same: Any) -> None:
    assert np.array_equal(as_rgb(same), np.repeat(GRAY[..., None], 3, axis=2))


def test_a_picture_that_is_right_is_not_copied() -> None:
    assert as_rgb(RGB) is RGB


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_counts_are_scaled_by_the_depth_they_fill(bits: int, kind: type) -> None:
    deep = np.linspace(0, 2**bits - 1, 24 * 16).reshape(24, 16).astype(kind)
    found = as_rgb(deep)
    assert (found.min(), found.max()) == (0, 255)
    assert np.abs(found[..., 0] - np.linspace(0, 255, 24 * 16).reshape(24, 16)).max() <= 1.5


def test_what_resampling_put_beyond_the_ends_is_clipped() -> None:
    for top in (1.0, 255.0):
        found = as_rgb(np.array([[-0.04, 0.6, 1.04]]) * top)
        assert found[0, :, 0].tolist() == [0, 153, 255]


def test_transparency_is_laid_on_mid_gray() -> None:
    clear = np.dstack([RGB, np.zeros((24, 16), np.uint8)])
    assert (as_rgb(clear) == GROUND).all()
    assert (as_rgb(Image.fromarray(clear)) == GROUND).all()


def test_black_and_white() -> None:
    for mask in (GRAY > 99, Image.fromarray(GRAY > 99)):
        assert np.array_equal(as_rgb(mask)[..., 1], np.where(GRAY > 99, 255, 0))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (None, "NoneType is no picture"),
        ("picture.png", "str is no picture"),
        (np.zeros((0, 5, 3), np.uint8), r"shape \[0, 5, 3\]"),
        (np.zeros((0, 0)), r"shape \[0, 0\]"),
        (RGB[None], r"shape \[1, 24, 16, 3\].*one by one"),
        (np.zeros((2, 5, 6)), r"shape \[2, 5, 6\]"),
        (np.zeros(7), r"shape \[7\]"),
        (np.float32(1), r"shape \[\]"),
        (np.full((4, 4, 3), np.nan), "not finite"),
        (np.full((4, 4, 3), np.inf, np.float32), "not finite"),
        (RGB.astype(np.float32) / 127.5 - 1, "values from -1 to 1"),
        (RGB.astype(np.int16) - 1, "values from -1 to 254"),
        (RGB.astype(np.int64) * 1000, "values from 0 to 255000"),
        (RGB.astype(complex), "type complex128"),
        (RGB.astype(str), "type <U"),
        ([[1, 2], [3]], "list cannot be read as an array"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(wrong: Any, words: str) -> None:
    with pytest.raises(PictureError, match=words) as caught:
        as_rgb(wrong)
    assert isinstance(caught.value, FbnError)
    assert isinstance(caught.value, ValueError)


def test_align_takes_them_too_and_names_landmarks_of_another_shape() -> None:
    points = [[5, 8], [10, 8], [7, 11], [5, 14], [10, 14]]
    expected = align(RGB, np.array(points, np.float32))
    assert np.array_equal(align(RGB / 255, points), expected)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"landmarks of shape \[4, 2\]: expected \[5, 2\]"):
        align(RGB, np.array(points[:4]))
