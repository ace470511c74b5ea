"""FaceAnalyser: one way for every input, both runtimes the same, a real face found and read."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from fbn.errors import MissingFileError
from fbn.faces.align import align
from fbn.faces.arrays import PictureError
from fbn.faces.frames import Frame, open_source
from fbn.faces.geometry import Box
from fbn.inference import Affect, FaceAnalyser, FrameResult
from fbn.inference.overlay import draw

#: Small enough that the detector looks once.
FACE = astronaut()[:300, 60:360].copy()
#: Read off it by hand: left and right eye, nose tip, mouth corners.
POINTS = np.array([[146, 100], [185, 102], [164, 123], [147, 140], [180, 141]], np.float32)


def same(one: FrameResult, other: FrameResult, atol: float = 0) -> None:
    assert [f.face_id for f in one.faces] == [f.face_id for f in other.faces]
    for a, b in zip(one.faces, other.faces, strict=True):
        assert a.box == b.box
        assert np.array_equal(a.landmarks, b.landmarks)
        assert a.affect.vector() == pytest.approx(b.affect.vector(), abs=atol)


def moved(count: int = 6) -> list[np.ndarray]:
    return [np.roll(FACE, 3 * i, axis=1) for i in range(count)]


def test_a_real_face_is_found_where_it_is(analyser: FaceAnalyser) -> None:
    result = analyser.picture(FACE)
    assert result.size == (300, 300)
    (face,) = result.faces
    assert face.face_id == 0
    assert 0.5 <= face.score <= 1
    # within an eighth of the distance between the eyes
    assert np.linalg.norm(face.landmarks - POINTS, axis=1).mean() < 5
    assert face.box.overlap(Box(100, 50, 125, 125)) > 0.6
    affect = face.affect
    assert affect.expression.sum() == pytest.approx(1, abs=1e-5)
    assert (np.abs(affect.valence_arousal) <= 1).all()
    assert ((affect.action_units >= 0) & (affect.action_units <= 1)).all()


def test_torch_and_onnx_agree(analyser: FaceAnalyser, model_folder: Path) -> None:
    other = FaceAnalyser(model_folder, runtime="torch", detector="cascade")
    same(analyser.picture(FACE), other.picture(FACE), atol=1e-4)
    for a, b in zip(analyser.crops(moved(3)), other.crops(moved(3)), strict=True):
        assert a.vector() == pytest.approx(b.vector(), abs=1e-4)


def test_pictures_of_other_types_are_read_alike(analyser: FaceAnalyser) -> None:
    expected = analyser.picture(FACE)
    with_opacity = np.dstack([FACE, np.full(FACE.shape[:2], 255, np.uint8)])
    for alike in (FACE / 255, FACE.astype(np.uint16) * 257, with_opacity, FACE.transpose(2, 0, 1)):
        same(analyser.picture(alike), expected)
        (streamed,) = analyser.stream([Frame(alike)])
        same(streamed, expected)
        assert np.array_equal(draw(alike, expected), draw(FACE, expected))
        assert analyser.crops([alike])[0].vector() == pytest.approx(analyser.crops([FACE])[0].vector(), abs=1e-6)


def test_what_is_no_picture_is_named(analyser: FaceAnalyser) -> None:
    empty = np.zeros((0, 5, 3), np.uint8)
    with pytest.raises(PictureError, match=r"^picture of shape \[0, 5, 3\]"):
        analyser.picture(empty)
    with pytest.raises(PictureError, match=r"^frame 1: picture of shape \[0, 5, 3\]"):
        analyser.crops([FACE, empty])
    for read in (analyser.stream, analyser.crop_stream):
        with pytest.raises(PictureError, match=r"clip.mp4, frame 7: str is no picture"):
            list(read([Frame("x.png", 7, 0.0, "clip.mp4")]))  # type: ignore[arg-type]
        with pytest.raises(PictureError, match="ndarray is no Frame"):
            list(read([FACE]))  # type: ignore[list-item]
    with pytest.raises(PictureError, match="frame 0: NoneType is no picture"):
        analyser.step(Frame(None))  # type: ignore[arg-type]


def test_a_picture_is_a_stream_of_one_frame(analyser: FaceAnalyser) -> None:
    (streamed,) = analyser.stream([Frame(FACE, 7, 1.5, "clip.mp4")])
    same(analyser.picture(FACE), streamed)
    assert (streamed.input, streamed.index, streamed.timestamp) == ("clip.mp4", 7, 1.5)


def test_a_folder_is_its_pictures_and_a_video_its_frames(analyser: FaceAnalyser, tmp_path: Path) -> None:
    for i, image in enumerate(moved(3)):
        cv2.imwrite(str(tmp_path / f"{i}.png"), image[..., ::-1])
    results = list(analyser.stream(open_source(tmp_path)))
    assert len(results) == 3
    for image, result in zip(moved(3), results, strict=True):
        same(analyser.picture(image), result)
    writer = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (300, 300))
    for image in moved(3):
        writer.write(image[..., ::-1])
    writer.release()
    video = list(open_source(tmp_path / "v.avi"))
    same(next(analyser.stream(iter(video))), analyser.picture(video[0].image))


def test_live_steps_are_the_stream(analyser: FaceAnalyser) -> None:
    frames = [Frame(image, i, i / 30, "camera 0") for i, image in enumerate(moved())]
    streamed = list(analyser.stream(frames))
    analyser.reset()
    for frame, result in zip(frames, streamed, strict=True):
        analyser.picture(moved()[0])  # looking at a picture in between changes nothing
        same(analyser.step(frame), result)
    analyser.reset()
    same(analyser.step(frames[0]), streamed[0])


def test_each_input_is_followed_afresh(analyser: FaceAnalyser) -> None:
    frames = [Frame(image, 0, 0.0, name) for image, name in zip(moved(2), "ab", strict=True)]
    assert [r.faces[0].face_id for r in analyser.stream(frames)] == [0, 0]


def test_a_followed_face_reads_as_a_detected_one(analyser: FaceAnalyser) -> None:
    *_, followed = analyser.stream([Frame(image, i, i / 30, "v") for i, image in enumerate(moved())])
    detected = analyser.picture(moved()[-1])
    assert np.linalg.norm(followed.faces[0].landmarks - detected.faces[0].landmarks, axis=1).max() < 4


def test_frames_without_a_face(analyser: FaceAnalyser) -> None:
    for shape in ((1, 1), (20, 3000), (480, 640)):
        assert analyser.picture(np.full((*shape, 3), 90, np.uint8)).faces == ()
    one, none = FACE, np.zeros((300, 300, 3), np.uint8)

    def counts(shown: str) -> str:
        frames = [Frame(one if c == "1" else none, i, i / 30, "v") for i, c in enumerate(shown)]
        return "".join(str(len(r.faces)) for r in analyser.stream(frames))

    # an empty frame is searched, then each fifth
    assert counts("0111111") == "0000011"
    assert counts("110111111") == "110000011"


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2), (30, 30), (600, 500)])
def test_a_crop_of_any_size_is_read(analyser: FaceAnalyser, shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 90, np.uint8)
    (result,) = analyser.crop_stream([Frame(image, input="x.png")])
    (face,) = result.faces
    assert face.box == Box(0, 0, shape[1], shape[0])
    assert np.isfinite(face.affect.vector()).all()


def test_a_crop_reads_as_the_face_it_shows(analyser: FaceAnalyser) -> None:
    face = analyser.picture(FACE).faces[0]
    loose = FACE[40:185, 90:235]
    (result,) = analyser.crop_stream([Frame(loose)])
    assert np.linalg.norm(result.faces[0].landmarks + np.array([90, 40]) - face.landmarks, axis=1).max() < 5


def test_crops_come_back_in_order_across_batches(analyser: FaceAnalyser) -> None:
    values = np.random.default_rng(0).integers(0, 256, 70)
    images = [np.full((20, 20, 3), v, np.uint8) for v in values]
    alone = {v: analyser.crops([images[list(values).index(v)]])[0].vector() for v in values[[0, 63, 64, 69]]}
    many = analyser.crops(iter(images))
    assert len(many) == 70
    for place in (0, 63, 64, 69):
        assert many[place].vector() == pytest.approx(alone[values[place]], abs=1e-5)


def test_what_is_read_is_the_network_on_the_aligned_crop(analyser: FaceAnalyser) -> None:
    face = analyser.picture(FACE).faces[0]
    (direct,) = Affect.of(analyser.predict(align(FACE, face.landmarks)[None]))
    assert face.affect.vector() == pytest.approx(direct.vector(), abs=1e-6)


def test_flip_does_not_know_left_from_right(model_folder: Path) -> None:
    analyser = FaceAnalyser(model_folder, detector="cascade", flip=True)
    crops = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)
    one, other = (Affect.of(analyser.predict(c)) for c in (crops, crops[:, :, ::-1]))
    for a, b in zip(one, other, strict=True):
        assert a.vector() == pytest.approx(b.vector(), abs=1e-5)


@pytest.mark.parametrize("smooth", ["median", "one_euro"])
def test_smoothing_never_changes_raw_values(analyser: FaceAnalyser, model_folder: Path, smooth: str) -> None:
    frames = [Frame(image, i, i / 30, "v") for i, image in enumerate(moved())]
    smoothing = FaceAnalyser(model_folder, detector="cascade", smooth=smooth)  # type: ignore[arg-type]
    for raw, both in zip(analyser.stream(frames), smoothing.stream(frames), strict=True):
        assert all(face.smoothed is not None for face in both.faces)
        same(raw, replace(both))


@pytest.mark.parametrize("smooth", ["median", "one_euro"])
def test_crops_of_one_input_are_smoothed_as_one_face(analyser: FaceAnalyser, model_folder: Path, smooth: str) -> None:
    shades = np.random.default_rng(0).integers(0, 256, 70)  # more than a batch
    frames = [Frame(np.full((20, 20, 3), v, np.uint8), i, i / 30, "v") for i, v in enumerate(shades)]
    lone = [Frame(FACE, input=name) for name in "ab"]
    smoothing = FaceAnalyser(model_folder, detector="cascade", smooth=smooth, window=3)  # type: ignore[arg-type]
    results = [r.faces[0] for r in smoothing.crop_stream([*frames, *lone])]
    raw = np.array([face.affect.vector() for face in results])
    assert raw == pytest.approx(np.array([r.faces[0].affect.vector() for r in analyser.crop_stream([*frames, *lone])]))
    smoothed = np.array([face.smoothed.vector() for face in results])
    assert np.array_equal(smoothed[70:], raw[70:])
    if smooth == "median":
        middle = np.median(np.stack([raw[:68], raw[1:69], raw[2:70]]), axis=0)
        assert smoothed[1:69] == pytest.approx(middle, abs=1e-6)
    assert np.abs(np.diff(smoothed[:70], axis=0)).sum() < 0.8 * np.abs(np.diff(raw[:70], axis=0)).sum()


def test_a_centred_median_cannot_be_live(model_folder: Path) -> None:
    analyser = FaceAnalyser(model_folder, detector="cascade", smooth="median")
    with pytest.raises(ValueError, match="one_euro"):
        analyser.step(Frame(FACE))


def test_a_missing_model_is_a_clear_error() -> None:
    with pytest.raises(MissingFileError, match="no-such-model"):
        FaceAnalyser("no-such-model")
