"""DISFA (Mavadati et al. 2013): intensities of twelve AUs on every frame of videos of 27 subjects."""

import re
from pathlib import Path

from fbn.data.pictures import list_files
from fbn.data.sources.layout import Rejected, SourceReading, parse, read_lines
from fbn.errors import FormatError, MissingFileError
from fbn.records import Annotations, Sample

NAME = "disfa"
LABELS, PICTURES = "ActionUnit_Labels", "Frames"
#: Glob patterns of files or folders by which this data set is recognised; any one suffices.
MARKS = (LABELS,)
_UNITS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
_LABEL = re.compile(rf"{LABELS}/(SN\d{{3}})/\1_au(\d+)\.txt")
_MAX_INTENSITY = 5


def read(root: Path, active: int = 2) -> SourceReading:
    """Read the active AUs of each frame.

    DISFA is released as videos, without a documented location of their frames. fbn expects frame n of
    ``ActionUnit_Labels/SN001/SN001_au1.txt`` (numbered as in the label file) as ``Frames/SN001/00001.jpg``, n with
    five digits.

    Args:
        root: folder or zip with ``ActionUnit_Labels/`` and ``Frames/``.
        active: lowest intensity, 1 to 5, at which an AU counts as active; the papers use 2, others 1.

    Raises:
        MissingFileError: a subject's label file, or the frames, are missing.
        FormatError: the files do not follow the layout; the message names file and line.
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
            _check_frames(frames, list(column), f"{root}: {_path(subject, unit)}", _path(subject, _UNITS[0]))
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
    """Return intensities by frame number."""
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
        expected = f"an intensity from 0 to {_MAX_INTENSITY}"
        intensities[last] = parse(fields[1], int, lambda v: 0 <= v <= _MAX_INTENSITY, where, expected)
    return intensities


def _check_frames(expected: list[int], frames: list[int], where: str, first: str) -> None:
    for line, (wanted, frame) in enumerate(zip(expected, frames, strict=False), start=1):
        if frame != wanted:
            raise FormatError(f"{where}, line {line}: frame {frame}, expected {wanted} as in {first}")
    if (count := len(frames)) != len(expected):
        raise FormatError(f"{where}, line {count}: the last of {count} frames, expected {len(expected)} as {first}")
