"""Recall, false positives, landmark and roll errors of a face detector."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fbn.faces.geometry import Box, Detection
from fbn.training.detector.draw import jigsaw, roll_of, texture
from fbn.training.detector.pictures import EXPW, LabelledPictures, Part

Find = Callable[[np.ndarray], list[Detection]]
#: Minimum IoU of a detection with an annotated box; low, as annotated boxes are looser than detected ones.
OVERLAP = 0.4


@dataclass(frozen=True)
class Scores:
    """A detector's scores, for metrics at any threshold.

    Attributes:
        faces: [n] the best score on each annotated face; 0 if it is not detected.
        false: kind of picture without faces -> scores of the detections in each picture.
    """

    faces: np.ndarray
    false: dict[str, list[np.ndarray]]

    def recall(self, threshold: float) -> float:
        """Return the fraction of annotated faces that are detected."""
        return float((self.faces >= max(threshold, 1e-9)).mean())

    def false_alarms(self, threshold: float) -> dict[str, float]:
        """Return kind of picture -> mean number of false positives per picture."""
        return {
            kind: float(np.mean([(values >= threshold).sum() for values in scores]))
            for kind, scores in self.false.items()
        }


def score(
    find: Find, labelled: LabelledPictures, part: Part, side: int, most: int = 100_000, count: int = 300
) -> Scores:
    """Evaluate a detector on a split of ExpW and on pictures without faces.

    Args:
        find: the detector, with a low threshold.
        labelled: the pictures.
        part: split of ExpW.
        side: longer side of the resized pictures.
        most: maximum number of ExpW pictures.
        count: number of pictures of each kind without faces.
    """
    faces: list[float] = []
    for index in labelled.of(EXPW, part)[:most]:
        image = labelled.picture(index)
        scale = side / max(image.shape[:2])
        found = find(resized(image, scale))
        for x, y, w, h in labelled.drawn_by_people(index) * scale:
            box = Box(float(x), float(y), float(w), float(h))
            faces.append(max((face.score for face in found if face.box.overlap(box) >= OVERLAP), default=0.0))
    false = {
        kind: [np.array([face.score for face in find(image)]) for image in pictures]
        for kind, pictures in faceless(labelled, part, side, count)
    }
    return Scores(np.array(faces), false)


def turned(find: Find, labelled: LabelledPictures, part: Part, side: int, most: int = 200) -> dict[str, float]:
    """Evaluate a detector on rotated pictures, and its landmarks and roll.

    Args:
        find: the detector, with its default threshold.
        labelled: the pictures.
        part: split of ExpW.
        side: longer side of the resized pictures.
        most: maximum number of ExpW pictures.

    Returns:
        recall_0, recall_90, recall_180, recall_270: recall of annotated faces in pictures rotated clockwise. On faces
        that the teacher detects too: landmarks, the median error in interocular distances on upright pictures; roll,
        the median error in degrees over all four rotations, if the detector predicts it.
    """
    hits: dict[int, list[bool]] = {}
    apart, errors = [], []
    for index in labelled.of(EXPW, part)[:most]:
        scale = side / max(labelled.shape[index])
        image = resized(labelled.picture(index), scale)
        answers = labelled.answers(index)
        human, teacher = labelled.drawn_by_people(index) * scale, answers.boxes[answers.sure] * scale
        points = (answers.points[answers.sure] + 0.5) * scale
        for degrees in (0, 90, 180, 270):
            found = find(np.ascontiguousarray(image))
            hits.setdefault(degrees, []).extend(_nearest(found, box) is not None for box in human)
            for box, marks in zip(teacher, points, strict=True):
                if (face := _nearest(found, box)) is None:
                    continue
                if degrees == 0 and face.landmarks is not None:
                    eyes = float(np.hypot(*(marks[0] - marks[1])))
                    apart.append(float(np.hypot(*(face.landmarks + 0.5 - marks).T).mean()) / max(eyes, 1.0))
                if face.roll is not None:
                    cos, sin = roll_of(marks)
                    error = face.roll - np.degrees(np.arctan2(sin, cos))
                    errors.append(abs((error + 180) % 360 - 180))
            # a quarter clockwise
            height = image.shape[0]
            image = np.rot90(image, -1)
            human, teacher = (
                np.stack([height - b[:, 1] - b[:, 3], b[:, 0], b[:, 3], b[:, 2]], 1) for b in (human, teacher)
            )
            points = np.stack([height - points[..., 1], points[..., 0]], -1)
    figures = {f"recall_{degrees}": float(np.mean(values)) for degrees, values in hits.items()}
    for name, values in (("landmarks", apart), ("roll", errors)):
        if values:
            figures[name] = float(np.median(values))
    return figures


def _nearest(found: list[Detection], box: np.ndarray) -> Detection | None:
    wanted = Box(*map(float, box))
    best = max(found, key=lambda face: face.box.overlap(wanted), default=None)
    return best if best is not None and best.box.overlap(wanted) >= OVERLAP else None


def faceless(
    labelled: LabelledPictures, part: Part, side: int, count: int
) -> Iterator[tuple[str, Sequence[np.ndarray]]]:
    """Yield pictures without faces by kind: parts of photographs, shuffled photographs, textures.

    The parts of photographs are those in which the teacher detects no face, rotated by multiples of 90 degrees, as the
    teacher was not applied to them; even so, this metric is biased towards the teacher.
    """
    numbers = labelled.of(EXPW, part)
    rooms = [(index, room) for index in numbers if (room := labelled.faceless_rooms.get(int(index)))]
    photographs = []
    for index, room in rooms[:count]:
        image = labelled.picture(index)
        scale = side / max(image.shape[:2])
        x, y, w, h = int(room.x), int(room.y), int(room.w), int(room.h)
        turned_away = np.rot90(image[y : y + h, x : x + w], 1 + int(index) % 3)
        photographs.append(resized(np.ascontiguousarray(turned_away), scale))
    yield "photographs", photographs
    shuffled = []
    for index in numbers[:count]:
        image = labelled.picture(index)
        boxes = np.concatenate([labelled.drawn_by_people(index), labelled.answers(index).boxes])
        piece = 0.4 * float(boxes[:, 2:].max(1).min())
        image = jigsaw(image, piece, np.random.default_rng([2, int(index)]))
        shuffled.append(resized(image, side / max(image.shape[:2])))
    yield "shuffled", shuffled
    yield "textures", [texture(np.random.default_rng([3, index]), side)[: side * 3 // 4] for index in range(count)]


def resized(image: np.ndarray, scale: float) -> np.ndarray:
    """Resize an image by a factor."""
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=interpolation)
