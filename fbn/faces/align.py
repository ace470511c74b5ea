"""The one crop: every picture the network learns from or reads goes through ``align``."""

import cv2
import numpy as np

from fbn.faces.arrays import as_rgb

#: Where the five landmarks lie in a crop, as shares of its side. Placed higher than the usual recognition crop,
#: so that brows and chin, which carry AU1, 2, 17 and 26, stay inside even when the jaw drops.
TEMPLATE = np.array([[0.34, 0.36], [0.66, 0.36], [0.50, 0.543], [0.367, 0.73], [0.633, 0.73]], dtype=np.float32)


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least-squares rotation, uniform scale and shift that takes ``source`` to ``target`` (Umeyama 1991).

    Args:
        source: [n, 2] points, n >= 2.
        target: [n, 2] points.

    Returns:
        [2, 3] float64 matrix M, target ~ source @ M[:, :2].T + M[:, 2].

    Raises:
        ValueError: all source points coincide, or a coordinate is not finite.
    """
    source, target = source.astype(np.float64), target.astype(np.float64)
    if not (np.isfinite(source).all() and np.isfinite(target).all()):
        raise ValueError("landmarks must be finite")
    mean_s, mean_t = source.mean(0), target.mean(0)
    s, t = source - mean_s, target - mean_t
    spread = (s**2).sum()
    if spread < 1e-9:
        raise ValueError("landmarks coincide: no similarity is defined")
    # a 2D rotation and scale is a complex factor: least squares has a closed form, never a reflection
    a = (s * t).sum() / spread
    b = (s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum() / spread
    matrix = np.array([[a, -b], [b, a]])
    return np.hstack([matrix, (mean_t - matrix @ mean_s)[:, None]])


def crop_matrix(landmarks: np.ndarray, size: int = 112, margin: int = 0) -> np.ndarray:
    """[2, 3] matrix that takes frame pixels to pixels of the crop that ``align`` returns."""
    if landmarks.shape != TEMPLATE.shape:
        raise ValueError(f"landmarks of shape {list(landmarks.shape)}: expected [5, 2]")
    # pixel centres lie at integers, so a share s of the side is s * size - 0.5
    return similarity(landmarks, TEMPLATE * size - 0.5 + margin)


def align(image: np.ndarray, landmarks: np.ndarray, size: int = 112, margin: int = 0) -> np.ndarray:
    """Cut a face out upright, at a fixed place and scale.

    Args:
        image: [H, W, 3] uint8 RGB, or another picture that ``as_rgb`` takes.
        landmarks: [5, 2] pixels in ``LANDMARK_NAMES`` order.
        size: side of the crop in pixels.
        margin: pixels of context kept around the crop (training cuts its shifts and scales from it).

    Returns:
        [size + 2 margin, size + 2 margin, 3] uint8 RGB; what lies outside the frame repeats its edge.

    Raises:
        ValueError: landmarks that are not finite or coincide, or of another shape.
        PictureError: what is no picture.
    """
    image, landmarks = as_rgb(image), np.asarray(landmarks)
    matrix = crop_matrix(landmarks, size, margin)
    side = size + 2 * margin
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.5:
        # a far larger face would alias under bilinear sampling: shrink around it first
        shrink = 2 * scale
        shape = [max(1, round(length * shrink)) for length in image.shape[1::-1]]
        image = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
        shift = (0.5 * shrink - 0.5, 0.5 * shrink - 0.5)
        matrix = crop_matrix(landmarks * shrink + np.array(shift, np.float32), size, margin)
    return cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
