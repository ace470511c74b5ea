"""Writers of AffectNet's csv and npy releases: expression, valence-arousal and 68 landmarks on stills."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fbn.synthetic.layouts.folder import save_lines, save_picture
from fbn.synthetic.layouts.items import Item

_HEADER = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
_CODES = {"neutral": 0, "happiness": 1, "sadness": 2, "surprise": 3, "fear": 4, "disgust": 5, "anger": 6}
#: What the csv release calls "none": no expression, and no valence-arousal that a reader may use.
_NONE = 8
_MISSING = "-2"
#: Pictures in a folder of the csv release.
_FOLDER = 1000


def write_affectnet(items: Iterable[Item], root: Path) -> None:
    """Write ``Manually_annotated.csv`` and ``Manually_Annotated_Images/``; the release has no parts."""
    rows = [_HEADER]
    for number, item in enumerate(items):
        name = f"{number // _FOLDER + 1}/{number:06d}.jpg"
        save_picture(root / "Manually_Annotated_Images" / name, item.picture.image)
        height, width = item.picture.image.shape[:2]
        points = ";".join(f"{value:.2f}" for value in item.points.ravel())
        code = _NONE if item.expression is None else _CODES[item.expression]
        rows.append(",".join((name, "0,0", f"{width},{height}", points, str(code), *_affect(item))))
    save_lines(root / "Manually_annotated.csv", *rows)


def write_affectnet_npy(items: Iterable[Item], root: Path) -> None:
    """Write ``train_set/`` and ``val_set/``, each numbered from 0.

    Raises:
        ValueError: a face without an expression, for which the release has no mark.
    """
    counts: Counter[str] = Counter()
    for item in items:
        folder = "train_set" if item.part == "train" else "val_set"
        number, annotations = counts[folder], root / folder / "annotations"
        counts[folder] += 1
        save_picture(root / folder / "images" / f"{number}.jpg", item.picture.image)
        annotations.mkdir(exist_ok=True)
        if item.expression is None:
            raise ValueError("AffectNet's npy release has no mark for a missing expression")
        valence, arousal = _affect(item)
        labels = {"exp": str(_CODES[item.expression]), "val": valence, "aro": arousal}
        for kind, text in labels.items():
            np.save(annotations / f"{number}_{kind}.npy", np.array(text))
        np.save(annotations / f"{number}_lnd.npy", item.points.astype(np.float64).ravel())


def _affect(item: Item) -> tuple[str, str]:
    if item.valence_arousal is None:
        return _MISSING, _MISSING
    valence, arousal = item.valence_arousal
    return f"{valence:.6f}", f"{arousal:.6f}"
