"""Writer of EmotioNet: a table of AUs, and basic or compound classes."""

from collections.abc import Iterable
from pathlib import Path

from fbn.synthetic.layouts.folder import save_lines, save_picture
from fbn.synthetic.layouts.items import Item
from fbn.vocabulary import ACTION_UNITS_BY_DATASET, CLASSES_EMOTIONET

_URL = "http://synthetic.invalid/emotionet"
_N_UNITS = 60
_MISSING = "999"


def write_emotionet(items: Iterable[Item], root: Path) -> None:
    """Write ``emotionet_aus.txt``, ``emotionet_classes.csv`` and ``images/``.

    A face without one of the sixteen classes is not in the second file.
    """
    table: list[str] = []
    classes = ["file,class"]
    for number, item in enumerate(items):
        name = f"N_{number + 1:09d}.jpg"
        save_picture(root / "images" / name, item.picture.image)
        marks = [_MISSING] * _N_UNITS
        for unit in ACTION_UNITS_BY_DATASET["emotionet"]:
            if (active := item.active(unit)) is not None:
                marks[unit - 1] = str(int(active))
        table.append("\t".join((f"{_URL}/{name}", f"{_URL}/original/{name}", *marks)))
        if (label := item.truth.compound or item.expression) in CLASSES_EMOTIONET:
            classes.append(f"{name},{label}")
    save_lines(root / "emotionet_aus.txt", *table)
    save_lines(root / "emotionet_classes.csv", *classes)
