"""Writer of FER+: ten votes on small gray stills."""

from collections.abc import Iterable
from pathlib import Path

from fbn.synthetic.layouts.folder import grey, save_lines, save_picture
from fbn.synthetic.layouts.items import Item
from fbn.vocabulary import EXPRESSION_INDEX

_BALLOT = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
_PLACES = {
    "train": ("Training", "FER2013Train"),
    "valid": ("PublicTest", "FER2013Valid"),
    "test": ("PrivateTest", "FER2013Test"),
}
_TAGGERS = 10


def write_ferplus(items: Iterable[Item], root: Path) -> None:
    """Write ``fer2013new.csv`` and the three folders of pictures.

    The weight of an expression is the share of the ten votes that fell on the seven; the others are on "unknown".
    """
    rows = [",".join(("Usage", "Image name", *_BALLOT))]
    for number, item in enumerate(items):
        usage, folder = _PLACES[item.part]
        name = f"fer{number:07d}.png"
        save_picture(root / folder / name, grey(item.picture.image))
        rows.append(",".join((usage, name, *map(str, _votes(item)))))
    save_lines(root / "fer2013new.csv", *rows)


def _votes(item: Item) -> list[int]:
    labels = item.truth.annotations
    shares = (labels.expression * labels.expression_weight * _TAGGERS).tolist()
    # rounded down first, so that halves of a vote never make an eleventh
    votes = {name: int(shares[EXPRESSION_INDEX[name]] + 1e-4) for name in _BALLOT if name in EXPRESSION_INDEX}
    votes["unknown"] = _TAGGERS - sum(votes.values())
    return [votes.get(name, 0) for name in _BALLOT]
