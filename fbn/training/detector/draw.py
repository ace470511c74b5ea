"""Training pictures for the detector: photographs scaled, rotated, tiled, pasted, occluded, and negatives.

Coordinates are measured from the picture's edge: the centre of the first pixel is at 0.5.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from fbn.faces.align import TEMPLATE
from fbn.training.detector.pictures import SETS, Answers, LabelledPictures

#: Side in pixels of a training picture.
SIDE = 256
#: Smaller faces, in pixels, are ignored by the loss.
SMALLEST = 10.0
#: Minimum visible fraction of a face's box; less visible faces are ignored by the loss.
_VISIBLE = 0.4
_MIRROR = [1, 0, 2, 4, 3]
#: Probability of each data set when a picture is drawn.
_PROBABILITIES = {"expw": 0.72, "celeba": 0.1, "affectnet": 0.1, "drawn": 0.08}
_TEMPLATE = (TEMPLATE - TEMPLATE.mean(0)) @ np.array([1, 1j])


@dataclass
class Drawn:
    """A training picture.

    Attributes:
        image: [S, S, 3] uint8 RGB.
        boxes: [n, 4] float32 left, top, width, height of the faces to detect.
        points: [n, 5, 2] float32 landmarks, may be outside the picture.
        ignored: [m, 4] boxes that the loss ignores.
    """

    image: np.ndarray
    boxes: np.ndarray
    points: np.ndarray
    ignored: np.ndarray


def roll_of(points: np.ndarray) -> np.ndarray:
    """Return [..., 2] cosine and sine of the clockwise in-plane rotation of faces with points [..., 5, 2]."""
    places = points @ np.array([1, 1j])
    factor = ((places - places.mean(-1, keepdims=True)) * np.conj(_TEMPLATE)).sum(-1)
    factor /= np.maximum(np.abs(factor), 1e-9)
    return np.stack([factor.real, factor.imag], -1).astype(np.float32)


class Artist:
    """Draws training pictures from labelled ones.

    Args:
        labelled: pictures with labels; those of the training split are used.
        side: side of the drawn pictures, in pixels.
    """

    def __init__(self, labelled: LabelledPictures, side: int = SIDE) -> None:
        self._labelled, self._side = labelled, side
        self._pictures = {name: labelled.of(name) for name in SETS}
        self._probabilities = {name: p for name, p in _PROBABILITIES.items() if len(self._pictures[name])}
        train = set(labelled.of("expw").tolist())
        self._rooms = [(index, room) for index, room in labelled.faceless_rooms.items() if index in train]

    def __call__(self, rng: np.random.Generator) -> Drawn:
        """Draw one picture, before photometric augmentation (``develop``)."""
        kind = rng.random()
        if kind < 0.33:
            drawn = self._scene(rng, self._side, 22, 1.35)
        elif kind < 0.78:
            drawn = self._tiles(rng)
        elif kind < 0.87:
            drawn = self._pasted(rng)
        else:
            drawn = self._nothing(rng)
        _hide(drawn, rng, self)
        return drawn

    def backdrop(self, rng: np.random.Generator, side: int) -> np.ndarray:
        """Return a picture [side, side, 3] without a face."""
        kind = rng.random()
        if kind < 0.15:
            return np.full((side, side, 3), rng.integers(0, 256, 3 if rng.random() < 0.5 else 1), np.uint8)
        if kind < 0.35 or not self._rooms:
            return texture(rng, side)
        if kind < 0.45 and len(faceless := self._pictures["faceless"]):
            image = self._labelled.picture(int(rng.choice(faceless)))
        else:
            index, room = self._rooms[rng.integers(len(self._rooms))]
            x, y, w, h = int(room.x), int(room.y), int(room.w), int(room.h)
            image = self._labelled.picture(index)[y : y + h, x : x + w]
        length = rng.uniform(0.4, 1.0) * min(image.shape[:2])
        x = rng.uniform(0, image.shape[1] - length)
        y = rng.uniform(0, image.shape[0] - length)
        part = image[int(y) : int(y + length) + 1, int(x) : int(x + length) + 1]
        how = cv2.INTER_AREA if length > side else cv2.INTER_LINEAR
        part = cv2.resize(part, (side, side), interpolation=how)
        return np.ascontiguousarray(np.rot90(part, int(rng.integers(4))))

    def _pick(self, rng: np.random.Generator) -> tuple[np.ndarray, Answers]:
        names = list(self._probabilities)
        weights = np.array(list(self._probabilities.values()))
        name = names[rng.choice(len(names), p=weights / weights.sum())]
        index = int(rng.choice(self._pictures[name]))
        return self._labelled.picture(index), self._labelled.answers(index)

    def _scene(self, rng: np.random.Generator, side: int, smallest: float, largest: float) -> Drawn:
        """Return a rotated picture around a face of ``smallest`` pixels to ``largest`` times ``side`` in size."""
        image, answers = self._pick(rng)
        sure = np.flatnonzero(answers.sure)
        height, width = image.shape[:2]
        if len(sure):
            x, y, w, h = answers.boxes[rng.choice(sure)]
            wanted = math.exp(rng.uniform(math.log(smallest), math.log(largest * side)))
            scale = min(wanted / max(w, h), 4.0)
            centre = np.array([x + w / 2, y + h / 2])
        else:
            scale = side / max(height, width) * math.exp(rng.uniform(-0.5, 0.5))
            centre = np.array([rng.uniform(0, width), rng.uniform(0, height)])
        spread = rng.random() < 0.8
        target = rng.uniform(0.02, 0.98, 2) * side if spread else np.clip(rng.normal(0.5, 0.12, 2), 0, 1) * side
        return self._placed(rng, image, answers, centre, target, scale, side)

    def _placed(
        self,
        rng: np.random.Generator,
        image: np.ndarray,
        answers: Answers,
        centre: np.ndarray,
        target: np.ndarray,
        scale: float,
        side: int,
    ) -> Drawn:
        boxes, points = answers.boxes, answers.points + np.float32(0.5)
        width = image.shape[1]
        if rng.random() < 0.5:
            image = image[:, ::-1]
            boxes = np.stack([width - boxes[:, 0] - boxes[:, 2], boxes[:, 1], boxes[:, 2], boxes[:, 3]], 1)
            points = (np.array([width, 0], np.float32) + points * np.array([-1, 1], np.float32))[:, _MIRROR]
            centre = np.array([width - centre[0], centre[1]])
        turn = rng.random()
        degrees = 0.0 if turn < 0.35 else rng.normal(0, 14) if turn < 0.78 else rng.uniform(-180, 180)
        aspect = math.exp(rng.normal(0, 0.06)) if rng.random() < 0.4 else 1.0
        cos, sin = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
        matrix = np.array([[cos, -sin], [sin, cos]]) * np.array([aspect, 1 / aspect])
        shift = target - matrix @ centre
        warped = self._warp(rng, image, matrix, shift, side)
        # the box of a rotated picture bounds the rotated ellipse
        middles = (boxes[:, :2] + boxes[:, 2:] / 2) @ matrix.T + shift
        halves = np.sqrt((boxes[:, 2:] / 2) ** 2 @ (matrix**2).T)
        placed = np.concatenate([middles - halves, 2 * halves], 1).astype(np.float32)
        return _visible(warped, placed, (points @ matrix.T + shift).astype(np.float32), answers.sure)

    def _warp(
        self, rng: np.random.Generator, image: np.ndarray, matrix: np.ndarray, shift: np.ndarray, side: int
    ) -> np.ndarray:
        image = np.ascontiguousarray(image)
        scale = math.sqrt(abs(np.linalg.det(matrix)))
        if scale < 0.6:
            height, width = image.shape[:2]
            shape = max(2, round(width * scale * 1.5)), max(2, round(height * scale * 1.5))
            image = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
            matrix = matrix @ np.diag([width / shape[0], height / shape[1]])
        centred = np.column_stack([matrix, shift + matrix @ [0.5, 0.5] - 0.5])
        how = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LINEAR)[rng.integers(3)]
        border = rng.random()
        if border < 0.4 or side < self._side / 2:
            return cv2.warpAffine(image, centred, (side, side), flags=how, borderMode=cv2.BORDER_REPLICATE)
        if border < 0.6:
            colour = (0, 0, 0) if rng.random() < 0.5 else tuple(map(int, rng.integers(0, 256, 3)))
            return cv2.warpAffine(image, centred, (side, side), flags=how, borderValue=colour)
        under = self.backdrop(rng, side)
        cv2.warpAffine(image, centred, (side, side), under, flags=how, borderMode=cv2.BORDER_TRANSPARENT)
        return under

    def _tiles(self, rng: np.random.Generator) -> Drawn:
        """Return several pictures in a grid."""
        count = int(rng.choice([2, 2, 3, 4]))
        edges = np.linspace(0, self._side, count + 1).astype(int)
        canvas = np.zeros((self._side, self._side, 3), np.uint8)
        parts: list[Drawn] = []
        for row in range(count):
            for column in range(count):
                side = int(max(edges[row + 1] - edges[row], edges[column + 1] - edges[column]))
                tile = self._scene(rng, side, SMALLEST + 1, 1.1)
                x, y = int(edges[column]), int(edges[row])
                canvas[y : y + side, x : x + side] = tile.image[: self._side - y, : self._side - x]
                at = np.array([x, y, 0, 0], np.float32)
                parts.append(Drawn(canvas, tile.boxes + at, tile.points + at[:2], tile.ignored + at))
        return _joined(canvas, parts)

    def _pasted(self, rng: np.random.Generator) -> Drawn:
        """Return heads pasted on another picture."""
        canvas = self.backdrop(rng, self._side)
        parts: list[Drawn] = []
        taken = np.zeros((0, 4))
        for _ in range(rng.integers(1, 4)):
            tile = self._scene(rng, self._side, 16, 0.8)
            if len(tile.boxes) != 1:
                continue
            x, y, w, h = tile.boxes[0]
            grow = rng.uniform(0.05, 0.5)
            x0, y0 = max(0, int(x - grow * w)), max(0, int(y - grow * h))
            x1, y1 = min(self._side, int(x + (1 + grow) * w)), min(self._side, int(y + (1 + grow) * h))
            cut = np.array([x0, y0, x1, y1])
            if ((taken[:, :2] < cut[2:]).all(1) & (taken[:, 2:] > cut[:2]).all(1)).any():
                continue
            taken = np.concatenate([taken, cut[None]])
            part = tile.image[y0:y1, x0:x1]
            if rng.random() < 0.5:
                mask = np.zeros(part.shape[:2], np.float32)
                middle = ((x1 - x0) // 2, (y1 - y0) // 2)
                cv2.ellipse(mask, middle, (max(1, middle[0]), max(1, middle[1])), 0, 0, 360, 1.0, -1)
                soft = cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.03 * w))[..., None]
                part = (part * soft + canvas[y0:y1, x0:x1] * (1 - soft)).astype(np.uint8)
            canvas[y0:y1, x0:x1] = part
            parts.append(tile)
        return _joined(canvas, parts)

    def _nothing(self, rng: np.random.Generator) -> Drawn:
        """Return a negative: a backdrop, or a scene in shuffled pieces smaller than a face."""
        if rng.random() < 0.7:
            return _joined(self.backdrop(rng, self._side), [])
        scene = self._scene(rng, self._side, 22, 1.35)
        size = float(scene.boxes[:, 2:].max(1).min()) if len(scene.boxes) else 64.0
        return _joined(jigsaw(scene.image, 0.35 * size, rng), [])


def jigsaw(image: np.ndarray, piece: float, rng: np.random.Generator) -> np.ndarray:
    """Cut a picture into squares of about ``piece`` pixels, shuffle and rotate them; the remaining edge is black."""
    side = int(np.clip(piece, 4, min(image.shape[:2]) / 2))
    rows, columns = image.shape[0] // side, image.shape[1] // side
    canvas = np.zeros_like(image)
    for to, source in enumerate(rng.permutation(rows * columns)):
        (y, x), (v, u) = divmod(to, columns), divmod(int(source), columns)
        block = image[v * side : (v + 1) * side, u * side : (u + 1) * side]
        canvas[y * side : (y + 1) * side, x * side : (x + 1) * side] = np.rot90(block, int(rng.integers(4)))
    return canvas


def texture(rng: np.random.Generator, side: int) -> np.ndarray:
    """Draw a texture [side, side, 3] uint8: noise at several scales, stripes, or shapes."""
    picture = np.zeros((side, side, 3), np.float32)
    for cells in rng.choice([2, 3, 5, 8, 16, 32, 64], 3, replace=False):
        coarse = rng.normal(0, 1, (cells, cells, 3 if rng.random() < 0.5 else 1)).astype(np.float32)
        noise = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC if rng.random() < 0.7 else 0)
        picture += rng.uniform(10, 60) * noise.reshape(side, side, -1)
    if rng.random() < 0.3:
        angle, period = rng.uniform(0, math.pi), rng.uniform(3, 60)
        y, x = np.mgrid[:side, :side].astype(np.float32)
        wave = np.sin((x * math.cos(angle) + y * math.sin(angle)) * (2 * math.pi / period))
        picture += rng.uniform(20, 90) * (wave if rng.random() < 0.5 else np.sign(wave))[..., None].astype(np.float32)
    picture = np.clip(picture + rng.uniform(40, 215, 3), 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        for _ in range(rng.integers(2, 24)):
            place = tuple(map(int, rng.integers(0, side, 2)))
            axes = tuple(map(int, rng.integers(2, max(3, side // 4), 2)))
            colour = tuple(map(int, rng.integers(0, 256, 3)))
            if rng.random() < 0.6:
                cv2.ellipse(picture, place, axes, rng.uniform(0, 180), 0, 360, colour, int(rng.choice([-1, -1, 1, 3])))
            else:
                end = (place[0] + axes[0] * 2, place[1] + axes[1] * 2)
                cv2.rectangle(picture, place, end, colour, int(rng.choice([-1, -1, 1, 3])))
    return picture


def _visible(image: np.ndarray, boxes: np.ndarray, points: np.ndarray, sure: np.ndarray) -> Drawn:
    side = image.shape[0]
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    shown = np.clip(np.minimum(high, side) - np.maximum(low, 0), 0, None).prod(1) / np.maximum(
        boxes[:, 2:].prod(1), 1e-6
    )
    centre = (low + high) / 2
    inside = ((centre > 0) & (centre < side)).all(1)
    wanted = sure & inside & (shown >= _VISIBLE) & (boxes[:, 2:].max(1) >= SMALLEST)
    return Drawn(image, boxes[wanted], points[wanted], boxes[~wanted & (shown > 0.02)])


def _joined(image: np.ndarray, parts: list[Drawn]) -> Drawn:
    empty = Drawn(image, np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros((0, 4), np.float32))
    parts = [empty, *parts]
    return Drawn(
        image,
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.ignored for part in parts]),
    )


def _hide(drawn: Drawn, rng: np.random.Generator, artist: Artist) -> None:
    """Occlude parts of some faces, in place, as hands, masks or glasses do."""
    side = drawn.image.shape[0]
    for x, y, w, h in drawn.boxes:
        if rng.random() > 0.22 or max(w, h) < 20:
            continue
        wide, high = rng.uniform(0.15, 0.6, 2)
        if rng.random() < 0.4:  # a band: over the mouth, the eyes, the brow
            wide, high = 1.1, rng.uniform(0.15, 0.4)
        left, top = x + w * rng.uniform(-0.15, 1.1 - wide), y + h * rng.uniform(-0.1, 1.1 - high)
        x0, y0 = int(np.clip(left, 0, side - 1)), int(np.clip(top, 0, side - 1))
        x1, y1 = int(np.clip(left + wide * w, x0 + 1, side)), int(np.clip(top + high * h, y0 + 1, side))
        view = drawn.image[y0:y1, x0:x1]
        if rng.random() < 0.5:
            cover = np.full_like(view, rng.integers(0, 256, 3))
        else:
            cover = cv2.resize(artist.backdrop(rng, 64), view.shape[1::-1])
        if rng.random() < 0.5:
            mask = np.zeros(view.shape[:2], np.uint8)
            middle = (view.shape[1] // 2, view.shape[0] // 2)
            cv2.ellipse(mask, middle, (max(1, middle[0]), max(1, middle[1])), 0, 0, 360, 1, -1)
            np.copyto(view, cover, where=mask[..., None].astype(bool))
        else:
            view[:] = cover


def mirrored(drawn: Drawn) -> Drawn:
    """Return the mirror image of a picture."""
    side = drawn.image.shape[0]

    def turn(boxes: np.ndarray) -> np.ndarray:
        return np.stack([side - boxes[:, 0] - boxes[:, 2], boxes[:, 1], boxes[:, 2], boxes[:, 3]], 1)

    points = (drawn.points * np.array([-1, 1], np.float32) + np.array([side, 0], np.float32))[:, _MIRROR]
    return Drawn(np.ascontiguousarray(drawn.image[:, ::-1]), turn(drawn.boxes), points, turn(drawn.ignored))


def develop(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Apply photometric augmentation: colour, contrast, resolution, blur, noise, compression."""
    side = image.shape[0]
    if rng.random() < 0.25:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        gains = np.ones(3)
    else:
        gains = rng.uniform(0.75, 1.25, 3) if rng.random() < 0.5 else np.ones(3)
    if rng.random() < 0.85:
        ramp = np.arange(256) / 255
        ramp = ramp ** math.exp(rng.normal(0, 0.35))
        ramp = (ramp - 0.5) * rng.uniform(0.5, 1.35) + 0.5 + rng.uniform(-0.2, 0.2)
        if rng.random() < 0.08:
            ramp = ramp * rng.uniform(0.12, 0.5)
        table = np.clip(255 * ramp[:, None] * gains, 0, 255).astype(np.uint8)
        image = cv2.LUT(image, table.reshape(256, 1, 3))
    if rng.random() < 0.12:
        small = max(24, int(side / rng.uniform(1.3, 3)))
        image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        image = cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)
    elif rng.random() < 0.15:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.0))
    if rng.random() < 0.25:
        noise = np.empty((side, side, 3), np.int16)
        cv2.setRNGSeed(int(rng.integers(2**31)))
        cv2.randn(noise, np.zeros(3), np.full(3, rng.uniform(2, 18)))
        image = cv2.add(image, noise, dtype=cv2.CV_8U)
    if rng.random() < 0.2:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 80))]
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR))
    return np.ascontiguousarray(image)
