"""Face detectors: fbn's network, OpenCV's cascade, and YuNet if its file is available."""

import hashlib
import os
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from fbn.errors import ChecksumError, FbnError, MissingFileError
from fbn.faces.detection_network import DetectionNetwork
from fbn.faces.geometry import Box, Detection
from fbn.resources import cache_folder, whole_file

YUNET_FILE = "face_detection_yunet_2026may.onnx"
YUNET_SHA256 = "ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0"
YUNET_URL = f"https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/face_detection_yunet/{YUNET_FILE}"
#: Long sides in pixels of the scaled copies that are searched: most faces are found in the small one.
SCALES = (320, 1280)
#: Side in pixels of the smallest face that a thorough search of a large picture must find, and its side in the copy.
SMALLEST_FACE, _SHRUNK_TO = 40, 28
#: Long side of the smallest copy, which is searched first, and its border on each side as a fraction of that: a face
#: that fills the picture is found only with a border.
_WITH_BORDER, _BORDER = 160, 0.3
#: Shorter side in pixels of the smallest copy that is searched.
_SMALLEST = 16


class Detector(Protocol):
    """Detects faces in one picture."""

    def __call__(self, image: np.ndarray, thorough: bool = False) -> list[Detection]:
        """Detect faces.

        Args:
            image: [H, W, 3] uint8 RGB.
            thorough: search every scale; otherwise stop at the first scale with a face.

        Returns:
            The faces, highest score first, in pixels of ``image``.
        """
        ...


class _ScaledDetector(ABC):
    """Searches small copies first, then larger ones; subclasses detect faces at one scale."""

    def __call__(self, image: np.ndarray, thorough: bool = False) -> list[Detection]:
        """Detect faces; see ``Detector``."""
        height, width = image.shape[:2]
        found: list[Detection] = []
        for factor, border in _copies(max(height, width), thorough):
            if min(height, width) * factor < _SMALLEST:
                continue  # too small for a face: the detectors return false positives
            small = image
            if factor < 1:
                small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            if border:
                small = cv2.copyMakeBorder(small, border, border, border, border, cv2.BORDER_REPLICATE)
            for face in self._find(small):
                face = _in_picture(face, 1 / factor, border)
                if 0 <= face.box.x + face.box.w / 2 < width and 0 <= face.box.y + face.box.h / 2 < height:
                    found.append(face)
            if found and not thorough and not border:
                break
        distinct: list[Detection] = []
        for face in sorted(found, key=lambda face: -face.score):
            if all(face.box.overlap(other.box) < 0.4 for other in distinct):
                distinct.append(face)
        return distinct

    @abstractmethod
    def _find(self, image: np.ndarray) -> list[Detection]:
        """Detect faces at one scale."""


class NetworkDetector(_ScaledDetector):
    """fbn's network: box, five landmarks and roll, also of rotated and partly occluded faces.

    Args:
        network: detects faces at one scale; None: the shipped network.
    """

    def __init__(self, network: DetectionNetwork | None = None) -> None:
        self._network = network or DetectionNetwork()

    def _find(self, image: np.ndarray) -> list[Detection]:
        return self._network(image)


class CascadeDetector(_ScaledDetector):
    """OpenCV's Haar cascade "alt2" (Viola & Jones 2001; Lienhart 2003): box only, frontal faces."""

    def __init__(self) -> None:
        """Load the cascade from OpenCV's data folder."""
        folder = cv2.data.haarcascades  # type: ignore[attr-defined]
        self._cascade = cv2.CascadeClassifier(folder + "haarcascade_frontalface_alt2.xml")

    def _find(self, image: np.ndarray) -> list[Detection]:
        # no histogram equalisation: the cascade normalises each window
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        boxes, hits = self._cascade.detectMultiScale2(gray, scaleFactor=1.15, minNeighbors=3, minSize=(24, 24))
        # the cascade gives no score: derive one from the number of neighbouring detections
        return [Detection(Box(*map(float, box)), n / (n + 5)) for box, n in zip(boxes, map(float, hits), strict=True)]


class YuNetDetector(_ScaledDetector):
    """YuNet (Wu, Peng & Yu 2023): box and five landmarks, also of rotated and partly occluded faces."""

    def __init__(self, file: Path | None = None, threshold: float = 0.6) -> None:
        """Load the network.

        Args:
            file: the ONNX file; None: that of ``yunet_file``.
            threshold: least score of a face, in [0, 1].

        Raises:
            MissingFileError: there is no file.
            FbnError: OpenCV cannot read it.
        """
        file = file or yunet_file()
        if file is None:
            raise MissingFileError(f"{YUNET_FILE} is not here: `fbn detector fetch`, or set FBN_YUNET to its path")
        try:
            self._network = cv2.FaceDetectorYN.create(str(file), "", (320, 320), threshold)
        except cv2.error as error:
            raise FbnError(f"{file}: not a YuNet file that OpenCV {cv2.__version__} reads") from error

    def _find(self, image: np.ndarray) -> list[Detection]:
        self._network.setInputSize((image.shape[1], image.shape[0]))
        _, rows = self._network.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        # a row: box, five points (left in the picture first), score
        return [
            Detection(Box(*map(float, row[:4])), float(row[14]), row[4:14].reshape(5, 2).astype(np.float32))
            for row in (rows if rows is not None else ())
        ]


def _copies(side: int, thorough: bool) -> list[tuple[float, int]]:
    """Return scale factor and border in pixels of each copy to search, smallest first, from the long side."""
    factors = {min(1.0, scale / side) for scale in SCALES}
    if thorough:
        factors.add(min(1.0, max(_SHRUNK_TO / SMALLEST_FACE, max(SCALES) / side)))
    smallest = min(1.0, _WITH_BORDER / side)
    return [(smallest, round(_BORDER * smallest * side)), *((factor, 0) for factor in sorted(factors))]


def _in_picture(face: Detection, factor: float, border: int) -> Detection:
    x, y = (face.box.x - border) * factor, (face.box.y - border) * factor
    box = Box(x, y, face.box.w * factor, face.box.h * factor)
    points = None if face.landmarks is None else (face.landmarks - np.float32(border)) * np.float32(factor)
    return Detection(box, face.score, points, face.roll)


def yunet_file() -> Path | None:
    """Return the path of YuNet's file: ``FBN_YUNET``, else in the cache folder; None if it does not exist.

    Raises:
        MissingFileError: the file of ``FBN_YUNET`` does not exist.
    """
    if named := os.environ.get("FBN_YUNET"):
        if not Path(named).is_file():
            raise MissingFileError(f"FBN_YUNET names {named}, which is not a file")
        return Path(named)
    cached = cache_folder("detectors") / YUNET_FILE
    return cached if os.path.isfile(cached) else None  # Path.is_file raises in an inaccessible folder


def fetch_yunet(url: str = YUNET_URL) -> Path:
    """Download YuNet's file from OpenCV's model zoo to the cache folder, unless it exists.

    Returns:
        Path of the file.

    Raises:
        MissingFileError: the download failed.
        ChecksumError: the file has another checksum than expected.
    """
    if (file := yunet_file()) is not None:
        return file
    file = cache_folder("detectors") / YUNET_FILE
    try:
        with urllib.request.urlopen(url, timeout=30) as reply:
            content = reply.read()
    except OSError as error:
        raise MissingFileError(
            f"{url} cannot be fetched ({error}): put the file at {file} by hand, or set FBN_YUNET to its path"
        ) from error
    if (found := hashlib.sha256(content).hexdigest()) != YUNET_SHA256:
        raise ChecksumError(f"{url}: sha256 {found}, expected {YUNET_SHA256}")
    with whole_file(file) as unfinished:
        unfinished.write_bytes(content)
    return file


#: Detectors by name.
DETECTORS: dict[str, Callable[[], Detector]] = {
    "fbn": NetworkDetector,
    "yunet": YuNetDetector,
    "cascade": CascadeDetector,
}


def make_detector(name: str = "auto") -> Detector:
    """Construct a detector by name; ``auto`` is YuNet if its file exists, else ``fbn``. Does not download anything.

    Raises:
        ValueError: an unknown name.
        MissingFileError: ``name`` is ``yunet`` and its file does not exist.
    """
    if name == "auto":
        name = "yunet" if yunet_file() else "fbn"
    if name not in DETECTORS:
        raise ValueError(f"unknown detector {name!r}: expected auto, {', '.join(DETECTORS)}")
    return DETECTORS[name]()
