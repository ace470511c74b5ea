"""Comparison of face detectors in one run: recall, false detections and milliseconds."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from skimage.data import astronaut

from fbn.faces.detect import CascadeDetector, YuNetDetector
from fbn.faces.detection_network import DetectionNetwork
from fbn.faces.geometry import Detection
from fbn.faces.landmarks import PRESENT, default_network
from fbn.training.detector.labels import labelled
from fbn.training.detector.measure import Find, Scores, score, turned
from fbn.training.detector.pictures import Part


def detectors(
    data: Path, yunet: Path, folder: Path | None = None, part: Part = "valid", side: int = 640, max_count: int = 100_000
) -> dict[str, Any]:
    """Evaluate the cascade, YuNet and fbn's network, each at one scale and its default threshold.

    Args:
        data: folder of the data sets.
        yunet: YuNet's file; YuNet also labels ExpW if it is not labelled yet.
        folder: folder of fbn's network; the shipped one by default.
        part: split of ExpW's pictures.
        side: length of the longer side that pictures are resized to.
        max_count: maximal number of pictures of ExpW.

    Returns:
        By detector, and for fbn's network by threshold: recall of ExpW's labelled faces, low and high of its 95 %
        interval over faces, false detections per picture by kind of picture. By detector: results on rotated pictures
        (``turned``), ms (median, one thread, 640x480), ms_against_yunet (median ratio of interleaved calls).
    """
    cv2.setNumThreads(1)
    labels = labelled(data, yunet)
    network = DetectionNetwork(folder)
    all_scores = DetectionNetwork(folder, threshold=0.1)
    cascade, other = CascadeDetector(), YuNetDetector(yunet)
    finds: dict[str, Find] = {"cascade": cascade._find, "yunet": other._find, "fbn": network}
    scores = {
        name: score(find, labels, part, side, max_count, min(max_count, 300))
        for name, find in (("cascade", rated(cascade._find)), ("yunet", other._find), ("fbn", all_scores))
    }
    figures = {
        "cascade": _figures(scores["cascade"], 0.0),
        "cascade, face-like landmarks only": _figures(scores["cascade"], PRESENT),
        "yunet": _figures(scores["yunet"], 0.0),
        "fbn": _figures(scores["fbn"], network.threshold),
        "fbn, by threshold": {
            f"{threshold:.2f}": _figures(scores["fbn"], threshold) for threshold in np.arange(0.2, 0.65, 0.05)
        },
    }
    for name, find in finds.items():
        figures[name]["turned"] = turned(find, labels, part, side, min(max_count, 150))
    times = _times(finds)
    for name, seconds in times.items():
        figures[name]["ms"] = 1000 * float(np.median(seconds))
        figures[name]["ms_against_yunet"] = float(np.median(seconds / times["yunet"]))
    return figures


def _figures(scores: Scores, threshold: float) -> dict[str, Any]:
    """Return recall with its bootstrap interval over faces, and false detections, at one threshold."""
    recall = scores.recall(threshold)
    resampled = np.random.default_rng(0).binomial(len(scores.faces), recall, 10_000) / len(scores.faces)
    low, high = np.quantile(resampled, [0.025, 0.975])
    false = scores.false_alarms(threshold)
    return {
        "faces": len(scores.faces),
        "recall": recall,
        "low": float(low),
        "high": float(high),
        "false_a_picture": false,
    }


def rated(find: Find) -> Find:
    """Wrap a detector so that a box's score is the landmark network's presence score, which tracking uses."""
    landmarks = default_network()

    def rate(image: np.ndarray) -> list[Detection]:
        faces = find(image)
        _, presence = landmarks(image, [face.box for face in faces], passes=2)
        # positive, so that every box counts as detected at threshold 0
        return [replace(face, score=max(float(score), 1e-6)) for face, score in zip(faces, presence, strict=True)]

    return rate


def _times(finds: dict[str, Find], rounds: int = 40) -> dict[str, np.ndarray]:
    """Return the seconds of each interleaved round of each detector, on a picture of 640x480 with one face."""
    image = cv2.resize(astronaut()[:384], (640, 480), interpolation=cv2.INTER_AREA)
    times: dict[str, list[float]] = {name: [] for name in finds}
    for number in range(rounds + 3):
        for name, find in finds.items():
            start = time.perf_counter()
            find(image)
            if number >= 3:
                times[name].append(time.perf_counter() - start)
    return {name: np.array(seconds) for name, seconds in times.items()}
