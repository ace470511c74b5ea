"""fbn's face detector: one small network that predicts boxes, five landmarks and in-plane rotation."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort

from fbn.errors import ChecksumError
from fbn.faces.geometry import Box, Detection
from fbn.resources import shipped

#: Strides in pixels of the network's three output maps.
STRIDES = (8, 16, 32)
#: Channels of a map: score, box (4), landmarks (10), cosine and sine of the rotation.
CHANNELS = 17
#: Threshold of non-maximum suppression.
_MAX_OVERLAP = 0.4


def cell_centres(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return centres [P, 2] and strides [P] of all cells, for a picture whose sides are multiples of 32.

    Coordinates start at the edge of the picture: the centre of the first pixel is at 0.5.
    """
    centres, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride]
        centres.append((np.stack([x.ravel(), y.ravel()], 1) + 0.5) * stride)
        strides.append(np.full(x.size, stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)


def read_maps(maps: np.ndarray, height: int, width: int, threshold: float) -> list[Detection]:
    """Decode the output maps of one picture to faces, highest score first.

    Args:
        maps: [CHANNELS, P] outputs of all cells, in the order of ``cell_centres``.
        height, width: height and width of the picture, multiples of 32.
        threshold: least score of a face, in (0, 1).
    """
    likely = np.flatnonzero(maps[0] > np.log(threshold / (1 - threshold)))
    if not len(likely):
        return []
    centres, strides = (values[likely] for values in cell_centres(height, width))
    raw = maps[:, likely].T
    score = 1 / (1 + np.exp(-raw[:, 0]))
    extent = np.exp(np.minimum(raw[:, 1:5], 6)) * strides[:, None]
    low, high = centres - extent[:, :2], centres + extent[:, 2:]
    points = raw[:, 5:15].reshape(-1, 5, 2) * strides[:, None, None] + centres[:, None]
    boxes = np.concatenate([low, high - low], 1)
    degrees = np.degrees(np.arctan2(raw[:, 16], raw[:, 15]))
    selected = cv2.dnn.NMSBoxes(boxes.tolist(), score.tolist(), threshold, _MAX_OVERLAP)
    return [
        Detection(Box(*map(float, boxes[i])), float(score[i]), (points[i] - 0.5).astype(np.float32), float(degrees[i]))
        for i in np.asarray(selected, int).ravel()
    ]


class DetectionNetwork:
    """The shipped detector in onnxruntime, at one scale.

    Args:
        folder: with ``detector.onnx`` and ``detector.json``; None: the shipped one.
        threshold: least score of a face; None: that of ``detector.json``.

    Raises:
        ChecksumError: the weights are not those their json names.
    """

    def __init__(self, folder: Path | None = None, threshold: float | None = None) -> None:
        folder = folder or shipped("assets/detector")
        self._session, record = open_network(folder / "detector.onnx")
        #: Identifies the weights.
        self.sha256: str = record["sha256"]
        #: Least score of a face.
        self.threshold: float = record["threshold"] if threshold is None else threshold

    def __call__(self, image: np.ndarray) -> list[Detection]:
        """Detect faces of about 10 pixels and more.

        Args:
            image: [H, W, 3] uint8 RGB; long sides up to 640 are fast, and faces up to 400 pixels are found.

        Returns:
            The faces, highest score first, in pixels of ``image``, with landmarks and roll.
        """
        return find_faces(image, lambda images: self._session.run(None, {"images": images})[0], self.threshold)


def find_faces(image: np.ndarray, network: Callable[[np.ndarray], np.ndarray], threshold: float) -> list[Detection]:
    """Detect faces in one picture, as ``DetectionNetwork``; ``network``: [1, 3, H, W] -> [1, CHANNELS, P]."""
    height, width = image.shape[:2]
    down, right = -height % 32, -width % 32
    if down or right:
        image = cv2.copyMakeBorder(image, 0, down, 0, right, cv2.BORDER_CONSTANT)
    return read_maps(network(to_input(image))[0], height + down, width + right, threshold)


def to_input(image: np.ndarray) -> np.ndarray:
    """Convert [H, W, 3] uint8 RGB to the network's [1, 3, H, W] float32 in [-1, 1]."""
    return np.asarray(cv2.dnn.blobFromImage(image, 1 / 127.5, mean=(127.5, 127.5, 127.5)))


def open_network(path: Path) -> tuple[ort.InferenceSession, dict[str, Any]]:
    """Open a network on one thread; return it with the contents of the JSON file beside it, which has its sha256.

    Raises:
        ChecksumError: the file is not the one that the JSON file names.
    """
    weights, record = path.read_bytes(), json.loads(path.with_suffix(".json").read_text())
    if (found := hashlib.sha256(weights).hexdigest()) != record["sha256"]:
        raise ChecksumError(f"{path}: sha256 is {found}, expected {record['sha256']}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(weights, options, providers=["CPUExecutionProvider"]), record
