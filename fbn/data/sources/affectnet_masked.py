"""AffectNet's training set, a part: expressions of colour faces cut out along their outline, black around them."""

from pathlib import Path

from fbn.data.pictures import list_files
from fbn.data.sources.affectnet import CODES, COLUMNS, FOLDER, LABELS, MISSING
from fbn.data.sources.layout import Rejected, SourceReading, read_table
from fbn.errors import FormatError
from fbn.records import Annotations, Sample
from fbn.vocabulary import Expression

NAME = "affectnet-train-masked"
#: A picture that no other release of AffectNet has.
MARK = f"{FOLDER}/*/*.webp"
#: Files or folders that only this set has; it has at least one of them.
MARKS = (MARK,)
#: The outline touches the picture's sides: without a frame an aligned crop would repeat the skin there as streaks.
_BORDER = 0.5
_CODES: dict[int, Expression] = {code: expression for code, expression in CODES.items() if expression is not None}


def read(root: Path) -> SourceReading:
    """Read the expressions.

    Args:
        root: folder or zip with ``Manually_annotated.csv`` and ``Manually_Annotated_Images/``; the csv has no
            landmarks, and -2 for valence and arousal.

    Raises:
        FormatError: a departure from the layout; the message names file and line.
    """
    present = list_files(root)
    samples: list[Sample] = []
    rejected: list[Rejected] = []
    seen: set[str] = set()
    for row in read_table(root, LABELS, COLUMNS):
        path = f"{FOLDER}/{row['subDirectory_filePath']}"
        if path in seen:
            raise FormatError(f"{row.where}, line {row.line}: {path} listed before, expected one row a picture")
        seen.add(path)
        code = row.get("expression", int, _CODES.__contains__, f"a code from 0 to {max(_CODES)}")
        for column in ("valence", "arousal"):
            row.get(column, float, lambda v: v == MISSING, f"{MISSING:g}: this part has expressions only")
        row.get("facial_landmarks", str, lambda text: not text, "no landmarks: the pictures were stretched")
        if path not in present:
            rejected.append(Rejected(path, row.line, "picture not present"))
        else:
            samples.append(Sample(NAME, str(root), path, Annotations.of(_CODES[code]), border=_BORDER))
    return SourceReading(NAME, tuple(samples), tuple(rejected))
