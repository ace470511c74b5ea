"""Extended Cohn-Kanade, CK+ (Lucey et al. 2010): posed sequences with FACS codes and an expression at their peak."""

import re
from collections import defaultdict
from pathlib import Path

from fbn.data.pictures import list_files
from fbn.data.sources.layout import Rejected, SourceReading, parse, read_lines
from fbn.errors import FormatError
from fbn.records import Annotations, Sample
from fbn.vocabulary import AU_NUMBERS, Expression

NAME = "ckplus"
PICTURES, FACS, EMOTION = "cohn-kanade-images", "FACS", "Emotion"
#: Glob patterns of files or folders by which this data set is recognised; any one suffices.
MARKS = (PICTURES,)
_LAYOUT = re.compile(r"(S\d+)/(\d+)/\1_\2_(\d+)\.png")
_CODES: dict[int, Expression | None] = {
    0: Expression.NEUTRAL,
    1: Expression.ANGER,
    2: None,  # contempt: not one of the 7 classes, but its AUs are used
    3: Expression.DISGUST,
    4: Expression.FEAR,
    5: Expression.HAPPINESS,
    6: Expression.SADNESS,
    7: Expression.SURPRISE,
}
_JAW_DROP, _MOUTH_STRETCH = 26, 27


def read(root: Path) -> SourceReading:
    """Read peak frames with their codes, and the first frame of each sequence as neutral with no active AU.

    All 17 AUs are annotated on a frame with a FACS file. AU27 (mouth stretch) counts as AU26; AUs other than the 17 are
    skipped. A frame without label files is used only if it is the first of its sequence, since frames between onset
    and peak are not coded.

    Args:
        root: folder or zip with ``cohn-kanade-images/``, ``FACS/`` and ``Emotion/``.

    Raises:
        FormatError: the files do not follow the layout; the message names the file and line.
    """
    present = list_files(root)
    frames: dict[str, list[tuple[int, str]]] = defaultdict(list)
    rejected: list[Rejected] = []
    known: set[str] = set()
    for path in sorted(p for p in present if p.startswith(f"{PICTURES}/")):
        if not (match := _LAYOUT.fullmatch(path.removeprefix(f"{PICTURES}/"))):
            rejected.append(Rejected(path, 0, "not named S010/004/S010_004_00000017.png"))
            continue
        frames[path.rsplit("/", 1)[0]].append((int(match[3]), path))
        known |= {_beside(path, FACS, "facs"), _beside(path, EMOTION, "emotion")}
    labels_alone = sorted(
        p for p in present - known if p.startswith((f"{FACS}/", f"{EMOTION}/")) and p.endswith(".txt")
    )
    rejected += [Rejected(path, 0, "label file without its picture") for path in labels_alone]
    samples: list[Sample] = []
    for sequence in frames.values():
        first = min(sequence)[1]
        for _, path in sequence:
            facs, emotion = _beside(path, FACS, "facs"), _beside(path, EMOTION, "emotion")
            if facs in present or emotion in present:
                units = _read_facs(root, facs) if facs in present else None
                expression = _read_emotion(root, emotion) if emotion in present else None
            elif path == first:
                units, expression = dict.fromkeys(AU_NUMBERS, 0.0), Expression.NEUTRAL
            else:
                rejected.append(Rejected(path, 0, "between onset and peak: no label files"))
                continue
            labels = Annotations.of(expression, units)
            samples.append(Sample(NAME, str(root), path, labels, subject=path.split("/")[1]))
    return SourceReading(NAME, tuple(samples), tuple(rejected))


def sequence_of(sample: Sample) -> str:
    """Return the sequence of a frame, e.g. ``"S010/004"``."""
    return "/".join(sample.path.split("/")[1:3])


def _beside(picture: str, folder: str, kind: str) -> str:
    return f"{folder}/{picture.removeprefix(f'{PICTURES}/').removesuffix('.png')}_{kind}.txt"


def _read_facs(root: Path, path: str) -> dict[int, float]:
    units = dict.fromkeys(AU_NUMBERS, 0.0)
    for number, line in enumerate(read_lines(root, path), start=1):
        if not line.strip():
            continue
        where = f"{root}: {path}, line {number}"
        if len(fields := line.split()) != 2:
            raise FormatError(f"{where}: {line!r}, expected an AU and its intensity")
        unit = int(parse(fields[0], float, lambda v: v.is_integer() and 1 <= v <= 99, where, "an AU number"))
        parse(fields[1], float, lambda v: 0 <= v <= 5, where, "an intensity from 0 (not given) to 5")
        unit = _JAW_DROP if unit == _MOUTH_STRETCH else unit
        if unit in units:
            units[unit] = 1.0
    return units


def _read_emotion(root: Path, path: str) -> Expression | None:
    lines = [line.strip() for line in read_lines(root, path) if line.strip()]
    where = f"{root}: {path}, line 1"
    if len(lines) != 1:
        raise FormatError(f"{where}: {len(lines)} lines, expected one number")
    code = parse(lines[0], float, lambda v: v in _CODES, where, "an expression code from 0 to 7")
    return _CODES[int(code)]
