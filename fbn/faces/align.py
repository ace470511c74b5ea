"""Face alignment: ``align`` makes every crop, for training and for inference."""

import cv2
import numpy as np

from fbn.faces.arrays import as_rgb

#: Positions of the five landmarks in a crop, as fractions of its side. Compared with the usual recognition crop they
#: leave room for brows and chin, which show AU1, 2, 17 and 26, also with a dropped jaw.
TEMPLATE = np.array([[0.34, 0.36], [0.66, 0.36], [0.50, 0.543], [0.367, 0.73], [0.633, 0.73]], dtype=np.float32)


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Fit a similarity transform (rotation, uniform scale, translation) by least squares (Umeyama 1991).

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
    # rotation and scale in 2D are a complex factor: least squares has a closed form without reflections
    a = (s * t).sum() / spread
    b = (s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum() / spread
    matrix = np.array([[a, -b], [b, a]])
    return np.hstack([matrix, (mean_t - matrix @ mean_s)[:, None]])


def crop_matrix(landmarks: np.ndarray, size: int = 112, margin: int = 0) -> np.ndarray:
    """Compute the [2, 3] matrix that maps frame pixels to pixels of the crop of ``align``."""
    if landmarks.shape != TEMPLATE.shape:
        raise ValueError(f"landmarks of shape {list(landmarks.shape)}: expected [5, 2]")
    # pixel centres are at integers, so a fraction s of the side is s * size - 0.5
    return similarity(landmarks, TEMPLATE * size - 0.5 + margin)


def align(image: np.ndarray, landmarks: np.ndarray, size: int = 112, margin: int = 0) -> np.ndarray:
    """Crop a face, rotated upright, at a fixed position and scale.

    Args:
        image: [H, W, 3] uint8 RGB, or another picture that ``as_rgb`` accepts.
        landmarks: [5, 2] pixels in ``LANDMARK_NAMES`` order.
        size: side of the crop in pixels.
        margin: pixels of context around the crop (for random translations and scales in training).

    Returns:
        [size + 2 margin, size + 2 margin, 3] uint8 RGB; edge pixels are repeated outside the frame.

    Raises:
        ValueError: landmarks that are not finite, coincide, or have another shape.
        PictureError: not a picture.
    """
    image, landmarks = as_rgb(image), np.asarray(landmarks)
    matrix = crop_matrix(landmarks, size, margin)
    side = size + 2 * margin
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.5:
        # a much larger face would alias under bilinear sampling: downscale the picture first
        shrink = 2 * scale
        shape = [max(1, round(length * shrink)) for length in image.shape[1::-1]]
        image = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
        shift = (0.5 * shrink - 0.5, 0.5 * shrink - 0.5)
        matrix = crop_matrix(landmarks * shrink + np.array(shift, np.float32), size, margin)
    return cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
