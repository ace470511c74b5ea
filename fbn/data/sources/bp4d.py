"""BP4D (Zhang et al. 2014) and BP4D+: AU occurrence on the frames of each subject's tasks."""

import csv
import re
from pathlib import Path

from fbn.data.pictures import list_files
from fbn.data.sources.layout import Rejected, SourceReading, parse, read_lines
from fbn.errors import FormatError, MissingFileError
from fbn.records import Annotations, Sample
from fbn.vocabulary import AU_INDEX

NAME = "bp4d"
LABELS, PICTURES = "AUCoding", "Frames"
#: Glob patterns of files or folders by which this data set is recognised; any one suffices.
MARKS = (LABELS,)
_LABEL = re.compile(rf"{LABELS}/AU_OCC/([FM]\d{{3}})_(T\d+)\.csv")
_MISSING = 9


def read(root: Path) -> SourceReading:
    """Read the occurrence codes; AUs other than the 17 are skipped.

    The location of the frames is not documented. fbn expects frame ``n`` (the first column) of
    ``AUCoding/AU_OCC/F001_T1.csv`` as ``Frames/F001/T1/00001.jpg``, n with five digits.

    Args:
        root: folder or zip with ``AUCoding/AU_OCC/`` and ``Frames/``.

    Raises:
        MissingFileError: there are no frames.
        FormatError: the files do not follow the layout; the message names file and line.
    """
    present = list_files(root)
    if not any(path.startswith(f"{PICTURES}/") for path in present):
        raise MissingFileError(f"{root}: expected the frames as {PICTURES}/F001/T1/00001.jpg")
    samples: list[Sample] = []
    rejected: list[Rejected] = []
    for path in sorted(p for p in present if p.startswith(f"{LABELS}/") and p.endswith(".csv")):
        if not (match := _LABEL.fullmatch(path)):
            raise FormatError(f"{root}: {path}, expected {LABELS}/AU_OCC/F001_T1.csv")
        for line, frame, units in _rows(root, path):
            picture = f"{PICTURES}/{match[1]}/{match[2]}/{frame:05d}.jpg"
            if picture not in present:
                rejected.append(Rejected(picture, line, "picture not present"))
            elif not units:
                rejected.append(Rejected(picture, line, "nothing annotated"))
            else:
                labels = Annotations.of(action_units=units)
                samples.append(Sample(NAME, str(root), picture, labels, subject=match[1]))
    return SourceReading(NAME, tuple(samples), tuple(rejected))


def _rows(root: Path, path: str) -> list[tuple[int, int, dict[int, float]]]:
    """Return line, frame and activations by FACS number of each row."""
    rows = []
    numbers: list[int] = []
    seen: set[int] = set()
    for line, fields in enumerate(csv.reader(read_lines(root, path)), start=1):
        where = f"{root}: {path}, line {line}"
        if line == 1:
            numbers = [parse(text, int, lambda n: 1 <= n <= 99, where, "an AU number") for text in fields[1:]]
            if len(set(numbers)) != len(numbers) or not numbers:
                raise FormatError(f"{where}: {','.join(fields)!r}, expected AU numbers, each once")
            continue
        if not fields:
            continue
        if len(fields) != 1 + len(numbers):
            raise FormatError(f"{where}: {len(fields)} fields, expected a frame and {len(numbers)} codes")
        frame = parse(fields[0], int, lambda n: n >= 0, where, "a frame number")
        if frame in seen:
            raise FormatError(f"{where}: frame {frame} listed before, expected one row a frame")
        seen.add(frame)
        codes = [
            parse(text, int, (0, 1, _MISSING).__contains__, where, "0, 1, or 9 where missing") for text in fields[1:]
        ]
        units = {n: float(code) for n, code in zip(numbers, codes, strict=True) if n in AU_INDEX and code != _MISSING}
        rows.append((line, frame, units))
    if not numbers:
        raise FormatError(f"{root}: {path}, line 1: empty, expected a row of AU numbers")
    return rows
