"""A subset of AffectNet's training set: expressions of colour faces on black, cut out along their outline."""

from pathlib import Path

from fbn.data.pictures import list_files
from fbn.data.sources.affectnet import CODES, COLUMNS, FOLDER, LABELS, MISSING
from fbn.data.sources.layout import Rejected, SourceReading, read_table
from fbn.errors import FormatError
from fbn.records import Annotations, Sample
from fbn.vocabulary import Expression

NAME = "affectnet-train-masked"
#: Picture files that no other release of AffectNet has.
MARK = f"{FOLDER}/*/*.webp"
#: Files or folders by which this data set is recognised; any one of them suffices.
MARKS = (MARK,)
#: Border around each picture: the face touches the edges, which an aligned crop would otherwise repeat as streaks.
_BORDER = 0.5
_CODES: dict[int, Expression] = {code: expression for code, expression in CODES.items() if expression is not None}


def read(root: Path) -> SourceReading:
    """Read the expressions.

    Args:
        root: folder or zip with ``Manually_annotated.csv`` and ``Manually_Annotated_Images/``; in the csv, landmarks
            are empty, valence and arousal -2.

    Raises:
        FormatError: the files do not follow the layout; the message names file and line.
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
