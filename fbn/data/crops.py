"""Aligned crops of a data set, cached on disk as an array that training reads without decoding pictures."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import overload

import cv2
import numpy as np
from numpy.typing import DTypeLike
from rich.progress import track

from fbn.data.pictures import read_picture
from fbn.faces.align import TEMPLATE, align
from fbn.faces.arrays import as_rgb
from fbn.faces.geometry import Box
from fbn.faces.landmarks import box_landmarks, crop_landmarks, default_network
from fbn.records import Sample
from fbn.resources import cache_folder, whole_file

#: Side of a crop, and width of the margin around a cached one, in pixels.
SIZE, MARGIN = 112, 16
#: Number of threads that decode and align.
_THREADS = 2


def aligned(picture: np.ndarray, margin: int = 0) -> np.ndarray:
    """Align the face in a picture that is already a face crop; training and inference use this same function.

    Args:
        picture: [H, W, 3] uint8 RGB of any size, or another array that ``as_rgb`` accepts.
        margin: width of the margin around the crop in pixels.

    Returns:
        [SIZE + 2 margin, SIZE + 2 margin, 3] uint8 RGB.
    """
    picture = as_rgb(picture)
    return align(picture, crop_landmarks(picture), SIZE, margin)


def crop_of(sample: Sample, margin: int = 0) -> np.ndarray:
    """Return the aligned crop of a sample's face.

    The face is located at ``sample.box``. Without a box, the picture must be a face crop already.

    Args:
        sample: the sample; its picture is read.
        margin: width of the margin around the crop in pixels.

    Returns:
        As ``aligned``.

    Raises:
        MissingFileError, FormatError: the picture cannot be read.
    """
    picture = read_picture(sample)
    if sample.box is not None:
        return align(picture, box_landmarks(picture, Box(*sample.box)), SIZE, margin)
    if sample.border:
        width = round(sample.border * max(picture.shape[:2]))
        picture = cv2.copyMakeBorder(picture, width, width, width, width, cv2.BORDER_CONSTANT)
    return aligned(picture, margin)


class Rows:
    """Selected rows of an array on disk, read on access.

    Args:
        array: [N, ...].
        rows: [n] indices of the rows.
    """

    def __init__(self, array: np.ndarray, rows: np.ndarray) -> None:
        self.array, self.rows = array, rows
        self.filename = getattr(array, "filename", "")

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> np.ndarray: ...
    def __getitem__(self, index: int | slice) -> np.ndarray:
        return self.array[self.rows[index]]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        """Read all selected rows into memory."""
        return np.asarray(self[:], dtype)


#: [N, S, S, 3] uint8 RGB: an array, or selected rows of one.
Crops = np.ndarray | Rows


@overload
def cached_crops(samples: Sequence[Sample]) -> np.ndarray: ...
@overload
def cached_crops(samples: Sequence[Sample], among: Sequence[Sample]) -> Crops: ...
def cached_crops(samples: Sequence[Sample], among: Sequence[Sample] | None = None) -> Crops:
    """Return the crops of samples, with a margin for augmentation; they are computed unless cached.

    Args:
        samples: samples to crop.
        among: all samples of the cache file, a superset of ``samples``; by default ``samples``.

    Returns:
        [N, SIZE + 2 MARGIN, SIZE + 2 MARGIN, 3] uint8 RGB, read-only and memory-mapped; ``Rows`` of it if
            ``among`` has further samples.

    Raises:
        MissingFileError, FormatError: a picture cannot be read; nothing is cached.
    """
    if among is not None and len(among) > len(samples):
        place = {sample.face: i for i, sample in enumerate(among)}
        return Rows(_cached(among), np.array([place[sample.face] for sample in samples]))
    return _cached(samples)


def _cached(samples: Sequence[Sample]) -> np.ndarray:
    path = cache_folder("crops") / f"{crops_key(samples)}.npy"
    if not os.path.exists(path):
        side = SIZE + 2 * MARGIN
        with whole_file(path) as unfinished:
            crops = np.lib.format.open_memmap(unfinished, "w+", np.uint8, (len(samples), side, side, 3))
            _fill(crops, samples)
            crops.flush()
    return np.load(path, mmap_mode="r")


def _fill(crops: np.ndarray, samples: Sequence[Sample]) -> None:
    def one(index: int) -> None:
        crops[index] = crop_of(samples[index], MARGIN)

    name = samples[0].dataset if samples else ""
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in track(pool.map(one, range(len(samples))), f"aligning {name}", len(samples)):
            pass


def crops_key(samples: Sequence[Sample]) -> str:
    """Return the cache key of samples' crops; it depends on the files, the boxes and the alignment."""
    key = hashlib.sha256(repr((SIZE, MARGIN, TEMPLATE.tolist(), default_network().sha256)).encode())
    # resolved, so that the key does not depend on the working directory
    roots = {root: Path(root).resolve() for root in {sample.root for sample in samples}}
    archives = {root for root, path in roots.items() if path.is_file()}
    for root in sorted(roots[root] for root in archives):
        key.update(f"{root} {_file_version(root)}".encode())
    for sample in samples:
        root = roots[sample.root]
        file = "" if sample.root in archives else _file_version(root / sample.path)
        key.update(f"\n{sample.dataset} {root} {sample.path} {sample.box} {sample.border} {file}".encode())
    return key.hexdigest()[:24]


def _file_version(path: Path) -> str:
    """Return size and modification time of a file. A missing file raises an error only when it is read."""
    if not os.path.exists(path):
        return "missing"
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"
