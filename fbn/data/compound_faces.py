"""From labelled pictures to aligned crops and an account of what cannot be used: looked at once, kept in the cache."""

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

#: Pictures between two looks at whether to stop; that many crops are in memory.
_BLOCK, _THREADS = 128, 2
_SIDE = SIZE + 2 * MARGIN
#: Thumbnails correlated so highly are one picture, saved anew or a moment later: a picture and its copy, compressed or
#: halved, were seen to have .990 or more, two of 1,100 drawn faces .980 at most.
_SAME, _THUMB, _ROWS = 0.988, 16, 512
#: Told of the share done; raises where the work is to stop.
Watch = Callable[[float], None]


@dataclass(frozen=True)
class Coverage:
    """What of some labelled pictures can be used.

    Attributes:
        found: labelled pictures.
        used: class -> pictures that are used.
        parts: ``"train"``, ``"test"`` -> class -> pictures used; empty where the data have no parts.
        unreadable: path and reason of each picture that cannot be decoded; left out.
        faceless: paths of pictures in which no face was found.
        faceless_kept: whether those are used, as crops.
        duplicates: path, and that of the picture it is a copy of; left out.
        contradictory: for each picture that is there under several classes its paths and classes; all left out.
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
        """Plain values, for JSON."""
        return json.loads(json.dumps(asdict(self)))


@dataclass(frozen=True)
class Faces:
    """Labelled faces that can be used.

    Attributes:
        name: of the data.
        layout: see ``Labelled``.
        classes: those with pictures that are used.
        samples: n usable pictures by path; ``compound`` is the class, ``part`` the official part or "".
        labels: [n] index into ``classes``.
        groups: [n] pictures that look the same, copies saved anew or frames of a moment, have the same number.
        crops: [N, 144, 144, 3] uint8 RGB of all pictures that were looked at, backed by a file.
        rows: [n] the samples' rows of ``crops``.
        coverage: of all that was found.
        key: changes with the pictures.
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
        """[n] pictures of the official test part; None where there is none."""
        test = np.array([sample.part == "test" for sample in self.samples])
        return test if test.any() else None


@dataclass(frozen=True)
class _Look:
    """What was seen of a picture: hash of its pixels, its crop's thumbnail, whether it has a face, or an error."""

    pixels: str = ""
    thumbnail: str = ""
    face: bool = False
    error: str = ""


def read_faces(root: Path, crops: bool | None = None, watch: Watch = lambda share: None) -> Faces:
    """Read labels, decode every picture once, find its face, cut it out, tell copies apart.

    Args:
        root: see ``fbn.data.compound``.
        crops: keep pictures without a visible face, as crops; None: only in RAF-DB's layout.
        watch: told of the share done.

    Raises:
        FbnError: the data cannot be used, or no picture of them.
        OSError: the disk is full.
    """
    labelled = read_labels(root)
    keep = labelled.layout == rafdb.COMPOUND if crops is None else crops
    key = _key(root, labelled.samples)
    folder = cache_folder("compound")
    path = folder / f"{key}.npy"
    if not (os.path.exists(path) and os.path.exists(path.with_suffix(".json"))):
        with whole_file(path) as unfinished:
            seen = _cut(unfinished, labelled.samples, watch)
            write_json(path.with_suffix(".json"), [asdict(look) for look in seen])
    looks = [_Look(**look) for look in json.loads(path.with_suffix(".json").read_bytes())]
    return _sorted_out(root, labelled, looks, keep, np.load(path, mmap_mode="r"), key)


def _sorted_out(root: Path, labelled: Labelled, looks: list[_Look], keep: bool, crops: np.ndarray, key: str) -> Faces:
    samples = labelled.samples
    copies: dict[str, list[int]] = defaultdict(list)
    usable, unreadable, faceless = [], [], []
    for row, (sample, look) in enumerate(zip(samples, looks, strict=True)):
        if look.error:
            unreadable.append((sample.path, look.error))
            continue
        if not look.face:
            faceless.append(sample.path)
        if look.face or keep:
            copies[look.pixels].append(row)
    duplicates, contradictory = [], []
    for alike in copies.values():
        # the training copy stays: nothing that is measured was learned from
        first, *others = sorted(alike, key=lambda row: (samples[row].part == "test", samples[row].path))
        if len({samples[row].compound for row in alike}) > 1:
            contradictory.append(tuple((samples[row].path, samples[row].compound) for row in alike))
            continue
        usable.append(first)
        duplicates += [(samples[row].path, samples[first].path) for row in others]
    rows = np.array(sorted(usable), np.intp)
    kept = tuple(samples[row] for row in rows)
    if not kept:
        why = f"{len(unreadable)} unreadable, {len(faceless)} without a face, {len(contradictory)} under two classes"
        raise FormatError(f"{root}: none of its {len(samples)} labelled pictures can be used: {why}")
    counts = Counter(sample.compound for sample in kept)
    classes = tuple(name for name in labelled.classes if counts[name])
    number = {name: i for i, name in enumerate(classes)}
    groups = _alike([looks[row].thumbnail for row in rows])
    coverage = Coverage(
        found=len(samples),
        used={name: counts[name] for name in labelled.classes},
        parts={
            part: dict(Counter(sample.compound for sample in kept if sample.part == part))
            for part in sorted({sample.part for sample in kept if sample.part}, reverse=True)
        },
        unreadable=tuple(unreadable),
        faceless=tuple(faceless),
        faceless_kept=keep,
        duplicates=tuple(duplicates),
        contradictory=tuple(contradictory),
        rejected=tuple((own.path, own.reason) for own in labelled.rejected),
    )
    labels = np.array([number[sample.compound] for sample in kept], np.intp)
    return Faces(root.stem, labelled.layout, classes, kept, labels, groups, crops, rows, coverage, key)


def _cut(path: Path, samples: tuple[Sample, ...], watch: Watch) -> list[_Look]:
    look = partial(_look, make_detector(), Lock())
    seen: list[_Look] = []
    with path.open("wb") as file, ThreadPoolExecutor(_THREADS) as pool:
        # written, not mapped: a full disk is then an error that can be caught
        shape = (len(samples), _SIDE, _SIDE, 3)
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for block in _blocks(samples):
            watch(len(seen) / len(samples))
            for found, crop in pool.map(look, block):
                seen.append(found)
                file.write(crop.tobytes())
    return seen


def _blocks(samples: tuple[Sample, ...]) -> Iterator[tuple[Sample, ...]]:
    for start in range(0, len(samples), _BLOCK):
        yield samples[start : start + _BLOCK]


def _look(detector: Detector, lock: Lock, sample: Sample) -> tuple[_Look, np.ndarray]:
    nothing = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    try:
        data = read_bytes(sample)
        if len(data) > MAX_BYTES:
            raise FormatError(f"{len(data)} bytes, expected at most {MAX_BYTES}")
        picture = decode_picture(io.BytesIO(data), sample.path, lambda note: None)
    except FbnError as error:
        return _Look(error=str(error)), nothing
    except (OSError, RuntimeError) as error:  # no permission; a zip's encrypted or unknown member
        return _Look(error=f"{sample.path}: cannot be read ({error})"), nothing
    points = face_in_crop(picture)
    if points is None:
        with lock:  # detectors hold buffers
            tracks = Tracker(detector, default_network()).step(picture, 0.0)
        points = max(tracks, key=lambda track: track.box.area).landmarks if tracks else None
    crop = align(picture, crop_landmarks(picture) if points is None else points, SIZE, MARGIN)
    pixels = hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).hexdigest()[:32]
    return _Look(pixels, _thumbnail(crop), points is not None), crop


def _thumbnail(crop: np.ndarray) -> str:
    gray = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return cv2.resize(gray, (_THUMB, _THUMB), interpolation=cv2.INTER_AREA).tobytes().hex()


def _alike(thumbnails: list[str]) -> NDArray[np.intp]:
    """[n] the number of the first thumbnail that looks the same, or of the one that that one looks like."""
    small = np.stack([np.frombuffer(bytes.fromhex(own), np.uint8) for own in thumbnails]).astype(np.float32)
    small -= small.mean(1, keepdims=True)
    small /= np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-6)
    groups = np.arange(len(small))
    for start in range(0, len(small), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(small)))
        alike = small[rows] @ small[: rows[-1] + 1].T >= _SAME
        alike[rows - start, rows] = True
        for row, first in zip(rows, alike.argmax(1), strict=True):
            groups[row] = groups[first]
    return groups


def _key(root: Path, samples: tuple[Sample, ...]) -> str:
    detector = "yunet" if yunet_file() else DetectionNetwork().sha256
    kept = tuple(field.name for field in fields(_Look))
    key = hashlib.sha256(repr((SIZE, MARGIN, TEMPLATE.tolist(), default_network().sha256, detector, kept)).encode())
    archive = root.is_file()
    key.update(f"{root.resolve()} {_stamp(root) if archive else ''}".encode(errors="surrogatepass"))
    for sample in samples:
        stamp = "" if archive else _stamp(f"{sample.root}/{sample.path}")
        key.update(f"\n{sample.path} {stamp}".encode(errors="surrogatepass"))
    return key.hexdigest()[:24]


def _stamp(path: str | Path) -> str:
    about = os.stat(path)
    return f"{about.st_size} {about.st_mtime_ns}"
