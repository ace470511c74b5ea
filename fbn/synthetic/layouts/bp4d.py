"""Writer of BP4D: which AUs occur on the frames of a person's tasks."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from fbn.synthetic.layouts.folder import save_lines, save_picture
from fbn.synthetic.layouts.items import Item
from fbn.vocabulary import ACTION_UNITS_BY_DATASET

_MISSING = "9"


def write_bp4d(items: Iterable[Item], root: Path) -> None:
    """Write ``AUCoding/AU_OCC/`` and ``Frames/``; each clip of a person is one task, frames counted from 1."""
    units = ACTION_UNITS_BY_DATASET["bp4d"]
    tasks: dict[str, list[int]] = defaultdict(list)
    rows: dict[str, list[str]] = defaultdict(list)
    for item in items:
        subject = f"{'M' if dict(item.truth.attributes)['Male'] else 'F'}{item.person + 1:03d}"
        if item.clip not in tasks[subject]:
            tasks[subject].append(item.clip)
        task = f"T{tasks[subject].index(item.clip) + 1}"
        frame = item.frame + 1
        save_picture(root / "Frames" / subject / task / f"{frame:05d}.jpg", item.picture.image)
        marks = (item.active(unit) for unit in units)
        codes = (_MISSING if mark is None else str(int(mark)) for mark in marks)
        rows[f"{subject}_{task}"].append(",".join((str(frame), *codes)))
    for name, lines in rows.items():
        header = ",".join(("0", *map(str, units)))
        save_lines(root / "AUCoding" / "AU_OCC" / f"{name}.csv", header, *lines)
