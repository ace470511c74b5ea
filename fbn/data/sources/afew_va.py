"""AFEW-VA (Kossaifi et al. 2017): valence, arousal and 68 landmarks on every frame of clips from films."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fbn.data.pictures import list_files, read_file
from fbn.data.sources.layout import Rejected, SourceReading
from fbn.errors import FormatError
from fbn.records import Annotations, Sample

NAME = "afew-va"
#: Glob patterns of files or folders by which this data set is recognised; any one suffices.
MARKS = ("[01][0-9]/*/*.json",)
_LABEL = re.compile(r"(?:0[1-9]|1[0-2])/([^/]+)/\1\.json")
_FRAME = re.compile(r"\d{5}")
_SCALE = 10
_POINTS = 68


def read(root: Path) -> SourceReading:
    """Read valence and arousal, which are integers from -10 to 10 in the files, scaled to [-1, 1].

    Each clip counts as a subject of its own. The data set does not document the location of the frames. They are
    expected beside the clip's JSON file, e.g. ``01/001/00000.png``.

    Args:
        root: folder or zip with ``01/`` to ``12/``.

    Raises:
        FormatError: the files do not follow the layout; the message names file and field.
    """
    present = list_files(root)
    samples: list[Sample] = []
    rejected: list[Rejected] = []
    label_files = sorted(path for path in present if "/" in path and path.endswith(".json"))
    if not label_files:
        raise FormatError(f"{root}: no label file, expected 01/001/001.json")
    for path in label_files:
        if not (match := _LABEL.fullmatch(path)):
            raise FormatError(f"{root}: {path}, expected 01/001/001.json, the first folder from 01 to 12")
        for name, frame in _frames(root, path).items():
            where = f"{root}: {path}, frames[{name!r}]"
            valence, arousal = (
                _field(frame, key, _is_rating, where, f"a number from -{_SCALE} to {_SCALE}") / _SCALE
                for key in ("valence", "arousal")
            )
            points = _field(frame, "landmarks", _is_landmarks, where, f"{_POINTS} points [x, y]")
            picture = f"{path.rsplit('/', 1)[0]}/{name}.png"
            if picture not in present:
                rejected.append(Rejected(picture, 0, "picture not present"))
                continue
            labels = Annotations.of(valence_arousal=(valence, arousal))
            landmarks = tuple((float(x), float(y)) for x, y in points)
            samples.append(Sample(NAME, str(root), picture, labels, subject=match[1], landmarks=landmarks))
    return SourceReading(NAME, tuple(samples), tuple(rejected))


def _frames(root: Path, path: str) -> dict[str, Any]:
    try:
        content = json.loads(read_file(root, path))
    except ValueError as error:
        raise FormatError(f"{root}: {path}: expected JSON ({error})") from error
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, dict) or not all(_FRAME.fullmatch(name) for name in frames):
        raise FormatError(f"{root}: {path}: expected frames by five-digit number under 'frames'")
    return frames


def _field(frame: Any, key: str, valid: Callable[[Any], bool], where: str, expected: str) -> Any:
    if not isinstance(frame, dict) or key not in frame:
        raise FormatError(f"{where}: no {key!r}, expected landmarks, valence and arousal")
    if not valid(frame[key]):
        raise FormatError(f"{where}, {key}: {str(frame[key])[:40]}, expected {expected}")
    return frame[key]


def _is_rating(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_SCALE <= value <= _SCALE


def _is_landmarks(value: Any) -> bool:
    try:
        points = np.asarray(value, float)
    except (TypeError, ValueError):
        return False
    return points.shape == (_POINTS, 2) and bool(np.isfinite(points).all())
