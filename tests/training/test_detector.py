"""The detector's training: labels, drawn pictures and their labels, targets, losses, a run that resumes, the export."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage.data import astronaut, coffee

from fbn.errors import FormatError, MissingFileError
from fbn.faces.align import TEMPLATE
from fbn.faces.detection_network import CHANNELS, DetectionNetwork, cell_centres, read_maps, to_input
from fbn.faces.geometry import Box, Detection
from fbn.training.detector import fit
from fbn.training.detector.draw import Artist, Drawn, develop, jigsaw, mirrored, roll_of, texture
from fbn.training.detector.labels import box_about, fit_boxes, read_expw, without_copies
from fbn.training.detector.measure import score, turned
from fbn.training.detector.network import DetectorBody, losses, targets
from fbn.training.detector.pictures import EXPW, SETS, LabelledPictures

BOX = np.array([175, 60, 95, 105], np.float32)
POINTS = np.array([[207, 110], [246, 109], [229, 130], [209, 146], [246, 146]], np.float32)


@pytest.fixture(scope="module")
def labels() -> LabelledPictures:
    """Six pictures of the astronaut (four to train on), one of no face."""
    pictures = [astronaut()[:400, :400]] * 6 + [coffee()]
    shape = np.array([picture.shape[:2] for picture in pictures])
    faces = [1] * 6 + [0]
    return LabelledPictures(
        pixels=np.concatenate([picture.ravel() for picture in pictures]),
        start=np.concatenate([[0], np.cumsum(shape.prod(1) * 3)])[:-1],
        shape=shape,
        source=np.array([SETS.index(EXPW)] * 6 + [SETS.index("faceless")]),
        part=np.array([0, 0, 0, 0, 1, 2, 0]),
        first=np.concatenate([[0], np.cumsum(faces)]),
        boxes=np.repeat(BOX[None], 6, 0),
        points=np.repeat(POINTS[None], 6, 0),
        sure=np.ones(6, bool),
        human_first=np.concatenate([[0], np.cumsum(faces)]),
        human=np.repeat(BOX[None], 6, 0),
    )


def rotated(points: np.ndarray, degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return points @ np.array([[cos, -sin], [sin, cos]]).T


@pytest.mark.parametrize("degrees", [0, 30, 90, -135, 179])
def test_roll_is_how_far_a_face_is_turned_clockwise(degrees: float) -> None:
    cos, sin = roll_of(rotated(TEMPLATE * 50, degrees) + 7)
    assert np.degrees(np.arctan2(sin, cos)) == pytest.approx(degrees, abs=1e-3)


def test_drawn_labels_stay_on_the_face(labels: LabelledPictures) -> None:
    """The nose tip's surroundings in the drawn picture look like the astronaut's, wherever it was put."""
    artist = Artist(labels)
    faces = 0
    for number in range(60):
        drawn = artist(np.random.default_rng(number))
        assert drawn.image.shape == (256, 256, 3)
        assert drawn.image.dtype == np.uint8
        assert len(drawn.boxes) == len(drawn.points)
        for box, points in zip(drawn.boxes, drawn.points, strict=True):
            faces += 1
            # the points lie in the box, as they did before; an upright box about a turned face is no smaller
            inside = (points - box[:2]) / box[2:]
            assert (inside > -0.1).all()
            assert (inside < 1.1).all()
            size = np.sqrt(box[2] * box[3])
            spread = np.hypot(*(points[0] - points[1])) / size
            assert spread == pytest.approx(39 / np.sqrt(95 * 105), rel=0.2)
    assert faces > 40


def test_the_same_number_gives_the_same_picture(labels: LabelledPictures) -> None:
    artist = Artist(labels)
    one, other = (artist(np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.boxes, other.boxes)


def test_a_mirror_keeps_the_labels_on_the_face(labels: LabelledPictures) -> None:
    drawn = next(own for number in range(20) if len((own := Artist(labels)(np.random.default_rng(number))).boxes))
    other = mirrored(drawn)
    assert (other.image[:, ::-1] == drawn.image).all()
    np.testing.assert_allclose(other.boxes[:, 0] + other.boxes[:, 2], 256 - drawn.boxes[:, 0])
    # left eye and left mouth corner are those on the left of the picture again
    np.testing.assert_allclose(other.points[:, 0, 0], 256 - drawn.points[:, 1, 0])
    np.testing.assert_allclose(roll_of(other.points), roll_of(drawn.points) * [1, -1], atol=1e-5)
    np.testing.assert_allclose(mirrored(other).points, drawn.points, atol=1e-4)


def test_a_camera_changes_colours_not_places() -> None:
    image = astronaut()[:256, :256]
    for number in range(30):
        developed = develop(image, np.random.default_rng(number))
        assert developed.shape == image.shape
        assert developed.dtype == np.uint8
    one, other = (develop(image, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_pictures_without_faces() -> None:
    rng = np.random.default_rng(0)
    assert texture(rng, 96).shape == (96, 96, 3)
    shuffled = jigsaw(astronaut(), 40, rng)
    assert shuffled.shape == astronaut().shape
    assert np.abs(shuffled.astype(int) - astronaut()).mean() > 20


def _drawn(boxes: list[list[float]], ignored: list[list[float]] | None = None) -> Drawn:
    at = np.array(boxes, np.float32).reshape(-1, 4)
    points = at[:, None, :2] + TEMPLATE * at[:, None, 2:]
    left_out = np.array(ignored or [], np.float32).reshape(-1, 4)
    return Drawn(np.zeros((256, 256, 3), np.uint8), at, points.astype(np.float32), left_out)


@pytest.mark.parametrize(("size", "strides"), [(16, {8}), (36, {8, 16}), (64, {16}), (90, {16, 32}), (200, {32})])
def test_each_size_has_its_maps(size: float, strides: set[int]) -> None:
    wanted = targets(_drawn([[30, 30, size, size]]))
    centres, steps = cell_centres(256, 256)
    assert set(steps[wanted["face"]]) == strides
    assert np.abs(centres[wanted["face"]] - (30 + size / 2)).max() <= 48


def test_what_is_left_out_is_no_face_and_no_background() -> None:
    wanted = targets(_drawn([[20, 20, 40, 40]], [[120, 120, 60, 60]]))
    centres, _ = cell_centres(256, 256)
    inside = ((centres >= 120) & (centres <= 180)).all(1)
    assert wanted["ignored"][inside].all()
    assert not wanted["ignored"][~inside].any()
    assert not wanted["face"][inside].any()


def perfect(wanted: dict[str, np.ndarray]) -> np.ndarray:
    """[CHANNELS, P] the maps that say exactly what is wanted."""
    centres, strides = cell_centres(256, 256)
    maps = np.zeros((CHANNELS, len(centres)), np.float32)
    maps[0] = np.where(wanted["face"], 12, -12)
    maps[1:3] = np.log(np.maximum((centres - wanted["box"][:, :2]) / strides[:, None], 1e-3)).T
    maps[3:5] = np.log(np.maximum((wanted["box"][:, 2:] - centres) / strides[:, None], 1e-3)).T
    maps[5:15] = ((wanted["points"] - centres[:, None]) / strides[:, None, None]).reshape(-1, 10).T
    maps[15:17] = wanted["roll"].T
    return maps


def test_what_is_wanted_costs_nothing_and_reads_back() -> None:
    drawn = _drawn([[20, 30, 50, 60], [150, 140, 14, 15], [90, 60, 120, 140]])
    wanted = targets(drawn)
    maps = perfect(wanted)
    stacked = {key: torch.from_numpy(value[None]) for key, value in wanted.items()}
    terms = losses(torch.from_numpy(maps[None]), stacked, 256)
    assert all(float(term) < 1e-3 for term in terms.values()), terms
    found = read_maps(maps, 256, 256, 0.5)
    assert len(found) == 3
    for box, points in zip(drawn.boxes, drawn.points, strict=True):
        face = max(found, key=lambda own: own.box.overlap(Box(*map(float, box))))
        assert face.box.overlap(Box(*map(float, box))) > 0.99
        np.testing.assert_allclose(face.landmarks, points - 0.5, atol=0.01)
        assert face.roll == pytest.approx(0, abs=0.01)


def test_a_run_resumes_and_is_exported(
    labels: LabelledPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit, "BATCH", 2)
    monkeypatch.setattr(fit, "PER_EPOCH", 2)
    monkeypatch.setattr(fit, "_EVERY", 10)
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    fit.fit(labels, whole, 4)
    # an interrupted run holds its first epoch's checkpoint only
    monkeypatch.setattr(
        fit.DetectorTraining, "on_train_epoch_end", lambda self: setattr(self.trainer, "should_stop", 1)
    )
    fit.fit(labels, halves, 4)
    monkeypatch.undo()
    monkeypatch.setattr(fit, "BATCH", 2)
    monkeypatch.setattr(fit, "PER_EPOCH", 2)
    monkeypatch.setattr(fit, "_EVERY", 10)
    assert fit.averaged(halves / "checkpoints/last.ckpt")[1] == 2
    fit.fit(labels, halves, 4)
    body, steps = fit.averaged(halves / "checkpoints/last.ckpt")
    other, _ = fit.averaged(whole / "checkpoints/last.ckpt")
    assert steps == 4
    for name, weights in body.state_dict().items():
        torch.testing.assert_close(weights, other.state_dict()[name], msg=name)

    fit.save(body, tmp_path / "out", 0.3, {"steps": steps})
    network = DetectionNetwork(tmp_path / "out")
    assert network.threshold == 0.3
    for shape in ((96, 128, 3), (64, 64, 3)):
        image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        with torch.no_grad():
            wanted = body(torch.from_numpy(to_input(image))).numpy()
        found = network._session.run(None, {"images": to_input(image)})[0]
        assert found.shape == (1, CHANNELS, shape[0] * shape[1] * 21 // 1024)
        np.testing.assert_allclose(found, wanted, atol=0.01)


def test_an_export_without_a_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"last\.ckpt"):
        fit.main(["-o", str(tmp_path), "--export", str(tmp_path / "out")])


def test_the_network_is_small() -> None:
    assert sum(weights.numel() for weights in DetectorBody().parameters()) < 250_000


def test_expw_boxes_and_a_broken_line(tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    (tmp_path / "label").mkdir()
    cv2.imwrite(str(tmp_path / "image/a_1.webp"), np.zeros((60, 80, 3), np.uint8))
    (tmp_path / "label/label.lst").write_text("a_1.webp 0 5 10 40 35 57.9 2\na_1.webp 1 0 50 70 30 80.1 3\n")
    boxes = read_expw(tmp_path)
    np.testing.assert_array_equal(boxes["image/a_1.webp"], [[10, 5, 30, 30], [50, 0, 20, 30]])
    (tmp_path / "label/label.lst").write_text("a_1.webp 0 5 10 40 35 57.9 2\na_1.webp 0 5 ten 40 35 57.9 2\n")
    with pytest.raises(FormatError, match=r"label\.lst, line 2"):
        read_expw(tmp_path)


def test_a_copy_of_a_held_out_picture_is_not_trained_on() -> None:
    outlines = np.random.default_rng(0).integers(0, 256, (6, 8), np.uint8)
    outlines[1] = outlines[4] ^ np.array([1, 0, 0, 0, 0, 0, 0, 3], np.uint8)
    parts = without_copies(np.array([0, 0, 0, 1, 2, 2]), outlines)
    np.testing.assert_array_equal(parts, [0, -1, 0, 1, 2, 2])


def test_boxes_about_points_follow_their_turn_and_size() -> None:
    rng = np.random.default_rng(0)
    points = np.stack([TEMPLATE * size + rng.uniform(0, 90, 2) for size in (20, 50, 110)])
    boxes = np.array(
        [[*(own.mean(0) - (0.4 * s, 0.5 * s)), 0.8 * s, s] for own, s in zip(points, (20, 50, 110), strict=True)]
    )
    fitted = fit_boxes(boxes, points)
    for box, own in zip(boxes, points, strict=True):
        np.testing.assert_allclose(box_about(own, fitted), box, rtol=1e-4)


def test_scores_count_found_and_false_faces(labels: LabelledPictures) -> None:
    scale = 200 / 400

    def find(image: np.ndarray) -> list[Detection]:
        return [Detection(Box(*map(float, BOX * scale)), 0.8)]

    scores = score(find, labels, "valid", 200, count=3)
    assert scores.recall(0.5) == 1
    assert scores.recall(0.9) == 0
    assert scores.false_alarms(0.5)["textures"] == 1
    assert scores.false_alarms(0.9)["textures"] == 0


def test_turned_pictures_are_measured_where_their_faces_lie(labels: LabelledPictures) -> None:
    """A detector that knows where the astronaut's face is finds it at every quarter turn."""
    upright = astronaut()[:400, :400]

    def find(image: np.ndarray) -> list[Detection]:
        for quarter in range(4):
            if np.array_equal(np.rot90(upright, -quarter), image):
                x, y, w, h = BOX
                for _ in range(quarter):
                    x, y, w, h = 400 - y - h, x, h, w
                cos, sin = roll_of(POINTS)
                roll = float(np.degrees(np.arctan2(sin, cos))) + 90 * quarter
                return [
                    Detection(Box(float(x), float(y), float(w), float(h)), 0.9, POINTS if not quarter else None, roll)
                ]
        return []

    figures = turned(find, labels, "valid", 400)
    assert [figures[f"recall_{degrees}"] for degrees in (0, 90, 180, 270)] == [1, 1, 1, 1]
    assert figures["landmarks"] == pytest.approx(0, abs=1e-5)
    assert figures["roll"] == pytest.approx(0, abs=1e-3)
