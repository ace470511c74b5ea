"""Expression in-the-Wild (Zhang et al. 2018): uncropped pictures with face boxes, one expression per face."""

from math import isfinite
from pathlib import Path

from fbn.data.pictures import list_files
from fbn.data.sources.layout import Rejected, SourceReading, parse, read_lines
from fbn.errors import FormatError
from fbn.records import Annotations, Sample
from fbn.vocabulary import Expression

NAME = "expw"
LABELS = "label/label.lst"
#: Glob patterns of files or folders by which this data set is recognised; any one suffices.
MARKS = (LABELS,)
_FOLDER = "image"
_FIELDS = "name face_id top left right bottom confidence label"
_CODES = {
    0: Expression.ANGER,
    1: Expression.DISGUST,
    2: Expression.FEAR,
    3: Expression.HAPPINESS,
    4: Expression.SADNESS,
    5: Expression.SURPRISE,
    6: Expression.NEUTRAL,
}


def read(root: Path) -> SourceReading:
    """Read expressions and boxes; a picture gives one sample for each labelled face.

    Args:
        root: folder or zip with ``label/label.lst`` and ``image/``.

    Raises:
        FormatError: the files do not follow the layout; the message names file and line.
    """
    present = list_files(root)
    samples: list[Sample] = []
    rejected: list[Rejected] = []
    seen: set[tuple[str, int]] = set()
    for line, text in enumerate(read_lines(root, LABELS), start=1):
        if not text.strip():
            continue
        where = f"{root}: {LABELS}, line {line}"
        if len(fields := text.split()) != len(_FIELDS.split()):
            raise FormatError(f"{where}: {text!r}, expected {_FIELDS}")
        name, number, *edges, confidence, label = fields
        face = parse(number, int, lambda n: n >= 0, f"{where}, face_id", "a whole number from 0")
        if (name, face) in seen:
            raise FormatError(f"{where}: face {face} of {name} listed before, expected one line a face")
        seen.add((name, face))
        top, left, right, bottom = (
            parse(edge, int, lambda _: True, f"{where}, {side}", "a whole number of pixels")
            for side, edge in zip(("top", "left", "right", "bottom"), edges, strict=True)
        )
        if not (right > left and bottom > top):
            edges_read = f"left {left}, right {right}, top {top}, bottom {bottom}"
            raise FormatError(f"{where}: {edges_read}, expected left < right and top < bottom")
        parse(confidence, float, isfinite, f"{where}, confidence", "a number")
        code = parse(label, int, _CODES.__contains__, f"{where}, label", f"a code from 0 to {max(_CODES)}")
        if (path := f"{_FOLDER}/{name}") not in present:
            rejected.append(Rejected(path, line, "picture not present"))
            continue
        box = (float(left), float(top), float(right - left), float(bottom - top))
        samples.append(Sample(NAME, str(root), path, Annotations.of(_CODES[code]), box=box))
    return SourceReading(NAME, tuple(samples), tuple(rejected))
