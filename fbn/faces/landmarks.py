"""Prediction of five landmarks and of the presence of a face, by a small network of fbn.

Its input is an upright square around a face. It refines the box of a detector, tracks a face from its last landmarks,
and finds the face in a face crop. It is trained by ``fbn.training.landmarks``.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from fbn.faces.align import align, crop_matrix
from fbn.faces.arrays import as_rgb
from fbn.faces.detection_network import open_network
from fbn.faces.geometry import Box
from fbn.resources import shipped

#: Side in pixels of the network's input.
INPUT_SIZE = 64
#: Side of the square relative to the aligned crop, so that a face that moved is still inside.
_CONTEXT = 1.25
#: Least presence of a face with valid landmarks.
PRESENT = 0.5
#: Side in pixels of the crop of ``appearance``.
_COARSE = 16


class LandmarkFinder(Protocol):
    """Predicts five landmarks inside given boxes."""

    def __call__(self, image: np.ndarray, boxes: Sequence[Box], passes: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Return [n, 5, 2] float32 points in pixels of ``image``, and [n] float32 presence of a face in [0, 1]."""
        ...


def box_of(points: np.ndarray) -> Box:
    """Compute the upright square around a face, the input region of the network, from its five landmarks.

    Args:
        points: [5, 2] pixels in ``LANDMARK_NAMES`` order.

    Raises:
        ValueError: points that are not finite or coincide.
    """
    matrix = crop_matrix(points, size=1)
    a, b = matrix[0, 0], matrix[1, 0]
    side = _CONTEXT / float(np.hypot(a, b))
    # the crop's centre; box coordinates start at a pixel's edge, points at its centre
    x, y = np.linalg.solve(matrix[:, :2], -matrix[:, 2]) + 0.5
    return Box(float(x) - side / 2, float(y) - side / 2, side, side)


def cut_squares(image: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
    """Crop a square around the centre of each box and resize it: [n, INPUT_SIZE, INPUT_SIZE, 3] uint8."""
    squares = np.empty((len(boxes), INPUT_SIZE, INPUT_SIZE, 3), np.uint8)
    for i, box in enumerate(boxes):
        side = max(box.w, box.h, 1e-3)
        scale = INPUT_SIZE / side
        x, y = box.x + (box.w - side) / 2, box.y + (box.h - side) / 2
        squares[i] = _cut(image, x, y, side, scale)
    return squares


def _cut(image: np.ndarray, x: float, y: float, side: float, scale: float) -> np.ndarray:
    if scale < 0.5:
        # downscale the visible region before sampling: a large face would alias
        height, width = image.shape[:2]
        left, top = int(np.clip(x, 0, width - 1)), int(np.clip(y, 0, height - 1))
        part = image[top : max(top + 1, int(y + side) + 1), left : max(left + 1, int(x + side) + 1)]
        shape = [max(1, round(length * 2 * scale)) for length in part.shape[1::-1]]
        small = cv2.resize(part, shape, interpolation=cv2.INTER_AREA)
        image, x, y, scale = small, (x - left) * 2 * scale, (y - top) * 2 * scale, 0.5
    matrix = np.array([[scale, 0, (0.5 - x) * scale - 0.5], [0, scale, (0.5 - y) * scale - 0.5]])
    return cv2.warpAffine(
        image, matrix, (INPUT_SIZE, INPUT_SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def to_input(squares: np.ndarray) -> np.ndarray:
    """Convert [n, S, S, 3] uint8 RGB to the network's [n, 3, S, S] float32 in [-1, 1]."""
    return np.ascontiguousarray(squares.transpose(0, 3, 1, 2), dtype=np.float32) / 127.5 - 1


class LandmarkNetwork:
    """The shipped landmark network in onnxruntime.

    Args:
        folder: with ``landmarks.onnx`` and ``landmarks.json``; None: the shipped one.

    Raises:
        ChecksumError: the weights have another checksum than in ``landmarks.json``.
    """

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or shipped("assets/landmarks")
        self._session, record = open_network(folder / "landmarks.onnx")
        #: Identifies the weights, and thereby the crops of this network.
        self.sha256: str = record["sha256"]

    def __call__(self, image: np.ndarray, boxes: Sequence[Box], passes: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Predict five landmarks in each box.

        Args:
            image: [H, W, 3] uint8 RGB, or another picture that ``as_rgb`` accepts.
            boxes: n upright boxes, approximately those of ``box_of``.
            passes: number of passes; each further one uses the box around the previous points (2 for the box of a
                detector, 1 for a tracked face).

        Returns:
            points [n, 5, 2] float32 in frame pixels; presence [n] float32 in [0, 1].
        """
        image = as_rgb(image)
        points = np.zeros((0, 5, 2), np.float32)
        presence = np.zeros(0, np.float32)
        for index in range(passes if boxes else 0):
            if index:
                boxes = [_refined(box, point) for box, point in zip(boxes, points, strict=True)]
            relative, logit = self._session.run(None, {"squares": to_input(cut_squares(image, boxes))})
            sides = np.array([max(box.w, box.h) for box in boxes], np.float32)
            centres = np.array([[box.x + box.w / 2, box.y + box.h / 2] for box in boxes], np.float32)
            points = relative * sides[:, None, None] + centres[:, None] - 0.5
            presence = 1 / (1 + np.exp(-logit))
        return points.astype(np.float32), presence.astype(np.float32)


def asymmetry(network: LandmarkFinder, image: np.ndarray, box: Box) -> float:
    """Measure how much the landmarks differ in the mirrored picture: little only for an upright face.

    Neither presence nor the shape of the landmarks distinguishes upright faces from rotated ones, because the network
    always predicts an upright face. For a face upside down its predictions for the picture and its mirror image
    disagree.

    Args:
        network: the landmark network.
        image: [H, W, 3] uint8 RGB.
        box: around the face, as in ``box_of``.

    Returns:
        Mean distance of the two predictions as a fraction of the box's side.
    """
    square = cut_squares(image, [box])[0]
    whole = [Box(0, 0, INPUT_SIZE, INPUT_SIZE)]
    points, _ = network(square, whole)
    mirrored, _ = network(np.ascontiguousarray(square[:, ::-1]), whole)
    back = mirrored[0][[1, 0, 2, 4, 3]] * np.array([-1, 1], np.float32) + np.array([INPUT_SIZE - 1, 0], np.float32)
    return float(np.linalg.norm(points[0] - back, axis=1).mean() / INPUT_SIZE)


def appearance(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Compute a descriptor [256] float32: the aligned, downscaled face, normalised to zero mean and unit norm.

    The dot product of two descriptors is their correlation. It is all zeros for a face with almost no contrast.
    """
    box = box_of(points)
    square = cut_squares(image, [box])[0]
    inside = (points - (box.x, box.y) + 0.5) * (INPUT_SIZE / box.w) - 0.5
    coarse = cv2.cvtColor(align(square, inside, _COARSE), cv2.COLOR_RGB2GRAY).astype(np.float32).ravel()
    coarse -= coarse.mean()
    spread = float(coarse.std())
    return coarse / (spread * _COARSE) if spread > 2 else np.zeros_like(coarse)


def _refined(box: Box, points: np.ndarray) -> Box:
    try:
        return box_of(points)
    except ValueError:
        return box


@cache
def default_network() -> LandmarkNetwork:
    """Return the shipped network, which is loaded once per process."""
    return LandmarkNetwork()


def crop_landmarks(image: np.ndarray, network: LandmarkNetwork | None = None) -> np.ndarray:
    """Predict the landmarks of a face crop of any tightness. Does not fail on any picture.

    If no face is found, the result is the average position of the landmarks in tight crops.

    Args:
        image: [H, W, 3] uint8 RGB, or another picture that ``as_rgb`` accepts.
        network: None: the shipped one.

    Returns:
        [5, 2] float32 pixels.
    """
    image = as_rgb(image)
    found = face_in_crop(image, network)
    return _average_crop(image.shape[1], image.shape[0]) if found is None else found


def box_landmarks(image: np.ndarray, box: Box, network: LandmarkNetwork | None = None) -> np.ndarray:
    """Predict the landmarks of the face in the box of a detector or label file. Does not fail on any picture.

    If no face is found, the result is the average position of the landmarks in tight crops.

    Args:
        image: [H, W, 3] uint8 RGB.
        box: bounding box of the face.
        network: None: the shipped one.

    Returns:
        [5, 2] float32 pixels.
    """
    # two passes, as for a detected face
    (points,), (presence,) = (network or default_network())(image, [box], passes=2)
    if presence >= PRESENT and np.isfinite(points).all() and np.ptp(points, axis=0).max() >= 1:
        return points
    return _average_crop(box.w, box.h) + np.array([box.x, box.y], np.float32)


def face_in_crop(image: np.ndarray, network: LandmarkNetwork | None = None) -> np.ndarray | None:
    """Predict the landmarks of a face that fills a picture, or None; arguments as in ``crop_landmarks``.

    The whole picture and central squares of it are tried; the result is that of the highest presence.
    """
    image, network = as_rgb(image), network or default_network()
    height, width = image.shape[:2]
    boxes = []
    for scale in (1.25, 0.95, 0.7):
        side = scale * min(height, width) if scale < 1 else scale * max(height, width)
        boxes.append(Box((width - side) / 2, (height - side) / 2, side, side))
    points, presence = network(image, boxes, passes=3)
    best = int(presence.argmax())
    return points[best] if presence[best] >= PRESENT and np.isfinite(points[best]).all() else None


def _average_crop(width: float, height: float) -> np.ndarray:
    """Return the average landmarks of tight crops (measured on FER2013Train), scaled to this picture."""
    side = min(width, height)
    relative = np.array(AVERAGE_IN_TIGHT_CROP, np.float32)
    return relative * side + np.array([(width - side) / 2, (height - side) / 2], np.float32) - 0.5


#: Mean landmark positions in FER2013Train pictures, as fractions of the side; from ``fbn.training.landmarks``.
AVERAGE_IN_TIGHT_CROP = ((0.317, 0.382), (0.683, 0.382), (0.5, 0.589), (0.355, 0.771), (0.645, 0.771))
