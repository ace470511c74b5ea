"""The face detector of our own: one small network that gives boxes, five landmarks and the turn in the plane."""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

from fbn.errors import ChecksumError
from fbn.faces.geometry import Box, Detection
from fbn.resources import shipped

#: Pixels between the cells of each of the network's three maps.
STRIDES = (8, 16, 32)
#: Channels of a map: score, box 4, landmarks 10, cosine and sine of the turn.
CHANNELS = 17
#: Boxes that overlap more than this show the same face.
_SAME = 0.4


def cell_centres(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Middles [P, 2] and strides [P] of all cells, for a picture whose sides are multiples of 32.

    Places are counted from the picture's edge: the middle of the first pixel lies at 0.5.
    """
    centres, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride]
        centres.append((np.stack([x.ravel(), y.ravel()], 1) + 0.5) * stride)
        strides.append(np.full(x.size, stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)


def read_maps(maps: np.ndarray, height: int, width: int, threshold: float) -> list[Detection]:
    """Faces from the network's answer for one picture, best first.

    Args:
        maps: [CHANNELS, P] of all cells, in ``cell_centres`` order.
        height: of the picture, a multiple of 32; width: likewise.
        threshold: least score of a face, in (0, 1).
    """
    likely = np.flatnonzero(maps[0] > np.log(threshold / (1 - threshold)))
    if not len(likely):
        return []
    centres, strides = (values[likely] for values in cell_centres(height, width))
    raw = maps[:, likely].T
    score = 1 / (1 + np.exp(-raw[:, 0]))
    reach = np.exp(np.minimum(raw[:, 1:5], 6)) * strides[:, None]
    low, high = centres - reach[:, :2], centres + reach[:, 2:]
    points = raw[:, 5:15].reshape(-1, 5, 2) * strides[:, None, None] + centres[:, None]
    boxes = np.concatenate([low, high - low], 1)
    degrees = np.degrees(np.arctan2(raw[:, 16], raw[:, 15]))
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), score.tolist(), threshold, _SAME)
    return [
        Detection(Box(*map(float, boxes[i])), float(score[i]), (points[i] - 0.5).astype(np.float32), float(degrees[i]))
        for i in np.asarray(kept, int).ravel()
    ]


class DetectionNetwork:
    """The shipped detector in onnxruntime, at one scale.

    Args:
        folder: holds ``detector.onnx`` and ``detector.json``; the shipped one by default.
        threshold: least score of a face; that of ``detector.json`` by default.
        threads: of onnxruntime.

    Raises:
        ChecksumError: the weights are not those their json names.
    """

    def __init__(self, folder: Path | None = None, threshold: float | None = None, threads: int = 1) -> None:
        folder = folder or shipped("assets/detector")
        weights = (folder / "detector.onnx").read_bytes()
        #: Identifies the weights.
        self.sha256 = hashlib.sha256(weights).hexdigest()
        record = json.loads((folder / "detector.json").read_text())
        if self.sha256 != record["sha256"]:
            raise ChecksumError(f"{folder / 'detector.onnx'}: sha256 is {self.sha256}, expected {record['sha256']}")
        #: Least score of a face.
        self.threshold = record["threshold"] if threshold is None else threshold
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(weights, options, providers=["CPUExecutionProvider"])

    def __call__(self, image: np.ndarray) -> list[Detection]:
        """Find the faces of about 10 pixels and more.

        Args:
            image: [H, W, 3] uint8 RGB; a long side up to 640 is searched fast, and faces up to 400 pixels are found.

        Returns:
            The faces, best first, in pixels of ``image``, with landmarks and roll.
        """
        height, width = image.shape[:2]
        down, right = -height % 32, -width % 32
        if down or right:
            image = cv2.copyMakeBorder(image, 0, down, 0, right, cv2.BORDER_CONSTANT)
        maps = self._session.run(None, {"images": to_input(image)})[0]
        return read_maps(maps[0], height + down, width + right, self.threshold)


def to_input(image: np.ndarray) -> np.ndarray:
    """[H, W, 3] uint8 RGB to the network's [1, 3, H, W] float32 in [-1, 1]."""
    return np.asarray(cv2.dnn.blobFromImage(image, 1 / 127.5, mean=(127.5, 127.5, 127.5)))
