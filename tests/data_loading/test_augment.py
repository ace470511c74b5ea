"""Augmentation: deterministic, keeps shape and type, and each variation does what its name says."""

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from fbn.data import outline
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


def masked(crop: np.ndarray) -> np.ndarray:
    """The crop's face cut out along an outline, black around it."""
    return crop * (outline.random_mask(144, 112, np.full(6, 0.5))[..., None] > 0)


def test_the_outline_of_a_face_that_was_cut_out_is_found(crop: np.ndarray) -> None:
    true = outline.random_mask(144, 112, np.full(6, 0.5)) > 0
    # as compression leaves it, and with a shadow that reaches the outline
    noisy = np.clip(masked(crop).astype(int) + np.random.default_rng(0).integers(0, 9, crop.shape), 0, 255)
    noisy[95:115, 60:70] = 0
    found = outline.find_mask(noisy.astype(np.uint8))
    assert found is not None
    assert (found > 0)[true].mean() > 0.85
    assert (found > 0)[~true].mean() < 0.01
    assert outline.find_mask(crop) is None
    assert outline.find_mask(np.zeros_like(crop)) is None


def test_black_surroundings_are_filled_and_the_face_stays(crop: np.ndarray) -> None:
    face, bright = masked(crop), np.full_like(crop, 200)
    middle = (slice(30, 82), slice(36, 76))
    for seed in range(12):
        how = STILL.model_copy(update={"fill": 1.0})
        filled = augment(face, np.random.default_rng(seed), how, other=lambda _: bright)
        assert np.abs(filled[middle].astype(int) - centre(crop)[middle]).mean() < 1
    # an eighth stays black
    dark = [augment(face, np.random.default_rng(s), how, other=lambda _: bright)[:6, :6].max() < 20 for s in range(60)]
    assert 0 < np.mean(dark) < 0.35


def test_surroundings_are_replaced_outside_a_drawn_outline(crop: np.ndarray) -> None:
    other = np.full_like(crop, 255)
    how = STILL.model_copy(update={"outline": 1.0})
    for seed in range(12):
        view = augment(crop, np.random.default_rng(seed), how, other=lambda _: other)
        assert np.abs(view[40:80, 44:70].astype(int) - centre(crop)[40:80, 44:70]).mean() < 1
        assert np.abs(view[:8, :8].astype(int) - centre(crop)[:8, :8]).mean() > 5


def test_aspect_makes_faces_wider_or_narrower() -> None:
    disc = cv2.circle(np.zeros((144, 144, 3), np.uint8), (72, 72), 30, (255, 255, 255), -1)
    for low, high in ((0.8, 0.8), (1.25, 1.25)):
        seen = view(disc, 0, STILL.model_copy(update={"aspect": (low, high)}))[..., 0] > 127
        assert seen.any(0).sum() / seen.any(1).sum() == pytest.approx(low, rel=0.05)
        assert seen.sum() == pytest.approx((disc[..., 0] > 0).sum(), rel=0.05)


def test_a_lens_bends_and_no_lens_does_not(crop: np.ndarray) -> None:
    bent = view(crop, 1, STILL.model_copy(update={"lens": 0.2}))
    assert np.abs(bent.astype(int) - centre(crop)).mean() > 3
    # next to none is the picture itself: the grid is where the straight way has it
    straight = view(crop, 1, STILL.model_copy(update={"lens": 1e-6}))
    assert np.abs(straight.astype(int) - centre(crop)).max() <= 3


def test_colour_changes_and_gray_stays_gray(crop: np.ndarray) -> None:
    how = STILL.model_copy(update={"colour": 1.0})
    assert np.abs(view(crop, 1, how).astype(int) - centre(crop)).mean() > 1
    gray = np.repeat(crop[..., :1], 3, axis=-1)
    assert np.abs(view(gray, 1, how).astype(int) - centre(gray)).max() <= 1


def test_light_from_one_side(crop: np.ndarray) -> None:
    flat = np.full_like(crop, 120)
    views = [view(flat, seed, STILL.model_copy(update={"shade": 1.0})).astype(int) for seed in range(10)]
    assert all(np.ptp(v[..., 0]) > 15 for v in views)
    assert all(np.ptp(v, axis=-1).max() == 0 for v in views)


def test_a_covered_block_may_show_another_picture(crop: np.ndarray) -> None:
    other = np.random.default_rng(0).integers(0, 256, crop.shape, dtype=np.uint8)
    how = STILL.model_copy(update={"erase": 1.0, "textured": 1.0})
    seen = augment(crop, np.random.default_rng(2), how, other=lambda _: other)
    changed = (seen != centre(crop)).any(-1)
    assert 0 < changed.mean() < 0.5
    assert seen[changed].std() > 60
