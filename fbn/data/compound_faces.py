"""Aligned crops of a user's labelled pictures, and a report of the pictures that cannot be used. Results are cached."""

import hashlib
import io
import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fbn.context import write_json
from fbn.data.compound import MAX_BYTES, Labelled, read_labels
from fbn.data.crops import MARGIN, SIZE
from fbn.data.pictures import read_bytes
from fbn.data.sources import rafdb
from fbn.errors import FbnError, FormatError
from fbn.faces.align import TEMPLATE, align
from fbn.faces.detect import Detector, make_detector, yunet_file
from fbn.faces.detection_network import DetectionNetwork
from fbn.faces.landmarks import crop_landmarks, default_network, face_in_crop
from fbn.faces.pictures import decode_picture
from fbn.faces.track import Tracker
from fbn.records import Sample
from fbn.resources import cache_folder, whole_file

#: Number of pictures between two checks for cancellation; their crops are in memory together.
_BLOCK = 128
_THREADS = 2
_SIDE = SIZE + 2 * MARGIN
#: Correlation of thumbnails from which two pictures are near-duplicates. Compressed or downscaled copies had .990 or
#: more, pairs of 1,100 different rendered faces at most .980.
_MIN_CORRELATION = 0.988
#: Side of a thumbnail in pixels.
_THUMBNAIL = 16
#: Number of pictures that are compared with all others in one matrix product.
_ROWS = 512
#: Called with the progress in [0, 1]; raises ``Cancelled`` to stop the work.
Watch = Callable[[float], None]


@dataclass(frozen=True)
class Coverage:
    """Report of used and unused pictures.

    Attributes:
        found: number of labelled pictures.
        used: class -> number of used pictures.
        parts: ``"train"``, ``"test"`` -> class -> number of used pictures; empty if the data have no splits.
        unreadable: path and reason of each picture that cannot be decoded; not used.
        faceless: paths of pictures in which no face was detected.
        faceless_kept: whether those are used, as crops.
        duplicates: path of each exact copy, and of the picture that is used instead.
        contradictory: for each picture with copies in several classes, their paths and classes; none is used.
        rejected: path or name, and reason, of rows without a picture and pictures without a label.
    """

    found: int
    used: dict[str, int]
    parts: dict[str, dict[str, int]]
    unreadable: tuple[tuple[str, str], ...]
    faceless: tuple[str, ...]
    faceless_kept: bool
    duplicates: tuple[tuple[str, str], ...]
    contradictory: tuple[tuple[tuple[str, str], ...], ...]
    rejected: tuple[tuple[str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """Convert to values that ``json`` can write."""
        return json.loads(json.dumps(asdict(self)))


@dataclass(frozen=True)
class Faces:
    """Labelled faces for training and evaluation.

    Attributes:
        name: name of the data.
        layout: see ``Labelled``.
        classes: classes with used pictures.
        samples: n used pictures, sorted by path; ``compound`` is the class, ``part`` the official split or "".
        labels: [n] index into ``classes``.
        groups: [n] group number; near-duplicates (recompressed copies, neighbouring frames) have the same number.
        crops: [N, 144, 144, 3] uint8 RGB of all labelled pictures, memory-mapped.
        rows: [n] the samples' rows of ``crops``.
        coverage: report of used and unused pictures.
        key: hash that changes with the pictures.
    """

    name: str
    layout: str
    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    labels: NDArray[np.intp]
    groups: NDArray[np.intp]
    crops: np.ndarray
    rows: NDArray[np.intp]
    coverage: Coverage
    key: str

    @property
    def test(self) -> NDArray[np.bool_] | None:
        """[n] whether a picture is in the official test split; None if there is none."""
        test = np.array([sample.part == "test" for sample in self.samples])
        return test if test.any() else None


@dataclass(frozen=True)
class _PictureInfo:
    """Hash of a picture's pixels, thumbnail of its crop, whether it has a face; or an error."""

    pixels: str = ""
    thumbnail: str = ""
    face: bool = False
    error: str = ""


def read_faces(root: Path, crops: bool | None = None, watch: Watch = lambda progress: None) -> Faces:
    """Read the labels, detect and crop the face of every picture, and remove duplicates.

    Args:
        root: folder or zip; see ``fbn.data.compound``.
        crops: keep pictures without a visible face, as crops; None: only in RAF-DB's layout.
        watch: called with the progress in [0, 1].

    Raises:
        FbnError: the data cannot be used, or none of the pictures can.
        OSError: the disk is full.
    """
    labelled = read_labels(root)
    keep = labelled.layout == rafdb.COMPOUND if crops is None else crops
    key = _key(root, labelled.samples)
    folder = cache_folder("compound")
    path = folder / f"{key}.npy"
    if not (os.path.exists(path) and os.path.exists(path.with_suffix(".json"))):
        with whole_file(path) as unfinished:
            infos = _write_crops(unfinished, labelled.samples, watch)
            write_json(path.with_suffix(".json"), [asdict(info) for info in infos])
    infos = [_PictureInfo(**info) for info in json.loads(path.with_suffix(".json").read_bytes())]
    return _select(root, labelled, infos, keep, np.load(path, mmap_mode="r"), key)


def _select(
    root: Path, labelled: Labelled, infos: list[_PictureInfo], keep: bool, crops: np.ndarray, key: str
) -> Faces:
    samples = labelled.samples
    copies: dict[str, list[int]] = defaultdict(list)
    usable, unreadable, faceless = [], [], []
    for row, (sample, info) in enumerate(zip(samples, infos, strict=True)):
        if info.error:
            unreadable.append((sample.path, info.error))
            continue
        if not info.face:
            faceless.append(sample.path)
        if info.face or keep:
            copies[info.pixels].append(row)
    duplicates, contradictory = [], []
    for group in copies.values():
        # keep the training copy, so that no test picture was trained on
        first, *others = sorted(group, key=lambda row: (samples[row].part == "test", samples[row].path))
        if len({samples[row].compound for row in group}) > 1:
            contradictory.append(tuple((samples[row].path, samples[row].compound) for row in group))
            continue
        usable.append(first)
        duplicates += [(samples[row].path, samples[first].path) for row in others]
    rows = np.array(sorted(usable), np.intp)
    used = tuple(samples[row] for row in rows)
    if not used:
        why = f"{len(unreadable)} unreadable, {len(faceless)} without a face, {len(contradictory)} under two classes"
        raise FormatError(f"{root}: none of its {len(samples)} labelled pictures can be used: {why}")
    counts = Counter(sample.compound for sample in used)
    classes = tuple(name for name in labelled.classes if counts[name])
    number = {name: i for i, name in enumerate(classes)}
    groups = _near_duplicates([infos[row].thumbnail for row in rows])
    coverage = Coverage(
        found=len(samples),
        used={name: counts[name] for name in labelled.classes},
        parts={
            part: dict(Counter(sample.compound for sample in used if sample.part == part))
            for part in sorted({sample.part for sample in used if sample.part}, reverse=True)
        },
        unreadable=tuple(unreadable),
        faceless=tuple(faceless),
        faceless_kept=keep,
        duplicates=tuple(duplicates),
        contradictory=tuple(contradictory),
        rejected=tuple((row.path, row.reason) for row in labelled.rejected),
    )
    labels = np.array([number[sample.compound] for sample in used], np.intp)
    return Faces(root.stem, labelled.layout, classes, used, labels, groups, crops, rows, coverage, key)


def _write_crops(path: Path, samples: tuple[Sample, ...], watch: Watch) -> list[_PictureInfo]:
    process = partial(_process, make_detector(), Lock())
    infos: list[_PictureInfo] = []
    with path.open("wb") as file, ThreadPoolExecutor(_THREADS) as pool:
        # written, not memory-mapped, so that a full disk raises an error that can be caught
        shape = (len(samples), _SIDE, _SIDE, 3)
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for block in _blocks(samples):
            watch(len(infos) / len(samples))
            for info, crop in pool.map(process, block):
                infos.append(info)
                file.write(crop.tobytes())
    return infos


def _blocks(samples: tuple[Sample, ...]) -> Iterator[tuple[Sample, ...]]:
    for start in range(0, len(samples), _BLOCK):
        yield samples[start : start + _BLOCK]


def _process(detector: Detector, lock: Lock, sample: Sample) -> tuple[_PictureInfo, np.ndarray]:
    empty = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    try:
        data = read_bytes(sample)
        if len(data) > MAX_BYTES:
            raise FormatError(f"{len(data)} bytes, expected at most {MAX_BYTES}")
        picture = decode_picture(io.BytesIO(data), sample.path, lambda note: None)
    except FbnError as error:
        return _PictureInfo(error=str(error)), empty
    except (OSError, RuntimeError) as error:  # no permission; a zip's encrypted or unknown member
        return _PictureInfo(error=f"{sample.path}: cannot be read ({error})"), empty
    points = face_in_crop(picture)
    if points is None:
        with lock:  # detectors are not thread-safe
            tracks = Tracker(detector, default_network()).step(picture, 0.0)
        points = max(tracks, key=lambda track: track.box.area).landmarks if tracks else None
    crop = align(picture, crop_landmarks(picture) if points is None else points, SIZE, MARGIN)
    pixels = hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).hexdigest()[:32]
    return _PictureInfo(pixels, _thumbnail(crop), points is not None), crop


def _thumbnail(crop: np.ndarray) -> str:
    gray = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return cv2.resize(gray, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA).tobytes().hex()


def _near_duplicates(thumbnails: list[str]) -> NDArray[np.intp]:
    """Group near-duplicates: [n] index of the first thumbnail of each one's group."""
    small = np.stack([np.frombuffer(bytes.fromhex(text), np.uint8) for text in thumbnails]).astype(np.float32)
    small -= small.mean(1, keepdims=True)
    small /= np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-6)
    groups = np.arange(len(small))
    for start in range(0, len(small), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(small)))
        similar = small[rows] @ small[: rows[-1] + 1].T >= _MIN_CORRELATION
        similar[rows - start, rows] = True
        for row, first in zip(rows, similar.argmax(1), strict=True):
            groups[row] = groups[first]
    return groups


def _key(root: Path, samples: tuple[Sample, ...]) -> str:
    detector = "yunet" if yunet_file() else DetectionNetwork().sha256
    stored = tuple(field.name for field in fields(_PictureInfo))
    key = hashlib.sha256(repr((SIZE, MARGIN, TEMPLATE.tolist(), default_network().sha256, detector, stored)).encode())
    archive = root.is_file()
    key.update(f"{root.resolve()} {_stamp(root) if archive else ''}".encode(errors="surrogatepass"))
    for sample in samples:
        stamp = "" if archive else _stamp(f"{sample.root}/{sample.path}")
        key.update(f"\n{sample.path} {stamp}".encode(errors="surrogatepass"))
    return key.hexdigest()[:24]


def _stamp(path: str | Path) -> str:
    about = os.stat(path)
    return f"{about.st_size} {about.st_mtime_ns}"
