"""The landmark network on a real face, on crops of any looseness, and on pictures of any shape."""

import numpy as np
import pytest
from skimage.data import astronaut

from fbn.errors import ChecksumError
from fbn.faces.align import TEMPLATE, align, crop_matrix
from fbn.faces.geometry import Box
from fbn.faces.landmarks import AVERAGE_IN_TIGHT_CROP, INPUT_SIZE, LandmarkNetwork, box_of, crop_landmarks, cut_squares

#: The astronaut's eyes, nose tip and mouth corners, marked by hand.
FACE = np.array([[207, 110], [246, 109], [229, 130], [209, 146], [246, 146]], np.float32)
EYES = float(np.hypot(*(FACE[1] - FACE[0])))


@pytest.fixture(scope="module")
def network() -> LandmarkNetwork:
    return LandmarkNetwork()


def _error(points: np.ndarray, shift: tuple[float, float] = (0, 0)) -> float:
    return float(np.hypot(*(points + shift - FACE).T).mean() / EYES)


@pytest.mark.parametrize("shift", [-0.15, 0.0, 0.15])
@pytest.mark.parametrize("scale", [0.8, 1.0, 1.3])
def test_finds_a_face_in_a_rough_box(network: LandmarkNetwork, shift: float, scale: float) -> None:
    box = box_of(FACE)
    side = box.w * scale
    rough = Box(box.x + shift * box.w + (box.w - side) / 2, box.y + (box.h - side) / 2, side, side)
    points, presence = network(astronaut(), [rough], passes=2)
    assert _error(points[0]) < 0.25
    assert presence[0] > 0.5


def test_says_where_no_face_is(network: LandmarkNetwork) -> None:
    _, presence = network(astronaut(), [Box(20, 330, 120, 120), Box(330, 60, 120, 120)])
    assert (presence < 0.5).all()


def test_no_boxes_no_points(network: LandmarkNetwork) -> None:
    points, presence = network(astronaut(), [])
    assert points.shape == (0, 5, 2)
    assert presence.shape == (0,)


@pytest.mark.parametrize("around", [45, 60, 100])
def test_crops_of_any_looseness(network: LandmarkNetwork, around: int) -> None:
    x, y = 228 - around, 128 - around
    crop = astronaut()[y : y + 2 * around, x : x + 2 * around]
    assert _error(crop_landmarks(crop, network), (x, y)) < 0.25


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (2, 40), (48, 48)])
def test_crops_never_fail(network: LandmarkNetwork, shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), 90, np.uint8)
    points = crop_landmarks(picture, network)
    assert np.isfinite(points).all()
    assert align(picture, points).shape == (112, 112, 3)


def test_a_faceless_crop_gets_the_average_place(network: LandmarkNetwork) -> None:
    points = crop_landmarks(np.full((100, 100, 3), 90, np.uint8), network)
    np.testing.assert_allclose((points + 0.5) / 100, AVERAGE_IN_TIGHT_CROP, atol=1e-5)


def test_box_of_is_the_aligned_crop_with_context() -> None:
    box = box_of(TEMPLATE * 112 - 0.5)
    assert (box.w, box.h) == pytest.approx((140, 140), abs=1e-3)
    assert box.x + box.w / 2 == pytest.approx(56, abs=0.01)
    matrix = crop_matrix(FACE)
    np.testing.assert_allclose(FACE @ matrix[:, :2].T + matrix[:, 2], TEMPLATE * 112 - 0.5, atol=6)


def test_squares_keep_places_at_every_scale() -> None:
    picture = np.zeros((900, 900, 3), np.uint8)
    picture[:, 450:] = 255
    for side in (64, 200, 800):
        square = cut_squares(picture, [Box(450 - side / 2, 450 - side / 2, side, side)])[0]
        assert square.shape == (INPUT_SIZE, INPUT_SIZE, 3)
        assert square[:, : INPUT_SIZE // 2 - 2].max() == 0
        assert square[:, INPUT_SIZE // 2 + 2 :].min() == 255


def test_other_weights_are_refused(tmp_path, network: LandmarkNetwork) -> None:
    (tmp_path / "landmarks.onnx").write_bytes(b"something else")
    (tmp_path / "landmarks.json").write_text('{"sha256": "00"}')
    with pytest.raises(ChecksumError, match="expected 00"):
        LandmarkNetwork(tmp_path)
