"""Writers of Aff-Wild2 (2020) and s-Aff-Wild2: clips, annotated frame by frame."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from fbn.synthetic.layouts.folder import save_lines, save_picture
from fbn.synthetic.layouts.items import Item
from fbn.vocabulary import ACTION_UNITS_BY_DATASET

_CODES = {"neutral": 0, "anger": 1, "disgust": 2, "fear": 3, "happiness": 4, "sadness": 5, "surprise": 6}
_EXPR_HEADER = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise"
_MISSING, _MISSING_VA = "-1", "-5"


def write_affwild2(items: Iterable[Item], root: Path) -> None:
    """Write ``cropped_aligned/`` and the three sets, each of which annotates every clip.

    A clip's frames must come in order, counted from 0.
    """
    units = ACTION_UNITS_BY_DATASET["affwild2"]
    headers = {"VA_Set": "valence,arousal", "EXPR_Set": _EXPR_HEADER, "AU_Set": ",".join(f"AU{n}" for n in units)}
    rows: dict[str, list[str]] = defaultdict(list)
    for item in items:
        save_picture(root / "cropped_aligned" / _picture(item), item.picture.image)
        part = "Training_Set" if item.part == "train" else "Validation_Set"
        texts = (_affect(item), _expression(item), _units(item, units))
        for (folder, header), text in zip(headers.items(), texts, strict=True):
            lines = rows[f"{folder}/{part}/{_video(item)}.txt"]
            if not lines:
                lines.append(header)
            lines.append(text)
    for path, lines in rows.items():
        save_lines(root / path, *lines)


def write_saffwild2(items: Iterable[Item], root: Path) -> None:
    """Write ``cropped_aligned/`` and the two lists of rows with all tasks."""
    units = ACTION_UNITS_BY_DATASET["saffwild2"]
    rows = {
        "training": ["image,valence,arousal,expression,aus"],
        "validation": ["image,valence,arousal,expression,aus"],
    }
    for item in items:
        save_picture(root / "cropped_aligned" / _picture(item), item.picture.image)
        row = ",".join((_picture(item), _affect(item), _expression(item), _units(item, units)))
        rows["training" if item.part == "train" else "validation"].append(row)
    for part, lines in rows.items():
        save_lines(root / f"{part}_set_annotations.txt", *lines)


def _video(item: Item) -> str:
    return f"clip{item.clip + 1:04d}"


def _picture(item: Item) -> str:
    return f"{_video(item)}/{item.frame + 1:05d}.jpg"


def _affect(item: Item) -> str:
    values = item.valence_arousal
    return ",".join((_MISSING_VA, _MISSING_VA) if values is None else (f"{v:.3f}" for v in values))


def _expression(item: Item) -> str:
    return _MISSING if item.expression is None else str(_CODES[item.expression])


def _units(item: Item, numbers: tuple[int, ...]) -> str:
    marks = (item.active(number) for number in numbers)
    return ",".join(_MISSING if mark is None else str(int(mark)) for mark in marks)
