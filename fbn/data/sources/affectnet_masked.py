"""A subset of AffectNet's training set: expressions of colour faces on black, cut out along their outline."""

from pathlib import Path

from fbn.data.sources.affectnet import COLUMNS, EXPRESSION_CODES, FOLDER, LABELS, MISSING, read_pictures
from fbn.data.sources.layout import Row, SourceReading
from fbn.records import Annotations, Sample

NAME = "affectnet-train-masked"
#: Picture files that no other release of AffectNet has.
MARK = f"{FOLDER}/*/*.webp"
#: Glob patterns of files or folders by which this data set is recognised; any one suffices.
MARKS = (MARK,)
#: Border around each picture: the face touches the edges, which an aligned crop would otherwise repeat as streaks.
_BORDER = 0.5


def read(root: Path) -> SourceReading:
    """Read the expressions.

    Args:
        root: folder or zip with ``Manually_annotated.csv`` and ``Manually_Annotated_Images/``; in the csv, landmarks
            are empty, valence and arousal -2.

    Raises:
        FormatError: the files do not follow the layout; the message names file and line.
    """

    def sample(row: Row, path: str) -> Sample:
        valid = EXPRESSION_CODES.__contains__
        code = row.get("expression", int, valid, f"a code from 0 to {max(EXPRESSION_CODES)}")
        for column in ("valence", "arousal"):
            row.get(column, float, lambda v: v == MISSING, f"{MISSING:g}: this part has expressions only")
        row.get("facial_landmarks", str, lambda text: not text, "no landmarks: the pictures were stretched")
        return Sample(NAME, str(root), path, Annotations.of(EXPRESSION_CODES[code]), border=_BORDER)

    return read_pictures(root, NAME, LABELS, COLUMNS, sample, f"{FOLDER}/")
