"""A teacher labels every face in the pictures the detector learns from, once, into a cache.

YuNet reads each picture at its own size, enlarged twice, and with its edge repeated around it. What it is sure of is a
face; what it half believes is left out of the loss. ExpW's own boxes, drawn by people, raise a doubtful answer to a
face; a labelled face that YuNet does not see at all is left out too.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import skimage
from rich.progress import track

from fbn.data.corpus import load_corpus
from fbn.data.pictures import list_files, read_file, read_picture
from fbn.errors import FormatError
from fbn.faces.align import TEMPLATE, similarity
from fbn.faces.geometry import Box
from fbn.relatedness import RelatednessTable
from fbn.resources import cache_folder, whole_file
from fbn.synthetic.domains import Domain
from fbn.synthetic.render import render
from fbn.synthetic.world import World
from fbn.training.detector.pictures import EXPW, SETS, Answers, LabelledPictures

#: The teacher's score from which an answer is a face, and from which it is at least doubtful.
SURE, DOUBTFUL = 0.65, 0.3
#: Shares of ExpW's pictures kept for choosing and for the final measurement.
_VALID, _TEST = 0.1, 0.15
#: Pictures whose 64-bit outlines differ in so many bits or fewer are copies of each other.
_COPIES = 5
_VERSION = 3
#: Pictures of scikit-image without a human face; the astronaut is kept for tests.
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
    """YuNet, asked several times about one picture.

    Args:
        file: its ONNX file.
    """

    def __init__(self, file: Path) -> None:
        self._network = cv2.FaceDetectorYN.create(str(file), "", (320, 320), DOUBTFUL)

    def __call__(self, image: np.ndarray, human: np.ndarray) -> Answers:
        """Faces in a picture [H, W, 3] uint8 RGB in which people marked the boxes ``human`` [n, 4]."""
        height, width = image.shape[:2]
        rows = [self._read(image, 1.0, 0)]
        if max(height, width) <= 640:
            rows.append(self._read(image, 2.0, 0))
        rows.append(self._read(image, 1.0, max(height, width) // 4))
        merged, views = _merged(np.concatenate(rows))
        believed = np.array([any(_overlap(row, box) > 0.35 for box in human) for row in merged], bool)
        score = merged[:, 14] if len(merged) else np.zeros(0)
        sure = (score >= SURE) & (views >= 2) | (score >= 0.8) | believed
        boxes, points = merged[:, :4], merged[:, 4:14].reshape(-1, 5, 2)
        unseen = [box for box in human if all(_overlap(row, box) < 0.35 for row in merged)]
        boxes = np.concatenate([boxes, np.array(unseen, np.float32).reshape(-1, 4)])
        points = np.concatenate([points, np.zeros((len(unseen), 5, 2), np.float32)])
        sure = np.concatenate([sure, np.zeros(len(unseen), bool)])
        return Answers(boxes.astype(np.float32), points.astype(np.float32), sure)

    def _read(self, image: np.ndarray, scale: float, border: int) -> np.ndarray:
        """[n, 15] box, points and score in the pixels of ``image``."""
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
    """The best of each group of rows that overlap, and in how many views the face was seen."""
    kept: list[np.ndarray] = []
    views: list[int] = []
    for row in rows[np.argsort(-rows[:, 14])]:
        for place, other in enumerate(kept):
            if _overlap(row, other) > 0.4:
                views[place] += 1
                break
        else:
            kept.append(row)
            views.append(1)
    return np.array(kept, np.float32).reshape(-1, 15), np.array(views, int)


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    return Box(*map(float, a[:4])).overlap(Box(*map(float, b[:4])))


def read_expw(root: Path) -> dict[str, np.ndarray]:
    """ExpW's label.lst: path of each picture -> [n, 4] boxes left, top, width, height.

    Raises:
        FormatError: a line that is not ``name face_id top left right bottom confidence label``.
    """
    boxes: dict[str, list[list[float]]] = {}
    for number, line in enumerate(read_file(root, "label/label.lst").decode().splitlines(), 1):
        try:
            name, _, top, left, right, bottom, _, _ = line.split()
            box = [float(left), float(top), float(right) - float(left), float(bottom) - float(top)]
        except ValueError:
            expected = "name face_id top left right bottom confidence label"
            raise FormatError(f"{root}: label/label.lst, line {number}: expected {expected}") from None
        boxes.setdefault(f"image/{name}", []).append(box)
    there = list_files(root)
    return {path: np.array(rows, np.float32) for path, rows in sorted(boxes.items()) if path in there}


def _decoded(root: Path, path: str) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(read_file(root, path), np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise FormatError(f"{root}: {path} cannot be read as a picture")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _part(path: str) -> int:
    share = int.from_bytes(hashlib.sha256(path.encode()).digest()[:4], "big") / 2**32
    return 2 if share < _TEST else 1 if share < _TEST + _VALID else 0


def _outline(image: np.ndarray) -> np.ndarray:
    """64 bits: whether each of 8x8 regions is brighter than the one to its right."""
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
    return np.packbits(small[:, :-1] > small[:, 1:])


def without_copies(part: np.ndarray, outlines: np.ndarray) -> np.ndarray:
    """Parts with -1 where a picture is a copy of one in a later part (test before valid before train).

    Args:
        part: [N] 0 train, 1 valid, 2 test.
        outlines: [N, 8] uint8.
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
    archive = next((path for path in (root / EXPW, root / f"{EXPW}.zip") if path.exists()), root / EXPW)
    for path, human in track(list(read_expw(archive).items())[:most], "teacher reads expw"):
        image = _decoded(archive, path)
        yield EXPW, image, teacher(image, human), human, _part(path)


def _crops(root: Path, teacher: Teacher, name: str, most: int) -> Iterator[Item]:
    samples = sorted(load_corpus(root, [name]).samples["train"], key=lambda s: hashlib.sha256(s.path.encode()).digest())
    for sample in track(samples[:most], f"teacher reads {name}"):
        image = read_picture(sample)
        yield name, image, teacher(image, np.zeros((0, 4))), np.zeros((0, 4)), 0


def _drawn(count: int, fit: np.ndarray) -> Iterator[Item]:
    """Drawn people; their box lies about their points as the teacher's boxes do on photographs."""
    domain = Domain(name="detector", yaw=28, pitch=14, roll=8, zoom=(0.4, 0.9), light=40, backgrounds=count)
    world = World(RelatednessTable.named("du2014"), 11, domain)
    for index in track(range(count), "drawing people"):
        picture = render(world.draw(index).face, 160)
        box = box_about(picture.landmarks, fit)
        yield "drawn", picture.image, Answers(box[None], picture.landmarks[None], np.ones(1, bool)), np.zeros((0, 4)), 0


def box_about(points: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """[4] the box about five points, by a ``fit`` that ``fit_boxes`` made."""
    scale, corner = _frame(points)
    return np.concatenate([corner + fit[:2] * scale, fit[2:] * scale]).astype(np.float32)


def fit_boxes(boxes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """[4] median place and size of boxes [n, 4] in the frame of their points [n, 5, 2]."""
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
    """All pictures with their labels, from the cache or read by the teacher now.

    Args:
        root: folder of the data sets; ExpW, CelebA and AffectNet are read.
        yunet: the teacher's file.
        most: pictures a set.
        drawn: people to draw.
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
        yield from _drawn(drawn, fit_boxes(np.concatenate(items["boxes"])[sure], np.concatenate(items["points"])[sure]))
        yield from _faceless()

    with whole_file(pixels) as unfinished, unfinished.open("wb") as file:
        for name, image, found, human, held in each():
            file.write(image.tobytes())
            source.append(SETS.index(name))
            part.append(held)
            rows = (image.shape[:2], found.boxes, found.points, found.sure, human, _outline(image))
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
