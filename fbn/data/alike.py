"""One photograph under several files: found by what it shows, so that nothing that is measured was trained on.

Sets that were collected from the web share photographs, at other sizes, cut otherwise and compressed again: their
files differ. Aligned crops bring the faces together; what is left to compare is fine structure, which two photographs
of one person do not share.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from rich.progress import track

from fbn.data.augment import centre
from fbn.data.corpus import Corpus
from fbn.data.crops import cached_crops, crops_key
from fbn.data.splits import PARTS
from fbn.records import Sample
from fbn.resources import cache_folder, whole_file

#: Correlation of two faces' fine structure from which they count as one photograph. Of 14 pairs each that were looked
#: at, all were from .9 on, ten between .885 and .9, half below: better a picture too many left out than one too few.
ALIKE = 0.87
_SIDE = 28
_CHUNK = 512


@dataclass(frozen=True)
class Twins:
    """Two samples that show one photograph, perhaps mirrored.

    Attributes:
        members: (part, sample) of both; the first is of a part that is measured on.
        likeness: correlation of the two, up to 1.
    """

    members: tuple[tuple[str, Sample], tuple[str, Sample]]
    likeness: float


def apart(corpus: Corpus, held: Corpus) -> Corpus:
    """A corpus without the training pictures that show a photograph of a validation or test part.

    Validation pictures that show one of a test part go, too; test parts stay as they are.

    Args:
        corpus: to train on.
        held: the sets that are measured on, those of ``corpus`` among them or not.

    Raises:
        MissingFileError, FormatError: a picture cannot be read.
    """
    gone: set[object] = set()
    for pair in find_twins([corpus, held]):
        one, other = sorted(((PARTS.index(part), s.face) for part, s in pair.members), key=lambda m: m[0])
        if one[0] < other[0]:
            gone.add((PARTS[one[0]], one[1]))
    kept = {part: tuple(s for s in own if (part, s.face) not in gone) for part, own in corpus.samples.items()}
    return replace(corpus, samples=kept, cut=corpus.samples)


def find_twins(corpora: Iterable[Corpus], least: float = ALIKE) -> list[Twins]:
    """All pairs of a face of a validation or test part and another face that is as like, most like first.

    Samples whose subject is known are left out: their sets are split by subject, and were mostly recorded, not
    collected; frames of one recording, and frontal faces in one laboratory's light, are all alike. Kept in the cache.

    Args:
        corpora: sets that several of them have are looked at once.
        least: likeness from which a pair counts, in (0, 1].

    Raises:
        MissingFileError, FormatError: a picture cannot be read.
    """
    groups: dict[tuple[str, str], Sequence[Sample]] = {}
    for corpus in corpora:
        for part in PARTS:
            for name in corpus.names:
                if own := [s for s in corpus.samples[part] if s.dataset == name and not s.subject]:
                    groups[name, part] = own
    key = hashlib.sha256(repr((least, _SIDE, sorted(groups))).encode())
    for group in sorted(groups):
        key.update(crops_key(groups[group]).encode())
    path = cache_folder("alike") / f"{key.hexdigest()[:24]}.json"
    if not path.exists():
        pairs = _search(groups, least)
        with whole_file(path) as unfinished:
            unfinished.write_text(json.dumps(pairs))
    rows = [(part, sample) for (_, part), own in sorted(groups.items()) for sample in own]
    return [Twins((rows[i], rows[j]), likeness) for i, j, likeness in json.loads(path.read_text())]


def _search(groups: Mapping[tuple[str, str], Sequence[Sample]], least: float) -> list[tuple[int, int, float]]:
    """(row, row, likeness) over the sorted groups' samples, one after the other."""
    order = sorted(groups)
    if not order:
        return []
    faces = np.concatenate([structure(cached_crops(groups[group])) for group in order])
    held = np.concatenate([np.full(len(groups[group]), group[1] != "train") for group in order])
    asked = np.flatnonzero(held)
    mirrored = faces.reshape(-1, _SIDE, _SIDE)[:, :, ::-1].reshape(len(faces), -1)
    found: dict[tuple[int, int], float] = {}
    for start in track(range(0, len(asked), _CHUNK), "looking for twins", transient=True):
        own = asked[start : start + _CHUNK]
        likeness = np.maximum(faces[own] @ faces.T, mirrored[own] @ faces.T)
        likeness[np.arange(len(own)), own] = 0
        for row, other in np.argwhere(likeness >= least):
            pair = (int(own[row]), int(other))
            # two held faces find each other: once is enough
            if pair[::-1] not in found:
                found[pair] = round(float(likeness[row, other]), 4)
    return sorted(((i, j, value) for (i, j), value in found.items()), key=lambda pair: (-pair[2], pair))


def structure(crops: np.ndarray) -> np.ndarray:
    """The fine structure of the middle of faces.

    Args:
        crops: [N, S, S, 3] uint8 aligned crops, S >= 112.

    Returns:
        [N, 784] float32 rows of length 1, whose products are correlations.
    """
    rows = np.empty((len(crops), _SIDE * _SIDE), np.float32)
    window = _window()
    for i, crop in enumerate(crops):
        gray = cv2.cvtColor(np.ascontiguousarray(centre(crop)), cv2.COLOR_RGB2GRAY)
        small = cv2.resize(gray, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
        # light and skin, which many share, are coarse
        fine = (small - cv2.GaussianBlur(small, (0, 0), 2.5)) * window
        fine -= window * (fine.sum() / window.sum())
        rows[i] = fine.ravel() / max(1e-3, float(np.linalg.norm(fine)))
    return rows


def _window() -> np.ndarray:
    """Eyes, nose and mouth: what a face that was cut out along its outline shows, too."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE] / (_SIDE - 1)
    away = ((x - 0.5) / 0.32) ** 2 + ((y - 0.52) / 0.38) ** 2
    return (1 / (1 + away**4)).astype(np.float32)
