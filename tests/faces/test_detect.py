"""Detectors: found where the face is, at any scale; nothing is fetched unasked."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut, coffee

from fbn.errors import ChecksumError, FbnError, MissingFileError
from fbn.faces import detect
from fbn.faces.detect import DETECTORS, CascadeDetector, Detector, NetworkDetector, YuNetDetector, make_detector
from fbn.faces.detection_network import DetectionNetwork
from fbn.faces.geometry import Box
from fbn.resources import shipped

#: Around the astronaut's face in skimage's picture, drawn by hand.
FACE = Box(175, 60, 95, 105)
#: Its left eye, right eye, nose, left and right mouth corner as seen in the picture, read off by hand.
LANDMARKS = [[206, 100], [245, 102], [224, 123], [207, 140], [240, 141]]


@pytest.fixture(autouse=True)
def _no_file_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FBN_YUNET", raising=False)
    monkeypatch.setenv("FBN_CACHE", str(tmp_path / "cache"))
    real = detect.urllib.request.urlopen

    def only_files(url: str, **options: object) -> object:
        if not url.startswith("file:"):
            pytest.fail(f"fetched {url}")
        return real(url, **options)

    monkeypatch.setattr(detect.urllib.request, "urlopen", only_files)


@pytest.fixture(scope="module")
def cascade() -> Detector:
    return CascadeDetector()


def check_finds_the_astronaut(detector: Detector) -> None:
    for thorough in (False, True):
        best = detector(astronaut(), thorough)[0]
        assert best.box.overlap(FACE) > 0.5
        assert 0.3 < best.score <= 1


def check_finds_a_small_face(detector: Detector) -> None:
    canvas = np.full((960, 1280, 3), 90, np.uint8)
    canvas[700:820, 900:1020] = cv2.resize(astronaut()[20:260, 100:340], (120, 120), interpolation=cv2.INTER_AREA)
    small = Box(900 + 75 / 2, 700 + 40 / 2, 95 / 2, 105 / 2)
    assert detector(canvas)[0].box.overlap(small) > 0.4


def check_finds_nothing(detector: Detector) -> None:
    for shape in ((1, 1), (15, 400), (20, 3000), (3000, 20), (240, 320)):
        assert detector(np.full((*shape, 3), 127, np.uint8)) == []


def test_cascade_finds_the_astronaut(cascade: Detector) -> None:
    check_finds_the_astronaut(cascade)


def test_cascade_finds_a_small_face_on_the_second_look(cascade: Detector) -> None:
    check_finds_a_small_face(cascade)


def test_cascade_finds_nothing_where_nothing_is(cascade: Detector) -> None:
    check_finds_nothing(cascade)


def test_a_thorough_look_adds_the_small_face_beside_a_large_one(cascade: Detector) -> None:
    canvas = np.full((960, 1280, 3), 90, np.uint8)
    canvas[:700, :700] = cv2.resize(astronaut()[:350, :350], (700, 700))
    canvas[700:820, 900:1020] = cv2.resize(astronaut()[20:260, 100:340], (120, 120), interpolation=cv2.INTER_AREA)
    small = Box(900 + 75 / 2, 700 + 40 / 2, 95 / 2, 105 / 2)
    assert not any(face.box.overlap(small) > 0.4 for face in cascade(canvas))
    assert any(face.box.overlap(small) > 0.4 for face in cascade(canvas, thorough=True))


def check_finds_a_face_that_fills_the_picture(detector: Detector) -> None:
    for x, y, w, h in ((175, 60, 95, 105), (165, 50, 115, 125)):
        close = cv2.resize(astronaut()[y : y + h, x : x + w], (5 * w, 5 * h), interpolation=cv2.INTER_CUBIC)
        assert any(face.box.overlap(Box(0, 0, 5 * w, 5 * h)) > 0.4 for face in detector(close))


def check_finds_the_smallest_faces_in_twelve_megapixels(detector: Detector) -> None:
    canvas = cv2.resize(coffee(), (4000, 3000), interpolation=cv2.INTER_CUBIC)
    places = {}
    for i, width in enumerate((44, 50, 70, 100, 200)):
        side = width * 240 // 95
        x, y = 300 + 700 * i, 1000 + 150 * i
        canvas[y : y + side, x : x + side] = cv2.resize(
            astronaut()[:240, 100:340], (side, side), interpolation=cv2.INTER_AREA
        )
        share = side / 240
        places[width] = Box(x + 75 * share, y + 60 * share, 95 * share, 105 * share)
    found = detector(canvas, thorough=True)
    assert [width for width, box in places.items() if not any(f.box.overlap(box) > 0.4 for f in found)] == []


def test_cascade_finds_a_face_that_fills_the_picture(cascade: Detector) -> None:
    check_finds_a_face_that_fills_the_picture(cascade)


def test_cascade_finds_the_smallest_faces_in_twelve_megapixels(cascade: Detector) -> None:
    check_finds_the_smallest_faces_in_twelve_megapixels(cascade)


@pytest.mark.data
def test_yunet_finds_faces_and_landmarks(data_root: Path) -> None:
    detector = YuNetDetector(data_root / "models" / detect.YUNET_FILE)
    check_finds_the_astronaut(detector)
    check_finds_a_small_face(detector)
    check_finds_a_face_that_fills_the_picture(detector)
    check_finds_the_smallest_faces_in_twelve_megapixels(detector)
    check_finds_nothing(detector)
    points = detector(astronaut())[0].landmarks
    assert points is not None
    assert np.abs(points - LANDMARKS).max() < 6


def test_auto_is_our_own_without_the_file() -> None:
    assert isinstance(make_detector("auto"), NetworkDetector)


@pytest.mark.parametrize(
    "check",
    [
        check_finds_the_astronaut,
        check_finds_a_small_face,
        check_finds_a_face_that_fills_the_picture,
        check_finds_the_smallest_faces_in_twelve_megapixels,
        check_finds_nothing,
    ],
)
def test_our_own_finds(check: Callable[[Detector], None]) -> None:
    check(make_detector("fbn"))


def test_our_own_finds_landmarks() -> None:
    points = make_detector("fbn")(astronaut())[0].landmarks
    assert points is not None
    assert np.abs(points - LANDMARKS).max() < 10


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    for name in ("detector.json", "detector.onnx"):
        (tmp_path / name).write_bytes((shipped("assets/detector") / name).read_bytes())
    DetectionNetwork(tmp_path)
    weights = (tmp_path / "detector.onnx").read_bytes()
    (tmp_path / "detector.onnx").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    with pytest.raises(ChecksumError, match=r"detector\.onnx"):
        DetectionNetwork(tmp_path)


@pytest.mark.data
def test_auto_is_yunet_with_the_file(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_YUNET", str(data_root / "models" / detect.YUNET_FILE))
    assert isinstance(make_detector("auto"), YuNetDetector)


def test_yunet_without_its_file_says_how_to_get_it() -> None:
    with pytest.raises(MissingFileError, match="fbn detector fetch"):
        make_detector("yunet")


def test_a_wrong_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_YUNET", str(tmp_path / "none.onnx"))
    with pytest.raises(MissingFileError, match=r"none\.onnx"):
        make_detector("auto")
    (tmp_path / "none.onnx").write_bytes(b"not a network")
    with pytest.raises(FbnError, match="not a YuNet file"):
        make_detector("auto")


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError, match=", ".join(DETECTORS)):
        make_detector("mtcnn")


def test_fetch_refuses_another_file(tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(b"something else")
    with pytest.raises(ChecksumError, match=detect.YUNET_SHA256):
        detect.fetch_yunet(other.as_uri())
    assert detect.yunet_file() is None


def test_fetch_says_where_to_put_the_file_by_hand(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="by hand"):
        detect.fetch_yunet((tmp_path / "nothing").as_uri())


def test_fetch_keeps_the_right_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "right.onnx"
    source.write_bytes(b"right")
    monkeypatch.setattr(detect, "YUNET_SHA256", detect.hashlib.sha256(b"right").hexdigest())
    file = detect.fetch_yunet(source.as_uri())
    source.unlink()
    assert file.read_bytes() == b"right"
    assert detect.fetch_yunet(source.as_uri()) == file  # the second time nothing is fetched
