from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fbn.faces.frames import Frame
from fbn.inference import FrameResult
from fbn.inference.uploads import AnalysisJob, Preview
from tests.ui.conftest import FakeAnalyser


@pytest.fixture
def analyser() -> FakeAnalyser:
    return FakeAnalyser()


def png(width: int = 120, height: int = 90) -> bytes:
    return cv2.imencode(".png", np.full((height, width, 3), 99, np.uint8))[1].tobytes()


def video(folder: Path, frames: int) -> bytes:
    path = folder / "made.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), 20 + 4 * number % 200, np.uint8))
    writer.release()
    return path.read_bytes()


def done(job: AnalysisJob) -> AnalysisJob:
    assert job.wait(20)
    return job


def test_pictures_are_read_and_named_apart(analyser: FakeAnalyser):
    job = done(AnalysisJob(analyser, [("a.png", png()), ("a.png", png())]))
    assert list(job.results) == ["a.png", "a (2).png"]
    assert [r[0].input for r in job.results.values()] == ["a.png", "a (2).png"]
    assert (job.frames, job.progress, job.problems) == (2, 1.0, [])


def test_bad_files_are_told_in_words_and_the_good_are_read(analyser: FakeAnalyser):
    uploads = [("text.jpg", b"not a picture"), ("empty.png", b""), ("notes.txt", b"hello"), ("good.png", png())]
    job = done(AnalysisJob(analyser, uploads))
    problems = job.problems
    assert [problem.split(":")[0] for problem in problems] == ["text.jpg", "empty.png", "notes.txt"]
    assert not any("/" in problem or "Traceback" in problem for problem in problems)
    assert list(job.results) == ["good.png"]


def test_uploads_are_read_by_what_they_hold(analyser: FakeAnalyser, tmp_path: Path):
    uploads = [
        ("picture", png()),
        ("clip.dat", video(tmp_path, 5)),
        ("clip.jpg", video(tmp_path, 4)),
        ("x" * 300, png()),
    ]
    job = done(AnalysisJob(analyser, uploads))
    assert job.problems == []
    assert [len(results) for results in job.results.values()] == [1, 5, 4, 1]


def test_what_else_to_know_is_told_by_the_uploads_name(analyser: FakeAnalyser, tmp_path: Path):
    page = Image.new("RGB", (32, 24))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    job = done(AnalysisJob(analyser, [("scan.tif", (tmp_path / "a.tif").read_bytes())]))
    assert (job.problems, job.notes) == ([], ["scan.tif: has 2 pages, the first is read"])


def test_a_name_cannot_lead_out_of_the_temporary_folder(analyser: FakeAnalyser, tmp_path: Path):
    target = tmp_path / "stolen.png"
    job = done(AnalysisJob(analyser, [(str(target), png()), ("../../up.png", png())]))
    assert not target.exists()
    assert len(job.results) == 2


def test_nothing_stays_on_disk(analyser: FakeAnalyser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done(AnalysisJob(analyser, [("a.png", png()), ("bad.jpg", b"x")]))
    assert list(tmp_path.iterdir()) == []


def test_video_keeps_all_results_but_few_previews(
    analyser: FakeAnalyser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("fbn.inference.uploads._MAX_PREVIEWS", 8)
    job = done(AnalysisJob(analyser, [("v.avi", video(tmp_path, 50))]))
    assert [result.index for result in job.results["v.avi"]] == list(range(50))
    kept = [preview.result.index for preview in job.previews["v.avi"]]
    assert kept == list(range(0, 50, 8))


def test_every_nth_frame(analyser: FakeAnalyser, tmp_path: Path):
    job = done(AnalysisJob(analyser, [("v.avi", video(tmp_path, 20))], every=5))
    assert [result.index for result in job.results["v.avi"]] == [0, 5, 10, 15]


def test_cancel_keeps_what_is_done(tmp_path: Path):
    class Impatient(FakeAnalyser):
        job: AnalysisJob

        def step(self, frame: Frame) -> FrameResult:
            if frame.index == 3:
                self.job.cancel()
            return super().step(frame)

    class Later(AnalysisJob):
        def _run(self) -> None:
            reader.job = self
            super()._run()

    reader = Impatient()
    job = done(Later(reader, [("v.avi", video(tmp_path, 30)), ("a.png", png())]))
    assert job.cancelled
    assert {name: len(results) for name, results in job.results.items()} == {"v.avi": 4}


def test_smoothing_that_answers_late_keeps_pictures_and_results_together(tmp_path: Path):
    class Late(FakeAnalyser):
        def stream(self, frames):  # type: ignore[no-untyped-def]
            held = []
            for frame in frames:
                held.append(self.step(frame))
                if len(held) > 2:
                    yield held.pop(0)
            yield from held

    job = done(AnalysisJob(Late(), [("v.avi", video(tmp_path, 12))]))
    for preview in job.previews["v.avi"]:
        assert preview.image()[0, 0, 0] == pytest.approx(20 + 4 * preview.result.index, abs=4)


def test_preview_shrinks_picture_and_coordinates_alike(analyser: FakeAnalyser):
    image = np.full((600, 1600, 3), 99, np.uint8)
    preview = Preview.of(image, analyser.picture(image))
    face, small = analyser.faces[0], preview.result.faces[0]
    assert preview.image().shape == (300, 800, 3)
    assert preview.result.size == (800, 300)
    assert small.box.w == face.box.w / 2
    assert small.landmarks == pytest.approx(face.landmarks / 2)
