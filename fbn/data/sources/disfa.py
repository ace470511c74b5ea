"""DISFA (Mavadati et al. 2013): intensities of twelve AUs on every frame of 27 people's videos."""

import re
from pathlib import Path

from fbn.data.pictures import list_files
from fbn.data.sources.layout import Rejected, SourceReading, parse, read_lines
from fbn.errors import FormatError, MissingFileError
from fbn.records import Annotations, Sample

NAME = "disfa"
LABELS, PICTURES = "ActionUnit_Labels", "Frames"
#: Files or folders that only this set has; it has at least one of them.
MARKS = (LABELS,)
_UNITS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
_LABEL = re.compile(rf"{LABELS}/(SN\d{{3}})/\1_au(\d+)\.txt")
_STRONGEST = 5


def read(root: Path, active: int = 2) -> SourceReading:
    """Read which AUs are active on each frame.

    DISFA comes as videos, and where their frames lie is not documented. fbn's choice: line 1 of
    ``ActionUnit_Labels/SN001/SN001_au1.txt`` says which frame n it speaks of, and that frame is
    ``Frames/SN001/00001.jpg`` (n as five digits, as the label files count).

    Args:
        root: folder or zip with ``ActionUnit_Labels/`` and ``Frames/``.
        active: intensity, 1 to 5, from which on an AU counts as active; the papers take 2, others 1.

    Raises:
        MissingFileError: a person's label file, or the frames, are not there.
        FormatError: a departure from the layout; the message names file and line.
    """
    present = list_files(root)
    if not any(path.startswith(f"{PICTURES}/") for path in present):
        raise MissingFileError(f"{root}: expected the videos' frames as {PICTURES}/SN001/00001.jpg")
    subjects: set[str] = set()
    for path in (p for p in present if p.startswith(f"{LABELS}/") and p.endswith(".txt")):
        if not (match := _LABEL.fullmatch(path)) or int(match[2]) not in _UNITS:
            raise FormatError(f"{root}: {path}, expected {LABELS}/SN001/SN001_au<one of {_UNITS}>.txt")
        subjects.add(match[1])
    samples: list[Sample] = []
    rejected: list[Rejected] = []
    for subject in sorted(subjects):
        columns = {unit: _read(root, subject, unit) for unit in _UNITS}
        frames = list(columns[_UNITS[0]])
        for unit, column in columns.items():
            _same_frames(frames, list(column), f"{root}: {_path(subject, unit)}", _path(subject, _UNITS[0]))
        for line, frame in enumerate(frames, start=1):
            picture = f"{PICTURES}/{subject}/{frame:05d}.jpg"
            if picture not in present:
                rejected.append(Rejected(picture, line, "picture not present"))
                continue
            labels = Annotations.of(action_units={unit: float(columns[unit][frame] >= active) for unit in _UNITS})
            samples.append(Sample(NAME, str(root), picture, labels, subject=subject))
    return SourceReading(NAME, tuple(samples), tuple(rejected))


def _path(subject: str, unit: int) -> str:
    return f"{LABELS}/{subject}/{subject}_au{unit}.txt"


def _read(root: Path, subject: str, unit: int) -> dict[int, int]:
    """Intensity by frame number."""
    intensities: dict[int, int] = {}
    last = 0
    for line, text in enumerate(read_lines(root, path := _path(subject, unit)), start=1):
        if not text.strip():
            continue
        where = f"{root}: {path}, line {line}"
        if len(fields := text.split(",")) != 2:
            raise FormatError(f"{where}: {text!r}, expected frame,intensity")
        if (frame := parse(fields[0], int, lambda n: n > 0, where, "a frame number")) <= last:
            raise FormatError(f"{where}: frame {frame}, expected a number above {last}")
        last = frame
        expected = f"an intensity from 0 to {_STRONGEST}"
        intensities[last] = parse(fields[1], int, lambda v: 0 <= v <= _STRONGEST, where, expected)
    return intensities


def _same_frames(frames: list[int], own: list[int], where: str, first: str) -> None:
    for line, (expected, found) in enumerate(zip(frames, own, strict=False), start=1):
        if found != expected:
            raise FormatError(f"{where}, line {line}: frame {found}, expected {expected} as in {first}")
    if len(own) != len(frames):
        raise FormatError(f"{where}, line {len(own)}: the last of {len(own)} frames, expected {len(frames)} as {first}")
