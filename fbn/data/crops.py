"""Aligned crops of a data set, cut once and kept: an array on disk that training reads without decoding."""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from rich.progress import track

from fbn.data.pictures import read_picture
from fbn.faces.align import TEMPLATE, align
from fbn.faces.arrays import as_rgb
from fbn.faces.landmarks import crop_landmarks, default_network
from fbn.records import Sample
from fbn.resources import cache_folder, whole_file

SIZE, MARGIN = 112, 16
_THREADS = 2


def aligned(picture: np.ndarray, margin: int = 0) -> np.ndarray:
    """The crop that training and inference share, of a picture that is a face crop already.

    Args:
        picture: [H, W, 3] uint8 RGB of any size, or another picture that ``as_rgb`` takes.
        margin: pixels of context to keep around it.

    Returns:
        [SIZE + 2 margin, SIZE + 2 margin, 3] uint8 RGB.
    """
    picture = as_rgb(picture)
    return align(picture, crop_landmarks(picture), SIZE, margin)


def cached_crops(samples: Sequence[Sample], cut: Callable[[np.ndarray, int], np.ndarray] = aligned) -> np.ndarray:
    """Crops of all samples with a margin to vary them in, from the cache or cut now.

    Args:
        samples: whose pictures.
        cut: picture, margin -> crop.

    Returns:
        [N, 144, 144, 3] uint8 RGB, read-only and backed by a file.

    Raises:
        MissingFileError, FormatError: a picture cannot be read; nothing is cached then.
    """
    path = cache_folder("crops") / f"{_key(samples, cut)}.npy"
    if not os.path.exists(path):
        side = SIZE + 2 * MARGIN
        with whole_file(path) as unfinished:
            crops = np.lib.format.open_memmap(unfinished, "w+", np.uint8, (len(samples), side, side, 3))
            _fill(crops, samples, cut)
            crops.flush()
    return np.load(path, mmap_mode="r")


def _fill(crops: np.ndarray, samples: Sequence[Sample], cut: Callable[[np.ndarray, int], np.ndarray]) -> None:
    def one(index: int) -> None:
        crops[index] = cut(read_picture(samples[index]), MARGIN)

    name = samples[0].dataset if samples else ""
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in track(pool.map(one, range(len(samples))), f"aligning {name}", len(samples)):
            pass


def _key(samples: Sequence[Sample], cut: Callable[[np.ndarray, int], np.ndarray]) -> str:
    key = hashlib.sha256(repr((SIZE, MARGIN, TEMPLATE.tolist(), cut.__qualname__)).encode())
    if cut is aligned:
        key.update(default_network().sha256.encode())
    # wherever they are named from
    roots = {root: Path(root).resolve() for root in {sample.root for sample in samples}}
    archives = {root for root, path in roots.items() if path.is_file()}
    for root in sorted(roots[root] for root in archives):
        key.update(f"{root} {_stamp(root)}".encode())
    for sample in samples:
        root = roots[sample.root]
        file = "" if sample.root in archives else _stamp(root / sample.path)
        key.update(f"\n{sample.dataset} {root} {sample.path} {file}".encode())
    return key.hexdigest()[:24]


def _stamp(path: Path) -> str:
    """Changes when a file does; a missing one is reported when it is read."""
    if not os.path.exists(path):
        return "missing"
    about = path.stat()
    return f"{about.st_size} {about.st_mtime_ns}"
