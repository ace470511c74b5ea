"""Augmentation: deterministic, keeps shape and type, and each variation does what its name says."""

import numpy as np
import pytest
from skimage.data import astronaut

from fbn.data.augment import Augmentation, augment, centre

#: Everything off: a view is then the crop's middle.
STILL = Augmentation(
    rotation=0, scale=(1, 1), shift=0, flip=0, light=0, gray=0, dark=0, blur=0, jpeg=0, small=0, erase=0
)


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    """[144, 144, 3], a face with its surroundings."""
    return np.ascontiguousarray(astronaut()[30:174, 150:294])


def view(crop: np.ndarray, seed: int, how: Augmentation) -> np.ndarray:
    """One view."""
    return augment(crop, np.random.default_rng(seed), how)


def test_the_same_seed_gives_the_same_view_and_leaves_the_crop_alone(crop: np.ndarray) -> None:
    before = crop.copy()
    views = [view(crop, seed, Augmentation()) for seed in range(20)]
    assert all(v.shape == (112, 112, 3) and v.dtype == np.uint8 for v in views)
    assert all(np.array_equal(v, view(crop, seed, Augmentation())) for seed, v in enumerate(views))
    assert len({v.tobytes() for v in views}) == 20
    assert np.array_equal(crop, before)


def test_without_variation_it_is_the_middle(crop: np.ndarray) -> None:
    assert np.array_equal(view(crop, 0, STILL), centre(crop))
    assert centre(np.zeros((5, 144, 144, 3), np.uint8)).shape == (5, 112, 112, 3)


def test_flip_mirrors(crop: np.ndarray) -> None:
    flipped = view(crop, 0, STILL.model_copy(update={"flip": 1.0}))
    assert np.abs(flipped.astype(int) - centre(crop)[:, ::-1]).max() <= 1


def test_gray_drops_colour(crop: np.ndarray) -> None:
    gray = view(crop, 0, STILL.model_copy(update={"gray": 1.0}))
    assert np.ptp(gray, axis=-1).max() == 0
    assert np.ptp(centre(crop), axis=-1).max() > 30


def test_a_turn_takes_the_middle_with_it(crop: np.ndarray) -> None:
    dot = np.zeros((144, 144, 3), np.uint8)
    dot[69:75, 69:75] = 255
    how = STILL.model_copy(update={"rotation": 40.0, "scale": (0.8, 1.2)})
    for seed in range(5):
        place = np.argwhere(view(dot, seed, how)[..., 0] > 100).mean(0)
        assert np.abs(place - 55.5).max() < 0.6


def test_shift_stays_in_its_bounds() -> None:
    dot = np.zeros((144, 144, 3), np.uint8)
    dot[71:73, 71:73] = 255
    how = STILL.model_copy(update={"shift": 0.1})
    places = np.array([np.argwhere(view(dot, seed, how)[..., 0] > 50).mean(0) for seed in range(60)]) - 55.5
    assert np.abs(places).max() <= 11.2 + 1
    assert np.abs(places).max() > 8


@pytest.mark.parametrize("name", ["dark", "blur", "jpeg", "small", "erase", "light"])
def test_each_variation_changes_the_picture(crop: np.ndarray, name: str) -> None:
    still, varied = centre(crop).astype(int), view(crop, 1, STILL.model_copy(update={name: 1.0})).astype(int)
    assert np.abs(varied - still).mean() > 0.5
    if name == "dark":
        assert varied.mean() < 0.8 * still.mean()
    if name in ("blur", "small"):
        assert np.abs(np.diff(varied, axis=1)).mean() < np.abs(np.diff(still, axis=1)).mean()
    if name == "erase":
        untouched = (varied == still).all(-1).mean()
        assert 0.5 < untouched < 0.995


def test_one_variation_does_not_change_another(crop: np.ndarray) -> None:
    how = Augmentation(erase=0)
    assert np.array_equal(view(crop, 3, how), view(crop, 3, how.model_copy(update={"flip": how.flip})))
    with_erase = view(crop, 3, Augmentation(erase=1))
    same = (with_erase == view(crop, 3, how)).all(-1).mean()
    assert same > 0.5
