"""Detectors side by side: faces found, false ones where there are none, milliseconds, all in one run."""

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from skimage.data import astronaut

from fbn.faces.detect import CascadeDetector, YuNetDetector
from fbn.faces.detection_network import DetectionNetwork
from fbn.faces.landmarks import PRESENT, box_of, default_network
from fbn.training.detector.labels import labelled
from fbn.training.detector.measure import Find, score, turned
from fbn.training.detector.pictures import Labelled, Part

#: Name, detector, least score of a face.
Contestant = tuple[str, Find, float]


def detectors(
    data: Path, yunet: Path, folder: Path | None = None, part: Part = "test", side: int = 640, most: int = 100_000
) -> dict[str, Any]:
    """Measure the cascade, YuNet and our network, each at one scale and its own threshold.

    Args:
        data: folder of the data sets.
        yunet: YuNet's file; it also labels ExpW where that was not done yet.
        folder: of our network; the shipped one by default.
        part: of ExpW's pictures, split by name.
        side: long side that pictures are resized to.
        most: pictures of ExpW.

    Returns:
        By detector: recall of ExpW's labelled faces, its 95 % interval over faces, false faces a picture by kind of
        picture, what becomes of turned pictures (see ``turned``), ms (median, one thread, 640x480), and
        ms_against_yunet (median ratio of pairs timed in turn).
    """
    cv2.setNumThreads(1)
    labels = labelled(data, yunet)
    network = DetectionNetwork(folder)
    own = DetectionNetwork(folder, threshold=0.05)
    cascade, other = CascadeDetector(), YuNetDetector(yunet)
    contestants: list[Contestant] = [
        ("cascade", cascade._find, 0.0),
        ("cascade, face-like landmarks only", face_like(cascade._find), 0.0),
        ("yunet", other._find, 0.6),
        ("fbn", own, network.threshold),
    ]
    figures = {name: _figures(find, least, labels, part, side, most) for name, find, least in contestants}
    for name, find in (("cascade", cascade._find), ("yunet", other._find), ("fbn", network)):
        figures[name]["turned"] = turned(find, labels, part, side, min(most, 300))
    spent = _times({"cascade": cascade._find, "yunet": other._find, "fbn": network})
    for name, seconds in spent.items():
        figures[name]["ms"] = 1000 * float(np.median(seconds))
        figures[name]["ms_against_yunet"] = float(np.median(seconds / spent["yunet"]))
    return figures


def _figures(find: Find, least: float, labels: Labelled, part: Part, side: int, most: int) -> dict[str, Any]:
    scores = score(find, labels, part, side, most)
    found = scores.faces >= max(least, 1e-9)
    drawn = np.random.default_rng(0).binomial(len(found), found.mean(), 10_000) / len(found)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {
        "faces": len(found),
        "recall": scores.recall(least),
        "low": float(low),
        "high": float(high),
        "false_a_picture": scores.false_alarms(least),
    }


def face_like(find: Find) -> Find:
    """A detector whose answers the landmark network must see a face in, as tracking asks of every box."""
    landmarks = default_network()

    def believed(image: np.ndarray) -> list[Any]:
        faces = find(image)
        boxes = [face.box if face.landmarks is None else box_of(face.landmarks) for face in faces]
        _, presence = landmarks(image, boxes, passes=2)
        return [face for face, present in zip(faces, presence, strict=True) if present >= PRESENT]

    return believed


def _times(finds: dict[str, Find], rounds: int = 40) -> dict[str, np.ndarray]:
    """Seconds of each round of each detector, in turn, on a picture of 640x480 with one face."""
    image = cv2.resize(astronaut()[:384], (640, 480), interpolation=cv2.INTER_AREA)
    spent: dict[str, list[float]] = {name: [] for name in finds}
    for number in range(rounds + 3):
        for name, find in finds.items():
            start = time.perf_counter()
            find(image)
            if number >= 3:
                spent[name].append(time.perf_counter() - start)
    return {name: np.array(seconds) for name, seconds in spent.items()}
