"""Writers of RAF-DB, basic and compound: one class for each aligned still."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from fbn.synthetic.layouts.folder import save_lines, save_picture
from fbn.synthetic.layouts.items import Item

_BASIC = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
_COMPOUND = (
    "happily surprised",
    "happily disgusted",
    "sadly fearful",
    "sadly angry",
    "sadly surprised",
    "sadly disgusted",
    "fearfully angry",
    "fearfully surprised",
    "angrily surprised",
    "angrily disgusted",
    "disgustedly surprised",
)


def write_rafdb(items: Iterable[Item], root: Path) -> None:
    """Write ``EmoLabel/`` and ``Image/aligned/``.

    Raises:
        ValueError: a face without one of the seven expressions, for which the layout has no mark.
    """
    _write(((item, item.expression) for item in items), root, _BASIC)


def write_rafdb_compound(items: Iterable[Item], root: Path) -> None:
    """Write ``compound/EmoLabel/`` and ``compound/Image/aligned/``.

    Raises:
        ValueError: a face without one of RAF-DB's eleven compound expressions, for which the layout has no mark.
    """
    _write(((item, item.truth.compound) for item in items), root / "compound", _COMPOUND)


def _write(items: Iterable[tuple[Item, str | None]], root: Path, classes: tuple[str, ...]) -> None:
    counts: Counter[str] = Counter()
    lines = []
    for item, label in items:
        if label not in classes:
            raise ValueError(
                f"RAF-DB has no code for {label or 'a missing label'}: expected one of {', '.join(classes)}"
            )
        part = "train" if item.part == "train" else "test"
        counts[part] += 1
        name = f"{part}_{counts[part]:05d}"
        save_picture(root / "Image" / "aligned" / f"{name}_aligned.jpg", item.picture.image)
        lines.append(f"{name}.jpg {classes.index(label) + 1}")
    save_lines(root / "EmoLabel" / "list_patition_label.txt", *lines)
