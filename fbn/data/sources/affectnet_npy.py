"""AffectNet (Mollahosseini et al. 2017), npy release: two splits of numbered pictures with four arrays each."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fbn.data.pictures import list_files, read_file
from fbn.data.sources import affectnet
from fbn.data.sources.layout import Rejected, SourceReading, parse
from fbn.errors import FormatError
from fbn.records import Annotations, Sample

NAME = "affectnet-npy"
PARTS = {"train_set": "train", "val_set": "valid"}
#: Glob patterns of files or folders by which this data set is recognised; any one suffices.
MARKS = tuple(f"{folder}/annotations" for folder in PARTS)
_MISSING = -2.0
_POINTS = 68
_LAST_CODE = 7
_KINDS = ("exp", "val", "aro", "lnd")
_LABEL = re.compile(rf"({'|'.join(PARTS)})/annotations/(\d+)_({'|'.join(_KINDS)})\.npy")


def read(root: Path) -> SourceReading:
    """Read expressions, valence-arousal and landmarks; the same number means different pictures in the two splits.

    Args:
        root: folder or zip with ``train_set/``, ``val_set/`` or both, each with ``images/`` and ``annotations/``.

    Raises:
        MissingFileError: an array of a picture is missing.
        FormatError: the files do not follow the layout; the message names the file.
    """
    present = list_files(root)
    samples: list[Sample] = []
    rejected: list[Rejected] = []
    faces: set[tuple[str, int]] = set()
    for path in present:
        folder, _, rest = path.partition("/")
        if folder in PARTS and rest.startswith("annotations/"):
            if not (match := _LABEL.fullmatch(path)):
                raise FormatError(f"{root}: {path}, expected {folder}/annotations/<number>_exp.npy, _val, _aro or _lnd")
            faces.add((folder, int(match[2])))
    for folder, number in sorted(faces):
        picture = f"{folder}/images/{number}.jpg"
        if picture not in present:
            rejected.append(Rejected(picture, 0, "picture not present"))
            continue
        paths = {kind: f"{folder}/annotations/{number}_{kind}.npy" for kind in _KINDS}
        code = _scalar(root, paths["exp"], lambda c: c in range(_LAST_CODE + 1), f"a code from 0 to {_LAST_CODE}")
        valence, arousal = (
            _scalar(root, paths[kind], lambda v: -1 <= v <= 1 or v == _MISSING, "a value in [-1, 1], or -2")
            for kind in ("val", "aro")
        )
        both = (valence, arousal) if _MISSING not in (valence, arousal) else None
        labels = Annotations.of(affectnet.CODES[int(code)], valence_arousal=both)
        if not (labels.expression_weight > 0 or labels.valence_arousal_weight > 0):
            rejected.append(Rejected(picture, 0, "nothing annotated"))
            continue
        landmarks = _landmarks(root, paths["lnd"])
        samples.append(Sample(NAME, str(root), picture, labels, part=PARTS[folder], landmarks=landmarks))
    return SourceReading(NAME, tuple(samples), tuple(rejected))


def _array(root: Path, path: str) -> np.ndarray:
    try:
        return np.asarray(np.load(io.BytesIO(read_file(root, path)), allow_pickle=False))
    except (ValueError, EOFError, OSError) as error:
        raise FormatError(f"{root}: {path}: expected an npy array of numbers or text ({error})") from error


def _scalar(root: Path, path: str, valid: Callable[[float], bool], expected: str) -> float:
    array = _array(root, path)
    # the release stores numbers as text
    text = str(array.item()) if array.size == 1 else f"{array.size} values"
    return parse(text, float, valid, f"{root}: {path}", expected)


def _landmarks(root: Path, path: str) -> tuple[tuple[float, float], ...]:
    array = _array(root, path)
    numbers = array.astype(float).ravel() if array.dtype.kind in "iuf" else np.zeros(0)
    if numbers.size != 2 * _POINTS or not np.isfinite(numbers).all():
        raise FormatError(f"{root}: {path}: {array.size} values, expected {2 * _POINTS} numbers x, y, x, y, ...")
    return tuple(map(tuple, numbers.reshape(-1, 2).tolist()))
