"""A tiny corpus of drawn faces, in files, and a recipe that trains on it in seconds."""

from pathlib import Path

import cv2
import numpy as np

from fbn.data.corpus import Corpus
from fbn.records import Annotations, Sample
from fbn.training.recipe import Recipe, parse


def picture(mouth: float, shade: int) -> np.ndarray:
    """[48, 48, 3] uint8: a face whose mouth is curved by ``mouth`` in [-1, 1]."""
    canvas = np.full((48, 48, 3), shade, np.uint8)
    cv2.circle(canvas, (24, 24), 20, (200, 180, 170), -1)
    for x in (17, 31):
        cv2.circle(canvas, (x, 19), 2, (20, 20, 20), -1)
    bend = np.array([[15 + i, 34 - mouth * 5 * ((i - 9) / 9) ** 2] for i in range(19)])
    cv2.polylines(canvas, [bend.astype(np.int32)], False, (30, 20, 60), 2)
    return canvas


def corpus(root: Path, count: int = 12) -> Corpus:
    """Smiles and frowns under the names of three sets, with the labels that each of them has."""
    parts: dict[str, list[Sample]] = {"train": [], "valid": [], "test": []}
    for part, own in parts.items():
        for name in ("ferplus", "affectnet", "ckplus"):
            for i in range(count):
                happy = i % 2 == 0
                folder = f"cohn-kanade-images/S{i:03d}/001" if name == "ckplus" else name
                path = f"{part}/{folder}/{i:03d}.png" if name != "ckplus" else f"{folder}/{part}_{i:03d}.png"
                file = root / path
                file.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(file), picture(1.0 if happy else -1.0, 40 + 10 * i))
                va = (0.6 + 0.02 * i, 0.3) if happy else (-0.6, -0.2 - 0.02 * i)
                labels = {
                    "ferplus": Annotations.of("happiness" if happy else "sadness"),
                    "affectnet": Annotations.of("happiness" if happy else "sadness", valence_arousal=va),
                    "ckplus": Annotations.of(action_units={12: float(happy), 15: float(not happy), 25: 0.0}),
                }
                own.append(Sample(name, str(root), path, labels[name], part, subject=f"{i % 4}"))
        own.sort(key=lambda sample: ("ferplus", "affectnet", "ckplus").index(sample.dataset))
    return Corpus(("ferplus", "affectnet", "ckplus"), {part: tuple(own) for part, own in parts.items()})


def recipe(**changes: object) -> Recipe:
    """Small and exact: single precision, two epochs of three steps."""
    tiny = {
        "network_args": {"widths": [16, 16], "blocks": [1, 1]},
        "per_step": {"ferplus": 4, "affectnet": 4, "ckplus": 4},
        "epochs": 2,
        "steps_per_epoch": 3,
        "warmup": 1,
        "averaging": 0.5,
        "precision": "32-true",
    }
    return parse(tiny | changes, "test")
