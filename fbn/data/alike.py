"""Near-duplicate detection, so that no photograph is in both training and evaluation data.

Data sets collected from the web share photographs that were resized, cropped and compressed differently, so that the
files differ. After alignment of the faces, their fine structure is compared, which differs between two photographs of
one person.
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

#: Correlation of two faces' fine structure from which they count as one photograph. In manual checks of 14 pairs each,
#: all were duplicates above .9, ten between .885 and .9, half below. False positives cost less than missed duplicates.
ALIKE = 0.87
#: Side in pixels of the thumbnails that are compared.
_SIDE = 28
#: Number of faces that are compared with all others in one matrix product.
_CHUNK = 512


@dataclass(frozen=True)
class Twins:
    """Two samples of one photograph, possibly mirrored.

    Attributes:
        members: (split, sample) of both; the first is in a validation or test split.
        likeness: correlation of the two, up to 1.
    """

    members: tuple[tuple[str, Sample], tuple[str, Sample]]
    likeness: float


def without_twins(corpus: Corpus, held_out: Corpus) -> Corpus:
    """Remove training pictures whose photograph is also in a validation or test split.

    Validation pictures whose photograph is in a test split are removed, too; test splits are not changed.

    Args:
        corpus: data sets to train on.
        held_out: data sets to evaluate on; may overlap with ``corpus``.

    Raises:
        MissingFileError, FormatError: a picture cannot be read.
    """
    removed: set[object] = set()
    for pair in find_twins([corpus, held_out]):
        one, other = sorted(((PARTS.index(part), s.face) for part, s in pair.members), key=lambda m: m[0])
        if one[0] < other[0]:
            removed.add((PARTS[one[0]], one[1]))
    remaining = {
        part: tuple(s for s in samples if (part, s.face) not in removed) for part, samples in corpus.samples.items()
    }
    return replace(corpus, samples=remaining, cut=corpus.samples)


def find_twins(corpora: Iterable[Corpus], least: float = ALIKE) -> list[Twins]:
    """Find near-duplicate pairs of a face in a validation or test split and any other face, most similar first.

    Samples with a known subject are left out: their data sets are split by subject and were mostly recorded in a
    laboratory, where frames of one recording are all similar. The result is cached.

    Args:
        corpora: corpora to search; a data set in several of them is searched once.
        least: lowest correlation of a pair, in (0, 1].

    Raises:
        MissingFileError, FormatError: a picture cannot be read.
    """
    groups: dict[tuple[str, str], Sequence[Sample]] = {}
    for corpus in corpora:
        for part in PARTS:
            for name in corpus.names:
                if samples := [s for s in corpus.samples[part] if s.dataset == name and not s.subject]:
                    groups[name, part] = samples
    key = hashlib.sha256(repr((least, _SIDE, sorted(groups))).encode())
    for group in sorted(groups):
        key.update(crops_key(groups[group]).encode())
    path = cache_folder("alike") / f"{key.hexdigest()[:24]}.json"
    if not path.exists():
        pairs = _search(groups, least)
        with whole_file(path) as unfinished:
            unfinished.write_text(json.dumps(pairs))
    rows = [(part, sample) for (_, part), samples in sorted(groups.items()) for sample in samples]
    return [Twins((rows[i], rows[j]), likeness) for i, j, likeness in json.loads(path.read_text())]


def _search(groups: Mapping[tuple[str, str], Sequence[Sample]], least: float) -> list[tuple[int, int, float]]:
    """Return (row, row, likeness) of each pair; rows count the samples of the sorted groups."""
    order = sorted(groups)
    if not order:
        return []
    faces = np.concatenate([structure(cached_crops(groups[group])) for group in order])
    held_out = np.concatenate([np.full(len(groups[group]), group[1] != "train") for group in order])
    queries = np.flatnonzero(held_out)
    mirrored = faces.reshape(-1, _SIDE, _SIDE)[:, :, ::-1].reshape(len(faces), -1)
    pairs: dict[tuple[int, int], float] = {}
    for start in track(range(0, len(queries), _CHUNK), "looking for twins", transient=True):
        chunk = queries[start : start + _CHUNK]
        likeness = np.maximum(faces[chunk] @ faces.T, mirrored[chunk] @ faces.T)
        likeness[np.arange(len(chunk)), chunk] = 0
        for row, other in np.argwhere(likeness >= least):
            pair = (int(chunk[row]), int(other))
            # two held-out faces match in both directions: keep one pair
            if pair[::-1] not in pairs:
                pairs[pair] = round(float(likeness[row, other]), 4)
    return sorted(((i, j, value) for (i, j), value in pairs.items()), key=lambda pair: (-pair[2], pair))


def structure(crops: np.ndarray) -> np.ndarray:
    """Compute a descriptor of the fine structure of faces.

    Args:
        crops: [N, S, S, 3] uint8 aligned crops, S >= 112.

    Returns:
        [N, 784] float32 unit vectors, whose dot products are correlations.
    """
    rows = np.empty((len(crops), _SIDE * _SIDE), np.float32)
    window = _window()
    for i, crop in enumerate(crops):
        gray = cv2.cvtColor(np.ascontiguousarray(centre(crop)), cv2.COLOR_RGB2GRAY)
        small = cv2.resize(gray, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
        # subtract the coarse structure (illumination, skin tone), which many faces have in common
        fine = (small - cv2.GaussianBlur(small, (0, 0), 2.5)) * window
        fine -= window * (fine.sum() / window.sum())
        rows[i] = fine.ravel() / max(1e-3, float(np.linalg.norm(fine)))
    return rows


def _window() -> np.ndarray:
    """Return weights of the eyes, nose and mouth, which faces cut out along their outline contain, too."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE] / (_SIDE - 1)
    distance = ((x - 0.5) / 0.32) ** 2 + ((y - 0.52) / 0.38) ** 2
    return (1 / (1 + distance**4)).astype(np.float32)
