"""Teacher labels for the detector's training pictures, computed once and cached.

YuNet is applied to each picture at its original size, at twice that size, and padded by repeating its edge. Confident
detections are labels, uncertain ones are ignored by the loss. An uncertain detection that agrees with one of ExpW's
annotated boxes is a label too; annotated faces that YuNet does not detect are ignored.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import skimage
from rich.progress import track

from fbn.data.corpus import load_corpus
from fbn.data.pictures import read_file, read_picture
from fbn.data.sources import expw, find
from fbn.errors import FormatError
from fbn.faces.align import TEMPLATE, similarity
from fbn.faces.geometry import Box
from fbn.relatedness import RelatednessTable
from fbn.resources import cache_folder, whole_file
from fbn.synthetic.domains import Domain
from fbn.synthetic.render import render
from fbn.synthetic.world import World
from fbn.training.detector.pictures import EXPW, SETS, Answers, LabelledPictures

#: Minimum score of the teacher for a confident and for an uncertain detection.
SURE, DOUBTFUL = 0.65, 0.3
#: Fractions of ExpW's pictures in the validation and the test split.
_VALID, _TEST = 0.1, 0.15
#: Maximum Hamming distance of 64-bit hashes for pictures that count as copies.
_COPIES = 5
_VERSION = 3
#: Pictures of scikit-image without a human face; the astronaut is used in tests.
_FACELESS: tuple[str, ...] = (
    "brick",
    "cell",
    "chelsea",
    "coffee",
    "coins",
    "color",
    "grass",
    "gravel",
    "horse",
    "hubble_deep_field",
)
_FACELESS += ("ihc", "logo", "microaneurysms", "moon", "motorcycle_left", "page", "phantom", "retina", "rocket", "text")


class Teacher:
    """YuNet with test-time augmentation.

    Args:
        file: its ONNX file.
    """

    def __init__(self, file: Path) -> None:
        self._network = cv2.FaceDetectorYN.create(str(file), "", (320, 320), DOUBTFUL)

    def __call__(self, image: np.ndarray, human: np.ndarray) -> Answers:
        """Label the faces of a picture [H, W, 3] uint8 RGB with human-annotated boxes ``human`` [n, 4]."""
        height, width = image.shape[:2]
        rows = [self._read(image, 1.0, 0)]
        if max(height, width) <= 640:
            rows.append(self._read(image, 2.0, 0))
        rows.append(self._read(image, 1.0, max(height, width) // 4))
        merged, views = _merged(np.concatenate(rows))
        annotated = np.array([any(_overlap(row, box) > 0.35 for box in human) for row in merged], bool)
        score = merged[:, 14] if len(merged) else np.zeros(0)
        sure = (score >= SURE) & (views >= 2) | (score >= 0.8) | annotated
        boxes, points = merged[:, :4], merged[:, 4:14].reshape(-1, 5, 2)
        missed = [box for box in human if all(_overlap(row, box) < 0.35 for row in merged)]
        boxes = np.concatenate([boxes, np.array(missed, np.float32).reshape(-1, 4)])
        points = np.concatenate([points, np.zeros((len(missed), 5, 2), np.float32)])
        sure = np.concatenate([sure, np.zeros(len(missed), bool)])
        return Answers(boxes.astype(np.float32), points.astype(np.float32), sure)

    def _read(self, image: np.ndarray, scale: float, border: int) -> np.ndarray:
        """Return [n, 15] box, points and score of each detection, in pixels of ``image``."""
        if scale != 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        if border:
            image = cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_REPLICATE)
        self._network.setInputSize((image.shape[1], image.shape[0]))
        _, rows = self._network.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        if rows is None:
            return np.zeros((0, 15), np.float32)
        rows = rows.copy()
        rows[:, [0, 1, *range(4, 14)]] -= border
        rows[:, 4:14] = (rows[:, 4:14] + 0.5) / scale - 0.5
        rows[:, :4] = rows[:, :4] / scale
        return rows


def _merged(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the best of each group of overlapping detections, and the size of each group."""
    best: list[np.ndarray] = []
    views: list[int] = []
    for row in rows[np.argsort(-rows[:, 14])]:
        for place, other in enumerate(best):
            if _overlap(row, other) > 0.4:
                views[place] += 1
                break
        else:
            best.append(row)
            views.append(1)
    return np.array(best, np.float32).reshape(-1, 15), np.array(views, int)


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    return Box(*map(float, a[:4])).overlap(Box(*map(float, b[:4])))


def read_expw(root: Path) -> dict[str, np.ndarray]:
    """Read ExpW's boxes: path of each picture -> [n, 4] left, top, width, height. Raises as ``expw.read``."""
    boxes: dict[str, list[object]] = defaultdict(list)
    for sample in expw.read(root).samples:
        boxes[sample.path].append(sample.box)
    return {path: np.array(rows, np.float32) for path, rows in sorted(boxes.items())}


def _decoded(root: Path, path: str) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(read_file(root, path), np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise FormatError(f"{root}: {path} cannot be read as a picture")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _part(path: str) -> int:
    number = int.from_bytes(hashlib.sha256(path.encode()).digest()[:4], "big") / 2**32
    return 2 if number < _TEST else 1 if number < _TEST + _VALID else 0


def _outline(image: np.ndarray) -> np.ndarray:
    """Return a 64-bit difference hash: whether each of 8x8 regions is brighter than the one to its right."""
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
    return np.packbits(small[:, :-1] > small[:, 1:])


def without_copies(part: np.ndarray, outlines: np.ndarray) -> np.ndarray:
    """Return ``part`` with -1 for training and validation pictures that are copies of one in a later split.

    Args:
        part: [N] 0 train, 1 valid, 2 test.
        outlines: [N, 8] uint8 difference hashes.
    """
    part = part.copy()
    for number in (0, 1):
        later = outlines[part > number]
        for index in np.flatnonzero(part == number):
            bits = np.bitwise_count(later ^ outlines[index]).sum(1)
            if len(bits) and bits.min() <= _COPIES:
                part[index] = -1
    return part


Item = tuple[str, np.ndarray, Answers, np.ndarray, int]


def _expw(root: Path, teacher: Teacher, most: int) -> Iterator[Item]:
    archive = find(root, EXPW)
    for path, human in track(list(read_expw(archive).items())[:most], "teacher reads expw"):
        image = _decoded(archive, path)
        yield EXPW, image, teacher(image, human), human, _part(path)


def _crops(root: Path, teacher: Teacher, name: str, most: int) -> Iterator[Item]:
    samples = sorted(load_corpus(root, [name]).samples["train"], key=lambda s: hashlib.sha256(s.path.encode()).digest())
    for sample in track(samples[:most], f"teacher reads {name}"):
        image = read_picture(sample)
        yield name, image, teacher(image, np.zeros((0, 4))), np.zeros((0, 4)), 0


def _synthetic_people(count: int, fit: np.ndarray) -> Iterator[Item]:
    """Yield drawn people, with boxes placed around their landmarks like the teacher's boxes on photographs."""
    domain = Domain(name="detector", yaw=28, pitch=14, roll=8, zoom=(0.4, 0.9), light=40, backgrounds=count)
    world = World(RelatednessTable.named("du2014"), 11, domain)
    for index in track(range(count), "drawing people"):
        picture = render(world.draw(index).face, 160)
        box = box_about(picture.landmarks, fit)
        yield "drawn", picture.image, Answers(box[None], picture.landmarks[None], np.ones(1, bool)), np.zeros((0, 4)), 0


def box_about(points: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Return the [4] box around five points, by a ``fit`` of ``fit_boxes``."""
    scale, corner = _frame(points)
    return np.concatenate([corner + fit[:2] * scale, fit[2:] * scale]).astype(np.float32)


def fit_boxes(boxes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the [4] median position and size of boxes [n, 4] in the frame of their points [n, 5, 2]."""
    frames = [_frame(five) for five in points]
    places = [(box[:2] - corner) / scale for box, (scale, corner) in zip(boxes, frames, strict=True)]
    sizes = [box[2:] / scale for box, (scale, _) in zip(boxes, frames, strict=True)]
    return np.concatenate([np.median(places, 0), np.median(sizes, 0)]).astype(np.float32)


def _frame(points: np.ndarray) -> tuple[float, np.ndarray]:
    matrix = similarity(TEMPLATE, points)
    return float(np.hypot(matrix[0, 0], matrix[1, 0])), points.mean(0)


def _faceless() -> Iterator[Item]:
    folder = Path(skimage.__file__).parent / "data"
    for name in _FACELESS:
        file = next(path for path in folder.iterdir() if path.stem == name)
        image = _decoded(folder, file.name)
        scale = min(1.0, 512 / max(image.shape[:2]))
        yield (
            "faceless",
            cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA),
            Answers.none(),
            np.zeros((0, 4)),
            0,
        )


def labelled(root: Path, yunet: Path, most: int = 100_000, drawn: int = 2000) -> LabelledPictures:
    """Return all pictures with their labels, from the cache or labelled by the teacher now.

    Args:
        root: folder of the data sets; ExpW, CelebA and AffectNet are used.
        yunet: the teacher's file.
        most: maximum number of pictures per data set.
        drawn: number of drawn people.
    """
    key = hashlib.sha256(repr((_VERSION, most, drawn, SURE, DOUBTFUL, str(root.resolve()))).encode())
    key.update(yunet.read_bytes())
    folder = cache_folder("detector")
    pixels, labels = (folder / f"{key.hexdigest()[:16]}.{kind}" for kind in ("bin", "npz"))
    if not labels.exists():
        _make(root, yunet, most, drawn, pixels, labels)
    with np.load(labels) as arrays:
        return LabelledPictures(np.memmap(pixels, np.uint8, "r"), **dict(arrays))


def _make(root: Path, yunet: Path, most: int, drawn: int, pixels: Path, labels: Path) -> None:
    teacher = Teacher(yunet)
    items: dict[str, list[np.ndarray]] = {name: [] for name in ("shape", "boxes", "points", "sure", "human", "outline")}
    source, part = [], []

    def each() -> Iterator[Item]:
        yield from _expw(root, teacher, most)
        yield from _crops(root, teacher, "celeba", most)
        yield from _crops(root, teacher, "affectnet", most)
        sure = np.concatenate(items["sure"])
        yield from _synthetic_people(
            drawn, fit_boxes(np.concatenate(items["boxes"])[sure], np.concatenate(items["points"])[sure])
        )
        yield from _faceless()

    with whole_file(pixels) as unfinished, unfinished.open("wb") as file:
        for name, image, faces, human, split in each():
            file.write(image.tobytes())
            source.append(SETS.index(name))
            part.append(split)
            rows = (image.shape[:2], faces.boxes, faces.points, faces.sure, human, _outline(image))
            for key, row in zip(items, rows, strict=True):
                items[key].append(np.asarray(row))
    shape = np.array(items["shape"], np.int64)
    parts, sets = np.array(part), np.array(source)
    photographs = sets == SETS.index(EXPW)
    parts[photographs] = without_copies(parts[photographs], np.array(items["outline"])[photographs])
    with whole_file(labels) as unfinished:
        np.savez(
            unfinished,
            start=np.concatenate([[0], np.cumsum(shape.prod(1) * 3)])[:-1],
            shape=shape,
            source=sets,
            part=parts,
            first=np.concatenate([[0], np.cumsum([len(rows) for rows in items["boxes"]])]),
            boxes=np.concatenate(items["boxes"]).astype(np.float32),
            points=np.concatenate(items["points"]).astype(np.float32),
            sure=np.concatenate(items["sure"]).astype(bool),
            human_first=np.concatenate([[0], np.cumsum([len(rows) for rows in items["human"]])]),
            human=np.concatenate(items["human"]).astype(np.float32),
        )
