"""Writers of ExpW, of AffectNet's masked training part and of DiffusionFER: stills that all have an expression."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from fbn.synthetic.layouts.folder import save_lines, save_picture
from fbn.synthetic.layouts.items import Item

_EXPW = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_AFFECTNET = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger")
_MASKED = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
#: Side of the masked pictures, and how far above the brows a face's outline goes, as a share of the height below.
_SIDE, _FOREHEAD = 112, 0.35


def write_expw(items: Iterable[Item], root: Path) -> None:
    """Write ``label/label.lst`` and ``image/``: a line a face, with its box. The release has no parts.

    Raises:
        ValueError: a face without an expression, for which the release has no mark.
    """
    rows = []
    for number, item in enumerate(items):
        name = f"drawn_person_{number:06d}.jpg"
        save_picture(root / "image" / name, item.picture.image)
        left, top, right, bottom = _face(item)
        rows.append(f"{name} 0 {top} {left} {right} {bottom} 100.0 {_code(item, _EXPW, 'ExpW')}")
    save_lines(root / "label" / "label.lst", *rows)


def write_affectnet_masked(items: Iterable[Item], root: Path) -> None:
    """Write ``Manually_annotated.csv`` and ``Manually_Annotated_Images/``: each face cut out along its outline, black
    around it, and stretched to a square. The release has no parts.

    Raises:
        ValueError: a face without an expression, which the release would not hold.
    """
    rows = [_MASKED]
    for number, item in enumerate(items):
        code = _code(item, _AFFECTNET, "AffectNet's masked part")
        name = f"{code}/drawn_{number:05d}.webp"
        left, top, right, bottom = _face(item)
        face = cv2.resize(item.picture.image[top:bottom, left:right], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        inside = np.zeros((_SIDE, _SIDE, 1), np.uint8)
        cv2.ellipse(inside, ((_SIDE / 2, _SIDE / 2), (_SIDE, _SIDE), 0), (1,), -1)
        save_picture(root / "Manually_Annotated_Images" / name, face * inside)
        rows.append(f"{name},0,0,{_SIDE},{_SIDE},,{code},-2,-2")
    save_lines(root / "Manually_annotated.csv", *rows)


def write_diffusionfer(items: Iterable[Item], root: Path) -> None:
    """Write ``dataset_sheet.csv`` and ``cropped/``, a folder for each expression. The release has no parts.

    Raises:
        ValueError: a face without an expression, or without valence and arousal: the release has no mark for them.
    """
    rows = ["subDirectory_filePath,valence,arousal,expression"]
    for number, item in enumerate(items):
        code = _code(item, _AFFECTNET, "DiffusionFER")
        if item.valence_arousal is None:
            raise ValueError("DiffusionFER has no mark for missing valence and arousal")
        name = f"cropped/{item.expression}/drawn{number:05d}.webp"
        save_picture(root / name, item.picture.image)
        rows.append(",".join((name, *(f"{value:.6f}" for value in item.valence_arousal), str(code))))
    save_lines(root / "dataset_sheet.csv", *rows)


def _code(item: Item, order: tuple[str, ...], release: str) -> int:
    if item.expression is None:
        raise ValueError(f"{release} has no mark for a missing expression")
    return order.index(item.expression)


def _face(item: Item) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a face with its forehead, in whole pixels of the picture."""
    height, width = item.picture.image.shape[:2]
    left, top = np.floor(item.points.min(axis=0)).astype(int)
    right, bottom = np.ceil(item.points.max(axis=0)).astype(int) + 1
    top -= round(_FOREHEAD * float(bottom - top))
    return max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom))
